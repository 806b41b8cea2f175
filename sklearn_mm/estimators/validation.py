"""Which rows are validated on."""

from contextlib import contextmanager

import numpy as np
from sklearn.model_selection import train_test_split


def check_own_rows(estimator, X_val, y_val, sample_weight_val):
    """Refuse rows to validate on that are incomplete, or that nothing would use.

    Parameters
    ----------
    estimator : attention fusion estimator
        Whose parameters say what they are for.
    X_val, y_val, sample_weight_val : object or None
        As the user passed them.

    Raises
    ------
    ValueError
        With what is missing, or which parameter leaves them unused.
    """
    if X_val is None:
        for name, value in (("y_val", y_val), ("sample_weight_val", sample_weight_val)):
            if value is not None:
                raise ValueError(f"{name} is passed, and X_val is not: pass both")
        return
    if y_val is None:
        raise ValueError("X_val is passed, and y_val is not: pass both")
    if "train_split" in (estimator.net_params or ()):
        raise ValueError(
            "X_val is passed, and net_params has a train_split, too. Leave one out."
        )
    if estimator.early_stopping is False and not estimator._learns_from_held_out:
        raise ValueError(
            "X_val and y_val are passed, and nothing would use them with "
            "early_stopping=False. Set early_stopping=True, or leave them out."
        )


@contextmanager
def named(what):
    """Let an error of the block say what it is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{what}: {error}") from error


def split_rows(rows, strata, groups, fraction, seed):
    """Choose the rows that are held out of training.

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
        As ``training_rows`` gives them; a row that stands twice is not torn apart.
    strata : ndarray of shape (n_rows,), or None
        Classes whose shares are kept where each has enough rows, or groups: a group
        counts for the rarest of its classes.
    groups : ndarray of shape (n_rows,), or None
        Rows of one group stay together.
    fraction : float
        Share of the rows, or of the groups.
    seed : int
        Of the choice.

    Returns
    -------
    ndarray of bool of shape (n_rows,)

    Raises
    ------
    ValueError
        If there are fewer than two rows, or groups.
    """
    units = rows if groups is None else groups
    _, first, unit_of_row = np.unique(units, return_index=True, return_inverse=True)
    _refuse_one_unit(len(first), groups)
    # Numbered by where they first stand, which the order of X does not change.
    number = np.argsort(np.argsort(first))[unit_of_row]
    n_held = int(np.clip(round(fraction * len(first)), 1, len(first) - 1))
    stratify = None
    if strata is not None:
        stratify = strata[np.sort(first)]
        if groups is not None:
            stratify = _rarest_classes(strata, number)
        _, counts = np.unique(stratify, return_counts=True)
        if (
            counts.min() < 2
            or n_held < len(counts)
            or len(first) - n_held < len(counts)
        ):
            stratify = None
    _, held = train_test_split(
        np.arange(len(first)), test_size=n_held, random_state=seed, stratify=stratify
    )
    return np.isin(number, held)


def last_rows(rows, groups, fraction):
    """Choose the rows that stand last in X.

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
        Their places in X; a row that stands twice is not torn apart.
    groups : ndarray of shape (n_rows,), or None
        Rows of one group stay together, and count by the first of them.
    fraction : float
        Share of the rows, or of the groups.

    Returns
    -------
    ndarray of bool of shape (n_rows,)

    Raises
    ------
    ValueError
        If there are fewer than two rows, or groups.
    """
    units = rows if groups is None else groups
    _, unit_of_row = np.unique(units, return_inverse=True)
    n_units = unit_of_row.max() + 1
    _refuse_one_unit(n_units, groups)
    first = np.full(n_units, rows.max())
    np.minimum.at(first, unit_of_row, rows)
    n_held = int(np.clip(round(fraction * n_units), 1, n_units - 1))
    return np.isin(unit_of_row, np.argsort(first)[-n_held:])


def _refuse_one_unit(n_units, groups):
    if n_units < 2:
        unit = "sample" if groups is None else "group"
        raise ValueError(
            f"early_stopping and calibration need at least two {unit}s to hold some "
            f"out, found {n_units} {unit}. Set early_stopping=False and "
            "calibration=None, which hold nothing out."
        )


def _rarest_classes(strata, number):
    """Give for each group, by its number, the rarest class of its rows, as a code."""
    _, code, counts = np.unique(strata, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(counts, kind="stable"))[code]
    rarest = np.full(number.max() + 1, len(counts))
    np.minimum.at(rarest, number, rank)
    return rarest
