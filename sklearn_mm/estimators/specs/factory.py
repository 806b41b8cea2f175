"""From a spec, or a factory of the user's, to a module of which the output is checked.

A factory is any callable ``factory(modality, *, width, n_heads, dropout)``; a spec is
an object whose method ``build`` is one.
"""

from functools import partial


def build_encoder(name, spec, modality, *, width, n_heads, dropout):
    """Build the encoder of a modality.

    Parameters
    ----------
    name : str
        Of the modality.
    spec : encoder spec or callable
        What builds it.
    modality : Modality
        What is known of the training rows.
    width, n_heads, dropout
        Of the network.

    Returns
    -------
    torch.nn.Module
        Its forward raises ValueError if it returns something else than tokens of the
        width and their lengths.

    Raises
    ------
    ValueError
        If spec is neither, or builds something else than a module.
    """
    from torch import nn

    if isinstance(spec, nn.Module):
        raise ValueError(
            f"found the module {type(spec).__name__} as encoder, but every fit builds "
            "a new one. Pass its class or a function that makes it."
        )
    if isinstance(spec, type) and hasattr(spec, "build"):
        raise ValueError(
            f"found the class {spec.__name__} as encoder. Did you mean "
            f"{spec.__name__}()?"
        )
    factory = getattr(spec, "build", spec)
    if not callable(factory):
        raise ValueError(
            "an encoder is a spec such as RNNEncoder(), or a callable that takes "
            f"(modality, *, width, n_heads, dropout), found {spec!r}"
        )
    encoder = factory(modality, width=width, n_heads=n_heads, dropout=dropout)
    if not isinstance(encoder, nn.Module):
        raise ValueError(
            "what its encoder is built by must return a torch.nn.Module, found "
            f"{type(encoder).__name__}"
        )
    # A partial, not a closure: the fitted net must pickle.
    encoder.register_forward_hook(partial(_check_output, name=name, width=width))
    return encoder


def _check_output(module, inputs, output, *, name, width):
    """Refuse what is not tokens of the width and their lengths."""
    import torch

    if torch.jit.is_tracing():  # for an export, whose graph is compared as a whole
        return
    _, lengths = inputs
    expected = (
        f"modality {name!r}: {type(module).__name__} must return (tokens, lengths) of "
        f"shapes ({len(lengths)}, steps, {width}) and ({len(lengths)},)"
    )
    shapes = _shapes(output)
    if shapes is None or len(shapes) != 2:
        raise ValueError(f"{expected}, found {_describe(output)}")
    of_tokens, of_lengths = shapes
    if (
        len(of_tokens) != 3
        or of_tokens[::2] != (len(lengths), width)
        or of_lengths != (len(lengths),)
    ):
        raise ValueError(f"{expected}, found {of_tokens} and {of_lengths}")
    least, most = int(output[1].min()), int(output[1].max())
    if least < 1 or most > of_tokens[1]:
        raise ValueError(
            f"{expected} with lengths from 1 to the {of_tokens[1]} steps of the "
            f"tokens, found lengths from {least} to {most}"
        )


def _shapes(output):
    """List the shapes of a tuple of tensors; None if it is something else."""
    from torch import Tensor

    if not isinstance(output, tuple | list):
        return None
    if not all(isinstance(part, Tensor) for part in output):
        return None
    return [tuple(part.shape) for part in output]


def _describe(output):
    shapes = _shapes(output)
    if shapes is not None:
        return f"{len(shapes)} tensors"
    shape = getattr(output, "shape", None)
    kind = type(output).__name__
    return kind if shape is None else f"one {kind} of shape {tuple(shape)}"
