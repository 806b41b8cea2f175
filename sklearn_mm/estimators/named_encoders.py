"""Encoders by the names of their modalities: ``classifier__text__cell``."""

from collections.abc import Mapping

from sklearn_mm._compat import _BaseComposition
from sklearn_mm.estimators.inputs import SINGLE_MODALITY
from sklearn_mm.estimators.specs import default_encoder


class NamedEncoders(_BaseComposition):
    """What reaches the parameters of encoders, and gives each modality its own."""

    def get_params(self, deep=True):
        """Get parameters, those of the encoders included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the encoders' own parameters.

        Returns
        -------
        dict
        """
        return self._get_params("_encoder_pairs", deep=deep)

    def set_params(self, **params):
        """Set parameters, those of the encoders included.

        Parameters
        ----------
        **params : dict
            By name; ``<modality>__<parameter>`` for an encoder's.

        Returns
        -------
        self
        """
        if "encoders" in params:
            self.encoders = params.pop("encoders")
        refuse_unnamed_encoders(self, params)
        self._set_params("_encoder_pairs", **params)
        return self

    @property
    def _encoder_pairs(self):
        """List the encoders as (name, encoder), also where they came as a dict."""
        encoders = getattr(self, "encoders", None)
        return list(encoders.items()) if isinstance(encoders, Mapping) else encoders

    @_encoder_pairs.setter
    def _encoder_pairs(self, pairs):
        is_dict = isinstance(self.encoders, Mapping)
        self.encoders = dict(pairs) if is_dict else pairs

    def _check_encoders(self):
        """Refuse encoders without a name, and names that cannot be."""
        if self.encoders is not None:
            check_encoders(self.encoders)
            self._validate_names([name for name, _ in self._encoder_pairs])

    def _resolve_encoders(self):
        """Give every modality its encoder spec, the default where none is named."""
        named = dict(self.encoders or ())
        unknown = [name for name in named if name not in self.modalities_in_]
        if unknown:
            advice = (
                "Leave the encoders of other modalities out. Where a search drops a "
                "modality, let it change encoders as well, in a list of two grids."
            )
            if list(self.modalities_in_) == [SINGLE_MODALITY]:
                advice = (
                    "A table or an array is one modality: hand over what a "
                    "MultimodalFeatureUnion gives, whose set_output is the default."
                )
            raise ValueError(
                f"encoders are named for {unknown}, but the modalities of X are "
                f"{list(self.modalities_in_)}. {advice}"
            )
        return {
            name: named.get(name) or default_encoder(modality.kind)
            for name, modality in self.modalities_in_.items()
        }


def check_encoders(encoders):
    """Raise ValueError if encoders are no pairs of a name and an encoder.

    Parameters
    ----------
    encoders : list of (str, encoder), or dict of str to encoder
        As the user passed them.
    """
    if isinstance(encoders, Mapping):
        encoders = list(encoders.items())
    is_list = isinstance(encoders, list | tuple)
    if is_list and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in encoders
    ):
        return
    spec = encoders[0] if is_list and len(encoders) else encoders
    example = repr(spec) if hasattr(spec, "get_params") else "CNNEncoder()"
    raise ValueError(
        "encoders must be a list of (name of a modality, encoder), or a dict, found "
        f"{encoders!r}. Did you mean encoders=[('image', {example})]?"
    )


def refuse_unnamed_encoders(estimator, params):
    """Refuse to set a parameter of an encoder that is not named.

    Parameters
    ----------
    estimator : attention fusion estimator
        Of which parameters are set.
    params : dict
        By name.
    """
    known = estimator.get_params(deep=True)
    for name in params:
        modality, is_nested, argument = name.partition("__")
        if is_nested and modality not in known:
            raise ValueError(
                f"Invalid parameter {name!r} for {type(estimator).__name__}: no "
                f"encoder is named for {modality!r}, and the default one is chosen in "
                f"fit. Name it first, as in encoders=[({modality!r}, "
                f"{_spec_with(argument)}())]; named are "
                f"{[key for key, _ in estimator._encoder_pairs or ()]}."
            )


def _spec_with(parameter):
    """Guess the encoder whose parameter is meant."""
    from sklearn_mm.estimators import specs

    for name in specs.__all__:
        spec = getattr(specs, name)
        if hasattr(spec, "get_params") and parameter in spec().get_params():
            return name
    return "CNNEncoder"
