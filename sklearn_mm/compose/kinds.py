"""What a column holds, by its cells."""

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from numbers import Number
from pathlib import Path

import numpy as np

from sklearn_mm._compat import _safe_indexing
from sklearn_mm.compose.describe import LOST, SERIES, SEVERAL, describe_cell
from sklearn_mm.compose.guesses import (
    are_string_ids,
    are_written_dates,
    look_at_integers,
)
from sklearn_mm.compose.presets.cells import says_no_number
from sklearn_mm.compose.presets.texts import TextColumn, split_names
from sklearn_mm.compose.sizes import choose_image_size, choose_sampling_rate
from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.locations import HERE
from sklearn_mm.readers.series import read_series
from sklearn_mm.transformers.dates import ISO_DATE

# The cells looked at in a column, and the most strings that are categories.
N_CELLS = 50
MAX_CATEGORIES = 30

# Names have few words, and occur so often on average.
MAX_NAME_WORDS, MIN_NAME_ROWS = 3, 1.2
# Single words that occur less often are read by their letters: most are unknown words
# in new rows.
MIN_WORD_ROWS = 2

# Shorter vectors are series, and longer ones of which neighbours go together.
MIN_VECTOR, MAX_VECTOR_CORRELATION = 16, 0.3

VECTORS, IDS = "vectors of one length", "ids, different in each row"


@dataclass
class Finding:
    """What a column holds.

    Attributes
    ----------
    key : str or int
        Name of the column, or its position.
    kind : str
        "number", "written number", "category", "name", "text", "date", "vector",
        "image", "sound", "series"; or another, of columns that are left out.
    found : str
        The same for people.
    text : TextColumn, default=None
        Of names and texts.
    n_different : int, default=0
        Values of a category.
    modality : str, default=None
        That the column becomes, or is a part of.
    options : dict, default={}
        Parameters of the transformer, and of others that read the same cells.
    sizes : dict, default={}
        Further ones: the size of images and the rate of sounds.
    doubt : str, default=None
        Why it may be another kind, of which the user is to be warned.
    """

    key: str | int
    kind: str
    found: str
    text: TextColumn | None = None
    n_different: int = 0
    modality: str | None = None
    options: dict = field(default_factory=dict)
    sizes: dict = field(default_factory=dict)
    doubt: str | None = None


def look_at(column, key, places=HERE):
    """Find out what a column holds.

    Parameters
    ----------
    column : Series or array of n_samples cells
        The cells.
    key : str or int
        What selects the column.
    places : Places, default=HERE
        Where files may be.

    Returns
    -------
    Finding

    Raises
    ------
    ValueError
        If the cells are of several kinds, or of none that is known.
    """
    rows, cells = _choose_cells(column)
    if not cells:
        return Finding(key, "missing", "no values")
    described = [describe_cell(cell, places) for cell in cells]
    dtype = type(getattr(column, "dtype", None)).__name__
    is_category = dtype in ("CategoricalDtype", "Categorical", "Enum")  # pandas, polars
    # Names of files are often stored as categories, as pyarrow reads repeated strings.
    if is_category and not {kind for kind, _ in described} & {"image", "sound"}:
        n_different = len({str(cell) for cell in column if not is_missing(cell)})
        return Finding(key, "category", "categories", n_different=n_different)
    counts = Counter(what for what in described if what[0] != "nothing")
    kinds = {kind for kind, _ in counts}
    if not kinds:
        return Finding(key, "missing", "no values")
    # Texts may happen to name a file; a lost image is the transformer's to report.
    n_unreadable = sum(n for (kind, _), n in counts.items() if kind == "file")
    if kinds - {"file"} == {"text"} and 2 * n_unreadable <= len(cells):
        kinds = {"text"}
    elif kinds in ({"image", "file"}, {"sound", "file"}):
        kinds.remove("file")
    if len(kinds) > 1 or kinds <= {"file", "unknown"}:
        raise ValueError(_explain(key, rows, cells, described, places))
    (kind,) = kinds
    if kind == "text":
        return _look_at_strings(column, key)
    found = " and ".join(dict.fromkeys(description for _, description in counts))
    if found == SERIES and _are_vectors(column, cells):
        return Finding(key, "vector", VECTORS)
    if kind == "number":
        return _look_at_numbers(column, key, found)
    if kind == "bool":
        return Finding(key, "category", found, n_different=2)
    options = {}
    if kind in ("image", "sound"):
        options = {"root": places.root, "remote": places.remote}
        options = {name: v for name, v in options.items() if v not in (None, False)}
    for separator, description in SEVERAL.items():
        if kind == "image" and description in found:
            options["separator"] = separator
    sizes = {}
    if kind == "image":
        sizes = choose_image_size(cells, places, options.get("separator"))
    elif kind == "sound":
        sizes = choose_sampling_rate(cells, places)
    return Finding(key, kind, found, options=options, sizes=sizes)


def _look_at_strings(column, key):
    """Tell categories, numbers, dates, names, ids and texts apart, by all cells."""
    strings = [str(cell) for cell in column if not is_missing(cell)]
    different = set(strings)
    if all(map(ISO_DATE.fullmatch, different)):
        return Finding(key, "date", "dates written as strings")
    are_dates = are_written_dates(different)
    if not are_dates and are_string_ids(strings, key):
        return Finding(key, "id", IDS)
    if all(map(_is_number, different)) and not all(map(says_no_number, different)):
        numbers = [each for each in strings if not says_no_number(each)]
        found = _look_at_numbers(numbers, key, "numbers written as strings")
        return replace(found, kind="written number" if found.kind != "id" else "id")
    n_different = len(different)
    if n_different <= min(MAX_CATEGORIES, len(strings) / 2):
        found = f"{n_different} different strings"
        return Finding(key, "category", found, n_different=n_different)
    if are_dates:
        found = f"dates such as {strings[0]!r:.40}, which pandas.to_datetime reads"
        return Finding(key, "unread date", found)
    return _look_at_texts(strings, key)


def _is_number(string):
    try:
        return says_no_number(string) or bool(np.isfinite(float(string)))
    except ValueError:
        return False


def _look_at_numbers(cells, key, found):
    """Tell ids from numbers."""
    kind = look_at_integers(cells, key)
    if kind == "id":
        return Finding(key, "id", IDS)
    doubt = "integers, different in each row" if kind == "doubt" else None
    return Finding(key, "number", found, doubt=doubt)


def _look_at_texts(strings, key):
    """Tell names, short and long texts apart."""
    names = [name for string in strings for name in split_names(string)]
    are_names = np.median(
        [len(name.split()) for name in names]
    ) <= MAX_NAME_WORDS and len(names) >= MIN_NAME_ROWS * len(set(names))
    n_words = float(np.median([len(string.split()) for string in strings]))
    text = TextColumn(n_words, bool(are_names))
    kind = "name" if are_names else "text"
    if n_words <= 1 and len(names) < MIN_WORD_ROWS * len(set(names)):
        found = f"single words, {len(set(names))} different"
        return Finding(key, kind, found, text, options={"tokenizer": list})
    if are_names:
        return Finding(key, kind, f"names, {len(set(names))} different", text)
    return Finding(key, kind, "short texts" if text.is_short else "texts", text)


def _are_vectors(column, cells):
    """Tell vectors from series: of one length, and in no order.

    Neighbouring numbers of a series go together, those of an embedding do not.
    """
    if any(hasattr(cell, "iloc") for cell in cells):
        return False
    lengths = {len(cell) for cell in column if not is_missing(cell)}
    if len(lengths) > 1 or min(lengths) < MIN_VECTOR:
        return False
    vectors = np.array([read_series(cell).ravel() for cell in cells])
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    spread = (centred**2).sum(axis=1)
    together = (centred[:, 1:] * centred[:, :-1]).sum(axis=1)
    known = spread > 0  # False, too, where numbers are missing
    if not known.any():
        return False
    return bool((together[known] / spread[known]).mean() <= MAX_VECTOR_CORRELATION)


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


def _explain(key, rows, cells, described, places):
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
        begin = f"the working folder, {os.getcwd()!r}; root= says another"
        if places.root is not None:
            begin = f"root={str(places.root)!r}"
        advice = f"Paths begin at {begin}. {advice}"
    return (
        f"column {key!r}: cannot infer a transformer, found {' and '.join(found)}. "
        f"{advice}"
    )
