"""Files that are written whole, or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path


@contextlib.contextmanager
def write_whole(path):
    """Write a file in the place of another, or leave what is there as it is.

    The bytes are on the disk before the file has its name: a process that is killed, or
    a machine that loses its power, leaves the old file or the new one.

    Parameters
    ----------
    path : str or Path
        Where to, in a folder that exists. A link is followed.

    Yields
    ------
    file object
        To write bytes to.
    """
    path = Path(os.path.realpath(path))
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


def _umask():
    current = os.umask(0)
    os.umask(current)
    return current


def _sync_folder(folder):
    """Make the new name last; where folders cannot be synchronised it is not needed."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
