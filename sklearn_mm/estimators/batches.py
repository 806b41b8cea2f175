"""Whole batches cut out of the blocks: what the network is fed."""

import numpy as np
import torch
from scipy import sparse


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
    if padded.dtype.kind not in "fu" or padded.dtype.itemsize == 2:
        # Ids become int64; half precision and wide integers what torch computes with.
        padded = padded.astype(np.int64 if block.kind == "tokens" else np.float32)
    return torch.from_numpy(padded), torch.from_numpy(lengths)


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
        Whether the order is drawn anew, from torch's random state.
    """

    def __init__(self, dataset, batch_size, shuffle=False):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self):
        n_rows = len(self.dataset)
        order = torch.randperm(n_rows) if self.shuffle else torch.arange(n_rows)
        for start in range(0, n_rows, self.batch_size):
            yield self.dataset.batch(order[start : start + self.batch_size].numpy())
