"""Checks of the parameters that all attention fusion estimators share."""

from collections.abc import Mapping
from numbers import Integral, Real

CHOICES = {
    "fusion": ("attention", "bottleneck", "cross", "gated", "concat"),
    "missing": ("token", "skip", "error"),
    "schedule": ("cosine", "linear", "constant"),
    "averaging": (None, "ema"),
    "early_stopping": (False, True, "auto"),
    "precision": ("float32", "bfloat16"),
}

AT_LEAST_ONE = ("width", "n_heads", "n_iter_no_change")
AUTOMATIC = ("max_epochs", "batch_size")  # or at least 1

SHARES = ("dropout", "modality_dropout", "warm_up")

NOT_NEGATIVE = ("auxiliary_weight", "weight_decay")


def check_parameters(estimator):
    """Raise ValueError for parameters that cannot work.

    Parameters
    ----------
    estimator : attention fusion estimator
        Before it is fitted.
    """
    values = _ParametersOf(estimator)

    def check(name, is_fine, expected, kind=Real):
        value = values[name]
        if not (isinstance(value, kind) and is_fine(value)):
            raise ValueError(f"{name} must be {expected}, found {value!r}")

    for name, known in CHOICES.items():
        check(name, known.__contains__, f"one of {known}", object)
    for name in AT_LEAST_ONE:
        check(name, lambda value: value >= 1, "an integer of at least 1", Integral)
    check("n_layers", lambda value: value >= 0, "an integer of at least 0", Integral)
    for name in AUTOMATIC:
        if values[name] != "auto":
            expected = "'auto' or an integer of at least 1"
            check(name, lambda value: value >= 1, expected, Integral)
    for name in SHARES:
        check(name, lambda value: 0 <= value < 1, "at least 0 and below 1")
    for name in NOT_NEGATIVE:
        check(name, lambda value: value >= 0, "at least 0")
    check("modality_noise", lambda value: 0 <= value <= 1, "from 0 to 1")
    check("learning_rate", lambda value: value > 0, "above 0")
    check("validation_fraction", lambda value: 0 < value < 1, "above 0 and below 1")
    if values["gradient_clipping"] is not None:
        check("gradient_clipping", lambda value: value > 0, "None or above 0")
    if values["width"] % values["n_heads"]:
        raise ValueError(
            f"width must be a multiple of n_heads, found width={values['width']} and "
            f"n_heads={values['n_heads']}"
        )


class _ParametersOf:
    """Parameters by name, also those that a subclass fixes in its ``__init__``."""

    def __init__(self, estimator):
        self.estimator = estimator

    def __getitem__(self, name):
        try:
            return getattr(self.estimator, name)
        except AttributeError:
            raise ValueError(
                f"{type(self.estimator).__name__} has no parameter {name!r}: its "
                "__init__ must call super().__init__(...), which sets what it does "
                "not take itself."
            ) from None


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
