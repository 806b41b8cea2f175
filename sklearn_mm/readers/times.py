"""Dates and durations where numbers are expected: seconds, in whatever unit they are.

An array of dates is integers of a unit that each container chooses, so a conversion to
floats that does not ask for the unit gives one number in training and another later,
and the missing date as -9.2e18. Here a date is the seconds since 1970 in UTC, a
duration and a time of day are seconds, and what is missing is NaN.
"""

from datetime import date, time, timedelta

import numpy as np

from sklearn_mm.readers.column import is_missing

# Seconds in the units in which polars counts.
_UNITS = {"ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def is_temporal(dtype):
    """Tell whether a dtype of numpy, pandas or polars is of dates or durations.

    Parameters
    ----------
    dtype : dtype
        Of an array or column.

    Returns
    -------
    bool
    """
    if hasattr(dtype, "is_temporal"):  # polars
        return dtype.is_temporal()
    if hasattr(dtype, "categories"):
        return is_temporal(getattr(dtype.categories, "dtype", None))
    if getattr(dtype, "name", "").startswith(("period[", "time32[", "time64[")):
        return True
    return getattr(dtype, "kind", "O") in "mM"


def is_time(cell):
    """Tell whether a cell is a date, a period, a duration or a time of day."""
    if isinstance(cell, date | time | timedelta | np.datetime64 | np.timedelta64):
        return True
    return type(cell).__name__ == "Period"


def to_seconds(values):
    """Take an array of dates or durations as seconds.

    Parameters
    ----------
    values : ndarray of datetime64 or timedelta64
        In any unit.

    Returns
    -------
    ndarray of float64
        NaN for NaT.

    Raises
    ------
    ValueError
        If the unit is months or years, of which no one knows how long they are.

    Examples
    --------
    >>> import numpy as np
    >>> to_seconds(np.array(["1970-01-02", "NaT"], dtype="datetime64[D]"))
    array([86400.,    nan])
    """
    unit, _ = np.datetime_data(values.dtype)
    if values.dtype.kind == "m" and unit in ("Y", "M", "generic"):
        raise ValueError(f"durations of dtype {values.dtype} are no number of seconds")
    # Whole seconds and their rest, so that no unit overflows and none loses digits.
    name = "datetime64" if values.dtype.kind == "M" else "timedelta64"
    whole = values.astype(f"{name}[s]")
    rest = (values - whole) / np.timedelta64(1, "s")
    return np.where(np.isnat(values), np.nan, whole.astype(np.int64) + rest)


def cell_to_seconds(cell):
    """Take one date, period, duration or time of day as seconds.

    Parameters
    ----------
    cell : object
        For which :func:`is_time` holds.

    Returns
    -------
    float

    Examples
    --------
    >>> from datetime import datetime, timedelta, timezone
    >>> cell_to_seconds(datetime(1970, 1, 1, 1, tzinfo=timezone.utc))
    3600.0
    >>> cell_to_seconds(timedelta(minutes=1))
    60.0
    """
    if type(cell).__name__ == "Period":
        cell = cell.start_time
    if isinstance(cell, time):
        seconds = 3600 * cell.hour + 60 * cell.minute + cell.second
        return seconds + cell.microsecond / 1e6
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    if getattr(cell, "tzinfo", None) is not None:
        return cell.timestamp()
    if hasattr(cell, "to_datetime64"):
        cell = cell.to_datetime64()
    if isinstance(cell, date):
        cell = np.datetime64(cell, "us")
    return float(to_seconds(np.asarray(cell)))


def without_times(X):
    """Take a table, column or array with seconds in the place of dates and durations.

    Parameters
    ----------
    X : table or column of pandas or polars, ndarray, or list
        What is to become numbers. Dates may also stand among objects.

    Returns
    -------
    table, column or ndarray
        X itself where it holds no dates.

    Raises
    ------
    ValueError
        If a column holds dates beside durations or numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.DataFrame({"day": pd.to_datetime(["1970-01-02", None])})
    >>> without_times(days)
           day
    0  86400.0
    1      NaN
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        return _table_without_times(X)
    if isinstance(X, np.ndarray):
        return _array_without_times(X)
    if hasattr(X, "dtype") and hasattr(X, "name"):
        return _column_without_times(X, X.name)
    return X


def _table_without_times(X):
    columns = {name: X[name] for name in X.columns}
    found = {n: _column_without_times(column, n) for n, column in columns.items()}
    changed = [name for name, column in columns.items() if found[name] is not column]
    if not changed:
        return X
    if hasattr(X, "iloc"):
        X = X.copy(deep=False)
        for name in changed:
            X[name] = found[name]
        return X
    return X.with_columns([found[name].alias(name) for name in changed])


def _column_without_times(column, name):
    plain = _plain(column)
    dtype = plain.dtype
    if is_temporal(dtype):
        seconds = _temporal_column_to_seconds(plain)
    elif getattr(dtype, "kind", "O") == "O" and str(dtype) in ("object", "Object"):
        # Not by a slice, for which NumPy would look into the cells.
        cells = np.fromiter(plain, dtype=object, count=len(plain))
        seconds = _cells_without_times(cells, f"column {name!r}, ")
        if seconds is cells:
            return column
    else:
        return column
    if hasattr(column, "iloc"):
        import pandas as pd

        return pd.Series(seconds, index=column.index, name=column.name)
    return type(column)(column.name, seconds)


def _plain(column):
    """Take a categorical column of dates, or of objects, as these."""
    categories = getattr(column.dtype, "categories", None)
    dtype = getattr(categories, "dtype", None)
    if hasattr(column, "iloc") and getattr(dtype, "kind", None) in ("O", "M", "m"):
        return column.astype(dtype)
    return column


def _temporal_column_to_seconds(column):
    dtype = column.dtype
    if not hasattr(column, "iloc"):
        factor = _UNITS.get(getattr(dtype, "time_unit", None))
        if factor is None:
            factor = 86400 if str(dtype) == "Date" else 1e-9  # a time of day
        return column.to_physical().cast(float).to_numpy() * factor
    if dtype.name.startswith("period["):
        column = column.dt.to_timestamp()
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    name = column.dtype.name
    if name.endswith("[pyarrow]"):  # dates, times of a zone, times of day
        cells = np.array([*column, None], dtype=object)[:-1]
        return _cells_without_times(cells, f"column {column.name!r}, ")
    return to_seconds(column.to_numpy())


def _array_without_times(X):
    if X.dtype.kind in "mM":
        return to_seconds(X)
    if X.dtype.kind != "O":
        return X
    if X.ndim != 2:
        return _cells_without_times(X, "") if X.ndim == 1 else X
    columns = [
        _cells_without_times(X[:, place], f"column {place}, ")
        for place in range(X.shape[1])
    ]
    if all(column.base is X for column in columns):
        return X
    found = np.empty(X.shape, dtype=object)
    for place, column in enumerate(columns):
        found[:, place] = column
    return found


def _cells_without_times(cells, where):
    """Take cells as seconds if they are dates; as they are if none of them is."""
    times = np.fromiter(map(is_time, cells), dtype=bool, count=len(cells))
    # NaT is a date by its class.
    missing = np.fromiter(map(is_missing, cells), dtype=bool, count=len(cells))
    times &= ~missing
    if not times.any():
        return cells
    other = np.flatnonzero(~times & ~missing)
    if len(other):
        row = other[0]
        raise ValueError(
            f"{where}row {row}: found {cells[row]!r:.80} among dates or durations. "
            "Bring the column to one type, such as by pandas.to_datetime"
        )
    kinds = {_kind_of_time(cell) for cell in cells[times]}
    if len(kinds) > 1:
        raise ValueError(
            f"{where}found {' and '.join(sorted(kinds))} in one column. Bring it to one"
        )
    seconds = np.full(len(cells), np.nan)
    seconds[times] = [cell_to_seconds(cell) for cell in cells[times]]
    return seconds


def _kind_of_time(cell):
    if isinstance(cell, timedelta | np.timedelta64):
        return "durations"
    return "times of day" if isinstance(cell, time) else "dates"


def numbers_of(cell):
    """Take a cell as float64, and refuse dates, which are no plain numbers.

    Parameters
    ----------
    cell : array-like of numbers
        A vector or series.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    TypeError
        If it holds dates or durations.
    """
    values = np.asarray(cell)
    if values.dtype.kind in "mM":
        raise TypeError(f"expected numbers, found dates or durations ({values.dtype})")
    return values.astype(np.float64)


def refuse_times(y, what="y"):
    """Raise ValueError where a target holds dates or durations.

    Parameters
    ----------
    y : array-like
        A target that is to become numbers.
    what : str, default="y"
        How to call it.
    """
    dtypes = [*getattr(y, "dtypes", [])] if hasattr(y, "columns") else []
    dtypes += [y.dtype] if hasattr(y, "dtype") else []
    found = any(map(is_temporal, dtypes))
    if not found and not dtypes or any(str(dtype) == "object" for dtype in dtypes):
        cells = np.asarray(y)
        found = cells.dtype.kind in "mM" or (
            cells.dtype.kind == "O"
            and any(is_time(cell) for cell in cells.flat if not is_missing(cell))
        )
    if found:
        raise ValueError(
            f"{what} holds dates or durations, whose size as numbers depends on a unit."
            " Choose one, such as (y - y.min()) / numpy.timedelta64(1, 'D')"
        )
