"""Which fit a checkpoint is of: the same rows, the same parameters, the same start."""

import functools
import hashlib
import json

import numpy as np
import torch
from sklearn.base import BaseEstimator

from sklearn_mm import __version__
from sklearn_mm.estimators.checkpoints.frozen import digest_tensor
from sklearn_mm.estimators.digests import row_digests

# Parameters that do not change what is learned. Of the random state the seed counts.
WITHOUT_EFFECT = frozenset(
    ("checkpoint", "checkpoint_every", "device", "n_threads", "random_state")
    + ("verbose", "warm_start")
)
_DEEPEST = 12


def describe_fit(estimator, parts, *, seed, start=None):
    """Describe a fit by what it learns from.

    Parameters
    ----------
    estimator : attention fusion estimator
        Whose parameters count.
    parts : dict of str to Rows, or None
        That are trained on, or only validated on.
    seed : int or None
        None if it was drawn at random, so that it cannot be told again.
    start : dict of str to Tensor, default=None
        The weights that a warm start begins with.

    Returns
    -------
    dict
        For JSON: ``"class"`` and ``"version"``; ``"parameters"``, by name; ``"data"``,
        digests; ``"seed"``, and ``"start"``.
    """
    return {
        "class": _name(type(estimator)),
        "version": __version__,
        "parameters": {
            name: _describe(value)
            for name, value in estimator.get_params(deep=False).items()
            if name not in WITHOUT_EFFECT
        },
        "data": {
            name: _digest_rows(rows, in_order=estimator.validation_split == "last")
            for name, rows in parts.items()
            if rows is not None
        },
        "seed": seed,
        "start": None if start is None else _digest(_describe(dict(start))),
    }


def key_of(description):
    """Digest a description: 20 hex digits."""
    return _digest(description)[:20]


def differences(found, description):
    """Say in words in what a fit differs from another.

    Parameters
    ----------
    found, description : dict
        Of two fits.

    Returns
    -------
    str
    """
    before, now = found["parameters"], description["parameters"]
    differing = [
        f"{name} was {_shown(before.get(name))} and is {_shown(value)}"
        for name, value in now.items()
        if before.get(name) != value
    ]
    if found["class"] != description["class"]:
        differing.insert(0, f"it was a {found['class'].rpartition('.')[2]}")
    for part in sorted({*found["data"], *description["data"]}):
        if found["data"].get(part) != description["data"].get(part):
            differing.append(f"the {part} are others")
    if found["seed"] != description["seed"]:
        differing.append("random_state is another")
    if found["start"] != description["start"]:
        differing.append("the weights that warm_start goes on from are others")
    return "; ".join(differing)


def _shown(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _digest(value):
    text = json.dumps(value, sort_keys=True)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass")).hexdigest()


def _digest_rows(rows, *, in_order):
    """Digest rows with all that is learned from them, such as their order."""
    features = rows.features
    form = {
        name: [block.kind, list(block.token_shape), block.vocabulary_size]
        for name, block in features.blocks.items()
    }
    digest = hashlib.blake2b(json.dumps(form).encode())
    content = row_digests(features, np.zeros(len(features)))[rows.numbers]
    places = rows.numbers if in_order else None
    for array in (content, rows.target, rows.weight, rows.groups, places):
        digest.update(b"-" if array is None else _bytes_of(array))
    return digest.hexdigest()


def _bytes_of(array):
    form = f"{array.dtype.kind}{array.shape}".encode()
    if array.dtype.kind in "fiub":
        return form + np.ascontiguousarray(array).tobytes()
    return form + "\0".join(map(repr, array.ravel().tolist())).encode()


def _describe(value, depth=0):
    """Describe a value by its content, not by where it is in memory."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.Tensor):
        return {"tensor": digest_tensor(value.detach().cpu().contiguous())}
    if isinstance(value, np.ndarray):
        return {"array": hashlib.blake2b(_bytes_of(value)).hexdigest()}
    if depth > _DEEPEST:
        return _name(type(value))
    inner = functools.partial(_describe, depth=depth + 1)
    if isinstance(value, list | tuple):
        return [inner(each) for each in value]
    if isinstance(value, dict):
        return {str(name): inner(each) for name, each in value.items()}
    if isinstance(value, functools.partial):
        return {"partial": inner([value.func, value.args, value.keywords])}
    if isinstance(value, BaseEstimator):
        return {_name(type(value)): inner(value.get_params(deep=False))}
    if isinstance(value, torch.nn.Module):
        return {_name(type(value)): inner(dict(value.state_dict()))}
    if isinstance(value, type) or callable(value) and hasattr(value, "__qualname__"):
        return _name(value)
    # Callbacks and other objects: what was given to them, not what they learn.
    given = getattr(value, "__dict__", {})
    given = {n: v for n, v in given.items() if not n.endswith("_") and n[0] != "_"}
    return {_name(type(value)): inner(given)}


def _name(value):
    return f"{value.__module__}.{value.__qualname__}"
