"""What a model is worth on rows that it has not seen."""

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.utils.multiclass import unique_labels
from tqdm import tqdm

from sklearn_mm.cli.models import fit
from sklearn_mm.cli.tables import check_columns
from sklearn_mm.inspection.reporting.measures import measure
from sklearn_mm.inspection.reporting.subject import Subject


def score(model, X, y):
    """Score a fitted model.

    Parameters
    ----------
    model : estimator
        Fitted.
    X : DataFrame
        Rows that it has not seen.
    y : ndarray of shape (n_samples,)
        Their target.

    Returns
    -------
    found, chance : dict of str to float
        Scores by name, of the model and of a guess that sees nothing.
    guess : str
        What that guess is.

    Raises
    ------
    ValueError
        If y holds what the model cannot predict.
    """
    check_target(model, y)
    return measure(Subject(model, X, y, 0, 1, None, 0))


def check_target(model, y):
    """Refuse a target that the model cannot predict.

    Parameters
    ----------
    model : estimator
        Fitted.
    y : ndarray of shape (n_samples,)
        The target.

    Raises
    ------
    ValueError
        If there are words among numbers, or labels that were not learned.
    """
    if not is_classifier(model):
        if y.dtype.kind not in "iufb":
            raise ValueError(
                f"the model predicts numbers, but the target holds {y[0]!r:.80}"
            )
        return
    unknown = ~np.isin(y, model.classes_)
    if unknown.any():
        labels = list(dict.fromkeys(y[unknown].tolist()))
        raise ValueError(
            f"the target has labels that the model does not know, in {unknown.sum()} "
            f"of {len(y)} rows, the first: row {np.flatnonzero(unknown)[0]}: "
            f"{labels!s:.200}. It knows {model.classes_.tolist()!s:.500}"
        )


def cross_validate(model, X, y, groups, options):
    """Fit and score a model on each of several folds.

    Parameters
    ----------
    model : estimator
        Of which clones are fitted.
    X, y, groups
        As of :func:`fit`.
    options : argparse.Namespace
        With ``folds``, ``seed`` and ``quiet``.

    Returns
    -------
    list of (found, chance, guess)
        As :func:`score` gives them.
    """
    kinds = {
        (True, False): StratifiedKFold,
        (True, True): StratifiedGroupKFold,
        (False, False): KFold,
        (False, True): GroupKFold,
    }
    kind = kinds[is_classifier(model), groups is not None]
    folds = kind(options.folds, shuffle=True, random_state=options.seed)
    scores = []
    for train, test in tqdm(
        list(folds.split(X, y, groups)),
        desc="Cross-validating",
        unit="fold",
        disable=options.quiet,
    ):
        alike = None if groups is None else groups[train]
        fitted = fit(clone(model), X.iloc[train], y[train], alike)
        scores.append(score(fitted, X.iloc[test], y[test]))
    return scores


def hold_out(X, y, groups, task, options):
    """Choose rows to score on: (train, test), the numbers of rows, sorted."""
    split = {"test_size": options.test_size, "random_state": options.seed}
    if groups is not None:
        splitter = GroupShuffleSplit(1, **split)
    elif task == "classification":
        splitter = StratifiedShuffleSplit(1, **split)
    else:
        splitter = ShuffleSplit(1, **split)
    train, test = next(splitter.split(X, y, groups))
    if task == "classification" and len(unique_labels(y[train])) < len(np.unique(y)):
        raise ValueError(
            "some classes are in no row that is left to learn from: lower --test-size, "
            "or leave out classes of few rows"
        )
    return np.sort(train), np.sort(test)


def take_groups(table, name):
    """Take the column that says which rows are alike; None if there is no name."""
    if name is None:
        return None
    check_columns(table, [name], "--groups")
    if table[name].isna().any():
        row = int(np.flatnonzero(table[name].isna())[0])
        raise ValueError(f"the group {name!r} is missing, first in row {row}")
    return np.asarray(table[name])


def lay_out(scores, where):
    """Write scores as lines of a table, and give those for the model card.

    Parameters
    ----------
    scores : list of (found, chance, guess)
        One, or one for each fold.
    where : str
        On which rows they are, for people.

    Returns
    -------
    lines : str
    card : dict of str to float
        By name, the means.
    """
    guess = scores[0][2]
    names = [name for name in scores[0][0] if all(name in each[0] for each in scores)]
    several = len(scores) > 1
    head = (
        ["score", "mean", "deviation", guess] if several else ["score", "model", guess]
    )
    rows, card = [], {}
    for name in names:
        values = [found[name] for found, _, _ in scores]
        blind = [chance[name] for _, chance, _ in scores if name in chance]
        mean = float(np.mean(values))
        if np.isfinite(mean):
            card[f"{name} ({where})"] = mean
        cells = [mean, np.std(values)] if several else [mean]
        cells.append(np.mean(blind) if len(blind) == len(values) else None)
        rows.append([name, *("–" if c is None else f"{c:.4g}" for c in cells)])
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [f"scores on {where}:"]
    for row in [head, *rows]:
        first, *others = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines), card
