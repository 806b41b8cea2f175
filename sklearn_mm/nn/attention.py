"""Dot-product attention over padded sequences, with masks of our own.

A sequence is ``values`` of shape ``(batch, steps, width)`` with ``lengths`` of shape
``(batch,)``, or with a boolean ``mask`` of shape ``(batch, steps)`` that is true at
tokens. A block needs at least one token in every row; a read-out gives a row without
any the weights zero.
"""

import math

import torch
from torch import nn
from torch.nn import functional


def length_mask(lengths, n_steps):
    """Mark the steps that are tokens and not padding: (batch, steps), bool."""
    return torch.arange(n_steps, device=lengths.device) < lengths[:, None]


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention in several heads (Vaswani et al. 2017).

    Its weights have no dropout: that would draw a random number for each pair of
    tokens, and torch's fused kernel, which never holds all weights, has none.
    """

    def __init__(self, width, n_heads):
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, tokens, context, mask):
        """Let tokens (batch, steps, width) read context (batch, others, width)."""
        query = self._split(self.query(tokens))
        key, value = map(self._split, self.key_value(context).chunk(2, dim=-1))
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask[:, None, None, :]
        )
        return self.project_out(attended.transpose(1, 2).reshape(tokens.shape))

    def weights(self, tokens, context, mask):
        """Give how each token reads the context: (batch, steps, others).

        Means of the heads; each token's sum to one. This holds all weights at once,
        which ``forward`` does not.
        """
        query = self._split(self.query(tokens))
        key = self._split(self.key_value(context).chunk(2, dim=-1)[0])
        scores = query @ key.transpose(-1, -2) / math.sqrt(key.shape[-1])
        scores = scores.masked_fill(~mask[:, None, None, :], -torch.inf)
        return scores.softmax(dim=-1).mean(dim=1)

    def _split(self, projected):
        # (batch, steps, width) to (batch, heads, steps, width / heads)
        return projected.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class AttentionBlock(nn.Module):
    """One pre-norm transformer layer (Vaswani et al. 2017; Xiong et al. 2020)."""

    def __init__(self, width, n_heads, dropout):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, n_heads)
        self.feedforward = feedforward(width, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens, mask):
        """Let every token read every token: (batch, steps, width) as it came."""
        normed = self.norm(tokens)
        tokens = tokens + self.dropout(self.attention(normed, normed, mask))
        return tokens + self.dropout(self.feedforward(tokens))

    def weights(self, tokens, mask):
        """Give how each token reads the others: (batch, steps, steps)."""
        normed = self.norm(tokens)
        return self.attention.weights(normed, normed, mask)


class CrossAttentionBlock(nn.Module):
    """One pre-norm layer in which tokens read those of a context."""

    def __init__(self, width, n_heads, dropout):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.context_norm = nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, n_heads)
        self.feedforward = feedforward(width, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens, context, mask):
        """Let tokens read a context (batch, others, width) with its mask."""
        read = self.attention(self.norm(tokens), self.context_norm(context), mask)
        tokens = tokens + self.dropout(read)
        return tokens + self.dropout(self.feedforward(tokens))

    def weights(self, tokens, context, mask):
        """Give how each token reads the context: (batch, steps, others)."""
        return self.attention.weights(
            self.norm(tokens), self.context_norm(context), mask
        )


def feedforward(width, dropout):
    """Build the two dense layers that follow attention."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, 2 * width),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(2 * width, width),
    )


def masked_softmax(scores, mask):
    """Turn scores (..., steps) into weights of what the mask leaves.

    They sum to one over the steps, and are zero in a row without tokens, where those of
    scores of -inf were not numbers.
    """
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~mask, lowest).softmax(dim=-1) * mask


class ReadOut(nn.Module):
    """Softmax dot-product attention of one learned query over all tokens.

    The result is exactly the weighted sum of the tokens: there is no value projection,
    so that the weights are what the head sees of each token.
    """

    def __init__(self, width):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(width))
        self.key = nn.Linear(width, width)

    def weights(self, tokens, mask):
        """Weigh each token: (batch, steps), each row summing to one."""
        # q (K z + b) as (q K) z + q b: one vector instead of a matrix for each token.
        scores = tokens @ (self.query @ self.key.weight) + self.query @ self.key.bias
        return masked_softmax(scores / math.sqrt(tokens.shape[-1]), mask)

    def forward(self, tokens, mask):
        """Sum the tokens by their weights: (batch, width) and (batch, steps)."""
        weights = self.weights(tokens, mask)
        fused = (weights[:, None, :] @ tokens)[:, 0]
        return fused, weights


class SinusoidalPositions(nn.Module):
    """Fixed position codes, which reach any length (Vaswani et al. 2017)."""

    def __init__(self, width):
        super().__init__()
        rates = torch.exp(-math.log(10_000.0) * torch.arange(0, width, 2) / width)
        self.register_buffer("rates", rates, persistent=False)
        self.scale = nn.Parameter(torch.tensor(0.3))
        self.width = width

    def forward(self, tokens):
        """Add the code of each step to its token."""
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        angles = steps[:, None] * self.rates
        codes = torch.cat([angles.sin(), angles.cos()], dim=1)[:, : self.width]
        return tokens + self.scale * codes.to(tokens.dtype)
