"""The trained network of an attention fusion estimator.

Kept are what it was built from, its weights, and the losses of each epoch. It is built
again as ``fit`` builds it. Not kept are the state of the optimizer, the schedule and
the losses of single batches: prediction and warm starts need none of them, and
``partial_fit`` begins with a new optimizer.
"""

import math
from numbers import Real

import numpy as np

from sklearn_mm.persistence.errors import ModelFileError

# Bytes that a network may take while it is built: so many times its weights, and more.
ROOM_FACTOR, ROOM = 4, 2**24

# Of the estimator, in the place of which all this stands.
ATTRIBUTES = ("net_", "history_")


def has_network(value):
    """Tell whether an object is an estimator with a trained network."""
    from sklearn_mm.estimators.base import BaseAttentionFusion

    return isinstance(value, BaseAttentionFusion) and hasattr(value, "net_")


def network_state(estimator, encoder, where):
    """Get what is kept of the network.

    Parameters
    ----------
    estimator : attention fusion estimator
        Fitted.
    encoder : Encoder
        Which encodes it.
    where : str
        Its place in the model.

    Returns
    -------
    dict
        Of plain values.
    """
    net = estimator.net_
    arrays = {name: _to_numpy(t) for name, t in _tensors(net.module_).items()}
    where = f"{where}.net_"
    return {
        "arguments": encoder.map(net.get_params_for("module"), where),
        "weights": encoder.map(arrays, where),
        "history": encoder.encode([_plain(row) for row in estimator.history_], where),
        "batch_size": int(net.batch_size),
        "max_epochs": int(net.max_epochs),
    }


def _tensors(module):
    """List weights and all buffers, those that only training needs, too."""
    return {**dict(module.named_buffers()), **module.state_dict()}


def _to_numpy(tensor):
    return tensor.detach().cpu().contiguous().numpy()


def _plain(row):
    """Keep of an epoch what is a number."""
    kept = {}
    for name, value in row.items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, Real):
            kept[name] = value
    return kept


def build(estimator, node, decoder, where):
    """Build the network again, and give it its weights.

    Parameters
    ----------
    estimator : attention fusion estimator
        With all other attributes.
    node : dict
        What `network_state` gave.
    decoder : Decoder
        Which decodes it.
    where : str
        Its place in the model.
    """
    import torch

    from sklearn_mm.estimators.training import make_net

    where = f"{where}.net_"
    arguments = decoder.map(decoder.part(node, "arguments", dict, where), where)
    weights = decoder.map(decoder.part(node, "weights", dict, where), where)
    if not all(isinstance(array, np.ndarray) for array in weights.values()):
        raise ModelFileError(f"{where}: weights must be arrays")
    history = decoder.decode(decoder.part(node, "history", list, where), where)
    made = {
        "batch_size": decoder.part(node, "batch_size", int, where),
        "max_epochs": decoder.part(node, "max_epochs", int, where),
    }
    room = sum(array.nbytes for array in weights.values())
    try:
        with torch.random.fork_rng(devices=[]), _limited_to(ROOM_FACTOR * room + ROOM):
            net = make_net(
                arguments,
                estimator._criterion(),
                estimator,
                n_batches=1,
                constant_rate=True,
                **made,
            )
            net.initialize()
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise ModelFileError(f"{where} cannot be built: {error}") from error
    _load(net.module_, weights, where)
    net.module_.eval()
    net.history_ = type(net.history_)({"batches": [], **row} for row in history)
    estimator.net_, estimator.history_ = net, net.history_


def _limited_to(room):
    """Refuse tensors for which there are no weights, before they take any room.

    Parameters
    ----------
    room : int
        Bytes of all tensors that a layer is made of.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    by_shape = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn}
    by_shape |= {torch.full, torch.eye}

    class Limited(TorchFunctionMode):
        used = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            if func in by_shape:
                sizes = args if args and isinstance(args[0], int) else (*args, ())[0]
                sizes = kwargs.get("size", sizes)
                self.used += 4 * math.prod(sizes)
                if self.used > room:
                    raise ModelFileError(
                        f"the network that the file describes needs {self.used} bytes "
                        f"and more, but by its weights no more than {room}"
                    )
            return func(*args, **kwargs)

    return Limited()


def _compare(tensors, weights, where):
    if set(tensors) != set(weights):
        odd = sorted(set(tensors) ^ set(weights))
        raise ModelFileError(
            f"{where}: the weights are not those of the network that the file "
            f"describes: {odd[:3]!s:.200}"
        )
    for name, tensor in tensors.items():
        found = weights[name]
        dtype = str(tensor.dtype).removeprefix("torch.")
        if not isinstance(found, np.ndarray) or (found.shape, found.dtype.name) != (
            tuple(tensor.shape),
            dtype,
        ):
            shape = getattr(found, "shape", None), getattr(found, "dtype", None)
            raise ModelFileError(
                f"{where}: the weights {name!r} must have shape "
                f"{tuple(tensor.shape)} and dtype {dtype}, found {shape[0]} and "
                f"{shape[1]}"
            )


def _load(module, weights, where):
    import torch

    tensors = _tensors(module)
    _compare(tensors, weights, where)
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(torch.from_numpy(weights[name]))
