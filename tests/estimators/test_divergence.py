"""Training that leaves the numbers stops, and no prediction is NaN."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sklearn_mm import AttentionFusionClassifier, AttentionFusionRegressor

X, Y = load_iris(return_X_y=True)
X, Y = X[::3], Y[::3]


def small(**params):
    params = {"width": 8, "n_heads": 2, "max_epochs": 5, "batch_size": 25, **params}
    return AttentionFusionClassifier(random_state=0, **params)


class Poison(Callback):
    """Make the gradients of an epoch something else than numbers."""

    def __init__(self, epoch, value=float("nan"), last_batch=False):
        self.epoch = epoch
        self.value = value
        self.last_batch = last_batch

    def on_grad_computed(self, net, named_parameters, **kwargs):
        n_done = len(net.history[-1]["batches"]) - 1
        if len(net.history) == self.epoch and (n_done == 1 or not self.last_batch):
            for _, parameter in named_parameters:
                if parameter.grad is not None:
                    parameter.grad.fill_(self.value)


class Weights(Callback):
    """Keep the weights after each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.states = []

    def on_epoch_end(self, net, **kwargs):
        self.states.append([p.detach().clone() for p in net.module_.parameters()])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("last_batch", [False, True])
def test_the_last_good_epoch_is_kept_and_the_bad_one_named(value, last_batch):
    classifier = small(callbacks=[Weights(), Poison(3, value, last_batch)])
    with pytest.warns(UserWarning, match=r"in epoch 3: .* the 2 epochs before made"):
        classifier.fit(X, Y)
    assert classifier.n_iter_ == len(classifier.history_) == 2
    states = dict(classifier.net_.callbacks_)["Weights"].states
    for found, expected in zip(
        classifier.net_.module_.parameters(), states[1], strict=True
    ):
        assert torch.equal(found, expected)
    assert np.isfinite(classifier.predict_proba(X)).all()


@pytest.mark.parametrize("averaging", [None, "ema"])
def test_early_stopping_and_averages_are_kept_finite(averaging):
    classifier = small(early_stopping=True, averaging=averaging, callbacks=[Poison(4)])
    with pytest.warns(UserWarning, match="the 3 epochs before made"):
        classifier.fit(X, Y)
    assert np.isfinite(classifier.predict_proba(X)).all()


def test_an_average_is_what_it_was_after_the_last_good_epoch():
    params = {"averaging": "ema", "schedule": "constant", "warm_up": 0}
    whole = small(max_epochs=2, modality_dropout=0, **params).fit(X, Y)
    cut = small(modality_dropout=0, callbacks=[Poison(3)], **params)
    with pytest.warns(UserWarning, match="the 2 epochs before made"):
        cut.fit(X, Y)
    assert_array_equal(cut.predict_proba(X), whole.predict_proba(X))


def test_a_rate_that_is_far_too_high_is_named():
    with pytest.raises(
        ValueError, match="in epoch 1, .* Lower learning_rate, which is 1e[+]12"
    ):
        small(learning_rate=1e12, gradient_clipping=None).fit(X, Y)


def test_a_fit_that_fails_at_once_leaves_the_earlier_model():
    classifier = small().fit(X, Y)
    expected = classifier.predict_proba(X)
    with pytest.raises(ValueError, match="in epoch 1, and there is no model"):
        classifier.set_params(callbacks=[Poison(1)]).fit(X, Y)
    assert_array_equal(classifier.predict_proba(X), expected)


def test_a_partial_fit_that_fails_leaves_the_earlier_model():
    classifier = small(callbacks=[Poison(2)]).partial_fit(X, Y, classes=[0, 1, 2])
    expected = classifier.predict_proba(X)
    with pytest.raises(ValueError, match="in epoch 1, and there is no model"):
        classifier.partial_fit(X, Y)
    assert_array_equal(classifier.predict_proba(X), expected)
    assert classifier.n_iter_ == 1


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_search_goes_on_past_a_rate_that_is_too_high():
    grid = {"callbacks": [None, [Poison(1)]]}
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        search = GridSearchCV(small(max_epochs=1), grid, cv=2).fit(X, Y)
    assert search.best_params_ == {"callbacks": None}


def test_a_held_out_target_that_is_far_away_is_not_taken_for_it():
    target = X[:, 0].copy()
    target[7] = 1e25
    regressor = AttentionFusionRegressor(
        width=8, n_heads=2, max_epochs=2, early_stopping=True, random_state=0
    )
    assert np.isfinite(regressor.fit(X, target).predict(X)).all()


def test_a_network_that_gives_no_number_does_not_predict():
    classifier = small().fit(X, Y)
    with torch.no_grad():
        classifier.net_.module_.head[0].weight.fill_(float("inf"))
    with pytest.raises(ValueError, match="no finite number for row .* in all: its"):
        classifier.predict_proba(X)
