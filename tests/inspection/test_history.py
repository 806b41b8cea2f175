"""TrainingHistoryDisplay: what is drawn is what was recorded."""

import matplotlib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm import AttentionFusionClassifier, AttentionFusionRegressor
from sklearn_mm.inspection import TrainingHistoryDisplay

matplotlib.use("Agg")

X, Y = load_iris(return_X_y=True)
SMALL = {"width": 16, "n_heads": 2, "max_epochs": 3, "random_state": 0}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    matplotlib.pyplot.close("all")


def test_the_lines_hold_the_losses_of_each_epoch():
    classifier = AttentionFusionClassifier(early_stopping=True, **SMALL).fit(X, Y)
    display = TrainingHistoryDisplay.from_estimator(classifier)
    history = classifier.history_
    assert_array_equal(display.train_line_.get_xdata(), [1, 2, 3])
    assert_array_equal(display.train_line_.get_ydata(), history[:, "train_loss"])
    assert_array_equal(display.valid_line_.get_ydata(), history[:, "valid_loss"])


def test_the_epoch_that_early_stopping_restores_is_marked():
    rng = np.random.default_rng(0)
    params = {**SMALL, "max_epochs": 40, "n_iter_no_change": 3}
    classifier = AttentionFusionClassifier(early_stopping=True, **params)
    classifier.fit(rng.normal(size=(80, 4)), rng.integers(0, 2, 80))
    display = TrainingHistoryDisplay.from_estimator(classifier)
    best = classifier.n_iter_ - 3
    assert display.best_epoch == best
    assert_array_equal(display.best_line_.get_xdata(), [best, best])
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["training rows", "held-out rows", f"best epoch: {best}"]


def test_the_first_of_equally_good_epochs_is_the_best():
    display = TrainingHistoryDisplay([3.0, 2.0, 1.0], [2.0, 1.0, 1.0])
    assert display.best_epoch == 2


def test_without_held_out_rows_there_is_one_line_and_no_best_epoch():
    regressor = AttentionFusionRegressor(**SMALL).fit(X, Y)
    display = TrainingHistoryDisplay.from_estimator(regressor)
    assert display.best_epoch is None
    assert display.valid_line_ is None
    assert len(display.ax_.lines) == 1
    assert display.ax_.get_title() == "AttentionFusionRegressor"


def test_a_pipeline_is_looked_into_and_the_axes_are_those_given():
    model = make_pipeline(StandardScaler(), AttentionFusionClassifier(**SMALL))
    _, ax = matplotlib.pyplot.subplots()
    display = TrainingHistoryDisplay.from_estimator(model.fit(X, Y), ax=ax, name="mine")
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == (
        "mine",
        "epoch",
        "loss",
    )


def test_what_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        TrainingHistoryDisplay.from_estimator(AttentionFusionClassifier())


def test_what_keeps_no_history_is_refused():
    model = LogisticRegression(max_iter=1000).fit(X, Y)
    with pytest.raises(TypeError, match="LogisticRegression has no history_"):
        TrainingHistoryDisplay.from_estimator(model)
