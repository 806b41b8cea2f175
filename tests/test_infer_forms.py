"""make_multimodal_union: cells that are told apart by what they can do."""

import base64
import io
import os
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import soundfile
from PIL import Image

from sklearn_mm import (
    AudioTransformer,
    ImageTransformer,
    TextTransformer,
    make_multimodal_union,
)

PIXELS = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
TONE = np.sin(np.arange(800) / 5).astype(np.float32)


def png():
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG")
    return file.getvalue()


def wav():
    file = io.BytesIO()
    soundfile.write(file, TONE, 8000, format="WAV", subtype="FLOAT")
    return file.getvalue()


def as_column(*cells):
    column = pd.Series(range(len(cells)), dtype=object)
    for row, cell in enumerate(cells):
        column.iat[row] = cell
    return pd.DataFrame({"it": column})


def choose(X, **options):
    """Choose a transformer, fit it, and give both it and its block."""
    union = make_multimodal_union(X, classical=False, verbose=False, **options)
    features = union.fit_transform(X)
    ((name, transformer, _),) = union.transformers
    return transformer, features[name]


class Decoder:
    """As torchcodec and the datasets library decode sound."""

    def get_all_samples(self):
        import torch

        data = torch.from_numpy(np.stack([TONE, TONE]))
        return SimpleNamespace(data=data, sample_rate=8000)


IMAGES = {
    "struct of bytes": lambda: {"bytes": png(), "path": None},
    "struct of both": lambda: {"bytes": png(), "path": "gone.png"},
    "BytesIO": lambda: io.BytesIO(png()),
    "data URI": lambda: "data:image/png;base64," + base64.b64encode(png()).decode(),
    "base64": lambda: base64.b64encode(png()).decode(),
    "void": lambda: np.void(png()),
    "nested lists": PIXELS.tolist,
    "array of bytes": lambda: np.frombuffer(png(), dtype=np.uint8),
    "list of one": lambda: [png()],
}


@pytest.mark.parametrize("form", IMAGES)
def test_images_are_known_in_every_form(form):
    transformer, block = choose(as_column(IMAGES[form](), None))
    assert isinstance(transformer, ImageTransformer)
    assert block.lengths.tolist() == [1, 0]
    expected = ImageTransformer((16, 16)).fit_transform([PIXELS]).values
    np.testing.assert_array_equal(block.values, expected)


SOUNDS = {
    "struct of bytes": lambda: {"bytes": wav(), "path": None},
    "struct with a name": lambda: {"bytes": wav(), "path": "gone.wav"},
    "BytesIO": lambda: io.BytesIO(wav()),
    "data URI": lambda: "data:audio/wav;base64," + base64.b64encode(wav()).decode(),
    "base64": lambda: base64.b64encode(wav()).decode(),
    "lists": lambda: {"array": TONE.tolist(), "sampling_rate": 8000},
    "lists of channels": lambda: {
        "array": np.stack([TONE, TONE], axis=1).tolist(),
        "sampling_rate": 8000,
    },
    "path and array": lambda: {
        "path": "gone.wav",
        "array": TONE,
        "sampling_rate": 8000,
    },
    "file in an array": lambda: np.frombuffer(wav(), dtype=np.uint8),
    "base64 as bytes": lambda: base64.b64encode(wav()),
    "decoder": Decoder,
    "decoded": lambda: Decoder().get_all_samples(),
}


@pytest.mark.parametrize("form", SOUNDS)
def test_sounds_are_known_in_every_form(form):
    transformer, block = choose(as_column(SOUNDS[form](), None))
    assert isinstance(transformer, AudioTransformer)
    mels = AudioTransformer(sampling_rate=8000)
    expected = mels.fit_transform([(TONE, 8000), None])
    assert block.lengths.tolist() == expected.lengths.tolist()
    np.testing.assert_allclose(block.values, expected.values, atol=1e-3)


@pytest.mark.parametrize("make", [png, wav])
@pytest.mark.parametrize(
    "container",
    [
        lambda cells: pa.table({"it": cells}),
        lambda cells: pl.DataFrame({"it": cells}),
        lambda cells: pa.table({"it": cells}).to_pandas(),
    ],
    ids=["pyarrow", "polars", "pandas"],
)
def test_a_column_of_structs_is_read_in_every_container(make, container):
    cells = [{"bytes": make(), "path": "gone"}, {"bytes": None, "path": None}, None]
    _, block = choose(container(cells))
    assert (block.lengths > 0).tolist() == [True, False, False]


@pytest.mark.parametrize(
    "container",
    [
        lambda cells: pa.table({"it": cells}),
        lambda cells: pl.DataFrame({"it": cells}),
        lambda cells: as_column(*cells),
    ],
    ids=["pyarrow", "polars", "pandas"],
)
def test_lists_of_paths_are_several_images(tmp_path, container):
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png())
    a, b = str(tmp_path / "a.png"), str(tmp_path / "b.png")
    transformer, block = choose(container([[a, b], [a], [], None]))
    assert isinstance(transformer, ImageTransformer)
    assert block.lengths.tolist() == [2, 1, 0, 0]


@pytest.mark.parametrize(
    "container",
    [
        lambda names: pd.DataFrame({"it": pd.Categorical(names)}),
        lambda names: pa.table({"it": pa.array(names).dictionary_encode()}),
        lambda names: pl.DataFrame({"it": names}, schema={"it": pl.Categorical}),
    ],
    ids=["pandas", "pyarrow", "polars"],
)
def test_categories_that_name_files_are_images(tmp_path, container):
    (tmp_path / "a.png").write_bytes(png())
    names = [str(tmp_path / "a.png"), None]
    transformer, block = choose(container(names))
    assert isinstance(transformer, ImageTransformer)
    assert block.lengths.tolist() == [1, 0]


def test_bytes_never_name_a_file(tmp_path):
    # A server that hands on what it was sent must not read its own files.
    (tmp_path / "a.png").write_bytes(png())
    name = os.fsencode(tmp_path / "a.png")
    with pytest.raises(ValueError, match="cannot infer a transformer, found 1 bytes"):
        choose(as_column(name))
    with pytest.raises(ValueError, match="row 0: cannot read the image in"):
        ImageTransformer().fit_transform([name])


@pytest.mark.parametrize("order", [None, [1, 0, 2]])
def test_tensors_of_arrow_keep_their_shape(order):
    pixels = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    stored = pixels if order is None else pixels.transpose(order)
    kind = pa.fixed_shape_tensor(pa.uint8(), stored.shape, permutation=order)
    cells = pa.array([stored.ravel().tolist(), None], kind.storage_type)
    tensors = pa.ExtensionArray.from_storage(kind, cells)
    expected = ImageTransformer((16, 16)).fit_transform([pixels, None])
    transformer, block = choose(pa.table({"it": tensors}))
    assert isinstance(transformer, ImageTransformer)
    for found in (block, ImageTransformer((16, 16)).fit_transform(tensors)):
        np.testing.assert_array_equal(found.values, expected.values)
        np.testing.assert_array_equal(found.offsets, expected.offsets)


def test_paths_begin_at_the_root(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "a.wav").write_bytes(wav())
    X = pd.DataFrame({"photo": ["a.png"] * 2, "clip": ["a.wav"] * 2})
    union = make_multimodal_union(X, classical=True, root=tmp_path, verbose=False)
    features = union.fit_transform(X, [0, 1])
    assert features["photo"].lengths.tolist() == [1, 1]
    assert features["clip"].kind == "sequence"
    assert not features["photo_shapes"].missing.any()


@pytest.mark.parametrize("mark", [";", "|", ", "])
def test_several_paths_in_a_string_are_several_images(tmp_path, mark):
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png())
    X = pd.DataFrame({"photos": [f"a.png{mark}b.png", "a.png", None]})
    transformer, block = choose(X, root=tmp_path)
    assert transformer.separator == mark.strip()
    assert block.lengths.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    "text",
    [
        "we changed logo.png; then we went home",
        "see the files one.png, and then two.png",
        "https://example.org/page is where I read it",
        "data: a word that many use",
    ],
)
def test_texts_that_speak_of_files_are_texts(text):
    transformer, _ = choose(as_column(text, f"{text} again"))
    assert isinstance(transformer, TextTransformer)


def test_urls_of_images_are_images_and_are_fetched_if_asked(capsys):
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.pipe("/inferred/a.png", png())
    X = as_column("memory://inferred/a.png", None)
    union = make_multimodal_union(X, classical=False)
    assert "URLs of image files -> ImageTransformer" in capsys.readouterr().out
    with pytest.raises(ValueError, match="remote=True reads URLs"):
        union.fit(X)
    transformer, block = choose(X, remote=True)
    assert transformer.remote is True
    assert block.lengths.tolist() == [1, 0]


def test_a_stream_that_can_be_read_only_once_is_not_looked_into():
    class Pipe(io.RawIOBase):
        def readable(self):
            return True

        def seekable(self):
            return False

        def readinto(self, buffer):
            raise AssertionError("it was read")

    with pytest.raises(ValueError, match="Pipe, which can be read only once"):
        choose(as_column(Pipe()))
