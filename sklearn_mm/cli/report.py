"""sklearn-mm report: a page of HTML about a model and rows."""

from sklearn_mm.cli import arguments
from sklearn_mm.cli.saying import say

SUMMARY = "show a model, its scores and its mistakes in one page of HTML"

DESCRIPTION = """\
Write one page of HTML that shows what a model is worth on a table, and why:
cells, scores, plots, where it looked, and its most confident mistakes. The page
holds everything that it shows, and needs no network.

The rows should be others than those it has learned from."""

SECTIONS = (
    *("data", "model", "scores", "training", "reliability", "importance", "subsets"),
    *("attention", "robustness", "mistakes"),
)

# These predict the rows hundreds of times.
SLOW = ("importance", "subsets", "robustness")

EPILOG = """\
examples:
  sklearn-mm report pets.mm more_pets.csv --target species --output report.html
  sklearn-mm report pets.mm more_pets.csv --target species --output report.html \\
      --sections all
      adds what takes minutes: what each modality adds, scores on fewer
      modalities, and on cells that get worse"""


def add_arguments(parser):
    """Add what `report` takes to its parser."""
    arguments.add_model(parser)
    arguments.add_table(parser)
    arguments.add_target(parser)
    arguments.add_output(parser, "the page to write, such as report.html")
    parser.add_argument("--title", help="heading of the page")
    parser.add_argument(
        "--sections",
        nargs="+",
        choices=["all", *SECTIONS],
        metavar="SECTION",
        default=[name for name in SECTIONS if name not in SLOW],
        help=f"what to show, among {', '.join(SECTIONS)}; or all (default: all but "
        f"{', '.join(SLOW)}, which take longest)",
    )
    parser.add_argument(
        "--examples",
        type=arguments.at_least(0),
        default=4,
        metavar="N",
        help="sample rows, and mistakes (default: 4)",
    )
    arguments.add_seed(parser)
    arguments.add_quiet(parser)


def run(options):
    """Load the model and write the page."""
    arguments.check_output(options, (".html", ".htm"))
    from sklearn_mm.cli import models, scores, tables
    from sklearn_mm.cli.evaluate import label_columns
    from sklearn_mm.inspection import report

    model = models.load_model(options)
    table = tables.read_table(options, label_columns(model, options))
    y = tables.take_target(table, options.target)
    scores.check_target(model, y)
    say(f"Writing the report on {len(y)} rows ...", options)
    path = report(
        model,
        table,
        y,
        options.output,
        title=options.title,
        sections=None if "all" in options.sections else options.sections,
        n_examples=options.examples,
        random_state=options.seed,
    )
    print(f"report: {path}")
