"""Whole batches cut out of the blocks: what the network is fed."""

from functools import cached_property

import numpy as np
import torch
from scipy import sparse

from sklearn_mm.estimators.modality import exact_float

# Batches of training rows among which rows are ordered by length. More batches have
# less padding, and rows of one length meet each other more often.
N_BATCHES_TOGETHER = 16
N_ROWS_TOGETHER = 4096  # the same in prediction, in rows


def pad_block(block, rows):
    """Cut rows out of a block and pad them with zeros to the longest.

    Parameters
    ----------
    block : FeatureBlock
        Of all samples.
    rows : ndarray of int of shape (batch,)
        Which samples.

    Returns
    -------
    values : Tensor of shape (batch, steps, *token_shape)
    lengths : Tensor of shape (batch,), int64
    """
    starts = block.offsets[rows]
    lengths = block.offsets[rows + 1] - starts
    values = block.values  # once: it may be on disk
    n_steps = int(lengths.max(initial=0))
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
    return torch.from_numpy(padded), torch.from_numpy(lengths)


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


class FusionDataset(torch.utils.data.Dataset):
    """Features, targets and weights of the rows that are trained on or predicted.

    Parameters
    ----------
    features : MultimodalFeatures
        Of all samples.
    rows : ndarray of int, default=None
        The samples that count, in order; one may occur several times. None: all.
    target : Tensor of shape (len(rows), ...), default=None
        What is to be predicted.
    weight : Tensor of shape (len(rows),), default=None
        Of each row in the loss. None: one.
    """

    def __init__(self, features, rows=None, target=None, weight=None):
        self.features = features
        self.rows = np.arange(len(features)) if rows is None else rows
        self.target = torch.zeros(len(self.rows)) if target is None else target
        self.weight = torch.ones(len(self.rows)) if weight is None else weight

    @cached_property
    def lengths(self):
        """By which rows go together into batches with little padding, in training.

        ndarray of int of shape (len(rows),), or None.
        """
        return most_unequal_lengths(self.features, self.rows)

    def __len__(self):
        return len(self.rows)

    def batch(self, places):
        """Cut a batch out: what skorch hands to the network and to the loss."""
        rows = self.rows[places]
        padded = {
            name: pad_block(block, rows) for name, block in self.features.blocks.items()
        }
        return {"batch": padded}, (self.target[places], self.weight[places])


class BatchIterator:
    """Iterate over a FusionDataset batch by batch; takes DataLoader's place in skorch.

    Parameters
    ----------
    dataset : FusionDataset
        What to cut.
    batch_size : int
        Rows a batch; the last may have fewer.
    shuffle : bool, default=False
        Whether the order is drawn anew, from torch's random state: rows at random into
        groups of :data:`N_BATCHES_TOGETHER` batches, there by length, then the batches
        at random (sequence bucketing, Khomenko et al. 2016).
    drop_last : bool, default=False
        Whether the rows are left out that do not fill a batch; others each epoch.

    Raises
    ------
    ValueError
        If ``drop_last`` leaves no rows.
    """

    def __init__(self, dataset, batch_size, shuffle=False, drop_last=False):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        if drop_last and len(dataset) < batch_size:
            raise ValueError(
                f"drop_last leaves no batch: found {len(dataset)} rows and a "
                f"batch_size of {batch_size}. Lower batch_size or leave drop_last out."
            )

    def __len__(self):
        if self.drop_last:
            return len(self.dataset) // self.batch_size
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self):
        order = np.arange(len(self.dataset))
        if self.shuffle:
            order = torch.randperm(len(order)).numpy()
        if self.drop_last:
            order = order[: len(self) * self.batch_size]
        lengths = self.dataset.lengths
        if not self.shuffle or lengths is None:
            yield from map(self.dataset.batch, self._split(order))
            return
        # Of few batches not all together, or every epoch would have the same ones.
        n_together = min(N_BATCHES_TOGETHER, max(1, len(self) // 2))
        order = order_by_length(order, lengths, n_together * self.batch_size)
        batches = self._split(order)
        for number in torch.randperm(len(batches)).tolist():
            yield self.dataset.batch(batches[number])

    def _split(self, order):
        starts = range(0, len(order), self.batch_size)
        return [order[start : start + self.batch_size] for start in starts]
