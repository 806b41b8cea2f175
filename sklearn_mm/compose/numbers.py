"""Columns that a step of scikit-learn takes as numbers: which cells are none."""

import re
import warnings

import numpy as np
from sklearn.pipeline import Pipeline

from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.times import without_times

# Steps of scikit-learn that read more than numbers, by class or by module.
_READ_OTHERS = (
    "FunctionTransformer",
    "OneHotEncoder",
    "OrdinalEncoder",
    "TargetEncoder",
    "LabelBinarizer",
    "LabelEncoder",
    "MultiLabelBinarizer",
)
_OTHER_MODULES = ("sklearn.feature_extraction", "sklearn.dummy")

# What numpy, pandas and scikit-learn say where a number was expected.
_NO_NUMBER = re.compile(
    r"could not convert|[Cc]annot (convert|cast)|must be a (string or a )?real number"
    r"|non-numeric|contains (NaN|infinity)|too large|with a sequence|[Cc]omplex"
)


def takes_numbers(step):
    """Tell whether a step of scikit-learn reads its columns as numbers.

    Parameters
    ----------
    step : estimator, "drop", "passthrough" or None
        Of pipelines the first step counts, of unions and ensembles every one.

    Returns
    -------
    bool
        False for transformers that are not scikit-learn's.
    """
    if isinstance(step, Pipeline):
        steps = [each for _, each in step.steps if not _does_nothing(each)]
        return bool(steps) and takes_numbers(steps[0])
    if not type(step).__module__.startswith("sklearn."):
        return False
    inner = getattr(step, "transformer_list", None) or getattr(step, "transformers", [])
    inner = inner or getattr(step, "estimators", None) or []
    inner = [entry[1] for entry in inner if isinstance(entry, tuple)]
    for name in ("estimator", "regressor"):
        inner.append(getattr(step, name, None))
    inner = [each for each in inner if not _does_nothing(each)]
    if inner:
        return all(map(takes_numbers, inner))
    module = type(step).__module__
    return type(step).__name__ not in _READ_OTHERS and not module.startswith(
        _OTHER_MODULES
    )


def _does_nothing(step):
    return step is None or isinstance(step, str)


def attempt(call, X, transformer, on_error):
    """Call with columns that are to be numbers; name the cells that are none.

    Parameters
    ----------
    call : callable
        Takes the columns.
    X : column or table
        The columns.
    transformer : transformer
        Who reads them. One with an ``on_error`` of its own names cells itself.
    on_error : {"raise", "missing"}
        Whether cells that are no numbers are an error, or NaN with one warning.

    Returns
    -------
    object
        What the call gave.

    Raises
    ------
    TypeError or ValueError
        As the call raised it; where cells explain it, they are named.
    """
    try:
        return call(X)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        if hasattr(transformer, "on_error") or not _is_of_cells(error, transformer):
            raise
        kind = "NaN" if "contains NaN" in str(error) else "number"
        broken = _find(X, kind)
        if not broken and not isinstance(error, TypeError | ValueError):
            return call(_without(X, broken))
        if not broken:
            raise
        message = _describe(X, broken, kind)
        if on_error == "raise" or kind == "NaN":
            is_type = isinstance(error, TypeError)
            raise (TypeError if is_type else ValueError)(
                f"{message} ({str(error):.200})"
            ) from error
        warnings.warn(
            f"{len(broken)} cells are no numbers and count as missing; the first: "
            f"{message}",
            UserWarning,
            stacklevel=2,
        )
        return call(_without(X, broken))


def _is_of_cells(error, transformer):
    """Tell whether an error may come from a cell that is no number.

    Objects of others raise what they like, such as decimals and tensors with gradients;
    steps that read only numbers hardly raise these by themselves.
    """
    if isinstance(error, TypeError | ValueError | OverflowError):
        return _NO_NUMBER.search(str(error)) is not None
    is_passed_through = getattr(transformer, "func", transformer) is None
    return is_passed_through or takes_numbers(transformer)


def _columns(X):
    """List (name, column) of a table, 2-D array or single column."""
    if hasattr(X, "columns"):
        return [(name, X[name]) for name in X.columns]
    if getattr(X, "ndim", 1) == 2:
        is_array = isinstance(X, np.ndarray)
        return [(j, X[:, j]) for j in range(X.shape[1])] if is_array else []
    return [(getattr(X, "name", None), X)]


def _find(X, kind):
    """List (place of the column, row) of the cells that are the trouble."""
    broken = []
    for place, (_, column) in enumerate(_columns(X)):
        is_wrong = is_missing if kind == "NaN" else _is_no_number
        broken += [(place, row) for row, cell in enumerate(column) if is_wrong(cell)]
    return broken


def _is_no_number(cell):
    if is_missing(cell):
        return False
    if isinstance(cell, complex | np.complexfloating):
        return True  # of which NumPy would take the real part, with a warning
    try:
        return not np.isfinite(float(cell))
    except (TypeError, ValueError, OverflowError):
        return True


def _describe(X, broken, kind):
    place, row = broken[0]
    name, column = _columns(X)[place]
    cell = list(column)[row]
    counted = not hasattr(X, "iloc") or type(X.index).__name__ == "RangeIndex"
    label = "" if counted else f" (index {X.index[row]})"
    where = "" if name is None else f"column {name!r}, "
    more = f", and {len(broken) - 1} more cells" if len(broken) > 1 else ""
    if kind == "NaN":
        return (
            f"{where}row {row}{label}: the cell is missing{more}. Put a "
            "SimpleImputer before the transformer"
        )
    return (
        f"{where}row {row}{label}: expected a number, found {cell!r:.80}{more}. Make "
        "it missing (None), set on_error='missing' in the union, or give the column a "
        "transformer of its own"
    )


def _to_float(cell):
    if is_missing(cell):
        return np.nan
    return float(cell.detach() if hasattr(cell, "detach") else cell)


def _without(X, broken):
    """Copy columns with NaN in the place of some cells."""
    import pandas as pd

    X = without_times(X)
    single = not hasattr(X, "columns") and getattr(X, "ndim", 1) == 1
    cells = np.empty((len(X), len(_columns(X))), dtype=object)
    for place, (_, column) in enumerate(_columns(X)):
        cells[:, place] = list(column)
    for place, row in broken:
        cells[row, place] = np.nan
    # One by one: the objects need not know NumPy.
    numbers = np.array([[_to_float(cell) for cell in row] for row in cells])
    if hasattr(X, "columns"):
        return pd.DataFrame(
            numbers, columns=list(X.columns), index=getattr(X, "index", None)
        )
    return numbers[:, 0] if single else numbers
