"""sklearn-mm predict: predictions of the rows of a table."""

from sklearn_mm.cli import arguments
from sklearn_mm.cli.saying import CallError, say

SUMMARY = "predict the rows of a table by a model"

DESCRIPTION = """\
Predict each row of a table by a model that `fit` has written.

The table needs the columns that the model has learned from, in any order; others
are not looked at. Any cell may be missing. The output has a row for each row of
the table, in its order: the prediction, and of classes their probabilities."""

EPILOG = """\
examples:
  sklearn-mm predict pets.mm new_pets.csv --output predictions.csv
  sklearn-mm predict pets.mm new_pets.csv --output named.parquet --keep name
      takes the column "name" of the table along
  sklearn-mm predict pets.mm new_pets.csv | head
      without --output the predictions go to stdout, as CSV
  sklearn-mm predict pets.mm new_pets.csv --on-error missing --output all.csv
      predicts rows with a broken image, too, as if they had none"""


def add_arguments(parser):
    """Add what `predict` takes to its parser."""
    arguments.add_model(parser)
    arguments.add_table(parser)
    arguments.add_output(
        parser, "a .csv, .tsv or .parquet file (default: stdout)", required=False
    )
    parser.add_argument(
        "--keep",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="columns of the table to take along, such as an id",
    )
    arguments.add_quiet(parser)


def run(options):
    """Load, predict and write."""
    from sklearn_mm.cli import models, tables

    arguments.check_output(options, tables.OUTPUTS)
    model = models.load_model(options)
    table = tables.read_table(options, models.text_columns(model))
    tables.check_columns(table, options.keep, "--keep")
    say(f"Predicting {len(table)} rows ...", options)
    found = _predict(model, table)
    kept = table[list(dict.fromkeys(options.keep))]
    twice = sorted(set(kept.columns) & set(found.columns))
    if twice:
        raise CallError(f"--keep {twice}: predictions have columns of this name")
    kept = kept.reset_index(drop=True)
    tables.write_table(kept.join(found), options.output, options.force)
    if options.output is not None:
        print(f"predictions: {options.output} ({len(found)} rows)")


def _predict(model, table):
    """Predict: a DataFrame with a column for the prediction and each probability."""
    import pandas as pd
    from sklearn.base import is_classifier

    from sklearn_mm.inspection.scoring import split_features

    model, features = split_features(model, table)
    found = pd.DataFrame({"prediction": model.predict(features)})
    if is_classifier(model) and hasattr(model, "predict_proba"):
        names = [f"probability_{label}" for label in model.classes_]
        shares = pd.DataFrame(model.predict_proba(features), columns=names)
        found = found.join(shares)
    return found
