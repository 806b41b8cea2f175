"""How numbers enter: standardised, or as an embedding of each feature.

The embeddings are those of Gorishniy, Rubachev and Babenko, "On Embeddings for
Numerical Features in Tabular Deep Learning" (2022). They take values of shape
``(batch, ..., n_features)`` to ``(batch, ..., n_features, size)``.
"""

import math

import numpy as np
import torch
from torch import nn

# In deviations for a number, in bins for an end of the piecewise-linear encoding.
LARGEST = 10.0


class Standardize(nn.Module):
    """Subtract the mean and divide by the deviation of the training rows.

    A value beyond ten deviations is clipped: one wild cell must not decide a
    prediction. A NaN becomes 0, the mean.
    """

    def __init__(self, mean, deviation):
        super().__init__()
        # In the precision of the statistics: dates in seconds need float64 here.
        self.register_buffer("mean", torch.as_tensor(mean))
        scale = torch.as_tensor(deviation)
        # A constant feature keeps its (zero) deviation from the mean.
        self.register_buffer("scale", torch.where(scale > 0, scale, 1.0))

    def forward(self, values):
        """Standardise along the last axis, to float32."""
        values = values.to(self.mean.dtype)
        values = ((values - self.mean) / self.scale).float()
        return values.clamp(-LARGEST, LARGEST).nan_to_num(0.0)


class FeatureLinear(nn.Module):
    """A linear layer of its own for each feature.

    Parameters
    ----------
    n_features, n_inputs, n_outputs : int
        From (batch, ..., n_features, n_inputs) to (batch, ..., n_features, n_outputs).
    """

    def __init__(self, n_features, n_inputs, n_outputs):
        super().__init__()
        bound = 1 / math.sqrt(n_inputs)  # as in torch's Linear
        weight = torch.empty(n_features, n_inputs, n_outputs).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight)
        bias = torch.empty(n_features, n_outputs).uniform_(-bound, bound)
        self.bias = nn.Parameter(bias)

    def forward(self, inputs):
        """Transform each feature."""
        return torch.einsum("...fi,fio->...fo", inputs, self.weight) + self.bias


class PeriodicEncoding(nn.Module):
    """Sines and cosines of a number at learned frequencies.

    ``concat(sin(v), cos(v))`` with ``v = 2 pi c x``, where the frequencies c of each
    feature begin as draws from the normal distribution of deviation ``scale``.

    Parameters
    ----------
    n_features, n_frequencies : int
        From (batch, ..., n_features) to (batch, ..., n_features, 2 n_frequencies).
    scale : float
        The sigma of the paper.
    """

    def __init__(self, n_features, n_frequencies, scale):
        super().__init__()
        self.frequencies = nn.Parameter(scale * torch.randn(n_features, n_frequencies))

    def forward(self, values):
        """Encode standardised values."""
        angles = 2 * math.pi * self.frequencies * values[..., None]
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class PiecewiseLinearEncoding(nn.Module):
    """How much of each bin lies below a number: all is 1, nothing 0, linear within.

    The first bin goes on below its lower edge and the last above its upper edge.
    Departure from the paper: for ten of their widths only, since one wild cell must
    not decide a prediction. A NaN, which the paper does not treat, counts as the mean.

    Parameters
    ----------
    edges : ndarray of shape (n_bins + 1, n_features)
        Of the bins of each feature, such as quantiles. Equal edges count once; the
        bins that a feature has fewer than another stay 0. NaN: no bins at all.
    mean : ndarray of shape (n_features,)
        Of the features.
    """

    def __init__(self, edges, mean):
        super().__init__()
        shape = (edges.shape[1], len(edges) - 1)
        lower, width = np.zeros(shape, edges.dtype), np.ones(shape, edges.dtype)
        least, most = np.zeros(shape, edges.dtype), np.zeros(shape, edges.dtype)
        for feature, column in enumerate(edges.T):
            distinct = np.unique(column[~np.isnan(column)])
            n_bins = max(0, len(distinct) - 1)
            if not n_bins:
                continue
            lower[feature, :n_bins] = distinct[:-1]
            width[feature, :n_bins] = np.diff(distinct)
            most[feature, :n_bins] = 1.0
            least[feature, 0], most[feature, n_bins - 1] = -LARGEST, LARGEST
        # In the precision of the values, as in Standardize.
        self.register_buffer("mean", torch.as_tensor(mean))
        self.register_buffer("lower", torch.as_tensor(lower))
        self.register_buffer("width", torch.as_tensor(width))
        self.register_buffer("least", torch.as_tensor(least))
        self.register_buffer("most", torch.as_tensor(most))

    def forward(self, values):
        """Encode raw values: (batch, ..., n_features, n_bins), float32."""
        values = torch.where(values.isnan(), self.mean, values)
        passed = (values[..., None] - self.lower) / self.width
        return passed.clamp(self.least, self.most).float()
