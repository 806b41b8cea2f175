"""What a file may be, checked before anything of it is read."""

import errno
import os
import stat

# Bytes of one file, whether it lies on a disk or comes from elsewhere.
MAX_BYTES = 2**28

# Seconds for one file that comes from elsewhere.
TIMEOUT = 30.0

_KINDS = (
    (stat.S_ISDIR, "which is a folder"),
    (stat.S_ISFIFO, "which is a pipe"),
    (stat.S_ISSOCK, "which is a socket"),
    (stat.S_ISCHR, "which is a device"),
    (stat.S_ISBLK, "which is a device"),
)


def find_problem(path, max_bytes=None):
    """Say why a path names no file that can be read.

    Parameters
    ----------
    path : str or Path
        Of what should be a file.
    max_bytes : int, default=None
        That it may hold. None: any number.

    Returns
    -------
    str or None
        None where it is a file that can be read.

    Examples
    --------
    >>> find_problem("/"), find_problem("/no/such/file")
    ('which is a folder', 'and no such file exists')
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a null character
        return _explain(error)
    for is_kind, problem in _KINDS:
        if is_kind(status.st_mode):
            return problem
    if not status.st_size:
        return "which is an empty file"
    return find_excess(status.st_size, max_bytes)


def find_excess(n_bytes, max_bytes):
    """Say that bytes are too many, or None."""
    if max_bytes is None or n_bytes <= max_bytes:
        return None
    return (
        f"which holds {n_bytes} bytes, above the limit max_bytes={max_bytes}; raise it "
        "if you trust the file"
    )


def _explain(error):
    number = getattr(error, "errno", None)
    if number == errno.ELOOP:
        return "which is a link that leads in a circle"
    if number in (errno.EACCES, errno.EPERM):
        return "which may not be read: permission is denied"
    return "and no such file exists"
