"""The Free Spoken Digit Dataset."""

import hashlib
import io
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from sklearn_mm.datasets._home import find_in_homes, get_data_home

SAMPLING_RATE = 8_000
FILE_NAME = "fsdd_8k.npz"
URL = (
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/"
    "v1.0.10.zip"
)
# Of the recordings, not of the archive, which GitHub may compress anew at any time.
CONTENT_SHA256 = "c14c775c10bc7cf28511e21f7bd9924e05ce5402a069ba5c4bf71d0e0c856e8d"


def fetch_spoken_digits(*, data_home=None, download_if_missing=True, progress=True):
    """Load 3,000 recordings of six people who say a digit in English.

    The Free Spoken Digit Dataset by Zohar Jackson and contributors, version 1.0.10,
    licence CC BY-SA 4.0: 50 takes of each digit by each speaker. Its authors suggest
    takes 0 to 4 as the test set; leaving speakers out is far harder.

    Parameters
    ----------
    data_home : str or Path, default=None
        Folder with ``fsdd_8k.npz``, or where to put it; see :func:`get_data_home`.
    download_if_missing : bool, default=True
        Whether to download the recordings (about 16 MB) if they are not there.
    progress : bool, default=True
        Whether to show a progress bar while downloading.

    Returns
    -------
    X : DataFrame of shape (3000, 3)
        "audio": a pair of the samples, (n_samples,) int16 at full scale 32,768, and
        their rate, 8,000 hertz; "speaker": name; "take": 0 to 49. In the order of
        digit, speaker and take. Nothing is missing.
    y : ndarray of shape (3000,), int64
        The digit.

    Raises
    ------
    OSError
        If the file is not there and cannot or may not be downloaded, or if the
        recordings are not those of version 1.0.10 to the bit.

    References
    ----------
    Z. Jackson et al., "Jakobovski/free-spoken-digit-dataset: v1.0.8", Zenodo, 2018.
    https://doi.org/10.5281/zenodo.1342401

    Examples
    --------
    >>> from sklearn_mm.datasets import fetch_spoken_digits
    >>> X, y = fetch_spoken_digits()  # doctest: +SKIP
    >>> samples, sampling_rate = X["audio"][0]  # doctest: +SKIP
    >>> samples.shape, sampling_rate  # doctest: +SKIP
    ((2384,), 8000)
    """
    import pandas as pd

    path = find_in_homes(FILE_NAME, data_home)
    if path is not None:
        recordings = _load(path)
        _check_content(recordings, f"{path}: delete or replace it")
    elif download_if_missing:
        recordings = _download(get_data_home(data_home), progress)
    else:
        raise OSError(_advice(get_data_home(data_home), "is not there"))
    X = pd.DataFrame(
        {
            "audio": [(samples, SAMPLING_RATE) for *_, samples in recordings],
            "speaker": [speaker for _, speaker, _, _ in recordings],
            "take": [take for _, _, take, _ in recordings],
        }
    )
    return X, np.array([digit for digit, *_ in recordings], dtype=np.int64)


def _load(path):
    """Read the local copy: (digit, speaker, take, samples) tuples in this order."""
    try:
        with np.load(path, allow_pickle=False) as file:
            # Each array once: every access decompresses it anew.
            names = ("label", "speaker", "take", "samples", "offsets")
            label, speaker, take, samples, offsets = (file[name] for name in names)
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise OSError(
            f"{path} cannot be read ({error}). Delete it to download it again."
        ) from error
    keys = zip(label.tolist(), speaker.tolist(), take.tolist(), strict=True)
    sounds = np.split(samples, offsets[1:-1])
    recordings = [(*key, sound) for key, sound in zip(keys, sounds, strict=True)]
    return sorted(recordings, key=lambda recording: recording[:3])


def _check_content(recordings, where):
    """Compare the recordings with those this package was tested with."""
    digest = hashlib.sha256()
    for digit, speaker, take, samples in recordings:
        sound = hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()
        digest.update(f"{digit} {speaker} {take} {sound}\n".encode())
    if digest.hexdigest() != CONTENT_SHA256:
        raise OSError(
            "these are not the 3,000 recordings of the Free Spoken Digit Dataset "
            f"v1.0.10: found {len(recordings)} with the SHA-256 {digest.hexdigest()}, "
            f"expected {CONTENT_SHA256}, in {where}."
        )


def _download(home, progress):
    """Download the archive, check its recordings, and keep them as one file."""
    import pooch

    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fsdd-", dir=home) as folder:
        try:
            # No known hash: what counts is checked below, on the content.
            archive = pooch.retrieve(
                URL, known_hash=None, path=folder, progressbar=progress
            )
        except OSError as error:
            raise OSError(_advice(home, f"cannot be downloaded ({error})")) from error
        recordings = _read_archive(archive)
        _check_content(recordings, f"the archive downloaded from {URL}")
        digits, speakers, takes, sounds = zip(*recordings, strict=True)
        unfinished = Path(folder, FILE_NAME)
        np.savez_compressed(
            unfinished,
            samples=np.concatenate(sounds),
            offsets=np.cumsum([0, *map(len, sounds)]),
            label=np.array(digits, dtype=np.int8),
            speaker=np.array(speakers),
            take=np.array(takes, dtype=np.int16),
        )
        os.replace(unfinished, home / FILE_NAME)
    return recordings


def _read_archive(path):
    """Read ``recordings/{digit}_{speaker}_{take}.wav``, as :func:`_load` does."""
    import soundfile

    recordings = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if "/recordings/" not in name or not name.endswith(".wav"):
                    continue
                digit, speaker, take = Path(name).stem.split("_")
                file = io.BytesIO(archive.read(name))
                samples, _ = soundfile.read(file, dtype="int16", always_2d=True)
                recordings.append((int(digit), speaker, int(take), samples[:, 0]))
    except (zipfile.BadZipFile, soundfile.SoundFileError) as error:
        raise OSError(f"{URL} is not a zip archive of sounds: {error}") from error
    return sorted(recordings, key=lambda recording: recording[:3])


def _advice(home, problem):
    return (
        f"the Free Spoken Digit Dataset {problem}. On a machine with a network, "
        f"fetch_spoken_digits(data_home='.') makes {FILE_NAME} from {URL}: put it at "
        f"{home / FILE_NAME}, or name its folder by data_home or by the environment "
        "variable SKLEARN_MM_DATA."
    )
