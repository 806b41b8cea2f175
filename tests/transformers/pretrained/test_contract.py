"""The contract of scikit-learn and ours, with tiny models."""

import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import (
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
        PretrainedTextTransformer("static"),
        PretrainedImageTransformer("vit", output="tokens", batch_size=2),
        PretrainedImageTransformer(torch.nn.Conv2d(3, 4, 4), **SCALE),
        PretrainedImageTransformer("quantized.onnx", **SCALE),
        PretrainedAudioTransformer("sound", batch_size=2),
        PretrainedAudioTransformer("embed.onnx", output="tokens", **GRAPHS),
    ]
)
def test_multimodal_contract(estimator, check):
    check(estimator)
