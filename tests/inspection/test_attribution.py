"""token_attributions: the axioms of integrated gradients."""

import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import softmax

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    FeatureBlock,
    MultimodalFeatures,
)
from sklearn_mm.inspection import attention_weights, token_attributions

PARAMS = {"width": 16, "n_heads": 2, "max_epochs": 5, "random_state": 0}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    table = rng.normal(size=(80, 2)) + y[:, None]
    table[::5] = np.nan
    series = [rng.normal(2 * label, 1, (rng.integers(3, 20), 2)) for label in y]
    blocks = {"table": table, "series": FeatureBlock.from_samples(series, "sequence")}
    return MultimodalFeatures(blocks), np.where(y, "yes", "no")


@pytest.fixture(scope="module")
def classifier(data):
    return AttentionFusionClassifier(**PARAMS).fit(*data)


def outputs_without_content(estimator, X):
    """Compute what the network gives of tokens that say nothing, row by row."""
    network, outputs = estimator.net_.module_, []
    for encoded, _ in estimator._encoded_batches(X):
        blank = [
            (
                (network.absent_tokens[i] + network.modality_codes[i]).expand_as(
                    tokens[..., : network.width]  # behind them stand their votes
                ),
                mask,
            )
            for i, (tokens, mask) in enumerate(encoded)
        ]
        with torch.no_grad():
            fused, _ = network.fusion(blank)
            of_tokens = network.head(fused) + network.direct(fused)
            outputs.append(of_tokens.double())
    return torch.cat(outputs)


def sums(table, n_samples):
    return table.groupby("sample")["attribution"].sum().reindex(range(n_samples))


def test_attributions_sum_to_the_change_of_the_probability(classifier, data):
    pytest.importorskip("captum")
    table = token_attributions(classifier, data[0], n_steps=2000)
    probability = classifier.predict_proba(data[0])
    before = outputs_without_content(classifier, data[0]).softmax(dim=1).numpy()
    predicted = probability.argmax(axis=1)[:, None]
    change = np.take_along_axis(probability - before, predicted, axis=1)
    assert np.abs(change).max() > 0.1
    # What is left is the error of the quadrature, which the steps make small.
    assert_allclose(sums(table, 80), change.ravel(), atol=2e-3)


def test_attributions_of_a_regressor_sum_to_the_change_of_its_prediction(data):
    pytest.importorskip("captum")
    X, y = data
    target = 50 + 20 * (y == "yes")
    regressor = AttentionFusionRegressor(**PARAMS | {"max_epochs": 10}).fit(X, target)
    before = outputs_without_content(regressor, X).numpy()[:, 0] * 10 + 60
    change = regressor.predict(X) - before
    assert np.abs(change).max() > 10
    table = token_attributions(regressor, X, n_steps=500)
    assert_allclose(sums(table, 80), change, atol=0.2)


def test_what_speaks_for_one_of_two_classes_speaks_against_the_other(classifier, data):
    pytest.importorskip("captum")
    yes, no = (
        token_attributions(classifier, data[0], target=label)["attribution"]
        for label in ("yes", "no")
    )
    assert yes.abs().max() > 0.01
    assert_allclose(yes, -no, atol=1e-6)


def test_labels_may_differ_from_row_to_row(classifier, data):
    pytest.importorskip("captum")
    each = token_attributions(classifier, data[0], target=classifier.predict(data[0]))
    one = token_attributions(classifier, data[0])
    assert_allclose(each["attribution"], one["attribution"])


def test_tokens_are_those_of_the_attention_weights(classifier, data):
    pytest.importorskip("captum")
    table = token_attributions(classifier, data[0], n_steps=2)
    weights = attention_weights(classifier, data[0], level="token")
    assert table.drop(columns="attribution").equals(weights.drop(columns="weight"))


def test_an_absent_modality_has_no_attribution(classifier, data):
    pytest.importorskip("captum")
    table = token_attributions(classifier, data[0])
    absent = table[table["label"] == "(absent)"]
    assert len(absent) == 16
    assert (absent["attribution"] == 0).all()


def test_a_row_without_anything_has_no_attributions(classifier, data):
    pytest.importorskip("captum")
    nothing = MultimodalFeatures({"table": np.full((3, 2), np.nan)})
    assert (token_attributions(classifier, nothing)["attribution"] == 0).all()


def test_attribution_leaves_the_network_and_the_random_state_alone(classifier, data):
    pytest.importorskip("captum")
    network = classifier.net_.module_
    network.zero_grad(set_to_none=True)
    state, expected = torch.get_rng_state(), classifier.predict_proba(data[0])
    token_attributions(classifier, data[0], n_steps=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert_allclose(classifier.predict_proba(data[0]), expected, rtol=0)


def test_of_several_outputs_one_must_be_named(data):
    pytest.importorskip("captum")
    X, y = data
    Y = np.column_stack([y == "yes", y == "no"]).astype(int)
    several = AttentionFusionClassifier(**PARAMS).fit(X, Y)
    with pytest.raises(ValueError, match="2 outputs. Set target to the number"):
        token_attributions(several, X)
    table = token_attributions(several, X, target=1, n_steps=1500)
    change = several.predict_proba(X)[:, 1]
    change = change - outputs_without_content(several, X).sigmoid().numpy()[:, 1]
    assert_allclose(sums(table, 80), change, atol=3e-3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"target": "perhaps"}, "not among the classes"),
        ({"target": ["yes", "no"]}, "one for each of the 80 rows"),
        ({"n_steps": 0}, "n_steps must be an integer of at least 1, found 0"),
    ],
)
def test_what_cannot_be_explained_is_an_error(classifier, data, params, message):
    with pytest.raises(ValueError, match=message):
        token_attributions(classifier, data[0], **params)


def test_without_captum_the_error_says_how_to_install_it(classifier, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ImportError, match=r"sklearn-mm\[attribution\]"):
        token_attributions(classifier, data[0])


def test_attributions_of_a_calibrated_model_are_of_its_calibrated_probability(data):
    pytest.importorskip("captum")
    X, y = data
    classifier = AttentionFusionClassifier(
        calibration="temperature", validation_fraction=0.3, **PARAMS
    ).fit(X, y)
    temperature = np.where(
        X["table"].missing,
        classifier.temperatures_["series",],
        classifier.temperatures_["table", "series"],
    )[:, None]
    assert np.abs(np.log(temperature)).min() > 0.05
    before = softmax(
        outputs_without_content(classifier, X).numpy() / temperature, axis=1
    )
    change = (classifier.predict_proba(X) - before)[:, 1]
    table = token_attributions(classifier, X, target="yes", n_steps=2000)
    assert_allclose(sums(table, 80), change, atol=2e-3)
