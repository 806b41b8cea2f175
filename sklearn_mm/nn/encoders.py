"""From the tokens of one modality to tokens of one common width.

Every encoder takes ``values`` of shape ``(batch, steps, *token_shape)``, padded with
zeros, and ``lengths`` of shape ``(batch,)``, all at least 1; and returns tokens of
shape ``(batch, steps', width)`` and their lengths. What stands beyond a row's length
never changes what comes out within it.
"""

import torch
from torch import nn

from sklearn_mm.nn.attention import (
    AttentionBlock,
    SinusoidalPositions,
    length_mask,
)


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
        values = ((values - self.mean) / self.scale).float()
        return values.clamp(-10.0, 10.0).nan_to_num(0.0)


class ConvolutionalImageEncoder(nn.Module):
    """Convolutions and pooling over images; the cells of the last grid are the tokens.

    Parameters
    ----------
    standardize : Module
        Of the colour channels.
    n_colours : int
        Colour channels of an image.
    channels : tuple of int
        Channels after each stage; every stage but the first halves the image.
    kernel_size : int
        Of the convolutions, in pixels.
    residual : bool
        Whether each stage adds a residual block (He et al. 2016).
    grid : int
        The last feature map is averaged down to at most ``grid`` x ``grid`` cells.
    width, dropout
        Of the tokens.
    """

    def __init__(
        self,
        standardize,
        n_colours,
        *,
        channels,
        kernel_size,
        residual,
        grid,
        width,
        dropout,
    ):
        super().__init__()
        self.standardize = standardize
        stages = []
        for index, (n_in, n_out) in enumerate(
            zip((n_colours, *channels[:-1]), channels, strict=True)
        ):
            if index:
                stages.append(nn.MaxPool2d(2, ceil_mode=True))
            stages += _convolution(n_in, n_out, kernel_size)
            if residual:
                stages.append(ResidualBlock(n_out, kernel_size))
        self.stages = nn.Sequential(*stages)
        self.grid = grid
        self.project = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(channels[-1], width), nn.LayerNorm(width)
        )
        # Where a cell lies in the grid, and which image of several it belongs to.
        self.row_positions = nn.Parameter(0.02 * torch.randn(grid, 1, width))
        self.column_positions = nn.Parameter(0.02 * torch.randn(1, grid, width))

    def forward(self, values, lengths):
        """Encode (batch, images, colours, height, width_in_pixels)."""
        batch, n_images = values.shape[:2]
        present = length_mask(lengths, n_images)
        images = values.flatten(0, 1) if n_images == 1 else values[present]
        # (images, colours, height, width_in_pixels), channels last for the statistics
        images = self.standardize(images.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        maps = self.stages(images)
        height, width = (min(side, self.grid) for side in maps.shape[2:])
        maps = nn.functional.adaptive_avg_pool2d(maps, (height, width))
        tokens = self.project(maps.permute(0, 2, 3, 1))
        tokens = tokens + self.row_positions[:height] + self.column_positions[:, :width]
        tokens = tokens.flatten(1, 2)  # (images, cells, width)
        if n_images > 1:
            padded = tokens.new_zeros(batch, n_images, *tokens.shape[1:])
            padded[present] = tokens
            tokens = padded.flatten(1, 2)
        return tokens, lengths * (height * width)


def _convolution(n_in, n_out, kernel_size):
    """Convolve, normalise each image's channels in groups (Wu & He 2018), rectify.

    Group normalisation, not batch normalisation: an image is then encoded alike in
    every batch, and a batch of one can be trained on.
    """
    n_groups = next(groups for groups in (8, 4, 2, 1) if n_out % groups == 0)
    return [
        nn.Conv2d(n_in, n_out, kernel_size, padding=kernel_size // 2, bias=False),
        nn.GroupNorm(n_groups, n_out),
        nn.ReLU(),
    ]


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to their input (He et al. 2016)."""

    def __init__(self, n_channels, kernel_size):
        super().__init__()
        first = _convolution(n_channels, n_channels, kernel_size)
        second = _convolution(n_channels, n_channels, kernel_size)[:-1]
        self.body = nn.Sequential(*first, *second)

    def forward(self, maps):
        """Transform (images, channels, height, width_in_pixels)."""
        return nn.functional.relu(maps + self.body(maps))


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
        # Packed, so that the backward direction starts at each row's own last token.
        packed = nn.utils.rnn.pack_padded_sequence(
            inputs, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = self.recurrent(packed)
        states, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
        tokens = self.project(states)
        if self.attention is not None:
            tokens = self.attention(tokens, length_mask(lengths, tokens.shape[1]))
        return tokens, lengths


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


class VectorEncoder(nn.Module):
    """A multi-layer perceptron: one vector, one token.

    A missing number counts as the mean; for the features that had missing numbers
    among the training rows, whether it was missing is a further input.
    """

    def __init__(
        self, standardize, n_inputs, *, may_miss, hidden_size, n_layers, width, dropout
    ):
        super().__init__()
        self.standardize = standardize
        self.register_buffer("may_miss", torch.as_tensor(may_miss, dtype=torch.int64))
        sizes = [n_inputs + len(may_miss), *[hidden_size] * n_layers]
        layers = []
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [nn.Linear(n_in, n_out), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], width))
        self.norm = nn.LayerNorm(width)

    def forward(self, values, lengths):
        """Encode (batch, 1, n_inputs)."""
        inputs = self.standardize(values)
        if len(self.may_miss):
            missing = values[..., self.may_miss].isnan().to(inputs.dtype)
            inputs = torch.cat([inputs, missing], dim=-1)
        return self.norm(self.layers(inputs)), lengths
