"""Sound: slices of the spectrogram."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mm.transformers.audio import AudioTransformer

N_SLICES = 16

# Of the kernel model.
N_COMPONENTS, C = 50, 100


def make_sound_features():
    """Describe a clip by slices of its log-mel spectrogram, and its length.

    Returns
    -------
    Pipeline
        From a column of clips to an array, with rows of NaN where they are missing.
    """
    mels = AudioTransformer(n_mels=40, on_error="missing")
    return Pipeline([("cells", mels), ("slices", FunctionTransformer(slice_frames))])


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
