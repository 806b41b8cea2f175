"""The contract of scikit-learn and ours, with tiny models."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import (
    AttentionFusionClassifier,
    MultimodalFeatureUnion,
    PretrainedAudioTransformer,
    PretrainedImageTransformer,
    PretrainedTextTransformer,
)
from sklearn_mm.testing import parametrize_with_multimodal_checks

SCALE = {"size": (8, 8), "mean": 0.5, "std": 0.5}
GRAPHS = {
    "frontend": "mel.onnx",
    "sampling_rate": 800,
    "window": 3,
    "hop_length": 1,
}


@parametrize_with_checks(
    [
        PretrainedTextTransformer("text"),
        PretrainedImageTransformer("image.onnx", **SCALE),
        PretrainedAudioTransformer("embed.onnx", **GRAPHS),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@parametrize_with_multimodal_checks(
    [
        PretrainedTextTransformer("text", batch_size=2),
        PretrainedImageTransformer("vit", output="tokens", batch_size=2),
        PretrainedImageTransformer(torch.nn.Conv2d(3, 4, 4), **SCALE),
        PretrainedAudioTransformer("sound", batch_size=2),
        PretrainedAudioTransformer("embed.onnx", output="tokens", **GRAPHS),
    ]
)
def test_multimodal_contract(estimator, check):
    check(estimator)


def make_union(**parameters):
    return MultimodalFeatureUnion(
        [
            ("text", PretrainedTextTransformer("text", output="tokens"), "text"),
            ("image", PretrainedImageTransformer("image.onnx", **SCALE), "image"),
        ],
        **parameters,
    )


def make_table():
    images = np.random.default_rng(0).integers(0, 256, (8, 9, 9, 3), dtype=np.uint8)
    texts = ["a red fox", None, "the cat", "fox", "blue", "two bird", "a cat", "tax"]
    columns = {"text": texts, "image": list(images)}
    return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in columns.items()})


def test_they_feed_the_fusion_and_its_inspection():
    from sklearn_mm.inspection import attention_weights

    table, y = make_table(), np.arange(8) % 2
    model = make_pipeline(
        make_union(), AttentionFusionClassifier(max_epochs=2, random_state=0)
    )
    assert model.fit(table, y).predict_proba(table).shape == (8, 2)
    weights = attention_weights(model, table)
    assert list(weights.columns) == ["text", "image"]
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_in_processes_the_features_are_the_same():
    expected = make_union().fit_transform(make_table())
    found = make_union(n_jobs=2).fit_transform(make_table())
    for name in expected.names:
        np.testing.assert_allclose(found[name].values, expected[name].values, atol=1e-6)


def test_verbose_shows_how_many_of_all_cells_are_encoded(capsys):
    PretrainedTextTransformer("text", verbose=True).fit(["a fox", None, "the cat"])
    assert "PretrainedTextTransformer: 100%" in capsys.readouterr().err
