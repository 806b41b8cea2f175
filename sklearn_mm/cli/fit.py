"""sklearn-mm fit: learn from a table and write a model."""

import numpy as np

import sklearn_mm
from sklearn_mm.cli import arguments
from sklearn_mm.cli.saying import CallError, say

SUMMARY = "learn to predict a column of a table, and write a model"

DESCRIPTION = """\
Learn to predict a column of a table from the others, and write a model.

Each column is looked at: images and sounds (paths, from the table's folder on),
texts, categories, numbers, dates. What was found and chosen is shown. The target
is classes where its values are words, or few different whole numbers; else it is
numbers."""

EPILOG = """\
examples:
  sklearn-mm fit pets.csv --target species --output pets.mm
  sklearn-mm fit pets.csv --target species --output pets.mm --test-size 0.2
      keeps a fifth of the rows apart, and scores the model on them
  sklearn-mm fit visits.parquet --target cost --output cost.mm --folds 5 \\
      --groups patient --exclude visit_id
      cross-validates, no patient in two folds, then learns from all rows
  sklearn-mm fit pets.csv --target species --output quick.mm --no-classical \\
      --param classifier__max_epochs=5 --param "features__photo__size=(32, 32)"
      sets parameters of the pipeline by scikit-learn's nested names: its steps
      are "features" and "classifier" or "regressor"; a wrong name lists others

The model is one file without code. `sklearn-mm inspect` shows what is in it, the
scores included; sklearn_mm.load opens it in Python."""


def add_arguments(parser):
    """Add what `fit` takes to its parser."""
    arguments.add_table(parser)
    arguments.add_target(parser)
    arguments.add_output(parser, "the model to write, such as pets.mm")
    parser.add_argument(
        "--task",
        choices=["auto", "classification", "regression"],
        default="auto",
        help="what the target is (default: auto)",
    )
    columns = parser.add_mutually_exclusive_group()
    columns.add_argument(
        "--columns", nargs="+", metavar="COLUMN", help="learn from these columns only"
    )
    columns.add_argument(
        "--exclude", nargs="+", metavar="COLUMN", help="do not learn from these columns"
    )
    parser.add_argument(
        "--test-size",
        type=arguments.share,
        metavar="SHARE",
        help="keep this share of the rows apart, and score the model on them",
    )
    arguments.add_folds(
        parser, "score by cross-validation of K fits, then learn from all rows"
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        type=arguments.parameter,
        metavar="NAME=VALUE",
        help="set a parameter of the pipeline, such as classifier__max_epochs=5; may "
        "be given several times",
    )
    parser.add_argument(
        "--no-classical",
        action="store_true",
        help="add no predictions of classical models: faster, and less exact",
    )
    arguments.add_seed(parser)
    arguments.add_quiet(parser)


def run(options):
    """Fit, score and save."""
    if options.test_size is not None and options.folds is not None:
        raise CallError("--test-size and --folds both give scores: take one of them")
    arguments.check_output(options)
    from sklearn_mm.cli import models, scores, tables

    table = tables.read_table(options)
    y = tables.take_target(table, options.target)
    groups = scores.take_groups(table, options.groups)
    X = _choose_columns(table, options)
    task, found = models.choose_task(y, options.task, options.target)
    model, chosen = models.make_pipeline(X, task, options)
    missing = tables.describe_missing(X)
    print("\n".join(line for line in (chosen, found, missing) if line), flush=True)

    rows, test = np.arange(len(y)), None
    if options.test_size is not None:
        rows, test = scores.hold_out(X, y, groups, task, options)
    if options.folds is not None:
        scored = scores.cross_validate(model, X, y, groups, options)
        where = f"{options.folds} folds"
    _fit(
        model, X.iloc[rows], y[rows], None if groups is None else groups[rows], options
    )
    if test is not None:
        scored = [scores.score(model, X.iloc[test], y[test])]
        where = f"{len(test)} rows held out"
    card = None
    if test is not None or options.folds is not None:
        lines, card = scores.lay_out(scored, where)
        print(f"\n{lines}")
    _save(model, card, len(rows), options)


def _save(model, card, n_rows, options):
    """Write the model with its scores; its path is not that of this machine."""
    from sklearn_mm.cli import models

    models.tell_transformers(model, root=None, on_error="raise")
    notes = (
        f"Predicts {options.target!r}, of {options.table.name!r}; learned from "
        f"{n_rows} rows, with the seed {options.seed}."
    )
    path = sklearn_mm.save(model, options.output, scores=card, notes=notes)
    size = path.stat().st_size / 1e6
    print(f"\nmodel: {path} ({size:.1f} MB)")
    if card is None:
        print("It has no scores: --test-size or --folds would give it some.")


def _choose_columns(table, options):
    """Take the columns to learn from."""
    from sklearn_mm.cli import tables

    asked, excluded = options.columns or [], options.exclude or []
    tables.check_columns(table, asked, "--columns")
    tables.check_columns(table, excluded, "--exclude")
    apart = [options.target, options.groups]
    both = [name for name in asked if name in apart]
    if both:
        raise CallError(f"--columns names {both}, the target or the groups")
    names = asked or [name for name in table.columns if name not in [*apart, *excluded]]
    if not names:
        raise CallError("no column is left to learn from")
    return table[list(dict.fromkeys(names))]


def _fit(model, X, y, groups, options):
    """Fit with a bar of the epochs on stderr."""
    from sklearn_mm.cli import models

    say(f"Learning from {len(y)} rows ...", options)
    asked = model[-1].verbose
    if not options.quiet and not asked:
        model[-1].set_params(verbose=1)
    models.fit(model, X, y, groups)
    model[-1].set_params(verbose=asked)
