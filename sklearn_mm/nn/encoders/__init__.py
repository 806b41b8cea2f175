"""From the tokens of one modality to tokens of one common width.

Every encoder takes ``values`` of shape ``(batch, steps, *token_shape)``, padded with
zeros, and ``lengths`` of shape ``(batch,)``, all at least 1; and returns tokens of
shape ``(batch, steps', width)`` and their lengths. What stands beyond a row's length
never changes what comes out within it.

An encoder's ``spans(n_steps, token_shape)`` says what each of its tokens stands for in
a row of ``n_steps`` tokens: a dict of equally long lists, of which "start" and "end"
are steps of the row, end not included. Images add the pixels of their cells, "left",
"top", "right" and "bottom", and tokens of features the number of their "feature". A
token has mostly read more than that: it is where it stands, not all that it knows.
"""

from sklearn_mm.nn.encoders.bags import BagEncoder
from sklearn_mm.nn.encoders.images import ConvolutionalImageEncoder
from sklearn_mm.nn.encoders.numeric import (
    FeatureLinear,
    PeriodicEncoding,
    PiecewiseLinearEncoding,
    Standardize,
)
from sklearn_mm.nn.encoders.sequences import (
    ConvolutionalAttentionEncoder,
    RecurrentEncoder,
    SetEncoder,
)
from sklearn_mm.nn.encoders.tokens import TokenEmbedding
from sklearn_mm.nn.encoders.vectors import FeatureTokenEncoder, VectorEncoder

__all__ = [
    "BagEncoder",
    "ConvolutionalAttentionEncoder",
    "ConvolutionalImageEncoder",
    "FeatureLinear",
    "FeatureTokenEncoder",
    "PeriodicEncoding",
    "PiecewiseLinearEncoding",
    "RecurrentEncoder",
    "SetEncoder",
    "Standardize",
    "TokenEmbedding",
    "VectorEncoder",
]
