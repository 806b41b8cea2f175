"""What a cell is: an image, a sound, a series, a text, a number."""

import io
import os
import re
import warnings
from collections.abc import Mapping
from datetime import date, time, timedelta
from numbers import Number

import numpy as np

from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.image_files import FORMATS
from sklearn_mm.readers.images import list_images
from sklearn_mm.readers.locations import (
    HERE,
    as_struct,
    can_be_read,
    decode_base64,
    find_file,
    is_content,
    is_url,
    join_root,
    media_type,
    split_url,
)
from sklearn_mm.readers.nested import to_array, to_lists
from sklearn_mm.readers.signatures import tell_kind

# Only to tell a lost or broken file from a text. Files that are there are opened.
IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif"),
    *(".jp2", ".pgm", ".ppm", ".pbm", ".pnm", ".tga"),
)
SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")

SERIES, TABLES = "1-D arrays or lists", "2-D arrays (steps, channels)"
DATES, LOST = "dates", "names of files that do not exist"
URLS = {"image": "URLs of image files", "sound": "URLs of sound files"}

# What may lie between several paths in one string.
SEVERAL = {mark: f"image files, several with {mark!r} between them" for mark in ";|,"}

# Images looked at in a cell that holds several.
N_LISTED = 3


def describe_cell(cell, places=HERE):
    """Name the kind of a cell, and in the plural what it is.

    Parameters
    ----------
    cell : object
        One that is not missing.
    places : Places, default=HERE
        Where files may be. Nothing is fetched.

    Returns
    -------
    kind, description : str
        ``kind`` is "unknown" or "file" where no transformer takes it, else what the
        module :mod:`sklearn_mm.compose.kinds` goes on with.
    """
    from PIL import Image

    if isinstance(cell, bool | np.bool_):
        return "bool", "booleans"
    if isinstance(cell, Number) and not isinstance(cell, complex | np.complexfloating):
        return "number", "numbers"
    if isinstance(cell, date | np.datetime64) or type(cell).__name__ == "Period":
        return "date", DATES
    if isinstance(cell, timedelta | np.timedelta64):
        return "duration", "durations"
    if isinstance(cell, time):
        return "duration", "times of day"
    if isinstance(cell, str | os.PathLike):
        return _describe_name(cell, places)
    if isinstance(cell, Image.Image):
        return "image", "PIL images"
    if callable(getattr(cell, "get_all_samples", None)) or hasattr(cell, "sample_rate"):
        return "sound", "decoded sound"
    struct = as_struct(cell)
    if struct is not None:
        return _describe_struct(struct, places)
    if is_content(cell):
        return _describe_bytes(cell, places)
    if isinstance(cell, Mapping) and cell.get("array", cell) is None:
        return "nothing", "nothing"
    if can_be_read(cell) or hasattr(cell, "read_bytes"):
        return _describe_open(cell)
    if _is_sound(cell):
        return "sound", "samples with their rate"
    if hasattr(cell, "iloc"):
        return "series", "pandas objects"
    return _describe_several(cell, places) or _describe_array(cell)


def _describe_name(cell, places):
    """Tell texts from names of files, and find out what a file is."""
    path = os.fsdecode(os.fspath(cell))
    if media_type(path) is not None or decode_base64(path) is not None:
        return _describe_letters(path)
    joined = join_root(path, places.root)
    if is_url(joined):
        _, name = split_url(joined)
        kind = _kind_by_name(name)
        return (kind, URLS[kind]) if kind else ("text", "texts")
    kind = _kind_by_name(path)
    if os.path.isfile(joined):
        kind = _open_as(lambda: joined) or kind
        if kind:
            return kind, f"{kind} files"
        return "file", "names of files that are neither image nor sound"
    several = _describe_joined(path, places) if isinstance(cell, str) else None
    if several is not None:
        return several
    if kind or not isinstance(cell, str):
        return "file", LOST
    return "text", "texts"


def _kind_by_name(name):
    """Tell what a file is called."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in IMAGE_SUFFIXES:
        return "image"
    return "sound" if suffix in SOUND_SUFFIXES else None


def _describe_letters(text):
    """Say what a ``data:`` URI, or a file in base64, is."""
    what = "data: URIs" if media_type(text) is not None else "files in base64"
    kind = (media_type(text) or "").partition("/")[0]
    if kind in ("image", "audio"):
        kind = "sound" if kind == "audio" else kind
        return kind, f"{kind} files as {what}"
    try:
        content = find_file(text).content
    except ValueError:  # for the transformer to report
        content = b""
    kind = _open_as(lambda: io.BytesIO(content))
    return (kind, f"{kind} files as {what}") if kind else ("text", "texts")


def _describe_joined(text, places):
    """Say of a string of several paths what lies between them; None of any other."""
    for separator, description in SEVERAL.items():
        names = [name.strip() for name in text.split(separator)]
        names = [name for name in names if name]
        if len(names) < 2 or any(_kind_by_name(name) != "image" for name in names):
            continue
        found = [os.path.isfile(join_root(name, places.root)) for name in names]
        if any(found):
            return "image", description
        if not any(re.search(r"\s", name) for name in names):  # else it may be a text
            return "file", LOST
    return None


def _describe_struct(struct, places):
    held, path = struct.get("bytes"), struct.get("path")
    if not is_missing(held):
        if not is_content(held) and not isinstance(held, np.ndarray):
            return "unknown", "structs whose 'bytes' are none"
        return _describe_content(held, "as bytes", "bytes")
    if is_missing(path):
        return "nothing", "nothing"
    return describe_cell(path, places)


def _describe_bytes(cell, places):
    """Say what bytes hold: a file, or its letters."""
    try:
        content = find_file(cell, places).content
    except ValueError:  # for the transformer to report
        return "unknown", "bytes"
    return _describe_content(content, "as bytes", "bytes")


def _describe_content(content, form, otherwise):
    """Say what the content of a file is."""
    content = bytes(content)
    kind = _open_as(lambda: io.BytesIO(content))
    return (kind, f"{kind} files {form}") if kind else ("unknown", otherwise)


def _describe_open(cell):
    """Say what an open file holds, if it can be read again after that."""
    what = f"objects of type {type(cell).__name__}"
    if can_be_read(cell) and not getattr(cell, "seekable", lambda: True)():
        return "unknown", f"{what}, which can be read only once"
    try:
        content = find_file(cell).content
    except (TypeError, ValueError):
        return "unknown", what
    return _describe_content(content, "that are open", what)


def _describe_several(cell, places):
    """Say what a list of images or of their paths is; None of any other."""
    images = list_images(cell)
    if len(images) == 1 and images[0] is cell:
        return None
    if not images:
        return "nothing", "nothing"
    kinds = {describe_cell(image, places)[0] for image in images[:N_LISTED]}
    if kinds == {"file"}:
        return "file", LOST
    return ("image", "lists of images") if kinds <= {"image", "file"} else None


def _open_as(file):
    """Open a file as an image, then as sound; say which it is, or None."""
    import soundfile
    from PIL import Image

    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            Image.open(file(), formats=formats).close()
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
        return "sampling_rate" in cell and cell.get("array") is not None
    if not isinstance(cell, tuple | list) or len(cell) != 2:
        return False
    samples, rate = cell
    if isinstance(samples, str | bytes | Number) or not isinstance(rate, Number):
        return False
    try:
        return np.asarray(samples).dtype.kind in "fiu"
    except ValueError:  # lists of unequal length
        return False


def _with_nan(cell):
    """Take a list with missing numbers as one with NaN; anything else as it is."""
    items = to_lists(cell)
    if not isinstance(items, list) or not any(map(is_missing, items)):
        return cell
    return [np.nan if is_missing(item) else item for item in items]


def _describe_array(cell):
    unknown = "unknown", f"objects of type {type(cell).__name__}"
    try:
        array = to_array(_with_nan(cell))
    except (TypeError, ValueError, RuntimeError):
        return unknown
    if array is None or array.dtype.kind not in "fiub":
        return unknown
    if not array.ndim:
        return "number", "numbers"
    if array.ndim == 3 and array.shape[2] in (1, 3, 4):
        return "image", "arrays (height, width, channels)"
    if array.ndim == 2 and array.dtype == np.uint8:
        return "image", "uint8 arrays (height, width)"
    if array.ndim > 2:
        return "unknown", f"arrays of shape {array.shape}"
    kind = tell_kind(array) if array.ndim == 1 and array.dtype == np.uint8 else None
    if kind is not None:
        return kind, f"{kind} files as arrays of bytes"
    return "series", SERIES if array.ndim == 1 else TABLES
