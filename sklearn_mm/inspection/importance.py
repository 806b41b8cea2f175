"""What each modality adds to the score of a model."""

from dataclasses import dataclass
from functools import partial
from math import factorial
from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_random_state, resample
from sklearn.utils.validation import check_consistent_length

from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.inspection.outputs import own_scoring
from sklearn_mm.inspection.scoring import score_resamples, split_features
from sklearn_mm.inspection.subsets import all_subsets

METHODS = ("shapley", "permutation", "ablation")


def modality_importance(
    estimator,
    X,
    y,
    *,
    method="shapley",
    scoring=None,
    n_repeats=5,
    n_bootstraps=200,
    confidence=0.95,
    random_state=None,
):
    """Measure what each modality adds to the score of a fitted model.

    Nothing is trained: modalities are hidden, or their rows shuffled, in the features
    that X is transformed to once.

    Parameters
    ----------
    estimator : fitted estimator, or Pipeline with a MultimodalFeatureUnion
        The model. For all methods but ``"permutation"`` it must be able to predict rows
        with missing modalities.
    X : MultimodalFeatures, or what the Pipeline takes
        Of n_samples, best ones that were not trained on.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Target.
    method : {"shapley", "permutation", "ablation"}, default="shapley"
        What importance is:

        - ``"shapley"``: the Shapley value of the game whose players are modalities
          (Shapley 1953): the gain in score when the modality joins others, averaged
          over all orders in which they may join. It is exact, with 2^M predictions for
          M modalities. The values sum to the score with all modalities minus the score
          with none, where the model predicts its prior;
        - ``"permutation"``: the loss in score when the rows of the modality are
          shuffled among the samples (Breiman 2001), mean of ``n_repeats`` shuffles;
        - ``"ablation"``: the loss in score when the modality is hidden. Of two
          modalities that tell the same, neither has any.
    scoring : str, callable or None, default=None
        As in scikit-learn; None is the accuracy of a classifier, else R squared.
    n_repeats : int, default=5
        Shuffles of each modality, for ``"permutation"``.
    n_bootstraps : int, default=200
        Resamples of the rows for the intervals. Of a classifier with one target each
        has as many rows of each class as y. Predictions are not repeated for them.
    confidence : float, default=0.95
        Share of the resamples whose importance lies in the interval (percentile
        bootstrap, Efron 1979). The intervals say how far these rows determine the
        importance, for this model; not how another training would differ.
    random_state : int, RandomState or None, default=None
        Of shuffles and resamples.

    Returns
    -------
    DataFrame of shape (n_modalities, 3)
        The index is the modalities, the columns are ``importance``, ``low`` and
        ``high``, in units of the score.

    Raises
    ------
    TypeError
        If X never becomes MultimodalFeatures.
    ValueError
        If a parameter is outside its range.

    See Also
    --------
    ModalityImportanceDisplay : Draw it.
    subset_scores : The scores themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures
    >>> from sklearn_mm.inspection import modality_importance
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = MultimodalFeatures({
    ...     "signal": rng.normal(size=(40, 2)) + 9 * y[:, None],
    ...     "noise": rng.normal(size=(40, 2)),
    ... })
    >>> classifier = AttentionFusionClassifier(max_epochs=4, random_state=0).fit(X, y)
    >>> importance = modality_importance(classifier, X, y, n_bootstraps=20)
    >>> importance["importance"].idxmax()
    'signal'
    """
    import pandas as pd

    _check_parameters(method, n_repeats, n_bootstraps, confidence)
    model, features = split_features(estimator, X)
    scoring = own_scoring(estimator, scoring)
    check_consistent_length(features, y)
    rng = check_random_state(random_state)
    changes, gains = _plan(method, features, n_repeats, rng)
    resamples = [np.arange(len(features))]
    resamples += _bootstraps(len(features), y, is_classifier(model), n_bootstraps, rng)
    scores = np.array(
        [score_resamples(model, change(), y, resamples, scoring) for change in changes]
    )  # (n_changes, 1 + n_bootstraps)
    difference = scores[gains.after] - scores[gains.before]
    importance = np.einsum("mg,mgr->mr", gains.weight, difference)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(importance[:, 1:], tails, axis=1)
    return pd.DataFrame(
        {"importance": importance[:, 0], "low": low, "high": high},
        index=pd.Index(features.names, name="modality"),
    )


@dataclass
class Gains:
    """Gains in score whose weighted means are the importance of modalities.

    Each attribute is an ndarray of shape (n_modalities, n_gains).

    Attributes
    ----------
    after, before : ndarray of int
        Which of the scores are subtracted from each other. A modality that changes
        nothing so has an importance of exactly zero.
    weight : ndarray of float
        Those of one modality sum to one.
    """

    after: np.ndarray
    before: np.ndarray
    weight: np.ndarray


def shapley_gains(n_players):
    """List the gains whose weighted means are the Shapley values of a game.

    Parameters
    ----------
    n_players : int
        How many there are.

    Returns
    -------
    Gains
        With a gain for each coalition of the other players; scores are in the order
        of ``all_subsets``.

    Examples
    --------
    >>> gains = shapley_gains(2)  # scores of nobody, the first, the second, both
    >>> gains.after, gains.before
    (array([[1, 3],
           [2, 3]]), array([[0, 2],
           [0, 1]]))
    >>> gains.weight
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    coalitions = all_subsets(range(n_players))
    place = {frozenset(members): i for i, members in enumerate(coalitions)}
    after, before, weight = [], [], []
    for player in range(n_players):
        others = [members for members in coalitions if player not in members]
        before.append([place[frozenset(members)] for members in others])
        after.append([place[frozenset([*members, player])] for members in others])
        # How many of all orders let just these others join first.
        sizes = [len(members) for members in others]
        orders = [factorial(n) * factorial(n_players - 1 - n) for n in sizes]
        weight.append(np.array(orders) / factorial(n_players))
    return Gains(np.array(after), np.array(before), np.array(weight))


def _plan(method, features, n_repeats, rng):
    """Say which features to score, and which gains are the importance.

    Returns
    -------
    changes : list of callable
        Each makes MultimodalFeatures, when it is their turn.
    gains : Gains
        Between their scores.
    """
    names = features.names
    if method == "shapley":
        changes = [
            partial(features.hide, [name for name in names if name not in shown])
            for shown in all_subsets(names)
        ]
        return changes, shapley_gains(len(names))
    if method == "ablation":
        n_repeats = 1
        changes = [partial(features.hide, [name]) for name in names]
    else:
        changes = [
            partial(_permute, features, name, rng.permutation(len(features)))
            for name in names
            for _ in range(n_repeats)
        ]
    before = 1 + np.arange(len(changes)).reshape(len(names), n_repeats)
    weight = np.full(before.shape, 1 / n_repeats)
    return [lambda: features, *changes], Gains(np.zeros_like(before), before, weight)


def _permute(features, name, order):
    """Give each row the modality of another."""
    return MultimodalFeatures({**features.blocks, name: features[name][order]})


def _bootstraps(n_samples, y, classifies, n_bootstraps, rng):
    """Draw rows with replacement; within each class, so that none is lost."""
    labels = np.asarray(y)
    strata = labels if classifies and labels.ndim == 1 else None
    return [
        resample(np.arange(n_samples), stratify=strata, random_state=rng)
        for _ in range(n_bootstraps)
    ]


def _check_parameters(method, n_repeats, n_bootstraps, confidence):
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, found {method!r}")
    for name, count in {"n_repeats": n_repeats, "n_bootstraps": n_bootstraps}.items():
        if not isinstance(count, Integral) or count < 1:
            raise ValueError(f"{name} must be an integer of at least 1, found {count}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, found {confidence}")
