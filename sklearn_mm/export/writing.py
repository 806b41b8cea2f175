"""export_onnx: the network of a fitted model as one file."""

import copy
import tempfile
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_mm.export.checks import import_extra
from sklearn_mm.export.examples import make_rows
from sklearn_mm.export.metadata import KEY, describe, to_json
from sklearn_mm.export.runtime import OnnxModel
from sklearn_mm.persistence.archive import replacing

# Of probabilities, weights, and values in deviations of the target.
TOLERANCE = 1e-4

# Rows that the graph is traced on, and others that it is compared on.
TRACED = {"n_rows": 5, "n_steps": 24, "missing": False}
COMPARED = (
    {"n_rows": 1, "n_steps": 1, "missing": False},
    {"n_rows": 9, "n_steps": 41, "missing": False},
    {"n_rows": 12, "n_steps": 7, "missing": True},
)

ABOUT = """\
The network of a model of sklearn_mm. Inputs, for each modality: values, padded with
zeros to one step or more, as they come out of the union (token ids as int64, sparse
rows as dense ones); and the steps of each row, 0 where it is missing. Standardisation,
the prior of rows without any modality and calibration are part of the graph. What else
there is to know stands in the metadata, as JSON."""


def export_onnx(model, path):
    """Write the network of a fitted model as an ONNX graph.

    The graph takes what the step before the estimator gives, any number of rows of any
    length, with modalities missing. It is one file of numbers, which
    :class:`sklearn_mm.export.OnnxModel` and every other ONNX runtime run without torch.
    Before it is written, its predictions are compared with those of the model on
    made-up rows.

    Parameters
    ----------
    model : fitted AttentionFusionClassifier or AttentionFusionRegressor, or Pipeline \
            that ends in one
        Or a search that has found one. The steps before the estimator are not part of
        the graph; keep them by :func:`sklearn_mm.save`.
    path : str or Path
        The file; ``~`` is the home folder. One that is there is replaced when the new
        one is complete.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    TypeError
        If the model is another one, or its labels are neither text nor numbers.
    ValueError
        If the graph predicts something else than the model, which an encoder of your
        own may cause that branches on what it is given; or if it is above 2 GB.
    ImportError
        If onnx or onnxruntime is not installed.
    FileNotFoundError
        If there is no folder for the file.

    See Also
    --------
    sklearn_mm.export.OnnxModel : Runs it.
    save : Writes a whole pipeline, for Python with torch.

    Notes
    -----
    For each modality i there are the inputs ``values_i`` (rows, steps, ...) and
    ``lengths_i`` (rows,). A classifier's outputs are ``scores``, the logarithms of
    unnormalised probabilities, and ``probabilities``, both (rows, classes); a
    regressor's are ``values`` (rows, outputs) in the target's units. Both give
    ``attention_weights`` (rows, modalities).

    The graph computes in float32, whatever the ``precision`` of the estimator.

    Examples
    --------
    >>> import tempfile
    >>> import sklearn_mm
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = sklearn_mm.AttentionFusionClassifier(width=16, max_epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = sklearn_mm.export_onnx(model.fit(X, y), f"{folder}/iris.onnx")
    ...     exported = sklearn_mm.export.OnnxModel(path)
    >>> exported
    OnnxModel(AttentionFusionClassifier: features=vector)
    >>> bool(abs(exported.predict_proba(X) - model.predict_proba(X)).max() < 1e-4)
    True
    """
    onnx = import_extra("onnx")
    import_extra("onnxruntime")
    from sklearn_mm.export import graph

    estimator = _find_estimator(model)
    metadata = describe(estimator)
    document = to_json(metadata)
    examples = make_rows(estimator.modalities_in_, **TRACED)
    whole = onnx.load_model_from_string(graph.trace(estimator, metadata, examples))
    whole.doc_string = ABOUT
    onnx.helper.set_model_props(whole, {KEY: document})
    content = whole.SerializeToString()
    with tempfile.TemporaryDirectory() as folder:
        unchecked = Path(folder, "graph.onnx")
        unchecked.write_bytes(content)
        _compare(estimator, OnnxModel(unchecked))
    path = Path(path).expanduser()
    with replacing(path) as file:
        file.write(content)
    return path


def _find_estimator(model):
    """Take the attention fusion estimator out of a search or a pipeline."""
    from sklearn_mm.estimators.base import BaseAttentionFusion

    found = getattr(model, "best_estimator_", model)
    if isinstance(found, Pipeline) and found.steps:
        found = found.steps[-1][1]
    if not isinstance(found, BaseAttentionFusion):
        advice = ""
        if hasattr(found, "calibrated_classifiers_") or hasattr(found, "estimators_"):
            advice = ". It holds several models: export each, or"
            advice += " calibrate by AttentionFusionClassifier(calibration=...)"
        elif hasattr(found, "refit") and hasattr(found, "estimator"):
            advice = ". A search has a model once it was fitted with refit=True"
        raise TypeError(
            "expected a fitted AttentionFusionClassifier or AttentionFusionRegressor, "
            f"or a Pipeline that ends in one, found {type(found).__name__}{advice}"
        )
    check_is_fitted(found)
    return found


def _compare(estimator, exported):
    """Refuse a graph that predicts something else than the estimator."""
    from sklearn_mm.inspection import attention_weights

    estimator = _in_float32(estimator)

    def predict(model, features):
        if exported.metadata.task != "regression":
            return model.predict_proba(features)
        predicted = model.predict(features).reshape(len(features), -1)
        return (predicted - estimator.target_mean_) / estimator.target_scale_

    for number, size in enumerate(COMPARED, start=1):
        missing = size["missing"] and estimator.missing != "error"
        features = make_rows(
            estimator.modalities_in_, **{**size, "missing": missing}, seed=number
        )
        predicted = predict(exported, features) - predict(estimator, features)
        weights = exported.attention_weights(features)
        weights = weights - attention_weights(estimator, features)
        for what, errors in {"predictions": predicted, "weights": weights}.items():
            largest = np.abs(np.asarray(errors)).max()
            if not largest <= TOLERANCE:
                raise ValueError(
                    f"the graph gives other {what} than the model, by up to "
                    f"{largest:.2g} in {size['n_rows']} rows of up to "
                    f"{size['n_steps']} steps. Does an encoder of your own branch on "
                    "values, lengths or the number of steps? A graph takes no branch"
                )


def _in_float32(estimator):
    """Let a copy of an estimator compute in float32 on the CPU, as the graph does."""
    net = estimator.net_
    if net.precision == "float32" and str(net.device) == "cpu":
        return estimator
    reference = copy.copy(estimator)
    reference.net_ = object.__new__(type(net))  # skorch copies by way of a pickle
    module = copy.deepcopy(net.module_).cpu()
    vars(reference.net_).update(vars(net), module_=module)
    vars(reference.net_).update(precision="float32", device="cpu")
    return reference
