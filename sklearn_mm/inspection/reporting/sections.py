"""The sections of a report, in the order of the page."""

import re

import numpy as np
from sklearn.utils import check_random_state, estimator_html_repr

from sklearn_mm._html import features_table
from sklearn_mm.inspection.attention import attention_weights
from sklearn_mm.inspection.attention_display import MOST_GROUPS, AttentionDisplay
from sklearn_mm.inspection.history import TrainingHistoryDisplay
from sklearn_mm.inspection.importance_display import ModalityImportanceDisplay
from sklearn_mm.inspection.reliability import (
    ReliabilityDisplay,
    pattern_names,
)
from sklearn_mm.inspection.reporting.figures import (
    FULL,
    HALF,
    new_figure,
    new_panels,
    to_picture,
)
from sklearn_mm.inspection.reporting.markup import (
    Examples,
    Paragraph,
    Section,
    Snippet,
)
from sklearn_mm.inspection.reporting.mistakes import make_example, show_mistakes
from sklearn_mm.inspection.reporting.scores import show_scores
from sklearn_mm.inspection.reporting.subject import (
    NO_ATTENTION,
    NO_CELLS,
    NO_FEATURES,
)
from sklearn_mm.inspection.robustness import robustness_curve
from sklearn_mm.inspection.robustness_display import RobustnessDisplay
from sklearn_mm.inspection.subsets import SubsetScoresDisplay

# All subsets of more modalities would take thousands of predictions.
MOST_MODALITIES = 8
# Classes of more are not told apart by the colours of boxes.
REFUSED = "The transformers refuse all cells that the corruptions make."
STRENGTHS = (0, 0.25, 0.5, 0.75, 1)
N_BOOTSTRAPS = 100
BLUE = "#0072B2"


def show_data(subject):
    """Sum up the features and the target, and show some rows."""
    blocks = []
    if subject.features is not None:
        blocks.append(Snippet(features_table(subject.features), "feature-table"))
    blocks.append(_draw_target(subject))
    if subject.union is None:
        blocks.append(Paragraph(f"Rows are not shown. {NO_CELLS}"))
    elif subject.n_examples:
        rows = check_random_state(subject.seed).permutation(len(subject))
        examples = [make_example(subject, row) for row in rows[: subject.n_examples]]
        blocks.append(Examples(examples))
    lead = f"{len(subject):,} rows, none of which should have been trained on."
    return Section("data", "Data", lead, blocks)


def show_model(subject):
    """Show the diagram of the pipeline."""
    lead = "Every step unfolds. What was set differently from the default is marked."
    diagram = estimator_html_repr(subject.estimator)
    diagram = Snippet(_without_links(diagram), "diagram")
    return Section("model", "Model", lead, [diagram])


def show_training(subject):
    """Draw the losses by epoch."""
    title = "Training"
    if not hasattr(subject.final, "history_"):
        reason = f"{type(subject.final).__name__} keeps no history of its training."
        return Section("training", title, reason)
    figure = new_figure(HALF, 3.6)
    TrainingHistoryDisplay.from_estimator(subject.final, ax=figure.subplots())
    lead = (
        "The two losses cannot be compared by their height. A loss of held-out rows "
        "that rises while the other falls tells of overfitting."
    )
    picture = to_picture(figure, "Losses of training by epoch")
    return Section("training", title, lead, [picture], is_half=True)


def show_importance(subject):
    """Draw what each modality adds to the score."""
    title = "What each modality adds"
    if subject.features is None:
        return Section("importance", title, NO_FEATURES)
    method, meaning = "shapley", "The gain in score when a modality joins others"
    if len(subject.features.names) > MOST_MODALITIES:
        method, meaning = "ablation", "The loss in score when a modality is hidden"
    X, y = subject.sampled(subject.features)
    figure = new_figure(HALF, 1.6 + 0.5 * len(X.names))
    ModalityImportanceDisplay.from_estimator(
        subject.model,
        X,
        y,
        method=method,
        scoring=subject.scoring,
        n_bootstraps=N_BOOTSTRAPS,
        random_state=subject.seed,
        ax=figure.subplots(),
    )
    lead = (
        f"{meaning}, with intervals of 95% over the rows. {subject.describe_sample()}"
    )
    picture = to_picture(figure, "Bars of the importance of each modality")
    return Section("importance", title, lead, [picture], is_half=True)


def show_subsets(subject):
    """Draw the score on every subset of the modalities."""
    title = "With fewer modalities"
    if subject.features is None:
        return Section("subsets", title, NO_FEATURES)
    n_modalities = len(subject.features.names)
    if n_modalities > MOST_MODALITIES:
        reason = f"{n_modalities} modalities have {2**n_modalities - 1:,} subsets."
        return Section("subsets", title, reason)
    X, y = subject.sampled(subject.features)
    width = HALF if n_modalities <= 3 else FULL
    figure = new_figure(width, 2.8 + 0.3 * n_modalities)
    SubsetScoresDisplay.from_estimator(
        subject.model, X, y, scoring=subject.scoring, ax=figure.subplots()
    )
    lead = (
        "The score of this one model when it is shown only some of the modalities. "
        f"{subject.describe_sample()}"
    )
    picture = to_picture(figure, "Bars of the score on each subset of the modalities")
    return Section("subsets", title, lead, [picture], is_half=width == HALF)


def show_robustness(subject):
    """Draw how the score falls as cells get worse."""
    title = "When cells get worse"
    if subject.union is None:
        return Section("robustness", title, NO_CELLS)
    table, y = subject.sampled(subject.table)
    curve = robustness_curve(
        subject.estimator,
        table,
        y,
        strengths=STRENGTHS,
        scoring=subject.scoring,
        random_state=subject.seed,
    )
    if curve.empty:
        return Section("robustness", title, REFUSED)
    name = subject.scoring if isinstance(subject.scoring, str) else "score"
    display = RobustnessDisplay(curve=curve, score_name=name.replace("_", " "))
    display.plot(ax=new_panels(curve["modality"].nunique(), 3.2, sharey=True))
    for panel in display.axes_:
        if panel.get_subplotspec().is_first_col():
            panel.set_ylabel(display.score_name)
    lead = (
        "The score as the cells of one modality are corrupted. A line that ends below "
        "that of missing cells shows that spoiled cells mislead the model. "
        f"{subject.describe_sample()}"
    )
    alt = "Lines of the score over the strength of corruptions"
    picture = to_picture(display.figure_, alt)
    return Section("robustness", title, lead, [picture])


def show_reliability(subject):
    """Draw whether a classifier is as often right as it is sure."""
    title = "Is it as often right as it is sure?"
    if subject.probabilities is None or not subject.has_one_output:
        reason = "It is for probabilities of one label a row, which are not there."
        return Section("reliability", title, reason)
    figure = new_figure(HALF, 4.6)
    patterns = None if subject.features is None else pattern_names(subject.features)
    if patterns is not None and len(np.unique(patterns)) == 1:
        patterns = None  # whose line would lie on that of all rows
    ReliabilityDisplay.from_predictions(
        subject.y,
        subject.probabilities,
        classes=subject.estimator.classes_,
        patterns=patterns,
        ax=figure.subplots(),
    )
    lead = (
        "Below the diagonal the model is too sure of itself. ECE is the expected "
        "calibration error."
    )
    if patterns is not None:
        lead += " A line for each pattern of modalities that rows have."
    picture = to_picture(figure, "Share of right rows by mean probability")
    return Section("reliability", title, lead, [picture], is_half=True)


def show_attention(subject):
    """Draw the attention weights by modality and class."""
    title = "What the read-out weighs"
    if not subject.reads_attention:
        return Section("attention", title, NO_ATTENTION)
    has_classes = subject.is_classifier and subject.has_one_output
    n_groups = len(np.unique(subject.y)) if has_classes else 1
    groups = subject.y if 1 < n_groups <= MOST_GROUPS else None
    n_groups = 1 if groups is None else n_groups
    width = HALF if n_groups * len(subject.features.names) <= 15 else FULL
    figure = new_figure(width, 3.8)
    weights = attention_weights(subject.model, subject.features)
    display = AttentionDisplay(weights, groups=groups).plot(ax=figure.subplots())
    legend = display.axes_[0].get_legend()
    if legend is not None:  # beside the boxes, which many classes would hide
        legend.remove()
        handles = legend.legend_handles
        figure.legend(handles=handles, title="class", loc="outside right upper")
    lead = "The weight of each modality in each row; the weights of a row sum to one."
    picture = to_picture(figure, "Boxes of attention weights by modality and class")
    return Section("attention", title, lead, [picture], is_half=width == HALF)


SECTIONS = {
    "data": show_data,
    "model": show_model,
    "scores": show_scores,
    "training": show_training,
    "reliability": show_reliability,
    "importance": show_importance,
    "subsets": show_subsets,
    "attention": show_attention,
    "robustness": show_robustness,
    "mistakes": show_mistakes,
}


def _draw_target(subject):
    """Draw how often each class occurs, or how the numbers are distributed."""
    is_labelled = subject.is_classifier and subject.has_one_output
    labels, counts = np.unique(subject.y, return_counts=True)
    figure = new_figure(FULL if is_labelled and len(labels) > 6 else HALF, 2.4)
    ax = figure.subplots()
    if is_labelled:
        bars = ax.bar(range(len(labels)), counts, color=BLUE, width=0.7)
        if len(labels) <= 30:
            ax.bar_label(bars, padding=2, fontsize="small")
            upright = max(len(str(label)) for label in labels) * len(labels) > 70
            ax.set_xticks(
                range(len(labels)), labels, rotation="vertical" if upright else 0
            )
        ax.set(xlabel="class", ylabel="rows")
        ax.margins(y=0.15)
    elif subject.is_classifier:
        ax.bar(range(subject.y.shape[1]), subject.y.sum(axis=0), color=BLUE, width=0.7)
        ax.set(xlabel="label", ylabel="rows that have it")
    else:
        for output, numbers in enumerate(subject.y.reshape(len(subject), -1).T):
            ax.hist(numbers, bins="auto", alpha=0.7, label=f"output {output}")
        ax.set(xlabel="target", ylabel="rows")
        if not subject.has_one_output:
            ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return to_picture(figure, "How the target is distributed", "The target")


def _without_links(diagram):
    """Take scripts and addresses from scikit-learn's diagram: the page holds neither.

    Names and parameters are escaped in it, so every tag is scikit-learn's own.
    """
    diagram = re.sub(r"<script>.*?</script>", "", diagram, flags=re.DOTALL)
    diagram = re.sub(r'\s(href|onclick)="[^"]*"', "", diagram)
    return re.sub(r"</?body>", "", diagram)
