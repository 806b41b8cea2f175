"""What a linear model reads from numbers and words, beside what attention does.

A vote is what one token adds to the outputs. The weights are fitted before training
(:mod:`sklearn_mm.estimators.linear`) and stay: the network learns what they leave. How
far a token's vote is trusted is learned from the token: 1 at first, from 0 to 2.
"""

import torch
from torch import nn

from sklearn_mm.nn.attention import length_mask

# Of a word beside a deviation of a number: the strength of both is chosen as one.
WORD_SCALE = 0.3


class Votes(nn.Module):
    """Votes for the outputs by the tokens of a modality.

    Parameters
    ----------
    n_outputs, n_inputs : int
        Of the linear map.
    width : int
        Of the tokens.
    """

    def __init__(self, n_outputs, n_inputs, width):
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_outputs, n_inputs))
        self.trust = nn.Parameter(torch.zeros(width))
        # How far trust is followed that differs from 1.
        self.register_buffer("learned_share", torch.ones(()))

    def forward(self, values, lengths, tokens):
        """Vote by each token.

        Parameters
        ----------
        values : Tensor of shape (batch, steps, *token_shape)
            What was encoded.
        lengths : Tensor of shape (batch,)
            Steps of each row.
        tokens : Tensor of shape (batch, steps', width)
            What the encoder made of them. Where it made one of each step, or of each
            feature of a vector, each votes for its own, else the first one for all.

        Returns
        -------
        Tensor of shape (batch, steps', n_outputs)
        """
        if tokens.shape[1] == self.n_parts(values):
            votes = self.parts(values, lengths)
        else:
            together = self.together(values, lengths)[:, None]
            votes = nn.functional.pad(together, (0, 0, 0, tokens.shape[1] - 1))
        trust = 2 * torch.sigmoid(tokens @ self.trust)
        return votes * (1 + self.learned_share * (trust - 1))[..., None]


class VectorVotes(Votes):
    """Votes of numbers, standardised.

    A missing number counts as the mean; for the features that had missing numbers among
    the training rows, whether it was missing is a further input.

    Parameters
    ----------
    standardize : Module
        Of the features.
    n_features : int
        Of a vector.
    may_miss : ndarray of int
        The features that had missing numbers.
    n_outputs, width
        As in :class:`Votes`.
    """

    def __init__(self, standardize, n_features, may_miss, *, n_outputs, width):
        super().__init__(n_outputs, n_features + len(may_miss), width)
        self.standardize = standardize
        self.register_buffer("may_miss", torch.as_tensor(may_miss, dtype=torch.int64))
        self.n_features = n_features

    def n_parts(self, values):
        """Give the number of features."""
        return self.n_features

    def inputs(self, values):
        """Give what is weighed of (batch, n_features): (batch, n_inputs)."""
        missing = values[:, self.may_miss].isnan()
        inputs = self.standardize(values)
        return torch.cat([inputs, missing.to(inputs.dtype)], dim=1)

    def parts(self, values, lengths):
        """Give the vote of each feature: (batch, n_features, n_outputs)."""
        values = values[:, 0]
        weight = self.weight[:, : self.n_features]
        of_missing = torch.zeros_like(weight).index_add(
            1, self.may_miss, self.weight[:, self.n_features :]
        )
        votes = self.standardize(values)[..., None] * weight.T
        return votes + values.isnan()[..., None] * of_missing.T

    def together(self, values, lengths):
        """Give the vote of all features: (batch, n_outputs)."""
        return self.inputs(values[:, 0]) @ self.weight.T


class WordVotes(Votes):
    """Votes of token ids: how often each stands in the row counts.

    Parameters
    ----------
    vocabulary_size : int
        Number of distinct ids.
    n_outputs, width
        As in :class:`Votes`.
    """

    def __init__(self, vocabulary_size, *, n_outputs, width):
        super().__init__(n_outputs, vocabulary_size, width)

    def parts(self, values, lengths):
        """Give the vote of each word: (batch, steps, n_outputs)."""
        votes = WORD_SCALE * nn.functional.embedding(values, self.weight.T)
        return votes * length_mask(lengths, values.shape[1])[..., None]

    def n_parts(self, values):
        """Give the number of steps."""
        return values.shape[1]

    def together(self, values, lengths):
        """Give the vote of all words: (batch, n_outputs)."""
        return self.parts(values, lengths).sum(dim=1)
