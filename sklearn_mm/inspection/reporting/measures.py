"""Numbers that say how good predictions are, beside those of a blind guess."""

import numpy as np
from sklearn import metrics
from sklearn.dummy import DummyClassifier, DummyRegressor


def measure(subject):
    """Score all rows, and beside that a prediction that sees nothing of them.

    Parameters
    ----------
    subject : Subject
        The model and the rows.

    Returns
    -------
    found : dict of str to float
        Scores of the model by their names.
    chance : dict of str to float
        Of the blind guess, as far as they are defined.
    guess : str
        What the blind guess is, for people.
    """
    of_task, dummy, guess = _of_task(subject)
    found = of_task(subject, subject.predicted, subject.probabilities)
    blind = np.zeros((len(subject), 1))
    dummy.fit(blind, subject.y)
    has_probabilities = subject.probabilities is not None and subject.has_one_output
    shares = dummy.predict_proba(blind) if has_probabilities else None
    return found, of_task(subject, dummy.predict(blind), shares), guess


def _of_task(subject):
    """Choose what is measured, what sees nothing, and what that is called."""
    if subject.quantile is not None:
        dummy = DummyRegressor(strategy="quantile", quantile=subject.quantile)
        return _regression, dummy, "quantile of these rows"
    if not subject.is_classifier:
        return _regression, DummyRegressor(), "mean of these rows"
    if subject.has_one_output:
        dummy = DummyClassifier(strategy="prior")
        return _classification, dummy, "majority class"
    dummy = DummyClassifier(strategy="most_frequent")
    return _multilabel, dummy, "majority labels"


def _regression(subject, predicted, _):
    y, scores = subject.y, {}
    if subject.quantile is not None:
        loss = metrics.mean_pinball_loss(y, predicted, alpha=subject.quantile)
        share = float(np.mean(y <= np.reshape(predicted, y.shape)))
        scores = {"pinball loss": loss, "share of numbers not above": share}
    return scores | {
        "R²": metrics.r2_score(y, predicted),
        "mean absolute error": metrics.mean_absolute_error(y, predicted),
        "median absolute error": metrics.median_absolute_error(y, predicted),
        "root mean squared error": np.sqrt(metrics.mean_squared_error(y, predicted)),
    }


def _classification(subject, predicted, probabilities):
    y = subject.y
    labels = np.unique(y)
    by_class = {"labels": labels, "average": "macro", "zero_division": 0}
    scores = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "balanced accuracy": metrics.recall_score(y, predicted, **by_class),
        "mean F1 of the classes": metrics.f1_score(y, predicted, **by_class),
    }
    classes = getattr(subject.estimator, "classes_", labels)
    # Without a class, or with one more, these two are not defined.
    if probabilities is None or len(labels) < 2 or not np.array_equal(classes, labels):
        return scores
    scores["log loss"] = metrics.log_loss(y, probabilities, labels=labels)
    positive = probabilities[:, 1] if len(labels) == 2 else probabilities
    area = metrics.roc_auc_score(y, positive, multi_class="ovr")
    return scores | {"area under the ROC curve": area}


def _multilabel(subject, predicted, _):
    y = subject.y
    return {
        "rows with all labels right": metrics.accuracy_score(y, predicted),
        "labels right": (y == predicted).mean(),
        "mean F1 of the labels": metrics.f1_score(
            y, predicted, average="macro", zero_division=0
        ),
    }
