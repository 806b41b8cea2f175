"""make_multimodal_union: a transformer for each column, chosen by its cells."""

import io
import os
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import groupby
from numbers import Number
from pathlib import Path

import numpy as np
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_mm._compat import _safe_indexing
from sklearn_mm.compose.union import MultimodalFeatureUnion
from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.table import check_table
from sklearn_mm.transformers.audio import AudioTransformer
from sklearn_mm.transformers.image import ImageTransformer
from sklearn_mm.transformers.text import TextTransformer
from sklearn_mm.transformers.timeseries import TimeSeriesTransformer

TRANSFORMERS = {
    "number": StandardScaler,
    "category": partial(OneHotEncoder, handle_unknown="ignore"),
    "text": TextTransformer,
    "image": ImageTransformer,
    "sound": AudioTransformer,
    "series": TimeSeriesTransformer,
}

# The modality of all columns of a kind; of the other kinds, each column is one.
SHARED = {"number": "table", "category": "categories"}

# The cells looked at in a column, and the most strings that are categories.
N_CELLS = 50
MAX_CATEGORIES = 30

# Only to tell a lost or broken file from a text. Files that are there are opened.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")

SERIES, TABLES = "1-D arrays or lists", "2-D arrays (steps, channels)"
DATES, LOST = "dates", "names of files that do not exist"

# What to know where the same cells could be read in another way.
NOTES = {
    SERIES: "if they are sound, set AudioTransformer(sampling_rate=...) by set_params",
    TABLES: "if they are images, set ImageTransformer() by set_params",
    DATES: "derive numbers from them to use them",
}


@dataclass
class _Finding:
    """What a column holds: a kind of ``TRANSFORMERS``, or another that is left out."""

    key: str | int
    kind: str
    found: str
    modality: str | None = None


def make_multimodal_union(X, *, n_jobs=None, verbose=True):
    """Choose a transformer for each column of a table by what its cells are.

    Up to 50 cells that are not missing are looked at, spread over the column:

    - numbers: ``StandardScaler``; all these columns are the modality "table".
    - booleans, columns of a categorical dtype, and at most 30 different strings that
      occur twice or more on average: ``OneHotEncoder(handle_unknown="ignore")``; all
      these columns are the modality "categories".
    - images: :class:`ImageTransformer`. They are paths of image files (str or
      ``pathlib.Path``), their content as bytes, PIL images, arrays of shape
      ``(height, width, 1|3|4)``, and uint8 arrays of shape ``(height, width)``.
    - sound: :class:`AudioTransformer`. It is paths of sound files, their content as
      bytes, ``(array, rate)`` pairs, and dicts with "array" and "sampling_rate".
    - series: :class:`TimeSeriesTransformer`. They are pandas objects, 1-D arrays and
      lists of numbers, and other 2-D arrays ``(steps, channels)``. An array without a
      rate is never taken for sound.
    - other strings: :class:`TextTransformer`.

    Dates, durations, and columns without any value are left out.

    Parameters
    ----------
    X : table of pandas, polars or pyarrow, or array of shape (n_samples, n_columns)
        The cells.
    n_jobs : int, default=None
        Transformers that the union runs at once.
    verbose : bool, default=True
        Whether to print for each column what was found and what was chosen.

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

    Notes
    -----
    A choice is changed as any parameter:
    ``union.set_params(clip=AudioTransformer(sampling_rate=8000))``.

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
    >>> union = make_multimodal_union(X)
    caption: texts -> TextTransformer
    photo: arrays (height, width, channels) -> ImageTransformer
    clip: samples with their rate -> AudioTransformer
    age: numbers -> StandardScaler, in modality 'table'
    colour: 2 different strings -> OneHotEncoder, in modality 'categories'
    >>> union.set_params(photo__size=(8, 8)).fit_transform(X)
    MultimodalFeatures(4 samples: caption=tokens, photo=image, clip=sequence,
    table=vector, categories=vector)
    """
    X = check_table("make_multimodal_union", X)
    findings = [
        _look_at(_safe_indexing(X, position, axis=1), key)
        for position, key in enumerate(_keys(X))
    ]
    entries = _assign_modalities(findings)
    if verbose:
        _print(findings)
    if not entries:
        raise ValueError(
            "no column is left for a transformer: all hold only missing values, dates "
            "or durations"
        )
    return MultimodalFeatureUnion(entries, n_jobs=n_jobs)


def _keys(X):
    """List what selects the columns: names where all are strings, else positions."""
    names = list(getattr(X, "columns", []))
    by_name = names and all(isinstance(name, str) for name in names)
    return names if by_name else list(range(X.shape[1]))


def _assign_modalities(findings):
    """Give each finding its modality; list (modality, transformer, columns)."""
    used = [finding for finding in findings if finding.kind in TRANSFORMERS]
    shared = {SHARED[finding.kind] for finding in used if finding.kind in SHARED}
    taken = shared | set(MultimodalFeatureUnion([]).get_params(deep=False))
    entries = {}
    for finding in used:
        if finding.kind in SHARED:
            finding.modality = SHARED[finding.kind]
        else:
            finding.modality = _name_modality(finding.key, taken)
            taken.add(finding.modality)
        transformer = TRANSFORMERS[finding.kind]()
        _, columns = entries.setdefault(finding.modality, (transformer, []))
        columns.append(finding.key)
    return [
        (name, transformer, columns if name in shared else columns[0])
        for name, (transformer, columns) in entries.items()
    ]


def _name_modality(key, taken):
    """Name a modality after its column, so that the name can prefix parameters."""
    name = f"x{key}" if isinstance(key, int) else re.sub("_{2,}", "_", key).strip("_")
    name = base = name or "column"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}{number}"
    return name


def _print(findings):
    """Print a line for each column, or for a run of more than ten that are alike."""
    for _, run in groupby(findings, lambda finding: (finding.found, finding.modality)):
        run = list(run)
        if len(run) > 10:
            _print_line(f"{_label(run[0])} to {_label(run[-1])}", run[0])
        else:
            for finding in run:
                _print_line(_label(finding), finding)


def _print_line(label, finding):
    choice = "left out"
    if finding.modality is not None:
        choice = type(TRANSFORMERS[finding.kind]()).__name__
        if finding.modality != finding.key:
            choice += f", in modality {finding.modality!r}"
    note = f" ({NOTES[finding.found]})" if finding.found in NOTES else ""
    print(f"{label}: {finding.found} -> {choice}{note}")


def _label(finding):
    return f"column {finding.key}" if isinstance(finding.key, int) else finding.key


def _look_at(column, key):
    """Find out what a column holds."""
    rows, cells = _choose_cells(column)
    if not cells:
        return _Finding(key, "missing", "no values")
    dtype = type(getattr(column, "dtype", None)).__name__
    if dtype in ("CategoricalDtype", "Categorical", "Enum"):  # pandas, polars
        return _Finding(key, "category", "categories")
    described = [_describe(cell) for cell in cells]
    counts = Counter(described)
    kinds = {kind for kind, _ in counts}
    # Texts may happen to name a file; a lost image is the transformer's to report.
    n_unreadable = sum(n for (kind, _), n in counts.items() if kind == "file")
    if kinds - {"file"} == {"text"} and 2 * n_unreadable <= len(cells):
        kinds = {"text"}
    elif kinds in ({"image", "file"}, {"sound", "file"}):
        kinds.remove("file")
    if len(kinds) > 1 or kinds <= {"file", "unknown"}:
        raise ValueError(_explain(key, rows, cells, described))
    (kind,) = kinds
    if kind == "text" and len(set(map(str, cells))) <= MAX_CATEGORIES:
        strings = [str(cell) for cell in column if not is_missing(cell)]
        n_different = len(set(strings))
        if n_different <= min(MAX_CATEGORIES, len(strings) / 2):
            return _Finding(key, "category", f"{n_different} different strings")
    found = " and ".join(dict.fromkeys(description for _, description in counts))
    return _Finding(key, "category" if kind == "bool" else kind, found)


def _choose_cells(column):
    """Take up to N_CELLS cells that are not missing, and their rows, evenly spread."""
    for n_rows in (N_CELLS, 20 * N_CELLS, len(column)):
        rows = _spread(range(len(column)), n_rows)
        cells = list(_safe_indexing(column, rows))
        present = [place for place, cell in enumerate(cells) if not is_missing(cell)]
        if len(present) >= N_CELLS:
            break
    chosen = _spread(present, N_CELLS)
    return [rows[place] for place in chosen], [cells[place] for place in chosen]


def _spread(items, n_items):
    """Take up to n_items of a sequence, evenly spaced."""
    n_items = min(n_items, len(items))
    return [items[i] for i in np.linspace(0, len(items) - 1, n_items).astype(int)]


def _explain(key, rows, cells, described):
    """Say what was found in a column for which nothing can be chosen."""
    found = []
    for what, n in Counter(described).items():
        first = described.index(what)
        cell, example = cells[first], type(cells[first]).__name__
        if isinstance(cell, str | bytes | Path | Number):
            example = f"{cell!r:.80}"
        found.append(f"{n} {what[1]} (row {rows[first]}: {example})")
    advice = (
        f"Choose one yourself: MultimodalFeatureUnion([(name, transformer, {key!r}), "
        "...])."
    )
    if any(description == LOST for _, description in described):
        advice = f"Paths begin at the working folder, {os.getcwd()!r}. {advice}"
    return (
        f"column {key!r}: cannot infer a transformer, found {' and '.join(found)}. "
        f"{advice}"
    )


def _describe(cell):
    """Name the kind of a cell, and in the plural what it is."""
    from PIL import Image

    if isinstance(cell, bool | np.bool_):
        return "bool", "booleans"
    if isinstance(cell, Number) and not isinstance(cell, complex | np.complexfloating):
        return "number", "numbers"
    if isinstance(cell, date | np.datetime64):
        return "date", DATES
    if isinstance(cell, timedelta | np.timedelta64):
        return "date", "durations"
    if isinstance(cell, str | Path):
        return _describe_name(cell)
    if isinstance(cell, bytes | bytearray | memoryview):
        kind = _open_as(lambda: io.BytesIO(cell))
        return (kind, f"{kind} files as bytes") if kind else ("unknown", "bytes")
    if isinstance(cell, Image.Image):
        return "image", "PIL images"
    if _is_sound(cell):
        return "sound", "samples with their rate"
    if hasattr(cell, "iloc"):
        return "series", "pandas objects"
    return _describe_array(cell)


def _describe_name(cell):
    """Tell texts from names of files, and find out what a file is."""
    suffix = os.path.splitext(cell)[1].lower()
    kind = "image" if suffix in IMAGE_SUFFIXES else None
    kind = "sound" if suffix in SOUND_SUFFIXES else kind
    if os.path.isfile(cell):
        kind = _open_as(lambda: cell) or kind
        if kind:
            return kind, f"{kind} files"
        return "file", "names of files that are neither image nor sound"
    if kind or isinstance(cell, Path):
        return "file", LOST
    return "text", "texts"


def _open_as(file):
    """Open a file as an image, then as sound; say which it is, or None."""
    import soundfile
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            Image.open(file()).close()
        return "image"
    except Image.DecompressionBombError:  # for the transformer to refuse
        return "image"
    except Exception:  # of many kinds in both libraries
        try:
            soundfile.SoundFile(file()).close()
            return "sound"
        except Exception:
            return None


def _is_sound(cell):
    """Tell whether a cell is samples with their rate."""
    if isinstance(cell, Mapping):
        return "array" in cell and "sampling_rate" in cell
    if not isinstance(cell, tuple | list) or len(cell) != 2:
        return False
    samples, rate = cell
    if isinstance(samples, str | bytes | Number) or not isinstance(rate, Number):
        return False
    try:
        return np.asarray(samples).dtype.kind in "fiu"
    except ValueError:  # lists of unequal length
        return False


def _describe_array(cell):
    try:
        array = np.asarray(cell)
        if array.dtype.kind == "O":  # Arrow gives nested lists as arrays of arrays
            array = np.array(list(array), dtype=np.float64)
    except (TypeError, ValueError):
        return "unknown", f"objects of type {type(cell).__name__}"
    if array.dtype.kind not in "fiub" or not array.ndim:
        return "unknown", f"objects of type {type(cell).__name__}"
    if array.ndim == 3 and array.shape[2] in (1, 3, 4):
        return "image", "arrays (height, width, channels)"
    if array.ndim == 2 and array.dtype == np.uint8:
        return "image", "uint8 arrays (height, width)"
    if array.ndim > 2:
        return "unknown", f"arrays of shape {array.shape}"
    return "series", SERIES if array.ndim == 1 else TABLES
