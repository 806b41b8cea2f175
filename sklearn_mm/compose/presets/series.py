"""Series: statistics and spectra of the channels; randomised trees, linear models."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_mm.compose.presets.convolutions import Convolutions, JoinedSeries
from sklearn_mm.compose.presets.outputs import PerOutputClassifier
from sklearn_mm.transformers.timeseries import TimeSeriesTransformer

QUANTILES = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)

# Bands of the spectrum, narrower where they are slower.
N_BANDS = 24

# C of linear models: of statistics, and of responses to kernels, which are many.
C_STATISTICS, C_RESPONSES = 0.03, 0.002

# Of more channels neither the correlations nor the size of all is told.
MAX_CHANNELS = 12


def make_series_features():
    """Describe a series by moments, quantiles, spectrum and correlations.

    Returns
    -------
    Pipeline
        From a column of series to an array, with rows of NaN where they are missing.
    """
    series = TimeSeriesTransformer(scaling=None, on_error="missing")
    statistics = FunctionTransformer(describe_series, feature_names_out=name_statistics)
    return Pipeline([("cells", series), ("statistics", statistics)])


def make_joint_features(keys):
    """Describe series of several columns as :func:`make_series_features` does each.

    Parameters
    ----------
    keys : list of str or int
        The columns.

    Returns
    -------
    ColumnTransformer
        From a table to an array, NaN where a series is missing.
    """
    steps = [(f"series{i}", make_series_features(), key) for i, key in enumerate(keys)]
    return ColumnTransformer(steps)


def make_responses(random_state):
    """Convolve series of one column, or several together, with random kernels.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        Of the kernels.

    Returns
    -------
    Pipeline
        From a column or table to an array, with rows of NaN where all are missing.
    """
    responses = Convolutions(random_state=random_state)
    return Pipeline([("cells", JoinedSeries()), ("responses", responses)])


def make_linear_models(C):
    """Make linear models of many numbers, of which some may be missing.

    Parameters
    ----------
    C : float
        Of the logistic regression: the larger, the less it is shrunk. The strength of
        ridge regression is chosen by cross-validation.

    Returns
    -------
    classifier, regressor : Pipeline
    """
    logistic = PerOutputClassifier(LogisticRegression(C=C, max_iter=500))
    steps = [
        ("scale", StandardScaler()),
        ("fill", SimpleImputer(keep_empty_features=True)),
    ]
    return (
        Pipeline([*steps, ("linear", logistic)]),
        Pipeline([*steps, ("linear", RidgeCV(np.logspace(0, 5, 6)))]),
    )


def make_tree_models(random_state):
    """Make extremely randomised trees.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        Of the trees.

    Returns
    -------
    classifier, regressor : estimator
    """
    # Of a number the noise is large; a class is one or the other.
    settings = {"n_estimators": 300, "random_state": random_state}
    return (
        ExtraTreesClassifier(**settings),
        ExtraTreesRegressor(**settings, min_samples_leaf=2, max_features=1 / 3),
    )


def describe_series(block):
    """Describe sequences of any length by numbers.

    Parameters
    ----------
    block : FeatureBlock
        Of the kind "sequence": the channels of each step.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        NaN where a sequence is missing.
    """
    sequences = np.split(block.values, block.offsets[1:-1])  # (steps, channels) each
    described = [_describe(series) if len(series) else None for series in sequences]
    width = len(_describe(np.zeros((1, block.token_shape[0]))))
    rows = np.full((len(described), width), np.nan)
    for row, numbers in enumerate(described):
        if numbers is not None:
            rows[row] = numbers
    return rows


def name_statistics(transformer, input_features):
    """Name by numbers what :func:`describe_series` gives."""
    n_channels = len(input_features) // 3  # of the flat view: mean, deviation, maximum
    width = len(_describe(np.zeros((1, n_channels))))
    return np.array([f"statistic{i}" for i in range(width)], dtype=object)


def _describe(series):
    """List features of a series (steps, channels)."""
    series = np.asarray(series, dtype=np.float64)
    n_channels = series.shape[1]
    correlations = []
    if 1 < n_channels <= MAX_CHANNELS:
        correlations = _correlate(series)
        size = np.linalg.norm(series, axis=1, keepdims=True)
        series = np.hstack([series, size])
    mean, spread = series.mean(axis=0), series.std(axis=0)
    scaled = (series - mean) / np.where(spread > 0, spread, 1)
    changes = np.diff(series, axis=0) if len(series) > 1 else np.zeros_like(series)
    return np.concatenate(
        [
            mean,
            spread,
            (scaled**3).mean(axis=0),
            (scaled**4).mean(axis=0),
            np.abs(changes).mean(axis=0),
            changes.std(axis=0),
            np.quantile(series, QUANTILES, axis=0).ravel(),
            series[0],
            series[-1],
            ((scaled[1:] * scaled[:-1]) < 0).sum(axis=0) / len(series),
            _spectrum(series - mean),
            correlations,
            [len(series)],
        ]
    )


def _correlate(series):
    """Correlate each two channels."""
    centred = series - series.mean(axis=0)
    centred = centred / (np.linalg.norm(centred, axis=0) + 1e-12)
    return (centred.T @ centred)[np.triu_indices(series.shape[1], 1)]


def _spectrum(centred):
    """Give the log power in bands, and the strongest frequency, of each channel."""
    n_steps = len(centred)
    power = np.abs(np.fft.rfft(centred, axis=0)) ** 2 / n_steps
    frequencies = np.fft.rfftfreq(n_steps)  # cycles a step, 0 to 0.5
    if len(frequencies) < 2:
        return np.zeros((N_BANDS + 1) * centred.shape[1])
    # Log of power, so that weak bands count too, above what rounding leaves.
    logs = np.log(power[1:] + 1e-6 * power.max(axis=0) + 1e-12)
    bands = 0.5 * (np.arange(1, N_BANDS + 1) / N_BANDS) ** 1.5
    found = [np.interp(bands, frequencies[1:], channel) for channel in logs.T]
    strongest = frequencies[power.argmax(axis=0)]
    return np.concatenate([*found, strongest])
