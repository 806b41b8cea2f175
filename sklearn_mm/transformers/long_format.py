"""A table in long format, a row for each time, as a column of series."""

import numpy as np

from sklearn_mm.readers.column import is_numeric

DUPLICATES = ("raise", "mean", "first", "last")


def long_to_series(table, *, id, time=None, values=None, rows=None, duplicates="raise"):
    """Turn a table in long format into a column with a series in each cell.

    Long format has a row for each id and time, as databases and sensors give it. The
    result has a cell for each id, which :class:`TimeSeriesTransformer` takes.

    Parameters
    ----------
    table : DataFrame of pandas or polars, or pyarrow Table
        With a row for each id and time, in any order.
    id : str
        The column that says which series a row belongs to.
    time : str, default=None
        The column of times: dates, durations, or numbers. Steps are put in its order.
        None: they stand in the order of their rows, and have no times.
    values : str or list of str, default=None
        The column of numbers, or those of the channels. None is all others.
    rows : array-like, default=None
        The ids that are wanted, in their order, such as the ids of the table in which
        each has one row. One without rows in `table` has the cell None, a missing
        series. None: all ids, in the order in which they first occur.
    duplicates : {"raise", "mean", "first", "last"}, default="raise"
        What becomes of several rows of one id and time: an error; their mean; or the
        first or the last of them.

    Returns
    -------
    Series of length n_ids, of objects
        With the ids as its index. A cell is a pandas Series, or a DataFrame where
        `values` are several columns, with the times as its index. Series are as long as
        their id has rows. Numbers that are missing stay so.

    Raises
    ------
    KeyError
        If a column is not there.
    ValueError
        If an id or a time is missing, an id has a time twice, or values are not
        numbers.

    See Also
    --------
    TimeSeriesTransformer : Turns such a column into features.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mm import TimeSeriesTransformer, long_to_series
    >>> visits = pd.DataFrame(
    ...     {
    ...         "patient": ["b", "a", "b", "b"],
    ...         "day": [2, 1, 1, 3],
    ...         "pulse": [70.0, 64.0, 72.0, None],
    ...     }
    ... )
    >>> patients = pd.DataFrame({"patient": ["a", "b", "c"], "age": [61, 58, 70]})
    >>> pulse = long_to_series(
    ...     visits, id="patient", time="day", values="pulse", rows=patients["patient"]
    ... )
    >>> patients["pulse"] = pulse.to_numpy()
    >>> TimeSeriesTransformer().fit_transform(patients["pulse"]).lengths
    array([1, 3, 0])
    """
    import pandas as pd

    if duplicates not in DUPLICATES:
        raise ValueError(
            f"duplicates must be one of {DUPLICATES}, found {duplicates!r}"
        )
    table = _to_pandas(table)
    if values is None:
        values = [column for column in table.columns if column not in (id, time)]
    names = values if isinstance(values, list | tuple) else [values]
    _check_columns(table, id, time, list(names))
    numbers = table.loc[:, list(names)].set_axis(range(len(names)), axis=1)
    numbers = numbers.astype(np.float64)
    numbers["id"] = table[id].to_numpy()
    numbers["time"] = (
        np.arange(len(table)) if time is None else _read_times(table[time])
    )
    numbers = numbers.sort_values("time", kind="stable", ignore_index=True)
    if duplicates != "raise" or time is not None:
        numbers = _join_duplicates(numbers, id, time, duplicates)
    cells = {}
    for key, part in numbers.groupby("id", sort=False, observed=True):
        steps = part.drop(columns=["id", "time"]).set_axis(list(names), axis=1)
        steps.index = pd.RangeIndex(len(part)) if time is None else part["time"].array
        steps.index.name = time
        cells[key] = steps[names[0]] if isinstance(values, str) else steps
    wanted = table[id].unique() if rows is None else np.asarray(rows, dtype=object)
    column = np.empty(len(wanted), dtype=object)
    for place, key in enumerate(wanted):
        column[place] = cells.get(key)
    name = values if isinstance(values, str) else None
    return pd.Series(column, index=pd.Index(wanted, name=id), dtype=object, name=name)


def _to_pandas(table):
    """Take a table of any library as one of pandas."""
    if hasattr(table, "to_pandas"):
        table = table.to_pandas()
    if not hasattr(table, "iloc") or not hasattr(table, "columns"):
        raise TypeError(
            "expected a table of pandas, polars or pyarrow, found "
            f"{type(table).__name__}"
        )
    return table


def _check_columns(table, id, time, names):
    """Check that the columns are there, and hold what they have to."""
    wanted = [id, *([] if time is None else [time]), *names]
    lost = [name for name in wanted if name not in table.columns]
    if lost or not names:
        raise KeyError(
            f"expected the columns {wanted}, of which {lost} are not there; found "
            f"{list(table.columns)}"
        )
    for what, name in (("id", id), ("time", time)):
        missing = np.flatnonzero(table[name].isna()) if name is not None else []
        if len(missing):
            raise ValueError(
                f"column {name!r}: {len(missing)} of {len(table)} rows have no {what}, "
                f"the first is row {missing[0]}. Drop them by "
                f"table.dropna(subset=[{name!r}])"
            )
    for name in names:
        if not is_numeric(table[name]):
            raise ValueError(
                f"column {name!r}: expected numbers, found {table[name].dtype}. Name "
                "the columns of numbers by values=, or use pandas.to_numeric"
            )


def _read_times(column):
    """Take a column as times: dates, periods, durations or numbers."""
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype) or column.dtype.kind in "Mmiuf":
        return column.array
    if pd.api.types.infer_dtype(column) not in ("date", "datetime"):
        raise ValueError(
            f"column {column.name!r}: expected dates, durations or numbers, found "
            f"{column.dtype}, such as {column.iloc[0]!r:.80}. Use pandas.to_datetime"
        )
    zoned = any(getattr(cell, "tzinfo", None) is not None for cell in column)
    return pd.to_datetime(column, utc=zoned).array


def _join_duplicates(numbers, id, time, duplicates):
    """Leave one row of each id and time, or raise."""
    keys = ["id", "time"]
    if duplicates == "mean":
        return numbers.groupby(keys, as_index=False, sort=False).mean()
    again = numbers.duplicated(keys, keep="last" if duplicates == "last" else "first")
    if duplicates == "raise" and again.any():
        first = numbers[again].iloc[0]
        raise ValueError(
            f"{int(again.sum())} rows repeat the time of another row of their id; the "
            f"first: {id}={first['id']!r}, {time}={first['time']}. Choose by "
            "duplicates='mean', 'first' or 'last'"
        )
    return numbers[~again]
