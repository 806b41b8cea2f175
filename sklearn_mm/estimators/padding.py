"""Rows of blocks as padded arrays, and the order in which they need little padding."""

import numpy as np
from scipy import sparse

from sklearn_mm.estimators.modality import exact_float

N_ROWS_TOGETHER = 4096  # among which rows are ordered by length, in prediction


def pad_rows(block, rows, *, min_steps=0):
    """Cut rows out of a block and pad them with zeros to the longest.

    Parameters
    ----------
    block : FeatureBlock
        Of all samples.
    rows : ndarray of int of shape (batch,)
        Which samples.
    min_steps : int, default=0
        To which they are padded at least.

    Returns
    -------
    values : ndarray of shape (batch, steps, *token_shape)
        Of float32 or float64, uint8, or int64 for token ids.
    lengths : ndarray of shape (batch,), int64
    """
    starts = block.offsets[rows]
    lengths = block.offsets[rows + 1] - starts
    values = block.values  # once: it may be on disk
    n_steps = int(lengths.max(initial=min_steps))
    if n_steps == 1 and lengths.min() == 1:
        values = values[starts]
        values = values.toarray() if sparse.issparse(values) else values
        padded = np.asarray(values)[:, None]
    else:
        inside = np.arange(n_steps) < lengths[:, None]
        places = (starts[:, None] + np.arange(n_steps))[inside]
        values = values[places]
        values = values.toarray() if sparse.issparse(values) else values
        padded = np.zeros((len(rows), n_steps, *values.shape[1:]), values.dtype)
        padded[inside] = values
    if padded.dtype != np.uint8 and padded.dtype not in (np.float32, np.float64):
        is_tokens = block.kind == "tokens"
        padded = padded.astype(np.int64 if is_tokens else exact_float(padded.dtype))
    return padded, lengths


def order_by_length(rows, lengths, n_together):
    """Order rows by length within each stretch of ``n_together``.

    Parameters
    ----------
    rows : ndarray of int of shape (n,)
        In any order, which those of equal length keep.
    lengths : ndarray of int
        Of every row, by its number.
    n_together : int
        Rows of a stretch.

    Returns
    -------
    ndarray of int of shape (n,)
    """
    stretches = [
        rows[start : start + n_together] for start in range(0, len(rows), n_together)
    ]
    return np.concatenate(
        [stretch[np.argsort(lengths[stretch], kind="stable")] for stretch in stretches]
    )


def most_unequal_lengths(features, rows):
    """Tell how many tokens each row has of the modality in which they differ most.

    Parameters
    ----------
    features : MultimodalFeatures
        Of all samples.
    rows : ndarray of int of shape (n_rows,)
        Those that count.

    Returns
    -------
    ndarray of int of shape (n_rows,), or None
        None if the rows are equally long in each modality, or it is missing.
    """
    unequal = None, 0.0
    for block in features.blocks.values():
        lengths = block.lengths[rows]
        present = lengths[lengths > 0]
        spread = present.std() / present.mean() if len(present) else 0.0
        if spread > unequal[1]:
            unequal = lengths, spread
    return unequal[0]


def prediction_order(features):
    """Choose the order in which rows are predicted fast; some may come twice.

    Parameters
    ----------
    features : MultimodalFeatures
        Of all samples.

    Returns
    -------
    ndarray of int
        Every row, at least once.
    """
    n_rows = len(features)
    if all(block.kind == "vector" for block in features.blocks.values()):
        # Matrix products round a row alike whatever stands beside it, if the rows are
        # a multiple of eight. Of a table some more cost next to nothing.
        return np.minimum(np.arange(-(-n_rows // 8) * 8), n_rows - 1)
    rows = np.arange(n_rows)
    if n_rows == 1:
        return rows
    lengths = most_unequal_lengths(features, rows)
    if lengths is None:
        return rows
    # Not all at once: what lies on disk is read in stretches.
    return order_by_length(rows, lengths, N_ROWS_TOGETHER)
