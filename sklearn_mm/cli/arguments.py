"""Arguments that several verbs share."""

import argparse
import ast
from pathlib import Path

from sklearn_mm.cli.saying import CallError

WORDS = {"true": True, "false": False, "none": None, "null": None}


def add_model(parser):
    """Add the model's file."""
    parser.add_argument("model", type=Path, help="a model that `fit` has written")


def add_table(parser):
    """Add the table and how it is read."""
    parser.add_argument(
        "table",
        type=Path,
        help="a .csv, .tsv or .parquet file (.csv.gz and .tsv.gz, too)",
    )
    group = parser.add_argument_group("how the table is read")
    group.add_argument(
        "--separator",
        metavar="CHARACTER",
        help="between the cells of a row (default: a comma; of .tsv a tab)",
    )
    group.add_argument(
        "--encoding", default="utf-8-sig", help="of the text (default: UTF-8)"
    )
    group.add_argument(
        "--on-error",
        choices=["raise", "missing"],
        default="raise",
        help="what becomes of cells that cannot be read: an error that names column "
        "and row (the default), or missing cells and a note with their number",
    )


def add_target(parser):
    """Add the column that holds the truth."""
    parser.add_argument(
        "--target", required=True, metavar="COLUMN", help="the column to predict"
    )


def add_output(parser, what, required=True):
    """Add the file that is written."""
    parser.add_argument(
        "--output", "-o", type=Path, required=required, metavar="FILE", help=what
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the output if it is there"
    )


def add_seed(parser):
    """Add the seed."""
    parser.add_argument(
        "--seed",
        type=at_least(0),
        default=0,
        metavar="N",
        help="of all that is random (default: 0); the same seed gives the same result",
    )


def add_folds(parser, meaning):
    """Add cross-validation."""
    parser.add_argument("--folds", type=at_least(2), metavar="K", help=meaning)
    parser.add_argument(
        "--groups",
        metavar="COLUMN",
        help="rows that are alike in this column, such as those of one patient, stay "
        "together wherever rows are split; it is no feature",
    )


def add_quiet(parser):
    """Add silence."""
    parser.add_argument(
        "--quiet", "-q", action="store_true", help="show no progress, only warnings"
    )


def at_least(least):
    """Make a type of argparse: an integer of at least so much."""

    def whole_number(text):
        number = int(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"{number} is less than {least}")
        return number

    return whole_number


def share(text):
    """Read a share between 0 and 1, a type of argparse."""
    number = float(text)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


def parameter(text):
    """Read ``name=value``, a type of argparse: the value is of Python, else a string.

    Examples
    --------
    >>> parameter("classifier__max_epochs=5"), parameter("union__image__size=(8, 8)")
    (('classifier__max_epochs', 5), ('union__image__size', (8, 8)))
    >>> parameter("classifier__fusion=concat"), parameter("classifier__averaging=none")
    (('classifier__fusion', 'concat'), ('classifier__averaging', None))
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    if value.lower() in WORDS:
        return name, WORDS[value.lower()]
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


def check_output(options, suffixes=None):
    """Refuse an output that cannot be written or would replace something.

    Parameters
    ----------
    options : argparse.Namespace
        With ``output`` and ``force``.
    suffixes : tuple of str, default=None
        That the file may have; None: any.

    Raises
    ------
    CallError
    """
    path = options.output
    if path is None:
        return
    path = options.output = path.expanduser()
    if path.is_dir():
        raise CallError(f"--output must be a file, {str(path)!r} is a folder")
    if not path.parent.is_dir():
        raise CallError(f"there is no folder {str(path.parent)!r} for --output")
    if suffixes and not path.name.lower().endswith(suffixes):
        raise CallError(f"--output must end in {', '.join(suffixes)}, found {path}")
    if path.exists() and not options.force:
        raise CallError(f"{str(path)!r} is there already; --force replaces it")
    inputs = [getattr(options, name, None) for name in ("table", "model")]
    if any(given is not None and _is_same(given, path) for given in inputs):
        raise CallError(f"--output {str(path)!r} is what is to be read")


def _is_same(one, other):
    return one.exists() and other.exists() and one.samefile(other)
