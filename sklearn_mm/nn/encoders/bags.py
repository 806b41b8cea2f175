"""Encoder of texts as bags of words and n-grams."""

import torch
from torch import nn

from sklearn_mm.nn.attention import length_mask
from sklearn_mm.nn.encoders.tokens import forget_tokens

# The factor is fastText's. The modulus, a Mersenne prime, keeps every product below
# 2**63: int64 never overflows, and every device computes the same.
HASH_FACTOR = 116_049_371
HASH_MODULUS = 2**31 - 1


def ngram_buckets(ids, n, n_buckets):
    """Hash every n-gram of ids.

    Parameters
    ----------
    ids : Tensor of shape (batch, steps), int64
        Below 2**31.
    n : int
        At most the steps.
    n_buckets : int
        At most 2**31 - 1.

    Returns
    -------
    Tensor of shape (batch, steps - n + 1), int64
        For each start a bucket, below n_buckets: a polynomial in the ids.
    """
    hashed = torch.full_like(ids[:, n - 1 :], n)
    for position in range(n):
        window = ids[:, position : ids.shape[1] - n + 1 + position]
        hashed = (hashed + window + 1) * HASH_FACTOR % HASH_MODULUS
    return hashed % n_buckets


class BagEncoder(nn.Module):
    """The mean of the embeddings of a row's words and hashed n-grams, projected.

    The text classifier of Joulin et al. 2017 ("Bag of Tricks for Efficient Text
    Classification", fastText) up to its hidden layer, which becomes one token.

    Parameters
    ----------
    vocabulary_size : int
        Number of distinct ids.
    embedding_size : int
        Of ids and n-grams.
    ngrams : tuple of int
        Lengths of the n-grams; 1 are the ids themselves.
    n_buckets : int
        Embeddings that the n-grams of two and more share.
    token_dropout : float
        Share of the ids that are unknown in training.
    width, dropout
        Of the token.
    """

    def __init__(
        self,
        vocabulary_size,
        *,
        embedding_size,
        ngrams,
        n_buckets,
        token_dropout,
        width,
        dropout,
    ):
        super().__init__()
        self.ngrams = ngrams
        self.token_dropout = token_dropout
        self.embeddings = nn.ModuleDict()
        if 1 in ngrams:
            self.embeddings["ids"] = nn.Embedding(vocabulary_size, embedding_size)
        if max(ngrams) > 1:
            self.embeddings["buckets"] = nn.Embedding(n_buckets, embedding_size)
        for table in self.embeddings.values():
            # As in fastText. So small that what training has not met hardly counts.
            nn.init.uniform_(table.weight, -1 / embedding_size, 1 / embedding_size)
        self.embedding_size = embedding_size
        self.project = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(embedding_size, width), nn.LayerNorm(width)
        )

    def forward(self, values, lengths):
        """Encode ids (batch, steps) as (batch, 1, width)."""
        batch, n_steps = values.shape
        if self.training:
            values = forget_tokens(values, self.token_dropout)
        total = torch.zeros(batch, self.embedding_size, device=values.device)
        counts = torch.zeros_like(lengths)
        for n in self.ngrams:
            if n > n_steps:
                continue
            vectors = self._embed(values, n)
            # A start is inside where the n-gram ends before the padding begins.
            inside = length_mask(lengths - n + 1, vectors.shape[1])
            total = total + (vectors * inside[..., None]).sum(dim=1)
            counts = counts + inside.sum(dim=1)
        mean = total / counts.clamp(min=1)[:, None]
        return self.project(mean[:, None]), torch.ones_like(lengths)

    def spans(self, n_steps, token_shape):
        """Say that the token stands for the whole text."""
        return {"start": [0], "end": [n_steps]}

    def _embed(self, values, n):
        if n == 1:
            return self.embeddings["ids"](values)
        table = self.embeddings["buckets"]
        return table(ngram_buckets(values, n, table.num_embeddings))
