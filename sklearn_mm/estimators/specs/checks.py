"""Checks of the parameters of encoder specs, made when the module is built."""

from numbers import Integral, Real

# The spec of a kind of modality for which none is named.
DEFAULT_SPECS = {
    "image": "CNNEncoder",
    "tokens": "RNNEncoder",
    "sequence": "SelfAttentionEncoder",
    "set": "SetEncoder",
    "vector": "VectorEncoder",
}


def check_kind(spec, modality, kinds):
    """Refuse a modality that the spec does not encode."""
    if modality.kind not in kinds:
        raise ValueError(
            f"{type(spec).__name__} encodes {' or '.join(map(repr, kinds))}, found a "
            f"modality of kind {modality.kind!r}. Did you mean "
            f"{DEFAULT_SPECS[modality.kind]}? Where a search changes the kind, let it "
            "change encoders as well, in a list of two grids, of which one sets "
            "encoders to [None]: each kind then has its default."
        )


def check_integer(spec, name, *, minimum):
    """Refuse what is not an integer of at least the minimum."""
    value = getattr(spec, name)
    if not _is_integer(value, minimum):
        _refuse(spec, name, f"an integer of at least {minimum}")


def check_integers(spec, name, *, minimum):
    """Refuse what is not a tuple or list of integers of at least the minimum."""
    value = getattr(spec, name)
    if not isinstance(value, tuple | list) or not all(
        _is_integer(each, minimum) for each in value
    ):
        _refuse(spec, name, f"a tuple of integers of at least {minimum}")


def check_positive(spec, name, expected="a number above 0"):
    """Refuse what is not a finite number above 0."""
    value = getattr(spec, name)
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 < value < float("inf"):
        _refuse(spec, name, expected)


def check_rate(spec):
    """Refuse a learning rate of its own that is neither None nor above 0."""
    if spec.learning_rate is not None:
        check_positive(spec, "learning_rate", "None or a number above 0")


def check_share(spec, name):
    """Refuse what is not a number of at least 0 and below 1."""
    value = getattr(spec, name)
    if not isinstance(value, Real) or not 0 <= value < 1:
        _refuse(spec, name, "a number of at least 0 and below 1")


def check_choice(spec, name, choices):
    """Refuse what is not among the choices."""
    if getattr(spec, name) not in choices:
        _refuse(spec, name, " or ".join(map(repr, choices)))


def check_kernel_size(spec):
    """Refuse a kernel without a middle."""
    check_integer(spec, "kernel_size", minimum=1)
    if spec.kernel_size % 2 == 0:
        _refuse(spec, "kernel_size", "odd")


def _is_integer(value, minimum):
    is_number = isinstance(value, Integral) and not isinstance(value, bool)
    return is_number and value >= minimum


def _refuse(spec, name, expected):
    raise ValueError(
        f"{name} of {type(spec).__name__} must be {expected}, found "
        f"{getattr(spec, name)!r}"
    )
