"""What the union does with one of its transformers."""

import re
from dataclasses import dataclass

import numpy as np
from sklearn import config_context
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.metadata_routing import MethodMapping
from sklearn.utils.validation import check_array

from sklearn_mm._compat import _print_elapsed_time
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.cache import use_cache
from sklearn_mm.compose.categories import with_known_types
from sklearn_mm.compose.numbers import attempt, takes_numbers
from sklearn_mm.compose.remembered import is_remembered, transform_remembered
from sklearn_mm.readers.table import unify_missing
from sklearn_mm.readers.times import without_times

TAKE_NAN = ("sklearn.preprocessing", "sklearn.impute")


def is_word(step, word):
    """Tell whether a step is ``"drop"`` or ``"passthrough"``."""
    return isinstance(step, str) and step == word


def passthrough():
    """Make the transformer that ``"passthrough"`` stands for."""
    return FunctionTransformer(
        accept_sparse=True, check_inverse=False, feature_names_out="one-to-one"
    )


def map_methods(transformer):
    """Tell which of its methods each of the union's calls: a MethodMapping."""
    mapping = MethodMapping().add(caller="transform", callee="transform")
    at_once = hasattr(transformer, "fit_transform")
    for caller in ("fit", "fit_transform"):
        for callee in ("fit_transform",) if at_once else ("fit", "transform"):
            mapping.add(caller=caller, callee=callee)
    return mapping


def fit_transform_step(name, transformer, X, y, params, message, context):
    """Fit a transformer to its columns: it, and what it makes of them.

    Parameters
    ----------
    name : str
        Of the modality, for errors.
    transformer : transformer
        To fit; a clone.
    X : column or table
        Its columns.
    y : array-like or None
        Target.
    params : dict of str to dict
        What is routed to each of its methods.
    message : str or None
        What to print with the time that it took.
    context : Context
        Of the union.

    Returns
    -------
    transformer, FeatureBlock
        Or a table, where the context keeps tables.
    """

    def fit_transform(X):
        # Nothing is routed to "passthrough", for which there is a transformer here.
        if is_remembered(transformer, X, params):
            transformer.fit(X, y)
            return transform_remembered(transformer, X, _as_block)
        if hasattr(transformer, "fit_transform"):
            routed = params.get("fit_transform", {})
            return context.take(transformer.fit_transform(X, y, **routed), X)
        transformer.fit(X, y, **params.get("fit", {}))
        result = transformer.transform(X, **params.get("transform", {}))
        return context.take(result, X)

    timed = _print_elapsed_time(context.owner, message)
    # Blocks and plain arrays, whatever container is configured globally.
    with timed, config_context(transform_output="default"), use_cache(context.cache):
        try:
            X = for_transformer(X, transformer)
            return transformer, attempt(fit_transform, X, transformer, context.on_error)
        except Exception as error:
            raise _named(error, name, X) from error


def transform_step(name, transformer, X, params, context):
    """Transform columns by a fitted transformer: a FeatureBlock or table."""

    def transform(X):
        if is_remembered(transformer, X, params):
            return transform_remembered(transformer, X, _as_block)
        routed = params.get("transform", {})
        return context.take(transformer.transform(X, **routed), X)

    with config_context(transform_output="default"), use_cache(context.cache):
        try:
            X = with_known_types(transformer, for_transformer(X, transformer))
            return attempt(transform, X, transformer, context.on_error)
        except Exception as error:
            raise _named(error, name, X) from error


@dataclass
class Context:
    """What all steps of a union are told.

    Attributes
    ----------
    owner : str
        Name of the union's class.
    cache : FeatureCache or None
        For transformers of this package.
    on_error : {"raise", "missing"}
        What becomes of cells that are no numbers.
    keeps_tables : bool, default=False
        Whether tables stay tables, whose columns keep their dtypes.
    """

    owner: str
    cache: object
    on_error: str
    keeps_tables: bool = False

    def take(self, result, X):
        """Take what a transformer gave for X."""
        if self.keeps_tables and hasattr(result, "columns") and result.shape[1]:
            check_rows(result, X)
            _check_index(result, X)
            return result
        return _as_block(result, X)


def for_transformer(X, transformer):
    """Let NaN stand for all that is missing where the transformer is known to take it.

    That are the encoders, scalers and imputers of scikit-learn, unless they are told of
    None. Dates become seconds for steps of scikit-learn that read numbers. What others
    make of a table is theirs.

    Parameters
    ----------
    X : column or table
        What it is to be given.
    transformer : estimator
        A pipeline counts as its first step.

    Returns
    -------
    column or table
        X itself where there is nothing to change.
    """
    steps = _leaves(transformer)
    if takes_numbers(transformer):
        X = without_times(X)
    takes_nan = steps and type(steps[0]).__module__.startswith(TAKE_NAN)
    is_function = takes_nan and getattr(steps[0], "func", None) is not None
    if not takes_nan or is_function or any(map(_is_told_of_none, steps)):
        return X
    return unify_missing(X)


def _leaves(transformer):
    """List the steps of pipelines in pipelines, but for those that do nothing."""
    if isinstance(transformer, Pipeline):
        return [leaf for _, step in transformer.steps for leaf in _leaves(step)]
    does_nothing = transformer is None or is_word(transformer, "passthrough")
    return [] if does_nothing else [transformer]


def _is_told_of_none(transformer):
    """Tell whether None is what is missing by the transformer's own parameters."""
    named = [getattr(transformer, "drop", None)]
    categories = getattr(transformer, "categories", None)
    if categories is not None and not isinstance(categories, str):
        named += list(categories)
    named = [cells for cells in named if np.iterable(cells)]
    by_name = any(cell is None for cells in named for cell in cells)
    return by_name or getattr(transformer, "missing_values", np.nan) is None


def _as_block(result, X):
    """Take a transformer's output as a block: rows of a 2-D output are vectors."""
    if isinstance(result, FeatureBlock):
        check_rows(result, X)
        return result
    if getattr(result, "ndim", 2) != 2:
        raise ValueError(
            "The output of the transformer should be 2D, a row for each sample: "
            "Expected 2D array, got "
            f"{result.ndim}D array instead, a {type(result).__name__}"
        )
    if hasattr(result, "columns") and result.shape[1] == 0:
        result = np.empty((X.shape[0], 0))
    if hasattr(result, "iloc"):  # while it has its index
        check_rows(result, X)
    # Of a table, pd.NA and null become NaN.
    result = check_array(
        without_times(result),
        accept_sparse=True,
        ensure_all_finite=False,
        ensure_min_features=0,
    )
    check_rows(result, X)
    return FeatureBlock.from_vectors(result)


def check_rows(result, X):
    """Refuse what has other rows than X, or the same in another order."""
    found, expected = result.shape[0], X.shape[0]
    if found != expected:
        raise ValueError(
            f"expected a row for each of the {expected} samples from the transformer, "
            f"found {found} rows"
        )
    if not hasattr(result, "iloc") or not hasattr(X, "iloc"):
        return
    counts = np.array_equal(result.index, np.arange(len(result)))
    if counts or result.index.equals(X.index):
        return
    if result.index.is_unique and set(result.index) == set(X.index):
        row = np.flatnonzero(result.index != X.index)[0]
        raise ValueError(
            "the transformer gave the rows in another order: row "
            f"{row} has the index {result.index[row]}, expected {X.index[row]}"
        )


def _check_index(result, X):
    """Refuse a table whose rows have other labels than those beside which they go."""
    both = hasattr(result, "iloc") and hasattr(X, "iloc")
    if both and not result.index.equals(X.index):
        raise ValueError(
            "the table from the transformer has another index than X: it begins with "
            f"{result.index[0]}, X with {X.index[0]}. Concatenating DataFrames "
            "from the transformer's output lead to an inconsistent number of samples. "
            "The output may have Pandas Indexes that do not match."
        )


def _named(error, name, X):
    """Give an error that says in which modality it arose."""
    message = f"modality {name!r}: {error}"
    if len(X.shape) == 1 and re.search("Expected (a )?2-?[dD]", message):
        message += (
            " 1D data passed to a transformer that expects a table: to give it one, put"
            " the column in a list."
        )
    for kind in (TypeError, ValueError):
        if isinstance(error, kind):
            return kind(message)
    return RuntimeError(message)
