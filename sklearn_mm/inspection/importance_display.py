"""The importance of modalities as bars."""

from sklearn_mm._compat import check_matplotlib_support
from sklearn_mm.inspection.importance import modality_importance

BAR, INTERVAL = "#56B4E9", "#222222"


class ModalityImportanceDisplay:
    """Bars of the importance of each modality, with their intervals.

    Parameters
    ----------
    importance : DataFrame
        What :func:`modality_importance` gives.
    importance_name : str, default="importance"
        Label of the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        Which holds it.
    bars_ : matplotlib BarContainer
        The bars, from the least important modality, at the bottom, to the most.
    intervals_ : matplotlib LineCollection
        The intervals, in the same order.

    See Also
    --------
    modality_importance : Compute it.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mm.inspection import ModalityImportanceDisplay
    >>> importance = pd.DataFrame(
    ...     {"importance": [0.4, 0.1], "low": [0.3, 0.0], "high": [0.5, 0.2]},
    ...     index=["image", "text"],
    ... )
    >>> display = ModalityImportanceDisplay(importance=importance).plot()
    >>> [round(float(bar.get_width()), 1) for bar in display.bars_]
    [0.1, 0.4]
    """

    def __init__(self, *, importance, importance_name="importance"):
        self.importance = importance
        self.importance_name = importance_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        method="shapley",
        scoring=None,
        ax=None,
        **options,
    ):
        """Measure the importance and draw it.

        Parameters
        ----------
        estimator, X, y, method, scoring : as in :func:`modality_importance`
            The model, the rows, and what importance is.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.
        **options : dict
            The other parameters of :func:`modality_importance`.

        Returns
        -------
        ModalityImportanceDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        importance = modality_importance(
            estimator, X, y, method=method, scoring=scoring, **options
        )
        scored = scoring.replace("_", " ") if isinstance(scoring, str) else "score"
        name = {
            "shapley": f"Shapley value ({scored})",
            "permutation": f"loss of {scored} when shuffled",
            "ablation": f"loss of {scored} when hidden",
        }[method]
        return cls(importance=importance, importance_name=name).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        self
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        rows = self.importance.sort_values("importance")
        if ax is None:
            size = (6, 1.2 + 0.5 * len(rows))
            _, ax = plt.subplots(figsize=size, layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        places = range(len(rows))
        self.bars_ = ax.barh(places, rows["importance"], height=0.6, color=BAR)
        self.intervals_ = ax.hlines(
            places, rows["low"], rows["high"], color=INTERVAL, linewidth=2
        )
        ax.axvline(0, color=INTERVAL, linewidth=0.8)
        ax.set(yticks=places, yticklabels=rows.index, xlabel=self.importance_name)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
        return self
