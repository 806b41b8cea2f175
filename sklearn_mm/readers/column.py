"""One column of a table, in any container, as a list of cells."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Number

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from sklearn_mm.readers.arrow import is_arrow, to_pandas
from sklearn_mm.readers.limits import find_problem
from sklearn_mm.readers.masks import fill_masked


@dataclass
class Column:
    """The cells of one column.

    Attributes
    ----------
    cells : list of length n_samples
        For the layout ``"cells"`` whatever the column holds; for ``"numbers"`` a 1-D
        float64 array per row of a numeric table; for ``"columns"`` a tuple per row of a
        table of several columns.
    layout : {"cells", "numbers", "columns"}
        Which of the three.
    name : str or None
        Of the column, for messages.
    index : pandas.Index or None
        Of the rows, for messages; None where it only counts them.
    """

    cells: list
    layout: str
    name: str | None = None
    index: object = None

    def where(self, row):
        """Say where a cell stands, for messages."""
        column = "" if self.name is None else f"column {self.name!r}, "
        label = "" if self.index is None else f" (index {self.index[row]})"
        return f"{column}row {row}{label}"


def is_missing(cell):
    """Tell whether a cell is ``None``, NaN, ``pd.NA``, NaT or ``np.ma.masked``.

    NaN may be a ``Decimal``; an array of objects without axes is what it holds.

    Examples
    --------
    >>> is_missing(None), is_missing(float("nan")), is_missing("")
    (True, True, False)
    """
    if cell is None or cell is np.ma.masked:
        return True
    if isinstance(cell, float | np.floating):
        return bool(np.isnan(cell))
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    if isinstance(cell, Decimal):
        return cell.is_nan()
    if isinstance(cell, np.ndarray) and not cell.ndim and cell.dtype.kind == "O":
        return is_missing(cell[()])
    # By name, so that a table of polars or numpy does not import pandas.
    return type(cell).__name__ in ("NAType", "NaTType", "MaskedConstant")


def describe_path(cell, path=None, problem=None):
    """Say what stands where a file was expected, for messages.

    Parameters
    ----------
    cell : str or Path
        That names no file.
    path : str, default=None
        Where it was looked for, if elsewhere.
    problem : str, default=None
        As :func:`find_problem` says it.

    Returns
    -------
    str
    """
    what = "string" if isinstance(cell, str) else "path"
    path = cell if path is None else path
    problem = problem or find_problem(path) or "and no such file exists"
    shown = f"the {what} {str(cell)!r:.200} {problem}"
    if problem != "and no such file exists" or _is_prose(cell):
        return shown
    begin = os.getcwd()
    if str(path) != str(cell):
        begin = str(path).removesuffix(str(cell))
    if not os.path.isabs(cell):
        shown += f" (relative paths begin at {begin!r:.200}; root= says another)"
    return f"{shown}. on_error='missing' counts lost files as missing"


def _is_prose(cell):
    """Tell whether a string has nothing of a path in it."""
    return isinstance(cell, str) and (
        not os.path.splitext(cell)[1] or len(cell) > 200 or "\0" in cell
    )


def describe_error(error):
    """Say why a cell cannot be read, also where an error has no words or no kind.

    Examples
    --------
    >>> describe_error(ValueError("too long")), describe_error(KeyError("a"))
    ('too long', "KeyError: 'a'")
    >>> describe_error(MemoryError())
    'MemoryError'
    """
    said = f"{error!s:.1000}"
    if isinstance(error, ValueError | TypeError | OSError) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def check_column(estimator, X, *, reset):
    """Read X as one column of cells and check it against the fitted columns.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or checked.
    X : list, Series, 1-D or n-D array, or table of pandas, polars or pyarrow
        One cell a row. A numeric 2-D array or table is a row of numbers a cell.
    reset : bool
        True in ``fit``.

    Returns
    -------
    Column
    """
    owner = type(estimator).__name__
    if sparse.issparse(X):
        raise TypeError(
            f"{owner} takes cells, but sparse data was passed. Use X.toarray()."
        )
    if isinstance(X, str | bytes | Mapping) or not hasattr(X, "__len__"):
        if not hasattr(X, "__array__"):
            raise ValueError(
                f"{owner} expects a column: a list, Series or array with one cell a "
                f"row. Found one {type(X).__name__}. Put a single cell in a list."
            )
        X = np.asarray(X)
    if is_arrow(X):
        X = to_pandas(X)
    if hasattr(X, "columns"):
        return _table_column(estimator, X, reset)
    name, index = getattr(X, "name", None), _labels(X)
    X = _as_cells_or_rows(X, owner, reset or estimator.n_features_in_ > 1)
    if X.ndim == 2:
        _check_not_empty(X.shape, owner)
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return _array_column(X)
    _check_not_empty((len(X), 1), owner)
    _check_single(estimator, reset)
    return Column(list(X), "cells", None if name is None else str(name), index)


def _table_column(estimator, X, reset):
    """Read a table of pandas or polars: its only column, or its rows."""
    owner = type(estimator).__name__
    _check_not_empty(X.shape, owner)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    names, index = [str(name) for name in X.columns], _labels(X)
    columns = [X[column] for column in X.columns]
    if len(columns) == 1 and not is_numeric(columns[0]):
        return Column(list(columns[0]), "cells", names[0], index)
    name = ", ".join(names) if len(names) <= 3 else f"{names[0]}, ..., {names[-1]}"
    if all(is_numeric(column) for column in columns):
        rows = np.column_stack([to_float(column) for column in columns])
        return Column(list(rows), "numbers", name, index)
    rows = list(zip(*[list(column) for column in columns], strict=True))
    return Column(rows, "columns", name, index)


def _labels(X):
    """Give the index of a pandas object, unless it only counts the rows."""
    index = X.index if hasattr(X, "iloc") else None
    counts = index is None or (
        index.dtype.kind in "iu" and np.array_equal(index, np.arange(len(index)))
    )
    return None if counts else index


def _array_column(X):
    """Read a 2-D array: its only column of objects, or its rows."""
    if X.dtype.kind in "fiub":
        return Column(list(X.astype(np.float64)), "numbers")
    if X.shape[1] == 1:
        return Column(list(X[:, 0]), "cells")
    if X.dtype.kind == "O" and _are_numbers(X.ravel()):
        return Column(list(X.astype(np.float64)), "numbers")
    return Column([tuple(row) for row in X], "columns")


def _are_numbers(cells):
    """Tell whether there are numbers and no strings among the cells."""
    if any(isinstance(cell, str) for cell in cells):
        return False
    return any(isinstance(cell, Number) and not is_missing(cell) for cell in cells)


def _as_cells_or_rows(X, owner, rows_possible):
    """Turn any other container into a 1-D array of objects or a 2-D array.

    ``rows_possible`` is False where one column was fitted: then lists that happen to be
    of equal length are cells, such as series in a batch of one.
    """
    if isinstance(X, np.ndarray) or (
        hasattr(X, "__array__") and not hasattr(X, "name")
    ):
        X = fill_masked(X)
        if not isinstance(X, np.ma.MaskedArray):
            X = np.asarray(X)
        _refuse_complex(X)
        if X.ndim == 1 and X.dtype.kind in "fiub":
            raise ValueError(
                f"{owner} expects cells or a 2-D array of numbers, found a 1-D array "
                "of numbers. Reshape your data with X.reshape(1, -1) if it is one "
                "cell, or X.reshape(-1, 1) if each number is one."
            )
        if X.ndim <= 2:
            return X if X.ndim else X.reshape(1)
        return _object_array(list(X))
    cells = list(X)
    if isinstance(X, list | tuple) and _are_equal_rows(cells, rows_possible):
        rows = np.asarray(cells)
        _refuse_complex(rows)
        return rows
    return _object_array(cells)


def _are_equal_rows(cells, rows_possible):
    """Tell whether a list is a table of numbers written as nested lists."""
    if not cells or not all(isinstance(cell, list | tuple) for cell in cells):
        return False
    lengths = {len(cell) for cell in cells}
    if len(lengths) > 1 or not (rows_possible or lengths == {1}):
        return False
    return all(isinstance(value, Number) for cell in cells for value in cell)


def _object_array(cells):
    array = np.empty(len(cells), dtype=object)
    for row, cell in enumerate(cells):  # at once, numpy would look into the cells
        array[row] = cell
    return array


def _check_not_empty(shape, owner):
    for size, what in zip(shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={tuple(shape)}) while a minimum "
                f"of 1 is required by {owner}."
            )


def _check_single(estimator, reset):
    """Set or check the number of columns where X is a bare column."""
    if reset:
        estimator.n_features_in_ = 1
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif estimator.n_features_in_ != 1:
        raise ValueError(
            f"X has 1 features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input"
        )


def _refuse_complex(X):
    if X.dtype.kind == "c":
        raise ValueError("Complex data not supported: found an array of complex cells")


def is_numeric(column):
    """Tell whether a column of pandas or polars holds numbers by its type."""
    dtype = column.dtype
    if hasattr(dtype, "is_numeric"):  # polars
        return dtype.is_numeric()
    kind = getattr(dtype, "kind", "O")
    return kind in "fiub" and getattr(dtype, "name", "") != "category"


def to_float(column):
    """Take a column of numbers of pandas or polars as float64, NaN where missing."""
    if hasattr(column, "iloc"):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.cast(float).to_numpy()
