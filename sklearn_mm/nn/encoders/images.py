"""Encoders of images."""

import torch
from torch import nn

from sklearn_mm.nn.attention import length_mask

# Of the largest map of the images that are convolved together, on a CPU: 4 MB.
CHUNK_NUMBERS = 2**20
SMALLEST_VARIANCE = 1e-4  # of the colours in a cell


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
    max_shift : float
        In training, images are moved by up to this share of their sides.
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
        max_shift,
        width,
        dropout,
    ):
        super().__init__()
        self.standardize = standardize
        self.max_shift = max_shift
        stages = []
        for index, (n_in, n_out) in enumerate(
            zip((n_colours, *channels[:-1]), channels, strict=True)
        ):
            stages += _convolution(n_in, n_out, kernel_size)
            if residual:
                stages += [nn.ReLU(inplace=True), ResidualBlock(n_out, kernel_size)]
            # The largest before ReLU is the largest after it, of a quarter as many.
            if index < len(channels) - 1:
                stages.append(HalvingPool())
            stages.append(nn.ReLU(inplace=True))
        # The memory layout in which processors convolve and pool fastest.
        self.stages = nn.Sequential(*stages).to(memory_format=torch.channels_last)
        self.n_halvings = len(channels) - 1
        self.grid = grid
        self.project = CellProjection(grid, channels[-1], n_colours, width, dropout)

    def forward(self, values, lengths):
        """Encode (batch, images, colours, height, width_in_pixels)."""
        batch, n_images, n_colours = values.shape[:3]
        present = length_mask(lengths, n_images)
        images = values.flatten(0, 1) if n_images == 1 else values[present]
        maps = in_chunks(self.convolve, images, self.stages[0].out_channels)
        tokens = self.project_cells(maps, n_colours)
        n_cells = tokens.shape[1]
        if n_images > 1:
            padded = tokens.new_zeros(batch, n_images, *tokens.shape[1:])
            padded[present] = tokens
            tokens = padded.flatten(1, 2)
        return tokens, lengths * n_cells

    def project_cells(self, maps, n_colours):
        """Make tokens (images, cells, width) of what ``convolve`` gives."""
        maps, colours = maps[..., : -2 * n_colours], maps[..., -2 * n_colours :]
        return self.project(maps, colours).flatten(1, 2)

    def convolve(self, images):
        """Turn (images, colours, height, width_in_pixels) into cells, channels last.

        After the channels of the map come the colours.
        """
        # Channels last for the statistics.
        images = self.standardize(images.permute(0, 2, 3, 1))
        if self.training:
            images = randomly_shifted(images, self.max_shift)
        images = images.permute(0, 3, 1, 2)
        maps = self.stages(images)
        height, width = (min(side, self.grid) for side in maps.shape[2:])
        maps = cell_means(maps, height, width)
        colours = cell_colours(images, height, width)
        return torch.cat([maps, colours], dim=1).permute(0, 2, 3, 1)

    def spans(self, n_steps, token_shape):
        """Say which pixels of which image each token stands for.

        The pixels whose places in the map were averaged into the cell. Where the map
        does not divide into the grid, neighbouring cells share a row or column of it.
        """
        _, height, width = token_shape
        cells = [
            (left, top, right, bottom)
            for top, bottom in self._cell_edges(height)
            for left, right in self._cell_edges(width)
        ]
        left, top, right, bottom = map(list, zip(*cells * n_steps, strict=True))
        image = [step for step in range(n_steps) for _ in cells]
        boxes = {"left": left, "top": top, "right": right, "bottom": bottom}
        return {"start": image, "end": [step + 1 for step in image], **boxes}

    def _cell_edges(self, side):
        """List where each cell begins and ends along a side, as adaptive pooling does.

        In pixels, end not included.
        """
        scale = 2**self.n_halvings
        n_places = -(-side // scale)
        n_cells = min(n_places, self.grid)
        return [
            (
                cell * n_places // n_cells * scale,
                min(side, -(-(cell + 1) * n_places // n_cells) * scale),
            )
            for cell in range(n_cells)
        ]


def in_chunks(convolve, images, n_channels):
    """Convolve a batch of images a few at a time, so that their maps stay in the cache.

    Each image by itself gives what it always gives. A map of a whole batch is larger
    than a processor's cache, and so large that the C library gives its memory back to
    the system and takes it anew, page by page, in every step.

    Parameters
    ----------
    convolve : callable
        From ``(images, colours, height, width_in_pixels)`` to ``(images, ...)``.
    images : Tensor of shape (images, colours, height, width_in_pixels)
        What to convolve.
    n_channels : int
        Of the largest map, which is as large as the images.

    Returns
    -------
    Tensor of shape (images, ...)
    """
    height, width = images.shape[2:]
    n_together = max(1, CHUNK_NUMBERS // (height * width * n_channels))
    if images.device.type != "cpu" or len(images) <= n_together:
        return convolve(images)
    return torch.cat([convolve(chunk) for chunk in images.split(n_together)])


def randomly_shifted(images, max_shift):
    """Move each of (images, height, width, channels) by whole pixels; zeros move in."""
    height, width = images.shape[1:3]
    down, right = round(max_shift * height), round(max_shift * width)
    if not (down or right):
        return images
    padded = nn.functional.pad(images, (0, 0, right, right, down, down))
    tops = torch.randint(2 * down + 1, (len(images),)).tolist()
    lefts = torch.randint(2 * right + 1, (len(images),)).tolist()
    return torch.stack(
        [
            image[top : top + height, left : left + width]
            for image, top, left in zip(padded, tops, lefts, strict=True)
        ]
    )


class HalvingPool(nn.MaxPool2d):
    """Keep the largest of each 2 x 2 pixels; an odd last row or column counts alone."""

    def __init__(self):
        super().__init__(2, ceil_mode=True)

    def forward(self, maps):
        """Pool (images, channels, height, width_in_pixels)."""
        height, width = maps.shape[2:]
        if torch.is_grad_enabled() or height % 2 or width % 2:
            return super().forward(maps)
        # Three times as fast: what a gradient needs is not noted down.
        rows = torch.maximum(maps[:, :, ::2], maps[:, :, 1::2])
        return torch.maximum(rows[..., ::2], rows[..., 1::2])


class CellProjection(nn.Module):
    """Project every cell of the grid by a matrix of its own, and its colours by one.

    By its own, the mean of the tokens tells where something was, as the flattened map
    of a classical network does: with one matrix for all cells and codes of the place
    added, images were learned far more slowly. Colours past the convolutions, and alike
    in all places, make cells that differ in colour differ from the first step on;
    convolutions first have to learn to tell them apart.
    """

    def __init__(self, grid, n_channels, n_colours, width, dropout):
        super().__init__()
        weight = torch.randn(grid, grid, n_channels, width) * n_channels**-0.5
        self.weight = nn.Parameter(weight)
        self.colours = nn.Linear(2 * n_colours, width, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, maps, colours):
        """Project (images, height, width_in_cells, channels), at most the grid.

        ``colours`` are the mean and deviation of each colour in the cells.
        """
        height, width = maps.shape[1:3]
        weight = self.weight[:height, :width]
        cells = torch.einsum("nhwc,hwcd->nhwd", self.dropout(maps), weight)
        return self.norm(cells + self.colours(colours))


def cell_means(maps, height, width):
    """Average maps over the cells of a grid, as adaptive pooling does.

    Parameters
    ----------
    maps : Tensor of shape (images, channels, height, width_in_pixels)
        Of any size.
    height, width : int
        Of the grid, in cells.

    Returns
    -------
    Tensor of shape (images, channels, height, width)
    """
    if not torch.jit.is_tracing():
        return nn.functional.adaptive_avg_pool2d(maps, (height, width))
    # ONNX has no such pooling, and it is linear along each side.
    down, across = map(_cell_weights, maps.shape[2:], (height, width))
    return down @ maps @ across.T


def _cell_weights(side, n_cells):
    """Weigh the places of a side in the mean of each cell: (n_cells, side)."""
    side, n_cells = int(side), int(n_cells)
    weights = [[0.0] * side for _ in range(n_cells)]
    for cell, of_places in enumerate(weights):
        start, end = cell * side // n_cells, -(-(cell + 1) * side // n_cells)
        of_places[start:end] = [1 / (end - start)] * (end - start)
    return torch.tensor(weights)


def cell_colours(images, height, width):
    """Compute mean and deviation of each colour in the cells of a grid.

    Parameters
    ----------
    images : Tensor of shape (images, colours, height, width_in_pixels)
        Standardised.
    height, width : int
        Of the grid, in cells.

    Returns
    -------
    Tensor of shape (images, 2 * colours, height, width)
    """
    means = cell_means(images, height, width)
    variances = cell_means(images.square(), height, width) - means.square()
    # Not the square root of zero, whose gradient is infinite.
    return torch.cat([means, variances.clamp(min=SMALLEST_VARIANCE).sqrt()], dim=1)


def _convolution(n_in, n_out, kernel_size):
    """Convolve, and normalise each image's channels in groups (Wu & He 2018).

    Group normalisation, not batch normalisation: an image is then encoded alike in
    every batch, and a batch of one can be trained on. A group has eight channels or
    more, or all: of fewer, a map of a single pixel keeps next to nothing.
    """
    n_groups = next((n for n in (8, 4, 2) if n_out % n == 0 and n_out >= 8 * n), 1)
    return [
        nn.Conv2d(n_in, n_out, kernel_size, padding=kernel_size // 2, bias=False),
        nn.GroupNorm(n_groups, n_out),
    ]


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to their input (He et al. 2016).

    The ReLU after the sum is left to whatever comes next.
    """

    def __init__(self, n_channels, kernel_size):
        super().__init__()
        first = _convolution(n_channels, n_channels, kernel_size)
        second = _convolution(n_channels, n_channels, kernel_size)
        self.body = nn.Sequential(*first, nn.ReLU(inplace=True), *second)

    def forward(self, maps):
        """Transform (images, channels, height, width_in_pixels)."""
        return maps + self.body(maps)
