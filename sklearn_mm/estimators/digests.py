"""What makes two rows equal: the values that they hold, whatever they are kept in."""

import hashlib

import numpy as np
from scipy import sparse

from sklearn_mm._indexing import row_slices
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.features import MultimodalFeatures

# Sparse rows of at most so many features are digested as dense ones. Wider ones would
# take longer than training, and nobody has these dense.
_MAX_DENSE = 2**16


def with_equal_dtypes(features):
    """Keep numbers in one dtype wherever they are the same: float32 where it can.

    So float64, integers and half precision of equal values train the same network as
    float32 does. Bytes of images, ids of tokens, and what lies on disk stay as they
    are.

    Parameters
    ----------
    features : MultimodalFeatures
        Of any dtypes.

    Returns
    -------
    MultimodalFeatures
        Blocks of float32, or of float64 where float32 would lose a digit.
    """
    return MultimodalFeatures(
        [(name, _in_equal_dtype(block)) for name, block in features.blocks.items()]
    )


def in_dtype(block, dtype):
    """Give a block's numbers another dtype, unless they lie on disk.

    Parameters
    ----------
    block : FeatureBlock
        Of any kind.
    dtype : dtype
        Of the values.

    Returns
    -------
    FeatureBlock
    """
    if block.values.dtype == dtype or is_on_disk(block):
        return block
    with np.errstate(over="ignore"):  # infinite numbers are clipped like large ones
        values = block.values.astype(dtype)
    return FeatureBlock(
        values,
        block.offsets,
        block.kind,
        vocabulary_size=block.vocabulary_size,
    )


def _in_equal_dtype(block):
    is_bytes = block.kind == "image" and block.values.dtype == np.uint8
    if block.kind == "tokens" or is_bytes or block.values.dtype == np.float32:
        return block
    return in_dtype(block, np.float32 if _fits_float32(block) else np.float64)


def _fits_float32(block):
    """Tell whether float32 holds every number exactly."""
    values = block.values
    if np.can_cast(values.dtype, np.float32, "safe"):
        return True
    if is_on_disk(block):
        return False
    values = values.data if sparse.issparse(values) else values
    step = max(1, 2**20 // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, len(values), step):
        part = values[start : start + step]
        # What is too large becomes infinite, and is not equal.
        with np.errstate(over="ignore", invalid="ignore"):
            narrow = part.astype(np.float32).astype(part.dtype)
        if not np.array_equal(narrow, part, equal_nan=part.dtype.kind == "f"):
            return False
    return True


def is_on_disk(block):
    """Tell whether a block's values are read from a file when they are used."""
    values = block.values
    values = values.data if sparse.issparse(values) else values
    while values is not None:
        if isinstance(values, np.memmap):
            return True
        values = getattr(values, "base", None)
    return False


def row_digests(features, target):
    """Digest each row's content and target.

    Parameters
    ----------
    features : MultimodalFeatures
        As :func:`with_equal_dtypes` gives them, of n_samples.
    target : ndarray of numbers of shape (n_samples, ...)
        Of the rows.

    Returns
    -------
    ndarray of uint64 of shape (n_samples, 2)
        Equal where the rows are; a sparse row has the digest of the dense one.
    """
    digests = []
    for rows in row_slices(list(features.blocks.values())):
        digests += _digests_of_part(features[rows], target[rows])
    return np.frombuffer(b"".join(digests), dtype=np.uint64).reshape(-1, 2)


def _digests_of_part(features, target):
    digests = []
    # The values once: they may be on disk.
    blocks = [
        (block.offsets, _bytes_of_tokens(block)) for block in features.blocks.values()
    ]
    for row in range(len(features)):
        digest = hashlib.blake2b(np.ascontiguousarray(target[row]), digest_size=16)
        for offsets, bytes_of in blocks:
            start, stop = offsets[row], offsets[row + 1]
            # The length keeps the end of one modality from the start of the next.
            digest.update(int(stop - start).to_bytes(8, "little"))
            for part in bytes_of(start, stop):
                digest.update(part)
        digests.append(digest.digest())
    return digests


def _bytes_of_tokens(block):
    """Return what gives the arrays to digest, of some tokens of a block."""
    values = block.values
    if not sparse.issparse(values):
        values = _plain(values, block.kind)
        is_wide = block.kind == "vector" and values.shape[1] > _MAX_DENSE
        if is_wide:
            return lambda start, stop: _nonzero(sparse.csr_matrix(values[start:stop]))
        return lambda start, stop: [np.ascontiguousarray(values[start:stop])]
    values = values.tocsr().astype(_float_dtype(values.data), copy=True)
    values.sum_duplicates()
    values.eliminate_zeros()
    values.data[np.isnan(values.data)] = np.nan
    if values.shape[1] > _MAX_DENSE:
        return lambda start, stop: _nonzero(values[start:stop])
    buffer = np.zeros(values.shape[1], values.dtype)
    return lambda start, stop: [_dense(values, start, buffer)] if stop > start else []


def _plain(values, kind):
    """Give equal numbers equal bytes: one zero, one NaN, one width of ids."""
    if kind == "tokens":
        # Not wider than transformers make them: a digest orders the rows.
        return values.astype(np.int32) if values.dtype != np.int32 else values
    if kind == "image" and values.dtype == np.uint8:
        return values
    values = values.astype(_float_dtype(values), copy=False)
    values = values + 0.0  # -0.0 becomes 0.0
    missing = np.isnan(values)
    if missing.any():
        values[missing] = np.nan
    return values


def _float_dtype(values):
    """Choose the dtype that :func:`with_equal_dtypes` does, of what lies on disk, too.

    There floats are digested as they are.
    """
    if np.can_cast(values.dtype, np.float32, "safe"):
        return np.float32
    if values.dtype.kind == "f":
        return values.dtype
    narrow = values.astype(np.float32).astype(np.float64)
    return np.float32 if np.array_equal(narrow, values) else np.float64


def _nonzero(rows):
    """Give places and numbers of what is not zero."""
    rows = sparse.csr_matrix(rows)
    return [rows.indices.astype(np.int64), rows.data + 0.0]


def _dense(values, row, buffer):
    """Write a sparse row into a buffer, which the next one takes over."""
    start, stop = values.indptr[row], values.indptr[row + 1]
    buffer[:] = 0
    buffer[values.indices[start:stop]] = values.data[start:stop]
    return buffer
