"""Features of cells that were seen before, from the cache in use."""

import hashlib
import importlib.metadata
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

import sklearn_mm
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.cache import cache_in_use
from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.remarks import Remarked, without_remarks

# Cells that are computed before they are stored: a killed process loses no more.
CHUNK = 256

PACKAGE = "sklearn_mm."


@dataclass
class Tried:
    """What came of a cell that was read but is not cached: a sample or an error.

    Nor is a sample of which something was noted, or it were said only the first time.
    """

    result: object


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
    known : dict of int to bytes
        By row, the tokens of each cell that can be read and depends on nothing learned.
    column : Column
        The cells that are left to do. Those of ``known`` are None; those that were read
        in vain, since they are missing, broken or depend on what is learned, `Tried`.
    """
    cache = cache_in_use()
    recipe = None if cache is None else _recipe(transformer)
    if recipe is None or column.layout not in transformer._layouts:
        return {}, column
    keys = _keys(recipe, transformer, column.cells)
    features = cache.load(_of_content(dict.fromkeys(keys.values())))
    if features is None:
        return {}, column
    unknown = {key: row for row, key in keys.items() if key not in features}
    pending, tried, can_store = list(unknown.items()), {}, True
    starts = range(0, len(pending), CHUNK)
    for start in show_progress(transformer, starts, len(starts), f"{CHUNK} cells"):
        chunk = {key: column.cells[row] for key, row in pending[start : start + CHUNK]}
        computed = _compute(transformer, chunk, tried)
        can_store = can_store and cache.store(_of_content(computed))
        features |= computed
        if transformer.on_error == "raise" and _has_failed(chunk, tried):
            break  # the transformer is to raise it now, not after all the others
    known = {row: features[key] for row, key in keys.items() if key in features}
    cells = [
        None if row in known else tried.get(keys.get(row), cell)
        for row, cell in enumerate(column.cells)
    ]
    return known, replace(column, cells=cells)


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
    lengths, others = block.lengths, rows_as_bytes(block)
    for row, tokens in known.items():
        lengths[row] = len(tokens) // token_bytes
    tokens = (known.get(row, other) for row, other in enumerate(others))
    values = np.frombuffer(bytearray().join(tokens), dtype=block.values.dtype)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return FeatureBlock(values.reshape(-1, *block.token_shape), offsets, block.kind)


def show_progress(transformer, iterable, total, unit="cell"):
    """Iterate beside a progress bar if the transformer is verbose."""
    if not getattr(transformer, "verbose", False):
        return iterable
    from tqdm.auto import tqdm

    return tqdm(iterable, desc=type(transformer).__name__, total=total, unit=unit)


def _recipe(transformer):
    """Begin a digest with what turns cells into features; None for what is not cached.

    Not for the subclasses of users: their code may change, and not their name.
    """
    kind = type(transformer)
    if not kind.__module__.startswith(PACKAGE):
        return None
    parts = transformer._recipe()
    if parts is None or not is_plain(parts):
        return None
    versions = _versions(transformer._libraries)
    recipe = (kind.__qualname__, sorted(parts.items()), versions)
    return hashlib.sha256(repr(recipe).encode() + b"\n")


def is_plain(value):
    """Tell whether the repr of a value says all about it."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return value is None or isinstance(value, str | bool | int | float | np.number)


@lru_cache
def _versions(libraries):
    versions = [f"{name} {importlib.metadata.version(name)}" for name in libraries]
    return [*versions, sklearn_mm.__version__]


def _keys(recipe, transformer, cells):
    """Compute by row the key of each cell: bytes of its content, else its row."""
    keys = {}
    for row, cell in enumerate(cells):
        if not is_missing(cell):
            digest = recipe.copy()
            is_known = transformer._add_cell(digest, cell)
            keys[row] = digest.digest()[:16] if is_known else row
    return keys


def _of_content(features):
    """Keep what is known by its content."""
    return {key: value for key, value in features.items() if isinstance(key, bytes)}


def _compute(transformer, cells, tried):
    """Compute by key the tokens of cells, or note in ``tried`` what came of them."""
    samples = {}
    for key, result in zip(cells, transformer._read_cells(cells.values()), strict=True):
        failed = result is None or isinstance(result, Exception | Remarked)
        if failed or not transformer._is_final(result):
            tried[key] = Tried(result)
        else:
            samples[key] = result
    if not samples:
        return {}
    block = transformer._to_block(list(samples.values()))
    return dict(zip(samples, map(bytes, rows_as_bytes(block)), strict=True))


def _has_failed(keys, tried):
    """Tell whether one of the cells could not be read."""
    outcomes = (tried[key].result for key in keys if key in tried)
    return any(isinstance(without_remarks(one)[0], Exception) for one in outcomes)


def rows_as_bytes(block):
    """View the tokens of each row as bytes: a list of memoryview."""
    flat = memoryview(np.ascontiguousarray(block.values).reshape(-1).view(np.uint8))
    bounds = (block.offsets * _token_bytes(block)).tolist()
    return [flat[a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def _token_bytes(block):
    return block.values.dtype.itemsize * int(np.prod(block.token_shape))
