"""Checks of the parameters that all attention fusion estimators share."""

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

NOT_NEGATIVE = ("n_layers", "auxiliary_weight", "weight_decay")


def check_parameters(estimator):
    """Raise ValueError for parameters that cannot work.

    Parameters
    ----------
    estimator : attention fusion estimator
        Before it is fitted.
    """
    values = estimator.get_params(deep=False)
    for name, known in CHOICES.items():
        _check(name, values[name], values[name] in known, f"one of {known}")
    for name in AT_LEAST_ONE:
        _check(name, values[name], values[name] >= 1, "at least 1")
    for name in AUTOMATIC:
        value = values[name]
        _check(name, value, value == "auto" or value >= 1, "'auto' or at least 1")
    for name in SHARES:
        _check(name, values[name], 0 <= values[name] < 1, "at least 0 and below 1")
    for name in NOT_NEGATIVE:
        _check(name, values[name], values[name] >= 0, "at least 0")
    share = values["modality_noise"]
    _check("modality_noise", share, 0 <= share <= 1, "from 0 to 1")
    rate = values["learning_rate"]
    _check("learning_rate", rate, rate > 0, "above 0")
    share = values["validation_fraction"]
    _check("validation_fraction", share, 0 < share < 1, "above 0 and below 1")
    norm = values["gradient_clipping"]
    _check("gradient_clipping", norm, norm is None or norm > 0, "None or above 0")
    if values["width"] % values["n_heads"]:
        raise ValueError(
            f"width must be a multiple of n_heads, found width={values['width']} and "
            f"n_heads={values['n_heads']}"
        )


def _check(name, value, fine, expected):
    if not fine:
        raise ValueError(f"{name} must be {expected}, found {value!r}")
