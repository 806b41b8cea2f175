"""Tables on disk: CSV, TSV and Parquet."""

import csv
import difflib
import gzip
import os
import sys
import warnings
from contextlib import suppress

import numpy as np
import pandas as pd

from sklearn_mm.cli.saying import CallError

DELIMITED = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")
OUTPUTS = (*DELIMITED, *PARQUET)


def read_table(options, texts=()):
    """Read the table of a call.

    Parameters
    ----------
    options : argparse.Namespace
        With ``table``, ``separator`` and ``encoding``.
    texts : collection of str, default=()
        Columns of a delimited file whose cells are strings, even where they look like
        numbers.

    Returns
    -------
    DataFrame
        Of at least one row.

    Raises
    ------
    CallError
        If the file is of no known kind.
    FileNotFoundError, ValueError
        If it cannot be read.
    """
    path = options.table.expanduser()
    kind = path.name.lower().removesuffix(".gz")
    separator = next((s for end, s in DELIMITED.items() if kind.endswith(end)), None)
    if not path.exists():
        raise FileNotFoundError(f"there is no table {str(path)!r}")
    if path.is_dir():
        raise CallError(f"the table must be a file, {str(path)!r} is a folder")
    if kind.endswith(PARQUET):
        table = _read_parquet(path)
    elif separator is not None or options.separator is not None:
        separator = options.separator or separator
        table = _read_delimited(path, separator, options.encoding, texts)
    else:
        raise CallError(
            f"the table must be a file in {', '.join(OUTPUTS)}, found {path.name!r}; "
            "with --separator its name may end otherwise"
        )
    if not len(table):
        raise ValueError(f"the table {str(path)!r} has no rows")
    return table


def _read_parquet(path):
    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise ImportError(
            "Parquet files are read by pyarrow: pip install 'sklearn-mm[frames]'"
        ) from error
    except Exception as error:  # pyarrow has its own
        raise ValueError(f"{str(path)!r} is no Parquet file: {error}") from error


def _read_delimited(path, separator, encoding, texts):
    try:
        _check_header(path, separator, encoding)
        with warnings.catch_warnings():
            # Rows of more cells than the header, which pandas would cut.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                sep=separator,
                encoding=encoding,
                dtype=dict.fromkeys(texts, str),
                index_col=False,
                low_memory=False,
            )
    except pd.errors.ParserWarning as error:
        raise ValueError(
            f"{str(path)!r} has rows of more cells than its header names columns"
        ) from error
    except UnicodeError as error:
        raise ValueError(
            f"{str(path)!r} is not in {encoding}: {error}. Name another --encoding, "
            "such as latin-1, or save it as UTF-8"
        ) from error
    except LookupError as error:
        raise CallError(f"--encoding {encoding!r} is not known") from error
    except (pd.errors.ParserError, csv.Error, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from error


def _check_header(path, separator, encoding):
    """Refuse what pandas would mend silently: columns of one name, or of none."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding=encoding, newline="") as file:
        if len(separator) != 1:
            raise CallError(f"--separator must be one character, found {separator!r}")
        names = next(csv.reader(file, delimiter=separator), [])
    if not names:
        raise ValueError(f"the table {str(path)!r} is empty")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{str(path)!r} has several columns called {twice}. Rename them."
        )
    other = next((mark for mark in "\t;|," if mark in names[0]), None)
    if len(names) == 1 and other is not None:
        raise ValueError(
            f"{str(path)!r} has one column, {names[0]!r:.80}. If {other!r} stands "
            f"between the cells, pass --separator {other!r}"
        )


def write_table(table, path, force=False):
    """Write a table, whole or not at all; None writes CSV to stdout.

    Parameters
    ----------
    table : DataFrame
        Its index is not written.
    path : Path or None
        Whose suffix says the kind.
    force : bool, default=False
        Whether to replace what is there.
    """
    if path is None:
        table.to_csv(sys.stdout, index=False)
        return
    unseen = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    kind = path.suffix.lower()
    try:
        if kind in PARQUET:
            table.to_parquet(unseen, index=False)
        else:
            table.to_csv(unseen, sep=DELIMITED[kind], index=False)
        if not force and path.exists():  # since the call began
            raise CallError(f"{str(path)!r} is there already; --force replaces it")
        os.replace(unseen, path)
    finally:
        with suppress(FileNotFoundError):
            unseen.unlink()


def check_columns(table, names, option):
    """Refuse names that are not among the columns of a table.

    Parameters
    ----------
    table : DataFrame
        The table.
    names : list of str
        Columns that the call names.
    option : str
        The option that names them.

    Raises
    ------
    CallError
    """
    columns = [str(column) for column in table.columns]
    for name in names:
        if name not in columns:
            close = difflib.get_close_matches(name, columns, n=1)
            guess = f" Did you mean {close[0]!r}?" if close else ""
            raise CallError(
                f"{option} {name!r} is no column of the table.{guess} It has "
                f"{', '.join(columns):.500}"
            )


def take_target(table, name):
    """Take the target out of a table.

    Parameters
    ----------
    table : DataFrame
        The table.
    name : str
        Of the target's column.

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    CallError
        If there is no such column.
    ValueError
        If it is missing in some row.
    """
    check_columns(table, [name], "--target")
    gone = np.flatnonzero(table[name].isna())
    if len(gone):
        raise ValueError(
            f"the target {name!r} is missing in {len(gone)} of {len(table)} rows, the "
            f"first: row {gone[0]}. Leave these rows out; empty cells, NA, NaN, null "
            "and None count as missing"
        )
    return np.asarray(table[name])


def describe_missing(table):
    """Say how many cells of each column are missing, in a line; "" if none is."""
    counts = table.isna().sum()
    found = [f"{name} {n}" for name, n in counts.items() if n]
    return f"missing cells: {', '.join(found)} of {len(table)}" if found else ""
