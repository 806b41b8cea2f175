"""Encoders of several tokens a row: texts, sounds, series, sets."""

import math

from torch import nn

from sklearn_mm.nn.attention import (
    AttentionBlock,
    SinusoidalPositions,
    length_mask,
)


class RecurrentEncoder(nn.Module):
    """A recurrent network over token ids or vectors, then attention over its states.

    Parameters
    ----------
    embed : Module
        From values to ``(batch, steps, n_inputs)``.
    n_inputs : int
        What it gives.
    cell : {"lstm", "gru"}
        The recurrent cell (Hochreiter & Schmidhuber 1997; Cho et al. 2014).
    hidden_size, n_layers, bidirectional
        Of the recurrent network.
    attention : bool
        Whether every state then reads every other.
    width, n_heads, dropout
        Of the tokens.
    """

    def __init__(
        self,
        embed,
        n_inputs,
        *,
        cell,
        hidden_size,
        n_layers,
        bidirectional,
        attention,
        width,
        n_heads,
        dropout,
    ):
        super().__init__()
        self.embed = embed
        self.input_dropout = nn.Dropout(dropout)
        self.recurrent = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](
            n_inputs,
            hidden_size,
            n_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if n_layers > 1 else 0.0,
        )
        n_states = hidden_size * (2 if bidirectional else 1)
        self.project = nn.Sequential(nn.Linear(n_states, width), nn.LayerNorm(width))
        self.attention = AttentionBlock(width, n_heads, dropout) if attention else None

    def forward(self, values, lengths):
        """Encode (batch, steps, *token_shape)."""
        inputs = self.input_dropout(self.embed(values))
        if self.recurrent.bidirectional:
            states = self._run_packed(inputs, lengths)
        else:
            # Padding comes after the tokens; not to pack it is much faster.
            states, _ = self.recurrent(inputs)
        tokens = self.project(states)
        if self.attention is not None:
            tokens = self.attention(tokens, length_mask(lengths, tokens.shape[1]))
        return tokens, lengths

    def spans(self, n_steps, token_shape):
        """Say that each token stands for its step."""
        return single_steps(n_steps)

    def _run_packed(self, inputs, lengths):
        """Let the backward direction begin at each row's own last token."""
        packed = nn.utils.rnn.pack_padded_sequence(
            inputs, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = self.recurrent(packed)
        return nn.utils.rnn.pad_packed_sequence(states, batch_first=True)[0]


class ConvolutionalAttentionEncoder(nn.Module):
    """Strided convolutions along time, then self-attention.

    Parameters
    ----------
    embed : Module
        From values to ``(batch, steps, n_inputs)``.
    n_inputs : int
        What it gives.
    strides : tuple of int
        One convolution for each, which keeps every ``stride``-th step.
    kernel_size : int
        Of the convolutions, in steps; odd.
    n_layers : int
        Of self-attention.
    width, n_heads, dropout
        Of the tokens.
    """

    def __init__(
        self,
        embed,
        n_inputs,
        *,
        strides,
        kernel_size,
        n_layers,
        width,
        n_heads,
        dropout,
    ):
        super().__init__()
        self.embed = embed
        self.convolutions = nn.ModuleList(
            nn.Conv1d(
                width if index else n_inputs,
                width,
                kernel_size,
                stride,
                padding=kernel_size // 2,
            )
            for index, stride in enumerate(strides)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in strides)
        self.project = nn.Linear(n_inputs, width) if not strides else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.positions = SinusoidalPositions(width)
        self.layers = nn.ModuleList(
            AttentionBlock(width, n_heads, dropout) for _ in range(n_layers)
        )

    def forward(self, values, lengths):
        """Encode (batch, steps, *token_shape)."""
        tokens = self.embed(values)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            # Padding is zeroed before each convolution reads it, as at a row's end.
            tokens = tokens * length_mask(lengths, tokens.shape[1])[..., None]
            tokens = convolution(tokens.transpose(1, 2)).transpose(1, 2)
            lengths = (lengths - 1) // convolution.stride[0] + 1
            tokens = nn.functional.gelu(norm(tokens))
        tokens = self.positions(self.dropout(self.project(tokens)))
        mask = length_mask(lengths, tokens.shape[1])
        for layer in self.layers:
            tokens = layer(tokens, mask)
        return tokens, lengths

    def spans(self, n_steps, token_shape):
        """Say which steps are nearest to the one that each token is centred on."""
        stride = math.prod(conv.stride[0] for conv in self.convolutions)
        starts = [max(0, step - stride // 2) for step in range(0, n_steps, stride)]
        return {"start": starts, "end": [*starts[1:], n_steps]}


class SetEncoder(nn.Module):
    """Self-attention without positions: the order of the tokens has no effect."""

    def __init__(self, embed, n_inputs, *, n_layers, width, n_heads, dropout):
        super().__init__()
        self.embed = embed
        self.project = nn.Sequential(nn.Linear(n_inputs, width), nn.LayerNorm(width))
        self.layers = nn.ModuleList(
            AttentionBlock(width, n_heads, dropout) for _ in range(n_layers)
        )

    def forward(self, values, lengths):
        """Encode (batch, tokens, n_inputs)."""
        tokens = self.project(self.embed(values))
        mask = length_mask(lengths, tokens.shape[1])
        for layer in self.layers:
            tokens = layer(tokens, mask)
        return tokens, lengths

    def spans(self, n_steps, token_shape):
        """Say that each token stands for itself."""
        return single_steps(n_steps)


def single_steps(n_steps):
    """Let each token stand for the step of its own number."""
    return {"start": list(range(n_steps)), "end": list(range(1, n_steps + 1))}
