"""What transformers of the user's make of cells, from the cache in use."""

import hashlib
import json
import math

import numpy as np

import sklearn_mm
from sklearn_mm._compat import _safe_indexing
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.cache import cache_in_use
from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.identity import add_cell
from sklearn_mm.transformers.recall import CHUNK, is_plain, rows_as_bytes


def is_remembered(transformer, X, routed):
    """Tell whether what a transformer makes of each cell of X can be kept.

    Parameters
    ----------
    transformer : transformer
        It must say so by an attribute ``cache_version``, and have plain parameters.
    X : column or table
        Its columns; one column is remembered, cell by cell.
    routed : dict
        Metadata for its methods; rows with metadata are not cells alone.

    Returns
    -------
    bool
    """
    return (
        cache_in_use() is not None
        and getattr(transformer, "cache_version", None) is not None
        and len(X.shape) == 1
        and not any(routed.values())
        and is_plain(transformer.get_params())
    )


def transform_remembered(transformer, X, as_block):
    """Transform the cells of a column that are not in the cache in use, and put there.

    Parameters
    ----------
    transformer : fitted transformer
        For which `is_remembered` holds.
    X : column of n_samples cells
        In any container.
    as_block : callable
        Takes what the transformer gave, and the cells, as a FeatureBlock.

    Returns
    -------
    FeatureBlock of n_samples
    """
    cache = cache_in_use()
    keys = _keys(transformer, X)
    known = cache.load({key for key in keys if isinstance(key, bytes)})
    if known is None:
        return as_block(transformer.transform(X), X)
    pending = list({k: row for row, k in enumerate(keys) if k not in known}.values())
    for start in range(0, len(pending), CHUNK):
        rows = pending[start : start + CHUNK]
        cells = _safe_indexing(X, rows)
        block = as_block(transformer.transform(cells), cells)
        if not isinstance(block.values, np.ndarray):  # sparse vectors are not kept
            return as_block(transformer.transform(X), X)
        entries = dict(
            zip([keys[row] for row in rows], _to_entries(block), strict=True)
        )
        cache.store({key: v for key, v in entries.items() if isinstance(key, bytes)})
        known |= entries
    return _from_entries([known[key] for key in keys], type(transformer).__name__)


def _keys(transformer, X):
    """Compute the key of each cell: bytes of its content, else its row."""
    kind = type(transformer)
    recipe = (
        f"{kind.__module__}.{kind.__qualname__}",
        transformer.cache_version,
        sorted(transformer.get_params().items()),
        sklearn_mm.__version__,
    )
    begun = hashlib.sha256(repr(recipe).encode() + b"\n")
    keys = []
    for row, cell in enumerate(X):
        digest, is_known = begun.copy(), True
        if is_missing(cell):
            digest.update(b"missing")
        elif isinstance(cell, str):  # a text, or the path of a file
            digest.update(b"text " + cell.encode("utf-8", "surrogatepass"))
            add_cell(digest, cell)
        else:
            is_known = add_cell(digest, cell)
        keys.append(digest.digest()[:16] if is_known else row)
    return keys


def _to_entries(block):
    """Give each row as bytes that say what they hold, and then hold it."""
    form = [
        block.kind,
        block.values.dtype.str,
        block.token_shape,
        block.vocabulary_size,
    ]
    header = json.dumps(form).encode()
    header = len(header).to_bytes(4, "little") + header
    return [header + bytes(row) for row in rows_as_bytes(block)]


def _from_entries(entries, owner):
    """Join rows that `_to_entries` gave to a block."""
    ends = [4 + int.from_bytes(entry[:4], "little") for entry in entries]
    headers = {entry[4:end] for entry, end in zip(entries, ends, strict=True)}
    forms = [json.loads(header) for header in sorted(headers)]
    if len(forms) > 1:
        raise ValueError(
            f"{owner} has a cache_version, which says that what becomes of a cell "
            f"depends on it alone, but cells became of several forms: {forms}"
        )
    kind, dtype, shape, vocabulary_size = forms[0]
    token_bytes = np.dtype(dtype).itemsize * math.prod(shape)
    tokens = [entry[end:] for entry, end in zip(entries, ends, strict=True)]
    lengths = [len(row) // token_bytes for row in tokens]
    values = np.frombuffer(bytearray().join(tokens), dtype=dtype).reshape(-1, *shape)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return FeatureBlock(values, offsets, kind, vocabulary_size=vocabulary_size)
