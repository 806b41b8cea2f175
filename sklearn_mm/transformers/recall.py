"""Features of cells that were seen before, from the cache in use."""

import hashlib
import importlib.metadata
from functools import lru_cache

import numpy as np

import sklearn_mm
from sklearn_mm.cache import cache_in_use
from sklearn_mm.features import FeatureBlock
from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.identity import add_cell

# Cells that are computed before they are stored: a killed process loses no more.
CHUNK = 256

# Another version of these may compute other numbers.
LIBRARIES = (
    "librosa",
    "numpy",
    "pillow",
    "scikit-image",
    "scipy",
    "soundfile",
    "soxr",
)
PACKAGE = "sklearn_mm."


def recall(transformer, column):
    """Get the features of cells from the cache in use, and put there what is not yet.

    Parameters
    ----------
    transformer : CellTransformer
        Whose features they are.
    column : Column
        The cells.

    Returns
    -------
    dict of int to bytes
        By row, the tokens of each cell that can be known by its content and depends on
        nothing learned. The others are for the transformer to read: missing, broken.
    """
    cache = cache_in_use()
    recipe = None if cache is None else _recipe(transformer)
    if recipe is None:
        return {}
    keys = {}
    for row, cell in enumerate(column.cells):
        digest = recipe.copy()
        if not is_missing(cell) and add_cell(digest, cell):
            keys[row] = digest.digest()[:16]
    features = cache.load(dict.fromkeys(keys.values()))
    if features is None:
        return {}
    unknown = {key: row for row, key in keys.items() if key not in features}
    pending, can_store = list(unknown.items()), True
    for start in range(0, len(pending), CHUNK):
        chunk = dict(pending[start : start + CHUNK])
        cells = [column.cells[row] for row in chunk.values()]
        computed = dict(_compute(transformer, chunk, cells))
        can_store = can_store and cache.store(computed)
        features |= computed
    return {row: features[key] for row, key in keys.items() if key in features}


def complete(block, known):
    """Put the recalled tokens of some rows into a block in which these rows are empty.

    Parameters
    ----------
    block : FeatureBlock
        With the tokens of all other rows.
    known : dict of int to bytes
        By row.

    Returns
    -------
    FeatureBlock
    """
    if not known:
        return block
    token_bytes = _token_bytes(block)
    lengths, others = block.lengths, _rows_as_bytes(block)
    for row, tokens in known.items():
        lengths[row] = len(tokens) // token_bytes
    tokens = (known.get(row, other) for row, other in enumerate(others))
    values = np.frombuffer(bytearray().join(tokens), dtype=block.values.dtype)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return FeatureBlock(values.reshape(-1, *block.token_shape), offsets, block.kind)


def _recipe(transformer):
    """Begin a digest with what turns cells into features; None for what is not cached.

    Not for the subclasses of users: their code may change, and not their name.
    """
    kind = type(transformer)
    if transformer._beside_cells is None or not kind.__module__.startswith(PACKAGE):
        return None
    parameters = {
        name: value
        for name, value in transformer.get_params(deep=False).items()
        if name not in transformer._beside_cells
    }
    if not _is_plain(parameters):
        return None
    recipe = (kind.__qualname__, sorted(parameters.items()), _versions())
    return hashlib.sha256(repr(recipe).encode() + b"\n")


def _is_plain(value):
    """Tell whether the repr of a value says all about it."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | bool | int | float | np.number)


@lru_cache
def _versions():
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    return [*versions, sklearn_mm.__version__]


def _compute(transformer, keys, cells):
    """Yield (key, tokens) of the cells that can be read and depend on nothing learned.

    What cannot be read is left to the transformer, which says so, or warns.
    """
    samples = {
        key: sample
        for key, sample in zip(keys, transformer._read_cells(cells), strict=True)
        if not isinstance(sample, Exception | None) and transformer._is_final(sample)
    }
    if samples:
        block = transformer._to_block(list(samples.values()))
        yield from zip(samples, map(bytes, _rows_as_bytes(block)), strict=True)


def _rows_as_bytes(block):
    """View the tokens of each row as bytes."""
    flat = memoryview(np.ascontiguousarray(block.values).reshape(-1).view(np.uint8))
    bounds = (block.offsets * _token_bytes(block)).tolist()
    return [flat[a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def _token_bytes(block):
    return block.values.dtype.itemsize * int(np.prod(block.token_shape))
