"""Section on the most confident mistakes, with what the network looked at."""

import numpy as np

from sklearn_mm._compat import _safe_indexing
from sklearn_mm.inspection.attention_display import AttentionDisplay
from sklearn_mm.inspection.reporting.cells import show_cell
from sklearn_mm.inspection.reporting.figures import drawable, new_panels, to_picture
from sklearn_mm.inspection.reporting.markup import (
    Example,
    Examples,
    Paragraph,
    Section,
)
from sklearn_mm.inspection.tokens import ABSENT

TITLES = {True: "Most confident mistakes", False: "Largest errors"}


def show_mistakes(subject):
    """Show the rows where the model was surest and wrong, or furthest off.

    Parameters
    ----------
    subject : Subject
        The model and the rows.

    Returns
    -------
    Section
    """
    title = TITLES[subject.is_classifier]
    rows, n_wrong = _worst_rows(subject)
    if not subject.n_examples:
        return Section("mistakes", title, "No examples were asked for.")
    if not len(rows):
        blocks = [Paragraph("There is none: every row is predicted right.")]
        return Section("mistakes", title, f"Of {len(subject):,} rows.", blocks)
    lead = f"{len(rows)} of {n_wrong:,} rows that are wrong"
    lead = lead if subject.is_classifier else f"{len(rows)} of {n_wrong:,} rows"
    if subject.reads_attention:
        lead += (
            ". The colour is the weight that the read-out gives to a token. It is no "
            "proof of what made the difference: a token may have read others before"
        )
    examples = [make_example(subject, row, explained=True) for row in rows]
    return Section("mistakes", title, f"{lead}.", [Examples(examples)])


def make_example(subject, row, *, explained=False):
    """Show one row of the caller's table.

    Parameters
    ----------
    subject : Subject
        The model and the rows.
    row : int
        Its number.
    explained : bool, default=False
        Whether to say what was predicted and to draw the attention, where there is one.

    Returns
    -------
    Example
    """
    cells = []
    if subject.union is not None:
        cells = [
            (name, show_cell(transformer, subject.table, columns, row))
            for name, transformer, columns in subject.union.transformers_
        ]
    target = _describe(subject.y[row])
    heading = f"row {subject.index[row]}"
    if not explained:
        what = "class" if subject.is_classifier and subject.has_one_output else "target"
        return Example(heading, f"{what} {target}", cells)
    example = Example(heading, f"{_verdict(subject, row)}, true {target}", cells)
    if subject.reads_attention:
        example.words, example.picture = _attention(subject, row)
    return example


def _worst_rows(subject):
    """Order the rows that are wrong: those to show, and how many there are."""
    y, predicted = subject.y, subject.predicted
    if not subject.is_classifier:
        errors = np.abs(predicted - y).reshape(len(y), -1)
        size = (errors / (y.reshape(len(y), -1).std(axis=0) + 1e-12)).sum(axis=1)
        wrong = np.arange(len(y))
    else:
        wrong = np.flatnonzero((y != predicted).reshape(len(y), -1).any(axis=1))
        size = _confidence(subject)
    order = wrong[np.argsort(-size[wrong], kind="stable")]
    return order[: subject.n_examples], len(wrong)


def _confidence(subject):
    """Say how sure the model is of each row, wrong labels of several counted."""
    probabilities = subject.probabilities
    if probabilities is None:
        return np.zeros(len(subject))
    if subject.has_one_output:
        return probabilities.max(axis=1)
    return np.abs(probabilities - subject.y).max(axis=1)


def _verdict(subject, row):
    said = f"predicted {_describe(subject.predicted[row])}"
    if subject.probabilities is None or not subject.has_one_output:
        return said
    return f"{said} (probability {subject.probabilities[row].max():.2f})"


def _describe(target):
    if np.ndim(target):
        return "[" + ", ".join(_describe(one) for one in target) + "]"
    return f"{target:.4g}" if isinstance(target, np.floating) else str(target)


def _attention(subject, row):
    """Give the picture, and words with their share of the largest weight.

    Words of which the picture's font lacks letters are numbered in it, and stand on the
    page itself, whose fonts have the letters of more scripts.
    """
    # From the cells, where they are known: so are then words, seconds and names.
    X = subject.X if subject.union is not None else subject.features
    model = subject.estimator if subject.union is not None else subject.model
    display = AttentionDisplay._of_one(model, _safe_indexing(X, [int(row)]), None, 0)
    words = []
    for name, block in display.blocks.items():
        tokens = display.weights[display.weights["modality"] == name]
        known = ~tokens["label"].isin(["", ABSENT])
        is_text = block.kind == "tokens" and known.all()
        if is_text and not all(map(drawable, tokens["label"])):
            largest = tokens["weight"].max() or 1.0
            shares = (tokens["weight"] / largest).round(2)
            words.append((name, list(zip(tokens["label"], shares, strict=True))))
    labels = display.weights["label"]
    display.weights["label"] = [
        label if drawable(label) else f"word {number + 1}"
        for label, number in zip(labels, display.weights["token"], strict=True)
    ]
    display.plot(ax=new_panels(len(display.blocks) + 1, 2.7))
    alt = "Attention weights over the cells of the row, and of each modality"
    return words, to_picture(display.figure_, alt)
