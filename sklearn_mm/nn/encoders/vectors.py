"""Encoders of rows of numbers: as one token, or as one for each feature."""

import torch
from torch import nn


class VectorEncoder(nn.Module):
    """A multi-layer perceptron: one vector, one token.

    A missing number counts as the mean; for the features that had missing numbers
    among the training rows, whether it was missing is a further input.

    Parameters
    ----------
    embed : Module
        From values to ``(batch, 1, n_inputs)``.
    n_inputs : int
        What it gives.
    may_miss : ndarray of int
        The features that had missing numbers.
    hidden_size, n_layers
        Of the perceptron.
    width, dropout
        Of the token.
    """

    def __init__(
        self, embed, n_inputs, *, may_miss, hidden_size, n_layers, width, dropout
    ):
        super().__init__()
        self.embed = embed
        self.register_buffer("may_miss", torch.as_tensor(may_miss, dtype=torch.int64))
        sizes = [n_inputs + len(may_miss), *[hidden_size] * n_layers]
        layers = []
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], width))
        self.norm = nn.LayerNorm(width)

    def forward(self, values, lengths):
        """Encode (batch, 1, n_features)."""
        inputs = self.embed(values)
        if len(self.may_miss):
            missing = values[..., self.may_miss].isnan().to(inputs.dtype)
            inputs = torch.cat([inputs, missing], dim=-1)
        return self.norm(self.layers(inputs)), lengths

    def spans(self, n_steps, token_shape):
        """Say that the token stands for the row."""
        return {"start": [0], "end": [1]}


class FeatureTokenEncoder(nn.Module):
    """One token for each feature (Gorishniy et al. 2021, the feature tokenizer).

    A missing number has a learned token of its feature instead, where the feature had
    missing numbers among the training rows; elsewhere none could be learned, and it
    counts as the mean.

    Parameters
    ----------
    embed : Module
        From values (batch, n_features) to ``(batch, n_features, width)``.
    n_features : int
        Of a row.
    may_miss : ndarray of int
        The features that had missing numbers.
    width : int
        Of the tokens.
    """

    def __init__(self, embed, n_features, *, may_miss, width):
        super().__init__()
        self.embed = embed
        learned = torch.zeros(n_features, dtype=torch.bool)
        learned[torch.as_tensor(may_miss, dtype=torch.int64)] = True
        self.register_buffer("may_miss", learned)
        self.missing_tokens = nn.Parameter(0.02 * torch.randn(n_features, width))

    def forward(self, values, lengths):
        """Encode (batch, 1, n_features)."""
        values = values[:, 0]
        missing = (values.isnan() & self.may_miss)[..., None]
        tokens = torch.where(missing, self.missing_tokens, self.embed(values))
        return tokens, lengths * tokens.shape[1]

    def spans(self, n_steps, token_shape):
        """Say which feature each token stands for."""
        (n_features,) = token_shape
        return {
            "start": [0] * n_features,
            "end": [1] * n_features,
            "feature": list(range(n_features)),
        }
