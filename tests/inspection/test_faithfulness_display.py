"""FaithfulnessDisplay: what is drawn."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    MultimodalFeatures,
)
from sklearn_mm.inspection import FaithfulnessDisplay, faithfulness_curve

PARAMS = {"width": 8, "n_heads": 2, "max_epochs": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    blocks = {name: rng.normal(size=(40, 2)) + y[:, None] for name in "ab"}
    return MultimodalFeatures(blocks), y


@pytest.fixture(scope="module")
def classifier(data):
    return AttentionFusionClassifier(**PARAMS).fit(*data)


def test_the_lines_are_the_means_of_the_curves(classifier, data):
    display = FaithfulnessDisplay.from_estimator(classifier, data[0], random_state=0)
    curve = faithfulness_curve(classifier, data[0], random_state=0)
    random, ordered = display.lines_
    assert_allclose(random.get_xdata(), curve.shares)
    assert_allclose(random.get_ydata(), curve.random.mean(axis=0))
    assert_allclose(ordered.get_ydata(), curve.ordered.mean(axis=0))


def test_the_legend_names_the_orders_and_the_area(classifier, data):
    display = FaithfulnessDisplay.from_estimator(classifier, data[0], random_state=0)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == [
        "in random order",
        "by attention, largest first",
        f"area between: {display.area.mean():.2f}",
    ]


def test_the_axes_say_what_is_measured(classifier, data):
    ax = FaithfulnessDisplay.from_estimator(classifier, *data).ax_
    assert ax.get_xlabel() == "share of tokens removed"
    assert ax.get_ylabel() == "probability of the true class"
    assert ax.get_xlim() == (0, 1)
    assert ax.get_ylim()[0] == 0


def test_the_score_of_a_regressor_may_be_below_zero(data):
    X, y = data
    regressor = AttentionFusionRegressor(**PARAMS).fit(X, y)
    display = FaithfulnessDisplay.from_estimator(regressor, X, 5.0 - 3 * y)
    assert display.ax_.get_ylabel() == "R² score"
    lowest = min(line.get_ydata().min() for line in display.lines_)
    assert lowest < 0
    assert display.ax_.get_ylim()[0] < lowest


def test_a_display_is_drawn_into_given_axes_again(classifier, data):
    display = FaithfulnessDisplay.from_estimator(classifier, data[0])
    _, ax = plt.subplots()
    assert display.plot(ax=ax) is display
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
