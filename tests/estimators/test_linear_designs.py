"""What the linear model reads: vectors alike, each as a whole, or all rows of some.

References are models of scikit-learn on inputs that are put together by hand.
"""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from sklearn_mm import AttentionFusionRegressor, FeatureBlock, MultimodalFeatures
from sklearn_mm.estimators import linear

RNG = np.random.default_rng(0)
N_ROWS, N_WIDE = 600, 225
NARROW, WIDE = RNG.normal(size=(N_ROWS, 1)), RNG.normal(size=(N_ROWS, N_WIDE))


def make_features(narrow, wide):
    return MultimodalFeatures(
        {
            "narrow": FeatureBlock.from_vectors(narrow),
            "wide": FeatureBlock.from_vectors(wide),
        }
    )


def begin(X, y, **params):
    """Predict with what training begins with."""
    model = AttentionFusionRegressor(
        width=8,
        n_heads=2,
        max_epochs=1,
        learning_rate=1e-12,
        early_stopping=False,
        random_state=0,
        **params,
    )
    return model.fit(X, y).predict(X)


def distance(found, y, inputs):
    """The least distance to a ridge regression of one of the strengths."""
    standardized = (y - y.mean()) / y.std()
    return min(
        np.abs(
            Ridge(1 / strength).fit(inputs, standardized).predict(inputs) * y.std()
            + y.mean()
            - found
        ).max()
        for strength in linear.STRENGTHS
    )


def scaled(narrow, wide):
    """Standardised inputs of which the wide vector varies as much as the narrow one."""
    narrow, wide = map(StandardScaler().fit_transform, (narrow, wide))
    return np.hstack([narrow, wide / np.sqrt(wide.shape[1])])


def alike(narrow, wide):
    return StandardScaler().fit_transform(np.hstack([narrow, wide]))


def test_many_numbers_that_tell_little_do_not_bury_one_that_tells_much():
    y = NARROW[:, 0] + 0.5 * RNG.normal(size=N_ROWS)
    found = begin(make_features(NARROW, WIDE), y)
    assert distance(found, y, scaled(NARROW, WIDE)) < 1e-3
    assert distance(found, y, alike(NARROW, WIDE)) > 0.1


@pytest.mark.parametrize("losses", [(1.0, 2.0), (2.0, 1.0)])
def test_the_design_of_the_least_loss_is_taken(monkeypatch, losses):
    made = []

    def fit(inputs, target, weight, seed):
        number = len(made)
        made.append(inputs)
        coefficients = np.zeros((1, inputs.shape[1]))
        return linear.LinearFit(coefficients, np.full(1, number), losses[number])

    monkeypatch.setattr(AttentionFusionRegressor, "_linear_model", lambda self: fit)
    y = NARROW[:, 0]
    found = begin(make_features(NARROW, WIDE), y)
    # Rows come in an order of their own.
    for inputs, expected in zip(made, [alike, scaled], strict=True):
        expected = np.sort(expected(NARROW, WIDE), axis=0)
        np.testing.assert_allclose(np.sort(inputs, axis=0), expected, atol=1e-5)
    chosen = np.argmin(losses)
    np.testing.assert_allclose(found, y.mean() + chosen * y.std(), atol=1e-5)


@pytest.mark.parametrize("n_most", [1, N_ROWS])
def test_all_rows_of_a_narrow_vector_are_read_where_a_wide_one_allows_few(
    monkeypatch, n_most
):
    monkeypatch.setattr(linear, "MAX_NUMBERS", N_ROWS * n_most)
    monkeypatch.setattr(linear, "MIN_CHOSEN_ROWS", 100)
    y = NARROW[:, 0] + 0.5 * RNG.normal(size=N_ROWS)
    found = begin(make_features(NARROW, WIDE), y)
    inputs = StandardScaler().fit_transform(NARROW)
    is_near = distance(found, y, inputs) < 1e-3
    assert is_near == (n_most == 1)


@pytest.mark.parametrize("width", [1, 3])
def test_vectors_of_like_width_have_one_design(monkeypatch, width):
    seen = []

    def fit(inputs, target, weight, seed):
        seen.append(inputs.shape)
        coefficients = np.zeros((1, inputs.shape[1]))
        return linear.LinearFit(coefficients, np.zeros(1), 0.0)

    monkeypatch.setattr(AttentionFusionRegressor, "_linear_model", lambda self: fit)
    begin(make_features(NARROW, WIDE[:, :width]), NARROW[:, 0])
    assert seen == [(N_ROWS, 1 + width)]
