"""modality_importance: against games worked out by hand, and data of known truth."""

import itertools

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import get_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import ModalityImportanceDisplay, modality_importance
from sklearn_mm.inspection.importance import shapley_gains
from sklearn_mm.inspection.scoring import RecordedOutputs
from sklearn_mm.inspection.subsets import all_subsets

TINY = {"width": 16, "n_heads": 2, "max_epochs": 3, "random_state": 0}


class Gloves(ClassifierMixin, BaseEstimator):
    """Right (class 1) for rows that have a left and at least one right glove."""

    classes_ = np.array([0, 1])
    is_fitted_ = True

    def fit(self, X, y):
        return self

    def predict(self, X):
        left, *right = (~X[name].missing for name in ("left", "right", "spare"))
        return (left & (right[0] | right[1])).astype(int)


@pytest.fixture
def gloves():
    names = ("left", "right", "spare")
    X = MultimodalFeatures({name: np.ones((10, 1)) for name in names})
    return Gloves(), X, np.ones(10, dtype=int)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = MultimodalFeatures({
        "strong": rng.normal(size=(90, 2)) + 3 * np.eye(3)[y][:, :2],
        "weak": rng.normal(size=(90, 2)) + np.eye(3)[y][:, :2],
        "noise": rng.normal(size=(90, 2)),
    })  # fmt: skip
    labels = np.array(["a", "b", "c"])[y]
    return AttentionFusionClassifier(**TINY).fit(X, labels), X, labels


def test_shapley_values_of_the_glove_game_are_those_of_the_textbook(gloves):
    # One left and two right gloves: a pair is worth 1. The left one gets 2/3.
    found = modality_importance(*gloves, n_bootstraps=2)
    assert_allclose(found["importance"], [2 / 3, 1 / 6, 1 / 6])
    assert list(found.index) == ["left", "right", "spare"]


def test_shapley_gains_have_the_mean_over_all_orders_of_joining():
    n_players = 4
    worth = np.random.default_rng(0).normal(size=2**n_players)
    place = {frozenset(c): i for i, c in enumerate(all_subsets(range(n_players)))}
    gains = np.zeros(n_players)
    orders = list(itertools.permutations(range(n_players)))
    for order in orders:
        for position, player in enumerate(order):
            before = frozenset(order[:position])
            gains[player] += worth[place[before | {player}]] - worth[place[before]]
    found = shapley_gains(n_players)
    values = (found.weight * (worth[found.after] - worth[found.before])).sum(axis=1)
    assert_allclose(values, gains / len(orders))


def test_a_modality_that_changes_nothing_is_worth_exactly_nothing():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    flat = rng.normal(size=(60, 3)) + 9 * y[:, None]
    X = MultimodalFeatures(
        {"a": flat[:, :1], "b": flat[:, 1:2], "same": np.ones((60, 1))}
    )
    model = HistGradientBoostingClassifier(max_iter=5).fit(X, y)
    for method in ("shapley", "permutation", "ablation"):
        found = modality_importance(model, X, y, method=method, n_bootstraps=5)
        assert (found.loc["same"] == 0).all()


def test_shapley_values_sum_to_the_score_of_all_minus_that_of_none(fitted):
    classifier, X, y = fitted
    found = modality_importance(classifier, X, y, scoring="neg_log_loss")
    scorer = get_scorer("neg_log_loss")
    gain = scorer(classifier, X, y) - scorer(classifier, X.hide(X.names), y)
    assert found["importance"].sum() == pytest.approx(gain)


def test_ablation_is_the_loss_of_score_without_the_modality(gloves, fitted):
    # Either right glove can be spared, the left one cannot.
    found = modality_importance(*gloves, method="ablation", n_bootstraps=2)
    assert_array_equal(found["importance"], [1, 0, 0])
    classifier, X, y = fitted
    found = modality_importance(classifier, X, y, method="ablation", n_bootstraps=2)
    without = classifier.score(X.select(["weak", "noise"]), y)
    loss = classifier.score(X, y) - without
    assert found.loc["strong", "importance"] == pytest.approx(loss)


def test_permutation_of_a_modality_alone_leaves_chance():
    y = np.arange(400) % 2
    X = MultimodalFeatures({"a": y[:, None] * 8.0, "b": np.zeros((400, 1))})
    classifier = AttentionFusionClassifier(**TINY).fit(X, y)
    found = modality_importance(
        classifier, X, y, method="permutation", n_bootstraps=5, random_state=0
    )
    assert found.loc["a", "importance"] == pytest.approx(0.5, abs=0.06)
    assert found.loc["b", "importance"] == 0


@pytest.mark.parametrize("scoring", [None, "roc_auc_ovr", "f1_macro"])
def test_recorded_outputs_score_resampled_rows_as_the_model_does(fitted, scoring):
    classifier, X, y = fitted
    rows = np.random.default_rng(0).integers(len(y), size=len(y))
    scorer = get_scorer(scoring or "accuracy")
    recorded = RecordedOutputs(classifier, X)
    expected = scorer(classifier, X[rows], y[rows])
    assert scorer(recorded, rows, y[rows]) == pytest.approx(expected)


def test_the_interval_of_one_modality_covers_as_the_binomial_does():
    # Hidden, the model is always wrong: importance is the share of rows it gets right.
    # The target has two columns, so that the rows are drawn without regard to classes.
    share, n_rows = 0.8, 200
    y = np.repeat([[1, 0], [2, 0]], [160, 40], axis=0)
    names = ("left", "right", "spare")
    X = MultimodalFeatures({name: np.ones((n_rows, 1)) for name in names})
    found = modality_importance(
        Gloves(), X, y, method="ablation", n_bootstraps=1000, random_state=0,
        scoring=lambda model, X, y: np.mean(model.predict(X) == y[:, 0]),
    )  # fmt: skip
    half = 1.96 * np.sqrt(share * (1 - share) / n_rows)
    assert_allclose(found.loc["left", ["low", "high"]], [share - half, share + half],
                    atol=0.012)  # fmt: skip


def test_a_smaller_confidence_gives_a_narrower_interval(fitted):
    wide, narrow = (
        modality_importance(*fitted, confidence=c, random_state=0, n_bootstraps=40)
        for c in (0.95, 0.5)
    )
    assert_array_equal(wide["importance"], narrow["importance"])
    assert (wide["low"] <= narrow["low"]).all()
    assert (narrow["high"] <= wide["high"]).all()
    assert (wide["high"] - wide["low"])["strong"] > 0


def test_a_class_of_one_row_is_in_every_resample(fitted):
    classifier, X, y = fitted
    rows = np.flatnonzero((y != "c") | (np.arange(90) == 2))
    found = modality_importance(
        classifier, X[rows], y[rows], scoring="roc_auc_ovr", n_bootstraps=20,
        method="ablation", random_state=0,
    )  # fmt: skip
    assert np.isfinite(found.to_numpy()).all()


@pytest.mark.parametrize("method", ["shapley", "permutation"])
def test_the_same_random_state_gives_the_same_and_global_ones_stay(fitted, method):
    classifier, X, y = fitted
    before = np.random.get_state()[1].copy()
    one, other = (
        modality_importance(
            classifier, X, y, method=method, random_state=3, n_bootstraps=5
        )
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(one, other)
    assert_array_equal(np.random.get_state()[1], before)


def test_a_regressor_is_scored_by_r_squared():
    rng = np.random.default_rng(0)
    X = MultimodalFeatures(
        {"a": rng.normal(size=(60, 1)), "b": rng.normal(size=(60, 1))}
    )
    y = pd.Series(np.asarray(X["a"]).ravel(), index=np.arange(60)[::-1])
    regressor = AttentionFusionRegressor(**TINY).fit(X, y)
    found = modality_importance(regressor, X, y, method="ablation", n_bootstraps=3)
    loss = regressor.score(X, y) - regressor.score(X.select(["a"]), y)
    assert found.loc["b", "importance"] == pytest.approx(loss)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "guess"}, r"method must be one of .*found 'guess'"),
        ({"n_bootstraps": 0}, "n_bootstraps must be an integer of at least 1, found 0"),
        ({"confidence": 95}, "confidence must be between 0 and 1, found 95"),
    ],
)
def test_a_parameter_outside_its_range_is_an_error(gloves, parameters, message):
    with pytest.raises(ValueError, match=message):
        modality_importance(*gloves, **parameters)


def ranks_first(seed):
    """Tell whether the only modality that bears the class has the highest value."""
    X, y = make_multimodal_classification(
        80, modalities=[("numbers", "numbers"), ("series", "series")],
        noise=0.1, random_state=seed,
    )  # fmt: skip
    # Only one keeps its class: the rows of the other are shuffled.
    rng = np.random.default_rng(seed)
    telling = ["numbers", "series"][seed % 2]
    for column in X.columns:
        if not column.startswith(telling):
            X[column] = X[column].take(rng.permutation(len(X))).set_axis(X.index)
    union = MultimodalFeatureUnion([
        ("numbers", StandardScaler(), ["numbers_0", "numbers_1"]),
        ("series", TimeSeriesTransformer(), "series"),
    ])  # fmt: skip
    model = make_pipeline(
        union, AttentionFusionClassifier(**{**TINY, "max_epochs": 6})
    ).fit(X[:50], y[:50])
    found = modality_importance(model, X[50:], y[50:], n_bootstraps=2)
    return found["importance"].idxmax() == telling


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_only_informative_modality_ranks_first(seed):
    assert ranks_first(seed)


@pytest.mark.slow
def test_the_only_informative_modality_ranks_first_in_19_of_20_seeds():
    assert sum(ranks_first(seed) for seed in range(20)) >= 19


@pytest.fixture
def display():
    plt = pytest.importorskip("matplotlib.pyplot")
    importance = pd.DataFrame(
        {"importance": [0.1, 0.4], "low": [0.0, 0.3], "high": [0.2, 0.45]},
        index=pd.Index(["text", "image"], name="modality"),
    )
    yield ModalityImportanceDisplay(importance=importance).plot()
    plt.close("all")


def test_the_most_important_modality_is_the_top_bar(display):
    assert [bar.get_width() for bar in display.bars_] == [0.1, 0.4]
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["text", "image"]


def test_intervals_go_from_low_to_high(display):
    ends = [segment[:, 0].tolist() for segment in display.intervals_.get_segments()]
    assert ends == [[0.0, 0.2], [0.3, 0.45]]


def test_from_estimator_names_the_method_and_the_score_on_the_axis(gloves):
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, ax = plt.subplots()
    found = ModalityImportanceDisplay.from_estimator(
        *gloves, method="ablation", scoring="accuracy", n_bootstraps=2, ax=ax
    )
    assert ax.get_xlabel() == "loss of accuracy when hidden"
    assert (found.ax_, found.figure_) == (ax, figure)
    plt.close("all")
