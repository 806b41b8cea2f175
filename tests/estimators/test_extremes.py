"""Numbers of any size, and targets of any shape, give finite predictions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.model_selection import cross_val_predict

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    FeatureBlock,
    MultimodalFeatures,
)
from sklearn_mm.estimators.modality import describe_modality, power_of_two

X, Y = load_iris(return_X_y=True)
X, Y = X[::3], Y[::3]
PARAMS = {"width": 8, "n_heads": 2, "max_epochs": 2, "batch_size": 25}


def classifier(**params):
    return AttentionFusionClassifier(**{**PARAMS, "random_state": 0, **params})


def regressor(**params):
    return AttentionFusionRegressor(**{**PARAMS, "random_state": 0, **params})


@pytest.mark.parametrize("exponent", [-1000, -200, -100, 100, 200, 1000])
def test_the_unit_of_numbers_does_not_matter(exponent):
    expected = classifier().fit(X, Y).predict_proba(X)
    scaled = X * 2.0**exponent
    found = classifier().fit(scaled, Y).predict_proba(scaled)
    # Not equal: other bytes put the rows into another order.
    assert np.isfinite(found).all()
    assert found.std() > 0.5 * expected.std()


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, 1e30, 1e300])
def test_the_deviation_is_that_of_any_size(scale):
    block = FeatureBlock.from_vectors(X * scale)
    found = describe_modality(block, np.arange(len(X)))
    assert_allclose(found.deviation / scale, X.std(axis=0), rtol=1e-12)
    assert_allclose(found.mean / scale, X.mean(axis=0), rtol=1e-12)


def test_the_unit_is_a_power_of_two_next_to_the_span():
    spans = np.array([0.0, 1.5, 1e-320, 1e300, np.inf, np.nan, -np.inf])
    units = power_of_two(spans)
    assert (np.frexp(units)[0] == 0.5).all()
    assert_array_equal(units[[0, 4, 5, 6]], 2.0)
    assert 1.5 < units[1] <= 3
    assert 0.5e300 < units[3] <= 2e300


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_the_unit_of_a_target_does_not_matter(scale):
    model = regressor().fit(X[:, 1:], X[:, 0] * scale)
    assert_allclose(model.target_scale_ / scale, X[:, 0].std(), rtol=1e-12)
    predicted = model.predict(X[:, 1:]) / scale
    assert np.all((predicted > 0) & (predicted < 20))


def test_a_constant_target_is_predicted():
    model = regressor().fit(X, np.full(len(X), 1e30))
    assert_allclose(model.predict(X), 1e30, rtol=1e-6)


BLOCKS = {
    "constant column": FeatureBlock.from_vectors(np.c_[np.ones(50), X]),
    "constant rows": FeatureBlock.from_vectors(np.ones((50, 3))),
    "half precision": FeatureBlock.from_vectors((X * 8000).astype(np.float16)),
    "large sequences": FeatureBlock.from_samples(
        [np.outer([1, 2, 3], row).astype(np.float32) * 1e30 for row in X], "sequence"
    ),
    "small sets": FeatureBlock.from_samples(
        [np.outer([1, 2], row).astype(np.float32) * 1e-30 for row in X], "set"
    ),
    "one step": FeatureBlock.from_samples([row[None] for row in X], "sequence"),
    "black images": FeatureBlock.from_samples(
        [np.zeros((1, 3, 8, 8), np.uint8)] * 50, "image"
    ),
    "images in half precision": FeatureBlock.from_samples(
        [np.full((1, 1, 8, 8), row[0], np.float16) for row in X], "image"
    ),
    "images of large numbers": FeatureBlock.from_samples(
        [np.full((1, 1, 8, 8), row[0] * 1e30, np.float32) for row in X], "image"
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_predictions_are_finite(name):
    features = MultimodalFeatures({"a": BLOCKS[name]})
    model = classifier(batch_size=49).fit(features, Y)  # the last batch is one row
    assert np.isfinite(model.predict_proba(features)).all()
    assert np.isfinite(model.predict_proba(features[:1])).all()


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"batch_size": 1}])
def test_a_class_of_one_row_is_learned_with_the_others(params):
    labels = np.r_[9, Y[1:]]
    model = classifier(**params).fit(X, labels)
    assert model.predict_proba(X).shape == (50, 4)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_a_thousand_classes_have_probabilities():
    rows = np.random.default_rng(0).normal(size=(1000, 2))
    model = classifier(max_epochs=1, batch_size=250).fit(rows, np.arange(1000))
    found = model.predict_proba(rows[:9])
    assert found.shape == (9, 1000)
    assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_log_probabilities_are_the_logarithms_of_probabilities():
    model = classifier().fit(X, Y)
    found = model.predict_log_proba(X)
    assert found.dtype == np.float32
    assert_allclose(found, np.log(model.predict_proba(X)), atol=1e-6)


def test_log_probabilities_of_labels_are_those_of_each():
    features, labels = make_multilabel_classification(50, 4, n_classes=2)
    model = classifier().fit(features, labels)
    expected = np.log(model.predict_proba(features))
    assert_allclose(model.predict_log_proba(features), expected, atol=1e-6)


def test_log_probabilities_are_finite_where_probabilities_vanish():
    model = classifier(max_epochs=1).fit(X, Y)
    model.prior_[:] = [0, -500, -1000]
    model.net_.module_.prior[:] = model.net_.module_.prior.new_tensor([0, -500, -1000])
    nothing = np.full((1, 4), np.nan)
    assert model.predict_proba(nothing)[0, 2] == 0
    assert_array_equal(model.predict_log_proba(nothing)[0], [0, -500, -1000])


def test_log_probabilities_are_cross_validated():
    found = cross_val_predict(classifier(), X, Y, cv=2, method="predict_log_proba")
    assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-5)
