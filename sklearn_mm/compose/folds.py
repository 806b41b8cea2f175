"""Which rows an estimator is fitted on to predict which others."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)


def split_rows(cv, X, y, groups, rows, *, stratify, random_state):
    """Split the rows that hold something into folds.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        An int is the most folds: they are fewer where rows, groups or the rows of the
        largest class are. The others split all rows.
    X : column or table
        All rows.
    y : ndarray
        Their target.
    groups : array-like of shape (n_samples,), or None
        Rows of one group are kept together, if cv is an int.
    rows : ndarray of int
        Those that hold something.
    stratify : bool
        Whether y is classes, so that each fold has its share of each class.
    random_state : int, RandomState or None
        Shuffles, if cv is an int.

    Returns
    -------
    list of (ndarray of int, ndarray of int)
        Rows to fit on and rows to predict, each row once.

    Raises
    ------
    ValueError
        If there are no such folds.
    """
    if isinstance(cv, Integral):
        groups = None if groups is None else np.asarray(groups)[rows]
        n_folds = _check_n_folds(cv)
        splits = _shuffled(len(rows), y[rows], groups, n_folds, stratify, random_state)
        return [(rows[train], rows[test]) for train, test in splits]
    splitter = check_cv(cv, y, classifier=stratify)
    asked = {} if groups is None else {"groups": groups}
    splits = [
        (_as_rows(train), _as_rows(test))
        for train, test in splitter.split(X, y, **asked)
    ]
    _check_partition(splits, len(y), cv)
    present = np.zeros(len(y), dtype=bool)
    present[rows] = True
    splits = [(train[present[train]], test[present[test]]) for train, test in splits]
    splits = [(train, test) for train, test in splits if len(test)]
    if not all(len(train) for train, _ in splits):
        raise ValueError(
            f"cv={cv!r} has a fold whose other rows are all missing, so there is "
            "nothing to fit on. Use an int, which splits the rows that are not missing."
        )
    return splits


def _check_n_folds(cv):
    if isinstance(cv, bool) or cv < 2:
        raise ValueError(
            f"cv must be an integer of at least 2, a splitter or (train, test) pairs, "
            f"found {cv!r}"
        )
    return int(cv)


def _shuffled(n_rows, y, groups, n_folds, stratify, random_state):
    """Split rows at random, in up to n_folds folds."""
    shuffle = {"shuffle": True, "random_state": random_state}
    X = np.zeros(n_rows)
    most = n_rows if groups is None else len(np.unique(groups))
    if most < 2:
        raise ValueError(
            "the rows are all of one group: at least two groups are needed, to predict "
            "the rows of one by an estimator that was fitted on others"
        )
    n_folds = min(n_folds, most)
    # With a class in two rows it is in the training rows of each fold, however rare.
    n_strata = min(
        n_folds, np.unique(y, return_counts=True)[1].max() if stratify else 0
    )
    if n_strata >= 2:
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        with warnings.catch_warnings():
            # It cannot be helped that a class has fewer rows than there are folds.
            warnings.filterwarnings("ignore", message="The least populated class")
            splits = list(kind(n_strata, **shuffle).split(X, y, groups))
        if all(len(train) and len(test) for train, test in splits):
            return splits
    kind = KFold if groups is None else GroupKFold
    return list(kind(n_folds, **shuffle).split(X, y, groups))


def _as_rows(selected):
    selected = np.asarray(selected)
    return np.flatnonzero(selected) if selected.dtype == bool else selected


def _check_partition(splits, n_rows, cv):
    times = np.bincount(np.concatenate([test for _, test in splits]), minlength=n_rows)
    wrong = np.flatnonzero(times != 1)
    if len(wrong):
        raise ValueError(
            f"cv must predict each of the {n_rows} rows once, but {cv!r:.200} predicts "
            f"row {wrong[0]} {times[wrong[0]]} times, as one of {len(wrong)} that are "
            "not predicted once. TimeSeriesSplit and ShuffleSplit cannot be used here."
        )
    for train, test in splits:
        both = np.intersect1d(train, test)
        if len(both):
            raise ValueError(
                f"cv must predict rows by a fit on others, but {cv!r:.200} has row "
                f"{both[0]} among those to fit on and among those to predict"
            )
