"""Ways in which the cells of a table get worse.

A corruption of cells is called as ``(cell, strength, rng)`` and gives the worse cell.
Its strength goes from 0, where the cell is as it was, to 1, where next to nothing is
left of it. One that needs to see other rows is marked by :func:`of_column`, and is
called with a whole column, a pandas Series, instead of a cell. Which they are follows
MultiBench (Liang et al. 2021) and, for images, ImageNet-C (Hendrycks and Dietterich
2019).

Cells come in every form that the transformers take: paths, bytes, arrays. What is left
unchanged is the caller's cell: corruptions make new ones.
"""

import string

import numpy as np

from sklearn_mm.readers.clips import as_clip
from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.images import learn_value_range, list_images, read_image
from sklearn_mm.readers.locations import resolve
from sklearn_mm.readers.series import read_series
from sklearn_mm.readers.sound import read_sound

# Signal-to-noise ratio in decibels just above strength 0, and at strength 1.
MILDEST_SNR, WORST_SNR = 20, -20

# A clip loses pieces of a twentieth of its length.
N_PIECES = 20

# No clip has this rate (hertz): it marks those that come without one.
NO_RATE = 0.125


def default_corruptions(kind):
    """List the corruptions of a kind of cells.

    Parameters
    ----------
    kind : {"image", "audio", "text", "series", "table"}
        What the cells are. "table" is numbers and categories, and anything else.

    Returns
    -------
    dict of str to callable
        By name. All are called as ``(cell, strength, rng)`` but "missing" and
        "swapped", which take a column; strengths go from 0 to 1.

    Raises
    ------
    ValueError
        If there is no such kind.

    See Also
    --------
    robustness_curve : Scores a model on what they make of the cells.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm.inspection import default_corruptions
    >>> corruptions = default_corruptions("text")
    >>> list(corruptions)
    ['typos', 'swapped words', 'dropped words', 'missing']
    >>> corruptions["dropped words"]("one two three", 0.5, np.random.default_rng(0))
    'one'
    """
    if kind not in _BY_KIND:
        raise ValueError(f"kind must be one of {list(_BY_KIND)}, found {kind!r}")
    return {**_BY_KIND[kind], "missing": drop_cells}


def of_column(corruption):
    """Mark a corruption that is called with a column, and gives a column."""
    corruption.of_column = True
    return corruption


def corrupt_column(column, corruption, strength, rng):
    """Corrupt the cells of a column; missing cells stay missing.

    Parameters
    ----------
    column : Series of n_samples cells
        Is left as it is.
    corruption : callable
        Of cells, or of columns.
    strength : float
        From 0, which changes nothing, to 1.
    rng : numpy.random.Generator
        For what is random.

    Returns
    -------
    Series of n_samples cells
    """
    import pandas as pd

    if not strength:
        return column
    if getattr(corruption, "of_column", False):
        return corruption(column, strength, rng)
    cells = np.empty(len(column), dtype=object)
    for row, cell in enumerate(column):
        gone = is_missing(cell)
        cells[row] = cell if gone else corruption(cell, strength, rng)
    return pd.Series(cells, index=column.index, name=column.name)


def add_image_noise(image, strength, rng):
    """Add Gaussian noise with a deviation of ``strength`` of the way black to white."""
    from skimage.util import random_noise

    def change(pixels):
        return random_noise(pixels, mode="gaussian", rng=rng, var=strength**2)

    return _change_pixels(image, change)


def blur_image(image, strength, rng=None):
    """Blur by a Gaussian; at 1 its deviation is an eighth of the shorter side."""
    from skimage.filters import gaussian

    def change(pixels):
        sigma = strength * min(pixels.shape[:2]) / 8
        return gaussian(pixels, sigma, channel_axis=-1)

    return _change_pixels(image, change)


def occlude_image(image, strength, rng):
    """Lay a black rectangle somewhere, of ``strength`` of the area of the image."""

    def change(pixels):
        sides = np.rint(np.sqrt(strength) * np.array(pixels.shape[:2])).astype(int)
        room = np.array(pixels.shape[:2]) - sides
        top, left = np.floor(rng.random(2) * (room + 1)).astype(int)
        pixels = pixels.copy()
        pixels[top : top + sides[0], left : left + sides[1]] = 0
        return pixels

    return _change_pixels(image, change)


def lower_contrast(image, strength, rng=None):
    """Bring the pixels nearer to their mean, each channel's; at 1 nothing is left."""

    def change(pixels):
        mean = pixels.mean(axis=(0, 1))
        return mean + (1 - strength) * (pixels - mean)

    return _change_pixels(image, change)


def add_sound_noise(clip, strength, rng):
    """Add white noise, from 20 dB signal-to-noise ratio near 0 to -20 dB at 1."""

    def change(samples):
        return samples + _noise(samples, strength, rng)

    return _change_sound(clip, change)


def silence_stretches(clip, strength, rng):
    """Silence ``strength`` of the clip, in pieces of a twentieth of its length."""

    def change(samples):
        pieces = np.array_split(np.arange(len(samples)), N_PIECES)
        silent = rng.permutation(N_PIECES)[: round(strength * N_PIECES)]
        samples = samples.copy()
        for piece in silent:
            samples[pieces[piece]] = 0
        return samples

    return _change_sound(clip, change)


def add_typos(text, strength, rng):
    """Lose, double or replace each character but spaces by chance ``strength``."""
    characters = list(str(text))
    # The same draws at every strength, so that a stronger corruption only adds.
    chances = rng.random(len(characters))
    kinds = rng.integers(3, size=len(characters))
    letters = rng.integers(len(string.ascii_lowercase), size=len(characters))
    for place, character in enumerate(characters):
        if chances[place] < strength and not character.isspace():
            letter = string.ascii_lowercase[letters[place]]
            if letter == character:
                letter = string.ascii_lowercase[letters[place] - 1]
            characters[place] = ("", 2 * character, letter)[kinds[place]]
    return "".join(characters)


def swap_words(text, strength, rng):
    """Let words, each by chance ``strength``, take the places of one another."""
    words = str(text).split()
    places = rng.permutation(len(words))
    places = places[rng.random(len(words)) < strength]
    moved = list(words)
    for place, other in zip(places, np.roll(places, 1), strict=True):
        moved[place] = words[other]
    return " ".join(moved) if len(places) > 1 else str(text)


def drop_words(text, strength, rng):
    """Drop each word by chance ``strength``; words are told apart by spaces."""
    words = str(text).split()
    kept = rng.random(len(words)) >= strength
    if kept.all():
        return str(text)
    return " ".join(word for word, stays in zip(words, kept, strict=True) if stays)


def add_series_noise(series, strength, rng):
    """Add Gaussian noise to each channel, from 20 dB near 0 to -20 dB at 1.

    The signal is how the channel varies around its mean: one that does not vary stays.
    """

    def change(values):
        n_known = np.maximum(1, np.sum(~np.isnan(values), axis=0))
        mean = np.nansum(values, axis=0) / n_known
        return values + _noise(values - mean, strength, rng)

    return _change_series(series, change)


def lose_steps(series, strength, rng):
    """Make a stretch of ``strength`` of the steps NaN, somewhere in the series."""

    def change(values):
        n_lost = round(strength * len(values))
        start = int(rng.random() * (len(values) - n_lost + 1))
        values = values.copy()
        values[start : start + n_lost] = np.nan
        return values

    return _change_series(series, change)


@of_column
def drop_cells(column, strength, rng):
    """Make each cell of a column missing by chance ``strength``."""
    return column.mask(rng.random(len(column)) < strength)


@of_column
def swap_rows(column, strength, rng):
    """Let cells, each by chance ``strength``, take the rows of one another."""
    order = np.arange(len(column))
    rows = rng.permutation(len(column))
    rows = rows[rng.random(len(column)) < strength]
    rows = rows[[not is_missing(cell) for cell in column.take(rows)]]
    order[rows] = np.roll(rows, 1)
    return column.take(order).set_axis(column.index)


def _change_pixels(cell, change):
    """Read an image, change its colours on a scale from 0 to 1, and scale back."""
    images = list_images(cell)
    if len(images) != 1 or images[0] is not cell:
        return [_change_pixels(image, change) for image in images]
    image = read_image(cell)
    if image is None:
        return cell
    if image.dtype == bool:
        image = image.astype(np.uint8) * np.uint8(255)
    if image.dtype in (np.uint8, np.uint16):
        black, white = 0, np.iinfo(image.dtype).max
    else:
        black, white = learn_value_range([image])
    width = (white - black) or 1
    n_colours = min(image.shape[2], 3)  # the fourth channel is alpha
    unit = (image[:, :, :n_colours].astype(np.float64) - black) / width
    changed = black + width * np.clip(change(unit), 0, 1)
    if image.dtype.kind in "iu":
        changed = np.rint(changed)
    result = image.copy()
    result[:, :, :n_colours] = changed
    return result


def _change_sound(cell, change):
    """Read a clip, change its samples, and give it the rate it came with."""
    found = as_clip(resolve(cell))
    if found is None:
        return cell
    samples, rate = read_sound(found, NO_RATE)
    if samples is None:
        return cell
    changed = change(samples.astype(np.float64)).astype(np.float32)
    return changed if rate == NO_RATE else (changed, rate)


def _change_series(cell, change):
    """Read a series, change its values, and give it the times it came with."""
    values = read_series(cell)
    if not values.size:
        return cell
    values = change(values)
    if not hasattr(cell, "iloc"):
        return values[:, 0] if values.shape[1] == 1 and np.ndim(cell) == 1 else values
    if cell.ndim == 1:
        return type(cell)(values[:, 0], index=cell.index, name=cell.name)
    return type(cell)(values, index=cell.index, columns=cell.columns)


def _noise(signal, strength, rng):
    """Draw white noise whose power is, to the number, that of the ratio in decibels."""
    noise = rng.standard_normal(signal.shape)
    if not strength:
        return np.zeros_like(noise)
    ratio = MILDEST_SNR + strength * (WORST_SNR - MILDEST_SNR)
    known = ~np.isnan(signal)
    power = np.sum(np.square(signal), axis=0, where=known)
    power_of_noise = np.sum(np.square(noise), axis=0, where=known)
    power_of_noise = np.where(power > 0, power_of_noise, 1)
    return noise * np.sqrt(power / power_of_noise * 10 ** (-ratio / 10))


_BY_KIND = {
    "image": {
        "noise": add_image_noise,
        "blur": blur_image,
        "occlusion": occlude_image,
        "contrast": lower_contrast,
    },
    "audio": {"noise": add_sound_noise, "gaps": silence_stretches},
    "text": {
        "typos": add_typos,
        "swapped words": swap_words,
        "dropped words": drop_words,
    },
    "series": {"noise": add_series_noise, "gaps": lose_steps},
    "table": {"swapped": swap_rows},
}
