"""A sound clip in any form a cell may hold, as samples."""

import io
import os
from collections.abc import Mapping
from decimal import Decimal
from numbers import Number, Real
from pathlib import Path

import numpy as np

from sklearn_mm.readers.column import describe_path, is_missing
from sklearn_mm.readers.decoding import Limits, decode, mix
from sklearn_mm.readers.locations import as_struct, is_content
from sklearn_mm.readers.nested import to_array, to_lists
from sklearn_mm.readers.remarks import note
from sklearn_mm.readers.several import Several
from sklearn_mm.readers.signatures import N_BYTES, tell_kind

EXPECTED = (
    "expected a path of a sound file, bytes, a 1-D array, an (array, rate) pair or an "
    '{"array", "sampling_rate"} dict'
)

# More numbers than this of one cell (400 MB) are refused rather than read: a file of
# some kilobytes can hold any length of silence, and its header claim it.
MAX_DECODED_NUMBERS = 100_000_000

TOO_LONG = "are longer than max_seconds and were cut"


def read_sound(cell, sampling_rate, max_seconds=None, note_cut=True, time_axis=None):
    """Read one cell as mono samples, at its own rate.

    Parameters
    ----------
    cell : str, Path, bytes, array, (array, rate) or {"array", "sampling_rate"}
        A file that libsndfile reads (by its path or its content), or the samples:
        ``(n_samples,)`` or ``(n_samples, n_channels)``. Floats are taken as they are,
        int16, int32 and uint8 scaled to [-1, 1]. Channels are averaged. Masked samples
        are missing.
    sampling_rate : float
        Hertz; the rate of an array that comes without one.
    max_seconds : float, default=None
        Of a longer clip the beginning is read. None: all.
    note_cut : bool, default=True
        Whether it is noted that a clip was cut at `max_seconds`.
    time_axis : {None, 0, 1}, default=None
        Of arrays of two axes, which one the samples are on: None and 0 the first.

    Returns
    -------
    samples : ndarray of shape (n_samples,), float32, or None
        None for an array of only NaN or a clip without samples: missing.
    rate : float
        Hertz.

    Raises
    ------
    TypeError
        If the cell is none of these things.
    ValueError
        If there is no such file, it cannot be decoded, an array has another shape or
        integers of another type, the rate is not positive, or a sample is NaN or
        infinite, or as large as no sound. A file cut short is an error where
        libsndfile notices (FLAC) or nothing is left; else it gives the samples that
        are left, which is noted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm.readers.sound import read_sound
    >>> read_sound((np.array([0, 16384], dtype=np.int16), 8000), 16000)
    (array([0. , 0.5], dtype=float32), 8000.0)
    """
    limits = Limits(max_seconds, MAX_DECODED_NUMBERS)
    if isinstance(cell, str | Path):
        if not os.path.isfile(cell):
            raise ValueError(f"{EXPECTED}; found {describe_path(cell)}")
        what = f"the sound file {str(cell)!r:.200}"
        samples, rate, is_cut = decode(cell, what, limits)
    elif is_content(cell) or _is_file_in_array(cell):
        cell = bytes(memoryview(to_array(cell)) if hasattr(cell, "shape") else cell)
        what = f"the sound in {len(cell)} bytes"
        samples, rate, is_cut = decode(io.BytesIO(cell), what, limits)
    else:
        samples, rate = _split_rate(cell, sampling_rate)
        if samples is None:
            return None, rate
        samples, is_cut = _take_samples(samples, rate, limits, time_axis)
    if is_cut and note_cut:
        note(
            TOO_LONG,
            f"only the first {max_seconds:g} s are kept. Cut it into clips, or raise "
            "max_seconds",
        )
    return _check_finite(samples), float(rate)


def lacks_rate(cell):
    """Tell whether a cell is samples that come without their rate.

    Parameters
    ----------
    cell : object
        As :func:`read_sound` takes it, or missing.

    Returns
    -------
    bool

    Examples
    --------
    >>> from sklearn_mm.readers.sound import lacks_rate
    >>> lacks_rate([0.1, 0.2]), lacks_rate(([0.1, 0.2], 8000)), lacks_rate(None)
    (True, False, False)
    """
    if as_struct(cell) is not None:
        return False
    if isinstance(cell, tuple | list):
        return not _is_pair(cell)
    is_array = hasattr(cell, "__array__") and np.ndim(cell) > 0
    return is_array and not _is_file_in_array(cell)


def list_clips(cell):
    """List the clips of a cell that may hold several.

    Parameters
    ----------
    cell : object
        A list, tuple, 1-D array of objects or Series with a path, content, dict, pair
        or decoder among its items, beside which others may be arrays or missing; or
        :class:`Several`. Anything else, such as a list of arrays, is one clip.

    Returns
    -------
    list
        Without those that are missing, of several.

    Examples
    --------
    >>> list_clips(["a.wav", None, "b.wav"]), list_clips(([0.1, 0.2], 8000))
    (['a.wav', 'b.wav'], [([0.1, 0.2], 8000)])
    """
    items = to_lists(cell)
    if not isinstance(items, list) or _is_pair(cell):
        return [cell]
    if not isinstance(cell, Several) and not any(map(_is_clip, items)):
        return [cell]
    present = [item for item in items if not is_missing(item)]
    if not isinstance(cell, Several):
        return present
    return [clip for item in present for clip in list_clips(item)]


def _is_clip(item):
    """Tell whether an item of a list is a clip of its own, not a part of one."""
    if isinstance(item, str | bytes | os.PathLike | Mapping) or _is_pair(item):
        return True
    return hasattr(item, "read") or hasattr(item, "get_all_samples")


def _is_pair(cell):
    """Tell whether a cell is samples and their rate."""
    return (
        isinstance(cell, tuple | list)
        and len(cell) == 2
        and _is_one_number(cell[1])
        and not _is_one_number(cell[0])
    )


def _is_one_number(item):
    return isinstance(item, Number) or getattr(item, "ndim", None) == 0


def _is_file_in_array(cell):
    """Tell whether bytes as numbers begin like a sound file."""
    if not hasattr(cell, "dtype") or getattr(cell, "ndim", 0) != 1:
        return False
    if str(cell.dtype).rpartition(".")[2] not in ("uint8", "UInt8"):
        return False
    return tell_kind(bytes(to_array(cell[:N_BYTES]))) == "sound"


def _take_samples(samples, rate, limits, time_axis):
    """Take an array as one channel of floats: (n_samples,); and whether it was cut."""
    samples = _check_shape(samples, time_axis)
    n_wanted = limits.count_wanted(rate)
    is_cut = len(samples) > n_wanted
    samples = samples[: int(n_wanted)] if is_cut else samples
    limits.check(*samples.shape[:1], samples[:1].size, "has")
    return mix(_scale(samples)), is_cut


def _split_rate(cell, sampling_rate):
    """Take an array and its rate out of what holds them."""
    if isinstance(cell, Mapping):
        if "array" not in cell or "sampling_rate" not in cell:
            raise TypeError(f"{EXPECTED}; found a dict with the keys {list(cell)}")
        samples, rate = cell["array"], cell["sampling_rate"]
    elif _is_pair(cell):
        samples, rate = cell
    else:
        samples, rate = cell, sampling_rate
    if is_missing(samples):
        return None, sampling_rate
    return _to_samples(samples), _check_rate(rate)


def _check_rate(rate):
    """Take a number of hertz of any type as a float."""
    number = rate.item() if getattr(rate, "ndim", None) == 0 else rate
    if (
        not isinstance(number, Real | Decimal)
        or isinstance(number, bool)
        or not 0 < number < np.inf
    ):
        raise ValueError(f"a sampling rate is a positive number of hertz, found {rate}")
    return float(number)


def _to_samples(samples):
    """Take numbers in any container as an array, NaN where one is missing."""
    array = to_array(samples)
    items = to_lists(samples)
    if array is None and isinstance(items, list):
        if not items:
            return np.empty(0)
        array = to_array([np.nan if is_missing(item) else item for item in items])
    if array is not None:
        is_of_objects = getattr(getattr(samples, "dtype", None), "kind", "") == "O"
        # Objects have no size that their full scale could be known by.
        return array.astype(np.float64) if is_of_objects else array
    if isinstance(items, list):
        kinds = ", ".join(type(sample).__name__ for sample in items[:3])
        advice = ""
        if len(items) == 2 and isinstance(items[0], Number):
            advice = ". Is it (rate, array), as SciPy gives it? Swap the two"
        raise TypeError(
            f"{EXPECTED}; found a {type(samples).__name__} of {kinds}{advice}"
        )
    raise TypeError(f"{EXPECTED}; found {type(samples).__name__} {samples!r:.200}")


def _check_shape(samples, time_axis):
    """Check the axes of an array, and bring the one of its samples to the front."""
    if samples.ndim not in (1, 2):
        raise ValueError(
            "expected an array of shape (n_samples,) or (n_samples, n_channels), "
            f"found {samples.shape}"
        )
    if samples.ndim == 2 and time_axis == 1:
        samples = samples.T
    if samples.ndim == 2 and 0 < samples.shape[0] < samples.shape[1]:
        first, other = ("channels", 0) if time_axis == 1 else ("samples", 1)
        raise ValueError(
            f"found {samples.shape[0]} samples of {samples.shape[1]} channels, where "
            f"the {first} come first: set time_axis={other} or transpose the array."
        )
    return samples


def _scale(samples):
    """Bring integer samples to [-1, 1]; take floats as they are; NaN where masked."""
    if isinstance(samples, np.ma.MaskedArray):
        scaled = _scale(samples.data)
        return np.where(np.ma.getmaskarray(samples), np.float32(np.nan), scaled)
    if samples.dtype.kind == "f":
        with np.errstate(over="ignore"):  # becomes infinite, which is refused
            return samples.astype(np.float32, copy=False)
    if samples.dtype == np.uint8:  # unsigned, around 128, as in WAV files
        return (samples.astype(np.float32) - 128) / 128
    if samples.dtype.kind == "i" and samples.dtype.itemsize in (2, 4):
        full_scale = 2.0 ** (8 * samples.dtype.itemsize - 1)
        return (samples / full_scale).astype(np.float32)
    raise ValueError(
        "samples are floats, or integers of type int16, int32 or uint8; found an array "
        f"of {samples.dtype}, whose full scale is not known"
    )


def _check_finite(samples):
    """Check the samples; None where there is none."""
    if np.isfinite(samples).all():
        return samples if samples.size else None
    if np.isnan(samples).all():
        return None
    bad = samples.size - int(np.isfinite(samples).sum())
    raise ValueError(
        f"{bad} of {samples.size} samples are NaN or infinite. Fill them in, or "
        "pass None for a missing clip."
    )
