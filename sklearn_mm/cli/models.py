"""The pipeline that a table asks for, and pipelines that were saved."""

import difflib
import io
import os
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

import sklearn_mm
from sklearn_mm.cli.saying import CallError
from sklearn_mm.compose import CrossFitTransformer, MultimodalFeatureUnion
from sklearn_mm.compose.target import are_classes
from sklearn_mm.estimators.base import BaseAttentionFusion
from sklearn_mm.transformers.base import CellTransformer

# Their cells are strings, whatever they look like.
TEXTS = (sklearn_mm.TextTransformer, sklearn_mm.PretrainedTextTransformer)

# Classes that are listed where the target is shown.
MOST_LISTED = 10


def choose_task(y, task, name):
    """Tell what is to be learned, and say so.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The target.
    task : {"auto", "classification", "regression"}
        What the user says.
    name : str
        Of the target.

    Returns
    -------
    task : {"classification", "regression"}
    said : str
        What was found and what was chosen.

    Raises
    ------
    CallError
        If numbers are wanted and the target is none.
    """
    if task == "auto":
        task = "classification" if are_classes(_plain(y)) else "regression"
    if task == "regression":
        if _plain(y).dtype.kind not in "iuf":
            raise CallError(
                f"--task regression predicts numbers, but the target {name!r} holds "
                f"{y[0]!r:.80}"
            )
        low, high = np.min(y), np.max(y)
        return task, f"{name}: numbers from {low:g} to {high:g} -> regression"
    counts = pd.Series(y).value_counts()
    if len(counts) < 2:
        raise ValueError(
            f"the target {name!r} is {y[0]!r:.80} in all rows: there is nothing to tell"
            " apart"
        )
    listed = ", ".join(f"{label} ({n})" for label, n in counts[:MOST_LISTED].items())
    more = ", ..." if len(counts) > MOST_LISTED else ""
    return task, f"{name}: {len(counts)} classes, {listed}{more} -> classification"


def _plain(y):
    """Take objects that are all numbers as numbers."""
    return np.array(y.tolist()) if y.dtype.kind == "O" else y


def make_pipeline(X, task, options):
    """Make the pipeline that the columns of a table ask for.

    Parameters
    ----------
    X : DataFrame
        The columns to learn from.
    task : {"classification", "regression"}
        What the target is.
    options : argparse.Namespace
        Of `fit`.

    Returns
    -------
    model : Pipeline
        Of "features" and "classifier" or "regressor", not fitted.
    said : str
        For each column what was found and what was chosen.

    Raises
    ------
    CallError
        If a ``--param`` names no parameter.
    """
    with redirect_stdout(io.StringIO()) as said:
        union = sklearn_mm.make_multimodal_union(
            X,
            root=folder_of(options),
            classical=not options.no_classical,
            task=task,
            random_state=options.seed,
        )
    if task == "classification":
        last = ("classifier", sklearn_mm.AttentionFusionClassifier())
    else:
        last = ("regressor", sklearn_mm.AttentionFusionRegressor())
    last[1].set_params(random_state=options.seed)
    model = Pipeline([("features", union), last])
    tell_transformers(model, on_error=options.on_error)
    for name, value in options.param:
        _set_parameter(model, name, value)
    said = said.getvalue().replace("classical=False", "--no-classical")
    return model, said.rstrip("\n")


def _set_parameter(model, name, value):
    known = model.get_params(deep=True)
    if name not in known:
        last = name.rpartition("__")[2]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.7)
        close += [each for each in known if each.endswith(f"__{last}")]
        guess = ", ".join(dict.fromkeys(close)) or ", ".join(
            each for each in known if "__" not in each
        )
        raise CallError(
            f"--param {name} is no parameter of the pipeline. Did you mean {guess}? "
            "Names are scikit-learn's, such as classifier__max_epochs"
        )
    model.set_params(**{name: value})


def folder_of(options):
    """Give the folder of the table, where relative paths in its cells begin."""
    return os.path.abspath(options.table.expanduser().parent)


def load_model(options):
    """Load the model of a call, which can be told what a table holds.

    Parameters
    ----------
    options : argparse.Namespace
        With ``model``, ``table`` and ``on_error``.

    Returns
    -------
    estimator
        That takes relative paths from the table's folder.

    Raises
    ------
    FileNotFoundError, ModelFileError
        If there is no model, or none that is whole.
    ValueError
        If it does not take a table.
    """
    path = options.model.expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no model {str(path)!r}")
    model = sklearn_mm.load(path)
    if not hasattr(model, "predict"):
        raise ValueError(
            f"{str(path)!r} holds a {type(model).__name__}, which predicts nothing"
        )
    if not any(isinstance(part, MultimodalFeatureUnion) for part in walk(model)):
        raise ValueError(
            f"{str(path)!r} holds a {type(model).__name__} without a "
            "MultimodalFeatureUnion, so it takes no table of cells"
        )
    tell_transformers(model, root=folder_of(options), on_error=options.on_error)
    return model


def text_columns(model):
    """List the columns whose cells a fitted model takes as texts."""
    found = []
    for part in walk(model):
        for _, transformer, columns in getattr(part, "transformers_", ()):
            if isinstance(transformer, TEXTS):
                found += [columns] if isinstance(columns, str) else list(columns)
    return sorted({name for name in found if isinstance(name, str)})


def tell_transformers(model, **settings):
    """Set parameters of all that reads cells, fitted or not, where it has them."""
    for part in walk(model):
        if isinstance(part, CellTransformer | MultimodalFeatureUnion):
            known = part.get_params(deep=False)
            part.set_params(**{k: v for k, v in settings.items() if k in known})


def walk(model):
    """Iterate over an estimator and all that it holds, fitted or not."""
    yield model
    if isinstance(model, BaseAttentionFusion):
        return
    learned = [value for name, value in vars(model).items() if name.endswith("_")]
    pending = [*model.get_params(deep=False).values(), *learned]
    while pending:
        each = pending.pop()
        if isinstance(each, list | tuple):
            pending.extend(each)
        elif isinstance(each, BaseEstimator):
            yield from walk(each)


def fit(model, X, y, groups=None):
    """Fit a pipeline; groups stay together in all folds that it makes.

    Parameters
    ----------
    model : Pipeline
        As :func:`make_pipeline` makes it.
    X : DataFrame
        The columns to learn from.
    y : ndarray of shape (n_samples,)
        The target.
    groups : ndarray of shape (n_samples,), default=None
        Of rows that are alike.

    Returns
    -------
    Pipeline
        The same.
    """
    if groups is None:
        return model.fit(X, y)
    parts = [
        part
        for part in walk(model)
        if isinstance(part, CrossFitTransformer | BaseAttentionFusion)
    ]
    with config_context(enable_metadata_routing=True):
        for part in parts:
            part.set_fit_request(groups=True)
        return model.fit(X, y, groups=groups)
