"""What the checks feed an estimator: sample data, and the same with gaps."""

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.pipeline import Pipeline

from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.compose.union import MultimodalFeatureUnion
from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.transformers.audio import AudioTransformer
from sklearn_mm.transformers.image import ImageTransformer
from sklearn_mm.transformers.pretrained.audio import PretrainedAudioTransformer
from sklearn_mm.transformers.pretrained.image import PretrainedImageTransformer
from sklearn_mm.transformers.pretrained.text import PretrainedTextTransformer
from sklearn_mm.transformers.text import TextTransformer
from sklearn_mm.transformers.timeseries import TimeSeriesTransformer

MIN_ROWS = 4


def is_predictor(estimator):
    """Tell whether an estimator predicts, and does not transform."""
    return is_classifier(estimator) or is_regressor(estimator)


def first_step(estimator):
    """Give the first step of a pipeline, and any other estimator as it is."""
    return estimator[0] if isinstance(estimator, Pipeline) else estimator


def check_data(estimator, X, y):
    """Check what the user gave, or find data of our own.

    Returns
    -------
    X : list of cells, MultimodalFeatures, or DataFrame
    y : ndarray of shape (n_samples,), or None
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"an instance is checked, found the class {estimator.__name__}. Use "
            f"{estimator.__name__}()."
        )
    if X is None:
        X = _sample_data(estimator)
    is_table = hasattr(X, "columns")
    if is_table and not hasattr(X, "iloc"):
        raise TypeError(
            f"X must be a pandas table, found a {type(X).__name__}. The checks turn it "
            "into those of polars and pyarrow."
        )
    if not is_table and not isinstance(X, MultimodalFeatures):
        X = list(X)
    if len(X) < MIN_ROWS:
        raise ValueError(f"X must have at least {MIN_ROWS} rows, found {len(X)}")
    if y is None and is_predictor(estimator):
        y = _sample_target(estimator, len(X))
    return X, None if y is None else np.asarray(y)


def _sample_data(estimator):
    """Find data for an estimator: cells by its first step, or features."""
    step = first_step(estimator)
    rng = np.random.default_rng(0)
    if isinstance(step, ImageTransformer | PretrainedImageTransformer):
        shapes = [(20, 30, 3), (16, 16), (9, 40, 4), (32, 20, 1), (24, 24, 3), (8, 9)]
        return [rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]
    if isinstance(step, AudioTransformer | PretrainedAudioTransformer):
        seconds = np.array([0.1, 0.5, 0.3, 0.2, 0.4, 0.15])
        lengths = (seconds * (step.sampling_rate or 16000)).astype(int)
        return [rng.normal(0, 0.1, n).astype(np.float32) for n in lengths]
    if isinstance(step, TextTransformer | PretrainedTextTransformer):
        return [
            "a red fox and a blue bird",
            "a bird",
            "the fox, the bird, the red",
            "blue blue blue",
            "貓和狗 and the fox",
            "and the blue fox and the bird and the red bird",
        ]
    if isinstance(step, TimeSeriesTransformer):
        return [rng.uniform(1, 3, n_steps) for n_steps in (12, 30, 7, 1, 21, 16)]
    if is_predictor(step):
        return _sample_features(rng)
    raise ValueError(
        f"the checks have no data for {type(step).__name__}: pass X, a list of cells "
        "for a transformer of one column, else a pandas table that it can be fitted on"
    )


def _sample_features(rng, n_samples=16):
    """Make features of all kinds, the sequences of unequal lengths."""

    def ragged(longest, make):
        return [make(length) for length in rng.integers(1, longest + 1, n_samples)]

    images = rng.integers(0, 256, (n_samples, 1, 8, 8), dtype=np.uint8)
    texts = ragged(6, lambda n: rng.integers(0, 9, n, dtype=np.int32))
    series = ragged(11, lambda n: rng.normal(size=(n, 2)).astype(np.float32))
    points = ragged(4, lambda n: rng.normal(size=(n, 3)).astype(np.float32))
    return MultimodalFeatures(
        {
            "image": FeatureBlock(images, np.arange(n_samples + 1), "image"),
            "text": FeatureBlock.from_samples(texts, "tokens", vocabulary_size=9),
            "series": FeatureBlock.from_samples(series, "sequence"),
            "points": FeatureBlock.from_samples(points, "set"),
            "table": rng.normal(size=(n_samples, 2)),
        }
    )


def _sample_target(estimator, n_samples):
    """Make labels of three classes, one of them twice as frequent; or numbers."""
    if is_classifier(estimator):
        return np.resize(["bird", "bird", "cat", "dog"], n_samples)
    return np.resize([0.0, 1.5, 5.0, -2.0, 3.0], n_samples)


def modalities(fitted, X):
    """List what can be missing on its own: for each the names that `hide` takes."""
    if isinstance(X, list):
        return [None]
    if isinstance(X, MultimodalFeatures):
        return [[name] for name in X.names]
    step = first_step(fitted)
    if isinstance(step, MultimodalFeatureUnion):
        return [
            [columns] if np.isscalar(columns) else list(columns)
            for _, _, columns in step.transformers_
        ]
    return [list(X.columns)]


def hide(X, rows, names=None, cell=None):
    """Copy X without some cells.

    Parameters
    ----------
    X : list of cells, MultimodalFeatures, or DataFrame
        Left as it is.
    rows : list of int
        Which rows lose them.
    names : list of str, default=None
        Of the columns or modalities. None: all.
    cell : None, NaN or pd.NA
        What stands in their place; NaN in a column of numbers.
    """
    hidden = np.zeros(len(X), dtype=bool)
    hidden[rows] = True
    if isinstance(X, list):
        return [cell if gone else kept for gone, kept in zip(hidden, X, strict=True)]
    if isinstance(X, MultimodalFeatures):
        names = X.names if names is None else names
        blocks = {name: _hide_tokens(X[name], hidden) for name in names}
        return MultimodalFeatures({**X.blocks, **blocks})
    import pandas as pd

    X = X.copy()
    for name in X.columns if names is None else names:
        if getattr(X[name].dtype, "kind", "O") in "fiub":
            X[name] = X[name].astype(float).mask(hidden)
        else:
            cells = hide(list(X[name]), rows, cell=cell)
            X[name] = pd.Series(cells, index=X.index, dtype=object)
    return X


def _hide_tokens(block, hidden):
    kept = np.repeat(~hidden, block.lengths)
    lengths = np.where(hidden, 0, block.lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return FeatureBlock(
        block.values[kept],
        offsets,
        block.kind,
        vocabulary_size=block.vocabulary_size,
    )


def missing_cells():
    """List what a missing cell may be."""
    import pandas as pd

    return [None, np.nan, pd.NA]
