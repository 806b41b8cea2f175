"""Made-up rows, on which a graph is traced and compared."""

import numpy as np

from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.features import MultimodalFeatures


def make_rows(modalities, *, n_rows, n_steps, missing, seed=0):
    """Make rows up that look like those of the training, as far as one knows.

    Parameters
    ----------
    modalities : dict of str to Modality
        As fitted.
    n_rows : int
        How many.
    n_steps : int
        Of the longest; the others have from 1 to so many.
    missing : bool
        Whether each modality is missing in a part of the rows, and all of them in the
        last.
    seed : int, default=0
        Of what is drawn.

    Returns
    -------
    MultimodalFeatures
    """
    rng = np.random.default_rng(seed)
    return MultimodalFeatures(
        [
            (name, _make_block(modality, rng, n_rows, n_steps, missing))
            for name, modality in modalities.items()
        ]
    )


def _make_block(modality, rng, n_rows, n_steps, missing):
    lengths = rng.integers(1, n_steps + 1, n_rows)
    lengths[0] = n_steps
    if modality.kind == "image":
        lengths = np.minimum(lengths, 2)
    elif modality.kind == "vector":
        lengths = np.ones(n_rows, dtype=np.int64)
    if missing:
        lengths[rng.random(n_rows) < 0.3] = 0
        lengths[-1] = 0
    values = _make_values(modality, rng, int(lengths.sum()))
    return FeatureBlock(
        values,
        np.concatenate([[0], np.cumsum(lengths)]),
        modality.kind,
        vocabulary_size=modality.vocabulary_size,
    )


def _make_values(modality, rng, n_tokens):
    """Draw ids, or numbers around the means of their features."""
    shape = (n_tokens, *modality.token_shape)
    if modality.kind == "tokens":
        return rng.integers(0, modality.vocabulary_size, shape)
    of_feature = (-1, *(1,) * (len(shape) - 2))
    mean, deviation = (
        each.reshape(of_feature) for each in (modality.mean, modality.deviation)
    )
    values = mean + deviation * rng.standard_normal(shape).astype(mean.dtype)
    if modality.kind == "vector" and len(modality.may_miss):
        gone = rng.random((n_tokens, len(modality.may_miss))) < 0.3
        values[:, modality.may_miss] = np.where(
            gone, np.nan, values[:, modality.may_miss]
        )
    return values
