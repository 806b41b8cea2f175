"""Checks of the parameters that all attention fusion estimators share."""

from numbers import Integral, Real
from os import PathLike

CHOICES = {
    "fusion": ("attention", "bottleneck", "cross", "gated", "concat"),
    "missing": ("token", "skip", "error"),
    "schedule": ("cosine", "linear", "constant"),
    "averaging": (None, "ema"),
    "early_stopping": (False, True, "auto"),
    "validation_split": ("random", "last"),
    "precision": ("float32", "bfloat16"),
}

AT_LEAST_ONE = ("width", "n_heads")
AUTOMATIC = (  # or at least 1
    "n_estimators",
    "max_epochs",
    "batch_size",
    "n_iter_no_change",
    "n_threads",
)

SHARES = ("modality_dropout", "warm_up")

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
    if values["dropout"] != "auto":
        expected = "'auto' or at least 0 and below 1"
        check("dropout", lambda value: 0 <= value < 1, expected)
    for name in NOT_NEGATIVE:
        check(name, lambda value: value >= 0, "at least 0")
    check("modality_noise", lambda value: 0 <= value <= 1, "from 0 to 1")
    check("learning_rate", lambda value: value > 0, "above 0")
    if values["validation_fraction"] != "auto":
        expected = "'auto' or a number above 0 and below 1"
        check("validation_fraction", lambda value: 0 < value < 1, expected)
    if values["gradient_clipping"] is not None:
        check("gradient_clipping", lambda value: value > 0, "None or above 0")
    if values["checkpoint"] is not None:
        check("checkpoint", bool, "None or the path of a folder", str | PathLike)
    if values["checkpoint_every"] != "epoch":
        expected = "'epoch' or a number of minutes above 0"
        check("checkpoint_every", lambda value: value > 0, expected)
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
