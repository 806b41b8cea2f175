"""Which classical models a union gets beside what it reads for the network."""

from dataclasses import dataclass

from sklearn.pipeline import Pipeline

from sklearn_mm.compose.crossfit import CrossFitTransformer
from sklearn_mm.compose.presets import images, series, sounds
from sklearn_mm.compose.presets.kernels import make_kernel_models
from sklearn_mm.compose.presets.series import make_tree_models
from sklearn_mm.compose.presets.tables import make_table_models
from sklearn_mm.compose.presets.texts import make_count_models, make_text_models

# The columns that are boosted together, if there are so many.
TABULAR = ("number", "written number", "category", "date", "name", "text")
MIN_TABULAR = 2

# Categories of more values are encoded like names.
MAX_CATEGORIES = 30


@dataclass
class Reading:
    """A classical model of some columns.

    Attributes
    ----------
    name : str
        Of its modality.
    transformer : CrossFitTransformer, or Pipeline that ends in one
        For the union.
    columns : str, int or list
        What it is given.
    about : str
        What it learns from, what it is, and why, for people.
    """

    name: str
    transformer: object
    columns: object
    about: str


@dataclass
class Plan:
    """A classical model that is to be cross-fitted.

    Attributes
    ----------
    key : str or int
        The column that its modality is named after.
    suffix : str
        Of that name.
    columns : str, int or list
        What it is given.
    models : (classifier, regressor)
        One of which is fitted.
    found, model, why : str
        What it learns from, what it is, and why that is chosen, for people.
    features : transformer, default=None
        Of cells, which depend on no other cells, and so are made once for all folds.
    """

    key: str | int
    suffix: str
    columns: object
    models: tuple
    found: str
    model: str
    why: str
    features: object = None


def plan_readings(findings, *, n_rows, task, random_state, name):
    """Choose classical models for columns.

    Parameters
    ----------
    findings : list of Finding
        The columns that the union takes.
    n_rows : int
        Of the table.
    task : {"auto", "classification", "regression"}
        For each :class:`CrossFitTransformer`.
    random_state : int, RandomState instance or None
        Of folds and models.
    name : callable
        Makes a free name of a modality: ``name(key, suffix=...)``.

    Returns
    -------
    list of Reading
    """

    def cross(models):
        classifier, regressor = models
        return CrossFitTransformer(
            classifier, regressor=regressor, task=task, random_state=random_state
        )

    plans = [*_plan_texts(findings, n_rows)]
    for finding in findings:
        plans += _plan_column(finding, random_state)
    plans += _plan_series(findings, random_state)
    plans += _plan_table(findings, n_rows, random_state)
    readings = []
    for plan in plans:
        transformer = cross(plan.models)
        if plan.features is not None:
            steps = [("cells", plan.features), ("crossfit", transformer)]
            transformer = Pipeline(steps)
        readings.append(
            Reading(
                name(plan.key, suffix=plan.suffix),
                transformer,
                plan.columns,
                f"{plan.found} -> {plan.model}: {plan.why}",
            )
        )
    return readings


def _plan_texts(findings, n_rows):
    """Plan models of all short texts together, and of each column that is long."""
    texts = [finding for finding in findings if finding.text is not None]
    by_modality = {}
    for finding in texts:
        by_modality.setdefault(finding.modality, []).append(finding)
    for modality, members in by_modality.items():
        keys = [member.key for member in members]
        single = len(keys) == 1
        inner = [None] if single else _inner(keys)
        columns = list(zip(inner, [member.text for member in members], strict=True))
        what = {part for member in members for part in _parts(member.text)}
        ordered = [part for part in ("words", "letters", "names") if part in what]
        why = "wording decides"
        if "letters" in what:
            why += ", and letters tell of rare words"
        shared = {
            "key": modality,
            "columns": keys[0] if single else keys,
            "found": f"n-grams of {_join(ordered)}",
        }
        yield Plan(
            suffix="_terms",
            models=make_text_models(columns, n_rows),
            model="linear model",
            why=why,
            **shared,
        )
        yield Plan(
            suffix="_counts",
            models=make_count_models(columns, n_rows),
            model="naive Bayes",
            why="each counts by itself, for which few rows suffice",
            **shared,
        )


def _parts(text):
    parts = ["words", "letters"] if text.is_short else ["words"]
    return [*parts, "names"] if text.are_names else parts


def _plan_column(finding, random_state):
    """Plan the models of a column of images, sound or series."""
    kind, options = finding.kind, finding.options
    if kind == "image":
        models = make_kernel_models(
            n_components=images.N_COMPONENTS, C=images.C, random_state=random_state
        )
        yield Plan(
            finding.key,
            "_shapes",
            finding.key,
            models,
            "gradients and colours of regions",
            "kernel model",
            "outlines decide, and what is where",
            images.make_image_features(**options),
        )
        if finding.sizes.get("mode") != "gray":
            yield Plan(
                finding.key,
                "_colours",
                finding.key,
                models,
                "counts of colours",
                "kernel model",
                "they stay where things move or turn",
                images.make_colour_features(**options),
            )
    elif kind == "sound":
        models = make_kernel_models(
            n_components=sounds.N_COMPONENTS, C=sounds.C, random_state=random_state
        )
        yield Plan(
            finding.key,
            "_spectrum",
            finding.key,
            models,
            "slices of the spectrogram",
            "kernel model",
            "which pitches sound when decides",
            sounds.make_sound_features(**options, **finding.sizes),
        )
    elif kind == "series":
        yield Plan(
            finding.key,
            "_statistics",
            finding.key,
            make_tree_models(random_state),
            "statistics and spectrum",
            "extra trees",
            "each number counts in its own scale",
            series.make_series_features(),
        )


def _plan_series(findings, random_state):
    """Plan linear models of all columns of series together."""
    keys = [finding.key for finding in findings if finding.kind == "series"]
    if not keys:
        return
    single = len(keys) == 1
    key, columns = (keys[0], keys[0]) if single else ("series", keys)
    features = series.make_series_features()
    yield Plan(
        key,
        "_linear",
        columns,
        series.make_linear_models(series.C_STATISTICS),
        "statistics and spectrum",
        "linear model",
        "it is steady where trees follow single numbers",
        features if single else series.make_joint_features(_inner(keys)),
    )
    yield Plan(
        key,
        "_responses",
        columns,
        series.make_linear_models(series.C_RESPONSES),
        "responses to random kernels",
        "linear model",
        "shapes decide, wherever they stand",
        series.make_responses(random_state),
    )


def _plan_table(findings, n_rows, random_state):
    """Plan one model of all that a table holds in numbers and strings."""
    members = [finding for finding in findings if finding.kind in TABULAR]
    if len(members) < MIN_TABULAR:
        return
    keys = [member.key for member in members]
    columns = {}
    for inner, member in zip(_inner(keys), members, strict=True):
        kind = member.kind
        if kind == "written number":
            kind = "number"
        if kind == "category" and member.n_different > MAX_CATEGORIES:
            kind = "name"
        if kind in ("name", "number", "category", "date"):
            columns.setdefault(kind, []).append(inner)
        if member.text is not None:
            columns.setdefault("text", []).append((inner, member.text))
    models = make_table_models(columns, n_rows, random_state)
    names = [str(key) for key in keys]
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} more"]
    yield Plan(
        "boosting",
        "",
        keys,
        models,
        _join(names),
        "gradient boosting",
        "they act together, by thresholds",
    )


def _inner(keys):
    """Give what selects columns within a step that is given only these."""
    by_name = isinstance(keys[0], str)
    return keys if by_name else list(range(len(keys)))


def _join(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
