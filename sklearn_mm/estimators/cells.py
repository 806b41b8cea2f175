"""Advice for who hands cells, or a flattened union, to an estimator of features."""

import re
import warnings
from collections.abc import Mapping
from numbers import Number

import numpy as np

from sklearn_mm.blocks import FeatureBlock

_UNION = (
    "put a MultimodalFeatureUnion, or what make_multimodal_union(X) makes, before it "
    "in a pipeline"
)

# What an ImageTransformer calls a pixel in the flat view.
_PIXEL = re.compile(r"(^|__)pixel_\w+_\d+_\d+$")
# What a sequence becomes there, each with the name of its feature.
_OF_SEQUENCES = ("mean", "std", "max")


def refuse_dates(owner, X, called="X"):
    """Raise TypeError for dates and durations, which are no numbers without a unit.

    Parameters
    ----------
    owner : str
        Name of the estimator.
    X : object
        What stands for the features, or the target.
    called : {"X", "y"}, default="X"
        Which of both.
    """
    for name, dtype in _dtypes(X):
        # By name: numpy, pandas, polars and pyarrow agree on that much.
        if str(dtype).lower().startswith(("date", "time", "duration")):
            where = called if name is None else f"column {name!r} of {called}"
            cure = f"{_UNION}, with a step that reads dates, or " * (called == "X")
            raise TypeError(
                f"{where} has the dtype {dtype}, but {owner} takes numbers: {cure}"
                "convert it to numbers of one unit"
            )


def cells_in(X):
    """Say what stands in X that is no number, and what to do about it.

    Parameters
    ----------
    X : object
        What could not be read as a 2-D array of numbers.

    Returns
    -------
    str or None
        None if there is nothing to say.
    """
    if isinstance(X, Mapping):
        if any(isinstance(value, FeatureBlock) for value in X.values()):
            return "X is a dict of blocks: hand over MultimodalFeatures(X)"
        return f"X is a dict: make a table of it, as pandas.DataFrame(X), and {_UNION}"
    if isinstance(X, list | tuple) and any(isinstance(x, FeatureBlock) for x in X):
        return (
            "X is a list of blocks: give each its name, as in "
            "MultimodalFeatures({'image': X[0], 'text': X[1]})"
        )
    columns = _columns(X)
    if columns is None and hasattr(X, "index") and hasattr(X, "iloc"):
        found = _first_cell(X)
        if found:
            return (
                f"X is one column or row, {found}: take a table of it, such as "
                f"table.iloc[[0]] for one row, and {_UNION}"
            )
    for name, column in columns or [(None, X)]:
        found = _first_cell(column)
        if found:
            where = "X" if name is None else f"column {name!r}"
            return f"{where} holds cells, {found}: {_UNION}"
    shape = np.shape(X) if isinstance(X, list | tuple | np.ndarray) else ()
    if len(shape) > 2:
        return f"X has the shape {shape}, as images or sequences have: {_UNION}"
    return None


def warn_of_flat_names(owner, X):
    """Warn of a table whose names say that it was made of sequences or images.

    Such as one that was kept in a file, of which nothing else is known.

    Parameters
    ----------
    owner : str
        Name of the estimator.
    X : object
        What stands for the features.
    """
    names = [str(name) for name in _names(X) or ()]
    flat = [name for name in names if _PIXEL.search(name)] or _of_sequences(names)
    if flat:
        warnings.warn(
            f"{owner} was given one modality of numbers, of which {len(flat)} columns "
            f"such as {flat[0]!r} are a flat view of images or sequences: their order "
            "is lost. Hand over what MultimodalFeatureUnion gives with "
            "set_output(transform='default').",
            UserWarning,
            stacklevel=2,
        )


def _of_sequences(names):
    """List the names that have a step's prefix and are statistics of its sequences."""
    of_steps = {}
    for name in names:
        step, _, rest = name.rpartition("__")
        of_steps.setdefault(step, set()).add(tuple(rest.split("_", 1)))
    flat = []
    for step, parts in of_steps.items():
        stems = {part[-1] for part in parts}
        if step and parts == {(what, stem) for what in _OF_SEQUENCES for stem in stems}:
            flat += [name for name in names if name.rpartition("__")[0] == step]
    return flat


def _names(X):
    """List the names of a table's columns; None if X is no table."""
    names = getattr(X, "column_names", getattr(X, "columns", None))
    return None if names is None or not hasattr(X, "__getitem__") else list(names)


def _columns(X):
    """List the columns of a table by name; None if X is no table."""
    names = _names(X)
    if names is None:
        return None
    if hasattr(X, "iloc"):  # where names may stand twice
        return [(name, X.iloc[:, place]) for place, name in enumerate(names)]
    return [(name, X[name]) for name in names]


def _dtypes(X):
    """List the dtypes of a table's columns by name, or that of an array."""
    if hasattr(X, "iloc") and hasattr(X, "dtypes") and _names(X) is not None:
        return list(zip(_names(X), X.dtypes, strict=True))
    return [
        (name, getattr(column, "dtype", getattr(column, "type", None)))
        for name, column in _columns(X) or [(None, X)]
    ]


def _first_cell(column):
    """Describe the first cell that is no number, with its row."""
    try:
        cells = np.asarray(column)
    except ValueError:  # rows of different lengths
        cells = _as_objects(column)
    if cells.dtype.kind in "fiubc" or not cells.size:
        return None
    if cells.ndim == 0:
        return f"a {type(column).__name__}"
    for row, cell in enumerate(cells.astype(object)):
        for value in cell if cells.ndim == 2 else [cell]:
            if not _is_number(value):
                shown = repr(value) if isinstance(value, str | bytes) else ""
                shown = shown if len(shown) < 40 else f"{shown[:40]}..."
                return f"{type(value).__name__} {shown}".rstrip() + f" in row {row}"
    return None


def _as_objects(column):
    cells = list(column)
    objects = np.empty(len(cells), dtype=object)
    for place, cell in enumerate(cells):
        objects[place] = cell
    return objects


def _is_number(value):
    if value is None or isinstance(value, Number):
        return True
    if np.ndim(value):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
