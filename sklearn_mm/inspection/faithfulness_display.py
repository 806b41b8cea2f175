"""FaithfulnessDisplay: predictions as tokens are removed, in order and at random."""

import numpy as np

from sklearn_mm._compat import check_matplotlib_support
from sklearn_mm.inspection.faithfulness import faithfulness_curve
from sklearn_mm.inspection.panels import COLOURS


class FaithfulnessDisplay:
    """Predictions as tokens are removed in an order, against random order.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    shares : ndarray of shape (n_shares,)
        Of the tokens of each row that are removed.
    ordered, random : ndarray of shape (n_samples, n_shares)
        How good the predictions are, row by row.
    area : ndarray of shape (n_samples,)
        Between the two.
    order : str
        What the order is.
    metric : str
        What is measured.

    Attributes
    ----------
    ax_ : Axes
        With the curves.
    figure_ : Figure
        Which holds it.
    lines_ : list of Line2D
        The mean over the rows, in random order and in order.

    See Also
    --------
    faithfulness_curve : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures
    >>> from sklearn_mm.inspection import FaithfulnessDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = MultimodalFeatures({
    ...     "signal": rng.normal(size=(40, 2)) + 2 * y[:, None],
    ...     "noise": rng.normal(size=(40, 2)),
    ... })
    >>> classifier = AttentionFusionClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> display = FaithfulnessDisplay.from_estimator(classifier, X, random_state=0)
    >>> display.ax_.get_xlabel()
    'share of tokens removed'
    """

    def __init__(self, shares, ordered, random, area, *, order, metric):
        self.shares = shares
        self.ordered = ordered
        self.random = random
        self.area = area
        self.order = order
        self.metric = metric

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        order="attention",
        n_shares=11,
        n_repeats=5,
        n_steps=50,
        random_state=None,
        ax=None,
    ):
        """Remove tokens, predict, and draw.

        Parameters
        ----------
        estimator : fitted attention fusion estimator, or Pipeline that ends in one
            The model.
        X : as in the estimator's ``predict``
            Of n_samples, best such as were not trained on.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets; None takes what a classifier predicts.
        order : {"attention", "attribution"}, default="attention"
            What is removed first.
        n_shares : int, default=11
            Shares that are removed, from none to all.
        n_repeats : int, default=5
            Random orders to average.
        n_steps : int, default=50
            Of integration, for ``"attribution"``.
        random_state : int, RandomState instance or None, default=None
            Of the random orders.
        ax : Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        FaithfulnessDisplay
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        curve = faithfulness_curve(
            estimator,
            X,
            y,
            order=order,
            n_shares=n_shares,
            n_repeats=n_repeats,
            n_steps=n_steps,
            random_state=random_state,
        )
        return cls(**curve).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the mean of each curve, its standard error, and the area between.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        FaithfulnessDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        from matplotlib import pyplot as plt

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.lines_ = []
        for values, label, colour, style in (
            (self.random, "in random order", "black", "--"),
            (self.ordered, f"by {self.order}, largest first", COLOURS[0], "-"),
        ):
            mean = values.mean(axis=0)
            error = values.std(axis=0) / np.sqrt(len(values))
            self.lines_ += ax.plot(
                self.shares, mean, style, color=colour, label=label, linewidth=2
            )
            ax.fill_between(
                self.shares, mean - error, mean + error, color=colour, alpha=0.25, lw=0
            )
        ax.fill_between(
            self.shares,
            self.ordered.mean(axis=0),
            self.random.mean(axis=0),
            color=COLOURS[5],
            alpha=0.25,
            lw=0,
            label=f"area between: {self.area.mean():.2f}",
        )
        ax.set(xlabel="share of tokens removed", ylabel=self.metric, xlim=(0, 1))
        if self.metric.startswith("probability"):
            ax.set_ylim(0, 1.02)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
