"""The score of one model on every subset of its modalities."""

import itertools

import numpy as np
from sklearn.metrics import check_scoring

from sklearn_mm._compat import check_matplotlib_support
from sklearn_mm.inspection.outputs import own_scoring
from sklearn_mm.inspection.scoring import split_features

# Okabe and Ito's blue and a light gray: told apart by everyone, and in print.
SHOWN, HIDDEN = "#0072B2", "#D9D9D9"

# More bars than this have no room for their value.
MAX_LABELLED = 16


def subset_scores(estimator, X, y, *, scoring=None, subsets=None):
    """Score a fitted model on subsets of its modalities, the others made missing.

    X is transformed once; then the model predicts once for each subset. Of M modalities
    there are 2^M - 1 subsets that are not empty.

    Parameters
    ----------
    estimator : fitted estimator, or Pipeline with a MultimodalFeatureUnion
        The model. It must be able to predict rows with missing modalities.
    X : MultimodalFeatures, or what the Pipeline takes
        Of n_samples, best ones that were not trained on.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Target.
    scoring : str, callable or None, default=None
        As in scikit-learn; None is the estimator's ``score``.
    subsets : list of list of str, default=None
        Names of the modalities to show. An empty list is the model with nothing to see.
        None takes all subsets that are not empty, small ones first.

    Returns
    -------
    DataFrame of shape (n_subsets, 1)
        The column is ``score``. The index has a level for each modality, which is True
        where it was shown.

    Raises
    ------
    TypeError
        If X never becomes MultimodalFeatures.
    ValueError
        If a subset names an unknown modality.

    See Also
    --------
    SubsetScoresDisplay : Draw them.
    modality_importance : What each modality adds, over all subsets.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures
    >>> from sklearn_mm.inspection import subset_scores
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = MultimodalFeatures({
    ...     "signal": rng.normal(size=(40, 2)) + 9 * y[:, None],
    ...     "noise": rng.normal(size=(40, 2)),
    ... })
    >>> classifier = AttentionFusionClassifier(max_epochs=4, random_state=0).fit(X, y)
    >>> scores = subset_scores(classifier, X, y, subsets=[["signal"]])
    >>> scores
                  score
    signal noise
    True   False    1.0
    """
    import pandas as pd

    model, features = split_features(estimator, X)
    names = features.names
    if subsets is None:
        subsets = [subset for subset in all_subsets(names) if subset]
    subsets = [_check_subset(subset, names) for subset in subsets]
    scorer = check_scoring(model, own_scoring(estimator, scoring))
    scores = [
        scorer(model, features.hide(set(names) - set(subset)), y) for subset in subsets
    ]
    shown = [tuple(name in subset for name in names) for subset in subsets]
    index = pd.MultiIndex.from_tuples(shown, names=names)
    return pd.DataFrame({"score": scores}, index=index, dtype=float)


def all_subsets(names):
    """List all subsets of some names, the empty one first, small ones before large."""
    sizes = range(len(names) + 1)
    return [
        list(subset) for size in sizes for subset in itertools.combinations(names, size)
    ]


def _check_subset(subset, names):
    if isinstance(subset, str):
        raise ValueError(
            f"a subset is a list of names of modalities, found {subset!r}. Write "
            f"[{subset!r}]."
        )
    unknown = [name for name in subset if name not in names]
    if unknown:
        raise ValueError(f"no modalities {unknown}; there are {names}")
    return list(subset)


class SubsetScoresDisplay:
    """Bars of the scores on subsets of modalities, over a matrix of what was shown.

    The matrix is that of an UpSet plot (Lex et al. 2014): a column for each subset, a
    dark dot for each modality in it.

    Parameters
    ----------
    scores : DataFrame
        What :func:`subset_scores` gives.
    score_name : str, default="score"
        Label of the bars' axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        With the bars.
    matrix_ax_ : matplotlib Axes
        With the dots.
    figure_ : matplotlib Figure
        Which holds both.
    bars_ : matplotlib BarContainer
        The bars, by the number of modalities, and by score among equally many.

    See Also
    --------
    subset_scores : Compute them.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mm.inspection import SubsetScoresDisplay
    >>> shown = [(True, False), (False, True), (True, True)]
    >>> index = pd.MultiIndex.from_tuples(shown, names=["image", "text"])
    >>> scores = pd.DataFrame({"score": [0.7, 0.6, 0.9]}, index=index)
    >>> display = SubsetScoresDisplay(scores=scores).plot()
    >>> [round(float(bar.get_height()), 1) for bar in display.bars_]
    [0.6, 0.7, 0.9]
    """

    def __init__(self, *, scores, score_name="score"):
        self.scores = scores
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, scoring=None, subsets=None, score_name=None, ax=None
    ):
        """Compute the scores and draw them.

        Parameters
        ----------
        estimator, X, y, scoring, subsets : as in :func:`subset_scores`
            The model, the rows, and what to score.
        score_name : str, default=None
            Label of the bars' axis; None takes ``scoring`` where it is a name.
        ax : matplotlib Axes, default=None
            Where to draw the bars; the dots go below it. None makes a figure.

        Returns
        -------
        SubsetScoresDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        scores = subset_scores(estimator, X, y, scoring=scoring, subsets=subsets)
        named = scoring.replace("_", " ") if isinstance(scoring, str) else "score"
        return cls(scores=scores, score_name=score_name or named).plot(ax=ax)

    def plot(self, ax=None):
        """Draw bars and dots.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the bars; the dots go below it. None makes a figure.

        Returns
        -------
        self
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        shown = np.array(self.scores.index.to_list(), dtype=bool)
        score = self.scores["score"].to_numpy()
        order = np.lexsort((score, shown.sum(axis=1)))
        shown, score = shown[order], score[order]
        n_subsets, n_modalities = shown.shape
        if ax is None:
            size = (max(4, 0.55 * n_subsets + 2), 3 + 0.3 * n_modalities)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.bars_ = ax.bar(range(n_subsets), score, width=0.65, color=SHOWN)
        if n_subsets <= MAX_LABELLED:
            ax.bar_label(self.bars_, fmt="%.2f", padding=2, fontsize="small")
        ax.margins(y=0.1)
        ax.set(ylabel=self.score_name, xlim=(-0.6, n_subsets - 0.4), xticks=[])
        ax.spines[["top", "right"]].set_visible(False)
        self.matrix_ax_ = self._axes_below(0.3 * n_modalities)
        self._plot_matrix(shown)
        return self

    def _axes_below(self, height):
        """Make axes below the bars, of a height in inches, as wide as the bars."""
        from matplotlib.transforms import ScaledTranslation, blended_transform_factory

        ax = self.ax_
        inches = ax.figure.dpi_scale_trans + ScaledTranslation(0, 0, ax.transAxes)
        return ax.inset_axes(
            [0, -height - 0.1, 1, height],
            transform=blended_transform_factory(ax.transAxes, inches),
            sharex=ax,
        )

    def _plot_matrix(self, shown):
        ax = self.matrix_ax_
        n_modalities = shown.shape[1]
        for column, row in zip(*np.nonzero(~shown), strict=True):
            ax.plot(column, row, "o", color=HIDDEN, markersize=8)
        for column, members in enumerate(shown):
            rows = np.flatnonzero(members)
            ax.plot([column] * len(rows), rows, "o-", color=SHOWN, markersize=8)
        ax.set(ylim=(n_modalities - 0.5, -0.5), yticks=range(n_modalities))
        ax.set_yticklabels(self.scores.index.names)
        ax.tick_params(length=0, labelbottom=False)
        ax.spines[:].set_visible(False)
