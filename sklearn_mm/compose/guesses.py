"""Columns that look like one thing and are another: ids, and dates of other forms."""

import re
from numbers import Number

import numpy as np

from sklearn_mm.readers.column import is_missing, is_numeric, to_float

# Fewer different values than this are not called ids, unless the column's name does.
MIN_IDS, MIN_NAMED_IDS = 20, 5

# "id", "user_id", "userId", "uuid", and what pandas calls the index of a CSV file.
_ID_NAME = re.compile(
    r"(^|[\W_])(id|ids|uid|uuid|guid|idx|index|pk|rowid|key)$|[a-z]I[dD]$|^Unnamed: 0$",
)
_TIME_NAME = re.compile(r"year|month|week|day|date|time|hour|minute|second|step", re.I)

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAYS = "(mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_TIME = (
    r"([T ,]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_OTHER_DATE = re.compile(
    rf"\s*({_DAYS},?\s+)?("
    rf"\d{{1,2}}[/.\-]\d{{1,2}}[/.\-](\d{{2}}|\d{{4}})"
    rf"|\d{{4}}[/.]\d{{1,2}}[/.]\d{{1,2}}"
    rf"|\d{{4}}-\d{{1,2}}-\d{{1,2}}"
    rf"|\d{{1,2}}(st|nd|rd|th)?[\s\-.]+({_MONTHS})[a-z]*[\s\-.,]+(\d{{2}}|\d{{4}})"
    rf"|({_MONTHS})[a-z]*\.?\s+\d{{1,2}}(st|nd|rd|th)?,?\s+\d{{4}}"
    rf"){_TIME}\s*",
    re.I,
)


def are_written_dates(strings):
    """Tell whether all strings are dates in a form that DateTransformer does not read.

    Examples
    --------
    >>> are_written_dates(["05/01/2020", "17/02/2021 10:30"])
    True
    >>> are_written_dates(["Jan 5, 2020", "a film of 1920"])
    False
    """
    return all(map(_OTHER_DATE.fullmatch, strings))


def are_string_ids(strings, key):
    """Tell whether strings are ids: one word each, most with a digit, no two alike.

    Parameters
    ----------
    strings : list of str
        All of a column that are not missing.
    key : str or int
        Name of the column, which may say so.

    Returns
    -------
    bool
    """
    if not _are_enough(len(strings), key) or len(set(strings)) < len(strings):
        return False
    if not all(re.fullmatch(r"\s*\S+\s*", string) for string in strings):
        return False
    n_digits = sum(re.search(r"\d", string) is not None for string in strings)
    return n_digits >= 0.9 * len(strings) and not _are_plain_numbers(strings)


def _are_plain_numbers(strings):
    """Tell whether strings write numbers, none of them with zeros before it."""
    number = re.compile(r"\s*[+-]?(0|[1-9]\d*)?([.,]\d*)?([eE][+-]?\d+)?\s*")
    return all(map(number.fullmatch, strings))


def look_at_integers(cells, key):
    """Tell ids from numbers among the cells of a column.

    Parameters
    ----------
    cells : column of pandas or polars, array, or list
        Numbers, or strings that write them; some may be missing.
    key : str or int
        Name of the column.

    Returns
    -------
    {"id", "doubt", "number"}
        Ids are whole, no two alike, and either the column is called so, or they count
        the rows from 0 or 1. In doubt are others of five digits or more, all of one
        length.
    """
    values = _to_float(cells)
    if not _are_enough(len(values), key) or not np.all(values == np.floor(values)):
        return "number"
    if len(np.unique(values)) < len(values):
        return "number"
    if _is_named_id(key):
        return "id"
    is_time = isinstance(key, str) and _TIME_NAME.search(key)
    low, high = values.min(), values.max()
    if len(values) < MIN_IDS or is_time:
        return "number"
    if low in (0, 1) and high - low == len(values) - 1:
        return "id"
    same_length = low >= 10_000 and len(f"{low:.0f}") == len(f"{high:.0f}")
    return "doubt" if same_length else "number"


def _is_named_id(key):
    return isinstance(key, str) and _ID_NAME.search(key) is not None


def _are_enough(n_values, key):
    return n_values >= (MIN_NAMED_IDS if _is_named_id(key) else MIN_IDS)


def _to_float(cells):
    """Take cells as float64 without those that are missing; empty if some are none."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "fiub":
        values = cells.astype(np.float64)
    elif hasattr(cells, "dtype") and hasattr(cells, "name") and is_numeric(cells):
        values = to_float(cells)
    else:
        present = [cell for cell in cells if not is_missing(cell)]
        if not all(isinstance(cell, Number | str) for cell in present):
            return np.empty(0)
        try:
            values = np.array([float(cell) for cell in present])
        except (TypeError, ValueError):
            return np.empty(0)
    return values[np.isfinite(values)]
