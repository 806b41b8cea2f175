"""Whole batches cut out of the blocks: what the network is fed."""

from functools import cached_property

import numpy as np
import torch

from sklearn_mm.estimators.padding import (
    most_unequal_lengths,
    order_by_length,
    pad_rows,
)

# Batches of training rows among which rows are ordered by length. More batches have
# less padding, and rows of one length meet each other more often.
N_BATCHES_TOGETHER = 16


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
    values, lengths = pad_rows(block, rows)
    return torch.from_numpy(values), torch.from_numpy(lengths)


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

    Attributes
    ----------
    pins : bool
        Whether batches are put where a GPU can fetch them while the processor goes on.

    Raises
    ------
    ValueError
        If ``drop_last`` leaves no rows.
    """

    pins = False

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
            yield from map(self._cut, self._split(order))
            return
        # Of few batches not all together, or every epoch would have the same ones.
        n_together = min(N_BATCHES_TOGETHER, max(1, len(self) // 2))
        order = order_by_length(order, lengths, n_together * self.batch_size)
        batches = self._split(order)
        for number in torch.randperm(len(batches)).tolist():
            yield self._cut(batches[number])

    def _cut(self, places):
        batch = self.dataset.batch(places)
        return pinned(batch) if self.pins else batch

    def _split(self, order):
        starts = range(0, len(order), self.batch_size)
        return [order[start : start + self.batch_size] for start in starts]


def pinned(batch):
    """Copy the tensors of a batch to memory that is not paged.

    Parameters
    ----------
    batch : Tensor, or nested tuple or dict of them
        On the processor.

    Returns
    -------
    As ``batch``
    """
    if isinstance(batch, dict):
        return {name: pinned(part) for name, part in batch.items()}
    if isinstance(batch, tuple):
        return tuple(pinned(part) for part in batch)
    return batch.pin_memory()
