"""MultimodalFeatureUnion(memory=...): what a pretrained model encodes, it does once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_mm import (
    FeatureCache,
    MultimodalFeatureUnion,
    PretrainedAudioTransformer,
    PretrainedImageTransformer,
    PretrainedTextTransformer,
)

SCALE = {"size": (8, 8), "mean": 0.5, "std": 0.5}
N = 6


def make_table():
    rng = np.random.default_rng(0)
    images = list(rng.integers(0, 256, (N, 9, 9, 3), dtype=np.uint8))
    clips = [rng.normal(0, 0.1, 300 + 10 * i).astype(np.float32) for i in range(N)]
    texts = ["a red fox", None, "the cat", "a red fox", "blue", "two bird"]
    images[0] = clips[1] = None
    columns = {"text": texts, "image": images, "clip": clips}
    return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in columns.items()})


def make_union(memory, **parameters):
    union = MultimodalFeatureUnion(
        [
            ("text", PretrainedTextTransformer("text"), "text"),
            ("image", PretrainedImageTransformer("image.onnx", **SCALE), "image"),
            ("clip", PretrainedAudioTransformer("sound", output="tokens"), "clip"),
        ],
        memory=memory,
    )
    return union.set_params(**parameters)


@pytest.fixture
def encoded(monkeypatch):
    """Count what is encoded in this process, the cells of trial apart: a list."""
    samples = []
    for kind in (
        PretrainedTextTransformer,
        PretrainedImageTransformer,
        PretrainedAudioTransformer,
    ):

        def counting(self, cells, encode=kind._encode):
            samples.extend(cells)
            return encode(self, cells)

        def not_counting(self, measure=kind._measure_width):
            n = len(samples)
            width = measure(self)
            del samples[n:]
            return width

        monkeypatch.setattr(kind, "_encode", counting)
        monkeypatch.setattr(kind, "_measure_width", not_counting)
    return samples


def test_features_are_those_without_a_cache_and_nothing_is_encoded_twice(encoded):
    table, without = make_table(), make_union(None)
    expected = without.fit_transform(table)
    encoded.clear()
    features = make_union("cache").fit_transform(table)
    assert len(encoded) == 4 + 5 + 5  # two texts are the same
    assert len(FeatureCache("cache")) == 4 + 5 + 5
    again = make_union("cache").fit(table.iloc[::2]).transform(table.iloc[::-1])
    assert len(encoded) == 4 + 5 + 5
    for name in expected.names:
        assert_allclose(features[name].values, expected[name].values, atol=1e-6)
        assert (features[name].offsets == expected[name].offsets).all()
        np.testing.assert_array_equal(again[name].values, features[name][::-1].values)


def test_where_all_is_known_no_model_is_loaded(monkeypatch):
    make_union("cache").fit(make_table())

    def refuse(self, stored):
        raise AssertionError("a model was loaded")

    for kind in (PretrainedTextTransformer, PretrainedImageTransformer):
        monkeypatch.setattr(kind, "_load_engine", refuse)
    features = make_union("cache", clip="drop").fit_transform(make_table())
    assert features["text"].lengths.tolist() == [1, 0, 1, 1, 1, 1]


def test_a_text_that_names_a_file_is_known_by_its_words(encoded):
    Path("fox").write_text("one")
    table = make_table().assign(text="fox")
    union = make_union("cache", image="drop", clip="drop").fit(table)
    encoded.clear()
    Path("fox").write_text("another one")
    union.transform(table)
    assert not encoded


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("text", {"output": "tokens"}),
        ("text", {"max_tokens": 4}),
        ("text", {"precision": "bfloat16"}),
        ("text", {"model": "bert"}),
        ("image", {"size": (8, 8), "mean": 0.4}),
        ("image", {"std": 0.4}),
        ("image", {"output": "tokens"}),
        ("image", {"value_range": (0, 100)}),
        ("clip", {"output": "vector"}),
        ("clip", {"window": 100}),
        ("clip", {"window": 100, "hop_length": 50}),
        ("clip", {"precision": "bfloat16"}),
    ],
)
def test_with_another_parameter_cells_are_encoded_again(encoded, name, parameters):
    others = {other: "drop" for other in ("text", "image", "clip") if other != name}
    union = make_union("cache", **others).fit(make_table())
    encoded.clear()
    union.set_params(**{f"{name}__{key}": v for key, v in parameters.items()})
    union.fit(make_table())
    assert len(encoded) == {"text": 4, "image": 5, "clip": 5}[name]


@pytest.mark.parametrize(
    "parameters",
    [
        {"text__batch_size": 1, "image__batch_size": 1, "clip__batch_size": 1},
        {"text__device": "cpu", "image__device": "cpu", "clip__device": "cpu"},
        {"text__verbose": True, "image__n_jobs": 2, "clip__on_error": "missing"},
        {"text__store_weights_in_pickle": True, "image__download": True},
    ],
)
def test_how_cells_are_encoded_does_not_matter(encoded, parameters):
    union = make_union("cache").fit(make_table())
    encoded.clear()
    union.set_params(**parameters).fit(make_table())
    assert not encoded


def test_with_other_weights_cells_are_encoded_again(encoded):
    union = make_union("cache", text="drop", clip="drop").fit(make_table())
    encoded.clear()
    content = bytearray(Path("image.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    Path("image.onnx").write_bytes(content)
    union.fit(make_table())
    assert len(encoded) == 5


def test_weights_at_another_place_are_the_same(encoded):
    union = make_union("cache", image="drop", clip="drop").fit(make_table())
    encoded.clear()
    Path("text").rename("elsewhere")
    union.set_params(text__model="elsewhere").fit(make_table())
    assert not encoded


# Modules


def image_union(module):
    union = make_union("cache", text="drop", clip="drop")
    return union.set_params(image__model=module)


def test_a_module_of_an_installed_package_is_known_by_weights_and_settings(encoded):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 4), torch.nn.LeakyReLU(0.1))
    image_union(module).fit(make_table())
    encoded.clear()
    image_union(module).fit(make_table())
    assert not encoded
    for change in (
        lambda: setattr(module[1], "negative_slope", 0.2),
        lambda: module[0].weight.data.mul_(2),
        lambda: module[0].register_forward_hook(lambda *values: None),
    ):
        encoded.clear()
        change()
        image_union(module).fit(make_table())
        assert len(encoded) >= 5


class OwnNet(torch.nn.Conv2d):
    """A user's, whose code may change and not its name."""


def mean_colour(batch):
    return batch.mean(axis=(2, 3))


@pytest.mark.parametrize("model", [OwnNet(3, 4, 4), mean_colour])
def test_what_has_code_of_the_user_is_encoded_each_time(encoded, model):
    image_union(model).fit(make_table())
    encoded.clear()
    image_union(model).fit(make_table())
    assert len(encoded) == 5
