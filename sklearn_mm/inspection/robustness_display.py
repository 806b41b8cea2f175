"""Robustness curves, a panel for each modality."""

import numpy as np

from sklearn_mm._compat import check_matplotlib_support
from sklearn_mm.inspection.robustness import robustness_curve

# The colours of Okabe and Ito, which colour-blind readers tell apart, each with a
# marker and a dash of its own.
STYLES = (
    {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    {"color": "#009E73", "marker": "^", "linestyle": "-."},
    {"color": "#CC79A7", "marker": "D", "linestyle": ":"},
    {"color": "#E69F00", "marker": "v", "linestyle": "-"},
    {"color": "#56B4E9", "marker": "P", "linestyle": "--"},
)


class RobustnessDisplay:
    """Scores over the strength of corruptions: a panel a modality, a line a corruption.

    Parameters
    ----------
    curve : DataFrame
        What :func:`robustness_curve` gives.
    score_name : str, default="score"
        Label of the score's axis.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (n_modalities,)
        The panels.
    figure_ : matplotlib Figure
        Which holds them.
    lines_ : dict of (str, str) to matplotlib Line2D
        By modality and corruption.

    See Also
    --------
    robustness_curve : Compute it.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mm.inspection import RobustnessDisplay
    >>> curve = pd.DataFrame({
    ...     "modality": "image", "corruption": "noise",
    ...     "strength": [0, 0.5, 1], "score": [0.9, 0.8, 0.5],
    ... })
    >>> display = RobustnessDisplay(curve=curve).plot()
    >>> display.lines_["image", "noise"].get_ydata()
    array([0.9, 0.8, 0.5])
    """

    def __init__(self, *, curve, score_name="score"):
        self.curve = curve
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        scoring=None,
        score_name=None,
        ax=None,
        **options,
    ):
        """Compute the curves and draw them.

        Parameters
        ----------
        estimator, X, y, scoring : as in :func:`robustness_curve`
            The model, the rows, and how to score.
        score_name : str, default=None
            Label of the score's axis; None takes ``scoring`` where it is a name.
        ax : array of matplotlib Axes, one for each modality, default=None
            Where to draw. None makes a figure.
        **options : dict
            The other parameters of :func:`robustness_curve`.

        Returns
        -------
        RobustnessDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        curve = robustness_curve(estimator, X, y, scoring=scoring, **options)
        named = scoring.replace("_", " ") if isinstance(scoring, str) else "score"
        return cls(curve=curve, score_name=score_name or named).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : array of matplotlib Axes, one for each modality, default=None
            Where to draw. None makes a figure.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are not as many axes as modalities.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        panels = dict(list(self.curve.groupby("modality", sort=False)))
        self.axes_ = self._check_axes(ax, len(panels))
        self.figure_ = self.axes_[0].figure
        self.lines_ = {}
        for panel, (modality, rows) in zip(self.axes_, panels.items(), strict=True):
            by_corruption = rows.groupby("corruption", sort=False)
            for number, (corruption, line) in enumerate(by_corruption):
                (self.lines_[modality, corruption],) = panel.plot(
                    line["strength"],
                    line["score"],
                    label=corruption,
                    **STYLES[number % len(STYLES)],
                )
            panel.set(title=modality, xlabel="strength")
            panel.grid(axis="y", alpha=0.3)
            panel.spines[["top", "right"]].set_visible(False)
            panel.legend(frameon=False, fontsize="small")
        self.axes_[0].set_ylabel(self.score_name)
        return self

    def _check_axes(self, ax, n_panels):
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(
                1,
                n_panels,
                figsize=(3.2 * n_panels + 0.6, 3.6),
                sharey=True,
                layout="constrained",
            )
        axes = np.array(ax, dtype=object).reshape(-1)
        if len(axes) != n_panels:
            raise ValueError(
                f"ax needs an axes for each of {n_panels} modalities, found {len(axes)}"
            )
        return axes
