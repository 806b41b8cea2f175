"""AttentionFusionRegressor: scikit-learn's contract, losses, outputs and units."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_regressor
from sklearn.datasets import load_diabetes
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import AttentionFusionRegressor, FeatureBlock, MultimodalFeatures


@parametrize_with_checks(
    [AttentionFusionRegressor(width=16, max_epochs=3, batch_size=32)]
)
def test_the_regressor_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


def small(**params):
    few = {"max_epochs": 12, "batch_size": 50, "learning_rate": 6e-3}
    params = {"width": 16, "n_heads": 2, "random_state": 0, **few, **params}
    return AttentionFusionRegressor(**params)


@pytest.fixture(scope="module")
def noise():
    """Build rows whose target does not depend on them, and is skewed."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(600, 2)), rng.exponential(size=600)


@pytest.mark.parametrize(("factor", "offset"), [(1e-6, 0), (1e6, 1e9)])
def test_units_of_the_target_do_not_matter(factor, offset):
    X, y = load_diabetes(return_X_y=True)
    assert small().fit(X, factor * y + offset).score(X, factor * y + offset) > 0.4


def test_several_outputs_are_learned_together():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = np.column_stack([X[:, 0], 100 + 50 * X[:, 1]])
    predicted = small(max_epochs=25).fit(X, y).predict(X)
    assert predicted.shape == (300, 2)
    for column in range(2):
        assert np.corrcoef(predicted[:, column], y[:, column])[0, 1] > 0.95


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"loss": "squared_error"}, np.mean),
        ({"loss": "absolute_error"}, np.median),
        ({"loss": "quantile", "quantile": 0.9}, lambda y: np.quantile(y, 0.9)),
    ],
)
def test_each_loss_predicts_what_minimises_it(noise, params, expected):
    X, y = noise
    predicted = small(**params).fit(X, y).predict(X)
    assert abs(np.mean(predicted) - expected(y)) < 0.15


def test_huber_lies_between_median_and_mean(noise):
    X, y = noise
    predicted = small(loss="huber").fit(X, y).predict(X).mean()
    assert np.median(y) < predicted < np.mean(y)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"loss": "squared_error"}, np.mean),
        ({"loss": "absolute_error"}, np.median),
        ({"loss": "quantile", "quantile": 0.1}, lambda y: np.quantile(y, 0.1)),
    ],
)
def test_a_row_with_no_modality_gets_what_the_loss_alone_predicts(
    noise, params, expected
):
    X, y = noise
    regressor = small(max_epochs=1, **params).fit(X, y)
    found = regressor.predict(np.full((1, 2), np.nan))
    assert_allclose(found, expected(y), atol=0.01)


def test_a_weight_of_two_equals_the_row_twice():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:60], y[:60]
    weight = 1 + np.arange(60) % 2
    repeated = np.repeat(np.arange(60), weight)
    weighted = small(max_epochs=2).fit(X, y, sample_weight=weight)
    twice = small(max_epochs=2).fit(X[repeated], y[repeated])
    assert_array_equal(weighted.predict(X), twice.predict(X))


def test_fractional_weights_pull_the_mean(noise):
    X, y = noise
    weight = np.where(y > 1, 3.5, 0.5)
    predicted = small().fit(X, y, sample_weight=weight).predict(X).mean()
    assert abs(predicted - np.average(y, weights=weight)) < 0.2


def test_sequences_with_missing_rows_are_learned_from():
    rng = np.random.default_rng(0)
    y = rng.normal(size=150)
    series = [rng.normal(value, 0.3, (rng.integers(3, 9), 1)) for value in y]
    series = [None if row % 10 == 0 else s for row, s in enumerate(series)]
    X = MultimodalFeatures({"price": FeatureBlock.from_samples(series, "sequence")})
    regressor = small(max_epochs=25, batch_size=25).fit(X, y)
    assert regressor.score(X, y) > 0.7
    assert_allclose(regressor.predict(X[::10]), y.mean(), atol=1e-4)


def test_partial_fit_learns_call_by_call():
    X, y = load_diabetes(return_X_y=True)
    regressor = small()
    for _ in range(10):
        for start in range(0, len(y), 221):
            regressor.partial_fit(X[start : start + 221], y[start : start + 221])
    assert regressor.score(X, y) > 0.3


def test_it_is_a_regressor_for_scikit_learn():
    assert is_regressor(AttentionFusionRegressor())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "mse"}, "loss must be one of .*found 'mse'"),
        ({"quantile": 1.0}, "quantile must be above 0 and below 1, found 1.0"),
    ],
)
def test_parameters_that_cannot_work_are_refused_in_fit(noise, params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(*noise)
