"""The task on which speeds are compared: images, texts and sound frames, two classes.

Images of 64 x 64 x 3 bytes, texts of 10 to 60 token ids out of 10,000, sounds of 40 to
80 frames of 40 bands. Each modality shows a sign of its own, drowned in noise, which
agrees with the class in 85 of 100 rows: so no modality suffices, and an accuracy tells
whether what is fast also learns. Needs NumPy only, so that every peer's own
environment can read it; ``save`` and ``load`` hand the same rows to all.

    image  a square of 16 x 16 pixels, at a random place, lighter or darker
    text   one token in five from 100 words of its sign, the others of any rank (Zipf)
    audio  twelve frames, from a random one on, in which the low or high bands are loud
"""

from dataclasses import dataclass

import numpy as np

VOCABULARY_SIZE = 10_000
IMAGE_SIZE = 64
TEXT_LENGTHS = (10, 60)
AUDIO_LENGTHS = (40, 80)
N_BANDS = 40
N_TEST = 1000
AGREEMENT = 0.85


@dataclass
class Task:
    """Rows with three modalities and a class.

    Attributes
    ----------
    images : ndarray of shape (n, 64, 64, 3), uint8
    texts : ndarray of shape (n, 60), int32
        Ids from 1; 0 after the end.
    text_lengths : ndarray of shape (n,), int64
    sounds : ndarray of shape (n, 80, 40), float32
        0 after the end.
    sound_lengths : ndarray of shape (n,), int64
    y : ndarray of shape (n,), int64
        0 or 1.
    """

    images: np.ndarray
    texts: np.ndarray
    text_lengths: np.ndarray
    sounds: np.ndarray
    sound_lengths: np.ndarray
    y: np.ndarray

    def first(self, n):
        """Take the first n rows."""
        return Task(**{name: values[:n] for name, values in vars(self).items()})


def make_task(n_rows, seed):
    """Draw rows; other seeds give other rows of the same task.

    Parameters
    ----------
    n_rows : int
        How many.
    seed : int
        Of every draw.

    Returns
    -------
    Task
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n_rows)
    signs = [np.where(rng.random(n_rows) < AGREEMENT, y, 1 - y) for _ in range(3)]
    return Task(
        _draw_images(rng, signs[0]),
        *_draw_texts(rng, signs[1]),
        *_draw_sounds(rng, signs[2]),
        y,
    )


def _draw_images(rng, signs):
    shape = (len(signs), IMAGE_SIZE, IMAGE_SIZE, 3)
    images = 128 + 40 * rng.standard_normal(shape, dtype=np.float32)
    corners = rng.integers(0, IMAGE_SIZE - 16, (len(signs), 2))
    for image, (top, left), sign in zip(images, corners, signs, strict=True):
        image[top : top + 16, left : left + 16] += 50 if sign else -50
    return images.clip(0, 255).astype(np.uint8)


def _draw_texts(rng, signs):
    lengths = rng.integers(TEXT_LENGTHS[0], TEXT_LENGTHS[1] + 1, len(signs))
    shape = (len(signs), TEXT_LENGTHS[1])
    ids = np.minimum(rng.zipf(1.3, shape), VOCABULARY_SIZE - 201) + 200
    of_sign = rng.integers(1, 101, shape) + 100 * signs[:, None]
    ids = np.where(rng.random(shape) < 0.2, of_sign, ids)
    ids[np.arange(TEXT_LENGTHS[1]) >= lengths[:, None]] = 0
    return ids.astype(np.int32), lengths


def _draw_sounds(rng, signs):
    lengths = rng.integers(AUDIO_LENGTHS[0], AUDIO_LENGTHS[1] + 1, len(signs))
    shape = (len(signs), AUDIO_LENGTHS[1], N_BANDS)
    frames = rng.standard_normal(shape, dtype=np.float32)
    starts = rng.integers(0, lengths - 11)
    half = N_BANDS // 2
    for sound, start, sign in zip(frames, starts, signs, strict=True):
        sound[start : start + 12, half * sign : half * (sign + 1)] += 1.0
    frames[np.arange(AUDIO_LENGTHS[1]) >= lengths[:, None]] = 0
    return frames, lengths


def save(path, train, test):
    """Write both parts into one ``.npz`` file."""
    parts = {"train": train, "test": test}
    np.savez(
        path,
        **{
            f"{name}_{k}": v
            for name, part in parts.items()
            for k, v in vars(part).items()
        },
    )


def load(path):
    """Read what ``save`` wrote: train and test."""
    with np.load(path) as file:
        parts = {
            name: {
                key.removeprefix(f"{name}_"): file[key]
                for key in file.files
                if key.startswith(f"{name}_")
            }
            for name in ("train", "test")
        }
    return Task(**parts["train"]), Task(**parts["test"])
