"""The outputs of the network in the units of predictions, and which one is meant."""

import numpy as np
from sklearn.base import is_classifier

from sklearn_mm.estimators.calibration import temperature_of_rows


def found_model(estimator):
    """Give what a search such as GridSearchCV has found; else the estimator itself."""
    return getattr(estimator, "best_estimator_", estimator)


def own_scoring(estimator, scoring):
    """Give the scoring that was asked for, else that by which a search chose."""
    scorer = getattr(estimator, "scorer_", None)
    if scoring is not None or not getattr(estimator, "multimetric_", False):
        return scorer if scoring is None else scoring
    return scorer.get(estimator.refit) if isinstance(scorer, dict) else None


def temperatures(estimator, features):
    """Look up by what the outputs of each row are divided before they are predictions.

    Parameters
    ----------
    estimator : fitted attention fusion estimator
        Calibrated or not.
    features : MultimodalFeatures
        Of n_samples.

    Returns
    -------
    ndarray of shape (n_samples, 1), float32
        Ones where nothing is calibrated.
    """
    learned = getattr(estimator, "temperatures_", None)  # regressors have none
    if not learned:
        return np.ones((len(features), 1), dtype=np.float32)
    return temperature_of_rows(features, learned, estimator.shared_temperature_)


def to_predictions(estimator, outputs):
    """Turn outputs into probabilities, or into the units of the target.

    Parameters
    ----------
    estimator : fitted attention fusion estimator
        Which knows its target.
    outputs : Tensor of shape (batch, n_outputs)
        Of its network, divided by the temperatures of the rows.

    Returns
    -------
    Tensor of shape (batch, n_outputs)
        Differentiable.
    """
    if not is_classifier(estimator):
        scale, mean = estimator.target_scale_, estimator.target_mean_
        return outputs * outputs.new_tensor(scale) + outputs.new_tensor(mean)
    return outputs.sigmoid() if estimator.multilabel_ else outputs.softmax(dim=1)


def has_one_output(estimator):
    """Tell whether a row has one label, or one number to predict."""
    if is_classifier(estimator):
        return not estimator.multilabel_
    return len(estimator.target_mean_) == 1


def chosen_outputs(estimator, target, n_rows):
    """Find which output of the network ``target`` means in each row.

    Parameters
    ----------
    estimator : fitted attention fusion estimator
        Which knows its classes.
    target : label, array-like of n_rows labels, int, or None
        A class, for all rows or for each; of several outputs the number of one.
    n_rows : int
        Rows of X.

    Returns
    -------
    ndarray of int of shape (n_rows,), or None for the predicted class

    Raises
    ------
    ValueError
        If target is no class or output, or None where there are several outputs.
    """
    if is_classifier(estimator) and not estimator.multilabel_:
        if target is None:
            return None
        labels = np.full(n_rows, target) if np.ndim(target) == 0 else np.asarray(target)
        if labels.shape != (n_rows,):
            raise ValueError(
                f"expected one label, or one for each of the {n_rows} rows, found "
                f"labels of shape {labels.shape}"
            )
        return estimator._class_numbers(labels)
    n_outputs = len(estimator.prior_)
    if target is None and n_outputs == 1:
        target = 0
    if target not in range(n_outputs):
        raise ValueError(
            f"{type(estimator).__name__} has {n_outputs} outputs. Set target to the "
            f"number of the one to explain, 0 to {n_outputs - 1}; found {target!r}"
        )
    return np.full(n_rows, int(target))
