"""A text in any form a cell may hold, as a string."""

from dataclasses import replace
from numbers import Number

import numpy as np

from sklearn_mm.readers.column import is_missing


class Row(tuple):
    """The cells of one row of several columns: together they are one text."""


def join_columns(column):
    """Take the cells of each row of several columns as one cell.

    Parameters
    ----------
    column : Column
        Of any layout.

    Returns
    -------
    Column
        Of the layout "cells".
    """
    if column.layout == "cells":
        return column
    return replace(column, cells=list(map(Row, column.cells)), layout="cells")


def read_text(cell):
    """Read one cell as text.

    Parameters
    ----------
    cell : str, number or Row
        A whole number is read without its decimals; of a row the texts are joined by
        a space and the missing ones left out.

    Returns
    -------
    str, or None
        None where it holds nothing but spaces: missing.

    Raises
    ------
    TypeError
        If the cell is none of these things.
    UnicodeEncodeError
        If it holds half a surrogate pair, which is no character. It is a ValueError.

    Examples
    --------
    >>> from sklearn_mm.readers.text import Row, read_text
    >>> read_text(1917.0), read_text(Row(["a red", None, "fox"])), read_text("  ")
    ('1917', 'a red fox', None)
    """
    text = _to_text(cell)
    text.encode()  # raises for half a surrogate pair
    return text if text.strip() else None


def _to_text(cell):
    if isinstance(cell, str):
        return str(cell)
    if isinstance(cell, np.ndarray) and not cell.ndim:
        return _to_text(cell.item())
    if isinstance(cell, Row):
        return " ".join(_to_text(value) for value in cell if not is_missing(value))
    # A whole number of a column that holds NaN is a float: 1917.0 was 1917.
    if isinstance(cell, float | np.floating) and abs(cell) < 1e15 and cell == int(cell):
        return str(int(cell))
    if isinstance(cell, Number | np.bool_):
        return str(cell)
    advice = {
        "bytes": ". Decode it first, as in cell.decode('utf-8')",
        "bytes_": ". Decode it first, as in cell.decode('utf-8')",
        "list": ". Join its words first, as in ' '.join(cell)",
    }
    found = type(cell).__name__
    raise TypeError(f"expected text, found {found}{advice.get(found, '')}")
