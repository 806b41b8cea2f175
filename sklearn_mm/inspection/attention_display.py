"""AttentionDisplay: what one row's read-out weighed, or that of many rows by class."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_consistent_length

from sklearn_mm._compat import _safe_indexing, check_matplotlib_support
from sklearn_mm.inspection.attention import modality_weights, token_weights
from sklearn_mm.inspection.outputs import has_one_output
from sklearn_mm.inspection.panels import WEIGHT_COLOUR, colours_of, draw_panel
from sklearn_mm.inspection.tokens import ABSENT, inspect_model

# Panels side by side, and the size of one in inches.
N_COLUMNS = 3
MOST_GROUPS = 12  # of numbers, which may be no labels
PANEL_SIZE = (4.0, 2.9)


class AttentionDisplay:
    """Attention of one row over its cells, or of many rows by modality and class.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    weights : DataFrame
        For one row its tokens, as ``attention_weights(..., level="token")`` gives
        them; for many rows their modalities, as ``level="modality"`` does.
    blocks : dict of str to FeatureBlock, default=None
        For one row: of each modality what its encoder was given.
    seconds : dict of str to float, default=None
        For one row: of modalities of sound the time from step to step.
    title : str, default=None
        For one row, above the panels, where these make a figure of their own.
    groups : ndarray of shape (n_samples,), default=None
        For many rows, what they are grouped by. None: not at all.

    Attributes
    ----------
    axes_ : ndarray of Axes
        One for each panel: the modalities, then their sums. For many rows, one.
    figure_ : Figure
        Which holds them.
    boxes_ : list of dict
        For many rows, of each group what matplotlib's ``boxplot`` gives.

    See Also
    --------
    attention_weights : The numbers.
    FaithfulnessDisplay : Whether they can be trusted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures
    >>> from sklearn_mm.inspection import AttentionDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = MultimodalFeatures({
    ...     "signal": rng.normal(size=(40, 2)) + 2 * y[:, None],
    ...     "noise": rng.normal(size=(40, 2)),
    ... })
    >>> classifier = AttentionFusionClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> display = AttentionDisplay.from_estimator(classifier, X, y)
    >>> display.axes_[0].get_ylabel()
    'attention weight'
    """

    def __init__(self, weights, *, blocks=None, seconds=None, title=None, groups=None):
        self.weights = weights
        self.blocks = blocks
        self.seconds = seconds
        self.title = title
        self.groups = groups

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, sample=None, ax=None):
        """Draw the attention of an estimator.

        Parameters
        ----------
        estimator : fitted attention fusion estimator, or Pipeline that ends in one
            The model.
        X : as in the estimator's ``predict``
            Of n_samples.
        y : array-like of shape (n_samples,), default=None
            For one row the target in its title. For many rows, labels by which they are
            grouped; None takes the classes that a classifier predicts.
        sample : int, default=None
            The number of the row of X to draw. None draws the distribution over all.
        ax : Axes or array of Axes, default=None
            Where to draw; as in :meth:`plot`.

        Returns
        -------
        AttentionDisplay

        Raises
        ------
        ValueError
            If there is no such row, or y is no label a row.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        if sample is None:
            return cls._of_many(estimator, X, y).plot(ax=ax)
        return cls._of_one(estimator, X, y, sample).plot(ax=ax)

    @classmethod
    def _of_many(cls, estimator, X, y):
        model = inspect_model(estimator, X)
        weights, final = modality_weights(model), model.estimator
        if y is not None:
            check_consistent_length(weights, y)
            return cls(weights, groups=_check_groups(y))
        if is_classifier(final) and has_one_output(final):
            return cls(weights, groups=final.predict(model.features))
        return cls(weights)

    @classmethod
    def _of_one(cls, estimator, X, y, sample):
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        if sample not in range(n_samples):
            raise ValueError(
                f"sample must be the number of a row of X, 0 to {n_samples - 1}, found "
                f"{sample!r}"
            )
        model = inspect_model(estimator, _safe_indexing(X, [sample]), read_cells=True)
        weights = token_weights(model)
        title = f"row {model.index[0] if hasattr(X, 'iloc') else sample}: predicted "
        title += _describe_prediction(model)
        if y is not None:
            title += f", true {np.asarray(y)[sample]}"
        blocks = model.features.blocks
        return cls(weights, blocks=blocks, seconds=model.seconds, title=title)

    def plot(self, *, ax=None):
        """Draw.

        Parameters
        ----------
        ax : Axes or array of Axes, default=None
            For one row an axes for each modality and one for their sums, or a single
            one, whose place they share. For many rows a single one. None makes a new
            figure.

        Returns
        -------
        AttentionDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if self.blocks is None:
            self._plot_many(ax)
        else:
            self._plot_one(ax)
        self.figure_ = self.axes_[0].figure
        return self

    def _plot_one(self, ax):
        names = list(self.blocks)
        self.axes_ = _panel_axes(ax, len(names) + 1)
        absent = []
        for panel, name in zip(self.axes_, names, strict=False):
            tokens = self.weights[self.weights["modality"] == name]
            absent.append((tokens["label"] == ABSENT).all())
            block = self.blocks[name]
            seconds = (self.seconds or {}).get(name)
            draw_panel(panel, name, tokens, block.values, block.kind, seconds)
        sums = self.weights.groupby("modality")["weight"].sum().reindex(names).fillna(0)
        last, places = self.axes_[-1], np.arange(len(names))
        bars = last.barh(places, sums, color=WEIGHT_COLOUR)
        last.bar_label(bars, fmt="%.2f", padding=3)
        last.set_yticks(
            places,
            [
                f"{name}\n(absent)" if gone else name
                for name, gone in zip(names, absent, strict=True)
            ],
        )
        last.invert_yaxis()
        last.set(title="all modalities", xlabel="weight", xlim=(0, 1))
        if self.title is not None and ax is None:
            last.figure.suptitle(self.title)

    def _plot_many(self, ax):
        from matplotlib import pyplot as plt
        from matplotlib.patches import Patch

        if ax is None:
            size = (1.5 + 1.6 * self.weights.shape[1], 4)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        labels = [None] if self.groups is None else list(np.unique(self.groups))
        colours, places = colours_of(len(labels)), np.arange(self.weights.shape[1])
        width, self.boxes_ = 0.8 / len(labels), []
        for number, (label, colour) in enumerate(zip(labels, colours, strict=True)):
            rows = slice(None) if label is None else self.groups == label
            boxes = ax.boxplot(
                self.weights.loc[rows].to_numpy(),
                positions=places + (number - (len(labels) - 1) / 2) * width,
                widths=0.85 * width,
                patch_artist=True,
                boxprops={"facecolor": colour, "alpha": 0.75},
                medianprops={"color": "black"},
                flierprops={"markersize": 3, "markeredgecolor": colour},
            )
            self.boxes_.append(boxes)
        ax.set_xticks(places, self.weights.columns)
        ax.set(ylabel="attention weight", xlim=(-0.6, len(places) - 0.4))
        ax.set_ylim(bottom=0)
        if self.groups is not None:
            patches = [
                Patch(facecolor=colour, alpha=0.75, label=str(label))
                for label, colour in zip(labels, colours, strict=True)
            ]
            ax.legend(handles=patches, title="class")
        self.axes_ = np.array([ax])


def _check_groups(y):
    """Take y as one label a row: ndarray of shape (n_samples,)."""
    groups = np.asarray(y)
    groups = groups[:, 0] if groups.ndim == 2 and groups.shape[1] == 1 else groups
    is_number = groups.dtype.kind == "f"
    if groups.ndim != 1 or (is_number and len(np.unique(groups)) > MOST_GROUPS):
        raise ValueError(
            "y groups the rows, so it must be one label a row, found numbers of shape "
            f"{groups.shape}. Leave it out, or pass one label of several, or bins of "
            "numbers, such as pandas.qcut(y, 3, labels=False)."
        )
    return groups


def _describe_prediction(model):
    """Say what is predicted of the one row, and how surely."""
    final, features = model.estimator, model.features
    predicted = final.predict(features)[0]
    if is_classifier(final) and has_one_output(final):
        return f"{predicted} (probability {final.predict_proba(features).max():.2f})"
    return f"{predicted:.4g}" if np.ndim(predicted) == 0 else str(predicted)


def _panel_axes(ax, n_panels):
    """Take or make an axes for each panel: ndarray of shape (n_panels,)."""
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.gridspec import GridSpecFromSubplotSpec

    n_columns = min(N_COLUMNS, n_panels)
    n_rows = -(-n_panels // n_columns)
    if ax is None:
        size = (PANEL_SIZE[0] * n_columns, PANEL_SIZE[1] * n_rows)
        _, axes = plt.subplots(
            n_rows, n_columns, figsize=size, squeeze=False, layout="constrained"
        )
        for unused in axes.flat[n_panels:]:
            unused.set_axis_off()
        return axes.ravel()[:n_panels]
    if isinstance(ax, Axes):
        if ax.get_subplotspec() is None:
            raise ValueError("ax must be one of plt.subplots, to share its place")
        ax.set_axis_off()
        grid = GridSpecFromSubplotSpec(n_rows, n_columns, ax.get_subplotspec())
        places = [grid[i // n_columns, i % n_columns] for i in range(n_panels)]
        return np.array([ax.figure.add_subplot(place) for place in places])
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != n_panels:
        raise ValueError(f"expected {n_panels} axes, one a panel, found {len(axes)}")
    return axes
