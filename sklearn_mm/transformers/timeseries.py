"""Time series of numbers, as sequences of vectors."""

from fractions import Fraction
from numbers import Integral, Real

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import RobustScaler, StandardScaler

from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.readers.series import read_series, read_times
from sklearn_mm.transformers.base import CellTransformer

CHOICES = {
    "scaling": ("standard", "robust", "sample", None),
    "difference": (None, "difference", "return", "log_return"),
    "nan": ("interpolate", "indicator", "error"),
}

# A rate in hertz far above that of the series is a slip (daily prices at 50 Hz) that
# would fill the memory.
MAX_RESAMPLED_STEPS = 10_000_000


class TimeSeriesTransformer(CellTransformer):
    """Turn a column of time series into sequences of scaled vectors.

    Each series is read, gaps are filled, and then, where asked for, it is resampled,
    differenced, cut and scaled, in this order. Series may differ in length.

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
    max_steps : int or None, default=None
        Longer series are cut: the first steps are kept. None keeps all.
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
        max_steps=None,
        on_error="raise",
    ):
        self.scaling = scaling
        self.difference = difference
        self.rate = rate
        self.sampling_rate = sampling_rate
        self.nan = nan
        self.max_steps = max_steps
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
            self._saw_none = False
            return super().fit_transform(X)

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
            if value is not None and not (isinstance(value, Real) and value > 0):
                raise ValueError(
                    f"{name} must be None or a number of hertz above 0, found {value!r}"
                )
        steps = self.max_steps
        if steps is not None and not (isinstance(steps, Integral) and steps > 0):
            raise ValueError(f"max_steps must be None or an int above 0, found {steps}")

    def _read_cell(self, cell):
        """Read a series, still unscaled: (steps, channels), indicators to the right."""
        values, names = read_series(cell), None
        if hasattr(cell, "columns"):
            names = [str(name) for name in cell.columns]
        times = read_times(cell.index) if hasattr(cell, "iloc") else None
        absent = np.isnan(values)
        if absent.all() or (self._saw_none and values.shape[1] > 1):
            return None
        is_first = self.n_channels_ is None
        try:
            self._check_channels(values.shape[1], names)
            return self._to_sample(values, absent, times)
        except Exception:
            if is_first:  # a broken series sets no channels
                self.n_channels_ = self.channel_names_ = None
            raise

    def _to_sample(self, values, absent, times):
        """Fill, resample and difference a series: (steps, channels)."""
        self._refuse(np.isinf(values), values, "finite numbers, or NaN where missing")
        too_large = np.abs(values) > np.finfo(np.float32).max
        self._refuse(too_large, values, "numbers that float32 can hold")
        if self.nan == "error":
            self._refuse(absent, values, "no NaN, as nan='error' demands")
        if times is None and self.sampling_rate is not None:
            times = np.arange(len(values)) / self.sampling_rate
        values = _fill_gaps(values, times)
        if self.rate is not None:
            values, absent = _resample(values, absent, times, self.rate)
        if self.difference is not None:
            values, absent = self._changes(values, absent)
        if self.nan == "indicator":
            values = np.hstack([values, absent])
        return values[: self.max_steps]

    def _check_channels(self, n_channels, names):
        if self.n_channels_ is None:
            self.n_channels_, self.channel_names_ = n_channels, names
        if n_channels != self.n_channels_:
            raise ValueError(
                f"found {n_channels} channels, expected {self.n_channels_} as learned "
                "in fit from the first series"
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
            samples = [_scaled_by_itself(sample, n_channels) for sample in samples]
        width = n_channels * (2 if self.nan == "indicator" else 1)
        block = FeatureBlock.from_samples(samples, "sequence", token_shape=(width,))
        values, indicators = np.split(block.values, [n_channels], axis=1)
        if self.scaler_ is not None and len(values):
            values = self.scaler_.transform(values)
        values = np.where(np.isnan(values), self.fill_values_, values)
        values = np.hstack([values, indicators]).astype(np.float32)
        return FeatureBlock(values, block.offsets, "sequence")


def _fill_gaps(values, times):
    """Interpolate NaN, channel by channel; one of only NaN stays as it is."""
    times = np.arange(len(values)) if times is None else times
    for channel in values.T:
        gaps = np.isnan(channel)
        if gaps.any() and not gaps.all():
            channel[gaps] = np.interp(times[gaps], times[~gaps], channel[~gaps])
    return values


def _resample(values, absent, times, rate):
    """Resample values and their absence to a rate in hertz."""
    from scipy.signal import resample_poly

    if times is None:
        raise ValueError(
            f"the times of the steps, which rate={rate} needs, are not known. Give "
            "sampling_rate, or pandas cells with an index of times"
        )
    if len(values) == 1:
        return values, absent
    spacing = (times[-1] - times[0]) / (len(times) - 1)
    # A hair more, so that rounding does not cost the last step.
    n_steps = int((times[-1] - times[0]) * rate + 1e-6) + 1
    if n_steps > MAX_RESAMPLED_STEPS:
        raise ValueError(
            f"{len(values)} steps at {1 / spacing:.3g} Hz would become {n_steps} at "
            f"rate={rate}, more than {MAX_RESAMPLED_STEPS}. rate is in hertz: one a "
            "day is 1 / 86400"
        )
    grid = times[0] + np.arange(n_steps) / rate
    ratio = Fraction(rate * spacing).limit_denominator(10_000)
    if ratio and np.allclose(np.diff(times), spacing, rtol=1e-3, atol=0):
        up, down = ratio.numerator, ratio.denominator
        resampled = resample_poly(values, up, down, axis=0, padtype="line")[:n_steps]
    else:
        resampled = _interpolate(grid, times, values)
    return resampled, _interpolate(grid, times, absent) > 1e-6


def _interpolate(grid, times, values):
    return np.column_stack([np.interp(grid, times, channel) for channel in values.T])


def _scaled_by_itself(sample, n_channels):
    """Scale the channels, but not the indicators, of one series by its own steps."""
    if sample is None:
        return None
    # By hand, since a StandardScaler a series takes ten times as long.
    values = np.nan_to_num(sample[:, :n_channels])
    spread = values.std(axis=0)
    spread[np.ptp(values, axis=0) == 0] = 1.0
    values = (values - values.mean(axis=0)) / spread
    return np.hstack([values, sample[:, n_channels:]])
