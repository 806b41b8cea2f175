"""Section on scores: numbers, confusion matrix, residuals."""

import numpy as np
from sklearn import metrics

from sklearn_mm.inspection.reporting.figures import new_figure, to_picture
from sklearn_mm.inspection.reporting.markup import Section, Table
from sklearn_mm.inspection.reporting.measures import measure

# More classes make a matrix that nobody reads.
MOST_CLASSES = 20
# Numbers are written into the cells of a matrix up to so many classes.
MOST_NUMBERED = 12

TITLE = "Scores"


def show_scores(subject):
    """Score all rows, beside a prediction that sees nothing.

    Parameters
    ----------
    subject : Subject
        The model and the rows.

    Returns
    -------
    Section
    """
    found, chance, guess = measure(subject)
    rows = [
        [name, f"{value:.3f}", f"{chance[name]:.3f}" if name in chance else "–"]
        for name, value in found.items()
    ]
    blocks = [Table(["score", "model", guess], rows)]
    if not subject.is_classifier:
        blocks.append(_residuals(subject))
    else:
        blocks.append(_by_class(subject))
        if subject.has_one_output:
            blocks.append(_confusion(subject))
    return Section("scores", TITLE, f"All {len(subject):,} rows.", blocks)


def headline(subject):
    """Name the one score of the top of the page: (name, value as text)."""
    if subject.quantile is not None:
        found = measure(subject)[0]
        return "pinball loss", f"{found['pinball loss']:.4g}"
    if not subject.is_classifier:
        return "R²", f"{metrics.r2_score(subject.y, subject.predicted):.3f}"
    name = "accuracy" if subject.has_one_output else "rows all right"
    return name, f"{metrics.accuracy_score(subject.y, subject.predicted):.1%}"


def _by_class(subject):
    """Give precision, recall and frequency of each class, or of each label."""
    labels = np.unique(subject.y) if subject.has_one_output else None
    numbers = metrics.precision_recall_fscore_support(
        subject.y, subject.predicted, labels=labels, zero_division=0
    )
    names = range(subject.y.shape[1]) if labels is None else labels
    rows = [
        [str(name), *(f"{number:.3f}" for number in scores), f"{int(count):,}"]
        for name, *scores, count in zip(names, *numbers, strict=True)
    ]
    what = "label" if labels is None else "class"
    return Table([what, "precision", "recall", "F1", "rows"], rows, f"By {what}")


def _confusion(subject):
    """Draw which class is taken for which."""
    labels = np.union1d(subject.y, subject.predicted)
    caption = "What the rows of each class were taken for."
    if len(labels) > MOST_CLASSES:
        counts = np.array([(subject.y == label).sum() for label in labels])
        labels = np.sort(labels[np.argsort(-counts, kind="stable")[:MOST_CLASSES]])
        caption += f" The {MOST_CLASSES} most frequent classes."
    size = max(3.4, 1.2 + 0.3 * len(labels))
    figure = new_figure(size, size)
    display = metrics.ConfusionMatrixDisplay.from_predictions(
        subject.y,
        subject.predicted,
        labels=labels,
        include_values=len(labels) <= MOST_NUMBERED,
        xticks_rotation="vertical" if max(len(str(x)) for x in labels) > 3 else 0,
        cmap="Blues",
        colorbar=len(labels) > MOST_NUMBERED,
        ax=figure.subplots(),
    )
    display.ax_.set(xlabel="predicted", ylabel="true")
    return to_picture(figure, "Confusion matrix of true and predicted classes", caption)


def _residuals(subject):
    """Draw predicted and true numbers, and what is between them."""
    y, predicted = (
        np.reshape(numbers, (len(subject), -1))
        for numbers in (subject.y, subject.predicted)
    )
    figure = new_figure(9.5, 4 * y.shape[1])
    axes = figure.subplots(y.shape[1], 2, squeeze=False)
    for output, panels in enumerate(axes):
        for kind, ax in zip(
            ("actual_vs_predicted", "residual_vs_predicted"), panels, strict=True
        ):
            metrics.PredictionErrorDisplay.from_predictions(
                y[:, output],
                predicted[:, output],
                kind=kind,
                subsample=subject.max_rows,
                random_state=subject.seed,
                ax=ax,
                scatter_kwargs={"color": "#0072B2", "alpha": 0.6, "s": 18},
            )
            if y.shape[1] > 1:
                ax.set_title(f"output {output}")
    caption = "On the dashed lines predictions are right."
    return to_picture(figure, "True values and residuals by predictions", caption)
