"""attention_weights: what they sum to, and whether they point at the signal."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    FeatureBlock,
    MultimodalFeatures,
    MultimodalFeatureUnion,
)
from sklearn_mm.inspection import attention_weights


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    table = FeatureBlock.from_vectors(
        np.where(np.arange(120)[:, None] % 5 == 0, np.nan, rng.normal(size=(120, 2)))
    )
    series = [rng.normal(2 * label, 1, (rng.integers(3, 30), 2)) for label in y]
    X = MultimodalFeatures(
        {"table": table, "series": FeatureBlock.from_samples(series, "sequence")}
    )
    params = {"width": 16, "n_heads": 2, "max_epochs": 8, "random_state": 0}
    return AttentionFusionClassifier(**params).fit(X, y), X


def test_weights_of_each_row_sum_to_one(fitted):
    weights = attention_weights(*fitted)
    assert list(weights.columns) == ["table", "series"]
    assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


def test_rolled_out_weights_of_each_row_sum_to_one(fitted):
    weights = attention_weights(*fitted, method="rollout")
    assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


def test_rolled_out_weights_of_tokens_add_up_to_those_of_their_modality(fitted):
    tokens = attention_weights(*fitted, method="rollout", level="token")
    summed = tokens.groupby(["sample", "modality"])["weight"].sum().unstack()
    expected = attention_weights(*fitted, method="rollout")
    assert_allclose(summed[expected.columns], expected, atol=1e-6)


def test_rollout_gives_modalities_other_weights_than_the_read_out(fitted):
    read_out = attention_weights(*fitted)
    rolled_out = attention_weights(*fitted, method="rollout")
    assert not np.allclose(read_out, rolled_out, atol=1e-3)


def test_an_unknown_method_is_named(fitted):
    with pytest.raises(ValueError, match=r"method must be one of .*found 'gradient'"):
        attention_weights(*fitted, method="gradient")


def test_weights_equal_a_softmax_of_the_networks_tokens_by_hand(
    fitted, read_out_by_hand
):
    classifier, X = fitted
    read_out = classifier.net_.module_.fusion.read_out
    row = X[int(np.argmax(X["series"].lengths))]
    found = attention_weights(classifier, row)
    weights = read_out_by_hand(read_out, lambda: attention_weights(classifier, row))
    assert_allclose(found.to_numpy()[0], [weights[0], weights[1:].sum()], atol=1e-5)


def test_weights_do_not_depend_on_the_batch(fitted):
    classifier, X = fitted
    together = attention_weights(classifier, X).to_numpy()
    alone = attention_weights(classifier, X[7]).to_numpy()
    assert_allclose(alone[0], together[7], atol=1e-5)


def test_a_pipeline_is_looked_into_and_the_index_of_its_table_is_kept():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(30, 2)), columns=["a", "b"], index=range(50, 80))
    union = MultimodalFeatureUnion(
        [("left", StandardScaler(), ["a"]), ("right", StandardScaler(), ["b"])]
    )
    model = make_pipeline(union, AttentionFusionClassifier(max_epochs=1))
    weights = attention_weights(model.fit(X, np.arange(30) % 2), X)
    assert list(weights.columns) == ["left", "right"]
    assert (weights.index == X.index).all()


def test_looking_leaves_the_random_state_of_torch_alone(fitted):
    state = torch.get_rng_state()
    attention_weights(*fitted)
    assert torch.equal(torch.get_rng_state(), state)
