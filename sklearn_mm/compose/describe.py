"""What a cell is: an image, a sound, a series, a text, a number."""

import io
import os
import warnings
from collections.abc import Mapping
from datetime import date, timedelta
from numbers import Number
from pathlib import Path

import numpy as np

# Only to tell a lost or broken file from a text. Files that are there are opened.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")

SERIES, TABLES = "1-D arrays or lists", "2-D arrays (steps, channels)"
DATES, LOST = "dates", "names of files that do not exist"


def describe_cell(cell):
    """Name the kind of a cell, and in the plural what it is.

    Parameters
    ----------
    cell : object
        One that is not missing.

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
