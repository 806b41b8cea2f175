"""Sound: slices of the spectrogram."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mm.transformers.audio import AudioTransformer

N_SLICES = 16

# Of the kernel model.
N_COMPONENTS, C = 50, 100


def make_sound_features(**options):
    """Describe a clip by slices of its log-mel spectrogram, and its length.

    Parameters
    ----------
    **options
        Of :class:`AudioTransformer`: where clips are.

    Returns
    -------
    Pipeline
        From a column of clips to an array, with rows of NaN where they are missing.
    """
    mels = AudioTransformer(n_mels=40, on_error="missing", **options)
    slices = FunctionTransformer(slice_frames, feature_names_out=name_slices)
    return Pipeline([("cells", mels), ("slices", slices)])


def name_slices(transformer, input_features):
    """Name what :func:`slice_frames` gives, by slice and band."""
    n_bands = len(input_features) // 3  # of the flat view: mean, deviation, maximum
    names = [f"slice{i}_{band}" for i in range(N_SLICES) for band in range(n_bands)]
    return np.array([*names, "n_frames"], dtype=object)


def slice_frames(block):
    """Cut sequences into as many slices whatever their length, and give their length.

    Parameters
    ----------
    block : FeatureBlock
        Of the kind "sequence".

    Returns
    -------
    ndarray of shape (n_samples, N_SLICES * d + 1)
        NaN where a sequence is missing.
    """
    width = N_SLICES * block.token_shape[0]
    rows = np.full((len(block), width + 1), np.nan)
    sequences = np.split(block.values, block.offsets[1:-1])  # (steps, bands) each
    for row, frames in enumerate(sequences):
        if not len(frames):
            continue
        middles = np.linspace(0, len(frames) - 1, N_SLICES)
        before = middles.astype(int)
        after = np.minimum(before + 1, len(frames) - 1)
        share = (middles - before)[:, None]
        slices = (1 - share) * frames[before] + share * frames[after]
        rows[row] = np.append(slices.ravel(), len(frames))
    return rows
