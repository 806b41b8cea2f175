"""Estimators of one output that take targets of several: one fit for each."""

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    clone,
)
from sklearn.utils.metaestimators import available_if


def _has(method):
    return lambda self: hasattr(self.estimator, method)


class _PerOutput(MetaEstimatorMixin, BaseEstimator):
    """Fit an estimator to the target, or one to each of its columns.

    scikit-learn's own ``MultiOutputClassifier`` refuses a target of one column, and a
    label that all rows have or none has.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y, sample_weight=None):
        """Fit one estimator, or one for each output.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            What is learned from.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self
        """
        y = np.asarray(y)
        self.n_dim_ = y.ndim
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.estimators_ = [
            self._fit_output(X, output, weights)
            for output in ([y] if y.ndim == 1 else y.T)
        ]
        return self

    def _fit_output(self, X, y, weights):
        return clone(self.estimator).fit(X, y, **weights)

    def predict(self, X):
        """Predict: an array of shape (n_samples,) or (n_samples, n_outputs)."""
        found = [_answer(each, "predict", X) for each in self.estimators_]
        return found[0] if self.n_dim_ == 1 else np.column_stack(found)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags


class PerOutputRegressor(RegressorMixin, _PerOutput):
    """A regressor of one output, one for each of several."""


class PerOutputClassifier(ClassifierMixin, _PerOutput):
    """A classifier of classes, one for each of several labels."""

    def _fit_output(self, X, y, weights):
        if len(np.unique(y)) == 1:  # of a label; no classifier learns from one class
            return y[0]
        return super()._fit_output(X, y, weights)

    @property
    def classes_(self):
        """Classes; of several labels a list of these."""
        found = [getattr(e, "classes_", np.array([e])) for e in self.estimators_]
        return found[0] if self.n_dim_ == 1 else found

    @available_if(_has("predict_proba"))
    def predict_proba(self, X):
        """Predict probabilities: (n_samples, n_classes), of labels a list of these."""
        found = [_answer(each, "predict_proba", X) for each in self.estimators_]
        return found[0] if self.n_dim_ == 1 else found

    @available_if(_has("decision_function"))
    def decision_function(self, X):
        """Score classes as the estimator does; labels in a column each."""
        found = [_answer(each, "decision_function", X) for each in self.estimators_]
        return found[0] if self.n_dim_ == 1 else np.column_stack(found)


def _answer(estimator, method, X):
    """Ask a fitted estimator, or say the one class that there was."""
    if hasattr(estimator, "fit"):
        return getattr(estimator, method)(X)
    n_rows = X.shape[0]
    if method == "predict_proba":
        return np.ones((n_rows, 1))
    if method == "decision_function":
        return np.full(n_rows, 1.0 if estimator else -1.0)
    return np.full(n_rows, estimator)
