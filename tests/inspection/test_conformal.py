"""Prediction sets and intervals: how often they hold the truth."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import prediction_intervals, prediction_sets

pytest.importorskip("mapie")

SMALL = {"width": 16, "n_heads": 2, "max_epochs": 4, "random_state": 0}


def rows(n_rows, seed):
    """Generate three classes, a number, and two modalities with missing rows."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n_rows)
    left, right = rng.normal(y[:, None], 1, size=(2, n_rows, 2))
    left[rng.random(n_rows) < 0.3] = np.nan
    return MultimodalFeatures({"left": left, "right": right}), y


@pytest.fixture(scope="module")
def classifier():
    X, y = rows(150, 0)
    return AttentionFusionClassifier(**SMALL).fit(X, np.array(["a", "b", "c"])[y])


def is_plausible(covered, confidence, n_calibration):
    """Tell whether fresh rows are covered as often as chance allows.

    The coverage given the calibration rows is itself a random number, with the mean
    confidence and a deviation of about sqrt(c (1 - c) / n); three of them, and then
    the binomial bounds of the fresh rows.
    """
    slack = 3 * np.sqrt(confidence * (1 - confidence) / n_calibration)
    low = binom.ppf(0.001, len(covered), confidence - slack)
    high = binom.ppf(0.999, len(covered), min(confidence + slack, 1))
    return low <= covered.sum() <= high


@pytest.mark.parametrize("confidence", [0.7, 0.9])
@pytest.mark.parametrize("method", ["lac", "aps"])
def test_sets_hold_the_true_class_as_often_as_asked(classifier, confidence, method):
    names = np.array(["a", "b", "c"])
    (X_calibration, held), (X, y) = rows(600, 1), rows(1000, 2)
    sets = prediction_sets(
        classifier,
        X_calibration,
        names[held],
        X,
        confidence=confidence,
        method=method,
    )
    covered = sets.to_numpy()[np.arange(1000), y]
    if method == "lac":
        assert is_plausible(covered, confidence, 600)
    else:  # its sets are larger than need be: only the lower bound holds
        assert covered.mean() > confidence - 0.05
    assert list(sets.columns) == ["a", "b", "c"]


def test_sets_equal_the_threshold_of_least_ambiguous_classes_by_hand(classifier):
    names = np.array(["a", "b", "c"])
    (X_calibration, held), (X, _) = rows(200, 1), rows(50, 2)
    sets = prediction_sets(classifier, X_calibration, names[held], X, confidence=0.8)
    probability = classifier.predict_proba(X_calibration).astype(float)
    scores = np.sort(1 - probability[np.arange(200), held])
    threshold = scores[int(np.ceil(201 * 0.8)) - 1]
    expected = 1 - classifier.predict_proba(X) <= threshold
    assert_array_equal(sets.to_numpy(), expected)


def test_intervals_hold_the_target_as_often_as_asked():
    X, y = rows(150, 0)
    noise = np.random.default_rng(3)
    regressor = AttentionFusionRegressor(**SMALL).fit(X, y + noise.normal(size=150))
    (X_calibration, held), (X, y) = rows(600, 1), rows(1000, 2)
    target = y + noise.normal(size=1000)
    intervals = prediction_intervals(
        regressor, X_calibration, held + noise.normal(size=600), X, confidence=0.8
    )
    covered = (intervals["low"] <= target) & (target <= intervals["high"])
    assert is_plausible(covered, 0.8, 600)


def test_intervals_equal_the_quantile_of_the_residuals_by_hand():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(130, 2))
    y = X @ [1.0, 2.0] + rng.normal(size=130)
    model = LinearRegression().fit(X[:50], y[:50])
    found = prediction_intervals(model, X[50:100], y[50:100], X[100:], confidence=0.9)
    residuals = np.sort(np.abs(y[50:100] - model.predict(X[50:100])))
    half = residuals[int(np.ceil(51 * 0.9)) - 1]
    predicted = model.predict(X[100:])
    expected = np.column_stack([predicted, predicted - half, predicted + half])
    assert_allclose(found.to_numpy(), expected)


def test_a_pipeline_takes_its_table_and_the_index_is_kept():
    X, y = make_multimodal_classification(120, modalities=["text"], random_state=0)
    X.index = range(500, 620)
    union = MultimodalFeatureUnion([("text", TextTransformer(), "text")])
    model = make_pipeline(union, AttentionFusionClassifier(**SMALL))
    model.fit(X[:50], y[:50])
    sets = prediction_sets(model, X[50:100], y[50:100], X[100:])
    assert list(sets.index) == list(range(600, 620))


def test_the_fewest_calibration_rows_suffice_and_one_less_is_refused():
    X = np.linspace(0, 1, 40)[:, None]
    model = LinearRegression().fit(X, X[:, 0])
    # 1 / (1 - 0.75) = 4
    prediction_intervals(model, X[:4], X[:4, 0] + 1, X, confidence=0.75)
    with pytest.raises(ValueError, match="at least 4 calibration rows, found 3"):
        prediction_intervals(model, X[:3], X[:3, 0], X, confidence=0.75)


def test_ten_rows_suffice_for_a_confidence_of_nine_tenths():
    X = np.linspace(0, 1, 10)[:, None]
    model = LinearRegression().fit(X, X[:, 0])
    found = prediction_intervals(model, X, X[:, 0] + np.arange(10), X, confidence=0.9)
    assert_allclose(found["high"] - found["prediction"], 9)


@pytest.mark.filterwarnings("ignore:.*less labels than your training")
def test_classes_that_no_calibration_row_has_stay_columns():
    X = np.repeat([[0.0], [1.0], [2.0]], 20, axis=0)
    model = LogisticRegression().fit(X, np.repeat(["x", "y", "z"], 20))
    sets = prediction_sets(model, X[:40], np.repeat(["x", "y"], 20), X)
    assert list(sets.columns) == ["x", "y", "z"]


def test_sets_leave_the_global_random_state_alone(classifier):
    before = np.random.get_state()[1].copy()
    X, y = rows(60, 1)
    prediction_sets(classifier, X, np.array(["a", "b", "c"])[y], X, method="aps")
    assert_array_equal(np.random.get_state()[1], before)


def test_unknown_labels_are_named(classifier):
    X, _ = rows(20, 0)
    with pytest.raises(ValueError, match=r"labels \[.*'d'.*\], which are not among"):
        prediction_sets(classifier, X, ["d"] * 20, X)


def test_several_labels_a_row_are_refused(classifier):
    X, _ = rows(20, 0)
    with pytest.raises(ValueError, match=r"one target a row, found shape \(20, 2\)"):
        prediction_sets(classifier, X, np.zeros((20, 2)), X)


def test_several_outputs_are_refused():
    X = np.arange(20.0)[:, None]
    model = LinearRegression().fit(X, np.hstack([X, X]))
    with pytest.raises(ValueError, match="one number a row, found predictions"):
        prediction_intervals(model, X, X[:, 0], X)


@pytest.mark.parametrize("confidence", [0, 1, 90])
def test_a_confidence_that_is_no_share_is_refused(classifier, confidence):
    X, y = rows(20, 0)
    with pytest.raises(ValueError, match="confidence must be above 0 and below 1"):
        prediction_sets(classifier, X, y, X, confidence=confidence)


def test_without_mapie_the_error_says_how_to_get_it(classifier, monkeypatch):
    X, y = rows(20, 0)
    monkeypatch.setitem(sys.modules, "mapie.classification", None)  # cannot be imported
    with pytest.raises(ImportError, match=r"pip install 'sklearn-mm\[conformal\]'"):
        prediction_sets(classifier, X, y, X)


def test_sets_are_for_classifiers_and_intervals_for_regressors(classifier):
    X, y = rows(40, 1)
    with pytest.raises(ValueError, match="needs a regressor, .*prediction_sets"):
        prediction_intervals(classifier, X, y, X)
    regressor = AttentionFusionRegressor(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match="needs a classifier, .*prediction_intervals"):
        prediction_sets(regressor, X, y, X)
