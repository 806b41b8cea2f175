"""Specs of the encoders of texts, sounds, series and sets."""

from sklearn.base import BaseEstimator

from sklearn_mm.estimators.specs.checks import (
    check_choice,
    check_integer,
    check_integers,
    check_kernel_size,
    check_kind,
    check_rate,
    check_share,
)

# Of a row, that no automatic stride goes below: a few steps are worth a look at each.
FEWEST_STEPS = 16
MOST_STRIDES = 2


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
    token_dropout : float, default=0.2
        Share of the token ids that are replaced by the unknown token in training: so
        that no rare word is relied on alone, and unknown words are learned (Iyyer et
        al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text
        Classification"). That is id 0, which in the vocabulary of a ready tokenizer may
        be another token. Unused for vectors.
    learning_rate : float or None, default=None
        Of the encoder's weights. Warm-up and schedule scale it as they do the
        estimator's. None: the estimator's.

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
        token_dropout=0.2,
        learning_rate=None,
    ):
        self.cell = cell
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.attention = attention
        self.embedding_size = embedding_size
        self.token_dropout = token_dropout
        self.learning_rate = learning_rate

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of tokens or a sequence."""
        from sklearn_mm.nn import encoders

        check_kind(self, modality, ("tokens", "sequence"))
        check_rate(self)
        for name in ("hidden_size", "n_layers"):
            check_integer(self, name, minimum=1)
        check_choice(self, "cell", ("lstm", "gru"))
        embed, n_inputs = _embedding(self, modality)
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
    strides : tuple of int or "auto", default="auto"
        One convolution for each; it keeps every ``stride``-th step. ``()`` leaves the
        convolutions out. "auto": as many as leave 16 steps of the middle training row,
        but at most two: (2, 2) from 64 steps on, (2,) from 32 on, and none below,
        where each step can speak for itself.
    kernel_size : int, default=5
        Of the convolutions, in steps; odd.
    statistics : bool, default=True
        Whether each token is also told what the statistics of the whole sequence tell:
        of each feature the mean, the deviation, the least and the largest value, and
        how fast and how roughly it changes (after the statistics pooling of Snyder et
        al. 2018, "X-vectors"). Unused for token ids.
    embedding_size : int, default=64
        Of the vector that each token id is looked up as; unused for vectors.
    token_dropout : float, default=0.2
        Share of the token ids that are replaced by id 0, the unknown token, in
        training, as in :class:`RNNEncoder`. Unused for vectors.
    learning_rate : float or None, default=None
        Of the encoder's weights. Warm-up and schedule scale it as they do the
        estimator's. None: the estimator's.

    Examples
    --------
    >>> from sklearn_mm import SelfAttentionEncoder
    >>> SelfAttentionEncoder(strides=(4,))
    SelfAttentionEncoder(strides=(4,))
    """

    def __init__(
        self,
        n_layers=1,
        *,
        strides="auto",
        kernel_size=5,
        statistics=True,
        embedding_size=64,
        token_dropout=0.2,
        learning_rate=None,
    ):
        self.n_layers = n_layers
        self.strides = strides
        self.kernel_size = kernel_size
        self.statistics = statistics
        self.embedding_size = embedding_size
        self.token_dropout = token_dropout
        self.learning_rate = learning_rate

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of tokens or a sequence."""
        from sklearn_mm.nn import encoders

        check_kind(self, modality, ("sequence", "tokens"))
        check_rate(self)
        check_integer(self, "n_layers", minimum=0)
        strides = self._choose_strides(modality.typical_length)
        check_kernel_size(self)
        embed, n_inputs = _embedding(self, modality)
        return encoders.ConvolutionalAttentionEncoder(
            embed,
            n_inputs,
            strides=strides,
            kernel_size=self.kernel_size,
            n_layers=self.n_layers,
            statistics=self.statistics and modality.kind == "sequence",
            width=width,
            n_heads=n_heads,
            dropout=dropout,
        )

    def _choose_strides(self, length):
        """List the stride of each convolution, ``"auto"`` by the steps of a row."""
        if not (isinstance(self.strides, str) and self.strides == "auto"):
            check_integers(self, "strides", minimum=1)
            return tuple(self.strides)
        strides = []
        while length >= 2 * FEWEST_STEPS and len(strides) < MOST_STRIDES:
            strides.append(2)
            length //= 2
        return tuple(strides)


class SetEncoder(BaseEstimator):
    """Self-attention without positions, for tokens that have no order.

    Parameters
    ----------
    n_layers : int, default=1
        Self-attention layers (Lee et al. 2019, the SAB of the Set Transformer).
    embedding_size : int, default=64
        Of the vector that each token id is looked up as; unused for vectors.
    token_dropout : float, default=0.2
        Share of the token ids that are replaced by id 0, the unknown token, in
        training, as in :class:`RNNEncoder`. Unused for vectors.
    learning_rate : float or None, default=None
        Of the encoder's weights. Warm-up and schedule scale it as they do the
        estimator's. None: the estimator's.

    Examples
    --------
    >>> from sklearn_mm import SetEncoder
    >>> SetEncoder(n_layers=2)
    SetEncoder(n_layers=2)
    """

    def __init__(
        self,
        n_layers=1,
        *,
        embedding_size=64,
        token_dropout=0.2,
        learning_rate=None,
    ):
        self.n_layers = n_layers
        self.embedding_size = embedding_size
        self.token_dropout = token_dropout
        self.learning_rate = learning_rate

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of several tokens a row."""
        from sklearn_mm.nn import encoders

        check_kind(self, modality, ("set", "sequence", "tokens"))
        check_rate(self)
        check_integer(self, "n_layers", minimum=0)
        embed, n_inputs = _embedding(self, modality)
        return encoders.SetEncoder(
            embed,
            n_inputs,
            n_layers=self.n_layers,
            width=width,
            n_heads=n_heads,
            dropout=dropout,
        )


def _embedding(spec, modality):
    """Build the first layer, ids or numbers to vectors, and count its outputs."""
    from sklearn_mm.nn import encoders

    check_integer(spec, "embedding_size", minimum=1)
    check_share(spec, "token_dropout")
    if modality.kind == "tokens":
        embedding = encoders.TokenEmbedding(
            modality.vocabulary_size, spec.embedding_size, spec.token_dropout
        )
        return embedding, spec.embedding_size
    standardize = encoders.Standardize(modality.mean, modality.deviation)
    return standardize, modality.n_inputs
