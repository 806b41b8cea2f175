"""The classical readings of make_multimodal_union, each alone on little data."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kurtosis, skew
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import ComplementNB

from sklearn_mm import (
    CrossFitTransformer,
    ImageTransformer,
    TimeSeriesTransformer,
    make_multimodal_union,
)
from sklearn_mm.compose.presets.cells import Vectors, as_numbers, as_texts
from sklearn_mm.compose.presets.images import count_colours, make_colour_features
from sklearn_mm.compose.presets.kernels import KernelFeatures, make_kernel_models
from sklearn_mm.compose.presets.outputs import PerOutputClassifier
from sklearn_mm.compose.presets.series import describe_series
from sklearn_mm.compose.presets.sounds import make_sound_features
from sklearn_mm.compose.presets.tables import TargetMeans
from sklearn_mm.compose.presets.texts import (
    Components,
    TextColumn,
    make_count_models,
    make_text_models,
)

N_ROWS = 36
MISSING = 5


def cells_of(kind, seed=0):
    """Make cells that tell their class, and the class of each."""
    rng = np.random.default_rng(seed)
    classes = np.arange(N_ROWS) % 2
    make = {
        "texts": lambda c: " ".join(rng.choice(["red", "fox", "a"], 9)) + f" w{c}",
        "images": lambda c: rng.integers(100 * c, 100 * c + 99, (9, 8, 3)).astype("u1"),
        "sounds": lambda c: (
            np.sin((1 + c) * np.arange(rng.integers(800, 1200))) + rng.normal() / 9,
            8000,
        ),
        "series": lambda c: rng.normal(c * 3, 1, (rng.integers(1, 30), 2)),
        "waves": lambda c: np.sin(
            (0.5 + c) * np.arange(rng.integers(20, 40)) + rng.normal()
        ),
    }[kind]
    cells = pd.Series([None] * N_ROWS, dtype=object)
    for row, c in enumerate(classes):
        cells.iat[row] = make(c)
    cells.iat[MISSING] = None
    return cells, classes


READINGS = {
    "terms": "texts",
    "counts": "texts",
    "shapes": "images",
    "colours": "images",
    "spectrum": "sounds",
    "statistics": "series",
    "linear": "series",
    "responses": "waves",  # their level does not matter to kernels
}

BREAKABLE = [name for name, kind in READINGS.items() if kind != "texts"]


def reading_of(name):
    """Give a reading that the union gets for a column, and its cells and classes."""
    cells, classes = cells_of(READINGS[name])
    union = make_multimodal_union(pd.DataFrame({"it": cells}), verbose=False)
    found = {each: (step, columns) for each, step, columns in union.transformers}
    kinds = {"waves": "series"}
    kind = kinds.get(READINGS[name], READINGS[name])
    alike = [each for each, of in READINGS.items() if kinds.get(of, of) == kind]
    assert list(found) == ["it", *(f"it_{each}" for each in alike)]
    transformer, columns = found[f"it_{name}"]
    assert columns == "it"
    return transformer, cells, classes


@cache
def fitted_reading_of(name):
    """Give a reading that has learned classes, and what it predicts out of fold."""
    reading, cells, classes = reading_of(name)
    return reading, reading.fit_transform(cells, classes)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=60),
            "colour": rng.choice(["red", "blue"], 60),
            "caption": [
                " ".join(rng.choice(["fox", "bird", "a"], 9)) for _ in range(60)
            ],
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(60), "D"),
        }
    )
    return X, X["size"].to_numpy() + (X["colour"] == "red") > 0.5


# Each reading


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_tells_classes_out_of_fold(name):
    (_, odds), (_, classes) = fitted_reading_of(name), cells_of(READINGS[name])
    odds = odds.ravel()
    present = np.arange(N_ROWS) != MISSING
    assert ((odds[present] > 0) == classes[present]).mean() > 0.9


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_predicts_numbers_out_of_fold(name):
    reading, cells, classes = reading_of(name)
    y = classes * 10.0 + np.linspace(0, 1, N_ROWS)
    found = reading.fit_transform(cells, y).ravel()
    present = np.arange(N_ROWS) != MISSING
    assert np.corrcoef(found[present], y[present])[0, 1] > 0.7


@pytest.mark.parametrize("name", READINGS)
def test_a_missing_cell_stays_missing(name):
    reading, found = fitted_reading_of(name)
    assert_array_equal(np.flatnonzero(np.isnan(found).all(axis=1)), [MISSING])
    assert np.isnan(reading.transform(pd.Series([None], dtype=object))).all()


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_gives_the_same_each_time_and_pickled(name):
    reading, expected = fitted_reading_of(name)
    cells, classes = cells_of(READINGS[name])
    new, _ = cells_of(READINGS[name], seed=1)
    again = clone(reading)
    assert_array_equal(again.fit_transform(cells, classes), expected)
    loaded = pickle.loads(pickle.dumps(reading))
    assert_array_equal(loaded.transform(new), again.transform(new))


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_takes_several_labels(name):
    reading, cells, classes = reading_of(name)
    labels = np.column_stack([classes, 1 - classes])
    odds = reading.fit_transform(cells, labels)
    present = np.arange(N_ROWS) != MISSING
    assert ((odds > 0) == labels)[present].mean() > 0.9


@pytest.mark.parametrize("name", BREAKABLE)
def test_a_broken_cell_counts_as_missing(name):
    reading, cells, classes = reading_of(name)
    cells.iat[8] = "nothing of the kind"
    with pytest.warns(UserWarning, match="1 of 36 cells could not be read"):
        found = reading.fit_transform(cells, classes)
    assert np.isnan(found[8]).all()


# The table


def boosting_of(X):
    union = make_multimodal_union(X, verbose=False)
    ((transformer, columns),) = [
        (t, c) for n, t, c in union.transformers if n == "boosting"
    ]
    assert columns == list(X.columns)
    return transformer


def test_boosting_tells_classes_by_columns_of_several_kinds(table):
    X, y = table
    odds = boosting_of(X).fit_transform(X, y).ravel()
    assert ((odds > 0) == y).mean() > 0.85


def test_boosting_predicts_numbers(table):
    X, y = table
    numbers = X["size"] + 3 * (X["colour"] == "red")
    found = boosting_of(X).fit_transform(X, numbers).ravel()
    assert np.corrcoef(found, numbers)[0, 1] > 0.8


def test_boosting_takes_rows_of_which_cells_are_missing(table):
    X, y = table
    X = X.astype({"caption": object, "colour": object})
    for row, column in enumerate(X.columns):
        X.iloc[row, row] = None
    X.iloc[10] = None
    found = boosting_of(X).fit_transform(X, y)
    assert_array_equal(np.flatnonzero(np.isnan(found).all(axis=1)), [10])


def test_boosting_takes_a_category_that_it_does_not_know(table):
    X, y = table
    fitted = boosting_of(X).fit(X, y)
    assert np.isfinite(fitted.transform(X.iloc[:2].assign(colour="green"))).all()


# What they are made of


def test_words_are_weighted_as_by_scikit_learn():
    texts = pd.Series(["a red fox", "the fox", "", "red", "a bird"] * 3)
    classifier, _ = make_text_models([(None, TextColumn(9.0))], len(texts))
    reference = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+"
    )
    found = classifier[:-1].fit_transform(texts)
    expected = reference.fit_transform([text or "∅" for text in texts])
    assert_allclose(found.toarray(), expected.toarray())


def test_naive_bayes_learns_from_what_the_linear_model_does():
    texts, classes = cells_of("texts")
    texts = texts.fillna("")
    column = [(None, TextColumn(3.0))]
    linear, _ = make_text_models(column, N_ROWS)
    bayes, _ = make_count_models(column, N_ROWS)
    terms = linear[:-1].fit_transform(texts)
    reference = ComplementNB(alpha=0.3).fit(terms, classes)
    found = bayes.fit(texts, classes).predict_proba(texts)
    assert_allclose(found, reference.predict_proba(terms))


def test_columns_of_texts_have_words_of_their_own():
    X = pd.DataFrame({"a": ["red", "fox"] * 9, "b": ["fox", "red"] * 9})
    classifier, _ = make_text_models([(c, TextColumn(9.0)) for c in "ab"], 18)
    assert classifier[:-1].fit_transform(X).shape == (18, 4)


def test_texts_without_letters_are_still_texts():
    assert_array_equal(as_texts([None, "", " ", "fox", 3]), ["∅", "∅", "∅", "fox", "3"])


def test_numbers_may_be_written_and_missing():
    found = as_numbers(pd.DataFrame({"a": ["1.5", "NA", None], "b": [1, 2, np.nan]}))
    assert_array_equal(found, [[1.5, 1], [np.nan, 2], [np.nan, np.nan]])


def test_a_string_that_is_no_number_is_named():
    with pytest.raises(ValueError, match="column 'a', row 1: expected a number.*'fox'"):
        as_numbers(pd.Series(["1", "fox"], name="a"))


def test_vectors_of_another_length_are_refused():
    fitted = Vectors().fit([np.ones(3), None])
    with pytest.raises(ValueError, match="row 1: expected .* length 3, .*\\(4,\\)"):
        fitted.transform([np.ones(3), np.ones(4)])


def test_vectors_that_are_all_missing_are_rows_of_nan():
    found = Vectors().fit([np.ones(3), None]).transform([None])
    assert_array_equal(found, np.full((1, 3), np.nan))


def test_moments_of_series_are_those_of_scipy():
    walks = [np.random.default_rng(i).normal(size=(7 + i, 1)) for i in range(3)]
    block = TimeSeriesTransformer(scaling=None).fit_transform(pd.Series(walks))
    described = describe_series(block)
    for row, walk in zip(described, walks, strict=True):
        expected = [walk.mean(), walk.std(), skew(walk)[0], kurtosis(walk)[0] + 3]
        assert_allclose(row[:4], expected, rtol=1e-5)


def test_a_frequency_is_found_in_series_of_any_length():
    # A cycle of eight steps.
    waves = [np.sin(2 * np.pi * np.arange(n) / 8) for n in (64, 160)]
    block = TimeSeriesTransformer(scaling=None).fit_transform(pd.Series(waves))
    # The strongest frequency stands before the length.
    assert_allclose(describe_series(block)[:, -2:], [[1 / 8, 64], [1 / 8, 160]])


def test_colours_are_counted_wherever_they_stand():
    rng = np.random.default_rng(0)
    left = np.zeros((48, 48, 3), dtype=np.uint8)
    left[6:30, 3:10] = (255, 80, 0)
    moved = np.roll(left, (9, 11), axis=(0, 1))
    noise = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
    found = count_colours(
        ImageTransformer((48, 48)).fit_transform([left, moved, noise])
    )
    whole = found[:, : 4**3]
    assert_array_equal(whole[0], whole[1])
    assert (found[0, 4**3 :] != found[1, 4**3 :]).any()
    # Of the lower right quarter, the fourth part after the whole.
    expected, _ = np.histogramdd(
        noise[24:, 24:].reshape(-1, 3) // 64, [np.arange(5)] * 3
    )
    quarter = found[2, 4 * 4**3 : 5 * 4**3]
    assert_allclose(quarter, np.sqrt(expected.ravel() / 24**2), rtol=1e-6)


def test_colours_of_several_images_are_averaged():
    black, white = np.zeros((5, 5, 3), np.uint8), np.full((5, 5, 3), 255, np.uint8)
    cells = pd.Series([[black, white], black, white, None], dtype=object)
    both, first, second, missing = make_colour_features().fit_transform(cells)
    assert_allclose(both, (first + second) / 2)
    assert np.isnan(missing).all()


def test_slices_of_a_long_clip_are_those_of_a_short_one():
    tone = np.sin(np.arange(4000))
    clips = pd.Series([(tone, 8000), (np.tile(tone, 2), 8000), None])
    features = make_sound_features().fit_transform(clips)
    short, long = features[0], features[1]
    # In the middle, where no edge is.
    assert_allclose(short[200:400], long[200:400], atol=0.5)
    assert np.isnan(features[2]).all()


def test_a_kernel_has_no_more_landmarks_than_rows():
    X = np.random.default_rng(0).normal(size=(8, 3))
    assert KernelFeatures().fit_transform(X).shape == (8, 8)


def test_equal_rows_are_no_error_of_a_kernel():
    classifier, _ = make_kernel_models(n_components=5, C=1, random_state=0)
    X, y = np.ones((10, 3)), np.arange(10) % 2
    assert_allclose(classifier.fit(X, y).predict_proba(X), 0.5, atol=1e-3)


def test_few_terms_are_not_condensed():
    X = np.eye(5)
    assert_array_equal(Components(60).fit_transform(X), X)


def test_means_of_names_do_not_know_the_target_of_their_row():
    X = np.array([[f"name{i}"] for i in range(20)], dtype=object)
    y = np.random.default_rng(0).normal(size=20)
    means = TargetMeans(random_state=0).fit_transform(X, y)[:, 0]
    # Each name stands in one row: nothing is known of it but the mean of the others.
    assert len(np.unique(means)) <= 5


def test_means_of_lists_of_names_are_averaged():
    cells = ["Ann Li, Bob", "Bob", "Cy", "Bob, Cy", "Ann Li", "Dee"]
    y = np.array([4.5, 1.0, 7.0, 2.5, 6.0, 9.0])
    fitted = TargetMeans(smooth=2.0).fit(np.array(cells, dtype=object)[:, None], y)
    new = np.array([["Cy (script); Bob"], ["Eve"], ["Eve, Cy"]], dtype=object)
    found = fitted.transform(new)
    # Two rows of the mean are added to those of each name.
    bob = (4.5 + 1.0 + 2.5 + 2 * y.mean()) / 5
    cy = (7.0 + 2.5 + 2 * y.mean()) / 4
    assert_allclose(found[:, 0], [(bob + cy) / 2, y.mean(), cy])
    # Bob stands in three rows, Cy in two.
    logs = np.log([4, 3])
    assert_allclose(found[0, 1:], [logs[0], logs.mean(), 2])
    assert_allclose(found[1, 1:], 0)


def test_how_often_a_name_occurs_is_counted_without_its_row():
    X = np.array([["Ann"], ["Ann"], ["Bob"], [None]], dtype=object)
    means = TargetMeans(random_state=0)
    found = means.fit_transform(X, np.array([1.5, 2.0, 3.25, 4.0]))
    assert_allclose(found[:, 1], np.log([2, 2, 1, 1]))
    assert_allclose(means.transform(X)[:, 1], np.log([3, 3, 2, 2]))


def test_names_have_a_mean_for_each_class():
    X = np.array([["a"], ["a"], ["b"], ["c"]] * 3, dtype=object)
    y = np.array(["x", "y", "z", "x"] * 3)
    found = TargetMeans(smooth=0).fit(X, y).transform(X[:4])
    assert_allclose(found[:, :3], [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1], [1, 0, 0]])


def test_labels_are_learned_one_by_one():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), rng.integers(0, 2, (30, 2))
    ours = PerOutputClassifier(LogisticRegression()).fit(X, y)
    reference = MultiOutputClassifier(LogisticRegression()).fit(X, y)
    assert_allclose(ours.predict_proba(X), reference.predict_proba(X))
    assert_array_equal(ours.predict(X), reference.predict(X))


def test_a_label_that_all_rows_have_is_predicted_for_all():
    X, y = np.arange(10.0)[:, None], np.column_stack([np.arange(10) > 4, np.ones(10)])
    ours = PerOutputClassifier(LogisticRegression()).fit(X, y.astype(int))
    assert_array_equal(ours.predict(X)[:, 1], 1)


def test_weights_reach_the_last_step():
    cells, classes = cells_of("texts")
    classifier, _ = make_text_models([(None, TextColumn(9.0))], N_ROWS)
    weights = np.where(classes == 1, 1e-3, 1.0)
    weighted = CrossFitTransformer(classifier, random_state=0)
    odds = weighted.fit_transform(cells, classes, sample_weight=weights)
    plain = clone(weighted).fit_transform(cells, classes)
    assert np.nanmean(odds) < np.nanmean(plain) - 1
