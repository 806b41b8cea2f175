"""What a whole sequence tells, whatever its length."""

import torch
from torch import nn

from sklearn_mm.nn.attention import length_mask

N_STATISTICS = 6
SMALLEST = 1e-3  # below it a spread counts as none: its logarithm stays finite


def sequence_statistics(values, lengths):
    """Compute statistics of each feature over the steps of a row.

    Parameters
    ----------
    values : Tensor of shape (batch, steps, n_features)
        Padded.
    lengths : Tensor of shape (batch,), int64
        At least 1.

    Returns
    -------
    Tensor of shape (batch, 6 * n_features)
        The mean, the least and the largest value; the logarithms of the standard
        deviation, and of the mean absolute first and second difference from step to
        step, which tell how fast and how roughly the feature changes.
    """
    inside = length_mask(lengths, values.shape[1])[..., None]
    mean = _mean(values, inside)
    variance = _mean((values - mean[:, None]).square(), inside)
    least = values.masked_fill(~inside, torch.inf).amin(dim=1)
    largest = values.masked_fill(~inside, -torch.inf).amax(dim=1)
    changes = _changes(values)
    speed = _mean(changes.abs(), inside[:, 1:])
    roughness = _mean(_changes(changes).abs(), inside[:, 2:])
    logarithms = [
        # Not the square root, whose gradient at zero is infinite.
        variance.clamp(min=SMALLEST**2).log() / 2,
        speed.clamp(min=SMALLEST).log(),
        roughness.clamp(min=SMALLEST).log(),
    ]
    return torch.cat([mean, least, largest, *logarithms], dim=1)


def _changes(values):
    # Not diff, which ONNX does not have.
    return values[:, 1:] - values[:, :-1]


def _mean(values, inside):
    """Average over the steps that are inside, zero where there are none."""
    total = values.masked_fill(~inside, 0.0).sum(dim=1)
    return total / inside.sum(dim=1).clamp(min=1)


class SequenceContext(nn.Module):
    """One vector for each sequence, from its statistics.

    Statistics pooling, as in Snyder et al. 2018 ("X-Vectors: Robust DNN Embeddings for
    Speaker Recognition"), but of the sequence itself, not of what a network made of it:
    what trees learn from a few hundred rows, convolutions need thousands for.

    Parameters
    ----------
    n_features, width : int
        Of a step, and of the vector.
    dropout : float
        In the hidden layer.
    """

    def __init__(self, n_features, width, dropout):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(N_STATISTICS * n_features, 2 * width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
            nn.LayerNorm(width),
        )

    def forward(self, values, lengths):
        """Encode (batch, steps, n_features) as (batch, width)."""
        return self.layers(sequence_statistics(values, lengths))
