"""What an attribute may be: checks of what was read from a file."""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np


@dataclass(frozen=True)
class Kind:
    """What is expected, for errors, and how it is recognised.

    Attributes
    ----------
    expected : str
        In words.
    test : callable
        Tells whether a value is of the kind.
    """

    expected: str
    test: object


def _is_integer(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


INTEGER = Kind("an integer", _is_integer)
NUMBER = Kind("a number", _is_number)
TEXT = Kind("a string", lambda value: isinstance(value, str))
FLAG = Kind("True or False", lambda value: isinstance(value, bool | np.bool_))


def optional(kind):
    """Allow None, too."""
    return Kind(
        f"{kind.expected} or None", lambda value: value is None or kind.test(value)
    )


def list_of(kind):
    """Expect a list or a tuple."""
    return Kind(
        f"a list, each {kind.expected}",
        lambda value: isinstance(value, list | tuple) and all(map(kind.test, value)),
    )


def mapping(key, value):
    """Expect a dict."""
    return Kind(
        f"a dict from {key.expected} to {value.expected}",
        lambda found: (
            isinstance(found, dict)
            and all(map(key.test, found))
            and all(map(value.test, found.values()))
        ),
    )


def array(kinds, n_axes=None):
    """Expect an array of dtypes by their letters, such as "f" or "iu"."""
    axes = "" if n_axes is None else f" of {n_axes} axes"
    return Kind(
        f"an array of dtype kind {' or '.join(kinds)}{axes}",
        lambda value: (
            isinstance(value, np.ndarray)
            and value.dtype.kind in kinds
            and n_axes in (None, value.ndim)
        ),
    )


def named(*names):
    """Expect an object by the name of its class, or of one of its bases."""
    return Kind(
        " or ".join(names),
        lambda value: any(base.__name__ in names for base in type(value).__mro__),
    )


def is_estimator(value):
    """Tell whether a value can be fitted, or stands for a step that cannot."""
    return isinstance(value, str) or value is None or hasattr(value, "fit")


ESTIMATOR = Kind("an estimator", is_estimator)
FLOATS = array("f", 1)
TEXTS = list_of(TEXT)

# In every class, ours and scikit-learn's, these are the same.
EVERYWHERE = {
    "n_features_in_": INTEGER,
    "feature_names_in_": array("OUT", 1),
    "n_iter_": Kind(
        "an integer, or several",
        lambda value: (
            _is_integer(value)
            or isinstance(value, list | tuple)
            or (isinstance(value, np.ndarray) and value.dtype.kind in "iuO")
        ),
    ),
}
