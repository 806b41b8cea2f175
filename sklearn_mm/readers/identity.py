"""What a cell is known by: a digest of its content."""

import os
from collections.abc import Mapping
from numbers import Real
from pathlib import Path

import numpy as np


def add_cell(digest, cell):
    """Add the content of a cell to a digest.

    Parameters
    ----------
    digest : hash of hashlib
        Is updated.
    cell : object
        A path counts as its size, times of change and inode, not its content. Bytes,
        arrays of numbers, ``(array, rate)`` and ``{"array", "sampling_rate"}`` count
        as what they hold.

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
        return True
    if isinstance(cell, str | Path):
        return _add_file(digest, cell)
    if isinstance(cell, bytes | bytearray):
        digest.update(b"bytes ")
        digest.update(cell)
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
