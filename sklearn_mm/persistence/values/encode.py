"""From a model to plain values: what of each object is kept, and as what."""

import base64
import math
from collections import OrderedDict
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch

from sklearn_mm.persistence.errors import UntrustedTypeError
from sklearn_mm.persistence.strict_json import write_json
from sklearn_mm.persistence.values import learned, sklearn_parts
from sklearn_mm.persistence.values.neighbors import is_neighbor_tree, neighbor_state
from sklearn_mm.persistence.values.registry import name_ours
from sklearn_mm.persistence.values.sklearn_types import (
    TREE,
    name_function,
    name_of,
    name_type,
)
from sklearn_mm.persistence.values.tensors import NAMES
from sklearn_mm.persistence.values.trees import describe_records, tree_state

# A dict of so many names to integers is a vocabulary, and gets a document of its own.
MIN_VOCABULARY = 64

# Arrays of so few numbers stand in the tree.
MAX_INLINE = 8

# What a Generator may be driven by.
BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")

DATA = ("FeatureBlock", "MultimodalFeatures", "DataFrame", "Series")


class Encoder:
    """Turn a model into a tree of JSON, with arrays and documents beside it.

    None, truth values, numbers, strings and lists stand for themselves. All else is an
    object of one key, which says what it is.

    Parameters
    ----------
    trusted : dict of str to type or function
        What may be in it beside what the lists here name.
    weights_inside : bool, default=False
        Whether the files of pretrained encoders come along.

    Attributes
    ----------
    arrays : dict of str to ndarray
        By the place that they have in the model.
    documents : dict of str to bytes
        Vocabularies, tokenizers, and weights, by the name of their member.
    sklearn : dict of str to object
        What skops writes.
    classes : set of str
        The names of all classes.
    pretrained : list of dict
        Which encoders of others it refers to.
    left_out : list of str
        What is not kept, in words.
    """

    def __init__(self, trusted, *, weights_inside=False):
        self.trusted = {id(thing): name for name, thing in trusted.items()}
        self.weights_inside = weights_inside
        self.arrays, self.documents, self.sklearn = {}, {}, {}
        self.classes, self.pretrained, self.left_out = set(), [], []
        self._seen, self._fits = {}, {}
        self._pools, self._ends = {}, {}
        self._alive = []  # so that no id is given twice

    def encode(self, value, where):
        """Encode a value; ``where`` is its place in the model, for errors."""
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if _is_tokenizer(value):
            return self._tokenizer(value, where)
        for known, method in _METHODS:
            if isinstance(value, known):
                return method(self, value, where)
        return self._object(value, where)

    def list(self, values, where):
        """Encode the items of a list or tuple."""
        return [self.encode(v, f"{where}[{i}]") for i, v in enumerate(values)]

    def map(self, values, where):
        """Encode a dict with names as keys."""
        return {key: self.encode(v, f"{where}.{key}") for key, v in values.items()}

    def array(self, value, where):
        """Encode an array: numbers beside the tree, all else within."""
        if type(value) is np.ma.MaskedArray:
            parts = {
                "data": np.asarray(value.data),
                "mask": np.ma.getmaskarray(value),
                "fill": value.fill_value,
            }
            return {"masked": self.map(parts, where)}
        value = np.asarray(value)
        if value.dtype.names:
            return self.pool(value)
        dtype = value.dtype.newbyteorder("=")
        if dtype.kind == "O":
            values = self.list(value.ravel().tolist(), where)
            return {"objects": {"shape": list(value.shape), "values": values}}
        if dtype.kind == "U":
            values = value.ravel().tolist()
            texts = {"dtype": dtype.str, "shape": list(value.shape), "values": values}
            return {"texts": texts}
        value = value.astype(dtype, copy=False)
        if dtype.kind in "Mmc":
            is_complex = dtype.kind == "c"
            plain = value[..., None].copy().view("f8" if dtype == "c16" else "f4")
            plain = plain if is_complex else value.copy().view(np.int64)
            return {"viewed": [dtype.str, self.array(plain, where)]}
        if dtype not in NAMES:
            self.refuse(value, where, f"an array of dtype {value.dtype}")
        if value.size <= MAX_INLINE and value.ndim:
            values = self.list(value.ravel().tolist(), where)
            return {"numbers": [dtype.name, list(value.shape), values]}
        # In the order that it has in memory, on which rounding may depend.
        is_fortran = value.flags.f_contiguous and not value.flags.c_contiguous
        name = self._free_name(where)
        self.arrays[name] = np.ascontiguousarray(value.T if is_fortran else value)
        self.arrays[name] = self.arrays[name].reshape(
            value.shape[::-1] if is_fortran else value.shape
        )
        return {"array": [name, "F"] if is_fortran else [name]}

    def pool(self, value):
        """Put an array together with others of its dtype: those of trees are many."""
        dtype = value.dtype
        name, parts = self._pools.setdefault(dtype, (f"trees.{len(self._pools)}", []))
        start = self._ends.get(name, 0)
        part = np.ascontiguousarray(value).reshape(-1)
        # As bytes, since NumPy joins records without the room between their fields.
        parts.append(part.view(np.uint8).reshape(part.size, dtype.itemsize))
        self._ends[name] = start + value.size
        return {"pooled": [name, start, list(value.shape)]}

    def finish(self):
        """Join the pools to arrays, and describe their dtypes: a dict by name."""
        described = {}
        for dtype, (name, parts) in self._pools.items():
            self.arrays[name] = np.concatenate(parts)
            if dtype.names:
                described[name] = describe_records(dtype)
            else:
                self.arrays[name] = self.arrays[name].reshape(-1).view(dtype)
        return described

    def new_document(self, folder, content):
        """Put a document beside the tree: its name."""
        number = sum(name.startswith(f"{folder}/") for name in self.documents)
        name = f"{folder}/{number}.json"
        self.documents[name] = content
        return name

    def _free_name(self, where):
        name, number = where, 1
        while name in self.arrays:
            number += 1
            name = f"{where}#{number}"
        return name

    def _sequence(self, value, where):
        if type(value) is list:
            return self.list(value, where)
        if type(value) in (tuple, set, frozenset):
            name = type(value).__name__
            is_tuple = type(value) is tuple
            ordered = value if is_tuple else sorted(value, key=repr)
            return {name: self.list(ordered, where)}
        return self._object(value, where)

    def _dict(self, value, where):
        if type(value) is Bunch and all(type(key) is str for key in value):
            return {"bunch": self.map(value, where)}
        if type(value) not in (dict, OrderedDict):
            return self._object(value, where)
        kinds = {type(each) for each in value.values()}
        is_named = all(type(key) is str for key in value)
        if is_named and len(value) >= MIN_VOCABULARY and len(kinds) == 1:
            (kind,) = kinds
            if kind is int or kind in (np.int64, np.int32):
                numbers = {key: int(number) for key, number in value.items()}
                name = self.new_document("vocabularies", write_json(numbers))
                return {"vocabulary": [name, kind.__name__]}
        if is_named and type(value) is dict:
            return {"map": self.map(value, where)}
        pairs = [
            [self.encode(key, f"{where} keys"), self.encode(each, f"{where}[{key!r}]")]
            for key, each in value.items()
        ]
        return {"dict" if type(value) is dict else "ordered": pairs}

    def _scalar(self, value, where):
        name = value.dtype.name
        if value.dtype.kind in "Mm":
            return {"scalar": [name, int(value.astype(np.int64))]}
        if value.dtype.kind == "U":
            return {"scalar": ["str", str(value)]}
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            self.refuse(value, where, f"a number of dtype {value.dtype}")
        return {"scalar": [name, self.encode(value.item(), where)]}

    def _sparse(self, value, where):
        if value.format not in ("csr", "csc"):
            self.refuse(value, where, f"a sparse matrix of format {value.format}")
        is_array = isinstance(value, sparse.sparray)
        parts = {"data": value.data, "indices": value.indices, "indptr": value.indptr}
        return {
            "sparse": {
                "kind": f"{value.format}_{'array' if is_array else 'matrix'}",
                "shape": [int(size) for size in value.shape],
                **self.map(parts, where),
            }
        }

    def _random_state(self, value, where):
        state = value.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            self.refuse(value, where)
        return {"random_state": self.map(state, where)}

    def _generator(self, value, where):
        state = value.bit_generator.state
        if state["bit_generator"] not in BIT_GENERATORS:
            self.refuse(value, where)
        return {"generator": self.encode(state, where)}

    def _tokenizer(self, value, where):
        text = getattr(value, "backend_tokenizer", value).to_str()
        return {"tokenizer": self.new_document("tokenizers", text.encode())}

    def _type(self, value, where):
        name = self.trusted.get(id(value)) or name_type(value)
        if name is None:
            self.refuse(value, where, f"the class {name_of(value)}")
        return {"type": name}

    def _partial(self, value, where):
        if type(value) is not partial:
            return self._object(value, where)
        parts = {"func": value.func, "args": value.args, "keywords": value.keywords}
        return {"partial": self.map(parts, where)}

    def _function(self, value, where):
        name = self.trusted.get(id(value)) or name_ours(value) or name_function(value)
        if name is None:
            self.refuse(value, where, f"the function {name_of(value)}")
        return {"function": name}

    def _object(self, value, where):
        """Encode what has attributes: once, however often it is met."""
        if id(value) in self._seen:
            return self._seen[id(value)]
        self._alive.append(value)
        if is_neighbor_tree(value):
            return {"neighbor_tree": neighbor_state(value, self, where)}
        name = self._name(value, where)
        if sklearn_parts.fits_skops(value, self.trusted, self._fits):
            key = str(len(self.sklearn))
            self.sklearn[key] = value
            self._seen[id(value)] = {"sklearn": key}
            self.classes |= sklearn_parts.classes_in(value)
            return {"sklearn": key}
        number = len(self._alive)
        self._seen[id(value)] = {"same": number}
        self.classes.add(name)
        if name == TREE:
            return {"tree": tree_state(value, self)}
        node = {"class": name, "id": number}
        node |= learned.state_of(value, self, where)
        return {"object": node}

    def _name(self, value, where):
        """Name the class of an object, or refuse it."""
        kind = type(value)
        name = self.trusted.get(id(kind)) or name_ours(kind)
        name = name or sklearn_parts.name_sklearn(kind)
        name = name or learned.name_module(kind)
        if name is None:
            if callable(value) and hasattr(value, "__name__"):
                return self._function(value, where)
            self.refuse(value, where)
        return name

    def refuse(self, value, where, what=None):
        """Raise UntrustedTypeError for what is in no list."""
        what = what or f"an object of {name_of(type(value))}"
        if type(value).__name__ in DATA:
            advice = "It holds data: MultimodalFeatures.save keeps features"
        else:
            advice = (
                "It is in no list of what a model file may hold. If the type or "
                "function is your own, or you know what it is, name it: "
                "save(..., trusted=[...]), and the same in load. A function must be "
                "one of a module, not a lambda"
            )
        raise UntrustedTypeError(f"{where}: found {what}. {advice}")


def _is_tokenizer(value):
    kind = type(value)
    is_own = kind.__name__ == "Tokenizer" and kind.__module__.startswith("tokenizers")
    return is_own or hasattr(value, "backend_tokenizer")


_FUNCTIONS = (type(_is_tokenizer), type(len), np.ufunc, type(np.sum))

# By their types, the special before the general.
_METHODS = (
    (list | tuple | set | frozenset, Encoder._sequence),
    (dict, Encoder._dict),
    (np.ndarray, Encoder.array),
    (np.generic, Encoder._scalar),
    (np.dtype, lambda self, value, where: {"dtype": value.str}),
    (np.random.RandomState, Encoder._random_state),
    (np.random.Generator, Encoder._generator),
    (sparse.spmatrix | sparse.sparray, Encoder._sparse),
    (bytes, lambda self, value, where: {"bytes": base64.b64encode(value).decode()}),
    (Path, lambda self, value, where: {"path": str(value)}),
    (range, lambda self, v, where: {"range": [v.start, v.stop, v.step]}),
    (
        slice,
        lambda self, v, where: {"slice": self.list([v.start, v.stop, v.step], where)},
    ),
    (type, Encoder._type),
    (partial, Encoder._partial),
    (_FUNCTIONS, Encoder._function),
)
