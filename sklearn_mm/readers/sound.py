"""A sound clip in any form a cell may hold, as samples."""

import io
import os
from collections.abc import Mapping
from numbers import Number, Real
from pathlib import Path

import numpy as np

from sklearn_mm.readers.column import describe_path

EXPECTED = (
    "expected a path of a sound file, bytes, a 1-D array, an (array, rate) pair or an "
    '{"array", "sampling_rate"} dict'
)

# More decoded numbers than this in one file (2 GB) are refused rather than read: the
# header of a small file can claim any length.
MAX_DECODED_NUMBERS = 500_000_000


def read_sound(cell, sampling_rate):
    """Read one cell as mono samples, at its own rate.

    Parameters
    ----------
    cell : str, Path, bytes, array, (array, rate) or {"array", "sampling_rate"}
        A file that libsndfile reads (by its path or its content), or the samples:
        ``(n_samples,)`` or ``(n_samples, n_channels)``. Floats are taken as they are,
        int16, int32 and uint8 scaled to [-1, 1]. Channels are averaged.
    sampling_rate : float
        Hertz; the rate of an array that comes without one.

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
        infinite. A file cut short is an error where libsndfile notices (FLAC); else
        it gives the samples that are left.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm.readers.sound import read_sound
    >>> read_sound((np.array([0, 16384], dtype=np.int16), 8000), 16000)
    (array([0. , 0.5], dtype=float32), 8000.0)
    """
    if isinstance(cell, str | Path):
        if not os.path.isfile(cell):
            raise ValueError(f"{EXPECTED}; found {describe_path(cell)}")
        samples, rate = _decode(cell, f"the sound file {str(cell)!r:.200}")
    elif isinstance(cell, bytes | bytearray | memoryview):
        samples, rate = _decode(io.BytesIO(cell), f"the sound in {len(cell)} bytes")
    else:
        samples, rate = _split_rate(cell, sampling_rate)
        samples = _scale(_check_shape(samples))
    return _to_mono(samples), float(rate)


def _decode(file, what):
    """Decode a sound file and close it."""
    import soundfile

    try:
        with soundfile.SoundFile(file) as sound:
            n_numbers = sound.frames * sound.channels
            if n_numbers > MAX_DECODED_NUMBERS:
                raise ValueError(
                    f"it claims {sound.frames} samples of {sound.channels} channels, "
                    f"above the limit of {MAX_DECODED_NUMBERS} numbers. Cut it into "
                    "clips."
                )
            return sound.read(dtype="float32", always_2d=True), sound.samplerate
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        reason = getattr(error, "error_string", error)
        raise ValueError(f"cannot read {what}: {reason}") from error


def _split_rate(cell, sampling_rate):
    """Take an array and its rate out of what holds them."""
    if isinstance(cell, Mapping):
        if "array" not in cell or "sampling_rate" not in cell:
            raise TypeError(f"{EXPECTED}; found a dict with the keys {list(cell)}")
        samples, rate = cell["array"], cell["sampling_rate"]
    elif (
        isinstance(cell, tuple | list)
        and len(cell) == 2
        and isinstance(cell[1], Number)
        and not isinstance(cell[0], Number)
    ):
        samples, rate = cell
    else:
        samples, rate = cell, sampling_rate
    if not isinstance(rate, Real) or not 0 < rate < np.inf:
        raise ValueError(f"a sampling rate is a positive number of hertz, found {rate}")
    is_list = isinstance(samples, tuple | list)
    if is_list and not all(isinstance(sample, Number) for sample in samples):
        kinds = ", ".join(type(sample).__name__ for sample in samples[:3])
        raise TypeError(f"{EXPECTED}; found a {type(samples).__name__} of {kinds}")
    if not is_list and not hasattr(samples, "__array__"):
        raise TypeError(f"{EXPECTED}; found {type(samples).__name__} {samples!r:.200}")
    return np.asarray(samples), rate


def _check_shape(samples):
    """Check the axes of an array of samples."""
    if samples.ndim not in (1, 2):
        raise ValueError(
            "expected an array of shape (n_samples,) or (n_samples, n_channels), "
            f"found {samples.shape}"
        )
    if samples.ndim == 2 and 0 < samples.shape[0] < samples.shape[1]:
        raise ValueError(
            f"found {samples.shape[0]} samples of {samples.shape[1]} channels. "
            "Samples come first, channels last: transpose the array."
        )
    return samples


def _scale(samples):
    """Bring integer samples to [-1, 1]; take floats as they are."""
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


def _to_mono(samples):
    """Average the channels and check the samples; None where there is none."""
    if not samples.size:
        return None
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    if np.isfinite(mono).all():
        return mono
    if np.isnan(samples).all():
        return None
    bad = mono.size - int(np.isfinite(mono).sum())
    raise ValueError(
        f"{bad} of {mono.size} samples are NaN or infinite. Fill them in, or "
        "pass None for a missing clip."
    )
