"""Encoder specs: what a modality is encoded by, as objects with parameters.

A spec is separate from the torch module that it builds, so that grid search reaches
its parameters: ``classifier__text__cell``.
"""

from sklearn.base import BaseEstimator


class CNNEncoder(BaseEstimator):
    """Convolutional network for images.

    The cells of the last feature map are the tokens, so that attention can point at a
    place in the image.

    Parameters
    ----------
    channels : tuple of int, default=(32, 64, 64)
        Feature maps after each stage. Every stage but the first begins by halving the
        image, so there are at most log2 of its side in stages that see anything.
    kernel_size : int, default=3
        Side of the convolutions in pixels; odd.
    residual : bool, default=False
        Whether each stage ends in a residual block (He et al. 2016).
    grid : int, default=4
        The last feature map is averaged down to at most ``grid`` x ``grid`` tokens.

    Examples
    --------
    >>> from sklearn_mm import CNNEncoder
    >>> CNNEncoder(channels=(16, 32)).get_params()["channels"]
    (16, 32)
    """

    def __init__(self, channels=(32, 64, 64), kernel_size=3, *, residual=False, grid=4):
        self.channels = channels
        self.kernel_size = kernel_size
        self.residual = residual
        self.grid = grid

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of kind "image"."""
        from sklearn_mm.nn import encoders

        _check_kind(self, modality, ("image",))
        _check_odd(self, self.kernel_size)
        if not len(self.channels):
            raise ValueError("CNNEncoder needs at least one stage: channels is empty")
        return encoders.ConvolutionalImageEncoder(
            encoders.Standardize(modality.mean, modality.deviation),
            modality.n_inputs,
            channels=tuple(self.channels),
            kernel_size=self.kernel_size,
            residual=self.residual,
            grid=self.grid,
            width=width,
            dropout=dropout,
        )


class RNNEncoder(BaseEstimator):
    """Recurrent network with attention over its states, for texts and series.

    Parameters
    ----------
    cell : {"lstm", "gru"}, default="lstm"
        Recurrent cell (Hochreiter & Schmidhuber 1997; Cho et al. 2014).
    hidden_size : int, default=64
        Of each direction.
    n_layers : int, default=1
        Recurrent layers.
    bidirectional : bool, default=True
        Whether the sequence is also read from its end.
    attention : bool, default=True
        Whether every state then reads every other by dot-product attention.
    embedding_size : int, default=64
        Of the vector that each token id is looked up as; unused for vectors.

    Examples
    --------
    >>> from sklearn_mm import RNNEncoder
    >>> RNNEncoder(cell="gru")
    RNNEncoder(cell='gru')
    """

    def __init__(
        self,
        cell="lstm",
        hidden_size=64,
        *,
        n_layers=1,
        bidirectional=True,
        attention=True,
        embedding_size=64,
    ):
        self.cell = cell
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.attention = attention
        self.embedding_size = embedding_size

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of tokens or a sequence."""
        from sklearn_mm.nn import encoders

        _check_kind(self, modality, ("tokens", "sequence"))
        if self.cell not in ("lstm", "gru"):
            raise ValueError(f"cell must be 'lstm' or 'gru', found {self.cell!r}")
        embed, n_inputs = _embedding(modality, self.embedding_size)
        return encoders.RecurrentEncoder(
            embed,
            n_inputs,
            cell=self.cell,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            bidirectional=self.bidirectional,
            attention=self.attention,
            width=width,
            n_heads=n_heads,
            dropout=dropout,
        )


class SelfAttentionEncoder(BaseEstimator):
    """Strided convolutions along time, then self-attention; for sound and series.

    Parameters
    ----------
    n_layers : int, default=1
        Self-attention layers (Vaswani et al. 2017), with sinusoidal positions, which
        reach lengths that were not seen in training.
    strides : tuple of int, default=(2, 2)
        One convolution for each; it keeps every ``stride``-th step. ``()`` leaves the
        convolutions out.
    kernel_size : int, default=5
        Of the convolutions, in steps; odd.
    embedding_size : int, default=64
        Of the vector that each token id is looked up as; unused for vectors.

    Examples
    --------
    >>> from sklearn_mm import SelfAttentionEncoder
    >>> SelfAttentionEncoder(strides=(4,))
    SelfAttentionEncoder(strides=(4,))
    """

    def __init__(self, n_layers=1, *, strides=(2, 2), kernel_size=5, embedding_size=64):
        self.n_layers = n_layers
        self.strides = strides
        self.kernel_size = kernel_size
        self.embedding_size = embedding_size

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of tokens or a sequence."""
        from sklearn_mm.nn import encoders

        _check_kind(self, modality, ("sequence", "tokens"))
        _check_odd(self, self.kernel_size)
        embed, n_inputs = _embedding(modality, self.embedding_size)
        return encoders.ConvolutionalAttentionEncoder(
            embed,
            n_inputs,
            strides=tuple(self.strides),
            kernel_size=self.kernel_size,
            n_layers=self.n_layers,
            width=width,
            n_heads=n_heads,
            dropout=dropout,
        )


class SetEncoder(BaseEstimator):
    """Self-attention without positions, for tokens that have no order.

    Parameters
    ----------
    n_layers : int, default=1
        Self-attention layers (Lee et al. 2019, the SAB of the Set Transformer).
    embedding_size : int, default=64
        Of the vector that each token id is looked up as; unused for vectors.

    Examples
    --------
    >>> from sklearn_mm import SetEncoder
    >>> SetEncoder(n_layers=2)
    SetEncoder(n_layers=2)
    """

    def __init__(self, n_layers=1, *, embedding_size=64):
        self.n_layers = n_layers
        self.embedding_size = embedding_size

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of several tokens a row."""
        from sklearn_mm.nn import encoders

        _check_kind(self, modality, ("set", "sequence", "tokens"))
        embed, n_inputs = _embedding(modality, self.embedding_size)
        return encoders.SetEncoder(
            embed,
            n_inputs,
            n_layers=self.n_layers,
            width=width,
            n_heads=n_heads,
            dropout=dropout,
        )


class VectorEncoder(BaseEstimator):
    """Multi-layer perceptron for rows of numbers.

    Parameters
    ----------
    hidden_size : int, default=128
        Of each hidden layer.
    n_layers : int, default=1
        Hidden layers.

    Examples
    --------
    >>> from sklearn_mm import VectorEncoder
    >>> VectorEncoder(n_layers=2)
    VectorEncoder(n_layers=2)
    """

    def __init__(self, hidden_size=128, *, n_layers=1):
        self.hidden_size = hidden_size
        self.n_layers = n_layers

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of kind "vector"."""
        from sklearn_mm.nn import encoders

        _check_kind(self, modality, ("vector",))
        return encoders.VectorEncoder(
            encoders.Standardize(modality.mean, modality.deviation),
            modality.n_inputs,
            may_miss=modality.may_miss,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            width=width,
            dropout=dropout,
        )


def default_encoder(kind):
    """Pick the encoder of a modality for which none is named."""
    return {
        "image": CNNEncoder,
        "tokens": RNNEncoder,
        "sequence": SelfAttentionEncoder,
        "set": SetEncoder,
        "vector": VectorEncoder,
    }[kind]()


def _embedding(modality, embedding_size):
    """Build the first layer, ids or numbers to vectors, and count its outputs."""
    from torch import nn

    from sklearn_mm.nn import encoders

    if modality.kind == "tokens":
        embedding = nn.Embedding(modality.vocabulary_size, embedding_size)
        return embedding, embedding_size
    standardize = encoders.Standardize(modality.mean, modality.deviation)
    return standardize, modality.n_inputs


def _check_kind(spec, modality, kinds):
    if modality.kind not in kinds:
        advice = type(default_encoder(modality.kind)).__name__
        raise ValueError(
            f"{type(spec).__name__} encodes {' or '.join(map(repr, kinds))}, found a "
            f"modality of kind {modality.kind!r}. Did you mean {advice}?"
        )


def _check_odd(spec, kernel_size):
    if kernel_size % 2 == 0:
        raise ValueError(
            f"kernel_size of {type(spec).__name__} must be odd, found {kernel_size}"
        )
