"""Going on from a fitted model: partial_fit and warm_start."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from skorch.callbacks import Callback

from sklearn_mm import AttentionFusionClassifier, AttentionFusionRegressor

X, Y = load_iris(return_X_y=True)
NOTHING = np.full((1, 4), np.nan)


def small(**params):
    few = {"max_epochs": 6, "batch_size": 50}
    params = {"width": 16, "n_heads": 2, "random_state": 0, **few, **params}
    return AttentionFusionClassifier(**params)


class Break(Callback):
    """Fail at the end of an epoch."""

    def on_epoch_end(self, net, **kwargs):
        raise OSError("no space left")


def test_warm_start_goes_on_from_the_last_weights():
    # Whether a flower is of middling size: a linear model, with which training begins,
    # cannot tell it.
    labels = (np.abs(X[:, 0] - X[:, 0].mean()) < 0.6).astype(int)
    params = {"max_epochs": 20, "learning_rate": 2e-2, "dropout": 0.1}
    classifier = small(warm_start=True, **params).fit(X, labels)
    first = classifier.history_[0, "train_loss"]
    classifier.fit(X, labels)
    assert classifier.history_[0, "train_loss"] < 0.5 * first


def test_warm_start_refuses_other_classes_and_keeps_the_model():
    classifier = small(warm_start=True).fit(X, Y)
    expected = classifier.predict_proba(X)
    with pytest.raises(ValueError, match="classes_ differs from that of the last fit"):
        classifier.fit(X[Y > 0], Y[Y > 0])
    assert_array_equal(classifier.predict_proba(X), expected)


def test_partial_fit_goes_on_from_a_fit_at_the_full_learning_rate():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(int)
    classifier = AttentionFusionClassifier(
        width=8, n_heads=2, max_epochs=3, early_stopping=True, random_state=0
    ).fit(X, y)
    before = [w.detach().clone() for w in classifier.net_.module_.parameters()]
    n_before = classifier.n_iter_
    classifier.partial_fit(X, y)
    assert classifier.n_iter_ == n_before + 1
    assert classifier.net_.optimizer_.param_groups[0]["lr"] == 2e-3
    after = list(classifier.net_.module_.parameters())
    assert any((a - b).abs().max() > 1e-3 for a, b in zip(after, before, strict=True))


def test_partial_fit_learns_call_by_call():
    classifier = small()
    for _ in range(12):
        for start in range(3):
            rows = slice(start, None, 3)
            classifier.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    assert classifier.score(X, Y) > 0.9


def test_partial_fit_accepts_classes_that_come_later():
    classifier = small().partial_fit(X[:100], Y[:100], classes=[0, 1, 2])
    assert classifier.predict_proba(X).shape == (150, 3)
    classifier.partial_fit(X[100:], Y[100:])


def test_partial_fit_needs_the_classes_first():
    with pytest.raises(ValueError, match="classes must be passed in the first call"):
        small().partial_fit(X, Y)


def test_partial_fit_refuses_an_unknown_label_and_keeps_the_model():
    classifier = small().partial_fit(X, Y, classes=[0, 1, 2])
    expected = classifier.predict_proba(X)
    with pytest.raises(ValueError, match=r"labels \[.*7.*\]"):
        classifier.partial_fit(X, np.full(150, 7))
    assert_array_equal(classifier.predict_proba(X), expected)


def test_partial_fit_that_fails_leaves_the_model_as_it_was():
    classifier = small().partial_fit(X, Y, classes=[0, 1, 2])
    untouched = small().partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y)
    expected = classifier.predict_proba(X)
    classifier.net_.callbacks_.append(("break", Break()))
    with pytest.raises(OSError, match="no space left"):
        classifier.partial_fit(X, Y)
    assert_array_equal(classifier.predict_proba(X), expected)
    assert len(classifier.history_) == classifier.n_iter_ == 1
    classifier.net_.callbacks_.pop()
    assert_array_equal(classifier.partial_fit(X, Y).predict(X), untouched.predict(X))


def test_partial_fit_takes_the_class_weight_of_each_call():
    classifier = small(learning_rate=0.05).partial_fit(X, Y, classes=[0, 1, 2])
    classifier.set_params(class_weight={0: 1, 1: 1, 2: 1000})
    for _ in range(20):
        classifier.partial_fit(X, np.arange(150) % 3)
    assert (classifier.predict(X) == 2).all()


def test_partial_fit_refuses_to_balance_classes():
    with pytest.raises(ValueError, match="partial_fit sees some. Pass a weight for"):
        small(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


def test_warm_start_keeps_the_prior_of_the_first_rows():
    rows = np.r_[:50, 50:60]
    classifier = small(warm_start=True).fit(X[:100], Y[:100])
    classifier.fit(X[rows], Y[rows])
    assert_allclose(np.exp(classifier.prior_), [0.5, 0.5])
    assert_allclose(classifier.predict_proba(NOTHING), [[0.5, 0.5]], rtol=1e-6)


def test_a_regressor_goes_on_with_other_rows_in_the_units_of_the_first():
    y = 100 * X[:, 0]
    regressor = AttentionFusionRegressor(
        width=16, max_epochs=20, batch_size=50, warm_start=True, random_state=0
    ).fit(X[:, 1:], y)
    regressor.set_params(max_epochs=1).fit(X[100:, 1:], y[100:])
    assert_allclose(regressor.target_mean_, y.mean())
    assert regressor.score(X[:, 1:], y) > 0.7


def test_warm_start_refuses_another_number_of_outputs():
    regressor = AttentionFusionRegressor(width=16, max_epochs=1, warm_start=True)
    regressor.fit(X[:, 1:], X[:, 0])
    with pytest.raises(ValueError, match="but target_shape differs from that of the"):
        regressor.fit(X[:, 1:], X[:, :2])


def test_warm_start_says_that_the_network_is_another():
    classifier = small(warm_start=True).fit(X, Y).set_params(width=32)
    with pytest.raises(ValueError, match="built otherwise than in the last fit"):
        classifier.fit(X, Y)
