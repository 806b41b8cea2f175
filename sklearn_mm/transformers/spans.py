"""Spans of time at the beginning or the end of a series."""

from numbers import Real

import numpy as np

from sklearn_mm.readers.series import read_time_index


def check_span(span):
    """Read a span of time.

    Parameters
    ----------
    span : str, timedelta, pandas.DateOffset or float
        Such as "30D", or seconds.

    Returns
    -------
    pandas.Timedelta or pandas.DateOffset

    Raises
    ------
    ValueError
        If it is none, or not above 0.

    Examples
    --------
    >>> from sklearn_mm.transformers.spans import check_span
    >>> check_span("36h")
    Timedelta('1 days 12:00:00')
    """
    import pandas as pd

    try:
        if isinstance(span, Real) and not isinstance(span, bool):
            found = pd.Timedelta(seconds=float(span))
        elif isinstance(span, pd.DateOffset):
            found = span
        else:
            found = _read_words(span)
    except (ValueError, TypeError, OverflowError):
        found = None
    start = pd.Timestamp("2001-01-01")
    if found is None or found is pd.NaT or not start + found > start:
        raise ValueError(
            "max_span must be None, a span of time above 0 such as '30D' or "
            f"pandas.DateOffset(months=1), or seconds, found {span!r}"
        )
    return found


def _read_words(span):
    import pandas as pd

    try:
        return pd.Timedelta(span)
    except ValueError:  # of the calendar
        return pd.tseries.frequencies.to_offset(span)


def within_span(values, index, times, span, keep):
    """Find the steps of a series that lie within a span of time.

    Parameters
    ----------
    values : ndarray of shape (steps, channels)
        The series.
    index : pandas.Index or None
        Its times, where it is a pandas object.
    times : ndarray of shape (steps,), or None
        The same in seconds.
    span : pandas.Timedelta or pandas.DateOffset
        How long.
    keep : {"first", "last"}
        From the first step on, or up to the last one.

    Returns
    -------
    ndarray of bool of shape (steps,)
        True for steps less than the span away from the first or the last.

    Raises
    ------
    ValueError
        If the times are not known, or not the dates that a span of the calendar needs.
    """
    if times is None:
        raise ValueError(
            "the times of the steps, which max_span needs, are not known. Give "
            "sampling_rate, or pandas cells with an index of times"
        )
    if not len(times):
        return np.ones(len(values), dtype=bool)
    last = keep == "last"
    if hasattr(span, "total_seconds"):
        seconds = span.total_seconds()
        return times > times[-1] - seconds if last else times < times[0] + seconds
    dates = None if index is None else read_time_index(index)
    if dates is None or dates.dtype.kind != "M":
        raise ValueError(
            f"max_span={span!r} is of the calendar, and needs cells with an index of "
            "dates"
        )
    inside = dates > dates[-1] - span if last else dates < dates[0] + span
    return np.asarray(inside, dtype=bool)
