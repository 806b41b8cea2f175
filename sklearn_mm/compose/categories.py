"""Categories that are known, in cells of another type: "true" for True, "1" for 1."""

import warnings
from numbers import Number

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from sklearn_mm.readers.column import is_missing

_ENCODERS = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")


def with_known_types(transformer, X):
    """Bring cells to the type that a fitted encoder of scikit-learn knows.

    A table read from another file may have ``"true"`` where there were booleans in
    training, or strings of digits where there were numbers. An encoder that ignores
    what it does not know would take each of them for an unknown category.

    Parameters
    ----------
    transformer : transformer
        A fitted encoder, or a pipeline that begins with one; others read X as it is.
    X : table of pandas or polars, or 2-D array
        Its columns.

    Returns
    -------
    table or array
        X itself where there is nothing to change. Cells of another type that stand for
        no known category are counted in one warning.
    """
    while isinstance(transformer, Pipeline):
        transformer = transformer[0]
    if type(transformer).__name__ not in _ENCODERS or len(X.shape) != 2:
        return X
    columns = _columns(X)
    found = {}
    for place, known in enumerate(getattr(transformer, "categories_", [])):
        if place < len(columns):
            name, column = columns[place]
            changed = _to_known_type(name, column, known)
            if changed is not None:
                found[place] = changed
    if not found:
        return X
    names = [name for name, _ in columns]
    cells = [found.get(place, column) for place, (_, column) in enumerate(columns)]
    index = X.index if hasattr(X, "iloc") else None
    series = [pd.Series(list(column), index=index) for column in cells]
    return pd.concat(series, axis=1).set_axis(names, axis=1)


def _columns(X):
    if hasattr(X, "columns"):
        return [(name, X[name]) for name in X.columns]
    return [(place, X[:, place]) for place in range(X.shape[1])]


def _to_known_type(name, column, known):
    """Give the cells in the type of the categories; None where they have it."""
    types = {_type_of(category) for category in known} - {None}
    if len(types) != 1:
        return None
    (expected,) = types
    if expected == "numbers" and getattr(column.dtype, "kind", "O") in "fiu":
        return None  # without a look at each cell
    other = [
        row for row, cell in enumerate(column) if _type_of(cell) not in (expected, None)
    ]
    if not other:
        return None
    by_text = {_text_of(category): category for category in known}
    cells = np.empty(len(column), dtype=object)
    cells[:] = list(column)
    unknown = []
    for row in other:
        text = _text_of(cells[row])
        if text in by_text:
            cells[row] = by_text[text]
        else:
            unknown.append(row)
    if unknown:
        first = list(column)[unknown[0]]
        warnings.warn(
            f"column {name!r}: {len(unknown)} of {len(column)} cells are no {expected} "
            f"as in training, and unknown; the first, in row {unknown[0]}, is "
            f"{first!r:.80}. Training had {list(known)[:5]!s:.200}",
            UserWarning,
            stacklevel=2,
        )
    return cells if len(unknown) < len(other) else None


def _type_of(cell):
    """Name the type of a cell; None if it is missing or of no type that is told."""
    if is_missing(cell):
        return None
    if isinstance(cell, bool | np.bool_):
        return "booleans"
    if isinstance(cell, Number):
        return "numbers"
    return "strings" if isinstance(cell, str) else None


def _text_of(cell):
    """Write a cell so that equal ones of several types are written alike."""
    if isinstance(cell, bool | np.bool_):
        return str(bool(cell)).lower()
    text = str(cell).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    try:
        number = float(text)
    except ValueError:
        return text
    return repr(number) if np.isfinite(number) else text
