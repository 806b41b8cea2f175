"""Modules of PyTorch that a user has handed over as a pretrained encoder."""

import sys

from sklearn_mm.persistence.errors import ModelFileError

# Layers that compute by what is in their attributes, and by nothing else.
_NAMES = """
    AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool1d AdaptiveMaxPool2d
    AvgPool1d AvgPool2d BatchNorm1d BatchNorm2d BatchNorm3d Bilinear Conv1d Conv2d
    Conv3d Dropout Dropout1d Dropout2d ELU Embedding EmbeddingBag Flatten GELU GLU
    GroupNorm Hardsigmoid Hardswish Hardtanh Identity InstanceNorm1d InstanceNorm2d
    LayerNorm LeakyReLU Linear LogSoftmax MaxPool1d MaxPool2d Mish ModuleList PReLU
    RMSNorm ReLU ReLU6 SELU Sequential SiLU Sigmoid Softmax Softplus Tanh Unflatten
    Upsample
"""
LAYERS = frozenset(_NAMES.split())


def is_module(value):
    """Tell whether a value is a ``torch.nn.Module``."""
    torch = sys.modules.get("torch")  # where it is not loaded there is no module
    return torch is not None and isinstance(value, torch.nn.Module)


def name_module(kind):
    """Name a layer of PyTorch; None if it is not listed."""
    is_layer = kind.__name__ in LAYERS and kind.__module__.startswith(
        "torch.nn.modules"
    )
    return f"torch.nn.{kind.__name__}" if is_layer else None


def find_module(name):
    """Find a layer by its name in files; None if it is not listed."""
    import torch

    own = name.removeprefix("torch.nn.")
    return getattr(torch.nn, own) if own in LAYERS and own != name else None


def module_state(module, encoder, where):
    """Get settings, weights and parts of a module.

    Parameters
    ----------
    module : torch.nn.Module
        Of a listed or trusted class.
    encoder : Encoder
        Which encodes them.
    where : str
        Its place in the model.

    Returns
    -------
    dict
        Of plain values.
    """
    from torch import nn

    own = vars(module)
    internal = set(vars(nn.Module()))
    hooks = [name for name in internal if "hook" in name and own.get(name)]
    if hooks:
        raise ModelFileError(
            f"{where}: {type(module).__name__} has hooks, which are functions that no "
            "model file keeps. Remove them"
        )
    settings = {k: v for k, v in own.items() if k not in internal}
    weights = {
        name: None if tensor is None else tensor.detach().cpu().numpy()
        for name, tensor in (own["_parameters"] | own["_buffers"]).items()
    }
    return {
        "settings": encoder.map(settings, where),
        "weights": encoder.map(weights, where),
        "parameters": list(own["_parameters"]),
        "passing": sorted(own["_non_persistent_buffers_set"]),
        "modules": encoder.map(own["_modules"], where),
        "training": module.training,
    }


def fill_module(module, node, decoder, where):
    """Give a module that has nothing yet its settings, weights and parts."""
    import torch

    torch.nn.Module.__init__(module)
    vars(module).update(decoder.map(decoder.part(node, "settings", dict, where), where))
    parameters = decoder.part(node, "parameters", list, where)
    weights = decoder.map(decoder.part(node, "weights", dict, where), where)
    passing = decoder.part(node, "passing", list, where)
    for name, array in weights.items():
        tensor = None if array is None else torch.from_numpy(array.copy())
        if name in parameters:
            tensor = None if tensor is None else torch.nn.Parameter(tensor)
            module.register_parameter(name, tensor)
        else:
            module.register_buffer(name, tensor, persistent=name not in passing)
    modules = decoder.part(node, "modules", dict, where)
    for name, part in decoder.map(modules, where).items():
        module.add_module(name, part)
    module.train(node.get("training") is True)
