"""Targets to fuzz: each takes any bytes, and gives what came of them.

A target gives "value" or "refused". Whatever else is raised, or takes too long, is a
finding: it is kept as a file in ``findings``, which a test tries again.
"""

import hashlib
import io
import time
import warnings
from collections import Counter
from pathlib import Path

import cells
import numpy as np
import soundfile

from sklearn_mm import DateTransformer, TextTransformer
from sklearn_mm.readers.images import read_image
from sklearn_mm.readers.sound import read_sound

FINDINGS = Path(__file__).with_name("findings")
MOST_SECONDS = 2.0  # of computing, for one input


def image(data):
    """Read bytes as an image file."""
    pixels = read_image(data)
    assert pixels.ndim == 3 and pixels.size and pixels.dtype.kind in "uif"


def sound(data):
    """Read bytes as a sound file."""
    samples, rate = read_sound(data, 8000)
    if samples is not None:  # of a clip without samples
        assert samples.ndim == 1 and np.isfinite(samples).all() and rate > 0


def text(data):
    """Learn and transform a text of any characters."""
    cell = data.decode("utf-8", "surrogatepass" if len(data) % 2 else "replace")
    block = TextTransformer(min_frequency=1).fit_transform(["a red fox", cell])
    assert block[0].lengths[0] == 3


def date(data):
    """Learn and transform a date that is any string."""
    cell = data.decode("latin-1")
    found = DateTransformer().fit_transform(np.array([["2020-01-05"], [cell]], object))
    found = np.asarray(found, dtype=float)
    assert np.isfinite(found[0]).all() and not np.isinf(found).any()


def seeds_of(name):
    """Give what is mutated: list of bytes."""
    if name == "image":
        found = cells.damaged_images()
        return [cell for kind, (cell, _) in found.items() if kind.endswith(" whole")]
    if name == "sound":
        return list(map(_sound_file, ("WAV", "FLAC", "OGG", "MP3", "AIFF", "AU")))
    if name == "text":
        return [cell.encode("utf-8", "surrogatepass") for cell, _ in _short_texts()]
    return [b"2020-01-05", b"2020-01-05T10:00:00.5+01:00", b"1600000000", b"NaT"]


def _short_texts():
    return [found for found in cells.odd_texts().values() if len(found[0]) < 100]


def _sound_file(format_):
    file = io.BytesIO()
    samples = np.sin(np.arange(2000) / 5) * 0.5
    soundfile.write(file, samples, 8000, format=format_)
    return file.getvalue()


TARGETS = {"image": image, "sound": sound, "text": text, "date": date}


def mutate(rng, seeds):
    """Change one of the seeds at random, once or several times."""
    data = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.integers(1, 6)):
        how, at = rng.integers(7), int(rng.integers(len(data) + 1))
        width = int(rng.choice([1, 2, 4, 8, 32]))
        if how == 0 and data:
            data[at % len(data)] ^= 1 << rng.integers(8)
        elif how == 1:
            data[at : at + width] = rng.bytes(width)
        elif how == 2:
            edge = [b"\0", b"\xff", b"\x7f", b"\x80"][rng.integers(4)]
            data[at : at + width] = edge * width
        elif how == 3:
            del data[at : at + width]
        elif how == 4:
            data[at:at] = data[at : at + width] or b" "
        elif how == 5:
            other = seeds[rng.integers(len(seeds))]
            data[at:] = other[rng.integers(len(other) + 1) :]
        else:
            del data[at:]
    return bytes(data)


def try_one(name, data):
    """Tell what comes of one input: "value", "refused", or a finding."""
    start = time.process_time()  # whatever else the machine does
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TARGETS[name](data)
        outcome = "value"
    except (ValueError, TypeError):
        outcome = "refused"
    except Exception as error:
        return f"{type(error).__name__}: {error!s:.150}"
    seconds = time.process_time() - start
    return outcome if seconds < MOST_SECONDS else f"slow: {seconds:.1f} s"


def note(name, data, outcomes, keep=False):
    """Try one input, and keep it if it is the first finding of its kind.

    Parameters
    ----------
    name : str
        Of the target.
    data : bytes
        The input.
    outcomes : Counter of str
        What has come of the inputs before.
    keep : bool, default=False
        Whether to write a finding into a file.

    Returns
    -------
    str
        "value", "refused", or the kind of the finding.
    """
    outcome = try_one(name, data).split(":")[0]
    if keep and outcome not in ("value", "refused") and not outcomes[outcome]:
        FINDINGS.mkdir(exist_ok=True)
        digest = hashlib.sha256(data).hexdigest()[:12]
        (FINDINGS / f"{name}-{digest}").write_bytes(data)
    return outcome


def fuzz(name, n_inputs, seed=0, keep=False):
    """Try many inputs.

    Parameters
    ----------
    name : str
        Of the target.
    n_inputs : int
        How many.
    seed : int, default=0
        Of what is drawn.
    keep : bool, default=False
        Whether to write each finding that is the first of its kind into a file.

    Returns
    -------
    Counter of str
        How many inputs had each outcome.
    """
    rng, seeds, outcomes = np.random.default_rng(seed), seeds_of(name), Counter()
    try_one(name, seeds[0])  # imports what it needs
    for _ in range(n_inputs):
        outcomes[note(name, mutate(rng, seeds), outcomes, keep)] += 1
    return outcomes
