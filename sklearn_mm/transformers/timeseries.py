"""Time series of numbers, as sequences of vectors."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import RobustScaler, StandardScaler

from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.readers.remarks import note
from sklearn_mm.readers.series import read_series, read_times
from sklearn_mm.transformers.base import CellTransformer
from sklearn_mm.transformers.resampling import (
    fill_gaps,
    resample_series,
    scale_by_itself,
)
from sklearn_mm.transformers.spans import check_span, within_span

CHOICES = {
    "scaling": ("standard", "robust", "sample", None),
    "difference": (None, "difference", "return", "log_return"),
    "nan": ("interpolate", "indicator", "error"),
    "keep": ("first", "last"),
    "time_axis": (None, 0, 1),
}

# Steps that are kept where max_steps="auto": attention costs the square of the longest
# series in training, and so do the rows that share its batch.
MAX_STEPS = 6_000

MAX_FLOAT32 = np.finfo(np.float32).max


class TimeSeriesTransformer(CellTransformer):
    """Turn a column of time series into sequences of scaled vectors.

    Each series is read and, where asked for, cut to `max_span`; gaps are filled; and
    then, where asked for, it is resampled, differenced, cut to `max_steps` and scaled,
    in this order. Series may differ in length.

    Parameters
    ----------
    scaling : {"standard", "robust", "sample"} or None, default="standard"
        How each channel is scaled: by mean and standard deviation, or median and
        interquartile range, over all steps of the training rows; by mean and standard
        deviation of the series itself, which removes its level and amplitude; or not.
    difference : {None, "difference", "return", "log_return"}, default=None
        Replace the values x by the change from step to step: ``x[t] - x[t-1]``,
        ``x[t] / x[t-1] - 1`` (an error if an x is 0), or ``log(x[t] / x[t-1])`` (an
        error if an x is not above 0). A series becomes one step shorter; one of a
        single step becomes a single zero.
    rate : float or None, default=None
        Steps per second, in hertz, to resample every series to.
    sampling_rate : float or None, default=None
        Steps per second, in hertz, of cells that do not know the times of their steps.
        Needed only with ``rate``.
    nan : {"interpolate", "indicator", "error"}, default="interpolate"
        What becomes of NaN within a series: interpolated linearly in time, and before
        the first and after the last value the nearest of them; the same, and a further
        channel for each channel that is 1 where the value was not there, else 0; or an
        error.
    max_steps : int, "auto" or None, default="auto"
        Longer series are cut. "auto": at 6,000 steps, with one warning and the count;
        training takes time by the square of the longest series. None keeps all.
    max_span : str, timedelta, pandas.DateOffset, float or None, default=None
        Series that are longer in time are cut: steps are kept that are less than this
        away from the first or the last, as `keep` says. Such as "30D", a
        ``pandas.DateOffset(months=1)`` of the calendar, or seconds.
    keep : {"first", "last"}, default="first"
        Which steps of a series that is cut: the last ones of prices, of which the
        newest stand last.
    time_axis : {None, 0, 1}, default=None
        Which axis of an array of two the steps are on: 0 for ``(steps, channels)``, 1
        for ``(channels, steps)``. None: the first, with a warning where every series
        of the training rows has fewer steps than channels. A table has its steps in
        its rows.
    on_error : {"raise", "missing"}, default="raise"
        What becomes of a cell that is no series of finite numbers, or has other
        channels than the first of the training rows: an error that names its row, or
        a missing sample and one warning with the count.

    Attributes
    ----------
    n_channels_ : int
        Channels of a series, without indicators.
    channel_names_ : list of str or None
        Their names, where the first series is a table.
    scaler_ : StandardScaler, RobustScaler or None
        The statistics; None where nothing is learned.
    fill_values_ : ndarray of shape (n_channels_,)
        What a channel that has no value in the whole series becomes, after scaling:
        the training mean, which is 0 for every scaling but None.
    errors_ : dict of int to str
        Of the last column that was read, by row, why cells could not be read; with
        ``on_error="missing"`` these count as missing.
    n_features_in_ : int
        Columns seen in ``fit``.
    feature_names_in_ : ndarray of str
        Their names, where X had names.

    Notes
    -----
    A cell is an array or list of shape (steps,) or (steps, channels), a pandas Series
    or DataFrame (a column a channel), or the list of a polars or pyarrow column. A row
    of a numeric table is a series of one channel, a column a step; a list of lists of
    equal length is such a table, so put lists that may differ in length into a Series
    or make them arrays. Missing cells (``None``, NaN, ``pd.NA``), and series of no
    steps or of only NaN, become empty sequences. Where ``fit`` saw no series at all,
    those of several channels do so too: nothing is known of the channels.

    The times of the steps are the index of a pandas cell: dates, durations, or numbers
    in seconds, strictly increasing. A ``RangeIndex``, which pandas makes by itself, and
    an index of labels hold no times.

    Evenly spaced series are resampled by polyphase filtering
    (``scipy.signal.resample_poly``), since leaving out steps would turn fast
    oscillations into slow ones that are not there. Unevenly spaced ones are resampled
    by linear interpolation, which assumes nothing about the spacing. Both begin at the
    first step and end at or before the last. With ``nan="indicator"`` a resampled step
    counts as missing if one of its neighbours in the series was.

    The output is a :class:`FeatureBlock` of the kind ``"sequence"``, float32; its flat
    view is the mean, standard deviation and maximum of each channel over the steps.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import TimeSeriesTransformer
    >>> series = [np.array([1.0, 2.0, 4.0, 8.0]), None, [4.0, np.nan, 1.0]]
    >>> transformer = TimeSeriesTransformer(difference="log_return", scaling=None)
    >>> block = transformer.fit_transform(series)
    >>> block
    FeatureBlock(3 samples, kind='sequence', token_shape=(1,), 5 tokens, 1 missing)
    >>> block[0].values.ravel()
    array([0.6931472, 0.6931472, 0.6931472], dtype=float32)
    >>> transformer.get_feature_names_out()
    array(['mean_0', 'std_0', 'max_0'], dtype=object)
    """

    def __init__(
        self,
        *,
        scaling="standard",
        difference=None,
        rate=None,
        sampling_rate=None,
        nan="interpolate",
        max_steps="auto",
        max_span=None,
        keep="first",
        time_axis=None,
        on_error="raise",
    ):
        self.scaling = scaling
        self.difference = difference
        self.rate = rate
        self.sampling_rate = sampling_rate
        self.nan = nan
        self.max_steps = max_steps
        self.max_span = max_span
        self.keep = keep
        self.time_axis = time_axis
        self.on_error = on_error

    def fit_transform(self, X, y=None):
        """Learn from a column of series and turn it into features.

        Parameters
        ----------
        X : list, Series, array or one-column table of n_samples series
            The cells. A numeric 2-D array holds one series a row.
        y : None
            Ignored.

        Returns
        -------
        FeatureBlock of n_samples
        """
        with unchanged_on_failure(self):
            # The first series that is read sets them.
            self.n_channels_ = self.channel_names_ = None
            self._saw_none, self._shapes = False, []
            block = super().fit_transform(X)
            self._check_axes(self.__dict__.pop("_shapes"))
            return block

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the flat view, such as ``mean_0`` or ``max_close``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Checked against the fitted columns, otherwise unused.

        Returns
        -------
        ndarray of str, of shape (3 * channels,)
            Mean, standard deviation and maximum of each channel, indicators being
            channels called ``missing_<channel>``.
        """
        OneToOneFeatureMixin.get_feature_names_out(self, input_features)  # checks it
        channels = self.channel_names_ or [str(i) for i in range(self.n_channels_)]
        if self.nan == "indicator":
            channels = [*channels, *(f"missing_{channel}" for channel in channels)]
        return np.asarray(
            [f"{what}_{name}" for what in ("mean", "std", "max") for name in channels],
            dtype=object,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.nan != "error"
        return tags

    def _check_parameters(self):
        super()._check_parameters()
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {choices}, found {getattr(self, name)!r}"
                )
        for name in ("rate", "sampling_rate"):
            value = getattr(self, name)
            is_rate = isinstance(value, Real) and 0 < value < np.inf
            if value is not None and not is_rate:
                raise ValueError(
                    f"{name} must be None or a number of hertz above 0, found {value!r}"
                )
        steps = self.max_steps
        is_known = steps is None or (isinstance(steps, str) and steps == "auto")
        if not is_known and not (isinstance(steps, Integral) and steps > 0):
            raise ValueError(
                f"max_steps must be None or an int above 0, found {steps}; or 'auto'"
            )
        if self.max_span is not None:
            check_span(self.max_span)

    def _read_cell(self, cell):
        """Read a series, still unscaled: (steps, channels), indicators to the right."""
        values, names = read_series(cell, time_axis=self.time_axis), None
        if hasattr(cell, "columns"):
            names = [str(name) for name in cell.columns]
        elif values.ndim == 2 and values.shape[1] > 1 and hasattr(self, "_shapes"):
            self._shapes.append(values.shape)
        index = cell.index if hasattr(cell, "iloc") else None
        times = None if index is None else read_times(index)
        if times is None and self.sampling_rate is not None:
            times = np.arange(len(values)) / self.sampling_rate
        if self.max_span is not None and values.size:
            span = check_span(self.max_span)
            inside = within_span(values, index, times, span, self.keep)
            values, times = values[inside], times[inside]
        absent = np.isnan(values)
        if absent.all() or (self._saw_none and values.shape[1] > 1):
            return None
        is_first = self.n_channels_ is None
        try:
            self._check_channels(values.shape, names)
            return self._to_sample(values, absent, times)
        except Exception:
            if is_first:  # a broken series sets no channels
                self.n_channels_ = self.channel_names_ = None
            raise

    def _to_sample(self, values, absent, times):
        """Fill, resample, difference and cut a series: (steps, channels)."""
        self._refuse(np.isinf(values), values, "finite numbers, or NaN where missing")
        too_large = np.abs(values) > MAX_FLOAT32
        self._refuse(too_large, values, "numbers that float32 can hold")
        if self.nan == "error":
            self._refuse(absent, values, "no NaN, as nan='error' demands")
        values = fill_gaps(values, times)
        if self.rate is not None:
            values, absent = resample_series(values, absent, times, self.rate)
        if self.difference is not None:
            values, absent = self._changes(values, absent)
            too_large = np.abs(values) > MAX_FLOAT32
            self._refuse(too_large, values, "changes that float32 can hold")
        if self.nan == "indicator":
            values = np.hstack([values, absent])
        return self._cut(values)

    def _cut(self, values):
        """Keep max_steps of a series."""
        is_auto = isinstance(self.max_steps, str)
        n_steps = MAX_STEPS if is_auto else self.max_steps
        if n_steps is None or len(values) <= n_steps:
            return values
        if is_auto:
            note(
                f"have more than {MAX_STEPS} steps and were cut",
                f"of {len(values)} steps the {self.keep} are kept. Give max_steps, or "
                "fewer steps by rate",
            )
        return values[-n_steps:] if self.keep == "last" else values[:n_steps]

    def _check_axes(self, shapes):
        """Warn where the axes of all series seem to be the other way round."""
        shapes = [shape for shape in shapes if shape[0]]
        if self.time_axis is None and shapes and all(a < b for a, b in shapes):
            n_steps, n_channels = shapes[0]
            warnings.warn(
                f"{type(self).__name__}: each of the {len(shapes)} series of several "
                f"channels has fewer steps than channels, the first {n_steps} steps of "
                f"{n_channels} channels. If they are (channels, steps), set time_axis=1"
                "; if not, time_axis=0",
                UserWarning,
                stacklevel=4,
            )

    def _check_channels(self, shape, names):
        n_steps, n_channels = shape
        if self.n_channels_ is None:
            self.n_channels_, self.channel_names_ = n_channels, names
        if n_channels != self.n_channels_:
            is_turned = n_steps == self.n_channels_ and n_steps > 1 and not names
            advice = ". Is it (channels, steps)? Transpose it" if is_turned else ""
            raise ValueError(
                f"found {n_channels} channels, expected {self.n_channels_} as learned "
                f"in fit from the first series{advice}"
            )
        if names and self.channel_names_ and names != self.channel_names_:
            raise ValueError(
                f"found the channels {names}, expected {self.channel_names_} in this "
                "order as learned in fit from the first series"
            )

    def _refuse(self, broken, values, expected):
        """Raise for the first step that is broken."""
        if broken.any():
            step, channel = np.argwhere(broken)[0]
            name = self.channel_names_[channel] if self.channel_names_ else channel
            raise ValueError(
                f"found {values[step, channel]} at step {step} of channel {name}, "
                f"expected {expected}"
            )

    def _changes(self, values, absent):
        """Take the change from step to step; it is absent where either end is."""
        if self.difference == "return":
            zero = values[:-1] == 0
            self._refuse(zero, values, "no zero, by which a return would be divided")
        if self.difference == "log_return":
            self._refuse(values <= 0, values, "only values above 0 for log_return")
        if len(values) == 1:
            return np.zeros_like(values), absent
        if self.difference == "difference":
            changes = np.diff(values, axis=0)
        elif self.difference == "return":
            with np.errstate(over="ignore"):  # becomes infinite, which is refused
                changes = values[1:] / values[:-1] - 1
        else:
            changes = np.diff(np.log(values), axis=0)
        return changes, absent[1:] | absent[:-1]

    def _learn(self, samples):
        present = [sample for sample in samples if sample is not None]
        if self.n_channels_ is None:
            self.n_channels_, self._saw_none = 1, True
        self.scaler_, self.fill_values_ = None, np.zeros(self.n_channels_)
        if not present or self.scaling == "sample":
            return
        steps = np.concatenate([sample[:, : self.n_channels_] for sample in present])
        # A channel without any value in the training rows has no statistics.
        steps[:, np.isnan(steps).all(axis=0)] = 0.0
        if self.scaling is None:
            self.fill_values_ = np.nanmean(steps, axis=0)
        else:
            robust = self.scaling == "robust"
            self.scaler_ = (RobustScaler() if robust else StandardScaler()).fit(steps)

    def _to_block(self, samples):
        n_channels = self.n_channels_
        if self.scaling == "sample":
            samples = [scale_by_itself(sample, n_channels) for sample in samples]
        width = n_channels * (2 if self.nan == "indicator" else 1)
        block = FeatureBlock.from_samples(samples, "sequence", token_shape=(width,))
        values, indicators = np.split(block.values, [n_channels], axis=1)
        if self.scaler_ is not None and len(values):
            values = self.scaler_.transform(values)
        values = np.where(np.isnan(values), self.fill_values_, values)
        self._clip(values, block.offsets)
        values = np.hstack([values, indicators]).astype(np.float32)
        return FeatureBlock(values, block.offsets, "sequence")

    def _clip(self, values, offsets):
        """Bring scaled values that float32 cannot hold to the largest it can."""
        over = (np.abs(values) > MAX_FLOAT32).any(axis=1)
        if over.any():
            rows = np.unique(np.searchsorted(offsets, np.flatnonzero(over), "right"))
            warnings.warn(
                f"{len(rows)} of {len(offsets) - 1} series are so far from the "
                f"training rows that float32 cannot hold them after scaling="
                f"{self.scaling!r}, and were clipped; the first: "
                f"{type(self).__name__}: row {rows[0] - 1}",
                UserWarning,
                stacklevel=4,
            )
            np.clip(values, -MAX_FLOAT32, MAX_FLOAT32, out=values)
