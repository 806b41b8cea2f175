"""Whose fit it is that Ctrl-C ends."""

import sys

# What runs many fits, of which one that is cut short must not pass for a whole one.
_RUNS_MANY = frozenset(
    (
        "concurrent",
        "dask",
        "distributed",
        "hyperopt",
        "joblib",
        "multiprocessing",
        "optuna",
        "ray",
        "sklearn",
        "sklearn_mm",
        "skopt",
    )
)

# What fits one estimator, once, for whoever called it.
_FITS_ONE = (
    "sklearn.base",
    "sklearn.compose._target",
    "sklearn.pipeline",
    "sklearn.utils",
    "sklearn_mm._state",
    "sklearn_mm.cli",
    "sklearn_mm.demo",
    "sklearn_mm.estimators",
)
_RUNS_MANY_THOUGH = ("sklearn.utils.parallel",)


def is_part_of_many_fits():
    """Tell whether a search, a cross-validation or an ensemble called this fit.

    There Ctrl-C means all of it. Nothing but the call stack says who called.

    Returns
    -------
    bool
        False for a fit of the estimator, or of a pipeline with it, by the user.
    """
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] in _RUNS_MANY and not _fits_one(module):
            return True
        frame = frame.f_back
    return False


def _fits_one(module):
    if _is_inside(module, _RUNS_MANY_THOUGH):
        return False
    return _is_inside(module, _FITS_ONE)


def _is_inside(module, packages):
    return any(module == name or module.startswith(f"{name}.") for name in packages)
