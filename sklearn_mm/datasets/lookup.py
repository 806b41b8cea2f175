"""Generated data in which one modality asks for what another holds."""

import colorsys

import numpy as np

from sklearn_mm.datasets.synthetic import (
    SAMPLING_RATE,
    as_generator,
    column_of_cells,
    pseudo_words,
)

# Of the words beside the name of a thing.
N_ORDINARY_WORDS = 25

# In seconds: a tone, and the part of the clip in which it begins a little earlier or
# later; the fade of its ends.
TONE, SLOT, FADE = 0.2, 0.25, 0.01
TREMOLO = 10  # hertz

# In pixels: an image of 4 x 4 cells, in each of which a square has room to move.
N_CELLS, CELL, SQUARE = 4, 8, 6


def make_multimodal_lookup(
    n_samples=100,
    *,
    holder="series",
    n_things=8,
    n_fillers=0,
    noise=0.3,
    missing_rate=0.0,
    return_places=False,
    random_state=None,
):
    """Generate a problem in which a text asks for a thing that another modality holds.

    The text names one of ``n_things`` things. The holder shows all of them, in random
    places, each with one of two properties; the class is the property of the thing that
    was named. A model has to look it up, as attention does (associative recall: Ba et
    al. 2016, "Using Fast Weights to Attend to the Recent Past").

    Half of the things of a row have each property, and any thing is as likely to be
    named. So the class is independent of the text alone, and of the holder alone:
    neither, nor what two models of one modality each predict, is better than chance.

    Parameters
    ----------
    n_samples : int, default=100
        Number of rows. The classes are equally frequent, to within one row; so are the
        things that are named.
    holder : {"series", "audio", "image"}, default="series"
        The modality that holds the things, and the name of its column:

        - "series": (n_things, n_things + 1) float64 array. A step is a thing: the first
          n_things channels are 1 for that thing, else 0, the last is the property, -1
          or 1, with noise.
        - "audio": pair of float32 samples, a quarter of a second for each thing, and
          their rate, 8,000 hertz. A thing is a tone of 0.2 seconds whose pitch, from
          300 to 3,000 hertz, says which; it is steady (class 0) or trembles ten times a
          second (class 1). White noise lies under all.
        - "image": (32, 32, 3) uint8 array. A thing is a square of 6 x 6 pixels whose
          hue says which; it is hollow (class 0) or filled (class 1). Each has one of
          4 x 4 cells of 8 x 8 pixels to itself, on a noisy dark ground.
    n_things : int, default=8
        Number of things, even: for series from 2 to 100, for sound and images to 16.
    n_fillers : int, default=0
        Words that tell nothing in each text, before and after the name. With 0 the
        text is the name.
    noise : float, default=0.3
        Standard deviation of Gaussian noise: on the last channel of series; a tenth of
        it on samples, in which the tones have amplitudes of 0.2 to 0.5; 30 times it, in
        levels of 255, on images. 0.3 on a series turns the sign of one value in 2,300.
    missing_rate : float, default=0.0
        Probability that a cell is missing, independent of everything else. Of a row
        that misses one, nothing is known about its class.
    return_places : bool, default=False
        Whether to say where in the holder the thing is that was named.
    random_state : int, Generator, RandomState or None, default=None
        Seed. An int gives the same data each time. The global random state is neither
        used nor changed.

    Returns
    -------
    X : DataFrame of shape (n_samples, 2)
        The columns "question" and that of the holder. Missing cells are None.
    y : ndarray of shape (n_samples,), int64
        The class, 0 or 1.
    places : DataFrame of n_samples rows, float64
        Only if ``return_places``: where the thing stands, in the columns and units of
        :func:`sklearn_mm.inspection.attention_weights`. For series start and end in
        steps, for sound in seconds, for images left, top, right and bottom in pixels;
        end, right and bottom are not included. NaN where the holder is missing.

    Raises
    ------
    ValueError
        If a parameter is outside its range or the holder is unknown.

    See Also
    --------
    make_multimodal_classification : Problems that one modality solves, or their parity.

    Examples
    --------
    >>> from sklearn_mm.datasets import make_multimodal_lookup
    >>> X, y, places = make_multimodal_lookup(
    ...     4, holder="series", n_things=6, return_places=True, random_state=0
    ... )
    >>> X["question"].tolist()
    ['ripi', 'sezu', 'vari', 'lala']
    >>> step = int(places["start"][0])
    >>> X["series"][0].shape, bool(X["series"][0][step, -1] > 0), bool(y[0])
    ((6, 7), False, False)
    """
    import pandas as pd

    _check_parameters(n_samples, holder, n_things, n_fillers, noise, missing_rate)
    rng = as_generator(random_state)
    y = rng.permutation(np.arange(n_samples, dtype=np.int64) % 2)
    asked = rng.permutation(np.arange(n_samples) % n_things)
    properties = _draw_properties(y, asked, n_things, rng)
    missing = rng.random((2, n_samples)) < missing_rate
    questions = _make_questions(asked, n_things, n_fillers, rng)
    make, names, _ = _HOLDERS[holder]
    cells, places = make(properties, noise, rng)  # places: (rows, things, names)
    X = pd.DataFrame(
        {
            "question": column_of_cells(questions, missing[0]),
            holder: column_of_cells(cells, missing[1]),
        }
    )
    if not return_places:
        return X, y
    where = places[np.arange(n_samples), asked].astype(np.float64)
    where[missing[1]] = np.nan
    return X, y, pd.DataFrame(where, columns=list(names))


def _check_parameters(n_samples, holder, n_things, n_fillers, noise, missing_rate):
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, found {n_samples}")
    if holder not in _HOLDERS:
        raise ValueError(f"holder must be one of {list(_HOLDERS)}, found {holder!r}")
    most = _HOLDERS[holder][2]
    if not 2 <= n_things <= most or n_things % 2:
        raise ValueError(
            f"n_things must be an even number from 2 to {most} for "
            f"holder={holder!r}, found {n_things}"
        )
    if n_fillers < 0:
        raise ValueError(f"n_fillers must be at least 0, found {n_fillers}")
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise must be at least 0 and finite, found {noise}")
    if not 0 <= missing_rate <= 1:
        raise ValueError(f"missing_rate must be between 0 and 1, found {missing_rate}")


def _draw_properties(y, asked, n_things, rng):
    """Draw the property of each thing, 0 or 1, half of each: (n_samples, n_things).

    Were they drawn one by one, the property of most things would be a good guess.
    """
    n_samples = len(y)
    properties = rng.permuted(np.tile(np.arange(n_things) % 2, (n_samples, 1)), axis=1)
    wrong = properties[np.arange(n_samples), asked] != y
    properties[wrong] = 1 - properties[wrong]
    return properties


def _draw_slots(n_samples, n_things, n_slots, rng):
    """Draw the slot of each thing, no two in the same: (n_samples, n_things)."""
    slots = np.tile(np.arange(n_slots), (n_samples, 1))
    return rng.permuted(slots, axis=1)[:, :n_things]


def _make_questions(asked, n_things, n_fillers, rng):
    names = np.array(pseudo_words("lmnprstvz", n_things))
    ordinary = np.array(pseudo_words("bdfgk", N_ORDINARY_WORDS))
    words = ordinary[rng.integers(N_ORDINARY_WORDS, size=(len(asked), n_fillers + 1))]
    rows = np.arange(len(asked))
    words[rows, rng.integers(n_fillers + 1, size=len(asked))] = names[asked]
    return [" ".join(row) for row in words]


def _make_series(properties, noise, rng):
    """Make the cells, and the steps of all things: (n_samples, n_things, 2)."""
    n_samples, n_things = properties.shape
    steps = _draw_slots(n_samples, n_things, n_things, rng)
    rows = np.arange(n_samples)[:, None]
    series = np.zeros((n_samples, n_things, n_things + 1))
    series[rows, steps, np.arange(n_things)] = 1
    series[rows, steps, -1] = 2 * properties - 1
    series[:, :, -1] += noise * rng.standard_normal((n_samples, n_things))
    return list(series), np.stack([steps, steps + 1], axis=2)


def _make_sounds(properties, noise, rng):
    """Make the cells, and the seconds of all things: (n_samples, n_things, 2)."""
    n_samples, n_things = properties.shape
    length, slot = round(TONE * SAMPLING_RATE), round(SLOT * SAMPLING_RATE)
    time = np.arange(length) / SAMPLING_RATE
    pitch = 300 * 10 ** ((np.arange(n_things) + 0.5) / n_things)
    fade = np.minimum(1, np.minimum(time, TONE - time) / FADE)
    tremolo = 0.5 + 0.5 * np.cos(2 * np.pi * TREMOLO * time)
    envelopes = np.stack([fade, fade * tremolo])

    slots = _draw_slots(n_samples, n_things, n_things, rng)
    starts = slots * slot + rng.integers(slot - length + 1, size=slots.shape)
    loudness = rng.uniform(0.2, 0.5, size=slots.shape)
    phase = rng.uniform(0, 2 * np.pi, size=slots.shape)
    sounds = []
    for row in range(n_samples):
        waves = np.sin(2 * np.pi * pitch[:, None] * time + phase[row][:, None])
        waves *= loudness[row][:, None] * envelopes[properties[row]]
        sound = 0.1 * noise * rng.standard_normal(n_things * slot)
        sound[starts[row][:, None] + np.arange(length)] += waves
        sounds.append((sound.astype(np.float32), SAMPLING_RATE))
    return sounds, np.stack([starts, starts + length], axis=2) / SAMPLING_RATE


def _make_images(properties, noise, rng):
    """Make the cells, and the pixels of all things: (n_samples, n_things, 4)."""
    n_samples, n_things = properties.shape
    hues = 255 * np.array(
        [colorsys.hsv_to_rgb(thing / n_things, 0.8, 0.9) for thing in range(n_things)]
    )
    filled = np.ones((SQUARE, SQUARE, 1))
    hollow = filled.copy()
    hollow[1:-1, 1:-1] = 0
    shapes = np.stack([hollow, filled])

    slots = _draw_slots(n_samples, n_things, N_CELLS**2, rng)
    room = CELL - SQUARE + 1
    tops = slots // N_CELLS * CELL + rng.integers(room, size=slots.shape)
    lefts = slots % N_CELLS * CELL + rng.integers(room, size=slots.shape)
    side = np.arange(SQUARE)
    down = (tops[:, :, None] + side)[:, :, :, None]
    right = (lefts[:, :, None] + side)[:, :, None, :]
    images = np.full((n_samples, N_CELLS * CELL, N_CELLS * CELL, 3), 20.0)
    rows = np.arange(n_samples)[:, None, None, None]
    images[rows, down, right] += shapes[properties] * hues[:, None, None, :]
    images += 30 * noise * rng.standard_normal(images.shape)
    boxes = np.stack([lefts, tops, lefts + SQUARE, tops + SQUARE], axis=2)
    return list(np.rint(images.clip(0, 255)).astype(np.uint8)), boxes


# How cells are made, the names of a place, and the most things.
_HOLDERS = {
    "series": (_make_series, ("start", "end"), 100),
    "audio": (_make_sounds, ("start", "end"), 16),
    "image": (_make_images, ("left", "top", "right", "bottom"), 16),
}
