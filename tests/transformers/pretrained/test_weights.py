"""Where weights come from, and what a pickle holds of them."""

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from sklearn_mm import (
    PretrainedAudioTransformer,
    PretrainedImageTransformer,
    PretrainedTextTransformer,
)
from sklearn_mm.transformers.pretrained import weights

SCALE = {"size": (8, 8), "mean": 0.5, "std": 0.5}
TEXTS = ["a red fox", "the cat", None]
IMAGE = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)


def fitted(kind):
    """Fit a transformer of files, and give it with cells."""
    if kind == "text":
        return PretrainedTextTransformer("text").fit(TEXTS), TEXTS
    if kind == "vit":
        return PretrainedImageTransformer("vit").fit([IMAGE]), [IMAGE, None]
    if kind == "image.onnx":
        return PretrainedImageTransformer(kind, **SCALE).fit([IMAGE]), [IMAGE, None]
    transformer = PretrainedAudioTransformer(
        "embed.onnx", frontend="mel.onnx", sampling_rate=800, window=3
    )
    clips = [np.sin(np.arange(300)).astype(np.float32), None]
    return transformer.fit(clips), clips


KINDS = ["text", "vit", "image.onnx", "embed.onnx"]
WEIGHTS = {"text": "text/model.safetensors", "vit": "vit/model.safetensors"}


def change_weights(name):
    """Change one number of an ONNX file or of safetensors."""
    path = Path(WEIGHTS.get(name, name))
    content = bytearray(path.read_bytes())
    place = len(content) - 20 if name in WEIGHTS else len(content) // 2
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_holds_the_hash_of_the_weights_and_not_the_weights(kind):
    transformer, cells = fitted(kind)
    content = pickle.dumps(transformer)
    assert len(content) < 2000
    assert transformer.weights_sha256_.encode() in content
    found = pickle.loads(content).transform(cells)
    assert_array_equal(found.values, transformer.transform(cells).values)


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_weights_are_gone_an_error_says_what_to_do(kind):
    transformer, cells = fitted(kind)
    content = pickle.dumps(transformer)
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    message = f"SHA-256 {transformer.weights_sha256_}.* by set_params.model=.*store_wei"
    with pytest.raises(ValueError, match=message):
        pickle.loads(content).transform(cells)


def test_where_the_weights_are_others_an_error_says_so():
    transformer, cells = fitted("text")
    content = pickle.dumps(transformer)
    change_weights("text")
    message = "the weights of 'text' have the SHA-256 .* was fitted with weights of"
    with pytest.raises(ValueError, match=message):
        pickle.loads(content).transform(cells)
    # Also a cell that cannot be read must not hide it.
    again = pickle.loads(content).set_params(on_error="missing")
    with pytest.raises(ValueError, match=message):
        again.transform(cells)


def test_a_tokenizer_or_settings_that_changed_count_as_other_weights():
    before = PretrainedTextTransformer("text").fit(TEXTS).weights_sha256_
    for name in ("text/tokenizer.json", "text/1_Pooling/config.json"):
        text = Path(name).read_text()
        Path(name).write_text(text + " ")
        assert PretrainedTextTransformer("text").fit(TEXTS).weights_sha256_ != before
        Path(name).write_text(text)
    Path("text/README.md").write_text("other words")
    assert PretrainedTextTransformer("text").fit(TEXTS).weights_sha256_ == before


def test_weights_that_moved_are_found_by_set_params():
    transformer, cells = fitted("text")
    content = pickle.dumps(transformer)
    Path("text").rename("elsewhere")
    again = pickle.loads(content).set_params(model="elsewhere")
    assert_array_equal(
        again.transform(cells).values, transformer.transform(cells).values
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_that_stores_the_weights_needs_no_files(kind):
    transformer, cells = fitted(kind)
    transformer.set_params(store_weights_in_pickle=True)
    content = pickle.dumps(transformer)
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    again = pickle.loads(content)
    found = again.transform(cells)
    assert_array_equal(found.values, transformer.transform(cells).values)
    # And so does a pickle of what was unpickled.
    third = pickle.loads(pickle.dumps(again))
    assert_array_equal(third.transform(cells).values, found.values)


def test_a_pickle_does_not_store_weights_that_are_no_more_those_of_fit():
    transformer, _ = fitted("text")
    transformer.set_params(store_weights_in_pickle=True)
    change_weights("text")
    with pytest.raises(ValueError, match="was fitted with weights of the SHA-256"):
        pickle.dumps(transformer)


def test_an_onnx_file_with_weights_beside_it_is_stored_with_them():
    import onnx

    graph = onnx.load("image.onnx")
    onnx.save(
        graph,
        "large.onnx",
        save_as_external_data=True,
        location="large.onnx.data",
        size_threshold=0,
    )
    transformer = PretrainedImageTransformer("large.onnx", **SCALE).fit([IMAGE])
    before = transformer.transform([IMAGE]).values
    transformer.set_params(store_weights_in_pickle=True)
    content = pickle.dumps(transformer)
    data = bytearray(Path("large.onnx.data").read_bytes())
    data[0] ^= 1
    Path("large.onnx.data").write_bytes(data)
    assert_array_equal(pickle.loads(content).transform([IMAGE]).values, before)
    other = PretrainedImageTransformer("large.onnx", **SCALE).fit([IMAGE])
    assert other.weights_sha256_ != transformer.weights_sha256_


def test_a_pickle_may_not_write_outside_its_folder(tmp_path):
    with (
        pytest.raises(ValueError, match="a file outside its folder: ../lost.json"),
        weights.written({"../lost.json": b"{}"}),
    ):
        pass


def test_a_module_is_in_the_pickle_and_may_not_have_changed_since_fit():
    module = torch.nn.Conv2d(3, 4, 4)
    transformer = PretrainedImageTransformer(module, **SCALE).fit([IMAGE])
    again = pickle.loads(pickle.dumps(transformer))
    expected = transformer.transform([IMAGE]).values
    assert_array_equal(again.transform([IMAGE]).values, expected)
    with torch.no_grad():
        module.weight += 1
    again = pickle.loads(pickle.dumps(transformer))
    with pytest.raises(ValueError, match="the weights of Conv2d.* was fitted with"):
        again.transform([IMAGE])


@pytest.mark.parametrize("kind", ["text", "image.onnx"])
def test_nothing_heavy_is_loaded_before_there_is_something_to_encode(kind):
    transformer, _ = fitted(kind)
    Path("fitted.pickle").write_bytes(pickle.dumps(transformer))
    code = f"""
import pickle, sys
import sklearn_mm
heavy = {{"torch", "transformers", "sentence_transformers", "onnxruntime"}}
sklearn_mm.{type(transformer).__name__}({transformer.model!r}).get_params()
transformer = pickle.load(open("fitted.pickle", "rb"))
missing = transformer.transform([None, None])
print(sorted(heavy & set(sys.modules)), missing.lengths.tolist(), missing.token_shape)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    size = transformer.embedding_size_
    assert run.stdout.strip() == f"[] [0, 0] ({size},)", run.stderr


@pytest.mark.parametrize(
    ("library", "extra", "kind"),
    [
        ("sentence_transformers", "pretrained", "text"),
        ("transformers", "pretrained", "vit"),
        ("onnxruntime", "onnx", "image.onnx"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(library, extra, kind, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    if kind == "image.onnx":  # another file, of which nothing is known yet
        shutil.copy("channels_last.onnx", "image.onnx")
        change_weights("image.onnx")
    else:
        change_weights(kind)
    with pytest.raises(ImportError, match=rf"pip install 'sklearn-mm\[{extra}\]'"):
        fitted(kind)


# The hub


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Make a cache of the hub that holds one model, as its library lays it out."""
    import huggingface_hub

    monkeypatch.setattr(
        huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub")
    )
    home = tmp_path / "hub" / "models--tiny--text"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("0" * 40)
    shutil.copytree("text", home / "snapshots" / ("0" * 40))
    return home


def test_a_name_of_the_hub_is_found_in_its_cache(hub):
    found = PretrainedTextTransformer("tiny/text").fit_transform(TEXTS)
    expected = PretrainedTextTransformer("text").fit_transform(TEXTS)
    assert_array_equal(found.values, expected.values)


def test_a_name_that_is_not_in_the_cache_is_not_fetched_and_said_how(hub, monkeypatch):
    import socket

    def refuse(*address):
        raise AssertionError(f"asked the network for {address}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    message = "'tiny/lost' is neither a folder .* download=True once, or .*`hf download"
    with pytest.raises(ValueError, match=message):
        PretrainedTextTransformer("tiny/lost").fit(TEXTS)


def test_what_is_fetched_is_weights_and_settings_alone(hub, monkeypatch):
    import huggingface_hub

    asked = []

    def snapshot_download(name, **options):
        asked.append((name, options))
        return str(hub / "snapshots" / ("0" * 40))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    PretrainedTextTransformer("tiny/new", download=True).fit(TEXTS)
    (name, options), *later = asked
    assert name == "tiny/new"
    assert options["local_files_only"] is False
    assert all(again["local_files_only"] for _, again in later)
    assert not any(p.endswith((".bin", ".py")) for p in options["allow_patterns"])


@pytest.mark.parametrize("model", [Path("lost"), "./lost", "/lost/folder", "a/b/c"])
def test_a_folder_that_is_not_there_is_named(model):
    with pytest.raises(ValueError, match=f"there is no folder '{model}'"):
        PretrainedTextTransformer(model).fit(TEXTS)
