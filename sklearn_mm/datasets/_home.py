"""Where the loaders keep their files."""

import os
from pathlib import Path


def get_data_home(data_home=None):
    """Folder in which the loaders of this package keep their files.

    Parameters
    ----------
    data_home : str or Path, default=None
        A folder. None takes the environment variable ``SKLEARN_MM_DATA`` unless the
        folder named there is read-only, and else ``sklearn_mm`` in the user's cache.

    Returns
    -------
    Path
        An absolute path, ``~`` expanded. The folder may not be there yet.

    Examples
    --------
    >>> from sklearn_mm.datasets import get_data_home
    >>> get_data_home("/tmp/data").name
    'data'
    """
    homes = _homes(data_home)
    return next((home for home in homes[:-1] if not _is_read_only(home)), homes[-1])


def find_in_homes(name, data_home=None):
    """Find a file or folder in the folders where the loaders look.

    Parameters
    ----------
    name : str
        Its path inside the folder.
    data_home : str or Path, default=None
        The only folder to look in. None looks in that of ``SKLEARN_MM_DATA``, read-only
        or not, and then in the user's cache.

    Returns
    -------
    Path or None
        None if it is in none of them.
    """
    paths = [home / name for home in _homes(data_home)]
    return next((path for path in paths if path.exists()), None)


def _homes(data_home):
    """List the folders in which to look, the first choice first."""
    if data_home is not None:
        return [_absolute(data_home)]
    import pooch

    homes = [_absolute(pooch.os_cache("sklearn_mm"))]
    if from_environment := os.environ.get("SKLEARN_MM_DATA"):
        homes.insert(0, _absolute(from_environment))
    return homes


def _absolute(folder):
    return Path(folder).expanduser().absolute()


def _is_read_only(folder):
    # The permission bits too: nothing stops root, but such a folder is not ours.
    return folder.exists() and not (
        os.access(folder, os.W_OK) and folder.stat().st_mode & 0o222
    )
