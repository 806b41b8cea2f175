"""Several networks in one estimator: what they share, and what is averaged."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import sklearn_mm
from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    FeatureBlock,
    MultimodalFeatures,
)
from sklearn_mm.inspection import attention_weights, token_attributions
from sklearn_mm.nn.members import FusionMembers
from sklearn_mm.nn.network import FusionNetwork

SMALL = {"width": 8, "n_heads": 2, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    series = [rng.normal(label, 1, (rng.integers(1, 5), 2)) for label in y]
    table = rng.normal(size=(90, 2)) + y[:, None]
    table[::7] = np.nan
    blocks = {
        "table": FeatureBlock.from_vectors(table),
        "series": FeatureBlock.from_samples(series, "sequence"),
    }
    return MultimodalFeatures(blocks), y


@pytest.fixture(scope="module")
def classifier(data):
    return AttentionFusionClassifier(n_estimators=3, **SMALL).fit(*data)


def each_alone(estimator, measure):
    """Measure with each member in the place of all."""
    net, whole, found = estimator.net_, estimator.net_.module_, []
    try:
        for member in whole.members:
            net.module_ = member
            found.append(measure())
    finally:
        net.module_ = whole
    return found


def test_probabilities_are_those_of_the_mean_of_the_members_outputs(classifier, data):
    X, _ = data
    alone = each_alone(classifier, lambda: classifier.predict_proba(X))
    product = np.exp(np.mean(np.log(alone), axis=0))
    expected = product / product.sum(axis=1, keepdims=True)
    assert_allclose(classifier.predict_proba(X), expected, atol=1e-5)


def test_numbers_are_the_mean_of_the_members_numbers(data):
    X, y = data
    regressor = AttentionFusionRegressor(n_estimators=2, **SMALL).fit(X, y)
    alone = each_alone(regressor, lambda: regressor.predict(X))
    assert_allclose(regressor.predict(X), np.mean(alone, axis=0), atol=1e-5)


def test_members_differ(classifier, data):
    X, _ = data
    first, second, third = each_alone(classifier, lambda: classifier.predict_proba(X))
    assert not np.allclose(first, second, atol=1e-3)
    assert not np.allclose(second, third, atol=1e-3)


def test_the_same_random_state_gives_the_same_members(classifier, data):
    X, y = data
    again = AttentionFusionClassifier(n_estimators=3, **SMALL).fit(X, y)
    assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_members_learn_each_from_its_own_loss(classifier):
    net = classifier.net_
    outputs = [torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 3)]
    target, weight = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([1.0, 2, 1, 0, 1])
    losses = [
        (torch.nn.functional.cross_entropy(each, target, reduction="none") * weight)
        for each in outputs
    ]
    found = net.get_loss(outputs, (target, weight), training=True)
    torch.testing.assert_close(found, torch.stack(losses).mean())


def test_validation_sees_the_loss_of_their_mean(classifier):
    outputs = [torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 3)]
    target, weight = torch.tensor([0, 1, 2, 0, 1]), torch.ones(5)
    found = classifier.net_.get_loss(outputs, (target, weight), training=False)
    mean = torch.stack(outputs).mean(dim=0)
    torch.testing.assert_close(found, torch.nn.functional.cross_entropy(mean, target))


def test_attention_weights_are_the_mean_of_the_members(classifier, data):
    X, _ = data
    alone = each_alone(classifier, lambda: attention_weights(classifier, X))
    assert_allclose(attention_weights(classifier, X), np.mean(alone, axis=0), atol=1e-6)


def test_attributions_still_sum_to_the_change_of_the_probability(classifier, data):
    X, y = data
    rows = np.flatnonzero(y == 1)[:10]
    table = token_attributions(classifier, X[rows], target=1, n_steps=200)
    network, changes = classifier.net_.module_, []
    for encoded, present in classifier._encoded_batches(X[rows]):
        evidence = present.any(dim=0)
        blank = [
            (tokens, mask)
            for tokens, (_, mask) in zip(
                network.without_content(encoded), encoded, strict=True
            )
        ]
        with torch.no_grad():
            after, before = (
                network.decide(tokens, evidence).softmax(dim=1)[:, 1]
                for tokens in (encoded, blank)
            )
        changes.append((after - before).numpy())
    sums = table.groupby("sample")["attribution"].sum()
    assert_allclose(sums, np.concatenate(changes), atol=5e-3)


def test_each_member_begins_with_the_same_linear_model(classifier):
    _, *others = classifier.net_.module_.members
    first = dict(classifier.net_.module_.named_votes())["table"].weight
    assert first.abs().max() > 0
    for member in others:
        assert_array_equal(dict(member.named_votes())["table"].weight, first)


@pytest.mark.parametrize(
    ("n_rows", "kind"),
    [(999, FusionNetwork), (1000, FusionMembers), (8001, FusionNetwork)],
)
def test_by_default_there_are_two_where_rows_are_neither_few_nor_many(n_rows, kind):
    X, y = np.arange(n_rows, dtype=float)[:, None] % 7, np.arange(n_rows) % 2
    tiny = {"width": 4, "n_heads": 1, "n_layers": 0, "max_epochs": 1, "batch_size": 999}
    classifier = AttentionFusionClassifier(**tiny, random_state=0).fit(X, y)
    assert type(classifier.net_.module_) is kind


def test_a_warm_start_goes_on_with_as_many_as_there_were(data):
    X, y = data
    many = np.tile(np.arange(90), 34)
    classifier = AttentionFusionClassifier(warm_start=True, **SMALL).fit(X, y)
    classifier.fit(X[many], y[many])
    assert type(classifier.net_.module_) is FusionNetwork


def test_a_warm_start_with_another_number_of_members_says_what_to_do(data):
    classifier = AttentionFusionClassifier(n_estimators=2, warm_start=True, **SMALL)
    classifier.fit(*data).set_params(n_estimators=3)
    with pytest.raises(ValueError, match="built otherwise than in the last fit"):
        classifier.fit(*data)


def test_partial_fit_trains_all_members(data):
    X, y = data
    classifier = AttentionFusionClassifier(n_estimators=2, **SMALL)
    classifier.partial_fit(X, y, classes=[0, 1, 2])
    before = each_alone(classifier, lambda: classifier.predict_proba(X))
    classifier.partial_fit(X, y)
    after = each_alone(classifier, lambda: classifier.predict_proba(X))
    for earlier, later in zip(before, after, strict=True):
        assert not np.allclose(earlier, later, atol=1e-4)


def test_a_file_brings_all_members_back(classifier, data, tmp_path):
    X, _ = data
    sklearn_mm.save(classifier, tmp_path / "model.mm")
    loaded = sklearn_mm.load(tmp_path / "model.mm")
    assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))


@pytest.mark.parametrize("number", [0, 1.5, "two"])
def test_a_number_of_members_that_is_none_is_refused(number, data):
    with pytest.raises(ValueError, match="n_estimators must be 'auto' or an integer"):
        AttentionFusionClassifier(n_estimators=number).fit(*data)
