"""What the parameters that are ``"auto"`` come to."""

import numpy as np

# With fewer, each is needed for training, and few epochs keep them from being known by
# heart.
EARLY_STOPPING_MIN_ROWS = 1_000
# Of many rows, and of few, which are soon known by heart.
DROPOUT, DROPOUT_OF_FEW_ROWS = 0.1, 0.5
FEW_ROWS = 900  # trained on, beside those held out of 1,000
# Below, a second member costs what few rows should not; above, it would double what is
# long already.
SEVERAL_MEMBERS = 1_000, 8_000
# Rows that tell when to stop, and the least and largest share of all that they are.
STOPPING_ROWS = 500
SMALLEST_HELD_OUT, LARGEST_HELD_OUT = 0.01, 0.1


def choose_dropout(dropout, n_rows):
    """Choose the dropout: more where rows are few.

    Parameters
    ----------
    dropout : float or "auto"
        Of the estimator.
    n_rows : int
        That are trained on.

    Returns
    -------
    float
    """
    if dropout != "auto":
        return dropout
    return DROPOUT if n_rows >= FEW_ROWS else DROPOUT_OF_FEW_ROWS


def choose_n_estimators(n_estimators, n_rows):
    """Choose two members, where there are neither few rows nor many.

    Parameters
    ----------
    n_estimators : int or "auto"
        Of the estimator.
    n_rows : int
        Of all.

    Returns
    -------
    int
    """
    if n_estimators != "auto":
        return n_estimators
    return 2 if SEVERAL_MEMBERS[0] <= n_rows <= SEVERAL_MEMBERS[1] else 1


def choose_batch_size(batch_size, n_rows):
    """Choose about 32 batches an epoch, of 8 to 128 rows.

    Parameters
    ----------
    batch_size : int or "auto"
        Of the estimator.
    n_rows : int
        That are trained on.

    Returns
    -------
    int
    """
    if batch_size != "auto":
        return batch_size
    return int(np.clip(2 ** np.round(np.log2(max(1, n_rows) / 32)), 8, 128))


def choose_max_epochs(max_epochs, n_batches, n_rows):
    """Choose about 1,300 steps, in 5 to 40 epochs.

    Few rows are learned by heart sooner than they teach more: below 4,000 there are no
    more epochs than hundreds of rows, but 10.

    Parameters
    ----------
    max_epochs : int or "auto"
        Of the estimator.
    n_batches : int
        Of an epoch.
    n_rows : int
        That are trained on.

    Returns
    -------
    int
    """
    if max_epochs != "auto":
        return max_epochs
    most = int(np.clip(n_rows // 100, 10, 40))
    return int(np.clip(round(1300 / n_batches), 5, most))


def choose_early_stopping(early_stopping, numbers, groups, *, is_given=False):
    """Tell whether there are rows, and groups, enough to hold out.

    A row that stands twice counts once, so that weights which are turned into rows
    repeated do not decide.

    Parameters
    ----------
    early_stopping : bool or "auto"
        Of the estimator.
    numbers : ndarray of int of shape (n_rows,)
        Of the rows in X.
    groups : ndarray of shape (n_rows,), or None
        Of the rows.
    is_given : bool, default=False
        Whether the user has rows to validate on.

    Returns
    -------
    bool
    """
    if early_stopping != "auto":
        return early_stopping
    if is_given:
        return True
    if groups is not None and len(np.unique(groups)) < 2:
        return False
    return len(np.unique(numbers)) >= EARLY_STOPPING_MIN_ROWS


def choose_validation_fraction(fraction, n_rows, *, calibrates):
    """Choose how much is held out: a tenth, and of many rows less.

    Some hundred rows tell when to stop; the others are better trained on.

    Parameters
    ----------
    fraction : float or "auto"
        Of the estimator.
    n_rows : int
        Of all.
    calibrates : bool
        Whether more is learned from these rows than when to stop.

    Returns
    -------
    float
    """
    if fraction != "auto":
        return fraction
    if calibrates:
        return LARGEST_HELD_OUT
    share = STOPPING_ROWS / n_rows
    return float(np.clip(share, SMALLEST_HELD_OUT, LARGEST_HELD_OUT))
