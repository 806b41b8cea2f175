"""Which columns the union gives to which transformer."""

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_mm._compat import _get_column_indices, _safe_indexing
from sklearn_mm.compose.steps import is_word, passthrough
from sklearn_mm.readers.column import check_column
from sklearn_mm.readers.table import check_table


def check_entries(transformers, remainder):
    """Refuse transformers that cannot be a union's.

    Parameters
    ----------
    transformers : list of (str, transformer, columns)
        As the user gave them.
    remainder : str or transformer
        For the other columns.

    Raises
    ------
    ValueError
        If they are no such list, or a name is not to be had.
    TypeError
        If one of them is no transformer.
    """
    is_listed = isinstance(transformers, list | tuple)
    if not is_listed or not (transformers or not is_word(remainder, "drop")):
        advice = ""
        if isinstance(transformers, dict):
            advice = ". In place of a dict, give [(name, transformer, columns), ...]"
        raise ValueError(
            "transformers must be a list of (name, transformer, columns), found "
            f"{transformers!r:.300}{advice}"
        )
    for entry in transformers:
        if not isinstance(entry, tuple) or len(entry) != 3:
            raise ValueError(
                f"each entry must be (name, transformer, columns), found {entry!r}"
            )
    steps = [(name, step) for name, step, _ in transformers]
    if "remainder" in dict(steps):
        raise ValueError("'remainder' is the name of the remaining columns")
    for name, step in [*steps, ("remainder", remainder)]:
        if is_word(step, "drop") or is_word(step, "passthrough"):
            continue
        if isinstance(step, type):
            raise TypeError(
                f"{name!r}: Expected an estimator instance ({step.__name__}()), got "
                f"estimator class instead ({step.__name__})."
            )
        if not hasattr(step, "transform") or not hasattr(step, "fit"):
            raise TypeError(
                f"{name!r} must be a transformer with fit and transform, 'drop' or "
                f"'passthrough', found {step!r}. All estimators should implement fit "
                "and transform"
            )


def plan_columns(transformers, remainder, X, names):
    """Find the columns of each transformer.

    Parameters
    ----------
    transformers, remainder
        As checked by :func:`check_entries`.
    X : table or array of shape (n_samples, n_columns)
        Whose columns they are.
    names : ndarray of str, or None
        Of its columns.

    Returns
    -------
    list of (str, transformer, columns)
        Of all that is not dropped. ``columns`` selects them again: by name if there
        are names, else by position; one that is not in a list gives a 1-D column.

    Raises
    ------
    ValueError
        If X lacks a column.
    """
    taken, plan = set(), []
    for name, transformer, columns in transformers:
        columns = columns(X) if callable(columns) else columns
        if isinstance(columns, slice) and columns == slice(None):
            columns = list(range(X.shape[1]))
        try:
            indices = _get_column_indices(X, columns)
        except ValueError as error:
            found = getattr(X, "columns", range(X.shape[1]))
            raise ValueError(
                f"modality {name!r} asks for {columns!r:.200}, X has the columns "
                f"{list(found)!s:.500}: {error}"
            ) from error
        taken.update(indices)
        if indices and not is_word(transformer, "drop"):
            single = np.isscalar(columns)
            plan.append((name, transformer, _selector(indices, single, names)))
    rest = [index for index in range(X.shape[1]) if index not in taken]
    if rest and not is_word(remainder, "drop"):
        plan.append(("remainder", remainder, _selector(rest, False, names)))
    return [
        (name, passthrough() if is_word(step, "passthrough") else step, columns)
        for name, step, columns in plan
    ]


def take_columns(X, columns):
    """Take columns of a table or array.

    Parameters
    ----------
    X : table, array or sparse matrix of shape (n_samples, n_columns)
        Whose columns they are.
    columns : str, int, or list of these
        As :func:`plan_columns` gives them.

    Returns
    -------
    column or table
    """
    names = [columns] if isinstance(columns, str) else columns
    is_named = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if is_named and hasattr(X, "iloc"):
        return X[columns]  # the same as by ``loc``, in less time
    return _safe_indexing(X, columns, axis=1)


def check_present(transformers, X):
    """Refuse a table X that lacks columns which (name, transformer, columns) need."""
    missing = {}
    for name, _, columns in transformers:
        columns = [columns] if np.isscalar(columns) else columns
        absent = [column for column in columns if column not in X.columns]
        if absent:
            missing[name] = absent
    if missing:
        listed = "; ".join(f"modality {k!r} needs {v}" for k, v in missing.items())
        raise ValueError(f"columns are missing: {listed}. Found {list(X.columns)}.")


def check_column_or_table(estimator, X, *, reset):
    """Take what a union hands to a step: one column of cells, or a table.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or checked.
    X : list, Series, array, or table of pandas, polars or pyarrow
        Lists of numbers of equal length are rows of a table.
    reset : bool
        True in ``fit``.

    Returns
    -------
    list, Series, ndarray, or table of pandas or polars
        A table has the columns that were fitted, in their order.
    """
    if type(X).__module__.partition(".")[0] == "pyarrow":
        X = X.to_pandas()
    owner = type(estimator).__name__
    if hasattr(X, "columns"):
        X = check_table(owner, X)
        names = getattr(estimator, "feature_names_in_", None)
        if not reset and names is not None:
            absent = [name for name in names if name not in X.columns]
            if absent:
                raise ValueError(
                    f"{owner} was fitted on the columns {list(names)}, but X lacks "
                    f"{absent}. Found {list(X.columns)}."
                )
            X = _safe_indexing(X, list(names), axis=1)
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X
    if hasattr(X, "__array__") and not hasattr(X, "name"):  # that of a Series
        X = np.asarray(X)
    column = check_column(estimator, X, reset=reset)
    if column.layout == "numbers" and not isinstance(X, np.ndarray):
        return np.stack(column.cells)
    # An array of several images is a column of cells.
    return column.cells if getattr(X, "ndim", 1) > 2 else X


def name_columns(columns, input_features, by_name):
    """Name the columns that a selector selects: by itself, or among the inputs."""
    columns = [columns] if np.isscalar(columns) else columns
    return np.asarray(columns, dtype=object) if by_name else input_features[columns]


def _selector(indices, single, names):
    """Turn positions into what selects the columns again."""
    columns = indices if names is None else [names[index] for index in indices]
    return columns[0] if single else columns
