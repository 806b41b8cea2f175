"""How the losses went, epoch by epoch."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_mm._compat import check_matplotlib_support
from sklearn_mm.inspection.outputs import found_model


class TrainingHistoryDisplay:
    """Plot the losses of training by epoch, with the best epoch marked.

    Others call this a learning curve; in scikit-learn ``LearningCurveDisplay`` is
    another thing, the score by the number of training rows, so this has another name.

    The two losses cannot be compared by their height. The training loss is measured
    while the weights change, with dropout, with hidden modalities, and with the losses
    of the auxiliary heads added; the validation loss is that of whole rows, after the
    epoch. Compare how they go on: a validation loss that rises while the training loss
    falls tells of overfitting.

    Parameters
    ----------
    train_loss : array-like of shape (n_epochs,)
        Mean loss over the training rows.
    valid_loss : array-like of shape (n_epochs,), default=None
        Mean loss over the held-out rows. Its lowest, the first if there are several,
        is the best epoch: the one that early stopping restores.
    valid_score : array-like of shape (n_epochs,), default=None
        Score of the held-out rows, where early stopping goes by that (``scoring``).
        Then its highest is the best epoch.
    estimator_name : str, default=None
        For the title; None gives none.

    Attributes
    ----------
    best_epoch : int or None
        Counted from 1; None without ``valid_loss``.
    ax_ : matplotlib Axes
        With the curves.
    figure_ : matplotlib Figure
        That holds them.
    train_line_, valid_line_ : matplotlib Line2D
        The losses; the second None if there is none.
    best_line_ : matplotlib Line2D or None
        The vertical line at the best epoch.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by number of training rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mm import AttentionFusionClassifier
    >>> from sklearn_mm.inspection import TrainingHistoryDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = AttentionFusionClassifier(
    ...     width=16, max_epochs=3, early_stopping=True, random_state=0
    ... ).fit(X, y)
    >>> display = TrainingHistoryDisplay.from_estimator(classifier)
    >>> 1 <= display.best_epoch <= 3, display.ax_.get_xlabel()
    (True, 'epoch')
    """

    def __init__(
        self, train_loss, valid_loss=None, *, valid_score=None, estimator_name=None
    ):
        self.train_loss = train_loss
        self.valid_loss = valid_loss
        self.valid_score = valid_score
        self.estimator_name = estimator_name

    @property
    def best_epoch(self):
        """Epoch with the lowest loss, or highest score, from 1: int or None."""
        if self.valid_score is not None:
            return int(np.nanargmax(self.valid_score)) + 1
        if self.valid_loss is None:
            return None
        return int(np.nanargmin(self.valid_loss)) + 1

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None):
        """Plot the history of a fitted estimator.

        Parameters
        ----------
        estimator : fitted attention fusion estimator, or Pipeline that ends in one
            Whose ``history_`` is read.
        name : str, default=None
            For the title; None takes the name of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        TrainingHistoryDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it keeps no history.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        final = found_model(estimator)
        final = final[-1] if isinstance(final, Pipeline) else final
        check_is_fitted(final)
        if not hasattr(final, "history_"):
            raise TypeError(
                f"{type(final).__name__} has no history_; expected a fitted "
                "AttentionFusionClassifier or AttentionFusionRegressor, or a pipeline "
                "that ends in one"
            )
        history = final.history_
        has_valid = all("valid_loss" in epoch for epoch in history)
        by_score = has_valid and final.scoring != "loss"
        display = cls(
            np.array(history[:, "train_loss"]),
            np.array(history[:, "valid_loss"]) if has_valid else None,
            valid_score=np.array(history[:, "valid_score"]) if by_score else None,
            estimator_name=type(final).__name__ if name is None else name,
        )
        return display.plot(ax=ax)

    def plot(self, ax=None):
        """Draw the losses.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        TrainingHistoryDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        epochs = np.arange(1, len(self.train_loss) + 1)
        style = {"marker": "o" if len(epochs) < 40 else None, "markersize": 4}
        (self.train_line_,) = ax.plot(
            epochs, self.train_loss, color="#0072B2", label="training rows", **style
        )
        self.valid_line_ = self.best_line_ = None
        if self.valid_loss is not None:
            (self.valid_line_,) = ax.plot(
                epochs,
                self.valid_loss,
                color="#D55E00",
                linestyle="--",
                label="held-out rows",
                **style,
            )
            best = self.best_epoch
            self.best_line_ = ax.axvline(
                best, color="0.35", linestyle=":", label=f"best epoch: {best}"
            )
        ax.set(xlabel="epoch", ylabel="loss", title=self.estimator_name)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
        return self
