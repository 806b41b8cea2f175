"""Nested state as tensors and plain JSON, and back: no code, so nothing can run."""

import hashlib
from collections import OrderedDict

import numpy as np
import torch

_PLAIN = (type(None), bool, int, float, str)
_SEQUENCES = {"list": list, "tuple": tuple}
_MAPPINGS = {"dict": dict, "ordered": OrderedDict}


class NotKept(TypeError):
    """A value that is neither a number nor made of numbers, strings and tensors."""


def freeze(value, tensors):
    """Turn a value into JSON, and put its tensors where they are written.

    Parameters
    ----------
    value : None, bool, int, float, str, number, ndarray, Tensor, or nested
        Lists, tuples and dicts of these. Other types, also those derived, are refused.
    tensors : dict of str to Tensor
        Gets the tensors by a digest of their content: equal ones are kept once.

    Returns
    -------
    None, bool, int, float, str or dict
        What ``json`` can write.

    Raises
    ------
    NotKept
        With the type that is none of these.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is torch.Tensor and value.layout == torch.strided:
        if value.requires_grad:
            raise NotKept("a tensor with a gradient")
        node = {"tensor": _put(value, tensors), "cpu": value.device.type == "cpu"}
        if not value.is_contiguous():
            # An optimizer walks over weights and moments as they lie in memory.
            node["strides"] = list(torch.empty_like(value, device="meta").stride())
        return node
    if kind is np.ndarray and value.dtype.kind in "fiub":
        return {"array": _put(torch.from_numpy(value.copy()), tensors)}
    if isinstance(value, np.generic) and value.dtype.kind in "fiub":
        return {"number": [value.dtype.name, value.item()]}
    for name, sequence in _SEQUENCES.items():
        if kind is sequence:
            return {name: [freeze(each, tensors) for each in value]}
    for name, mapping in _MAPPINGS.items():
        if kind is mapping:
            pairs = value.items()
            return {name: [[freeze(k, tensors), freeze(v, tensors)] for k, v in pairs]}
    raise NotKept(f"{kind.__module__}.{kind.__qualname__}")


def thaw(node, tensors, device="cpu"):
    """Turn what :func:`freeze` gave into the value again.

    Parameters
    ----------
    node : None, bool, int, float, str or dict
        From JSON.
    tensors : dict of str to Tensor
        By their digests.
    device : str or torch.device, default="cpu"
        Where tensors come to that were not on the CPU.

    Returns
    -------
    object
        Equal to what was frozen; tensors are copies.
    """
    if not isinstance(node, dict):
        return node
    if "tensor" in node:
        found = tensors[node["tensor"]]
        device = "cpu" if node["cpu"] else device
        strides = node.get("strides", found.stride())
        return torch.empty_strided(
            found.shape, strides, dtype=found.dtype, device=device
        ).copy_(found)
    if "array" in node:
        return tensors[node["array"]].numpy().copy()
    if "number" in node:
        dtype, value = node["number"]
        return np.dtype(dtype).type(value)
    ((kind, items),) = node.items()
    if kind in _SEQUENCES:
        return _SEQUENCES[kind](thaw(each, tensors, device) for each in items)
    pairs = ((thaw(k, tensors, device), thaw(v, tensors, device)) for k, v in items)
    return _MAPPINGS[kind](pairs)


def digest_tensor(tensor):
    """Digest dtype, shape and content of a tensor on the CPU: 32 hex digits."""
    digest = hashlib.blake2b(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
    digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:32]


def _put(tensor, tensors):
    tensor = tensor.detach().cpu().contiguous()
    name = digest_tensor(tensor)
    if name not in tensors:
        tensors[name] = tensor.clone()  # training goes on in the original
    return name
