"""The trained network of an attention fusion estimator.

Kept are what it was built from, its weights, and the losses of each epoch. It is built
again as ``fit`` builds it. Not kept are the state of the optimizer, the schedule and
the losses of single batches: prediction and warm starts need none of them, and
``partial_fit`` begins with a new optimizer.
"""

from numbers import Real

import numpy as np

from sklearn_mm.persistence.errors import ModelFileError

# Of the estimator, in the place of which all this stands.
ATTRIBUTES = ("net_", "history_")

_ARGUMENTS = (
    *("modalities", "encoders", "prior", "fusion", "missing", "width", "n_layers"),
    *("n_heads", "dropout", "modality_dropout", "modality_noise", "auxiliary"),
)


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
    from skorch.history import History

    from sklearn_mm.estimators.training import make_net

    where = f"{where}.net_"
    arguments = decoder.map(decoder.part(node, "arguments", dict, where), where)
    weights = decoder.map(decoder.part(node, "weights", dict, where), where)
    history = decoder.decode(decoder.part(node, "history", list, where), where)
    if not set(_ARGUMENTS) <= set(arguments):
        raise ModelFileError(f"{where} lacks {set(_ARGUMENTS) - set(arguments)}")
    _check_sizes(arguments, weights, where)
    with torch.random.fork_rng(devices=[]):
        net = make_net(
            arguments,
            estimator._criterion(),
            estimator,
            batch_size=decoder.part(node, "batch_size", int, where),
            n_batches=1,
            max_epochs=decoder.part(node, "max_epochs", int, where),
            constant_rate=True,
        )
        net.initialize()
    _load(net.module_, weights, where)
    net.module_.eval()
    net.history_ = History({"batches": [], **row} for row in history)
    estimator.net_, estimator.history_ = net, net.history_


def _check_sizes(arguments, weights, where):
    """Compare the shapes with those of the network, before it takes any room.

    On PyTorch's device without memory; what a user's own encoder cannot do there is
    compared when it is built.
    """
    import torch

    from sklearn_mm.estimators.training import build_network

    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"), _shapes_only():
            module = build_network(**arguments)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelFileError(f"{where} cannot be built: {error}") from error
    except (RuntimeError, NotImplementedError):
        return
    _compare(_tensors(module), weights, where)


def _shapes_only():
    """Fill no tensor: without memory that takes PyTorch's compiler, seconds to load."""
    import torch
    from torch.overrides import TorchFunctionMode

    class ShapesOnly(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            name, kwargs = getattr(func, "__name__", ""), kwargs or {}
            if name.endswith("_") and not name.endswith("__"):
                return args[0] if args else kwargs["tensor"]
            func = torch.empty if func in (torch.randn, torch.rand) else func
            return func(*args, **kwargs)

    return ShapesOnly()


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
