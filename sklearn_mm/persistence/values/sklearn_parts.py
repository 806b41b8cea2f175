"""The parts of a model that are scikit-learn's alone, written by skops.

skops looks at the types in a file before it builds anything, and so do we, with a list
of our own that is shorter: no functions, no methods, no trees, no archives within the
archive.
"""

import io
import math
import re

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_mm.persistence.archive import Archive
from sklearn_mm.persistence.errors import ModelFileError, UntrustedTypeError
from sklearn_mm.persistence.strict_json import read_json
from sklearn_mm.persistence.values.sklearn_types import (
    PLAIN_TYPES,
    PREDICTOR,
    SCALAR_TYPES,
    SKLEARN,
    SKLEARN_INNER,
    TREE,
    WITH_VOCABULARY,
    name_of,
    name_type,
)
from sklearn_mm.persistence.values.trees import check_estimator

NAME = "sklearn.skops"

_MEMBERS = re.compile(r"schema\.json|\d+\.npy|[0-9a-f-]{36}\.bin")

# Dicts beyond this are vocabularies, for which skops takes a hundred bytes an entry.
_MAX_ENTRIES = 1000

_PLAIN = (bool, int, float, str, bytes)
_SCALARS = {
    f"numpy.{kind.__name__.rstrip('_')}{end}"
    for kind in SCALAR_TYPES
    for end in ("", "_")
}
_LOADERS = {
    "BytesNode": {"builtins.bytes"},
    "DictNode": {"builtins.dict"},
    "JsonNode": {"builtins.str"},
    "ListNode": {"builtins.list"},
    "SetNode": {"builtins.set"},
    "SliceNode": {"builtins.slice"},
    "TupleNode": {"builtins.tuple"},
    "NdArrayNode": {
        "numpy.ndarray",
        *_SCALARS,
    },
    "TypeNode": {
        *(f"builtins.{kind.__name__}" for kind in PLAIN_TYPES),
        *_SCALARS,
    },
    "RandomStateNode": {"numpy.random.mtrand.RandomState"},
    "RandomGeneratorNode": {"numpy.random._generator.Generator"},
    "ObjectNode": {*SKLEARN, *SKLEARN_INNER} - {PREDICTOR, TREE},
    "LossNode": set(SKLEARN_INNER),
}


def name_sklearn(kind):
    """Name a class of scikit-learn as files do; None if it is not listed."""
    name = name_of(kind)
    return name if name in SKLEARN or _inner_name(kind) else None


def _inner_name(kind):
    # Of what is compiled, the module is at times given without its package.
    name = name_of(kind)
    if name in SKLEARN_INNER:
        return name
    if kind.__module__ in ("_loss", "_sgd_fast"):
        ends = f".{kind.__module__}.{kind.__qualname__}"
        return next((each for each in SKLEARN_INNER if each.endswith(ends)), None)
    return None


def fits_skops(value, trusted, known):
    """Tell whether an object is scikit-learn's, with all that it holds.

    Parameters
    ----------
    value : object
        Any.
    trusted : dict of int to str
        By id, the types and functions that are the user's: not for skops.
    known : dict of int to bool
        What was found before, by id.

    Returns
    -------
    bool
    """
    kind = type(value)
    if value is None or kind in _PLAIN:
        return True
    if kind in (list, tuple, set):
        return all(fits_skops(each, trusted, known) for each in value)
    if kind is dict:
        return (
            len(value) <= _MAX_ENTRIES
            and all(type(key) in (str, int) for key in value)
            and all(fits_skops(each, trusted, known) for each in value.values())
        )
    if kind is slice:
        parts = (value.start, value.stop, value.step)
        return all(part is None or type(part) is int for part in parts)
    if kind is np.ndarray:
        if value.dtype.kind == "O":
            items = value.ravel().tolist()
            return all(fits_skops(each, trusted, known) for each in items)
        return True
    if isinstance(value, np.generic):
        return value.dtype.kind in "biufU"
    if isinstance(value, type):
        name = name_type(value)
        return id(value) not in trusted and name in _LOADERS["TypeNode"]
    if kind in (np.random.RandomState, np.random.Generator):
        return True
    if id(kind) in trusted or name_of(kind) in (*WITH_VOCABULARY, PREDICTOR, TREE):
        return False
    if name_sklearn(kind) is None:
        return False
    if id(value) not in known:
        known[id(value)] = False  # a circle is none of skops's
        known[id(value)] = _parts_fit(value, trusted, known)
    return known[id(value)]


def _parts_fit(value, trusted, known):
    if _inner_name(type(value)):
        return True
    if isinstance(value, BaseEstimator) and getattr(value, "memory", None) is not None:
        return False
    return fits_skops(value.__getstate__(), trusted, known)


def classes_in(value):
    """List the estimators of scikit-learn in one of its objects: a set of names."""
    return {name_of(type(each)) for each in _objects_in(value)}


def _objects_in(value):
    """Yield each object of a listed class in a value, however deep."""
    left, seen = [value], set()
    while left:
        each = left.pop()
        if isinstance(each, list | tuple | set):
            left += each
        elif isinstance(each, dict):
            left += each.values()
        elif isinstance(each, np.ndarray) and each.dtype.kind == "O":
            left += each.ravel().tolist()
        elif name_of(type(each)) in SKLEARN and id(each) not in seen:
            seen.add(id(each))
            yield each
            left += vars(each).values()


def write_sklearn(objects):
    """Write objects for which `fits_skops` holds: bytes.

    Parameters
    ----------
    objects : dict of str to object
        By the numbers that stand for them in the tree.

    Returns
    -------
    bytes
    """
    import zipfile

    from skops.io import dumps

    try:
        content = dumps(objects, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        _audit(content)
    except UntrustedTypeError:
        raise
    except Exception as error:  # what skops raises has no common base
        raise UntrustedTypeError(
            f"skops cannot write this part of the model: {error}"
        ) from error
    return content


def read_sklearn(content):
    """Read what `write_sklearn` wrote, with every type in it checked before.

    Parameters
    ----------
    content : bytes
        Of the member.

    Returns
    -------
    dict of str to object
    """
    import warnings

    from sklearn.exceptions import InconsistentVersionWarning
    from skops.io import loads

    trusted = sorted(_audit(content))
    try:
        with warnings.catch_warnings():
            # Said once, for the whole file.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            objects = loads(content, trusted=trusted)
    except Exception as error:
        raise ModelFileError(f"{NAME} cannot be read: {error}") from error
    if type(objects) is not dict:
        raise ModelFileError(f"{NAME} must hold a dict, found {type(objects).__name__}")
    for each in _objects_in(objects):
        if getattr(each, "memory", None) is not None:
            each.memory = None  # a cache of the machine that it was saved on
        if isinstance(each, BaseEstimator):
            check_estimator(each)
    return objects


def _audit(content):
    """Check limits, arrays and types of what skops is to read: the names of types."""
    with Archive(io.BytesIO(content), names=_MEMBERS, what=NAME) as archive:
        schema = read_json(archive.read("schema.json"), f"the schema of {NAME}")
        for name in archive.members:
            if name.endswith(".npy"):
                _check_array(name, archive.read(name))
    left, found = [schema], set()
    while left:
        node = left.pop()
        if isinstance(node, list):
            left += node
        elif isinstance(node, dict):
            if "__loader__" in node:
                _check_node(node)
                found.add(f"{node['__module__']}.{node['__class__']}")
            elif "__class__" in node or "__module__" in node:
                raise ModelFileError(f"{NAME}: a type stands where none belongs")
            left += node.values()
    return found


def _check_node(node):
    loader = node["__loader__"]
    module, kind = node.get("__module__"), node.get("__class__")
    known = _LOADERS.get(loader) if isinstance(loader, str) else None
    names = {f"{module}.{kind}"}
    if module in ("_loss", "_sgd_fast"):
        names = {n for n in SKLEARN_INNER if n.endswith(f".{module}.{kind}")}
    if known is None or not names or not names <= known:
        raise UntrustedTypeError(
            f"{NAME} names the type {module}.{kind} (by {loader}), which is in no list "
            "of what a model file may hold"
        )
    if loader == "JsonNode":
        text = node.get("content")
        if not isinstance(text, str):
            raise ModelFileError(f"{NAME}: found {text!r:.80} where JSON belongs")


def _check_array(name, content):
    """Check what the header of an array says before its room is taken."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read(file)
    except (KeyError, ValueError) as error:
        raise ModelFileError(f"{NAME}: {name} is no array: {error}") from error
    n_bytes = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or n_bytes != len(content) - file.tell():
        raise ModelFileError(
            f"{NAME}: {name} of shape {shape!s:.80} and dtype {dtype!s:.80} needs "
            f"{n_bytes} bytes, found {len(content) - file.tell()}"
        )
