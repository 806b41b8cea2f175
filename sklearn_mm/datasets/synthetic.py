"""Generated data in which every modality can be learned from scratch."""

import colorsys

import numpy as np

SAMPLING_RATE = 8_000  # hertz, of the generated sound


def make_multimodal_classification(
    n_samples=100,
    *,
    modalities=("image", "text", "audio", "series", "numbers"),
    n_classes=2,
    noise=0.1,
    interaction=0.0,
    missing_rate=0.0,
    random_state=None,
):
    """Generate a classification problem of several modalities.

    Every cell shows a code from 0 to ``n_classes - 1``, clearly enough to be learned
    from a few dozen rows. How the codes make the class is what ``interaction`` says:

    - 0: every code is the class, so each modality alone suffices, up to the noise;
    - 1: the class is the sum of all codes modulo ``n_classes`` (for two classes their
      parity). All modalities together determine it. Any fewer of them are independent
      of it: alone and in every combination they are exactly at chance.

    Parameters
    ----------
    n_samples : int, default=100
        Number of rows. The classes are equally frequent, to within one row.
    modalities : list of str or of (name, kind) pairs
        The modalities and, where they have other names, their kinds:

        - "image": (16, 16, 3) uint8 array. A blob whose place around the centre and
          whose hue are the code, on a noisy dark ground.
        - "text": string of 6 to 12 words, 2 to 4 of which are among the four words of
          the code.
        - "audio": pair of (2000,) float32 samples, a quarter of a second, and their
          rate, 8,000 hertz. A tone whose pitch is the code, from a random moment on,
          in white noise.
        - "series": (steps, 2) float64 array of 20 to 40 steps. Noise, with a bump at a
          random step whose direction in the plane of the two channels is the code:
          for two classes it rises or falls.
        - "numbers": two float columns, ``<name>_0`` and ``<name>_1``. A Gaussian cloud
          whose centre is the code.
    n_classes : int, default=2
        Number of classes, at most 20.
    noise : float, default=0.1
        Probability that a cell shows a code drawn at random instead of its own. With
        no interaction a perfect model of one modality has the accuracy
        ``1 - noise * (1 - 1 / n_classes)``.
    interaction : float or bool, default=0.0
        Share of the rows whose class is the sum of the codes; in the others every
        code is the class. True is 1.
    missing_rate : float, default=0.0
        Probability that a cell is missing, independent of everything else. A row may
        lose all its cells.
    random_state : int, Generator, RandomState or None, default=None
        Seed. An int gives the same data each time. The global random state is neither
        used nor changed.

    Returns
    -------
    X : DataFrame of n_samples rows
        A column for each modality, two for "numbers". Missing cells are None, and NaN
        in the columns of "numbers".
    y : ndarray of shape (n_samples,), int64
        The class, from 0 to ``n_classes - 1``.

    Raises
    ------
    ValueError
        If a parameter is outside its range, a kind is unknown, a name stands twice, or
        there is an interaction of a single modality.

    Examples
    --------
    >>> from sklearn_mm.datasets import make_multimodal_classification
    >>> X, y = make_multimodal_classification(
    ...     4, modalities=["image", ("price", "series")], random_state=0
    ... )
    >>> X["image"][0].shape, X["price"][0].ndim, y.tolist()
    ((16, 16, 3), 2, [0, 0, 1, 1])
    """
    import pandas as pd

    names, kinds = _check_modalities(modalities)
    _check_numbers(n_samples, n_classes, len(names), noise, interaction, missing_rate)
    rng = as_generator(random_state)
    y = rng.permutation(np.arange(n_samples) % n_classes)
    codes = _draw_codes(y, len(names), n_classes, interaction, noise, rng)
    missing = rng.random(codes.shape) < missing_rate
    columns = {}
    for name, kind, code, gone in zip(names, kinds, codes, missing, strict=True):
        cells = _MAKERS[kind](code, n_classes, rng)
        if kind == "numbers":
            cells[gone] = np.nan
            columns[f"{name}_0"], columns[f"{name}_1"] = cells.T
        else:
            columns[name] = column_of_cells(cells, gone)
    return pd.DataFrame(columns), y.astype(np.int64)


def as_generator(random_state):
    """Make a generator of a seed of any kind; None gives other numbers each time."""
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31)
    return np.random.default_rng(random_state)


def column_of_cells(cells, missing):
    """Put cells into a Series of objects, None where one is missing."""
    import pandas as pd

    shown = [None if lost else c for c, lost in zip(cells, missing, strict=True)]
    return pd.Series(shown, dtype=object)


def _check_modalities(modalities):
    pairs = [(m, m) if isinstance(m, str) else tuple(m) for m in modalities]
    names = [name for name, _ in pairs]
    kinds = [kind for _, kind in pairs]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"modalities need at least one name, and no name twice; found {names}. "
            'Name two of one kind apart: [("front", "image"), ("back", "image")]'
        )
    unknown = [kind for kind in kinds if kind not in _MAKERS]
    if unknown:
        raise ValueError(
            f"the kind of a modality must be one of {list(_MAKERS)}, found {unknown}"
        )
    return names, kinds


def _check_numbers(n_samples, n_classes, n_modalities, noise, interaction, missing):
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, found {n_samples}")
    if not 2 <= n_classes <= 20:
        raise ValueError(f"n_classes must be from 2 to 20, found {n_classes}")
    shares = {"noise": noise, "interaction": interaction, "missing_rate": missing}
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must be between 0 and 1, found {share}")
    if interaction and n_modalities < 2:
        raise ValueError("an interaction needs at least two modalities, found one")


def _draw_codes(y, n_modalities, n_classes, interaction, noise, rng):
    """Draw what each cell shows: (n_modalities, n_samples)."""
    n_samples = len(y)
    codes = rng.integers(n_classes, size=(n_modalities, n_samples))
    codes[-1] = (y - codes[:-1].sum(axis=0)) % n_classes
    plain = rng.random(n_samples) >= interaction
    codes[:, plain] = y[plain]
    wrong = rng.random(codes.shape) < noise
    codes[wrong] = rng.integers(n_classes, size=wrong.sum())
    return codes


def _make_images(code, n_classes, rng):
    n_samples, size = len(code), 16
    angle = 2 * np.pi * code / n_classes
    centre = (size - 1) / 2 + 4.5 * np.stack([np.sin(angle), np.cos(angle)])
    centre = centre + rng.uniform(-0.5, 0.5, size=(2, n_samples))
    rows, columns = (c[:, None] - np.arange(size) for c in centre)
    distance = rows[:, :, None] ** 2 + columns[:, None, :] ** 2
    blob = np.exp(-distance / (2 * rng.uniform(1.2, 1.8, size=(n_samples, 1, 1)) ** 2))
    hues = [colorsys.hsv_to_rgb(k / n_classes, 0.8, 1) for k in range(n_classes)]
    images = 200 * blob[..., None] * np.array(hues)[code][:, None, None, :]
    images += 20 + 10 * rng.standard_normal(images.shape)
    return list(np.rint(images.clip(0, 255)).astype(np.uint8))


def _make_texts(code, n_classes, rng):
    ordinary = pseudo_words("bdfgk", 25)
    telling = np.array(pseudo_words("lmnprstvz", 4 * n_classes)).reshape(-1, 4)
    texts = []
    for k in code:
        words = [
            *rng.choice(ordinary, size=rng.integers(4, 9)),
            *rng.choice(telling[k], size=rng.integers(2, 5)),
        ]
        texts.append(" ".join(rng.permutation(words)))
    return texts


def pseudo_words(consonants, count):
    """Make words of two syllables; other consonants never give the same word."""
    syllables = [c + vowel for vowel in "aeiou" for c in consonants]
    words = [a + b for a in syllables for b in syllables]
    return words[:: len(words) // count][:count]


def _make_sounds(code, n_classes, rng):
    n_samples, length = len(code), SAMPLING_RATE // 4
    time = np.arange(length) / SAMPLING_RATE
    step = code + 0.5 + rng.uniform(-0.25, 0.25, size=n_samples)
    pitch = 300 * 10 ** (step / n_classes)  # 300 to 3,000 hertz
    phase = rng.uniform(0, 2 * np.pi, size=n_samples)
    start = rng.uniform(0, 0.1, size=n_samples)
    loudness = rng.uniform(0.2, 0.5, size=n_samples)
    tone = np.sin(2 * np.pi * pitch[:, None] * time + phase[:, None])
    tone *= loudness[:, None] * (time >= start[:, None])
    noise = rng.standard_normal((n_samples, length), dtype=np.float32)
    sounds = (tone + 0.03 * noise).astype(np.float32)
    return [(sound, SAMPLING_RATE) for sound in sounds]


def _make_series(code, n_classes, rng):
    angle = np.pi / 4 + 2 * np.pi * code / n_classes
    series = []
    for direction in 4 * np.column_stack([np.cos(angle), np.sin(angle)]):
        n_steps = rng.integers(20, 41)
        steps = np.arange(n_steps) - rng.integers(3, n_steps - 3)
        bump = np.exp(-(steps**2) / 8)
        wave = 0.2 * rng.standard_normal((n_steps, 2))
        series.append(wave + bump[:, None] * direction)
    return series


def _make_numbers(code, n_classes, rng):
    """Place the centres on a circle, eight standard deviations apart."""
    radius = 4 / np.sin(np.pi / n_classes)
    angle = np.pi / 4 + 2 * np.pi * code / n_classes
    centre = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    return centre + rng.standard_normal((len(code), 2))


_MAKERS = {
    "image": _make_images,
    "text": _make_texts,
    "audio": _make_sounds,
    "series": _make_series,
    "numbers": _make_numbers,
}
