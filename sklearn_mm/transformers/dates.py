"""Dates and times, as numbers."""

import re
from datetime import date
from numbers import Number

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_mm._compat import _check_feature_names_in
from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.readers.column import check_column, is_missing

# "2020-01-05", "2020-01-05T10:00", "2020-01-05 10:00:00.5+01:00"
ISO_DATE = re.compile(
    r"\s*\d{4}-\d{2}-\d{2}"
    r"([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|[+-]\d{2}:?(\d{2})?)?)?\s*"
)

# What a date becomes, in this order.
PARTS = (
    "time",
    "year",
    "month_sin",
    "month_cos",
    "day",
    "weekday_sin",
    "weekday_cos",
    "hour_sin",
    "hour_cos",
)

# Of numbers that are seconds; the years -9999 to 9999, nearly.
MOST_SECONDS = 2.5e11


class DateTransformer(TransformerMixin, BaseEstimator):
    """Turn columns of dates and times into numbers.

    A cell is a ``datetime.date`` or ``datetime.datetime``, a pandas ``Timestamp`` or
    ``Period`` (its start), a ``numpy.datetime64``, a string in ISO form
    (``"2020-01-05"``, ``"2020-01-05T10:00:00+01:00"``), or a number of seconds since
    1970. A time of a zone is brought to UTC; one without a zone stays as it is.

    ``None``, NaN, ``pd.NA`` and ``NaT`` are missing and become NaN.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_features_in_,)
        Of the seconds since 1970, in training.
    n_features_in_ : int
        Columns seen in ``fit``.
    feature_names_in_ : ndarray of str
        Their names, where X had names.

    See Also
    --------
    skrub.DatetimeEncoder : Has more parts, and splines of them.

    Notes
    -----
    Each column becomes nine numbers: ``time``, the seconds since 1970, standardised by
    the training rows; ``year``; the sine and the cosine of the time of the year, in
    months; ``day`` of the month; and sine and cosine of the day of the week and of the
    hour of the day. These are circles, on which December is next to January.

    Examples
    --------
    >>> from sklearn_mm import DateTransformer
    >>> dates = ["2020-01-05", None, "2021-07-01T18:00"]
    >>> transformer = DateTransformer()
    >>> numbers = transformer.fit_transform(dates)
    >>> numbers.shape
    (3, 9)
    >>> numbers[:, 1]
    array([2020.,   nan, 2021.])
    >>> transformer.get_feature_names_out(["sold"])[:3]
    array(['sold_time', 'sold_year', 'sold_month_sin'], dtype=object)
    """

    def fit(self, X, y=None):
        """Learn the mean and the spread of the times.

        Parameters
        ----------
        X : column or table of n_samples rows
            Dates.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        with unchanged_on_failure(self):
            times = self._read(X, reset=True)  # (rows, columns)
            seconds = _to_seconds(times)
            present = ~np.isnan(seconds)
            counts = np.maximum(present.sum(axis=0), 1)
            self.mean_ = np.where(present, seconds, 0).sum(axis=0) / counts
            centred = np.where(present, seconds - self.mean_, 0)
            spread = np.sqrt((centred**2).sum(axis=0) / counts)
            self.scale_ = np.where(spread > 0, spread, 1)
        return self

    def transform(self, X):
        """Turn dates into numbers.

        Parameters
        ----------
        X : column or table of n_samples rows
            Dates, in the columns that were fitted.

        Returns
        -------
        ndarray of shape (n_samples, 9 * n_features_in_)
            Float64, NaN where missing.
        """
        check_is_fitted(self)
        times = self._read(X, reset=False)
        scaled = (_to_seconds(times) - self.mean_) / self.scale_
        parts = [
            _to_parts(times[:, j], scaled[:, j]) for j in range(self.n_features_in_)
        ]
        return np.hstack(parts)

    def get_feature_names_out(self, input_features=None):
        """Name the features: ``<column>_<part>``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns, where they are not known from ``fit``.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        columns = _check_feature_names_in(self, input_features)
        names = [f"{column}_{part}" for column in columns for part in PARTS]
        return np.asarray(names, dtype=object)

    def _read(self, X, reset):
        """Read cells: (rows, columns) of datetime64[us], NaT where missing."""
        column = check_column(self, X, reset=reset)
        rows = column.cells
        if column.layout == "cells":
            rows = [(cell,) for cell in rows]
        found = np.empty((len(rows), len(rows[0])), dtype="datetime64[us]")
        for i, row in enumerate(rows):
            for j, cell in enumerate(row):
                try:
                    found[i, j] = read_date(cell)
                except (ValueError, TypeError, OverflowError) as error:
                    raise ValueError(
                        f"{type(self).__name__}: {column.where(i)}: {error}"
                    ) from error
        return found

    def __sklearn_is_fitted__(self):
        return hasattr(self, "scale_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def read_date(cell):
    """Read one date: ``numpy.datetime64`` in microseconds, NaT if missing.

    Raises
    ------
    ValueError
        If it is none.
    """
    import pandas as pd

    if is_missing(cell):
        return np.datetime64("NaT")
    if isinstance(cell, Number):
        if not abs(cell) <= MOST_SECONDS:
            raise ValueError(
                f"expected seconds since 1970 between ±{MOST_SECONDS:g}, found "
                f"{cell!r}: infinity or another unit"
            )
        return np.datetime64(round(float(cell) * 1e6), "us")
    if isinstance(cell, str) and not ISO_DATE.fullmatch(cell):
        raise ValueError(
            f"expected a date such as '2020-01-05' or '2020-01-05T10:00', found "
            f"{cell!r:.80}. Use pandas.to_datetime for other forms"
        )
    if type(cell).__name__ == "Period":
        cell = cell.start_time
    if not isinstance(cell, str | date | np.datetime64):
        raise ValueError(f"expected a date, found {cell!r:.80}")
    time = pd.Timestamp(cell)
    if time.tzinfo is not None:
        time = time.tz_convert(None)
    return time.to_datetime64().astype("datetime64[us]")


def _to_seconds(times):
    """Give the seconds since 1970, NaN where missing."""
    seconds = times.astype(np.int64) / 1e6
    return np.where(np.isnat(times), np.nan, seconds)


def _to_parts(times, scaled):
    """Give the parts of a column of dates: (rows, 9)."""
    missing = np.isnat(times)
    days, months = times.astype("datetime64[D]"), times.astype("datetime64[M]")
    year = times.astype("datetime64[Y]").astype(np.int64) + 1970
    day = (days - months).astype(np.int64)
    month = months.astype(np.int64) % 12 + day / 31
    weekday = (days.astype(np.int64) + 3) % 7  # 1970 began on a Thursday
    hour = (times - days).astype(np.int64) / 3.6e9
    circles = [(month, 12), (weekday, 7), (hour, 24)]
    month, weekday, hour = (2 * np.pi * part / length for part, length in circles)
    parts = [
        scaled,
        year,
        np.sin(month),
        np.cos(month),
        day + 1,
        np.sin(weekday),
        np.cos(weekday),
        np.sin(hour),
        np.cos(hour),
    ]
    return np.where(missing[:, None], np.nan, np.column_stack(parts))
