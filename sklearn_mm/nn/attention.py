"""Dot-product attention over padded sequences, with masks of our own.

A sequence is ``values`` of shape ``(batch, steps, width)`` with ``lengths`` of shape
``(batch,)``, or with a boolean ``mask`` of shape ``(batch, steps)`` that is true at
tokens. Every row needs at least one token here; rows without any never get this far.
"""

import math

import torch
from torch import nn
from torch.nn import functional


def length_mask(lengths, n_steps):
    """Mark the steps that are tokens and not padding: (batch, steps), bool."""
    return torch.arange(n_steps, device=lengths.device) < lengths[:, None]


class AttentionBlock(nn.Module):
    """One pre-norm transformer layer (Vaswani et al. 2017; Xiong et al. 2020)."""

    def __init__(self, width, n_heads, dropout):
        super().__init__()
        self.n_heads = n_heads
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(width)
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )
        self.residual_dropout = nn.Dropout(dropout)

    def forward(self, tokens, mask):
        """Let every token read every token: (batch, steps, width) as it came."""
        attended = self._attend(self.attention_norm(tokens), mask)
        tokens = tokens + self.residual_dropout(attended)
        return tokens + self.residual_dropout(self.feedforward(tokens))

    def _attend(self, tokens, mask):
        batch, steps, width = tokens.shape
        projected = self.project_in(tokens)
        projected = projected.view(batch, steps, 3, self.n_heads, -1)
        # three times (batch, heads, steps, width / heads)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask[:, None, None, :],
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.project_out(attended.transpose(1, 2).reshape(tokens.shape))


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
        scores = self.key(tokens) @ self.query / math.sqrt(tokens.shape[-1])
        return scores.masked_fill(~mask, -torch.inf).softmax(dim=1)

    def forward(self, tokens, mask):
        """Sum the tokens by their weights: (batch, width) and (batch, steps)."""
        weights = self.weights(tokens, mask)
        fused = (weights[:, None, :] @ tokens).squeeze(1)
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
