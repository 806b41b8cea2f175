"""Spec of the encoder of rows of numbers."""

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_mm.estimators.modality import MAX_QUANTILE_FEATURES, N_QUANTILE_STEPS
from sklearn_mm.estimators.specs.checks import (
    check_choice,
    check_integer,
    check_kind,
    check_positive,
    check_rate,
)


class VectorEncoder(BaseEstimator):
    """Rows of numbers: as one token by a multi-layer perceptron, or one a feature.

    Parameters
    ----------
    hidden_size : int, default=128
        Of each hidden layer of the perceptron.
    n_layers : int, default=1
        Hidden layers of the perceptron. 0: a linear layer.
    tokens : {"row", "features", "auto"}, default="row"
        - ``"row"``: one token. A missing number counts as the mean, and where the
          feature had such gaps in training, that it is missing is a further input;
        - ``"features"``: one token for each feature, which the fusion lets read each
          other (the feature tokenizer of Gorishniy et al. 2021); there is no
          perceptron. A missing number has a learned token of its feature, where the
          feature had such gaps in training, and else counts as the mean;
        - ``"auto"``: ``"features"`` for dense rows of at most ``max_feature_tokens``
          features, else ``"row"``.
    max_feature_tokens : int, default=32
        For ``"auto"``. Attention costs time in proportion to the tokens squared.
    embedding : {"periodic", "piecewise"} or None, default=None
        What each number becomes first (Gorishniy et al. 2022), for dense rows:

        - ``None``: it is only standardised;
        - ``"periodic"``: sines and cosines of it at learned frequencies, then linear
          and ReLU (the paper's PLR). In a row the vectors of all features stand side
          by side (MLP-PLR);
        - ``"piecewise"``: how much of each bin between quantiles of the training rows
          lies below it, side by side in a row (MLP-Q), a linear layer for a feature's
          token. For at most 1,024 features.

        Departures from the paper: the outer bins reach ten of their widths beyond
        their edges, and not without end; bins are quantiles only, never the splits of
        trees; the linear layers begin as torch's.
    embedding_size : int, default=24
        Of each feature's vector by ``"periodic"`` in a row. Feature tokens have the
        width of the network.
    n_frequencies : int, default=48
        Of each feature by ``"periodic"``.
    frequency_scale : float, default=0.01
        Deviation of the first frequencies by ``"periodic"``, in periods for each
        deviation of the feature: the larger, the finer the steps that can be learned,
        and the easier noise is. The default is a guess from a few small tables; search
        it.
    n_bins : int, default=16
        Of each feature by ``"piecewise"``, of 1 / 128 of the training rows or more;
        equal quantiles make fewer.
    learning_rate : float or None, default=None
        Of the encoder's weights. Warm-up and schedule scale it as they do the
        estimator's. None: the estimator's.

    Examples
    --------
    >>> from sklearn_mm import VectorEncoder
    >>> VectorEncoder(tokens="features", embedding="periodic")
    VectorEncoder(embedding='periodic', tokens='features')
    """

    def __init__(
        self,
        hidden_size=128,
        *,
        n_layers=1,
        tokens="row",
        max_feature_tokens=32,
        embedding=None,
        embedding_size=24,
        n_frequencies=48,
        frequency_scale=0.01,
        n_bins=16,
        learning_rate=None,
    ):
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.tokens = tokens
        self.max_feature_tokens = max_feature_tokens
        self.embedding = embedding
        self.embedding_size = embedding_size
        self.n_frequencies = n_frequencies
        self.frequency_scale = frequency_scale
        self.n_bins = n_bins
        self.learning_rate = learning_rate

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of kind "vector"."""
        from sklearn_mm.nn import encoders

        check_kind(self, modality, ("vector",))
        check_rate(self)
        self._check_parameters()
        one_each = self.tokens == "features" or (
            self.tokens == "auto"
            and not modality.is_sparse
            and modality.n_inputs <= self.max_feature_tokens
        )
        self._check_modality(modality, one_each)
        if one_each:
            return encoders.FeatureTokenEncoder(
                self._embed_feature_tokens(modality, width),
                modality.n_inputs,
                may_miss=modality.may_miss,
                width=width,
            )
        embed, n_inputs = self._embed_row(modality)
        return encoders.VectorEncoder(
            embed,
            n_inputs,
            may_miss=modality.may_miss,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            width=width,
            dropout=dropout,
        )

    def _check_parameters(self):
        check_choice(self, "tokens", ("row", "features", "auto"))
        check_choice(self, "embedding", (None, "periodic", "piecewise"))
        check_integer(self, "n_layers", minimum=0)
        for name in (
            "hidden_size",
            "max_feature_tokens",
            "embedding_size",
            "n_frequencies",
            "n_bins",
        ):
            check_integer(self, name, minimum=1)
        check_positive(self, "frequency_scale")
        if self.n_bins > N_QUANTILE_STEPS:
            raise ValueError(
                f"n_bins of VectorEncoder must be at most {N_QUANTILE_STEPS}, found "
                f"{self.n_bins}"
            )

    def _check_modality(self, modality, one_each):
        """Refuse sparse rows, or too many features, for what cannot take them."""
        if modality.is_sparse and (one_each or self.embedding is not None):
            what, instead = f"embedding={self.embedding!r}", "embedding=None"
            if one_each:
                what, instead = "tokens='features'", "tokens='row'"
            raise ValueError(
                f"{what} of VectorEncoder is for dense rows, found a sparse block of "
                f"{modality.n_inputs} features. Use {instead}, or make it dense."
            )
        if self.embedding == "piecewise" and modality.quantiles is None:
            raise ValueError(
                "embedding='piecewise' of VectorEncoder is for at most "
                f"{MAX_QUANTILE_FEATURES} features, found {modality.n_inputs}. Use "
                "embedding='periodic' or None."
            )

    def _embed_row(self, modality):
        """Build the first layer of the perceptron, and count its outputs."""
        from torch import nn

        from sklearn_mm.nn import encoders

        n_features = modality.n_inputs
        if self.embedding is None:
            standardize = encoders.Standardize(modality.mean, modality.deviation)
            return standardize, n_features
        if self.embedding == "piecewise":
            embed, size = [self._piecewise(modality)], self.n_bins
        else:
            size = self.embedding_size
            embed = self._periodic(modality, size)
        return nn.Sequential(*embed, nn.Flatten(-2)), n_features * size

    def _embed_feature_tokens(self, modality, width):
        """Build what makes a token of each feature."""
        from torch import nn

        from sklearn_mm.nn import encoders

        n_features = modality.n_inputs
        if self.embedding == "periodic":
            return nn.Sequential(*self._periodic(modality, width))
        if self.embedding == "piecewise":
            return nn.Sequential(
                self._piecewise(modality),
                encoders.FeatureLinear(n_features, self.n_bins, width),
            )
        return nn.Sequential(
            encoders.Standardize(modality.mean, modality.deviation),
            nn.Unflatten(-1, (n_features, 1)),
            encoders.FeatureLinear(n_features, 1, width),
        )

    def _periodic(self, modality, size):
        """List the layers of PLR, from numbers to a vector of this size for each."""
        from torch import nn

        from sklearn_mm.nn import encoders

        n_features = modality.n_inputs
        return [
            encoders.Standardize(modality.mean, modality.deviation),
            encoders.PeriodicEncoding(
                n_features, self.n_frequencies, self.frequency_scale
            ),
            encoders.FeatureLinear(n_features, 2 * self.n_frequencies, size),
            nn.ReLU(),
        ]

    def _piecewise(self, modality):
        """Build the encoding between the kept quantiles nearest to those wanted."""
        from sklearn_mm.nn import encoders

        wanted = np.linspace(0, N_QUANTILE_STEPS, self.n_bins + 1)
        edges = modality.quantiles[np.round(wanted).astype(int)]
        return encoders.PiecewiseLinearEncoding(edges, modality.mean)
