"""Which classical models a union gets beside what it reads for the network."""

from dataclasses import dataclass

from sklearn.pipeline import Pipeline

from sklearn_mm.compose.crossfit import CrossFitTransformer
from sklearn_mm.compose.presets import images, series, sounds
from sklearn_mm.compose.presets.kernels import make_kernel_models
from sklearn_mm.compose.presets.series import make_tree_models
from sklearn_mm.compose.presets.tables import make_table_models
from sklearn_mm.compose.presets.texts import make_text_models

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
    found, model : str
        What it learns from and what it is, for people.
    """

    name: str
    transformer: object
    columns: object
    found: str
    model: str


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

    plans = [_plan_texts(findings, n_rows)]
    plans += [_plan_column(finding, random_state) for finding in findings]
    plans.append(_plan_table(findings, n_rows, random_state))
    readings = []
    for plan in plans:
        for key, suffix, features, models, columns, found, model in plan:
            transformer = cross(models)
            if features is not None:
                # What a cell becomes depends on no other, so it is made once.
                transformer = Pipeline([("cells", features), ("crossfit", transformer)])
            readings.append(
                Reading(name(key, suffix=suffix), transformer, columns, found, model)
            )
    return readings


def _plan_texts(findings, n_rows):
    """Plan a model of all short texts together, and one of each that is long."""
    texts = [finding for finding in findings if finding.text is not None]
    by_modality = {}
    for finding in texts:
        by_modality.setdefault(finding.modality, []).append(finding)
    for modality, members in by_modality.items():
        keys = [member.key for member in members]
        single = len(keys) == 1
        inner = [None] if single else _inner(keys)
        columns = list(zip(inner, [member.text for member in members], strict=True))
        models = make_text_models(columns, n_rows)
        what = {part for member in members for part in _parts(member.text)}
        ordered = [part for part in ("words", "letters", "names") if part in what]
        found = f"n-grams of {_join(ordered)}"
        yield (
            modality,
            "_terms",
            None,
            models,
            keys[0] if single else keys,
            found,
            "linear model",
        )


def _parts(text):
    parts = ["words", "letters"] if text.is_short else ["words"]
    return [*parts, "names"] if text.are_names else parts


def _plan_column(finding, random_state):
    """Plan the model of a column of images, sound or series."""
    key = finding.key
    if finding.kind == "image":
        models = make_kernel_models(
            n_components=images.N_COMPONENTS, C=images.C, random_state=random_state
        )
        features, found = (
            images.make_image_features(**finding.options),
            "gradients and colours",
        )
        yield key, "_shapes", features, models, key, found, "kernel model"
    elif finding.kind == "sound":
        models = make_kernel_models(
            n_components=sounds.N_COMPONENTS, C=sounds.C, random_state=random_state
        )
        features, found = (
            sounds.make_sound_features(**finding.options),
            "slices of the spectrogram",
        )
        yield key, "_spectrum", features, models, key, found, "kernel model"
    elif finding.kind == "series":
        models = make_tree_models(random_state)
        features, found = series.make_series_features(), "statistics and spectrum"
        yield key, "_statistics", features, models, key, found, "extra trees"


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
    yield (
        "boosting",
        "",
        None,
        models,
        keys,
        _join(names),
        "gradient boosting",
    )


def _inner(keys):
    """Give what selects columns within a step that is given only these."""
    by_name = isinstance(keys[0], str)
    return keys if by_name else list(range(len(keys)))


def _join(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
