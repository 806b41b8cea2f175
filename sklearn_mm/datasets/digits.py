"""Digits as handwriting, speech and words, built on this machine."""

import hashlib
import json
import os
import shutil
import tempfile
from operator import index
from pathlib import Path

import numpy as np

from sklearn_mm.datasets._home import find_in_homes, get_data_home
from sklearn_mm.datasets._speech import SAMPLING_RATE, Utterance, speak

# The words for zero to nine by ISO 639-1 code, and espeak-ng's name of the language.
_WORDS = {
    "ar": "صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun",
    "el": "μηδέν ένα δύο τρία τέσσερα πέντε έξι επτά οκτώ εννέα",
    "en": "zero one two three four five six seven eight nine",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "hi": "शून्य एक दो तीन चार पाँच छह सात आठ नौ",
    "it": "zero uno due tre quattro cinque sei sette otto nove",
    "ja": "ゼロ いち に さん よん ご ろく なな はち きゅう",
    "ru": "ноль один два три четыре пять шесть семь восемь девять",
    "tr": "sıfır bir iki üç dört beş altı yedi sekiz dokuz",
    "zh": "零 一 二 三 四 五 六 七 八 九",
}
WORDS = {code: words.split() for code, words in _WORDS.items()}
_SPOKEN_AS = {"en": "en-us", "zh": "cmn"}
_VARIANTS = [f"m{i}" for i in range(1, 8)] + [f"f{i}" for i in range(1, 6)]

_N_SAMPLES = 1797

# Raise it when the same parameters give other files, so that old ones are not taken.
_VERSION = 1


def load_digits_multimodal(
    *,
    n_samples=None,
    languages=None,
    image_noise=0.0,
    audio_snr=None,
    typo_rate=0.0,
    random_state=0,
    data_home=None,
    progress=True,
):
    """Load 1,797 digits, each as an image file, a sound file and a word.

    The images are real handwriting: the 8 x 8 digits that scikit-learn ships. The
    speech is synthesised by espeak-ng in twelve voices of varied speed and pitch,
    which is far easier to tell apart than real speech. The words are numbers in
    twelve languages and seven scripts. Sample, spoken language and written language
    have nothing to do with each other, except that all three show the same digit.

    Needs no network. The first call with some parameters writes the files (1,797
    samples: 40 MB in a few seconds); later calls read what is there.

    Parameters
    ----------
    n_samples : int, default=None
        How many samples, from the first; None for all 1,797. From 200 on every class
        has 9 to 11 percent of them.
    languages : list of str, default=None
        ISO 639-1 codes of the languages to speak and to write; None for all of
        "ar", "de", "el", "en", "es", "fr", "hi", "it", "ja", "ru", "tr", "zh".
    image_noise : float, default=0.0
        Standard deviation of Gaussian noise on each pixel, as a share of full scale.
    audio_snr : float, default=None
        Signal-to-noise ratio in decibel of white noise on the speech; None for
        no noise. Like the pixels, samples are cut off at full scale.
    typo_rate : float, default=0.0
        Probability that a letter of a word is replaced by another letter of its
        language or, half of the time, left out. At least one letter remains.
    random_state : int, default=0
        Seed of the words, voices and noise. The same seed gives the same samples;
        noise does not change which word or voice a sample has. The draws are the
        same everywhere; the sound is the same to the bit for one version of
        espeakng-loader on one kind of machine.
    data_home : str or Path, default=None
        Where the files are; see :func:`get_data_home`.
    progress : bool, default=True
        Whether to show a progress bar while writing files.

    Returns
    -------
    X : DataFrame of shape (n_samples, 3)
        "image": path of a PNG file, 8 x 8 pixels, grey, bright on dark; "audio": path
        of a WAV file, mono, 22,050 Hz, int16, 0.1 to 1 second; "text": the word.
        Nothing is missing.
    y : ndarray of shape (n_samples,), int64
        The digit.

    Raises
    ------
    ImportError
        If the files are not there and espeak-ng is not installed.
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    ``manifest.json`` beside the files also holds the language of each word, and the
    voice, the speed (words a minute) and the pitch (0 to 99) of each sound.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI
    Machine Learning Repository, 1998. https://doi.org/10.24432/C50P49

    Examples
    --------
    >>> from sklearn_mm.datasets import load_digits_multimodal
    >>> X, y = load_digits_multimodal(n_samples=100)  # doctest: +SKIP
    >>> X.columns.tolist(), y[:4]  # doctest: +SKIP
    (['image', 'audio', 'text'], array([0, 1, 2, 3]))
    """
    import pandas as pd

    parameters = {
        "version": _VERSION,
        "n_samples": _N_SAMPLES if n_samples is None else index(n_samples),
        "languages": _check_languages(languages),
        "image_noise": float(image_noise),
        "audio_snr": None if audio_snr is None else float(audio_snr),
        "typo_rate": float(typo_rate),
        "random_state": index(random_state),
    }
    _check_numbers(parameters)
    folder = _find_or_build(parameters, data_home, progress)
    rows = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    X = pd.DataFrame(
        {
            "image": [str(folder / row["image"]) for row in rows],
            "audio": [str(folder / row["audio"]) for row in rows],
            "text": [row["text"] for row in rows],
        }
    )
    return X, np.array([row["digit"] for row in rows], dtype=np.int64)


def _check_languages(languages):
    if languages is None:
        return list(WORDS)
    languages = list(languages)
    unknown = [code for code in languages if code not in WORDS]
    if unknown or not languages:
        raise ValueError(
            f"languages must be some of {list(WORDS)}, found {unknown or 'none'}"
        )
    return languages


def _check_numbers(parameters):
    n_samples = parameters["n_samples"]
    if not 1 <= n_samples <= _N_SAMPLES:
        raise ValueError(
            f"n_samples must be from 1 to {_N_SAMPLES} or None, found {n_samples}"
        )
    image_noise, audio_snr = parameters["image_noise"], parameters["audio_snr"]
    if not 0 <= image_noise < np.inf:
        raise ValueError(f"image_noise must be at least 0, found {image_noise}")
    if audio_snr is not None and not np.isfinite(audio_snr):
        raise ValueError(
            f"audio_snr must be a finite number or None, found {audio_snr}"
        )
    if not 0 <= parameters["typo_rate"] <= 1:
        raise ValueError(
            f"typo_rate must be between 0 and 1, found {parameters['typo_rate']}"
        )


def _find_or_build(parameters, data_home, progress):
    """Give the folder of these parameters, made if it is not there."""
    key = hashlib.sha256(json.dumps(parameters).encode()).hexdigest()[:12]
    name = f"digits_multimodal/{key}"
    found = find_in_homes(name, data_home)
    if found is not None:
        return found
    folder = get_data_home(data_home) / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Written under another name, so that a folder with the right one is whole.
    unfinished = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=folder.parent))
    try:
        _build(unfinished, parameters, progress)
        unfinished.chmod(0o755)
        os.rename(unfinished, folder)
    except OSError:
        if not folder.exists():  # else another process was faster
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _build(folder, parameters, progress):
    """Write the image and the sound of every sample, and the manifest."""
    import soundfile
    from PIL import Image
    from sklearn.datasets import load_digits
    from tqdm.auto import tqdm

    digits = load_digits()
    n_samples = parameters["n_samples"]
    images, target = digits.images[:n_samples], digits.target[:n_samples]
    # A stream for each modality: noise on one changes nothing of the others. All is
    # drawn row by row, so that fewer samples are the first of more.
    seeds = np.random.SeedSequence(parameters["random_state"]).spawn(4)
    on_choice, on_image, on_audio, on_text = map(np.random.default_rng, seeds)
    manifest = _draw_words(target, parameters["languages"], on_choice)
    utterances = [
        Utterance(WORDS[row["spoken_language"]][row["digit"]], *_manner(row))
        for row in manifest
    ]
    for modality in ("image", "audio"):
        (folder / modality).mkdir()
    bar = tqdm(manifest, desc="Writing digits", unit="digit", disable=not progress)
    for row, image, sound in zip(bar, images, speak(utterances), strict=True):
        noise = parameters["image_noise"] * on_image.standard_normal(image.shape)
        pixels = np.rint(255 * (image / 16 + noise).clip(0, 1)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / row["image"])
        sound = _add_noise(sound, parameters["audio_snr"], on_audio)
        soundfile.write(folder / row["audio"], sound, SAMPLING_RATE, subtype="PCM_16")
        letters = "".join(WORDS[row["written_language"]])
        row["text"] = _misspell(row["text"], parameters["typo_rate"], letters, on_text)
    text = json.dumps(manifest, ensure_ascii=False, indent=0)
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def _draw_words(digits, languages, rng):
    """Draw who says what: a dict for each sample."""
    rows = []
    for i, digit in enumerate(digits.tolist()):
        written, spoken = (languages[k] for k in rng.integers(len(languages), size=2))
        rows.append(
            {
                "image": f"image/{i:04d}.png",
                "audio": f"audio/{i:04d}.wav",
                "text": WORDS[written][digit],
                "digit": digit,
                "written_language": written,
                "spoken_language": spoken,
                "voice": _VARIANTS[rng.integers(len(_VARIANTS))],
                "speed": int(rng.integers(130, 211)),
                "pitch": int(rng.integers(30, 71)),
            }
        )
    return rows


def _manner(row):
    """Voice, speed and pitch of a row, as espeak-ng wants them."""
    language = _SPOKEN_AS.get(row["spoken_language"], row["spoken_language"])
    return f"{language}+{row['voice']}", row["speed"], row["pitch"]


def _add_noise(sound, snr, rng):
    """Add white noise, ``snr`` decibel below the mean power of the sound."""
    if snr is None:
        return sound
    power = np.mean(np.square(sound, dtype=np.float64))
    noise = rng.standard_normal(len(sound)) * np.sqrt(power / 10 ** (snr / 10))
    return np.rint(sound + noise).clip(-(2**15), 2**15 - 1).astype(np.int16)


def _misspell(word, rate, letters, rng):
    """Replace some letters by others of the language, or leave them out."""
    wrong = rng.random(len(word)) < rate
    left_out = rng.random(len(word)) < 0.5
    others = rng.integers(len(letters), size=len(word))
    if wrong.all() and left_out.all():
        left_out[0] = False
    return "".join(
        letter if not wrong[i] else "" if left_out[i] else letters[others[i]]
        for i, letter in enumerate(word)
    )
