"""What an encoder must know of its modality before it can be built."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from sklearn_mm.estimators.digests import is_on_disk

# Rows are read in chunks of about this many bytes, as if in float64.
_CHUNK_BYTES = 2**26

# The quantile function of a feature is kept at steps of 1 / 128.
N_QUANTILE_STEPS = 128
# It is estimated on at most so many rows, for at most so many features.
_QUANTILE_ROWS = 10_000
MAX_QUANTILE_FEATURES = 1024


@dataclass(frozen=True)
class Modality:
    """One modality of the training rows.

    Attributes
    ----------
    kind : str
        As in :class:`sklearn_mm.FeatureBlock`.
    token_shape : tuple of int
        Of one token.
    vocabulary_size : int or None
        For token ids.
    mean, deviation : ndarray
        Of each colour channel of images and of each feature of vectors, as
        :func:`exact_float`. A constant's deviation is 0. Empty for token ids.
    may_miss : ndarray of int
        Features of vectors that are NaN in some training row.
    quantiles : ndarray of shape (129, n_features), or None
        Of each feature of dense vectors, from minimum to maximum in steps of 1 / 128,
        without NaN; NaN for a feature that has nothing else. Above 10,000 training
        rows estimated on that many; None above 1,024 features, and in a model that
        was pickled.
    is_sparse : bool
        Whether the vectors came as a sparse matrix.
    typical_length : int
        Tokens of the middle row of those that have any, in training; 0 without any.
    """

    kind: str
    token_shape: tuple
    vocabulary_size: int | None = None
    # Two modalities are equal if one network fits both, whatever their statistics.
    mean: np.ndarray = field(default=None, repr=False, compare=False)
    deviation: np.ndarray = field(default=None, repr=False, compare=False)
    may_miss: np.ndarray = field(default=None, repr=False, compare=False)
    quantiles: np.ndarray = field(default=None, repr=False, compare=False)
    is_sparse: bool = field(default=False, repr=False, compare=False)
    typical_length: int = field(default=0, repr=False, compare=False)

    def __getstate__(self):
        # Quantiles build a network, and a trained one has what it took of them.
        return {**vars(self), "quantiles": None}

    def with_quantiles(self, quantiles):
        """Take these quantiles if there are none."""
        if self.quantiles is not None or quantiles is None:
            return self
        return replace(self, quantiles=quantiles)

    @property
    def n_inputs(self):
        """Colour channels of an image, features of a vector."""
        return self.token_shape[0]


def exact_float(dtype):
    """Choose the float type in which numbers are standardised.

    Wide integers, such as times in seconds, would lose digits in float32 that tell
    them apart.

    Parameters
    ----------
    dtype : dtype
        Of the numbers.

    Returns
    -------
    dtype
        float64 for float64 and for integers of four bytes and more, else float32.
    """
    dtype = np.dtype(dtype)
    is_wide = dtype.itemsize >= (4 if dtype.kind in "iu" else 8)
    return np.dtype(np.float64 if is_wide else np.float32)


def describe_modality(block, rows):
    """Measure the training rows of a block.

    Parameters
    ----------
    block : FeatureBlock
        All rows.
    rows : ndarray of int
        The training rows, in the order in which they are summed.

    Returns
    -------
    Modality
    """
    described = {
        "kind": block.kind,
        "token_shape": block.token_shape,
        "vocabulary_size": block.vocabulary_size,
        "typical_length": _typical_length(block, rows),
    }
    if block.kind == "tokens":
        return Modality(**described)
    has_levels = block.kind == "image" and block.values.dtype == np.uint8
    moments = _moments_of_levels if has_levels else _moments
    mean, deviation, counts, n_tokens = moments(block, rows)
    dtype = exact_float(block.values.dtype)
    if dtype == np.float64 and is_on_disk(block) and _fits_float32(block, rows):
        dtype = np.dtype(np.float32)  # as in memory, where such numbers are narrowed
    if block.kind == "vector":
        described["is_sparse"] = sparse.issparse(block.values)
        described["quantiles"] = _quantiles(block, rows, dtype)
    return Modality(
        **described,
        mean=mean.astype(dtype),
        deviation=deviation.astype(dtype),
        may_miss=np.flatnonzero(counts < n_tokens),
    )


def _typical_length(block, rows):
    lengths = block.lengths[rows]
    present = lengths[lengths > 0]
    return int(np.median(present)) if len(present) else 0


def _moments(block, rows):
    """Mean and deviation per feature, in two passes, with what is NaN left out."""
    n_features = block.token_shape[0]
    total, counts, n_tokens = np.zeros(n_features), np.zeros(n_features), 0
    least, most = np.full(n_features, np.inf), np.full(n_features, -np.inf)
    for values in _chunks(block, rows, np.float64):
        sums, known = _sum_known(values)
        if len(values):
            np.fmin(least, np.fmin.reduce(values, axis=0), out=least)
            np.fmax(most, np.fmax.reduce(values, axis=0), out=most)
        total += sums
        counts += known
        n_tokens += len(values)
    divisor = np.maximum(counts, 1)
    mean = total / divisor
    squares = np.zeros(n_features)
    unit = power_of_two(most - least)
    for values in _chunks(block, rows, np.float64):
        values = values - mean
        values /= unit
        squares += _sum_known(np.square(values, out=values))[0]
    # The mean of a constant is rounded, and what is left then is no deviation.
    deviation = unit * np.sqrt(squares / divisor) * (most > least)
    return mean, deviation, counts, n_tokens


def _fits_float32(block, rows):
    """Tell whether float32 holds every number of the rows exactly."""
    return all(
        np.array_equal(values.astype(np.float32), values, equal_nan=True)
        for values in _chunks(block, rows, np.float64)
    )


def power_of_two(span):
    """Give the power of two next to each span, by which numbers divide exactly.

    In this unit squares neither vanish nor become infinite.

    Parameters
    ----------
    span : ndarray of shape (n_features,)
        From the least to the largest number; what is no number above 0 counts as 1.

    Returns
    -------
    ndarray of shape (n_features,)
    """
    known = np.isfinite(span) & (span > 0)
    exponent = np.frexp(np.where(known, span, 1.0))[1]
    return np.ldexp(1.0, np.clip(exponent, -1000, 1000))


def _sum_known(values):
    """Sum each column without what is NaN, and count the rest."""
    sums = values.sum(axis=0)
    if not np.isnan(sums).any():
        return sums, len(values)
    return np.nansum(values, axis=0), np.sum(~np.isnan(values), axis=0)


def _moments_of_levels(block, rows):
    """Mean and deviation per colour of bytes, by how often each level occurs.

    Images have millions of pixels, and this never turns them into floats, nor into wide
    integers, as NumPy would to count them.
    """
    import torch

    occurs = np.zeros((block.token_shape[0], 256))
    for values in _chunks(block, rows, np.uint8):
        levels = torch.from_numpy(np.ascontiguousarray(values.T))
        occurs += [colour.bincount(minlength=256).numpy() for colour in levels]
    counts = occurs.sum(axis=1)
    divisor = np.maximum(counts, 1)
    mean = occurs @ np.arange(256) / divisor
    squares = np.square(np.arange(256) - mean[:, None])
    deviation = np.sqrt((occurs * squares).sum(axis=1) / divisor)
    return mean, deviation, counts, counts.max(initial=0)


def _quantiles(block, rows, dtype):
    """Take the quantiles of each feature, over evenly spaced rows if there are many.

    The rows stand in the order of a digest, so that evenly spaced ones are a random
    sample, and the same one in whatever order the rows came.
    """
    n_features = block.token_shape[0]
    if sparse.issparse(block.values) or n_features > MAX_QUANTILE_FEATURES:
        return None
    values = block[rows[:: max(1, -(-len(rows) // _QUANTILE_ROWS))]].values
    levels = np.linspace(0, 1, N_QUANTILE_STEPS + 1)
    quantiles = np.full((len(levels), n_features), np.nan, dtype)
    for feature, column in enumerate(values.T):
        known = column[~np.isnan(column)]
        if len(known):
            quantiles[:, feature] = np.quantile(known.astype(np.float64), levels)
    return quantiles


def _chunks(block, rows, dtype):
    """Yield the rows' tokens as (tokens, features), pixels as tokens."""
    per_row = 8 * max(1, block.values.shape[0]) * int(np.prod(block.token_shape))
    step = max(1, _CHUNK_BYTES * len(block) // max(1, per_row))
    for start in range(0, len(rows), step):
        values = block[rows[start : start + step]].values
        values = values.toarray() if sparse.issparse(values) else values
        if block.kind == "image":
            values = np.moveaxis(values, 1, -1)
        values = values.reshape(-1, block.token_shape[0])
        yield values.astype(dtype, copy=False)
