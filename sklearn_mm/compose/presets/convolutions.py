"""Series of several columns side by side, and random convolutions of them."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.compose.presets.cells import columns_of
from sklearn_mm.transformers.timeseries import TimeSeriesTransformer

# Kernels of all dilations together, and what is told of the response to each.
N_KERNELS, N_TOLD = 336, 3
LENGTH = 9

# Longer series are averaged in blocks.
MAX_STEPS = 1000

# Series that thresholds are learned from.
N_SERIES = 60


class JoinedSeries(TransformerMixin, BaseEstimator):
    """Put the series of several columns side by side, as channels of one.

    Those of a row are stretched to the length of its longest; one that is missing is
    zero. A row is missing if all of them are.
    """

    def fit(self, X, y=None):
        """Learn the channels of each column of series."""
        self.transformers_ = [
            TimeSeriesTransformer(scaling=None, on_error="missing").fit(cells)
            for _, cells in columns_of(X)
        ]
        return self

    def transform(self, X):
        """Join series: a FeatureBlock of the kind "sequence"."""
        check_is_fitted(self)
        columns = [cells for _, cells in columns_of(X)]
        blocks = [
            transformer.transform(cells)
            for transformer, cells in zip(self.transformers_, columns, strict=True)
        ]
        if len(blocks) == 1:
            return blocks[0]
        lengths = np.max([block.lengths for block in blocks], axis=0)
        n_channels = [block.token_shape[0] for block in blocks]
        values = np.zeros((lengths.sum(), sum(n_channels)), dtype=np.float32)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        ends = np.cumsum(n_channels)
        for block, end, n in zip(blocks, ends, n_channels, strict=True):
            for row, length in enumerate(block.lengths):
                if length:
                    series = block.values[block.offsets[row] : block.offsets[row + 1]]
                    place = slice(offsets[row], offsets[row + 1])
                    values[place, end - n : end] = _stretch(series, lengths[row])
        return FeatureBlock(values, offsets, "sequence")

    def get_feature_names_out(self, input_features=None):
        """Name the flat view of what is joined."""
        check_is_fitted(self)
        names = [each.get_feature_names_out() for each in self.transformers_]
        return np.array([f"{i}_{n}" for i, part in enumerate(names) for n in part], "O")


class Convolutions(TransformerMixin, BaseEstimator):
    """Convolve series with random kernels, and tell how each responds.

    ROCKET (Dempster et al., 2020) on all channels: kernels of random weights, dilations
    and channels. Of each response the share of steps above two thresholds, which are
    quantiles of the responses in training (as in MiniRocket, 2021), and its maximum.
    A linear model of these does well on series of any kind.

    Parameters
    ----------
    n_kernels : int, default=336
        Of all dilations together.
    random_state : int, RandomState instance or None, default=None
        Of kernels and thresholds.

    References
    ----------
    Dempster, A., Petitjean, F. and Webb, G. (2020). ROCKET: exceptionally fast and
    accurate time series classification using random convolutional kernels. Data Mining
    and Knowledge Discovery, 34, 1454-1495.
    """

    def __init__(self, n_kernels=N_KERNELS, *, random_state=None):
        self.n_kernels = n_kernels
        self.random_state = random_state

    def fit(self, X, y=None):
        """Draw kernels and learn thresholds from a FeatureBlock of sequences."""
        random = check_random_state(self.random_state)
        present = np.flatnonzero(X.lengths)
        deviation = X.values.std(axis=0, dtype=np.float64) if len(present) else 1.0
        self.scale_ = np.where(deviation > 0, deviation, 1.0) * np.ones(X.token_shape)
        typical = np.median(X.lengths[present]) if len(present) else 1
        n_dilations = 1 + int(np.log2(max(1, (min(typical, MAX_STEPS) - 1) / LENGTH)))
        self.dilations_ = [2**power for power in range(n_dilations)]
        parts = np.array_split(np.arange(self.n_kernels), n_dilations)
        self.kernels_ = [_draw(len(part), X.token_shape[0], random) for part in parts]
        chosen = random.permutation(present)[:N_SERIES]
        series = [self._prepare(X, row) for row in chosen]
        self.thresholds_ = [
            _choose_thresholds(series, dilation, kernels, random)
            for dilation, kernels in zip(self.dilations_, self.kernels_, strict=True)
        ]
        return self

    def transform(self, X):
        """Tell of responses: (n_samples, 3 * n_kernels), NaN where missing."""
        check_is_fitted(self)
        found = np.full((len(X), N_TOLD * self.n_kernels), np.nan, dtype=np.float32)
        learned = [*zip(self.dilations_, self.kernels_, self.thresholds_, strict=True)]
        for row in np.flatnonzero(X.lengths):
            series = self._prepare(X, row)
            told = []
            for dilation, kernels, (low, high) in learned:
                response = _convolve(series, dilation, kernels)
                above = [(response > each).mean(axis=0) for each in (low, high)]
                told += [*above, response.max(axis=0)]
            found[row] = np.concatenate(told)
        return found

    def get_feature_names_out(self, input_features=None):
        """Name what is told of responses."""
        n_features = N_TOLD * self.n_kernels
        return np.array([f"response{i}" for i in range(n_features)], dtype=object)

    def _prepare(self, block, row):
        """Give a series of a block, without its mean, in units of all of them."""
        series = block.values[block.offsets[row] : block.offsets[row + 1]]
        if len(series) > MAX_STEPS:
            starts = np.linspace(0, len(series), MAX_STEPS + 1).astype(int)[:-1]
            sizes = np.diff([*starts, len(series)])[:, None]
            series = np.add.reduceat(series, starts, axis=0) / sizes
        return ((series - series.mean(axis=0)) / self.scale_).astype(np.float32)


def _stretch(series, length):
    """Interpolate a series (steps, channels) to another length."""
    if len(series) == length:
        return series
    places = np.linspace(0, len(series) - 1, length)
    steps = np.arange(len(series))
    return np.stack([np.interp(places, steps, each) for each in series.T], axis=1)


def _draw(n_kernels, n_channels, random):
    """Draw kernels: (LENGTH * n_channels, n_kernels)."""
    weights = random.normal(size=(n_kernels, LENGTH, n_channels))
    weights -= weights.mean(axis=1, keepdims=True)
    # Each hears one channel or a few, more rarely many.
    most = np.log2(min(n_channels, LENGTH) + 1)
    for kernel in weights:
        n_heard = int(2 ** random.uniform(0, most))
        kernel[:, random.permutation(n_channels)[n_heard:]] = 0
    return weights.reshape(n_kernels, -1).T.astype(np.float32)


def _convolve(series, dilation, kernels):
    """Convolve a series (steps, channels), padded by zeros: (steps, n_kernels)."""
    padded = np.pad(series, ((LENGTH // 2 * dilation,) * 2, (0, 0)))
    places = np.arange(len(series))[:, None] + dilation * np.arange(LENGTH)
    return padded[places].reshape(len(series), -1) @ kernels


def _choose_thresholds(series, dilation, kernels, random):
    """Choose two random quantiles of the responses to each kernel, in order."""
    if not series:
        return np.zeros((2, kernels.shape[1]), dtype=np.float32)
    responses = [_convolve(each, dilation, kernels) for each in series]
    responses = np.sort(np.concatenate(responses), axis=0)
    shares = np.sort(random.uniform(0.1, 0.9, (2, kernels.shape[1])), axis=0)
    places = (shares * len(responses)).astype(int)
    return np.take_along_axis(responses, places, axis=0)
