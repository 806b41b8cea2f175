"""Temperature scaling by pattern of modalities: what it learns and what it leaves."""

import io

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.metrics import log_loss

from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures
from sklearn_mm.estimators.calibration import (
    fit_temperature,
    learn_temperatures,
    patterns_to_learn,
    temperature_of_rows,
)


def small(**params):
    params = {"width": 16, "n_heads": 2, "random_state": 0, **params}
    return AttentionFusionClassifier(**params)


def noisy(n_rows, seed):
    """Generate two modalities that tell little of the class; overfitting is easy."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n_rows) % 2)
    left, right = (rng.normal(0.5 * y[:, None], 1, (n_rows, 10)) for _ in range(2))
    return MultimodalFeatures({"left": left, "right": right}), y


def pick(y, seed=0):
    """Choose rows at random: (n_rows,) of bool."""
    return np.random.default_rng(seed).random(len(y)) < 0.5


def ece(y, probability, n_bins=10):
    """Sum the gaps between confidence and accuracy over equal bins, in a plain loop."""
    confidence, right = probability.max(axis=1), probability.argmax(axis=1) == y
    gaps = 0.0
    for low in np.arange(n_bins) / n_bins:
        inside = (confidence > low) & (confidence <= low + 1 / n_bins)
        if inside.any():
            gaps += inside.sum() * abs(confidence[inside].mean() - right[inside].mean())
    return gaps / len(y)


OVERFIT = {
    "max_epochs": 25,
    "batch_size": 25,
    "dropout": 0.0,
    "modality_dropout": 0.0,
    "weight_decay": 0.0,
    "learning_rate": 2e-2,
    "validation_fraction": 0.4,
}


@pytest.fixture(scope="module")
def fitted():
    return small(calibration="temperature", **OVERFIT).fit(*noisy(250, 0))


def uncalibrated(classifier):
    """Copy a fitted classifier and take the temperatures from the copy."""
    file = io.BytesIO()
    joblib.dump(classifier, file)
    file.seek(0)
    plain = joblib.load(file)
    plain.temperatures_, plain.shared_temperature_ = {}, 1.0
    return plain


@pytest.mark.parametrize("shown", [["left", "right"], ["left"], ["right"]])
def test_fresh_rows_are_more_likely_and_the_calibration_error_falls(fitted, shown):
    X, y = noisy(600, 1)
    X = X.select(shown)
    before = uncalibrated(fitted).predict_proba(X)
    after = fitted.predict_proba(X)
    assert log_loss(y, after) < log_loss(y, before)
    assert ece(y, after) < ece(y, before)


def test_every_subset_of_complete_rows_has_a_temperature_above_one(fitted):
    assert set(fitted.temperatures_) == {("left",), ("right",), ("left", "right")}
    assert min(fitted.temperatures_.values()) > 1


def test_predicted_labels_stay_the_same(fitted):
    X, _ = noisy(300, 2)
    assert_array_equal(fitted.predict(X), uncalibrated(fitted).predict(X))


def test_probabilities_are_the_softmax_of_the_scores_over_the_rows_temperature(fitted):
    X, y = noisy(40, 3)
    gone = pick(y)
    left = np.where(gone[:, None], np.nan, np.asarray(X["left"]))
    X = MultimodalFeatures({"left": left, "right": X["right"]})
    both, right = (fitted.temperatures_[p] for p in (("left", "right"), ("right",)))
    scores = uncalibrated(fitted)._predict_outputs(X).astype(np.float64)
    expected = softmax(scores / np.where(gone, right, both)[:, None], axis=1)
    assert_allclose(fitted.predict_proba(X), expected, rtol=1e-4)
    scores = fitted.decision_function(X).astype(np.float64)
    assert_allclose(expit(scores), expected[:, 1], rtol=1e-4)


def test_temperature_equals_a_reference_minimisation():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(0, 3, (200, 4)), rng.integers(0, 4, 200)
    weight = rng.random(200)

    def objective(parameters):
        likelihood = log_softmax(scores / parameters[0], axis=1)[np.arange(200), target]
        shrinkage = (np.log(parameters[0]) - np.log(2)) ** 2 / (2 * 0.5**2)
        return -np.sum(weight * likelihood) + shrinkage

    reference = minimize(
        objective, [3.0], method="Nelder-Mead", options={"xatol": 1e-6}
    )
    found = fit_temperature(scores, target, weight, around=2.0)
    assert_allclose(found, reference.x[0], rtol=1e-3)


def test_the_true_temperature_is_found_on_many_rows():
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (20_000, 3))
    cumulative = softmax(honest, axis=1).cumsum(axis=1)
    target = (rng.random((20_000, 1)) > cumulative).sum(axis=1).clip(max=2)
    found = fit_temperature(2.5 * honest, target, np.ones(20_000))
    assert_allclose(found, 2.5, rtol=0.05)


def test_a_weight_of_two_is_the_row_twice():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(0, 3, (50, 3)), rng.integers(0, 3, 50)
    twice = np.arange(50) % 2 + 1
    repeated = np.repeat(np.arange(50), twice)
    expected = fit_temperature(scores[repeated], target[repeated], np.ones(75))
    assert_allclose(fit_temperature(scores, target, twice), expected, rtol=1e-6)


def test_the_shared_temperature_counts_a_row_once_over_all_its_views():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(0, 3, (2, 60, 2)), rng.integers(0, 2, 60)
    # The first 40 rows have both modalities, the others only "a".
    views = {
        ("a",): (np.arange(60), scores[0]),
        ("a", "b"): (np.arange(40), scores[1, :40]),
    }
    shared, temperatures = learn_temperatures(views, target, np.ones(60))

    def objective(parameters):
        likelihood = log_softmax(scores / parameters[0], axis=2)
        likelihood = likelihood[:, np.arange(60), target]
        total = likelihood[:, :40].mean(axis=0).sum() + likelihood[0, 40:].sum()
        return -total + np.log(parameters[0]) ** 2 / (2 * 0.5**2)

    reference = minimize(objective, [3.0], method="Nelder-Mead")
    assert_allclose(shared, reference.x[0], rtol=1e-3)
    expected = fit_temperature(scores[0], target, np.ones(60), around=shared)
    assert_allclose(temperatures[("a",)], expected)


def test_without_rows_the_temperature_is_what_it_shrinks_to():
    nothing = np.empty((0, 2)), np.empty(0, dtype=int), np.empty(0)
    assert_allclose(fit_temperature(*nothing, around=1.7), 1.7, rtol=1e-4)


def test_rows_that_are_all_right_do_not_make_the_model_certain():
    scores = np.tile([2.0, 0.0], (30, 1))
    found = fit_temperature(scores, np.zeros(30, dtype=int), np.ones(30))
    assert 0.3 < found < 1


def test_a_multilabel_temperature_equals_a_reference_minimisation():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(0, 3, (300, 3)), rng.integers(0, 2, (300, 3))

    def objective(parameters):
        chance = expit(scores / parameters[0])
        likelihood = np.where(target == 1, np.log(chance), np.log(1 - chance))
        return -likelihood.mean(axis=1).sum() + np.log(parameters[0]) ** 2 / (
            2 * 0.5**2
        )

    reference = minimize(objective, [3.0], method="Nelder-Mead")
    found = fit_temperature(scores, target, np.ones(300))
    assert_allclose(found, reference.x[0], rtol=1e-3)


def test_multilabel_probabilities_are_calibrated_and_labels_stay():
    X, first = noisy(150, 4)
    y = np.column_stack([first, 1 - first])
    classifier = small(calibration="temperature", **OVERFIT).fit(X, y)
    plain = uncalibrated(classifier)
    assert classifier.shared_temperature_ > 1
    assert_array_equal(classifier.predict(X), plain.predict(X))
    distance = np.abs(classifier.predict_proba(X) - 0.5)
    assert np.all(distance <= np.abs(plain.predict_proba(X) - 0.5))


def test_of_many_modalities_the_patterns_are_those_that_occur():
    present = np.ones((10, 6), dtype=bool)
    present[6:9, 0] = False
    present[9] = False
    assert patterns_to_learn(present) == [(0, 1, 2, 3, 4, 5), (1, 2, 3, 4, 5)]


def test_other_patterns_have_the_shared_temperature_and_empty_rows_one():
    nan = np.nan
    X = MultimodalFeatures({"a": [[1.0], [1.0], [nan]], "b": [[1.0], [nan], [nan]]})
    found = temperature_of_rows(X, {("a", "b"): 2.0}, 3.0)
    assert_array_equal(found, np.array([[2], [3], [1]], dtype=np.float32))


def test_a_row_with_nothing_still_gets_the_shares_of_the_classes(fitted):
    X = MultimodalFeatures({"left": np.full((1, 10), np.nan)})
    assert_allclose(fitted.predict_proba(X), [[0.5, 0.5]], atol=0.01)


def test_without_calibration_nothing_is_held_out_or_divided():
    X, y = noisy(60, 0)
    classifier = small(max_epochs=1, calibration="temperature").fit(X, y)
    classifier.set_params(calibration=None).fit(X, y)
    assert classifier.temperatures_ == {}
    assert classifier.shared_temperature_ == 1
    expected = softmax(classifier._predict_outputs(X), axis=1)
    assert_array_equal(classifier.predict_proba(X), expected)


def test_early_stopping_and_calibration_share_their_rows():
    X, y = noisy(80, 0)
    plain = small(max_epochs=3, early_stopping=True).fit(X, y)
    both = clone(plain).set_params(calibration="temperature").fit(X, y)
    assert_array_equal(both._predict_outputs(X), plain._predict_outputs(X))
    assert both.temperatures_


def test_groups_are_held_out_whole_for_calibration():
    X, y = noisy(40, 0)
    classifier = small(calibration="temperature", max_epochs=1)
    with pytest.raises(ValueError, match="calibration need at least two groups"):
        classifier.fit(X, y, groups=np.zeros(40))


def test_class_weights_are_those_of_the_temperatures_too(monkeypatch):
    seen = {}

    def spy(views, target, weight):
        seen.update(target=target, weight=weight)
        return learn_temperatures(views, target, weight)

    monkeypatch.setattr("sklearn_mm.estimators.classifier.learn_temperatures", spy)
    weights = {"class_weight": {0: 1, 1: 4}, "validation_fraction": 0.5}
    small(calibration="temperature", max_epochs=1, **weights).fit(*noisy(40, 0))
    by_class = [np.unique(seen["weight"][seen["target"] == c]) for c in (0, 1)]
    assert_allclose(by_class[1] / by_class[0], [4], rtol=1e-6)


def test_missing_as_an_error_leaves_one_pattern():
    X, y = noisy(40, 0)
    classifier = small(calibration="temperature", max_epochs=1, missing="error")
    assert list(classifier.fit(X, y).temperatures_) == [("left", "right")]


def test_with_calibration_there_is_no_partial_fit_and_the_error_says_why():
    classifier = small(calibration="temperature")
    assert not hasattr(classifier, "partial_fit")
    with pytest.raises(AttributeError) as error:
        classifier.partial_fit
    assert "Set calibration=None, or use fit" in str(error.value.__cause__)


def test_partial_fit_forgets_the_temperatures_of_an_earlier_fit():
    X, y = noisy(40, 0)
    classifier = small(calibration="temperature", max_epochs=1).fit(X, y)
    classifier.set_params(calibration=None).partial_fit(X, y)
    assert classifier.temperatures_ == {}


def test_a_warm_start_learns_the_temperatures_anew():
    X, y = noisy(100, 0)
    classifier = small(calibration="temperature", warm_start=True, **OVERFIT).fit(X, y)
    first = classifier.temperatures_
    assert classifier.fit(X, y).temperatures_ != first


def test_an_unknown_calibration_is_refused():
    with pytest.raises(ValueError, match="calibration must be one of .* 'isotonic'"):
        small(calibration="isotonic").fit(*noisy(20, 0))


def test_a_dumped_classifier_predicts_the_same(fitted):
    file = io.BytesIO()
    joblib.dump(fitted, file)
    file.seek(0)
    X, _ = noisy(30, 5)
    assert_array_equal(joblib.load(file).predict_proba(X), fitted.predict_proba(X))
