"""Cells as what scikit-learn learns from: strings, numbers, flat rows."""

import numpy as np

from sklearn_mm.readers.column import is_missing

# Stands for a text without words, so that each text has one.
EMPTY = "∅"

# What a string says of a number that is not there, in lower case.
NO_NUMBERS = ("", "na", "n/a", "nan", "null", "none", "?", "-")


def columns_of(X):
    """List the columns of a column or table: (name, cells)."""
    if hasattr(X, "columns"):
        return [(str(name), X[name]) for name in X.columns]
    if getattr(X, "ndim", 1) == 2:
        return [(str(place), X[:, place]) for place in range(X.shape[1])]
    return [(str(getattr(X, "name", None) or "x"), X)]


def as_texts(X):
    """Take one column as strings; what is missing or has no letter is ``EMPTY``.

    Parameters
    ----------
    X : list, Series, or array of n_samples cells
        Strings; what is none is written as one.

    Returns
    -------
    ndarray of object, shape (n_samples,)
    """
    ((_, cells),) = columns_of(X)
    texts = ["" if is_missing(cell) else str(cell) for cell in cells]
    found = np.empty(len(texts), dtype=object)
    found[:] = [text if text.strip() else EMPTY for text in texts]
    return found


def as_categories(X):
    """Take columns as strings, NaN where missing.

    Parameters
    ----------
    X : column or table of n_samples rows
        Strings, booleans, or other values that repeat.

    Returns
    -------
    ndarray of object, shape (n_samples, n_columns)
    """
    columns = [
        [np.nan if is_missing(cell) else str(cell) for cell in cells]
        for _, cells in columns_of(X)
    ]
    return np.array(columns, dtype=object).T


def as_numbers(X):
    """Take columns as numbers; strings may write them.

    Parameters
    ----------
    X : column or table of n_samples rows
        Numbers, or strings such as ``"1.5"``. Missing are also ``""``, ``"NA"`` and
        what else ``NO_NUMBERS`` lists.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_columns)

    Raises
    ------
    ValueError
        If a string is no number.
    """
    return np.column_stack([_numbers(name, cells) for name, cells in columns_of(X)])


def _numbers(name, cells):
    numbers = np.empty(len(cells))
    for row, cell in enumerate(cells):
        if is_missing(cell) or says_no_number(cell):
            numbers[row] = np.nan
            continue
        try:
            numbers[row] = float(cell)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"column {name!r}, row {row}: expected a number, found {cell!r:.80}. "
                "Make it missing (None), or the column a text."
            ) from error
    return numbers


def says_no_number(cell):
    """Tell whether a string says that a number is missing."""
    return isinstance(cell, str) and cell.strip().lower() in NO_NUMBERS


def as_vectors(X):
    """Stack a column of vectors of one length; rows that are missing are NaN.

    Parameters
    ----------
    X : list, Series, or array of n_samples cells
        1-D arrays or lists of numbers.

    Returns
    -------
    ndarray of float64, shape (n_samples, length)

    Raises
    ------
    ValueError
        If they differ in length.
    """
    ((name, cells),) = columns_of(X)
    vectors = [
        None if is_missing(cell) else np.asarray(cell, dtype=np.float64)
        for cell in cells
    ]
    shapes = {vector.shape for vector in vectors if vector is not None}
    if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
        raise ValueError(
            f"column {name!r}: expected vectors of one length, found the shapes "
            f"{sorted(shapes)}. If they are series, use TimeSeriesTransformer()."
        )
    ((length,),) = shapes or {(1,)}
    rows = [np.full(length, np.nan) if v is None else v for v in vectors]
    return np.stack(rows)


def flat_view(block):
    """Give the flat view of a FeatureBlock, NaN where missing."""
    return np.asarray(block)
