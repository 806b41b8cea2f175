"""What the union does with one of its transformers."""

import re

import numpy as np
from sklearn import config_context
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.metadata_routing import MethodMapping
from sklearn.utils.validation import check_array

from sklearn_mm._compat import _print_elapsed_time
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.cache import use_cache
from sklearn_mm.compose.remembered import is_remembered, transform_remembered
from sklearn_mm.readers.table import unify_missing

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


def fit_transform_step(name, transformer, X, y, params, message, cache):
    """Fit a transformer to its columns: it, and their block.

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
    cache : FeatureCache or None
        For transformers of this package.

    Returns
    -------
    transformer, FeatureBlock
    """
    timed = _print_elapsed_time("MultimodalFeatureUnion", message)
    # Blocks and plain arrays, whatever container is configured globally.
    with timed, config_context(transform_output="default"), use_cache(cache):
        try:
            X = for_transformer(X, transformer)
            # Nothing is routed to "passthrough", for which there is a transformer here.
            if is_remembered(transformer, X, params):
                transformer.fit(X, y)
                return transformer, transform_remembered(transformer, X, _as_block)
            if hasattr(transformer, "fit_transform"):
                routed = params.get("fit_transform", {})
                result = transformer.fit_transform(X, y, **routed)
            else:
                transformer.fit(X, y, **params.get("fit", {}))
                result = transformer.transform(X, **params.get("transform", {}))
            return transformer, _as_block(result, X)
        except Exception as error:
            raise _named(error, name, X) from error


def transform_step(name, transformer, X, params, cache):
    """Transform columns by a fitted transformer: a FeatureBlock."""
    with config_context(transform_output="default"), use_cache(cache):
        try:
            routed = params.get("transform", {})
            X = for_transformer(X, transformer)
            if is_remembered(transformer, X, params):
                return transform_remembered(transformer, X, _as_block)
            return _as_block(transformer.transform(X, **routed), X)
        except Exception as error:
            raise _named(error, name, X) from error


def for_transformer(X, transformer):
    """Let NaN stand for all that is missing where the transformer is known to take it.

    That are the encoders, scalers and imputers of scikit-learn, unless they are told of
    None. What others make of a table is theirs.

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
        return result
    # Of a table, pd.NA and null become NaN.
    result = check_array(
        result, accept_sparse=True, ensure_all_finite=False, ensure_min_features=0
    )
    if result.shape[0] != len(X):
        raise ValueError(
            f"expected a row for each of the {len(X)} samples from the transformer, "
            f"found {result.shape[0]} rows"
        )
    return FeatureBlock.from_vectors(result)


def _named(error, name, X):
    """Give an error that says in which modality it arose."""
    message = f"modality {name!r}: {error}"
    if len(X.shape) == 1 and re.search("Expected (a )?2-?[dD]", message):
        message += " To give the transformer a table, put the column in a list."
    for kind in (TypeError, ValueError):
        if isinstance(error, kind):
            return kind(message)
    return RuntimeError(message)
