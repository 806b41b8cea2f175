"""From plain values to a model: the other way of `encode`."""

import base64
import binascii
import math
import re
import warnings
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch

from sklearn_mm.persistence.errors import ModelFileError, UntrustedTypeError
from sklearn_mm.persistence.values import learned
from sklearn_mm.persistence.values.encode import BIT_GENERATORS
from sklearn_mm.persistence.values.modules import find_module
from sklearn_mm.persistence.values.neighbors import make_neighbor_tree
from sklearn_mm.persistence.values.registry import find_ours
from sklearn_mm.persistence.values.sklearn_types import (
    SCALAR_TYPES,
    SKLEARN,
    find,
    find_function,
    find_type,
)
from sklearn_mm.persistence.values.trees import make_records, make_tree

_DTYPE = re.compile(r"[<>|=]?([biuf][1248]|c8|c16|[US]\d{1,5}|O|[Mm]8(\[\w{1,10}\])?)")
_UNITS = re.compile(r"(datetime|timedelta)64(\[\w{1,10}\])?")
_SCALARS = {
    kind.__name__.rstrip("_"): kind for kind in SCALAR_TYPES if kind is not np.str_
}

# Bytes of an array of strings, which is as wide as its longest may be.
_MAX_TEXT_BYTES = 2**28


class Decoder:
    """Build a model from its tree; all in it is checked.

    Parameters
    ----------
    arrays : dict of str to ndarray
        By the names in the tree.
    dtypes : dict of str to dict
        Of those of them that hold records.
    read_document : callable
        From the name of a member to its JSON.
    read_tokenizer : callable
        From the name of a member to its text.
    sklearn : dict of str to object
        What skops has read.
    files : callable
        From a number to the files of a pretrained encoder.
    trusted : dict of str to type or function
        What the user trusts.

    Attributes
    ----------
    other_devices : set of str
        Devices that are not on this machine.
    """

    def __init__(
        self, arrays, dtypes, read_document, read_tokenizer, sklearn, files, trusted
    ):
        self.dtypes = {
            name: make_records(described, f"the array {name!r}")
            for name, described in dtypes.items()
        }
        self.arrays, self.sklearn = arrays, sklearn
        self.read_document, self.read_tokenizer = read_document, read_tokenizer
        self.files, self.trusted = files, trusted
        self.other_devices = set()
        self._built = {}

    def decode(self, node, where):
        """Build what a node stands for; ``where`` is its place, for errors."""
        if node is None or isinstance(node, bool | int | float | str):
            return node
        if isinstance(node, list):
            return [self.decode(each, f"{where}[{i}]") for i, each in enumerate(node)]
        if len(node) != 1:
            self._refuse(where, f"{sorted(node)!s:.80}, expected one key")
        ((name, content),) = node.items()
        if name not in _METHODS:
            self._refuse(where, f"the unknown kind of value {name!r:.80}")
        return _METHODS[name](self, content, where)

    def map(self, node, where):
        """Build the values of a dict with names as keys."""
        if not isinstance(node, dict):
            self._refuse(where, f"{node!r:.80}, expected a dict")
        return {key: self.decode(each, f"{where}.{key}") for key, each in node.items()}

    def part(self, node, name, kind, where):
        """Get a plain part of a node, of the type that it must have."""
        value = node.get(name) if isinstance(node, dict) else None
        if type(value) is not kind:
            self._refuse(where, f"{value!r:.80} as {name}, expected {kind.__name__}")
        return value

    def _refuse(self, where, found):
        raise ModelFileError(f"the model file is damaged at {where}: found {found}")

    def _list(self, node, where, n=None):
        if not isinstance(node, list) or n not in (None, len(node)):
            self._refuse(where, f"{node!r:.80}, expected a list of {n or 'values'}")
        return [self.decode(each, f"{where}[{i}]") for i, each in enumerate(node)]

    def _shape(self, node, where):
        shape = self.part(node, "shape", list, where)
        if not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 32:
            self._refuse(where, f"{shape!r:.80} as a shape, expected integers")
        return tuple(shape)

    def _float(self, node, where):
        if node not in ("nan", "inf", "-inf"):
            self._refuse(where, f"the number {node!r:.80}")
        return float(node)

    def _array(self, node, where):
        name = node[0] if isinstance(node, list) and node else None
        if (
            not isinstance(name, str)
            or name not in self.arrays
            or node[1:]
            not in (
                [],
                ["F"],
            )
        ):
            self._refuse(where, f"no array {name!r:.80}")
        return self.arrays[name].T if node[1:] else self.arrays[name]

    def _numbers(self, node, where):
        name, shape, values = self._list(node, where, 3)
        shape = self._shape({"shape": shape}, where)
        if not isinstance(values, list) or len(values) != math.prod(shape):
            self._refuse(where, f"{values!r:.80} for the shape {shape}")
        scalars = [self._scalar([name, value], where) for value in values]
        return np.array(scalars, dtype=self._number_type(name, where)).reshape(shape)

    def _number_type(self, name, where):
        if not isinstance(name, str) or name not in _SCALARS:
            self._refuse(where, f"the dtype {name!r:.80}")
        return _SCALARS[name]

    def _pooled(self, node, where):
        name, start, shape = self._list(node, where, 3)
        shape = self._shape({"shape": shape}, where)
        n = math.prod(shape)
        if (
            not isinstance(name, str)
            or name not in self.arrays
            or type(start) is not int
        ):
            self._refuse(where, f"no arrays {name!r:.80}")
        pool = self.arrays[name]
        if not 0 <= start <= len(pool) - n:
            self._refuse(where, f"the places {start} to {start + n} of {len(pool)}")
        found = pool[start : start + n].copy()
        if name in self.dtypes:
            dtype = self.dtypes[name]
            if found.dtype != np.uint8 or found.shape != (n, dtype.itemsize):
                self._refuse(where, f"records of {found.dtype} and {found.shape}")
            found = found.reshape(-1).view(dtype)
        elif found.ndim != 1:
            self._refuse(where, f"numbers of {found.ndim} axes")
        return found.reshape(shape)

    def _objects(self, node, where):
        shape = self._shape(node, where)
        values = self.part(node, "values", list, where)
        if len(values) != math.prod(shape):
            self._refuse(where, f"{len(values)} values for the shape {shape}")
        array = np.empty(len(values), dtype=object)
        for i, each in enumerate(values):
            array[i] = self.decode(each, f"{where}[{i}]")
        return array.reshape(shape)

    def _texts(self, node, where):
        shape = self._shape(node, where)
        values = self.part(node, "values", list, where)
        dtype = self._dtype(self.part(node, "dtype", str, where), where)
        if (
            dtype.kind != "U"
            or len(values) != math.prod(shape)
            or not all(isinstance(value, str) for value in values)
            or dtype.itemsize * len(values) > _MAX_TEXT_BYTES
        ):
            self._refuse(where, f"no strings of dtype {dtype} and shape {shape!s:.80}")
        return np.array(values, dtype=dtype).reshape(shape)

    def _viewed(self, node, where):
        dtype, plain = self._list(node, where, 2)
        dtype = self._dtype(dtype, where)
        if dtype.kind not in "Mmc" or not isinstance(plain, np.ndarray):
            self._refuse(where, f"an array viewed as {dtype}")
        expected = np.int64 if dtype.kind in "Mm" else f"f{dtype.itemsize // 2}"
        is_pair = dtype.kind != "c" or plain.shape[-1:] == (2,)
        if plain.dtype != expected or not is_pair:
            self._refuse(where, f"numbers of {plain.dtype} for {dtype}")
        viewed = np.ascontiguousarray(plain).view(dtype)
        return viewed.reshape(plain.shape[:-1] if dtype.kind == "c" else plain.shape)

    def _masked(self, node, where):
        parts = self.map(node, where)
        data, mask = parts.get("data"), parts.get("mask")
        if not isinstance(data, np.ndarray) or not isinstance(mask, np.ndarray):
            self._refuse(where, "no masked array")
        if mask.shape != data.shape or mask.dtype != bool:
            self._refuse(where, f"a mask of shape {mask.shape} for {data.shape}")
        return np.ma.MaskedArray(data, mask, fill_value=parts.get("fill"))

    def _dtype(self, node, where):
        if not isinstance(node, str) or not _DTYPE.fullmatch(node):
            self._refuse(where, f"the dtype {node!r:.80}")
        return np.dtype(node)

    def _scalar(self, node, where):
        name, value = self._list(node, where, 2)
        if name == "str" and isinstance(value, str):
            return np.str_(value)
        if isinstance(name, str) and _UNITS.fullmatch(name) and type(value) is int:
            return np.int64(value).astype(name)
        kind = _SCALARS.get(name) if isinstance(name, str) else None
        expected = {"f": float, "b": bool}.get(getattr(np.dtype(kind), "kind", ""), int)
        if kind is None or type(value) is not expected:
            self._refuse(where, f"the number {value!r:.80} as {name!r:.40}")
        with suppress(OverflowError), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            number = kind(value)
            # NumPy before 2 takes what is too large, and the low bits of it.
            if expected is not int or int(number) == value:
                return number
        self._refuse(where, f"the number {value!r:.80}, too large for {name}")

    def _sparse(self, node, where):
        shape, form = self._shape(node, where), self.part(node, "kind", str, where)
        parts = [self.decode(node.get(n), where) for n in ("data", "indices", "indptr")]
        forms = ("csr_matrix", "csc_matrix", "csr_array", "csc_array")
        if form not in forms or not all(isinstance(p, np.ndarray) for p in parts):
            self._refuse(where, f"a sparse matrix of the form {form!r:.80}")
        try:
            matrix = getattr(sparse, form)(tuple(parts), shape=shape)
            matrix.check_format(full_check=True)
        except (ValueError, TypeError) as error:
            raise ModelFileError(f"{where}: no sparse matrix: {error}") from error
        return matrix

    def _pairs(self, node, where):
        pairs = [self._list(pair, where, 2) for pair in self._raw_list(node, where)]
        try:
            found = dict(pairs)
        except TypeError as error:
            raise ModelFileError(f"{where}: {error}") from error
        if len(found) != len(pairs):
            self._refuse(where, "a key twice")
        return found

    def _raw_list(self, node, where):
        if not isinstance(node, list):
            self._refuse(where, f"{node!r:.80}, expected a list")
        return node

    def _vocabulary(self, node, where):
        name, kind = self._list(node, where, 2)
        kinds = {"int": int, "int64": np.int64, "int32": np.int32}
        numbers = self.read_document(name)
        if not isinstance(numbers, dict) or kind not in kinds:
            self._refuse(where, f"no vocabulary {name!r:.80}")
        if not all(type(number) is int for number in numbers.values()):
            odd = next(n for n in numbers.values() if type(n) is not int)
            self._refuse(where, f"{odd!r:.80} in {name}, expected integers")
        if kind == "int":
            return numbers
        return {key: kinds[kind](number) for key, number in numbers.items()}

    def _tokenizer(self, node, where):
        from tokenizers import Tokenizer

        try:
            return Tokenizer.from_str(self.read_tokenizer(node))
        except ModelFileError:
            raise
        except Exception as error:  # the library raises nothing more precise
            raise ModelFileError(f"{where}: no tokenizer: {error}") from error

    def _bytes(self, node, where):
        try:
            return base64.b64decode(node, validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise ModelFileError(f"{where}: no bytes: {error}") from error

    def _range(self, node, where):
        numbers = self._list(node, where, 3)
        if not all(type(number) is int for number in numbers) or not numbers[2]:
            self._refuse(where, f"the range {numbers!r:.80}")
        return range(*numbers)

    def _path(self, node, where):
        if not isinstance(node, str):
            self._refuse(where, f"the path {node!r:.80}")
        return Path(node)

    def _type(self, node, where):
        found = None
        if isinstance(node, str):
            found = self.trusted.get(node) or find_type(node)
        if not isinstance(found, type):
            self._refuse_type(where, "class", node)
        return found

    def _function(self, node, where):
        found = None
        if isinstance(node, str):
            found = self.trusted.get(node) or find_ours(node) or find_function(node)
        if not callable(found) or isinstance(found, type):
            self._refuse_type(where, "function", node)
        return found

    def _partial(self, node, where):
        parts = self.map(node, where)
        func, args = parts.get("func"), parts.get("args")
        keywords = parts.get("keywords", {})
        is_dict = type(keywords) is dict and all(type(key) is str for key in keywords)
        if not callable(func) or type(args) is not tuple or not is_dict:
            self._refuse(where, "no partial function")
        return partial(func, *args, **keywords)

    def _random_state(self, node, where):
        state = self.map(node, where)
        made = np.random.RandomState()
        self._set(made.set_state, state, "MT19937", where)
        return made

    def _generator(self, node, where):
        state = self.decode(node, where)
        name = state.get("bit_generator") if isinstance(state, dict) else None
        if name not in BIT_GENERATORS:
            self._refuse(where, f"the random generator {name!r:.80}")
        bits = getattr(np.random, name)(0)
        self._set(lambda given: setattr(bits, "state", given), state, name, where)
        return np.random.Generator(bits)

    def _set(self, assign, state, name, where):
        inner = state.get("state")
        place = inner.get("pos", 0) if isinstance(inner, dict) else -1
        if state.get("bit_generator") != name or not (
            type(place) is int and 0 <= place <= 624
        ):
            self._refuse(where, f"a random state at {place!r:.80}")
        try:
            assign(state)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise ModelFileError(f"{where}: no random state: {error}") from error

    def _same(self, node, where):
        if type(node) is not int or node not in self._built:
            self._refuse(where, f"the object number {node!r:.80} before it is there")
        return self._built[node]

    def _sklearn(self, node, where):
        if not isinstance(node, str) or node not in self.sklearn:
            self._refuse(where, f"no part {node!r:.80} of scikit-learn")
        return self.sklearn[node]

    def _object(self, node, where):
        name = self.part(node, "class", str, where)
        number = self.part(node, "id", int, where)
        kind = self.trusted.get(name) or find_ours(name) or find_module(name)
        if kind is None and name in SKLEARN:
            kind = find(SKLEARN[name])
        if not isinstance(kind, type):
            self._refuse_type(where, "class", name)
        if number in self._built:
            self._refuse(where, f"two objects of the number {number}")
        value = self._built[number] = kind.__new__(kind)
        learned.fill(value, name, node, self, where)
        return value

    def _refuse_type(self, where, what, name):
        own = str(name).rpartition(".")[2]
        raise UntrustedTypeError(
            f"{where}: the file names the {what} {name!r:.200}, which is in no list of "
            "what a model file may hold. If it is yours, or you know what it does, "
            f"import it and pass it: load(..., trusted=[{own:.80}])"
        )


_METHODS = {
    "array": Decoder._array,
    "bunch": lambda self, node, where: Bunch(**self.map(node, where)),
    "bytes": Decoder._bytes,
    "dict": Decoder._pairs,
    "dtype": Decoder._dtype,
    "float": Decoder._float,
    "frozenset": lambda self, node, where: frozenset(self._list(node, where)),
    "function": Decoder._function,
    "generator": Decoder._generator,
    "map": Decoder.map,
    "masked": Decoder._masked,
    "object": Decoder._object,
    "neighbor_tree": lambda self, node, where: make_neighbor_tree(node, self, where),
    "numbers": Decoder._numbers,
    "objects": Decoder._objects,
    "ordered": lambda self, node, where: OrderedDict(self._pairs(node, where)),
    "partial": Decoder._partial,
    "path": Decoder._path,
    "pooled": Decoder._pooled,
    "random_state": Decoder._random_state,
    "range": Decoder._range,
    "same": Decoder._same,
    "scalar": Decoder._scalar,
    "set": lambda self, node, where: set(self._list(node, where)),
    "sklearn": Decoder._sklearn,
    "slice": lambda self, node, where: slice(*self._list(node, where, 3)),
    "sparse": Decoder._sparse,
    "texts": Decoder._texts,
    "tokenizer": Decoder._tokenizer,
    "tree": lambda self, node, where: make_tree(node, self, where),
    "tuple": lambda self, node, where: tuple(self._list(node, where)),
    "type": Decoder._type,
    "viewed": Decoder._viewed,
    "vocabulary": Decoder._vocabulary,
}
