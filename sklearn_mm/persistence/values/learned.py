"""What of an object's attributes is kept, and how they become an object again."""

import inspect
import warnings
from functools import lru_cache

import sklearn
from sklearn.base import BaseEstimator

from sklearn_mm.persistence.errors import ModelFileError
from sklearn_mm.persistence.values import network
from sklearn_mm.persistence.values.kinds import EVERYWHERE
from sklearn_mm.persistence.values.modules import (
    fill_module,
    is_module,
    module_state,
    name_module,
)
from sklearn_mm.persistence.values.registry import PACKAGE, fields_of
from sklearn_mm.persistence.values.trees import check_estimator

__all__ = ["fill", "name_module", "state_of"]

# Folders that belong to a machine and not to a model, and what they are the place of.
PLACES = {"memory": "a cache", "checkpoint": "a checkpoint"}


def state_of(value, encoder, where):
    """Get what is kept of an object: {"state": ...} and what belongs to it.

    Parameters
    ----------
    value : object
        Of a known class.
    encoder : Encoder
        Which encodes the attributes.
    where : str
        Its place in the model.

    Returns
    -------
    dict
        Of plain values.
    """
    if is_module(value):
        return module_state(value, encoder, where)
    state = _attributes(value, encoder, where)
    for name, kept in PLACES.items():
        if state.get(name) is not None and isinstance(value, BaseEstimator):
            encoder.left_out.append(f"{where}.{name}, the place of {kept}")
            state[name] = None
    is_trained = network.has_network(value)
    if is_trained:
        state = {k: v for k, v in state.items() if k not in network.ATTRIBUTES}
    beside = {}
    if hasattr(value, "_models"):
        beside = _pretrained(value, state, encoder)
    check_attributes(value, state, where)
    node = {"state": encoder.map(state, where), **beside}
    if is_trained:  # after the attributes, to which it refers
        node["network"] = network.network_state(value, encoder, where)
    return node


def _attributes(value, encoder, where):
    if _is_ours(value):
        return dict(vars(value))
    state = value.__getstate__()
    if state is None:
        return {}
    if not isinstance(state, dict):
        encoder.refuse(value, where)
    state = dict(state)
    state.pop("_sklearn_version", None)
    return state


def _pretrained(value, state, encoder):
    """Note which encoders of others are used, and take their files if asked for."""
    from sklearn_mm.transformers.pretrained.weights import (
        find_files,
        is_name,
        read_files,
    )

    stored, inside = state.pop("_stored", None), {}
    state.pop("_loaded", None)
    named = [name for name in value._models if is_name(getattr(value, name))]
    if not hasattr(value, "weights_sha256_"):
        return {}
    wanted = encoder.weights_inside or value.store_weights_in_pickle
    for name in named if wanted else ():
        if stored is None:
            value._check_weights()
        files = (
            read_files(find_files(getattr(value, name)))
            if stored is None
            else stored[name]
        )
        number = len(
            {each.split("/")[1] for each in encoder.documents if each[0] == "w"}
        )
        encoder.documents |= {f"weights/{number}/{k}": v for k, v in files.items()}
        inside[name] = number
    encoder.pretrained += [
        {
            "class": type(value).__name__,
            "parameter": name,
            "model": str(getattr(value, name)),
            "sha256": value.weights_sha256_,
            "inside": name in inside,
        }
        for name in named
    ]
    return {"weights": inside} if inside else {}


def fill(value, name, node, decoder, where):
    """Give an object that has no attributes yet those that were kept.

    Parameters
    ----------
    value : object
        As ``__new__`` made it.
    name : str
        Of its class, in files.
    node : dict
        What `state_of` gave.
    decoder : Decoder
        Which decodes the attributes.
    where : str
        Its place in the model.
    """
    if is_module(value):
        fill_module(value, node, decoder, where)
        return
    state = decoder.map(decoder.part(node, "state", dict, where), where)
    _check_names(value, state, where)
    _complete(value, state, where)
    for place in PLACES:
        if place in state and isinstance(value, BaseEstimator):
            state[place] = None
    check_attributes(value, state, where)
    if _is_ours(value):
        vars(value).update(state)
        _make_ready(value, node, decoder, where)
    elif isinstance(value, BaseEstimator):
        value.__setstate__({**state, "_sklearn_version": sklearn.__version__})
        check_estimator(value)
    elif hasattr(value, "__setstate__"):
        value.__setstate__(state)
    else:
        vars(value).update(state)


def _is_ours(value):
    return type(value).__module__.partition(".")[0] == PACKAGE


def _check_names(value, state, where):
    """Refuse names that are no attributes, or that would hide a method."""
    for name in state:
        if (
            not name.isidentifier()
            or name.startswith("__")
            or _hides(type(value), name)
        ):
            raise ModelFileError(
                f"{where} of {type(value).__name__} cannot have the attribute "
                f"{name!r:.80}"
            )


@lru_cache(maxsize=10_000)
def _hides(kind, name):
    """Tell whether an attribute would stand before a method of its class."""
    static = inspect.getattr_static(kind, name, None)
    if static is None or isinstance(static, property):
        return False
    is_method = callable(static) or isinstance(static, classmethod | staticmethod)
    return is_method or type(static).__name__ == "_AvailableIfDescriptor"


def _complete(value, state, where):
    """Give parameters that came after the file was written their defaults."""
    if not isinstance(value, BaseEstimator):
        return
    for name, default in _parameters(type(value)).items():
        if name in state:
            continue
        if default is inspect.Parameter.empty:
            raise ModelFileError(
                f"{where}: {type(value).__name__} lacks its parameter {name!r}"
            )
        state[name] = default


@lru_cache(maxsize=1_000)
def _parameters(kind):
    """Give the parameters of a class with their defaults."""
    if kind.__init__ is object.__init__:
        return {}
    _, *parameters = inspect.signature(kind.__init__).parameters.values()
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {each.name: each.default for each in parameters if each.kind not in variable}


def check_attributes(value, state, where):
    """Refuse attributes that are not what the class needs.

    Parameters
    ----------
    value : object
        Whose they are.
    state : dict
        By name.
    where : str
        Its place in the model.

    Raises
    ------
    ModelFileError
        If one is of another kind: a float where an integer belongs.
    """
    fields = dict(EVERYWHERE)
    if _is_ours(value):
        fields |= fields_of(type(value).__name__)
    for name, kind in fields.items():
        if name in state and not kind.test(state[name]):
            raise ModelFileError(
                f"{where}.{name} of {type(value).__name__} must be {kind.expected}, "
                f"found {state[name]!r:.80}"
            )


def _make_ready(value, node, decoder, where):
    """Do what a class of ours needs beside its attributes."""
    if hasattr(value, "device"):
        _settle_device(value, decoder)
    if "network" in node:
        network.build(value, node["network"], decoder, where)
    if hasattr(value, "_models"):
        _make_pretrained_ready(value, node, decoder)
    _check_parameters(value, where)


def _settle_device(value, decoder):
    """Compute on the CPU where the device of the file is not on this machine."""
    import torch

    try:
        torch.empty(0, device=value.device if value.device != "auto" else "cpu")
    except (RuntimeError, AssertionError, TypeError, NotImplementedError):
        decoder.other_devices.add(str(value.device))
        value.device = "auto"


def _make_pretrained_ready(value, node, decoder):
    from sklearn_mm.transformers.pretrained.base import Loaded

    value._loaded = Loaded()
    value.download = False  # what a file says fetches nothing
    if "weights" in node:
        value._stored = {
            name: decoder.files(number) for name, number in node["weights"].items()
        }


def _check_parameters(value, where):
    """Let a fitted object check its parameters as it did in ``fit``."""
    is_fitted = getattr(value, "__sklearn_is_fitted__", bool)
    if not is_fitted():
        return
    from sklearn_mm.transformers.text import TextTransformer

    check = getattr(value, "_check_fit_parameters", None)
    check = check or getattr(value, "_check_parameters", None)
    before = vars(value).get("tokenizer")
    if isinstance(value, TextTransformer) and before not in ("word", "bpe"):
        value.tokenizer = "bpe"  # its file was read in fit and need not be here
    try:
        if check is not None:
            check()
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"{where}: {error}") from error
    finally:
        if isinstance(value, TextTransformer):
            value.tokenizer = before


def warn_of_devices(devices):
    """Say once that a model computes elsewhere than where it was trained."""
    if devices:
        warnings.warn(
            f"the model was trained on {sorted(devices)}, which is not on this "
            "machine: device='auto' is set instead",
            UserWarning,
            stacklevel=3,
        )
