"""What a model file holds of pretrained encoders."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import sklearn_mm
from sklearn_mm import (
    ModelFileError,
    PretrainedAudioTransformer,
    PretrainedImageTransformer,
    PretrainedTextTransformer,
    UntrustedTypeError,
)

SCALE = {"size": (8, 8), "mean": 0.5, "std": 0.5}
PHOTOS = list(np.random.default_rng(0).integers(0, 256, (3, 9, 9, 3), dtype=np.uint8))
CLIPS = list(np.random.default_rng(0).normal(size=(3, 900)))
TEXTS = ["a red fox", "the blue bird", "tax form"]
GRAPHS = {"frontend": "mel.onnx", "sampling_rate": 800, "window": 3, "hop_length": 1}

TRANSFORMERS = [
    (PretrainedTextTransformer("text"), TEXTS),
    (PretrainedImageTransformer("vit", output="tokens"), PHOTOS),
    (PretrainedImageTransformer("image.onnx", **SCALE), PHOTOS),
    (PretrainedAudioTransformer("sound"), CLIPS),
    (PretrainedAudioTransformer("embed.onnx", **GRAPHS), CLIPS),
]
IDS = [type(t).__name__ + " " + str(t.model) for t, _ in TRANSFORMERS]


def remove_models():
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(("transformer", "cells"), TRANSFORMERS, ids=IDS)
def test_weights_stay_where_they_are(transformer, cells, tmp_path):
    fitted = transformer.fit(cells)
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    found = sklearn_mm.load(path).transform(cells)
    np.testing.assert_array_equal(found.values, fitted.transform(cells).values)
    told = sklearn_mm.inspect(path)["pretrained"][0]
    assert told["model"] == transformer.model
    assert told["sha256"] == fitted.weights_sha256_
    assert not told["inside"]


@pytest.mark.parametrize(("transformer", "cells"), TRANSFORMERS, ids=IDS)
def test_weights_come_along_if_asked_for(transformer, cells, tmp_path):
    fitted = transformer.fit(cells)
    expected = fitted.transform(cells).values
    path = sklearn_mm.save(fitted, tmp_path / "t.mm", pretrained="inside")
    remove_models()
    found = sklearn_mm.load(path).transform(cells).values
    np.testing.assert_array_equal(found, expected)


def test_what_came_along_can_be_saved_again(tmp_path):
    fitted = PretrainedImageTransformer("image.onnx", **SCALE).fit(PHOTOS)
    expected = fitted.transform(PHOTOS).values
    path = sklearn_mm.save(fitted, tmp_path / "t.mm", pretrained="inside")
    remove_models()
    again = sklearn_mm.save(sklearn_mm.load(path), path, pretrained="inside")
    found = sklearn_mm.load(again).transform(PHOTOS).values
    np.testing.assert_array_equal(found, expected)


def test_weights_that_are_not_there_are_asked_for_by_their_hash(tmp_path):
    fitted = PretrainedImageTransformer("image.onnx", **SCALE).fit(PHOTOS)
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    Path("image.onnx").unlink()
    loaded = sklearn_mm.load(path)
    with pytest.raises(ValueError, match=fitted.weights_sha256_):
        loaded.transform(PHOTOS)


def test_other_weights_in_their_place_are_refused(tmp_path):
    fitted = PretrainedImageTransformer("image.onnx", **SCALE).fit(PHOTOS)
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    shutil.copy("channels_last.onnx", "image.onnx")
    with pytest.raises(ValueError, match="have the SHA-256"):
        sklearn_mm.load(path).transform(PHOTOS)


def test_weights_that_are_no_longer_those_of_fit_are_not_taken_along(tmp_path):
    fitted = PretrainedImageTransformer("image.onnx", **SCALE).fit(PHOTOS)
    shutil.copy("channels_last.onnx", "image.onnx")
    with pytest.raises(ValueError, match="have the SHA-256"):
        sklearn_mm.save(fitted, tmp_path / "t.mm", pretrained="inside")


def test_a_file_fetches_nothing(tmp_path):
    transformer = PretrainedTextTransformer("text", download=True).fit(TEXTS)
    path = sklearn_mm.save(transformer, tmp_path / "t.mm")
    assert sklearn_mm.load(path).download is False


def test_the_card_says_which_weights_must_be_there(tmp_path):
    fitted = PretrainedImageTransformer("image.onnx", **SCALE).fit(PHOTOS)
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    assert fitted.weights_sha256_ in sklearn_mm.inspect(path)["card"]


def test_layers_of_torch_are_kept_with_their_weights(tmp_path):
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 5, 4, stride=4, padding_mode="zeros"),
        torch.nn.BatchNorm2d(5),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(20, 4, bias=False),
    )
    fitted = PretrainedImageTransformer(net, **SCALE).fit(PHOTOS)
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    loaded = sklearn_mm.load(path)
    found, expected = loaded.transform(PHOTOS), fitted.transform(PHOTOS)
    np.testing.assert_array_equal(found.values, expected.values)
    assert repr(loaded.model) == repr(net)
    assert loaded._hash_weights() == fitted.weights_sha256_


class Scaled(torch.nn.Module):
    def __init__(self, by):
        super().__init__()
        self.by = by
        self.linear = torch.nn.Linear(3, 2)
        self.register_buffer("passing", torch.ones(2), persistent=False)

    def forward(self, x):
        return self.by * self.linear(x.mean((2, 3))) + self.passing


def test_a_module_of_the_user_must_be_trusted(tmp_path):
    fitted = PretrainedImageTransformer(Scaled(2.0), **SCALE).fit(PHOTOS)
    with pytest.raises(UntrustedTypeError, match="Scaled"):
        sklearn_mm.save(fitted, tmp_path / "t.mm")
    path = sklearn_mm.save(fitted, tmp_path / "t.mm", trusted=[Scaled])
    loaded = sklearn_mm.load(path, trusted=[Scaled])
    found, expected = loaded.transform(PHOTOS), fitted.transform(PHOTOS)
    np.testing.assert_array_equal(found.values, expected.values)


def test_a_module_with_hooks_is_refused(tmp_path):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))
    net.register_forward_hook(lambda *args: None)
    fitted = PretrainedImageTransformer(net, **SCALE).fit(PHOTOS)
    with pytest.raises(ModelFileError, match="hooks"):
        sklearn_mm.save(fitted, tmp_path / "t.mm")
