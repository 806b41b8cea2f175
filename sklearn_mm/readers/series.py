"""A series of numbers in any form a cell may hold, as an array."""

import numpy as np
import pandas as pd

from sklearn_mm.readers.nested import to_array

EXPECTED = "expected numbers of shape (steps,) or (steps, channels)"

# More numbers than this in one cell (80 MB) are refused.
MAX_NUMBERS = 10_000_000


def read_series(cell, *, time_axis=None):
    """Read the numbers of a cell.

    Parameters
    ----------
    cell : array-like of shape (steps,) or (steps, channels)
        Numbers, of which some may be missing or masked.
    time_axis : {None, 0, 1}, default=None
        Which axis of an array the steps are on: None and 0 the first. A table has its
        steps in its rows.

    Returns
    -------
    ndarray of shape (steps, channels), float64
        A copy, NaN where missing. Empty ones keep their shape.

    Raises
    ------
    TypeError
        If it holds something else than numbers.
    ValueError
        If it has more axes, channels of unequal length, or more than
        :data:`MAX_NUMBERS`.

    Examples
    --------
    >>> from sklearn_mm.readers.series import read_series
    >>> read_series([1, None, 3]).ravel()
    array([ 1., nan,  3.])
    """
    _check_size(len(cell) if hasattr(cell, "__len__") else 0)
    try:
        values = _to_floats(cell)
    except (TypeError, ValueError, ArithmeticError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{EXPECTED}: {error}") from error
    if values.ndim > 2:
        raise ValueError(f"{EXPECTED}, found the shape {values.shape}")
    if time_axis == 1 and values.ndim == 2 and not hasattr(cell, "columns"):
        values = values.T
    return values.reshape(len(values), -1) if values.size else values


def _to_floats(cell):
    """Take a cell as an array of float64, NaN where missing."""
    if isinstance(cell, np.ma.MaskedArray):
        _check_type(cell, cell)
        return cell.astype(np.float64).filled(np.nan)
    if hasattr(cell, "detach"):
        cell = to_array(cell)
    if isinstance(cell, list | tuple) and any(map(_is_special, cell)):
        cell = [_to_floats(part) if _is_masked(part) else part for part in cell]
        cell = [to_array(part) if hasattr(part, "detach") else part for part in cell]
    values = np.asarray(cell)
    _check_type(values, cell)
    _check_size(values.size)
    if hasattr(cell, "iloc"):
        return cell.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    # As a list, since Arrow gives the nested lists as an array of arrays.
    if values.dtype.kind == "O":
        masked = [value is np.ma.masked for value in values.flat]
        missing = pd.isna(values) | np.reshape(masked, values.shape)
        values = list(np.where(missing, np.nan, values))
    return np.array(values, dtype=np.float64)


def _is_masked(part):
    return isinstance(part, np.ma.MaskedArray)


def _is_special(part):
    """Tell whether NumPy alone would lose a mask, or refuse a tensor's gradients."""
    return _is_masked(part) or hasattr(part, "detach")


def _check_type(values, cell):
    if values.dtype.kind not in "biufO" or (not values.ndim and not _is_masked(cell)):
        found = f"values of type {values.dtype}" if values.ndim else "one value"
        raise TypeError(f"found {found} in a cell of type {type(cell).__name__}")


def _check_size(n_numbers):
    if n_numbers > MAX_NUMBERS:
        raise ValueError(
            f"found {n_numbers} numbers in one series, more than {MAX_NUMBERS}: cut "
            "it, or take the mean of some steps"
        )


def read_times(index):
    """Read the times of the steps.

    Parameters
    ----------
    index : pandas.Index
        Of a series.

    Returns
    -------
    ndarray of shape (steps,), float64, or None
        Seconds from the first on, or the numbers of the index. None if it holds no
        times.

    Raises
    ------
    ValueError
        If they do not increase.
    """
    index = read_time_index(index)
    if index is None:
        return None
    kind = index.dtype.kind
    if kind in "Mm":
        since = index - index[0]
        if not hasattr(since, "total_seconds"):  # of Arrow
            since = since.astype("timedelta64[ns]")
        index = since.total_seconds()
    elif kind in "iu" and np.abs(index.to_numpy(dtype=np.float64)).max() > 2**53:
        index = index.astype(object) - int(index[0])  # exactly
    times = index.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~(np.diff(times) > 0))
    if len(wrong):
        step = wrong[0]
        advice = ".sort_index() on the cell"
        if len(np.unique(times)) < len(times):
            advice = ".groupby(level=0).mean() on the cell, which has some times twice"
        raise ValueError(
            f"the times of the steps must increase: step {step} is at "
            f"{times[step]:g} s, step {step + 1} at {times[step + 1]:g} s. Use "
            f"{advice}, or .reset_index(drop=True) if these are no times"
        )
    if not np.isfinite(times).all():
        step = np.flatnonzero(~np.isfinite(times))[0]
        raise ValueError(
            f"the times of the steps must be finite, found {times[step]} at step {step}"
        )
    return times


def read_time_index(index):
    """Take an index as one of times.

    Parameters
    ----------
    index : pandas.Index
        Of a series.

    Returns
    -------
    pandas.Index or None
        Of the kind of datetime64, timedelta64 or numbers. None if it holds no times:
        one that only counts, labels, or none at all.
    """
    if hasattr(index, "to_timestamp"):  # periods
        index = index.to_timestamp()
    if type(index).__name__ == "RangeIndex" or not len(index):
        return None
    if index.inferred_type in ("date", "datetime"):  # dates in an index of objects
        zoned = any(getattr(time, "tzinfo", None) is not None for time in index)
        index = pd.to_datetime(index, utc=True if zoned else None)
    kind = getattr(index.dtype, "kind", "O")
    return index if kind in "Mmiuf" else None
