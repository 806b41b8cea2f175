"""What a linear model reads from vectors, beside what attention makes of them."""

import torch
from torch import nn


class LinearVotes(nn.Module):
    """A linear map from the vectors of a modality to the outputs.

    Its weights are fitted before training (:mod:`sklearn_mm.estimators.linear`) and
    stay: the network learns what they leave. How far a row's vote is trusted is
    learned from its token: 1 at first, and between 0 and 2. A missing number counts as
    the mean; for the features that had missing numbers among the training rows,
    whether it was missing is a further input.

    Parameters
    ----------
    standardize : Module
        Of the features.
    n_features : int
        Of a vector.
    may_miss : ndarray of int
        The features that had missing numbers.
    n_outputs : int
        Of the network.
    width : int
        Of the tokens.
    """

    def __init__(self, standardize, n_features, may_miss, n_outputs, width):
        super().__init__()
        self.standardize = standardize
        self.register_buffer("may_miss", torch.as_tensor(may_miss, dtype=torch.int64))
        self.n_features = n_features
        weight = torch.zeros(n_outputs, n_features + len(may_miss))
        self.register_buffer("weight", weight)
        self.trust = nn.Parameter(torch.zeros(width))

    def inputs(self, values):
        """Give what is weighed of (batch, n_features): (batch, n_inputs)."""
        missing = values[:, self.may_miss].isnan()
        inputs = self.standardize(values)
        return torch.cat([inputs, missing.to(inputs.dtype)], dim=1)

    def forward(self, values, tokens):
        """Vote by each token.

        Parameters
        ----------
        values : Tensor of shape (batch, 1, n_features)
            The vectors.
        tokens : Tensor of shape (batch, steps, width)
            What the encoder made of them. Where it made one of each feature, each
            votes for its own, else the first one for all.

        Returns
        -------
        Tensor of shape (batch, steps, n_outputs)
        """
        inputs = self.inputs(values[:, 0])
        if 1 < tokens.shape[1] == self.n_features:
            votes = self._by_feature(inputs)
        else:
            votes = nn.functional.pad(
                (inputs @ self.weight.T)[:, None], (0, 0, 0, tokens.shape[1] - 1)
            )
        return votes * 2 * torch.sigmoid(tokens @ self.trust)[..., None]

    def _by_feature(self, inputs):
        by_input = inputs[..., None] * self.weight.T
        votes, of_missing = by_input.tensor_split([self.n_features], dim=1)
        return votes.index_add(1, self.may_miss, of_missing)
