"""A table of cells in any container, as one whose columns can be selected."""

from collections.abc import Mapping
from numbers import Number

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_mm.readers.arrow import is_arrow, to_pandas
from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.masks import fields_to_table, fill_masked
from sklearn_mm.readers.times import is_temporal


def check_table(owner, X, *, accept_sparse=False):
    """Take X as a table of pandas or polars, or as a 2-D array.

    Parameters
    ----------
    owner : str
        Name of the estimator, for messages.
    X : table of pandas, polars or pyarrow, 2-D array, or list of rows
        The cells. A cell may itself be an array. Also a dict of columns of one length,
        a list of dicts, an array with named fields, and what has ``column_names`` and
        gives a column by its name, as the datasets library has.
    accept_sparse : bool, default=False
        Whether X may be a sparse matrix.

    Returns
    -------
    table of pandas or polars, or ndarray of shape (n_samples, n_columns)
        Or CSR matrix.

    Raises
    ------
    TypeError
        If X is sparse or a lazy frame.
    ValueError
        If X is not 2-D, has no row or no column, two columns share a name, or are of
        different length.
    """
    if sparse.issparse(X) and accept_sparse:
        X = X.tocsr()
    elif sparse.issparse(X):
        raise TypeError(
            f"{owner} takes a table of cells, but sparse data was passed. Use "
            "X.toarray()."
        )
    if type(X).__name__ == "LazyFrame":
        raise TypeError(f"{owner} takes a table, found a LazyFrame. Use X.collect().")
    X = _without_sparse_nan(_as_known(owner, X))
    if hasattr(X, "columns"):
        _check_distinct(owner, list(X.columns))
    elif not sparse.issparse(X):
        X = _as_array(owner, X)
    for size, what in zip(X.shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={tuple(X.shape)}) while a "
                f"minimum of 1 is required by {owner}."
            )
    return X


def unify_missing(X):
    """Let NaN stand for all that is missing among cells that are no numbers.

    scikit-learn's transformers tell ``None``, NaN, ``pd.NA`` and ``NaT`` apart, or
    refuse them, so that a category would be known in one container and not in another.
    Dates and durations are cells here, as ``datetime``, whatever their unit.

    Parameters
    ----------
    X : table or column of pandas or polars, or array
        As :func:`check_table` gives it, or a part of that.

    Returns
    -------
    table of pandas, column or array
        X itself where there is nothing to change.
    """
    if isinstance(X, np.ndarray):
        if X.dtype.kind in "mM":
            X = X.astype(f"{X.dtype.str[:3]}[us]").astype(object)
        return _array_with_nan(X) if X.dtype.kind == "O" else X
    if not hasattr(X, "columns"):
        return X  # a column is for those who read cells
    columns = {name: X[name] for name in X.columns}
    found = {name: _column_with_nan(column) for name, column in columns.items()}
    if all(found[name] is column for name, column in columns.items()):
        return X
    if not hasattr(X, "iloc"):
        cells = {name: np.asarray(column) for name, column in found.items()}
        # Told its type, or pandas makes dates of the objects again.
        return pd.DataFrame({n: pd.Series(c, dtype=c.dtype) for n, c in cells.items()})
    X = X.copy(deep=False)
    for name, column in found.items():
        if column is not columns[name]:
            X[name] = column
    return X


def missing_rows(X):
    """Tell which rows hold nothing: of a table those whose cells are all missing.

    Parameters
    ----------
    X : table or column of pandas or polars, array, or list of cells
        As :func:`check_table` gives it, or one column.

    Returns
    -------
    ndarray of bool, shape (n_samples,)
    """
    if hasattr(X, "columns"):
        columns = [_missing_cells(X[name]) for name in X.columns]
        return np.logical_and.reduce(columns)
    if getattr(X, "ndim", 1) == 2:
        return _missing_cells(X).all(axis=1)
    return _missing_cells(X)


def _missing_cells(X):
    if hasattr(X, "iloc"):
        return np.asarray(X.isna(), dtype=bool)
    if not isinstance(X, np.ndarray):
        return np.fromiter(map(is_missing, X), dtype=bool, count=len(X))
    if X.dtype.kind in "fmM":
        return np.isnan(X)
    if X.dtype.kind == "O":
        return np.frompyfunc(is_missing, 1, 1)(X).astype(bool)
    return np.zeros(X.shape, dtype=bool)


def _array_with_nan(array):
    missing = np.frompyfunc(is_missing, 1, 1)(array).astype(bool)
    if not missing.any():
        return array
    array = array.copy()
    array[missing] = np.nan
    return array


def _column_with_nan(column):
    """Put NaN where a column of pandas or polars misses something, if it is no number.

    NaN it has already where it is of the type ``category`` or, in pandas 3, ``str``.
    """
    dtype = column.dtype
    if is_temporal(dtype):
        return _dates_with_nan(column)
    if not hasattr(column, "iloc"):
        if dtype.is_numeric() or not column.null_count():
            return column
        return _array_with_nan(np.array([*column, None], dtype=object)[:-1])
    is_other = getattr(dtype, "kind", "O") in "OUS"
    if not is_other or dtype.name in ("category", "str"):
        return column
    try:
        missing = column.isna()
    except ArithmeticError:  # pandas compares decimals, and one that signals refuses it
        missing = np.fromiter(map(is_missing, column), dtype=bool, count=len(column))
    return column.astype(object).mask(missing, np.nan) if missing.any() else column


def _dates_with_nan(column):
    """Take a column of dates or durations as objects, NaN where missing."""
    cells = _array_with_nan(np.array([*column, None], dtype=object)[:-1])
    if not hasattr(column, "iloc"):
        return cells
    return pd.Series(cells, index=column.index, name=column.name, dtype=object)


def _as_known(owner, X):
    """Take other containers of columns or rows as tables of pandas."""
    if is_arrow(X):
        return to_pandas(X)
    if getattr(getattr(X, "dtype", None), "names", None):
        return fields_to_table(X)
    if isinstance(X, Mapping):
        return _table_of_columns(owner, X)
    if hasattr(X, "column_names") and hasattr(X, "__getitem__"):
        return _table_of_columns(owner, {name: X[name] for name in X.column_names})
    if isinstance(X, list | tuple) and X and all(isinstance(r, Mapping) for r in X):
        names = dict.fromkeys(name for row in X for name in row)
        rows = [[row.get(name) for name in names] for row in X]
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        return _table_of_columns(owner, columns)
    return X


def _without_sparse_nan(X):
    """Make pandas' sparse columns dense where they store no zeros but other gaps.

    A sparse matrix has zeros there, and scikit-learn refuses anything else.
    """
    if not hasattr(X, "iloc") or not hasattr(X, "columns"):
        return X
    dense = [
        place
        for place, dtype in enumerate(X.dtypes)
        if isinstance(dtype, pd.SparseDtype) and dtype.fill_value != 0
    ]
    if dense:
        X = X.copy(deep=False)
        for place in dense:
            X.isetitem(place, X.iloc[:, place].sparse.to_dense())
    return X


def _table_of_columns(owner, columns):
    """Make a table of columns by name, whose cells may be arrays."""
    scalars = [
        name
        for name, cells in columns.items()
        if isinstance(cells, str | bytes) or not hasattr(cells, "__len__")
    ]
    if scalars:
        found = type(columns[scalars[0]]).__name__
        raise ValueError(
            f"{owner} takes a table. Found one row, a {type(columns).__name__} in "
            f"which {scalars[0]!r} is one {found}: put it in a list, as in "
            "pandas.DataFrame([row])"
        )
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"{owner} takes columns of one length, found the lengths {lengths!s:.500}"
        )
    table = {}
    for name, cells in columns.items():
        if hasattr(cells, "dtype") and getattr(cells, "ndim", 1) == 1:
            table[name] = fill_masked(cells)
            continue
        column = np.empty(len(cells), dtype=object)
        for row, cell in enumerate(cells):
            column[row] = cell
        table[name] = pd.Series(column).infer_objects()
    return pd.DataFrame(table)


def _check_distinct(owner, names):
    if len(set(names)) < len(names):
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        raise ValueError(
            f"{owner} takes columns by name, but several are called {twice}. Rename "
            "them."
        )


def _as_array(owner, X):
    if hasattr(X, "iloc") and not hasattr(X, "columns"):
        _refuse_series(owner, X)
    if isinstance(X, list | tuple) and _are_columns(X):
        raise ValueError(
            f"{owner} takes a table with a row for each sample. Found a "
            f"{type(X).__name__} of {len(X)} columns: name them, as in {owner}.fit("
            "{'image': images, 'text': texts})"
        )
    if isinstance(X, list | tuple) and X and all(_is_row(row) for row in X):
        widths = {len(row) for row in X}
        if len(widths) > 1:
            raise ValueError(
                f"{owner} expects rows of equal length, found {sorted(widths)} cells"
            )
        if not all(isinstance(cell, Number) for row in X for cell in row):
            # Cell by cell: numpy would look into cells that are arrays.
            array = np.empty((len(X), widths.pop()), dtype=object)
            for i, row in enumerate(X):
                for j, cell in enumerate(row):
                    array[i, j] = cell
            return array
    array = np.asarray(fill_masked(X))
    if array.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {array.ndim}D array instead: {owner} takes a "
            "table with a row for each sample and a column for each cell. Use "
            "X.to_frame() for a Series. Reshape your data with X.reshape(-1, 1) if it "
            "has one column or X.reshape(1, -1) if it has one row."
        )
    return array


def _are_columns(parts):
    """Tell columns from rows: Series, or lists each of one kind, unlike the others."""
    if not parts:
        return False
    if all(hasattr(each, "name") and hasattr(each, "dtype") for each in parts):
        return True
    if not all(isinstance(each, list | tuple) and len(each) > 1 for each in parts):
        return False
    kinds = [{type(cell) for cell in part} - {type(None)} for part in parts]
    if any(len(kind) != 1 or issubclass(*kind, Number) for kind in kinds):
        return False
    return len(set(map(frozenset, kinds))) > 1


def _refuse_series(owner, X):
    """Say what to do where X is one row, or one column, of a table."""
    is_row = X.dtype == object and all(isinstance(name, str) for name in X.index)
    advice = "Use X.to_frame() if it is a column"
    advice += f", and table.loc[[{X.name!r}]] if it is a row of a table."
    if is_row:
        advice = (
            f"It is one row, with the cells {list(X.index)!s:.200}: keep it a table, as"
            f" in table.loc[[{X.name!r}]], or use X.to_frame().T."
        )
    raise ValueError(
        f"Expected 2D array, got 1D array instead: {owner} takes a table, found a "
        f"pandas Series. {advice}"
    )


def _is_row(row):
    return isinstance(row, list | tuple) or (
        isinstance(row, np.ndarray) and row.ndim == 1
    )
