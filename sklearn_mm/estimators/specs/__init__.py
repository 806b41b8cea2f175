"""Encoder specs: what a modality is encoded by, as objects with parameters.

A spec is separate from the torch module that it builds, so that grid search reaches
its parameters: ``classifier__text__cell``.

In its place any callable builds the module of a modality::

    factory(modality, *, width, n_heads, dropout) -> torch.nn.Module

It gets the :class:`~sklearn_mm.estimators.modality.Modality` that was measured over
the training rows, and the parameters of the network by name; the class of a module
with this signature is such a callable, and so is an object's method ``build``. It is
called in every fit and builds a new module each time, whose ``forward(values,
lengths)`` does what :mod:`sklearn_mm.nn.encoders` says: values ``(batch, steps,
*token_shape)`` with lengths ``(batch,)`` become ``(tokens, lengths)`` of the shapes
``(batch, steps, width)`` and ``(batch,)``. For the estimator to be dumped or sent to
another process, the callable must be importable: a function or class of a module, or a
:func:`functools.partial` of one, and not a lambda.
"""

from sklearn_mm.estimators.specs.bags import BagEncoder
from sklearn_mm.estimators.specs.checks import DEFAULT_SPECS
from sklearn_mm.estimators.specs.images import CNNEncoder
from sklearn_mm.estimators.specs.sequences import (
    RNNEncoder,
    SelfAttentionEncoder,
    SetEncoder,
)
from sklearn_mm.estimators.specs.vectors import VectorEncoder

__all__ = [
    "BagEncoder",
    "CNNEncoder",
    "RNNEncoder",
    "SelfAttentionEncoder",
    "SetEncoder",
    "VectorEncoder",
    "default_encoder",
]


_SPECS = {
    spec.__name__: spec
    for spec in (
        CNNEncoder,
        RNNEncoder,
        SelfAttentionEncoder,
        SetEncoder,
        VectorEncoder,
    )
}


def default_encoder(kind):
    """Pick the encoder of a modality for which none is named."""
    return _SPECS[DEFAULT_SPECS[kind]]()
