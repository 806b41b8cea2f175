"""What a cross-fitted estimator predicts: classes, labels or numbers."""

from numbers import Number

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import column_or_1d

from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.times import refuse_times

# The most whole numbers that are classes, as of strings that are categories.
MAX_CLASSES = 30


def read_target(owner, y):
    """Take a target as an array, numbers as numbers.

    Parameters
    ----------
    owner : str
        Name of the estimator, for messages.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Strings, booleans, categories or numbers.

    Returns
    -------
    ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Of numbers or booleans, else of strings or objects.

    Raises
    ------
    ValueError
        If there is none, if it is missing in some row, or holds dates or durations.
    """
    if y is None:
        raise ValueError(
            f"{owner} requires y to be passed, but the target y is None: it learns "
            "what its estimator predicts"
        )
    refuse_times(y)
    y = np.asarray(y)
    if y.ndim == 0 or y.ndim > 2:
        raise ValueError(
            f"y should be a 1d array, or 2d with a column for each output, got "
            f"an array of shape {y.shape} instead"
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if y.dtype.kind == "c":
        raise ValueError("Complex data not supported: found a complex target")
    gone = np.frompyfunc(is_missing, 1, 1)(y).astype(bool)
    if gone.any():
        raise ValueError(
            f"Input y contains NaN or None: the target is missing in "
            f"{gone.reshape(len(y), -1).any(axis=1).sum()} of {len(y)} rows. Leave "
            "these rows out."
        )
    if y.dtype.kind == "O" and all(isinstance(value, Number) for value in y.flat):
        y = np.array(y.tolist())  # e.g. of a nullable column of pandas
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("Input y contains infinity")
    return y


def choose_estimator(transformer, y):
    """Choose what predicts the target: classes by one, numbers by the other.

    Parameters
    ----------
    transformer : CrossFitTransformer
        Whose ``estimator``, ``regressor`` and ``task`` count.
    y : ndarray
        As :func:`read_target` gives it.

    Returns
    -------
    estimator
        Not a clone.

    Raises
    ------
    TypeError
        If one of the two cannot be what it is given for.
    ValueError
        If ``task`` is unknown or does not go with the estimator.
    """
    first, second = transformer.estimator, transformer.regressor
    task = transformer.task
    if task not in ("auto", "classification", "regression"):
        raise ValueError(
            f"task must be 'auto', 'classification' or 'regression', found {task!r}"
        )
    for estimator in [first] if second is None else [first, second]:
        if not is_predictor(estimator):
            raise TypeError(
                "estimator and regressor must be classifiers or regressors of "
                f"scikit-learn, or pipelines that end in one, found {estimator!r:.200}"
            )
    if second is None:
        own = "classification" if is_classifier(first) else "regression"
        if task not in ("auto", own):
            raise ValueError(
                f"task={task!r}, but the only estimator, {first!r:.200}, is for {own}"
            )
        return first
    if not is_classifier(first) or not is_regressor(second):
        raise TypeError(
            "with a regressor, estimator must be a classifier and regressor a "
            f"regressor, found {first!r:.200} and {second!r:.200}"
        )
    if task == "auto":
        task = "classification" if are_classes(y) else "regression"
    return first if task == "classification" else second


def is_predictor(estimator):
    """Tell whether something is a classifier or a regressor, and not its class."""
    if isinstance(estimator, type) or not hasattr(estimator, "__sklearn_tags__"):
        return False
    return is_classifier(estimator) or is_regressor(estimator)


def are_classes(y):
    """Tell whether a target is classes or labels, and not numbers.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        As :func:`read_target` gives it.

    Returns
    -------
    bool
        True for all that is no number, for two or more columns of 0 and 1, for two
        different whole numbers, and for at most 30 that occur twice or more on average.

    Examples
    --------
    >>> import numpy as np
    >>> ratings, scores = np.array([1, 5, 4, 5, 3, 2, 1, 4, 5, 5]), np.arange(100.0)
    >>> are_classes(ratings), are_classes(scores), are_classes(scores / 3)
    (True, False, False)
    """
    if y.dtype.kind not in "iuf":
        return True
    if y.ndim == 2:
        return _are_indicators(y)
    if not _are_whole(y):
        return False
    n_different = len(np.unique(y))
    return n_different <= max(2, min(MAX_CLASSES, len(y) / 2))


def check_classes(y, estimator):
    """Take a target as classes, or as an indicator matrix of labels.

    Parameters
    ----------
    y : ndarray
        As :func:`read_target` gives it.
    estimator : classifier
        For messages.

    Returns
    -------
    ndarray
        Of int, if 2-D.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if y.ndim == 2:
        if not _are_indicators(y):
            raise ValueError(
                "a 2-D target of a classifier must be an indicator matrix of labels, "
                "0 and 1 in each column. Of several targets of other classes use one "
                "CrossFitTransformer each."
            )
        return y.astype(np.int64)
    if y.dtype.kind == "f" and not _are_whole(y):
        raise ValueError(
            "Unknown label type: y holds numbers that are not whole, such as "
            f"{y[y != np.floor(y)][0]}, so it is no target of the classifier "
            f"{estimator!r:.200}. Give a regressor, too: "
            "CrossFitTransformer(classifier, regressor=...)."
        )
    return y


def check_numbers(y, estimator):
    """Take a target as numbers.

    Parameters
    ----------
    y : ndarray
        As :func:`read_target` gives it.
    estimator : regressor
        For messages.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        If some of it is no number.
    """
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"y holds {y.flat[0]!r:.100}, which is no target of the regressor "
            f"{estimator!r:.200}. Give a classifier:"
            " CrossFitTransformer(classifier, regressor=...)."
        ) from error


def _are_indicators(y):
    return y.shape[1] > 1 and y.dtype.kind in "biuf" and np.isin(y, (0, 1)).all()


def _are_whole(y):
    return y.dtype.kind != "f" or bool(np.all(y == np.floor(y)))
