"""Small tables for ``learning_curve.py``: generated, each seed other rows.

``load_stalls``: photos, sounds, notes, prices, towns and dates, of which each tells a
part of four classes. ``load_views``: three noisy views of plain numbers; two classes by
a linear score with one product in it. ``load_letters``: a text and two numbers, a
number as target.
"""

import numpy as np
import pandas as pd

RATE = 8000
HUES = {"red": (210, 60, 50), "green": (70, 180, 70), "blue": (60, 90, 210)}
TOWNS = ["Arles", "Bath", "Como", "Delft", "Evora", "Fulda"]
PRAISE = ["fresh", "lovely", "bright", "sweet", "crisp"]
BLAME = ["stale", "dull", "bruised", "sour", "limp"]
PLAIN = ["the", "fruit", "from", "today", "was", "rather", "on", "stall", "and", "box"]


def load_stalls(n_rows, seed):
    """Draw rows of six columns; the class adds up what four of them show."""
    rng = np.random.default_rng(seed)
    hue, pitch, mood = (rng.integers(0, 2, n_rows) for _ in range(3))
    town = rng.integers(0, len(TOWNS), n_rows)
    day = rng.integers(0, 365, n_rows)
    summer = (day > 120) & (day < 300)
    score = 1.2 * hue + 1.0 * pitch + 1.2 * mood + 0.8 * (town % 2) + 0.8 * summer
    score += rng.normal(0, 0.35, n_rows)
    X = pd.DataFrame(
        {
            "photo": pd.Series([_photo(rng, each) for each in hue], dtype=object),
            "clip": pd.Series([_clip(rng, each) for each in pitch], dtype=object),
            "note": [_note(rng, each) for each in mood],
            "town": [TOWNS[each] for each in town],
            "price": np.exp(rng.normal(1, 0.5, n_rows) + 0.3 * hue),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"),
        }
    )
    return X, np.digitize(score, [1.6, 2.6, 3.6])


def load_views(n_rows, seed):
    """Draw three views of 12, 30 and 60 numbers of one hidden state; two classes."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0)  # the same for all seeds
    hidden = rng.normal(size=(n_rows, 6))
    columns = {}
    for view, size in [("blood", 12), ("scan", 30), ("genes", 60)]:
        weights = mixing.normal(size=(6, size)) / np.sqrt(6)
        values = hidden @ weights + rng.normal(0, 1.0, (n_rows, size))
        columns |= {f"{view}_{i}": column for i, column in enumerate(values.T)}
    score = hidden @ mixing.normal(size=6) + 0.8 * hidden[:, 0] * hidden[:, 1]
    score += rng.normal(0, 0.5, n_rows)
    return pd.DataFrame(columns), (score > 0).astype(int)


def load_letters(n_rows, seed):
    """Draw letters with numbers; the target is their sum with noise."""
    rng = np.random.default_rng(seed)
    warmth = rng.integers(0, 6, n_rows)
    age, income = rng.normal(50, 15, n_rows), rng.lognormal(3, 0.6, n_rows)
    texts = []
    for count in warmth:
        words = [
            *rng.choice(PRAISE, count),
            *rng.choice(BLAME, 5 - count),
            *rng.choice(PLAIN, 12),
        ]
        texts.append(" ".join(rng.permutation(words)))
    y = warmth + 0.05 * age + 0.8 * np.log(income) + rng.normal(0, 0.7, n_rows)
    return pd.DataFrame({"letter": texts, "age": age, "income": income}), y


def _photo(rng, hue):
    colour = np.array(HUES["red" if hue else "green"]) + rng.normal(0, 25, 3)
    image = rng.normal(128, 40, (48, 64, 3))
    row, column = rng.integers(4, 20, 2)
    image[row : row + 20, column : column + 24] = colour + rng.normal(
        0, 20, (20, 24, 3)
    )
    return np.clip(image, 0, 255).astype(np.uint8)


def _clip(rng, pitch):
    time = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * (300 + 200 * pitch + rng.normal(0, 40)) * time)
    return (0.3 * tone + rng.normal(0, 0.3, RATE)).astype(np.float32), RATE


def _note(rng, mood):
    words = [*rng.choice(PRAISE if mood else BLAME, 2), *rng.choice(PLAIN, 8)]
    return " ".join(rng.permutation(words))


SMALL_TABLES = {"stalls": load_stalls, "views": load_views, "letters": load_letters}
