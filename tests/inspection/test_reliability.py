"""ReliabilityDisplay and the calibration error, against sums by hand."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    MultimodalFeatures,
    MultimodalFeatureUnion,
)
from sklearn_mm.inspection import ReliabilityDisplay, expected_calibration_error

matplotlib.use("Agg")

SMALL = {"width": 16, "n_heads": 2, "max_epochs": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    matplotlib.pyplot.close("all")


def honest(n_rows, seed=0):
    """Draw labels with the very probabilities that are claimed."""
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet([1, 1, 1], n_rows)
    drawn = rng.random((n_rows, 1)) > probability.cumsum(axis=1)
    return drawn.sum(axis=1).clip(max=2), probability


def legend(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_the_error_is_the_gap_of_each_bin_by_its_rows():
    # Bin (.6, .7]: .65 on average, half right. Bin (.9, 1]: .95, all right.
    proba = [[0.62, 0.38], [0.32, 0.68], [0.95, 0.05], [0.95, 0.05]]
    found = expected_calibration_error(["a", "a", "a", "a"], proba, classes=["a", "b"])
    assert_allclose(found, 0.5 * abs(0.65 - 0.5) + 0.5 * 0.05)


def test_honest_probabilities_lie_on_the_diagonal():
    y, proba = honest(40_000)
    display = ReliabilityDisplay.from_predictions(y, proba)
    curve = display.curves["all rows"]
    assert_allclose(curve["accuracy"], curve["confidence"], atol=0.03)
    assert curve["ece"] < 0.01


def test_what_is_too_sure_lies_below_the_diagonal_and_has_a_larger_error():
    y, proba = honest(5_000)
    sharper = proba**3 / (proba**3).sum(axis=1, keepdims=True)
    curve = ReliabilityDisplay.from_predictions(y, sharper).curves["all rows"]
    assert np.all(curve["accuracy"] < curve["confidence"])
    assert curve["ece"] > 5 * expected_calibration_error(y, proba)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_the_line_has_the_means_of_the_bins(strategy):
    y, proba = honest(300)
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=4, strategy=strategy)
    top, right = proba.max(axis=1), proba.argmax(axis=1) == y
    edges = np.linspace(0, 1, 5)
    if strategy == "quantile":
        edges = np.quantile(top, edges)
        edges[0] = 0
    means, shares, gaps = [], [], 0
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = (top > low) & (top <= high)
        if inside.any():
            means.append(top[inside].mean())
            shares.append(right[inside].mean())
            gaps += abs(top[inside].sum() - right[inside].sum())
    line = display.lines_["all rows"]
    assert_allclose(line.get_xdata(), means)
    assert_allclose(line.get_ydata(), shares)
    assert legend(display)[1] == f"all rows (n=300, ECE={gaps / 300:.3f})"


def test_labels_that_are_all_right_are_drawn_too():
    display = ReliabilityDisplay.from_predictions(
        ["b", "b"], [[0.1, 0.9], [0.3, 0.7]], classes=["a", "b"]
    )
    assert_allclose(display.curves["all rows"]["accuracy"], [1, 1])


def test_each_pattern_of_modalities_has_a_line_of_its_rows():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    left, right = rng.normal(y[:, None], 1, size=(2, 60, 2))
    left[:20], right[:5], right[50:] = np.nan, np.nan, np.nan
    X = MultimodalFeatures({"left": left, "right": right})
    classifier = AttentionFusionClassifier(**SMALL).fit(X, y)
    display = ReliabilityDisplay.from_estimator(classifier, X, y, n_bins=3)
    sizes = {label: curve["n_samples"] for label, curve in display.curves.items()}
    assert sizes == {
        "all rows": 60,
        "left + right": 30,
        "right": 15,
        "left": 10,
        "nothing": 5,
    }
    rows = np.arange(50, 60)
    proba = classifier.predict_proba(X[rows])
    expected = expected_calibration_error(y[rows], proba, classes=[0, 1], n_bins=3)
    assert_allclose(display.curves["left"]["ece"], expected, atol=1e-6)


def test_the_patterns_of_a_pipeline_are_those_of_its_union():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 2)), columns=["a", "b"])
    X.loc[:14, "b"] = np.nan
    union = MultimodalFeatureUnion(
        [("first", StandardScaler(), ["a"]), ("second", StandardScaler(), ["b"])]
    )
    y = np.array(["no", "yes"])[np.arange(40) % 2]
    model = make_pipeline(union, AttentionFusionClassifier(**SMALL)).fit(X, y)
    display = ReliabilityDisplay.from_estimator(model, X, y)
    assert list(display.curves) == ["all rows", "first + second", "first"]
    assert display.ax_.get_title() == "AttentionFusionClassifier"
    plain = ReliabilityDisplay.from_estimator(model, X, y, by_pattern=False)
    assert list(plain.curves) == ["all rows"]


def test_a_classifier_of_scikit_learn_has_one_line():
    X = np.arange(30.0)[:, None]
    model = LogisticRegression().fit(X, X[:, 0] > 12)
    display = ReliabilityDisplay.from_estimator(model, X, X[:, 0] > 12)
    assert list(display.lines_) == ["all rows"]


def test_the_rarest_patterns_share_a_line():
    y, proba = honest(60)
    patterns = np.repeat(list("abcd"), [30, 15, 10, 5])
    display = ReliabilityDisplay.from_predictions(
        y, proba, patterns=patterns, max_patterns=3
    )
    assert list(display.curves) == ["all rows", "a", "b", "other patterns"]
    assert display.curves["other patterns"]["n_samples"] == 15


def test_lines_differ_in_colour_and_marker():
    y, proba = honest(60)
    display = ReliabilityDisplay.from_predictions(
        y, proba, patterns=np.arange(60) % 6, max_patterns=6
    )
    lines = list(display.lines_.values())
    assert len({line.get_color() for line in lines}) == 7
    assert len({line.get_marker() for line in lines[1:]}) == 6


def test_the_axes_are_those_given():
    y, proba = honest(30)
    _, ax = matplotlib.pyplot.subplots()
    display = ReliabilityDisplay.from_predictions(y, proba, ax=ax, name="mine")
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert ax.get_title() == "mine"


def test_more_lines_than_colours_are_refused():
    with pytest.raises(ValueError, match="max_patterns must be from 1 to 6, found 9"):
        ReliabilityDisplay.from_predictions(*honest(9), max_patterns=9)


def test_probabilities_of_other_classes_are_refused():
    y, proba = honest(10)
    with pytest.raises(ValueError, match=r"shape \(10, 3\), .* found \(10, 2\)"):
        expected_calibration_error(y, proba[:, :2], classes=[0, 1, 2])


def test_several_labels_a_row_are_refused():
    with pytest.raises(ValueError, match="one label a row, found y of shape"):
        ReliabilityDisplay.from_predictions(np.zeros((4, 2)), np.zeros((4, 2)))


def test_of_a_search_the_patterns_are_those_of_its_best_estimator():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    left = rng.normal(size=(80, 2)) + y[:, None]
    left[::3] = np.nan
    X = MultimodalFeatures({"left": left, "right": rng.normal(size=(80, 2))})
    model = make_pipeline(FunctionTransformer(), AttentionFusionClassifier(**SMALL))
    search = GridSearchCV(model, {}, cv=2).fit(X, y)
    display = ReliabilityDisplay.from_estimator(search, X, y)
    expected = ReliabilityDisplay.from_estimator(search.best_estimator_, X, y)
    assert legend(display) == legend(expected)
    assert len(legend(display)) > 2
