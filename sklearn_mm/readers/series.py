"""A series of numbers in any form a cell may hold, as an array."""

import numpy as np

from sklearn_mm.readers.column import is_missing


def read_series(cell):
    """Read the numbers of a cell.

    Parameters
    ----------
    cell : array-like of shape (steps,) or (steps, channels)
        Numbers, of which some may be missing.

    Returns
    -------
    ndarray of shape (steps, channels), float64
        A copy. Empty ones keep their shape.

    Raises
    ------
    TypeError
        If it holds something else than numbers.
    ValueError
        If it has more axes, or channels of unequal length.

    Examples
    --------
    >>> from sklearn_mm.readers.series import read_series
    >>> read_series([1, None, 3]).ravel()
    array([ 1., nan,  3.])
    """
    expected = "expected numbers of shape (steps,) or (steps, channels)"
    try:
        values = np.asarray(cell)
        if values.dtype.kind not in "biufO" or not values.ndim:
            found = f"values of type {values.dtype}" if values.ndim else "one value"
            raise TypeError(f"found {found} in a cell of type {type(cell).__name__}")
        if hasattr(cell, "iloc"):
            values = cell.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        else:
            # As a list, since Arrow gives the nested lists as an array of arrays.
            if values.dtype.kind == "O":
                values = list(np.frompyfunc(_nan_if_missing, 1, 1)(values))
            values = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{expected}: {error}") from error
    if values.ndim > 2:
        raise ValueError(f"{expected}, found the shape {values.shape}")
    return values.reshape(len(values), -1) if values.size else values


def _nan_if_missing(value):
    return np.nan if is_missing(value) else value


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
    if hasattr(index, "to_timestamp"):  # periods
        index = index.to_timestamp()
    kind = getattr(index.dtype, "kind", "O")
    if type(index).__name__ == "RangeIndex" or kind not in "Mmiuf" or not len(index):
        return None
    if kind in "Mm":
        since = index - index[0]
        if not hasattr(since, "total_seconds"):  # of Arrow
            since = since.astype("timedelta64[ns]")
        index = since.total_seconds()
    times = index.to_numpy(dtype=np.float64)
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
    return times
