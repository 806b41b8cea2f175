"""sklearn-mm evaluate: scores on a labelled table."""

from sklearn_mm.cli import arguments
from sklearn_mm.cli.saying import CallError, say

SUMMARY = "score a model on a table whose target is known"

DESCRIPTION = """\
Score a model on a table whose target is known.

The rows should be others than those it has learned from: it knows these, and its
scores on them promise too much. Beside the scores stand those of a guess that
sees nothing, such as the most frequent class.

With --folds the pipeline is learned anew on parts of this table and scored on the
others: what it would be worth, learned from this table. The file stays as it is."""

EPILOG = """\
examples:
  sklearn-mm evaluate pets.mm more_pets.csv --target species
  sklearn-mm evaluate pets.mm pets.csv --target species --folds 5
  sklearn-mm evaluate cost.mm visits.parquet --target cost --folds 5 --groups patient
      no patient is in two folds"""


def add_arguments(parser):
    """Add what `evaluate` takes to its parser."""
    arguments.add_model(parser)
    arguments.add_table(parser)
    arguments.add_target(parser)
    arguments.add_folds(parser, "cross-validate: learn anew, K times, from this table")
    arguments.add_seed(parser)
    arguments.add_quiet(parser)


def run(options):
    """Load, score and print."""
    if options.groups is not None and options.folds is None:
        raise CallError("--groups says how rows are split: give --folds, too")
    from sklearn_mm.cli import models, scores, tables

    model = models.load_model(options)
    table = tables.read_table(options, label_columns(model, options))
    y = tables.take_target(table, options.target)
    groups = scores.take_groups(table, options.groups)
    if options.folds is None:
        say(f"Scoring {len(y)} rows ...", options)
        each, where = [scores.score(model, table, y)], f"{len(y)} rows"
    else:
        each = scores.cross_validate(model, table, y, groups, options)
        where = f"{options.folds} folds"
    print(scores.lay_out(each, where)[0])


def label_columns(model, options):
    """List the columns that are read as strings: texts, and labels if they are some."""
    from sklearn_mm.cli import models

    classes = getattr(model, "classes_", [])
    are_strings = len(classes) and all(isinstance(label, str) for label in classes)
    return [*models.text_columns(model), *([options.target] if are_strings else [])]
