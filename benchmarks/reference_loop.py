"""Train and predict with a plain PyTorch loop: what the estimator is measured against.

The network is the one that the estimator builds, and loss, optimizer, schedule and
clipping are the same, so that nothing but the estimator around them is measured. The
data are padded tensors that were made before the clock started; a batch is a slice of
an index, cut to its longest row.
"""

import math

import torch
from torch.nn import functional

from sklearn_mm.estimators.training import adamw


class PaddedTask:
    """The task as padded tensors.

    Parameters
    ----------
    task : seed_task.Task
        The rows.
    """

    def __init__(self, task):
        images = torch.from_numpy(task.images.transpose(0, 3, 1, 2))[:, None]
        ones = torch.ones(len(images), dtype=torch.int64)
        # int32 ids are looked up as they are.
        self.modalities = {
            "image": (images.contiguous(), ones),
            "text": (torch.from_numpy(task.texts), torch.from_numpy(task.text_lengths)),
            "audio": (
                torch.from_numpy(task.sounds),
                torch.from_numpy(task.sound_lengths),
            ),
        }
        self.y = torch.from_numpy(task.y)

    def __len__(self):
        return len(self.y)

    def batch(self, rows):
        """Cut a batch out; rows is a slice or a tensor of indices."""
        cut = {}
        for name, (values, lengths) in self.modalities.items():
            lengths = lengths[rows]
            cut[name] = values[rows, : int(lengths.max())], lengths
        return cut


def fit(network, data, *, epochs, batch_size, learning_rate, weight_decay, warm_up):
    """Train a network in place.

    Parameters
    ----------
    network : FusionNetwork
        Without auxiliary heads.
    data : PaddedTask
        The training rows.
    epochs, batch_size : int
        How long, and how many rows a step.
    learning_rate, weight_decay, warm_up : float
        As in ``AttentionFusionClassifier``, with its cosine schedule and clipping at 1.
    """
    network.train()
    parameters = list(network.parameters())
    optimizer = adamw(
        [{"params": parameters}], lr=learning_rate, weight_decay=weight_decay
    )
    n_steps = epochs * -(-len(data) // batch_size)
    n_warm = round(warm_up * n_steps)
    step = 0
    for _ in range(epochs):
        for rows in torch.randperm(len(data)).split(batch_size):
            done = (step - n_warm) / max(1, n_steps - n_warm)
            factor = 0.5 * (1 + math.cos(math.pi * done))
            factor = (step + 1) / n_warm if step < n_warm else factor
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * factor
            outputs = network(data.batch(rows))
            loss = functional.cross_entropy(outputs, data.y[rows])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            step += 1


@torch.inference_mode()
def predict(network, data, batch_size=64):
    """Predict class numbers: Tensor of shape (n,)."""
    network.eval()
    outputs = [
        network(data.batch(slice(start, start + batch_size)))
        for start in range(0, len(data), batch_size)
    ]
    return torch.cat(outputs).argmax(dim=1)
