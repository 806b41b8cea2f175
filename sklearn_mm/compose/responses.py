"""What a fitted estimator says about rows, as columns of numbers of one form.

The form follows from the target of all training rows. So an estimator that knows only
some of the classes, as that of a fold may, says it in the same columns.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import is_classifier
from sklearn.preprocessing import StandardScaler

# Probabilities count as no less than this, and as no more than 1 minus this: log-odds
# are then between -6.9 and 6.9.
FLOOR = 1e-3


def log_odds(probabilities):
    """Turn probabilities p into log(p / (1 - p)), of p clipped by ``FLOOR``.

    Examples
    --------
    >>> log_odds([0.0, 0.5, 0.9]).round(2)
    array([-6.91,  0.  ,  2.2 ])
    """
    p = np.clip(np.asarray(probabilities, dtype=np.float64), FLOOR, 1 - FLOOR)
    return np.log(p) - np.log1p(-p)


def choose_method(estimator, method):
    """Choose the method by which a classifier says how sure it is.

    Parameters
    ----------
    estimator : classifier
        Fitted or not.
    method : {"auto", "predict_proba", "decision_function"}
        As the user gave it.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the estimator has no such method.
    """
    known = ("predict_proba", "decision_function")
    if method not in ("auto", *known):
        raise ValueError(f"method must be 'auto' or one of {known}, found {method!r}")
    asked = known if method == "auto" else (method,)
    for name in asked:
        if hasattr(estimator, name):
            return name
    raise ValueError(
        f"{estimator!r:.200} has no {' and no '.join(asked)}. Wrap it in "
        "CalibratedClassifierCV, or take another classifier."
    )


def make_response(estimator, method, y, rows, weights, columns):
    """Say in which columns an estimator's predictions are put.

    Parameters
    ----------
    estimator : classifier or regressor
        Which predicts.
    method : {"auto", "predict_proba", "decision_function"}
        What a classifier is asked for.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Target of all rows of training.
    rows : ndarray of int
        Those that hold something.
    weights : ndarray, or None
        Of these.
    columns : iterable, or None
        Names of the outputs, if y was a table.

    Returns
    -------
    ClassResponse, LabelResponse or NumberResponse
    """
    one_d, classifies = y.ndim == 1, is_classifier(estimator)
    if classifies:
        method = choose_method(estimator, method)
        if one_d:
            return ClassResponse(method, np.unique(y))
    kind = "label" if classifies else "prediction"
    names = [kind] if one_d else [f"{kind}{j}" for j in range(y.shape[1])]
    if columns is not None and not one_d:
        names = [str(column) for column in columns]
    if classifies:
        return LabelResponse(method, names)
    # Of no rows nothing is known, and nothing will be predicted.
    numbers = y.reshape(len(y), -1)[rows] if len(rows) else np.zeros((1, len(names)))
    scaler = StandardScaler().fit(numbers, sample_weight=weights if len(rows) else None)
    return NumberResponse(names, scaler.mean_, scaler.scale_)


@dataclass(frozen=True)
class ClassResponse:
    """Of a classifier: a column for the second of two classes, or one for each.

    Attributes
    ----------
    method : {"predict_proba", "decision_function"}
        Which method is asked. Probabilities become log-odds.
    classes : ndarray of shape (n_classes,)
        Of all training rows, sorted.
    """

    method: str
    classes: np.ndarray

    @property
    def names(self):
        """Names of the columns."""
        classes = self.classes[1:] if len(self.classes) == 2 else self.classes
        return [str(label) for label in classes]

    def read(self, estimator, X):
        """Ask a fitted estimator: float64 array (rows, columns)."""
        found = np.asarray(getattr(estimator, self.method)(X), dtype=np.float64)
        if found.ndim == 1:  # of the second of two classes
            found = np.column_stack([-found, found])
        known = getattr(estimator, "classes_", self.classes)
        if found.shape[1] != len(known):
            raise ValueError(
                f"expected a column for each of {len(known)} classes from "
                f"{self.method}, found {found.shape[1]}. SVC needs "
                "decision_function_shape='ovr'."
            )
        if self.method == "predict_proba":
            found = log_odds(found)
        return self._of_all_classes(found, np.searchsorted(self.classes, known))

    def read_one_class(self, y, n_rows):
        """Say of rows what is known where all rows of training are of one class."""
        known = np.searchsorted(self.classes, y[:1])
        return self._of_all_classes(np.full((n_rows, 1), log_odds(1)), known)

    def _of_all_classes(self, found, positions):
        """Give the classes that the estimator does not know the least log-odds."""
        odds = np.full((len(found), len(self.classes)), log_odds(0))
        odds[:, positions] = found
        return odds[:, 1:] if len(self.classes) == 2 else odds


@dataclass(frozen=True)
class LabelResponse:
    """Of a classifier of several labels: a column for each label.

    Attributes
    ----------
    method : {"predict_proba", "decision_function"}
        Which method is asked. Probabilities become log-odds.
    names : list of str
        Of the labels.
    """

    method: str
    names: list

    @property
    def classes(self):
        """What stands for the classes: the names of the labels."""
        return np.array(self.names)

    def read(self, estimator, X):
        """Ask a fitted estimator: float64 array (rows, columns)."""
        found = getattr(estimator, self.method)(X)
        if isinstance(found, list):  # for each label a column for each of its classes
            found = np.column_stack(
                [
                    part[:, list(known).index(1)] if 1 in known else np.zeros(len(part))
                    for part, known in zip(found, estimator.classes_, strict=True)
                ]
            )
        found = np.asarray(found, dtype=np.float64)
        return log_odds(found) if self.method == "predict_proba" else found


@dataclass(frozen=True)
class NumberResponse:
    """Of a regressor: a column for each output, standardised.

    Attributes
    ----------
    names : list of str
        Of the outputs.
    mean, scale : ndarray of shape (n_outputs,)
        Of the target in training.
    """

    names: list
    mean: np.ndarray
    scale: np.ndarray

    def read(self, estimator, X):
        """Ask a fitted estimator: float64 array (rows, columns)."""
        found = np.asarray(estimator.predict(X), dtype=np.float64)
        return (found.reshape(len(found), -1) - self.mean) / self.scale
