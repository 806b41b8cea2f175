"""Whether a classifier is as often right as it is sure."""

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_consistent_length

from sklearn_mm._compat import check_matplotlib_support
from sklearn_mm.estimators.calibration import present_modalities
from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.inspection.outputs import found_model

# Okabe & Ito's colours, which colour-blind people tell apart; black is for all rows.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P")

OTHER_PATTERNS = "other patterns"


def expected_calibration_error(y_true, y_proba, *, classes=None, n_bins=10):
    """Average the gap between confidence and accuracy.

    Rows are put into bins of equal width by the probability of their most likely class;
    the gap of a bin is the distance between its mean probability and its share of rows
    whose most likely class is the true one, and counts by the rows of the bin (Naeini
    et al. 2015; Guo et al. 2017).

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities of the classes.
    classes : array-like of shape (n_classes,), default=None
        Labels of the columns; None: the sorted labels of ``y_true``.
    n_bins : int, default=10
        Number of bins. The result depends on it: compare only under the same.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the probabilities have another shape than rows by classes.

    Examples
    --------
    >>> from sklearn_mm.inspection import expected_calibration_error
    >>> sure = [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]]
    >>> round(expected_calibration_error([0, 0, 1, 0], sure), 2)
    0.15
    """
    confidence, right = _top_class(y_true, y_proba, classes)
    return _calibration_error(confidence, right, n_bins, "uniform")


class ReliabilityDisplay:
    """Plot how often the most likely class is right, by how sure the model is of it.

    On the diagonal the model is as often right as it says; below, it is too sure of
    itself. Rows are binned by the probability of their most likely class, so it is for
    any number of classes, where scikit-learn's ``CalibrationDisplay`` is for two. A
    line for each pattern of present modalities shows what the line of all rows hides:
    a model may be too sure where it sees much and too modest where it sees little.

    Parameters
    ----------
    curves : dict of str to dict
        By label, "n_samples" (int), "ece" (float, the expected calibration error over
        the same bins), "confidence" and "accuracy" (ndarray of shape (n_filled_bins,)):
        mean probability and share of right rows in each bin that holds a row.
    estimator_name : str, default=None
        For the title; None gives none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        With the curves.
    figure_ : matplotlib Figure
        That holds them.
    lines_ : dict of str to matplotlib Line2D
        By label.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : For one of two classes.
    expected_calibration_error : The number in the legend.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures
    >>> from sklearn_mm.inspection import ReliabilityDisplay
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(90) % 3
    >>> left, right = rng.normal(y[:, None], 1, size=(2, 90, 2))
    >>> left[:30] = np.nan
    >>> X = MultimodalFeatures({"left": left, "right": right})
    >>> classifier = AttentionFusionClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> display = ReliabilityDisplay.from_estimator(classifier, X, y)
    >>> list(display.curves)
    ['all rows', 'left + right', 'right']
    """

    def __init__(self, curves, *, estimator_name=None):
        self.curves = curves
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        by_pattern=True,
        n_bins=10,
        strategy="uniform",
        max_patterns=5,
        name=None,
        ax=None,
    ):
        """Plot the reliability of a fitted classifier on rows that it has not seen.

        Parameters
        ----------
        estimator : fitted classifier or Pipeline, with ``predict_proba``
            Any of scikit-learn's; patterns are known where X is MultimodalFeatures, or
            the pipeline makes it so.
        X : as in the estimator's ``predict``
            Of n_samples.
        y : array-like of shape (n_samples,)
            True labels.
        by_pattern : bool, default=True
            Whether each pattern of present modalities has a line beside that of all
            rows.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or of equally many rows, as in
            :func:`sklearn.calibration.calibration_curve`.
        max_patterns : int, default=5
            Lines of patterns at most: of the most frequent, the last one holding all
            the others where there are more.
        name : str, default=None
            For the title; None takes the name of the class.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            If y is not one label a row.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        estimator = found_model(estimator)
        if isinstance(estimator, Pipeline):
            # Once: what the patterns are read from is what is predicted from.
            X = estimator[:-1].transform(X) if len(estimator) > 1 else X
            estimator = estimator[-1]
        patterns = None
        if by_pattern and isinstance(X, MultimodalFeatures):
            patterns = pattern_names(X)
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            patterns=patterns,
            n_bins=n_bins,
            strategy=strategy,
            max_patterns=max_patterns,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        classes=None,
        patterns=None,
        n_bins=10,
        strategy="uniform",
        max_patterns=5,
        name=None,
        ax=None,
    ):
        """Plot the reliability of probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        y_proba : array-like of shape (n_samples, n_classes)
            Probabilities of the classes.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns; None: the sorted labels of ``y_true``.
        patterns : array-like of str of shape (n_samples,), default=None
            What each row belongs to; each has a line.
        n_bins : int, default=10
            Number of bins.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or of equally many rows, as in
            :func:`sklearn.calibration.calibration_curve`.
        max_patterns : int, default=5
            Lines of patterns at most, from 1 to 6.
        name : str, default=None
            For the title; None gives none.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            If the probabilities have another shape than rows by classes, or there
            would be more lines than colours.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        if not 1 <= max_patterns <= len(_COLORS):
            raise ValueError(
                f"max_patterns must be from 1 to {len(_COLORS)}, found {max_patterns!r}"
            )
        confidence, right = _top_class(y_true, y_proba, classes)
        members = {"all rows": np.ones(len(right), dtype=bool)}
        if patterns is not None:
            check_consistent_length(y_true, patterns)
            members.update(_most_frequent(np.asarray(patterns), max_patterns))
        curves = {
            label: _reliability_curve(confidence[rows], right[rows], n_bins, strategy)
            for label, rows in members.items()
        }
        return cls(curves, estimator_name=name).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        ReliabilityDisplay
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
        self.ax_, self.figure_, self.lines_ = ax, ax.figure, {}
        ax.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="as sure as right")
        styles = [("black", "o", 2.4), *((c, m, 1.5) for c, m in _STYLES)]
        for (label, curve), (color, marker, width) in zip(
            self.curves.items(), styles, strict=False
        ):
            (self.lines_[label],) = ax.plot(
                curve["confidence"],
                curve["accuracy"],
                color=color,
                marker=marker,
                markersize=5,
                linewidth=width,
                label=f"{label} (n={curve['n_samples']}, ECE={curve['ece']:.3f})",
            )
        ax.set(
            xlabel="mean probability of the most likely class",
            ylabel="share of rows where it is right",
            title=self.estimator_name,
            xlim=(min(self._least_confidence() - 0.03, 0.95), 1.02),
            ylim=(-0.02, 1.02),
        )
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize="small", loc="upper left")
        return self

    def _least_confidence(self):
        """Take the lowest confidence: no top class of k classes is below 1 / k."""
        return min(curve["confidence"].min() for curve in self.curves.values())


_STYLES = tuple(zip(_COLORS, _MARKERS, strict=True))


def _top_class(y_true, y_proba, classes):
    """Give the probability of each row's most likely class, and whether it is right."""
    y_true, y_proba = np.asarray(y_true), np.asarray(y_proba, dtype=np.float64)
    if y_true.ndim != 1:
        raise ValueError(
            "reliability is for one label a row, found y of shape "
            f"{y_true.shape}. Of several labels plot each by "
            "sklearn.calibration.CalibrationDisplay."
        )
    classes = np.unique(y_true) if classes is None else np.asarray(classes)
    if y_proba.shape != (len(y_true), len(classes)):
        raise ValueError(
            f"y_proba must have the shape {(len(y_true), len(classes))}, rows by "
            f"classes, found {y_proba.shape}. Pass classes where not every class is "
            "among y_true."
        )
    right = classes[y_proba.argmax(axis=1)] == y_true
    # A sum of rounded numbers may exceed one by a rounding.
    return y_proba.max(axis=1).clip(0, 1), right


def _reliability_curve(confidence, right, n_bins, strategy):
    accuracy, mean = calibration_curve(
        right.astype(int), confidence, n_bins=n_bins, strategy=strategy, pos_label=1
    )
    return {
        "n_samples": len(right),
        "ece": _calibration_error(confidence, right, n_bins, strategy),
        "confidence": mean,
        "accuracy": accuracy,
    }


def _calibration_error(confidence, right, n_bins, strategy):
    """Sum the gaps of the bins, which are those of scikit-learn's calibration_curve."""
    if strategy == "quantile":
        edges = np.percentile(confidence, np.linspace(0, 1, n_bins + 1) * 100)
    else:
        edges = np.linspace(0, 1, n_bins + 1)
    bins = np.searchsorted(edges[1:-1], confidence)
    gaps = np.bincount(bins, weights=confidence - right)
    return float(np.abs(gaps).sum() / len(right))


def pattern_names(features):
    """Name the modalities that each row has: ndarray of str of shape (n_samples,)."""
    names = np.array(features.names, dtype=object)
    patterns, of_row = np.unique(
        present_modalities(features), axis=0, return_inverse=True
    )
    labels = [" + ".join(names[pattern]) or "nothing" for pattern in patterns]
    return np.array(labels)[of_row.reshape(-1)]


def _most_frequent(patterns, n_most):
    """Give the rows of the most frequent patterns, the rarest together if too many."""
    labels, counts = np.unique(patterns, return_counts=True)
    labels = labels[np.argsort(-counts, kind="stable")]
    kept = labels if len(labels) <= n_most else labels[: n_most - 1]
    members = {str(label): patterns == label for label in kept}
    if len(kept) < len(labels):
        members[OTHER_PATTERNS] = ~np.isin(patterns, kept)
    return members
