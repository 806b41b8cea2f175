"""Noise in the place of a modality, from which a network learns what to ignore."""

import torch

from sklearn_mm.nn.attention import length_mask

# Noise may be unlike any training row. Its spread goes from nothing to twice that of
# the rows, and small ones are frequent: from a cell that says nothing at all, such as
# steady hum or an even gray. Its level is off by a normal number of deviations, for all
# features of a row together, and again for each: white noise, say, is not equally far
# above what is usual in every band.
LARGEST_SPREAD = 2.0
ROW_OFFSET_SCALE = 2.0
FEATURE_OFFSET_SCALE = 1.0


def replace_by_noise(values, lengths, noisy):
    """Put noise in the place of a modality in some rows of a batch.

    Each value is drawn anew from what the same feature (or pixel, or the id) is in all
    tokens of the batch: alone it is as it ever was, together they tell nothing. That
    is swap noise (Yoon et al. 2020, "VIME"; Bahri et al. 2022, "SCARF"). Numbers are
    then spread less or more around the mean of their feature, and moved up or down by
    some deviations, alike in all of a row: so noise is also fainter, louder, lower and
    higher than any training row.

    Parameters
    ----------
    values : Tensor of shape (batch, steps, *token_shape)
        Padded; int64 for token ids, uint8 for levels of pixels, else floats, in which
        NaN is a value like others. Is left as it is.
    lengths : Tensor of shape (batch,), int64
        Tokens of each row.
    noisy : Tensor of shape (batch,), bool
        Rows that become noise of the same length.

    Returns
    -------
    Tensor of the shape and dtype of values
        Levels of pixels stay within 0 to 255.
    """
    inside = length_mask(lengths, values.shape[1])
    replaced = inside & noisy[:, None]
    if not replaced.any():
        return values
    tokens, row_of_token = values[inside], replaced.nonzero()[:, 0]
    drawn = _draw_values(tokens, len(row_of_token))
    if values.dtype != torch.int64:
        drawn = _change_levels(drawn, tokens, row_of_token, len(values))
    values = values.clone()
    values[replaced] = drawn
    return values


def _draw_values(tokens, n_drawn):
    """Draw each value of new tokens from that of any token: (n_drawn, *token_shape)."""
    flat = tokens.flatten(1) if tokens.ndim > 1 else tokens[:, None]
    shape = n_drawn, flat.shape[1]
    places = torch.randint(len(flat), shape, device=tokens.device)
    return flat.gather(0, places).reshape(n_drawn, *tokens.shape[1:])


def _change_levels(drawn, tokens, row_of_token, n_rows):
    """Spread the numbers of each row less or more, and move its features up or down."""
    floats = tokens if tokens.is_floating_point() else tokens.float()
    # Statistics of each feature of a vector, or of each colour of an image.
    rest = (0, *range(2, tokens.ndim))
    mean = floats.nanmean(dim=rest, keepdim=True)
    deviation = (floats - mean).square().nanmean(dim=rest, keepdim=True).sqrt()

    of_row = n_rows, *(1,) * (tokens.ndim - 1)
    of_feature = n_rows, *mean.shape[1:]
    spread = LARGEST_SPREAD * torch.rand(of_row, device=tokens.device).square()
    offset = ROW_OFFSET_SCALE * torch.randn(of_row, device=tokens.device)
    own = FEATURE_OFFSET_SCALE * torch.randn(of_feature, device=tokens.device)

    levels = mean + spread[row_of_token] * (drawn.to(floats.dtype) - mean)
    levels = levels + (offset + own)[row_of_token] * deviation
    if tokens.is_floating_point():
        return levels.to(tokens.dtype)
    return levels.round().clamp(0, 255).to(tokens.dtype)
