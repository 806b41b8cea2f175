"""Sets and intervals that hold the truth as often as asked, by split conformal."""

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    is_classifier,
    is_regressor,
)

from sklearn_mm.readers.times import refuse_times


def prediction_sets(
    estimator, X_calibration, y_calibration, X, *, confidence=0.9, method="lac"
):
    """Predict for each row a set of classes that holds the true one as often as asked.

    Split conformal prediction (Vovk et al. 2005), by MAPIE. If the calibration rows and
    the rows of X are drawn alike, and the estimator has seen none of them, then the
    sets hold the true class with at least the given probability, whatever the model.
    That is an average over all rows: rows without some modalities may be covered less
    often, complete ones more often.

    Parameters
    ----------
    estimator : fitted classifier or Pipeline, with ``predict_proba``
        Any of scikit-learn's. Not for multilabel targets.
    X_calibration : as in the estimator's ``predict``
        Rows that were not trained on; also not by ``early_stopping`` or
        ``calibration``, which hold their own rows out.
    y_calibration : array-like of shape (n_calibration,)
        Their labels. At least ``1 / (1 - confidence)`` rows are needed, 10 for 0.9.
    X : as in the estimator's ``predict``
        Rows to predict, n_samples.
    confidence : float, default=0.9
        Between 0 and 1.
    method : {"lac", "aps", "top_k", "raps"}, default="lac"
        MAPIE's conformity score. "lac" (Sadinle et al. 2019) gives the smallest sets,
        which may be empty; "aps" (Romano et al. 2020) larger ones, that follow the
        difficulty of the row.

    Returns
    -------
    DataFrame of bool of shape (n_samples, n_classes)
        Whether the set of the row holds the class. Its index is that of X, if X is a
        pandas table.

    Raises
    ------
    ImportError
        If MAPIE is not installed.
    ValueError
        If the target has several labels a row, a label is unknown to the estimator, or
        there are too few calibration rows.

    See Also
    --------
    prediction_intervals : The same for numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mm import AttentionFusionClassifier
    >>> from sklearn_mm.inspection import prediction_sets
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = AttentionFusionClassifier(max_epochs=10, random_state=0)
    >>> classifier.fit(X[::3], y[::3]).classes_
    array([0, 1, 2])
    >>> sets = prediction_sets(classifier, X[1::3], y[1::3], X[2::3], confidence=0.95)
    >>> sets.shape, bool(sets.to_numpy()[range(50), y[2::3]].mean() > 0.9)
    ((50, 3), True)
    """
    import pandas as pd

    if not is_classifier(estimator):
        raise ValueError(
            f"prediction_sets needs a classifier, found {type(estimator).__name__}. "
            "Use prediction_intervals for a regressor."
        )
    SplitConformalClassifier = _mapie("classification").SplitConformalClassifier
    y_calibration = _one_target(y_calibration)
    _check_confidence(confidence, len(y_calibration))
    classes = np.asarray(estimator.classes_)
    unknown = np.setdiff1d(y_calibration, classes)
    if len(unknown):
        raise ValueError(
            f"y_calibration has the labels {list(unknown)}, which are not among the "
            f"classes {list(classes)} of the estimator"
        )
    conformal = SplitConformalClassifier(
        _Probabilities(np.arange(len(classes))),
        confidence_level=confidence,
        conformity_score=method,
        # "aps" breaks ties at random where it includes the last label so; a fixed seed
        # keeps the sets the same and the global random state as it was.
        random_state=0,
    )
    conformal.conformalize(
        _sum_to_one(estimator.predict_proba(X_calibration)),
        np.searchsorted(classes, y_calibration),
    )
    _, sets = conformal.predict_set(_sum_to_one(estimator.predict_proba(X)))
    return pd.DataFrame(sets[:, :, 0], columns=classes, index=_index(X))


def prediction_intervals(estimator, X_calibration, y_calibration, X, *, confidence=0.9):
    """Predict for each row an interval that holds the true number as often as asked.

    Split conformal prediction with absolute residuals (Lei et al. 2018), by MAPIE. If
    the calibration rows and the rows of X are drawn alike, and the estimator has seen
    none of them, then the intervals hold the target with at least the given
    probability. They are of one width: that is an average over all rows, and rows
    without some modalities may be covered less often.

    Parameters
    ----------
    estimator : fitted regressor or Pipeline
        Any of scikit-learn's, of one output.
    X_calibration : as in the estimator's ``predict``
        Rows that were not trained on.
    y_calibration : array-like of shape (n_calibration,)
        Their targets. At least ``1 / (1 - confidence)`` rows are needed, 10 for 0.9.
    X : as in the estimator's ``predict``
        Rows to predict, n_samples.
    confidence : float, default=0.9
        Between 0 and 1.

    Returns
    -------
    DataFrame of float of shape (n_samples, 3)
        Columns "prediction", "low" and "high", in the units of the target. Its index is
        that of X, if X is a pandas table.

    Raises
    ------
    ImportError
        If MAPIE is not installed.
    ValueError
        If there are several outputs, or too few calibration rows.

    See Also
    --------
    prediction_sets : The same for classes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_mm import AttentionFusionRegressor
    >>> from sklearn_mm.inspection import prediction_intervals
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = AttentionFusionRegressor(max_epochs=4, random_state=0)
    >>> intervals = prediction_intervals(
    ...     regressor.fit(X[::2], y[::2]), X[1::4], y[1::4], X[3::4]
    ... )
    >>> list(intervals.columns)
    ['prediction', 'low', 'high']
    """
    import pandas as pd

    if not is_regressor(estimator):
        raise ValueError(
            "prediction_intervals needs a regressor, found "
            f"{type(estimator).__name__}. Use prediction_sets for a classifier."
        )
    SplitConformalRegressor = _mapie("regression").SplitConformalRegressor
    refuse_times(y_calibration, "y_calibration")
    y_calibration = _one_target(y_calibration)
    _check_confidence(confidence, len(y_calibration))
    conformal = SplitConformalRegressor(_Predictions(), confidence_level=confidence)
    conformal.conformalize(
        _one_column(estimator.predict(X_calibration)), y_calibration.astype(np.float64)
    )
    predicted, intervals = conformal.predict_interval(_one_column(estimator.predict(X)))
    columns = {
        "prediction": predicted,
        "low": intervals[:, 0, 0],
        "high": intervals[:, 1, 0],
    }
    return pd.DataFrame(columns, index=_index(X))


class _Probabilities(ClassifierMixin, BaseEstimator):
    """Stand before MAPIE in an estimator's place, with its probabilities as X.

    MAPIE predicts from an array of zeros to see whether a model is fitted, and our
    estimators refuse an array where they learned modalities.
    """

    def __init__(self, classes):
        self.classes = classes

    def fit(self, X, y):
        return self

    @property
    def classes_(self):
        return self.classes

    @property
    def n_features_in_(self):
        return len(self.classes)

    def predict_proba(self, X):
        return X

    def predict(self, X):
        return self.classes[X.argmax(axis=1)]


class _Predictions(RegressorMixin, BaseEstimator):
    """Stand before MAPIE in a regressor's place, with its predictions as X."""

    n_features_in_ = 1

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X[:, 0]


def _mapie(module):
    """Import a module of MAPIE, or say how to get it."""
    import importlib

    try:
        return importlib.import_module(f"mapie.{module}")
    except ImportError as error:
        raise ImportError(
            "conformal prediction needs MAPIE. Install it by "
            "pip install 'sklearn-mm[conformal]'."
        ) from error


def _one_target(y):
    y = np.asarray(y)
    if y.ndim != 1:
        raise ValueError(
            "y_calibration must be 1-D, one target a row, found shape "
            f"{y.shape}. Conformal prediction is not for several outputs."
        )
    return y


def _check_confidence(confidence, n_rows):
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence must be above 0 and below 1, found {confidence!r}"
        )
    # Of fewer rows even the largest score is no bound at this confidence.
    needed = int(np.ceil(max(1 / (1 - confidence), 1 / confidence) - 1e-9))
    if n_rows < needed:
        raise ValueError(
            f"confidence={confidence} needs at least {needed} calibration rows, found "
            f"{n_rows}"
        )


def _sum_to_one(probability):
    """Take probabilities as float64 that sum to one beyond rounding."""
    probability = np.asarray(probability, dtype=np.float64)
    return probability / probability.sum(axis=1, keepdims=True)


def _one_column(predicted):
    if predicted.ndim != 1:
        raise ValueError(
            "the estimator must predict one number a row, found predictions of shape "
            f"{predicted.shape}. Fit one for each output."
        )
    return np.asarray(predicted, dtype=np.float64)[:, None]


def _index(X):
    import pandas as pd

    return X.index if isinstance(X, pd.DataFrame) else None
