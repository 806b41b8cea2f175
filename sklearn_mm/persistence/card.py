"""The model card: what a file says to people."""

from numbers import Real

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.pipeline import Pipeline

# Classes that are listed; of more their number is.
MAX_CLASSES = 20


def describe(model, scores):
    """Say what a model is, in plain values.

    Parameters
    ----------
    model : estimator
        Any; fitted or not.
    scores : dict of str to float, or None
        Given by the user.

    Returns
    -------
    dict
    """
    inner = _inner(model)
    kind = "transformer"
    if is_classifier(model) or is_regressor(model):
        kind = "classifier" if is_classifier(model) else "regressor"
    return {
        "class": type(model).__name__,
        "estimator": type(inner).__name__,
        "steps": [type(step).__name__ for step in _steps(model)],
        "task": kind,
        "classes": _classes(model),
        "modalities": _modalities(inner, model),
        "missing": getattr(inner, "missing", None),
        "scores": _check_scores(scores),
        "training": _training(inner),
    }


def _inner(model):
    """Go down through searches, pipelines and wrappers to what was trained."""
    for _ in range(50):
        parts = vars(model)
        if isinstance(model, Pipeline) and model.steps:
            inner = model.steps[-1][1]
        elif "best_estimator_" in parts:
            inner = parts["best_estimator_"]
        elif "estimator_" in parts and not hasattr(model, "transform"):
            inner = parts["estimator_"]
        elif parts.get("calibrated_classifiers_"):
            inner = parts["calibrated_classifiers_"][0].estimator
        else:
            return model
        if not hasattr(inner, "get_params"):
            return model
        model = inner
    return model


def _steps(model):
    while "best_estimator_" in vars(model):
        model = model.best_estimator_
    if isinstance(model, Pipeline):
        return [step for _, step in model.steps]
    return [model]


def _classes(model):
    try:
        classes = model.classes_
    except (AttributeError, TypeError, ValueError):
        return None
    if not isinstance(classes, np.ndarray) or classes.ndim != 1:
        return None
    return [str(label) for label in classes.tolist()]


def _modalities(inner, model):
    known = getattr(inner, "modalities_in_", None)
    if isinstance(known, dict):
        return {
            str(name): {
                "kind": modality.kind,
                "token_shape": [int(size) for size in modality.token_shape],
                "vocabulary_size": modality.vocabulary_size
                and int(modality.vocabulary_size),
            }
            for name, modality in known.items()
        }
    for step in _steps(model):
        if hasattr(step, "transformers_"):
            return {
                str(name): {"read_by": type(transformer).__name__}
                for name, transformer, _ in step.transformers_
            }
    return {}


def _training(inner):
    """Look up in the history how the training ended."""
    history = getattr(inner, "history_", None)
    if not history:
        return {}
    last, found = dict(history[-1]), {"epochs": len(history)}
    for name in ("train_loss", "valid_loss", "valid_score"):
        value = last.get(name)
        if isinstance(value, Real) and np.isfinite(value):
            found[f"last {name.replace('_', ' ')}"] = float(value)
    return found


def _check_scores(scores):
    if scores is None:
        return {}
    if not isinstance(scores, dict):
        raise TypeError(
            f"scores must be a dict of names to numbers, found {scores!r:.200}"
        )
    checked = {}
    for name, value in scores.items():
        if not isinstance(name, str) or not isinstance(value, Real | np.number):
            raise TypeError(
                f"scores must be a dict of names to numbers, found {name!r:.80}: "
                f"{value!r:.80}"
            )
        if not np.isfinite(value):
            raise ValueError(f"the score {name!r:.80} must be finite, found {value!r}")
        checked[name] = float(value)
    return checked


def write_card(manifest, notes, has_report):
    """Write the card of a file: Markdown.

    Parameters
    ----------
    manifest : dict
        Of the file; its members are not looked at.
    notes : str or None
        What the user says of the model.
    has_report : bool
        Whether a report is in the file.

    Returns
    -------
    str
    """
    about, versions = manifest["model"], manifest["versions"]
    sections = [
        ("", [f"# {about['estimator']}", "", _summary(about)]),
        ("Notes", [notes] if notes else []),
        ("Scores", _scores(about, has_report)),
        ("Classes", _class_lines(about["classes"])),
        ("Modalities", _modality_lines(about)),
        ("What it holds of the training rows", [manifest["privacy"]]),
        ("What is missing", _missing_lines(manifest)),
        ("Limits", _limits(about)),
        ("Versions", [f"- {name} {version}" for name, version in versions.items()]),
        ("Use", _use(manifest)),
    ]
    lines = []
    for title, body in sections:
        if body:
            lines += [f"## {title}", ""] if title else []
            lines += [*body, ""]
    return "\n".join(lines)


def _plain(text):
    """Keep a text from the data from being markup."""
    escaped = "".join(f"\\{c}" if c in "\\`*_[]<>#|!" else c for c in str(text))
    return " ".join(escaped.split())


def _summary(about):
    steps = " → ".join(about["steps"])
    return f"A {about['task']} of sklearn_mm: {steps}."


def _scores(about, has_report):
    lines = [
        f"- {_plain(name)}: {value:.6g}" for name, value in about["scores"].items()
    ]
    if not lines:
        lines = ["No scores were given. `save(..., scores={...})` puts them here."]
    training = about["training"]
    if training:
        ends = ", ".join(f"{name} {value:.6g}" for name, value in training.items())
        lines += ["", f"Training: {ends}. These are no scores on new rows."]
    if has_report:
        lines += ["", "`report.html` in this archive shows more."]
    return lines


def _class_lines(classes):
    if not classes:
        return []
    shown = ", ".join(_plain(label) for label in classes[:MAX_CLASSES])
    more = len(classes) - MAX_CLASSES
    return [f"{len(classes)}: {shown}" + (f", and {more} more" if more > 0 else "")]


def _modality_lines(about):
    lines = []
    for name, entry in about["modalities"].items():
        if "kind" in entry:
            what = f"{entry['kind']}, tokens of shape {tuple(entry['token_shape'])}"
            if entry["vocabulary_size"]:
                what = f"{entry['kind']}, of {entry['vocabulary_size']} ids"
        else:
            what = f"read by {entry['read_by']}"
        lines.append(f"- {_plain(name)}: {what}")
    rules = {
        "token": "A modality that a row lacks is one learned token.",
        "skip": "A modality that a row lacks is left out.",
        "error": "Every row must have every modality.",
    }
    rule = rules.get(about["missing"])
    return [*lines, "", rule] if lines and rule else lines


def _missing_lines(manifest):
    lines = [f"- {_plain(what)}" for what in manifest["left_out"]]
    for entry in manifest["pretrained"]:
        if not entry["inside"]:
            lines.append(
                f"- the weights of {_plain(entry['model'])} ({entry['class']}): put "
                f"the files with the SHA-256 {entry['sha256']} there"
            )
    if manifest["model"]["training"]:
        lines.append(
            "- the state of the optimizer and the losses of single batches: "
            "`partial_fit` begins with a new optimizer"
        )
    return [*lines, "- the training rows"]


def _limits(about):
    lines = [
        "- Scores hold for rows that are like those they were measured on.",
    ]
    if about["modalities"]:
        names = ", ".join(_plain(name) for name in about["modalities"])
        lines.append(f"- It reads {names}, and nothing else of a row.")
    if about["classes"]:
        lines.append("- It names one of its classes for every row, however odd.")
    lines.append(
        "- The SHA-256 of each part is in `manifest.json`: they tell damage, not who "
        "wrote the file."
    )
    return lines


def _use(manifest):
    trusted = manifest["trusted"]
    names = ", ".join(name.rpartition(".")[2] for name in trusted)
    more = f", trusted=[{names}]" if trusted else ""
    return [
        "```python",
        "import sklearn_mm",
        "",
        f'model = sklearn_mm.load("model.mm"{more})',
        "```",
    ]
