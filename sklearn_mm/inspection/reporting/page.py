"""report: one file of HTML that shows a fitted model and its rows."""

import os
from functools import cache
from numbers import Integral
from pathlib import Path

import numpy as np
import sklearn
from sklearn.utils import check_random_state

import sklearn_mm
from sklearn_mm._compat import check_matplotlib_support


def report(
    estimator,
    X,
    y,
    path="report.html",
    *,
    title=None,
    sections=None,
    n_examples=4,
    max_rows=500,
    scoring=None,
    random_state=None,
):
    """Write what a fitted model is worth, and why, into one page of HTML.

    The page holds everything that it shows, sounds that can be played included: it
    fetches nothing and runs no script. All that comes from the data is escaped.

    Parameters
    ----------
    estimator : fitted classifier or regressor, Pipeline, or search over one
        The model; of a search its best estimator. What cannot be shown of it is left
        out, and the page says why: cells need a Pipeline that begins with a
        :class:`MultimodalFeatureUnion`; attention needs an attention fusion estimator.
    X : MultimodalFeatures, or what the estimator takes
        Of n_samples, best ones that were not trained on.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    path : str or Path, default="report.html"
        The file. One that is there is replaced when the new one is complete.
    title : str, default=None
        Heading of the page; None makes one of the estimator's name.
    sections : list of str, default=None
        The sections to make, among:

        - ``"data"``: kinds, lengths, missing cells, the target, and sample rows;
        - ``"model"``: the diagram of the pipeline;
        - ``"scores"``: numbers, and the confusion matrix or residuals;
        - ``"training"``: the losses by epoch;
        - ``"reliability"``: how sure it is (:class:`ReliabilityDisplay`);
        - ``"importance"``: what each modality adds (:func:`modality_importance`);
        - ``"subsets"``: scores on subsets of the modalities (:func:`subset_scores`);
        - ``"attention"``: what the read-out weighs (:class:`AttentionDisplay`);
        - ``"robustness"``: scores on corrupted cells (:func:`robustness_curve`);
        - ``"mistakes"``: the most confident ones, with their cells and attention.

        None makes all. ``"robustness"`` is the slowest: it transforms the cells once
        for each corruption and strength.
    n_examples : int, default=4
        Sample rows, and mistakes.
    max_rows : int, default=500
        Rows for importance, subsets and robustness, drawn at random.
    scoring : str, callable or None, default=None
        The score of these three, as in scikit-learn; None is accuracy or R squared.
    random_state : int, RandomState or None, default=None
        Of the rows that are drawn, of resamples and of corruptions.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    ValueError
        If a section is unknown, or a number too small.
    FileNotFoundError
        If there is no folder for the file.

    See Also
    --------
    AttentionDisplay : One of the plots of the page.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mm import AttentionFusionClassifier
    >>> from sklearn_mm.inspection import report
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = AttentionFusionClassifier(width=16, max_epochs=2, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = report(
    ...         classifier.fit(X, y), X, y, f"{folder}/iris.html", sections=["scores"]
    ...     )
    ...     print(path.name, "accuracy" in path.read_text(encoding="utf-8"))
    iris.html True
    """
    check_matplotlib_support("report")
    # What they stand on, torch and all displays, is only needed now.
    from sklearn_mm.inspection.reporting.figures import plain_style
    from sklearn_mm.inspection.reporting.sections import SECTIONS
    from sklearn_mm.inspection.reporting.subject import Subject

    path = _check_path(path)
    chosen = _check_sections(sections, list(SECTIONS))
    _check_number("n_examples", n_examples, 0)
    _check_number("max_rows", max_rows, 1)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    subject = Subject(estimator, X, np.asarray(y), n_examples, max_rows, scoring, seed)
    shown = []
    with plain_style():
        for name in chosen:
            try:
                shown.append(SECTIONS[name](subject))
            except Exception as error:
                error.add_note(
                    f"In section {name!r} of the report; sections=[...] can do without."
                )
                raise
    _write(path, _render(subject, shown, title))
    return path


def _render(subject, sections, title):
    """Fill the template."""
    from sklearn_mm.inspection.reporting.scores import headline

    name = type(subject.final).__name__
    facts = [headline(subject), ("rows", f"{len(subject):,}")]
    if subject.features is not None:
        facts.append(("modalities", str(len(subject.features.names))))
        missing = np.mean([b.missing.mean() for b in subject.features.blocks.values()])
        facts.append(("missing cells", f"{missing:.1%}"))
    return _template().render(
        title=title or f"{name}: report",
        estimator=name,
        facts=facts,
        sections=sections,
        versions=f"sklearn_mm {sklearn_mm.__version__}, scikit-learn "
        f"{sklearn.__version__}",
    )


@cache
def _template():
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sklearn_mm.inspection.reporting", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html")


def _write(path, text):
    """Write beside the file, then put it in its place at once."""
    unseen = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unseen.write_text(text, encoding="utf-8")
        os.replace(unseen, path)
    finally:
        unseen.unlink(missing_ok=True)


def _check_path(path):
    path = Path(path).expanduser()
    if path.is_dir():
        raise ValueError(
            f"path must be a file, found the folder {str(path)!r}. Pass "
            f"{str(path / 'report.html')!r}."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {str(path.parent)!r} for the report. Make it first."
        )
    return path


def _check_sections(sections, known):
    if sections is None:
        return known
    if isinstance(sections, str):
        raise ValueError(
            f"sections is a list of names, found {sections!r}. Write [{sections!r}]."
        )
    unknown = [name for name in sections if name not in known]
    if unknown:
        raise ValueError(f"no sections {unknown}; there are {known}")
    return [name for name in known if name in sections]


def _check_number(name, value, least):
    if not isinstance(value, Integral) or value < least:
        raise ValueError(
            f"{name} must be an integer of at least {least}, found {value!r}"
        )
