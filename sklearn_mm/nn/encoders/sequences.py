"""Encoders of several tokens a row: texts, sounds, series, sets."""

import math

import torch
from torch import nn

from sklearn_mm.nn.attention import (
    AttentionBlock,
    SinusoidalPositions,
    length_mask,
)
from sklearn_mm.nn.encoders.statistics import SequenceContext


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
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        n_directions = 2 if bidirectional else 1
        # For each layer one network in each direction; see _run.
        self.layers = nn.ModuleList(
            nn.ModuleList(
                layer(size, hidden_size, batch_first=True) for _ in range(n_directions)
            )
            for size in (n_inputs, *[hidden_size * n_directions] * (n_layers - 1))
        )
        self.layer_dropout = nn.Dropout(dropout)
        n_states = hidden_size * n_directions
        self.project = nn.Linear(n_states, width)
        # What the token itself says is not lost among the states before it.
        self.shortcut = nn.Linear(n_inputs, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.attention = AttentionBlock(width, n_heads, dropout) if attention else None

    def forward(self, values, lengths):
        """Encode (batch, steps, *token_shape)."""
        inputs = self.input_dropout(self.embed(values))
        states = self._run(inputs, lengths)
        tokens = self.norm(self.project(states) + self.shortcut(inputs))
        if self.attention is not None:
            tokens = self.attention(tokens, length_mask(lengths, tokens.shape[1]))
        return tokens, lengths

    def spans(self, n_steps, token_shape):
        """Say that each token stands for its step."""
        return single_steps(n_steps)

    def _run(self, states, lengths):
        """Read each row from its first token on, and from its own last one back.

        Padding comes after the tokens in both directions, since each row is reversed
        within its length; so no row sees any, and nothing need be packed: torch trains
        packed sequences several times as slowly.
        """
        if len(self.layers[0]) == 2:
            steps = torch.arange(states.shape[1], device=states.device)
            ends = lengths[:, None] - 1
            reverse = torch.where(steps <= ends, ends - steps, steps)[..., None]
        for index, directions in enumerate(self.layers):
            inputs = self.layer_dropout(states) if index else states
            states, _ = directions[0](inputs)
            if len(directions) == 2:
                back, _ = directions[1](_gather_steps(inputs, reverse))
                states = torch.cat([states, _gather_steps(back, reverse)], dim=-1)
        return states


def _gather_steps(values, steps):
    """Take from (batch, steps, n) the steps of each row: (batch, steps, 1), int64."""
    return values.gather(1, steps.expand(-1, -1, values.shape[2]))


class TimeConvolution(nn.Conv1d):
    """Convolve steps that lie as they come, (batch, steps, features).

    That is an image one pixel high in the memory layout in which processors convolve
    fastest; torch's own convolution along one axis has no such layout. Of ``Conv1d``'s
    options it has the stride, the padding with zeros, and the bias.
    """

    def forward(self, steps):
        """Convolve (batch, steps, features)."""
        maps = nn.functional.conv2d(
            steps.transpose(1, 2).unsqueeze(2),
            self.weight.unsqueeze(2),
            self.bias,
            (1, *self.stride),
            padding=(0, *self.padding),
        )
        return maps[:, :, 0].transpose(1, 2)


class ConvolutionalAttentionEncoder(nn.Module):
    """Strided convolutions along time, then self-attention; and the whole's statistics.

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
    statistics : bool
        Whether what the statistics of the row tell is added to each of its tokens.
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
        statistics,
        width,
        n_heads,
        dropout,
    ):
        super().__init__()
        self.embed = embed
        self.convolutions = nn.ModuleList(
            TimeConvolution(
                width if index else n_inputs,
                width,
                kernel_size,
                stride,
                padding=kernel_size // 2,
            )
            for index, stride in enumerate(strides)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in strides)
        self.shortcuts = nn.ModuleList(
            nn.Linear(width if index else n_inputs, width, bias=False)
            for index in range(len(strides))
        )
        self.project = nn.Linear(n_inputs, width) if not strides else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.positions = SinusoidalPositions(width)
        self.layers = nn.ModuleList(
            AttentionBlock(width, n_heads, dropout) for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.context = SequenceContext(n_inputs, width, dropout) if statistics else None

    def forward(self, values, lengths):
        """Encode (batch, steps, *token_shape)."""
        tokens = self.embed(values)
        if self.context is not None:
            context = self.context(tokens, lengths)
        for convolution, norm, shortcut in zip(
            self.convolutions, self.norms, self.shortcuts, strict=True
        ):
            (stride,) = convolution.stride
            # Padding is zeroed before each convolution reads it, as at a row's end.
            tokens = tokens * length_mask(lengths, tokens.shape[1])[..., None]
            # What the step itself says is not lost among its neighbours.
            own = shortcut(tokens[:, ::stride])
            tokens = own + nn.functional.gelu(norm(convolution(tokens)))
            lengths = (lengths - 1) // stride + 1
        tokens = self.positions(self.dropout(self.project(tokens)))
        mask = length_mask(lengths, tokens.shape[1])
        for layer in self.layers:
            tokens = layer(tokens, mask)
        # As long as the context, which else would drown what each token says.
        tokens = self.norm(tokens)
        if self.context is not None:
            tokens = tokens + context[:, None]
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
