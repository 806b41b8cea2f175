"""What a ``torch.nn.Module`` that a user hands over is known by."""

import hashlib
import inspect
import sysconfig
from functools import lru_cache
from importlib import metadata
from types import FunctionType

from sklearn_mm.transformers.recall import is_plain

# Attributes of every module that are not settings, or that are looked at on their own.
BESIDE = {"training", "_parameters", "_buffers", "_modules"}


def hash_module(module):
    """Compute the SHA-256 of the weights of a module.

    Parameters
    ----------
    module : torch.nn.Module
        On any device.

    Returns
    -------
    str
        In hexadecimal; of each tensor its name, dtype, shape and numbers count.
    """
    import torch

    digest = hashlib.sha256()
    for name, tensor in module.state_dict(keep_vars=True).items():
        if not isinstance(tensor, torch.Tensor):  # of a module's own extra state
            digest.update(f"{name} {tensor!r}\n".encode())
            continue
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(
            tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
        )
    return digest.hexdigest()


def describe_module(module):
    """Describe what a module computes, beside its weights.

    Parameters
    ----------
    module : torch.nn.Module
        Any.

    Returns
    -------
    list of str, or None
        Classes, settings, and the versions of the packages that define them. None
        where that does not say all: with a class that is of no installed package, whose
        code may change and not its name, with hooks, or settings that are objects.
    """
    parts = []
    for name, part in module.named_modules():
        version = _version(type(part))
        settings = {
            key: _describe_setting(value)
            for key, value in vars(part).items()
            if key not in BESIDE and not (_is_internal(key) and not value)
        }
        if version is None or None in settings.values():
            return None
        parts.append(f"{name} {version} {sorted(settings.items())}")
    return parts


def _is_internal(key):
    """Tell whether an attribute holds hooks, or buffers that are not among the weights.

    Where it is not empty, weights and settings do not say all.
    """
    return "hook" in key or key == "_non_persistent_buffers_set"


def _describe_setting(value):
    """Say all about a setting, or None where that is not possible."""
    if isinstance(value, FunctionType | type):
        return _version(value)
    if is_plain(value) or type(value).__module__ == "torch":  # a dtype, a device
        return repr(value)
    return None


def _version(defined):
    """Name a class or function with the version of its package; None if it has none."""
    try:
        file = inspect.getfile(defined)
    except (TypeError, OSError):
        return None
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    package = defined.__module__.partition(".")[0]
    if not any(file.startswith(folder) for folder in folders):
        return None
    versions = _versions(package)
    if not versions or "<" in defined.__qualname__:
        return None
    return f"{defined.__module__}.{defined.__qualname__} {versions}"


@lru_cache
def _versions(package):
    """List what installed a package that can be imported; slow."""
    names = metadata.packages_distributions().get(package, [])
    return [f"{name} {metadata.version(name)}" for name in sorted(set(names))]
