"""How far a network is followed beyond the linear model that it began with."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    FeatureBlock,
    MultimodalFeatures,
)
from sklearn_mm.estimators.batches import FusionDataset
from sklearn_mm.estimators.linear import weigh_against_linear_model

SMALL = {"width": 8, "n_heads": 2, "random_state": 0}
UNTRAINED = {**SMALL, "max_epochs": 1, "learning_rate": 1e-12}
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(150, 3))
SERIES = RNG.normal(size=(150, 4, 2))
X = MultimodalFeatures(
    {"numbers": NUMBERS, "series": FeatureBlock.from_samples(list(SERIES), "sequence")}
)
Y = NUMBERS[:, 0] + 0.3 * RNG.normal(size=150)


def held_out(y, weight=None):
    weight = None if weight is None else torch.as_tensor(weight, dtype=torch.float32)
    return FusionDataset(X, np.arange(150), torch.as_tensor(y), weight)


def standardised(regressor):
    return ((Y - regressor.target_mean_) / regressor.target_scale_)[:, None].astype(
        np.float32
    )


def spoil(network):
    """Let a network say something at random beside its linear model."""
    torch.manual_seed(1)
    for member in network.members:
        torch.nn.init.normal_(member.head[-1].weight, std=3.0)
        for _, votes in member.named_votes():
            torch.nn.init.normal_(votes.trust, std=3.0)


@pytest.fixture(params=[1, 2], ids=["one", "two"])
def regressor(request):
    return AttentionFusionRegressor(n_estimators=request.param, **UNTRAINED).fit(X, Y)


def test_what_makes_held_out_rows_worse_is_left_out(regressor):
    linear = regressor.predict(X)
    spoil(regressor.net_.module_)
    assert np.abs(regressor.predict(X) - linear).mean() > 1
    weigh_against_linear_model(regressor.net_, held_out(standardised(regressor)))
    assert_allclose(regressor.predict(X), linear, atol=1e-4)


def test_predictions_go_in_a_straight_line_from_the_linear_model(regressor):
    linear = regressor.predict(X)
    spoil(regressor.net_.module_)
    whole = regressor.predict(X)
    regressor.net_.module_.count_learned(0.25)
    assert_allclose(regressor.predict(X), 0.75 * linear + 0.25 * whole, atol=1e-4)


def test_the_share_is_the_one_with_the_least_loss_on_the_held_out_rows(regressor):
    linear = regressor.predict(X)
    spoil(regressor.net_.module_)
    whole = regressor.predict(X)
    weight = np.linspace(0, 2, 150)
    # What is asked of the network lies a third of the way, give or take noise.
    aim = linear + (whole - linear) / 3 + 0.01 * RNG.normal(size=150)
    target = (aim - regressor.target_mean_) / regressor.target_scale_
    held = held_out(target[:, None].astype(np.float32), weight)
    weigh_against_linear_model(regressor.net_, held)
    assert_allclose(regressor.predict(X), linear + 0.35 * (whole - linear), atol=1e-3)


def test_what_numbers_alone_do_not_tell_is_followed():
    numbers = RNG.normal(size=(600, 2))
    y = (numbers[:, 0] * numbers[:, 1] > 0).astype(int)
    params = {**SMALL, "n_estimators": 1, "dropout": 0.0, "max_epochs": 30}
    model = AttentionFusionClassifier(early_stopping=True, **params).fit(numbers, y)
    assert model.net_.module_.learned_share >= 0.8
    assert model.score(numbers, y) > 0.9


def test_without_held_out_rows_all_that_was_learned_counts():
    model = AttentionFusionRegressor(max_epochs=2, early_stopping=False, **SMALL)
    assert model.fit(X, Y).net_.module_.learned_share == 1


def test_where_there_is_no_linear_model_all_that_was_learned_counts():
    model = AttentionFusionRegressor(max_epochs=2, early_stopping=True, **SMALL)
    network = model.fit(X.select(["series"]), Y).net_.module_
    assert network.learned_share == 1
