"""make_multimodal_union: a transformer for each column, chosen by its cells."""

import re
import warnings
from functools import partial
from itertools import groupby

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_mm._compat import _safe_indexing
from sklearn_mm.compose.classical import plan_readings
from sklearn_mm.compose.describe import SERIES, TABLES, URLS
from sklearn_mm.compose.kinds import VECTORS, look_at
from sklearn_mm.compose.presets.cells import Vectors, as_numbers
from sklearn_mm.compose.union import MultimodalFeatureUnion
from sklearn_mm.readers.locations import Places
from sklearn_mm.readers.table import check_table
from sklearn_mm.transformers.audio import AudioTransformer
from sklearn_mm.transformers.dates import DateTransformer
from sklearn_mm.transformers.image import ImageTransformer
from sklearn_mm.transformers.text import TextTransformer
from sklearn_mm.transformers.timeseries import TimeSeriesTransformer


def _make_number_scaler():
    numbers = FunctionTransformer(as_numbers, feature_names_out="one-to-one")
    return make_pipeline(numbers, StandardScaler())


def _make_vector_scaler():
    return make_pipeline(Vectors(), StandardScaler())


TRANSFORMERS = {
    "number": StandardScaler,
    "written number": _make_number_scaler,
    "category": partial(OneHotEncoder, handle_unknown="ignore"),
    "date": DateTransformer,
    "name": TextTransformer,
    "text": TextTransformer,
    "image": ImageTransformer,
    "sound": AudioTransformer,
    "series": TimeSeriesTransformer,
    "vector": _make_vector_scaler,
}

# The modality of all columns of a kind; of the other kinds, each column is one, but for
# short texts, which are one if they are several.
SHARED = {
    "number": "table",
    "written number": "numbers",
    "category": "categories",
    "date": "dates",
}
SHORT_TEXTS = "texts"

# What to know where the same cells could be read in another way.
NOTES = {
    SERIES: "if they are sound, set AudioTransformer(sampling_rate=...) by set_params",
    TABLES: "if they are images, set ImageTransformer() by set_params",
    VECTORS: "if they are series, set TimeSeriesTransformer() by set_params",
    URLS["image"]: "they are fetched only with remote=True",
    URLS["sound"]: "they are fetched only with remote=True",
}


def make_multimodal_union(
    X,
    *,
    root=None,
    remote=False,
    classical=True,
    task="auto",
    n_jobs=None,
    random_state=0,
    verbose=True,
):
    """Choose transformers for each column of a table by what its cells are.

    Each column is read for the network. Beside that, with ``classical``, a model of
    scikit-learn that does well on such columns predicts the target from them, out of
    fold (:class:`CrossFitTransformer`), and its predictions are a further modality.

    Up to 50 cells that are not missing are looked at, spread over the column; of
    strings and of vectors all are.

    - numbers: ``StandardScaler``; all these columns are the modality "table". Strings
      that are all numbers are the modality "numbers".
    - booleans, columns of a categorical dtype, and at most 30 different strings that
      occur twice or more on average: ``OneHotEncoder(handle_unknown="ignore")``; all
      these columns are the modality "categories".
    - dates, and strings in ISO form such as "2020-01-05": :class:`DateTransformer`; all
      are the modality "dates".
    - images: :class:`ImageTransformer`. They are paths or URLs of image files, their
      content as bytes, open files, ``{"bytes", "path"}``, ``data:`` URIs and base64,
      PIL images, arrays of shape ``(height, width, 1|3|4)``, uint8 arrays of shape
      ``(height, width)``, and lists of these. Strings such as ``"a.png;b.png"`` are
      several images. Of images smaller than 64 pixels that is the size, at least 16;
      if all that are looked at are gray, they are read as gray.
    - sound: :class:`AudioTransformer`. It is sound files in the same forms,
      ``(array, rate)`` pairs, dicts with "array" and "sampling_rate", and decoders
      with ``get_all_samples()``. Where all rates are below 16,000 hertz, the highest is
      the rate.
    - vectors, such as embeddings: ``StandardScaler``. They are 1-D arrays or lists of
      one length, at least 16, in which neighbouring numbers do not go together: their
      mean autocorrelation is at most 0.3.
    - series: :class:`TimeSeriesTransformer`. They are pandas objects, other 1-D arrays
      and lists of numbers, and other 2-D arrays ``(steps, channels)``. An array without
      a rate is never taken for sound.
    - other strings: :class:`TextTransformer`. Columns of fewer than 8 words by the
      median, if they are several, are joined in the modality "texts". *Names* have at
      most 3 words and occur 1.2 times on average; "Ethan Coen, Joel Coen" is two.
      A column of single words that occur less than twice is read by its letters.

    Durations, columns without any value, dates in other forms, and ids are left out,
    with a warning. Ids are 20 or more strings of one word, most with a digit, or whole
    numbers that count the rows from 0 or 1, no two alike; of a column whose name says
    so, such as "user_id", five or more of any whole numbers. Other long whole numbers,
    no two alike, are taken as numbers, with a warning.

    Parameters
    ----------
    X : table of pandas, polars or pyarrow, or array of shape (n_samples, n_columns)
        The cells. The number of rows sets the size of some models.
    root : str or Path, default=None
        The folder, or its URL, where relative paths of images and sounds begin; None is
        the working folder. It is handed to their transformers.
    remote : bool or tuple of str, default=False
        Whether these may fetch URLs, or of which schemes. Here nothing is fetched: what
        a URL holds is told by its suffix.
    classical : bool, default=True
        Whether to add the predictions of classical models. Then ``fit`` needs y.
    task : {"auto", "classification", "regression"}, default="auto"
        What the target is, for each :class:`CrossFitTransformer`, which then takes a
        classifier or a regressor.
    n_jobs : int, default=None
        Transformers that the union runs at once.
    random_state : int, RandomState instance or None, default=0
        Of the folds and of the classical models.
    verbose : bool, default=True
        Whether to print for each column what was found and what was chosen, and the
        classical models.

    Returns
    -------
    MultimodalFeatureUnion
        Unfitted. A modality that is one column is named after it; where the name
        cannot prefix parameters, or is taken, it is changed and said so.

    Raises
    ------
    TypeError
        If X is sparse or a lazy frame.
    ValueError
        If a column is of several kinds or of none of these, if most strings of a
        column name files that do not exist or are neither image nor sound, or if no
        column is left.

    See Also
    --------
    MultimodalFeatureUnion : To choose the transformers by hand.
    CrossFitTransformer : What makes predictions a modality.

    Notes
    -----
    A choice is changed as any parameter:
    ``union.set_params(clip=AudioTransformer(sampling_rate=8000))``, and left out by
    ``union.set_params(clip_spectrum="drop")``.

    **Classical models.** Each is made as a classifier and as a regressor; the target
    says which is fitted.

    - ``<column>_terms`` of texts and names, ``texts_terms`` of several that are short:
      a linear model of the TF-IDF weights of n-grams, of words, of the letters of short
      texts, and of whole names. ``<column>_counts``: naive Bayes of the same; for
      numbers ridge regression without letters.
    - ``<column>_shapes`` of images: a linear model of the radial kernel over
      histograms of oriented gradients and the colours of 6 x 6 regions.
      ``<column>_colours``, unless they are gray: the same over counts of 64 colours in
      an image and its parts.
    - ``<column>_spectrum`` of sound: the same over slices of the log-mel spectrogram.
    - ``<column>_statistics`` of series: extremely randomised trees over moments,
      quantiles, spectrum and correlations of the channels. Of all series together,
      as ``series_...`` if they are several: ``<column>_linear``, a linear model of the
      same, and ``<column>_responses``, one of responses to random convolutions.
    - ``boosting``: gradient boosting over all numbers, categories, dates, names (by the
      mean of their targets, averaged over lists, and their counts) and texts (60
      components of the TF-IDF weights) together, if there are at least two such
      columns.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_mm import make_multimodal_union
    >>> X = pd.DataFrame({
    ...     "caption": ["a red fox", None, "two birds", "a dog"],
    ...     "photo": [np.zeros((9, 7, 3), dtype=np.uint8)] * 4,
    ...     "clip": [(np.zeros(800), 8000)] * 4,
    ...     "age": [1.0, 2.0, 4.0, 3.0],
    ...     "colour": ["red", "blue", "red", "blue"],
    ... })
    >>> union = make_multimodal_union(X, classical=False)
    caption: short texts -> TextTransformer
    photo: arrays (height, width, channels) -> ImageTransformer(size=(16, 16),
    mode='gray')
    clip: samples with their rate -> AudioTransformer(sampling_rate=8000)
    age: numbers -> StandardScaler, in modality 'table'
    colour: 2 different strings -> OneHotEncoder, in modality 'categories'
    >>> union.set_params(photo__size=(8, 8)).fit_transform(X)
    MultimodalFeatures(4 samples: caption=tokens, photo=image, clip=sequence,
    table=vector, categories=vector)

    With classical models, which learn from y:

    >>> union = make_multimodal_union(X[["caption", "colour"]])
    caption: short texts -> TextTransformer
    colour: 2 different strings -> OneHotEncoder, in modality 'categories'
    caption_terms: n-grams of words and letters -> linear model: wording decides, and
    letters tell of rare words
    caption_counts: n-grams of words and letters -> naive Bayes: each counts by itself,
    for which few rows suffice
    boosting: caption and colour -> gradient boosting: they act together, by thresholds
    3 cross-fitted models, 18 fits, as each is fitted in 5 folds and on all rows;
    classical=False leaves them out
    >>> union.fit_transform(X, [0, 1, 0, 1])
    MultimodalFeatures(4 samples: caption=tokens, categories=vector,
    caption_terms=vector, caption_counts=vector, boosting=vector)
    """
    X = check_table("make_multimodal_union", X)
    places = Places(root=root, remote=remote)
    places.check()
    findings = [
        look_at(_safe_indexing(X, position, axis=1), key, places)
        for position, key in enumerate(_keys(X))
    ]
    entries = _assign_modalities(findings)
    readings = []
    if classical:
        taken = {name for name, _, _ in entries} | _parameter_names()
        readings = plan_readings(
            [finding for finding in findings if finding.kind in TRANSFORMERS],
            n_rows=X.shape[0],
            task=task,
            random_state=random_state,
            name=partial(_name_modality, taken=taken),
        )
    if verbose:
        _print(findings, readings)
    _warn_of_guesses(findings)
    if not entries:
        raise ValueError(
            "no column is left for a transformer: all hold only missing values, "
            "durations or ids"
        )
    entries += [(each.name, each.transformer, each.columns) for each in readings]
    return MultimodalFeatureUnion(entries, n_jobs=n_jobs)


def _keys(X):
    """List what selects the columns: names where all are strings, else positions."""
    names = list(getattr(X, "columns", []))
    by_name = names and all(isinstance(name, str) for name in names)
    return names if by_name else list(range(X.shape[1]))


def _assign_modalities(findings):
    """Give each finding its modality; list (modality, transformer, columns)."""
    used = [finding for finding in findings if finding.kind in TRANSFORMERS]
    short = [finding for finding in used if finding.text and finding.text.is_short]
    shared = {SHARED[finding.kind] for finding in used if finding.kind in SHARED}
    if len(short) > 1:
        shared.add(SHORT_TEXTS)
    taken = shared | _parameter_names()
    entries = {}
    for finding in used:
        if finding.kind in SHARED:
            finding.modality = SHARED[finding.kind]
        elif finding in short and len(short) > 1:
            finding.modality = SHORT_TEXTS
        else:
            finding.modality = _name_modality(finding.key, taken)
        if finding.modality == SHORT_TEXTS:
            finding.options = {}  # what serves one column need not serve all
        parameters = finding.options | finding.sizes
        transformer = TRANSFORMERS[finding.kind](**parameters)
        _, columns = entries.setdefault(finding.modality, (transformer, []))
        columns.append(finding.key)
    return [
        (name, transformer, columns if name in shared else columns[0])
        for name, (transformer, columns) in entries.items()
    ]


def _parameter_names():
    """Names that a modality cannot have: those of the union's own parameters."""
    return set(MultimodalFeatureUnion([]).get_params(deep=False))


def _name_modality(key, taken, suffix=""):
    """Name a modality after its column, so that it can prefix parameters; take it."""
    name = f"x{key}" if isinstance(key, int) else re.sub("_{2,}", "_", key).strip("_")
    name = base = (name or "column") + suffix
    number = 1
    while name in taken:
        number += 1
        name = f"{base}{number}"
    taken.add(name)
    return name


def _warn_of_guesses(findings):
    """Warn once of columns that are left out though they hold something, or doubted."""
    left = [
        f"{_label(finding)!r} ({finding.found})"
        for finding in findings
        if finding.kind not in (*TRANSFORMERS, "missing")
    ]
    doubted = [
        f"{_label(finding)!r} ({finding.doubt})"
        for finding in findings
        if finding.doubt
    ]
    parts = [f"columns are left out: {', '.join(left)}"] if left else []
    if doubted:
        parts.append(f"columns are numbers, but may be ids: {', '.join(doubted)}")
    if parts:
        warnings.warn(
            f"{'; '.join(parts)}. To choose yourself, drop them from X, or add an entry"
            " to the union's transformers",
            UserWarning,
            stacklevel=3,
        )


def _print(findings, readings):
    """Print a line for each column, or for a run of more than ten that are alike."""
    for _, run in groupby(findings, lambda finding: (finding.found, finding.modality)):
        run = list(run)
        if len(run) > 10:
            _print_line(f"{_label(run[0])} to {_label(run[-1])}", run[0])
        else:
            for finding in run:
                _print_line(_label(finding), finding)
    for reading in readings:
        print(f"{reading.name}: {reading.about}")
    if readings:
        models = "model" if len(readings) == 1 else "models"
        print(
            f"{len(readings)} cross-fitted {models}, {6 * len(readings)} fits, as each "
            "is fitted in 5 folds and on all rows; classical=False leaves them out"
        )


def _print_line(label, finding):
    choice = "left out"
    if finding.modality is not None:
        transformer = TRANSFORMERS[finding.kind]()
        if isinstance(transformer, Pipeline):
            transformer = transformer[-1]
        choice = type(transformer).__name__
        if "tokenizer" in finding.options:
            choice += " of letters"
        if finding.sizes:
            said = [f"{name}={value!r}" for name, value in finding.sizes.items()]
            choice += f"({', '.join(said)})"
        if finding.modality != finding.key:
            choice += f", in modality {finding.modality!r}"
    note = f" ({NOTES[finding.found]})" if finding.found in NOTES else ""
    if finding.found in URLS.values() and finding.options.get("remote"):
        note = ""
    print(f"{label}: {finding.found} -> {choice}{note}")


def _label(finding):
    return f"column {finding.key}" if isinstance(finding.key, int) else finding.key
