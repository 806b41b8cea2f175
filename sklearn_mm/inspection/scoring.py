"""Scores of a model on features that were changed, from outputs computed once."""

from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, check_scoring, r2_score
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from sklearn_mm._compat import _safe_indexing
from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.inspection.outputs import found_model


def split_features(estimator, X):
    """Transform X as far as modalities are apart, and keep the rest of the model.

    Parameters
    ----------
    estimator : fitted estimator, or Pipeline
        The model, or a search that has found it.
    X : MultimodalFeatures, or what the Pipeline takes
        Of n_samples.

    Returns
    -------
    model : estimator or Pipeline
        The steps that take the features.
    features : MultimodalFeatures of n_samples

    Raises
    ------
    TypeError
        If X never becomes MultimodalFeatures.
    """
    estimator = found_model(estimator)
    if isinstance(X, MultimodalFeatures):
        return estimator, X
    if isinstance(estimator, Pipeline):
        for position, (_, step) in enumerate(estimator.steps[:-1], 1):
            if step is not None and step != "passthrough":
                X = step.transform(X)
            if isinstance(X, MultimodalFeatures):
                return estimator[position:], X
        advice = (
            "Pass a Pipeline with a MultimodalFeatureUnion among its steps, whose "
            "set_output is the default"
        )
    else:
        advice = "Pass features, such as union.transform(X), or the whole Pipeline"
    raise TypeError(
        "modalities can be told apart only in MultimodalFeatures, found "
        f"{type(X).__name__} before {type(estimator).__name__}'s prediction. {advice}."
    )


class RecordedOutputs:
    """A fitted model and some rows, as a model whose X are numbers of these rows.

    A scorer of scikit-learn can so score any resample of the rows, while the model
    predicts all of them only once.

    Parameters
    ----------
    model : fitted estimator
        What predicts.
    X : as in the model's ``predict``
        The rows.
    """

    def __init__(self, model, X):
        self.model = model
        self.X = X
        self._outputs = {}

    def _output(self, method, rows):
        if method not in self._outputs:
            self._outputs[method] = getattr(self.model, method)(self.X)
        output = self._outputs[method]
        if isinstance(output, list):  # one array for each of several targets
            return [one[rows] for one in output]
        return _safe_indexing(output, rows)

    @property
    def classes_(self):
        """Classes of the model."""
        return self.model.classes_

    def predict(self, rows):
        """Look up the predictions of some rows."""
        return self._output("predict", rows)

    @available_if(lambda self: hasattr(self.model, "predict_proba"))
    def predict_proba(self, rows):
        """Look up the probabilities of some rows."""
        return self._output("predict_proba", rows)

    @available_if(lambda self: hasattr(self.model, "decision_function"))
    def decision_function(self, rows):
        """Look up the decision values of some rows."""
        return self._output("decision_function", rows)

    def fit(self, X, y):
        """Refuse: it is here since ``check_scoring`` tells an estimator by it."""
        raise TypeError("recorded outputs cannot be trained, only looked up")

    def score(self, rows, y):
        """Score some rows: accuracy of a classifier, else R squared."""
        metric = accuracy_score if is_classifier(self) else r2_score
        return metric(y, self.predict(rows))

    def __sklearn_tags__(self):
        return get_tags(self.model)


def score_resamples(model, X, y, resamples, scoring):
    """Score a model on several choices of the rows, predicting once.

    Parameters
    ----------
    model : fitted estimator
        What predicts.
    X : as in the model's ``predict``
        Of n_samples.
    y : array-like of n_samples
        Target.
    resamples : list of ndarray of int
        Numbers of rows.
    scoring : str, callable or None
        As in scikit-learn.

    Returns
    -------
    list of float
    """
    recorded = RecordedOutputs(model, X)
    scorer = check_scoring(recorded, scoring)
    return [scorer(recorded, rows, _safe_indexing(y, rows)) for rows in resamples]
