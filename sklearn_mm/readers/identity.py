"""What a cell or a row is known by: a digest of its content."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from numbers import Number, Real
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_mm.readers.column import is_missing, is_numeric, to_float
from sklearn_mm.readers.locations import HERE, as_struct, find_file

# Odd, so that no bit of the columns before is lost.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def add_cell(digest, cell, places=HERE):
    """Add the content of a cell to a digest.

    Parameters
    ----------
    digest : hash of hashlib
        Is updated.
    cell : object
        A path counts as its size, times of change and inode, not its content. Bytes,
        open files, URLs, arrays of numbers, ``(array, rate)`` and ``{"array",
        "sampling_rate"}`` count as what they hold; ``{"bytes", "path"}`` as its bytes
        or the file at its path.
    places : Places, default=HERE
        Where files may be.

    Returns
    -------
    bool
        False where the cell is anything else, or a path where no file is.

    Examples
    --------
    >>> import hashlib
    >>> import numpy as np
    >>> digest = hashlib.sha256()
    >>> add_cell(digest, np.zeros(3)), add_cell(digest, [0, 0, 0])
    (True, False)
    """
    if isinstance(cell, np.ndarray):
        if cell.dtype.kind not in "biuf":
            return False
        digest.update(f"array {cell.dtype.str} {cell.shape} ".encode())
        digest.update(np.ascontiguousarray(cell))
        if isinstance(cell, np.ma.MaskedArray):
            digest.update(b"mask ")
            digest.update(np.ascontiguousarray(np.ma.getmaskarray(cell)))
        return True
    try:
        file = find_file(cell, replace(places, keep=True))
    except Exception:  # for the transformer to report
        return False
    if file is not None and file.path is not None:
        return _add_file(digest, file.path)
    if file is not None:
        digest.update(b"bytes ")
        digest.update(file.content)
        return True
    if isinstance(cell, tuple) and len(cell) == 2:
        return _add_sound(digest, *cell)
    if isinstance(cell, Mapping):
        return _add_sound(digest, cell.get("array"), cell.get("sampling_rate"))
    return False


def _add_file(digest, path):
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False
    # What stands there now, be it by a link, and whenever it was put there: a copy may
    # have the size and the time of change of another file.
    place = f"{status.st_dev}:{status.st_ino} {os.path.abspath(path)}"
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    known = f"file {status.st_size} {times} {place}"
    digest.update(known.encode("utf-8", "surrogatepass"))
    return True


def _add_sound(digest, samples, rate):
    if not isinstance(samples, np.ndarray) or not isinstance(rate, Real):
        return False
    digest.update(f"rate {float(rate)!r} ".encode())
    return add_cell(digest, samples)


def fingerprint_rows(X):
    """Give each row a number that other rows hardly share, in any container.

    It is made to know rows again, not to prove that they are the same.

    Parameters
    ----------
    X : column or table of pandas or polars, list, or array
        The rows. Of cells that are paths the path counts, not the file.

    Returns
    -------
    ndarray of uint64, shape (n_samples,)

    Examples
    --------
    >>> fingerprint_rows(["a", "b"]) == fingerprint_rows(["a", "c"])
    array([ True, False])
    """
    if hasattr(X, "columns"):
        columns = [X[name] for name in X.columns]
    else:
        columns = X.T if getattr(X, "ndim", 1) == 2 else [X]
    rows = np.zeros(len(X), dtype=np.uint64)
    for column in columns:
        rows = rows * _MULTIPLIER + _fingerprint_cells(column)
    return rows


def _fingerprint_cells(column):
    numbers = _as_numbers(column)
    if numbers is not None:
        return pd.util.hash_array(numbers + 0.0)  # -0.0 is 0.0
    keys = np.empty(len(column), dtype=object)
    keys[:] = [_key(cell) for cell in column]
    return pd.util.hash_array(keys, categorize=False)


def _as_numbers(column):
    """Take a column as float64; None where it holds anything but numbers."""
    if isinstance(column, np.ndarray) and column.dtype.kind in "biuf":
        return column.astype(np.float64)
    if hasattr(column, "dtype") and hasattr(column, "name") and is_numeric(column):
        return to_float(column)
    if all(isinstance(cell, Number) or is_missing(cell) for cell in column):
        return np.array(
            [np.nan if is_missing(cell) else cell for cell in column], float
        )
    return None


def _key(cell):
    """Give bytes that are as different as the cells."""
    if isinstance(cell, str | Path):
        return b"text " + str(cell).encode("utf-8", "surrogatepass")
    if is_missing(cell):
        return b"missing"
    if as_struct(cell) is not None and is_missing(as_struct(cell).get("bytes")):
        return _key(as_struct(cell).get("path"))
    digest = hashlib.blake2b(digest_size=16)
    if add_cell(digest, cell):
        return digest.digest()
    try:  # series of pandas and polars, lists of numbers, images of PIL
        array = np.asarray(cell)
    except Exception:  # each in its own way
        array = None
    if array is not None and add_cell(digest, array):
        return digest.digest()
    return repr(cell).encode("utf-8", "surrogatepass")
