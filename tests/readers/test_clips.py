import io
import os
import warnings
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from sklearn_mm import AudioTransformer
from sklearn_mm.readers.clips import as_clip

TONE = np.sin(np.arange(1600) / 5).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    soundfile.write(tmp_path / "a.wav", TONE, 16000, subtype="FLOAT")
    return tmp_path / "a.wav"


def assert_is_tone(block):
    expected = AudioTransformer().fit_transform([TONE])
    np.testing.assert_allclose(block.values, expected.values, atol=1e-3)


class Decoder:
    def __init__(self, data):
        self.data = data

    def get_all_samples(self):
        return SimpleNamespace(data=self.data, sample_rate=16000)


@pytest.mark.parametrize(
    "data", [TONE, TONE[None], np.stack([TONE, TONE]), TONE.tolist(), [TONE.tolist()]]
)
def test_a_decoder_gives_its_samples_channels_last(data):
    samples, rate = as_clip(Decoder(data))
    assert rate == 16000
    assert samples.shape[0] == len(TONE)
    assert_is_tone(AudioTransformer().fit_transform([Decoder(data)]))


def test_a_decoder_knows_its_axes_where_arrays_have_channels_first():
    transformer = AudioTransformer(time_axis=1)
    two = np.stack([TONE, TONE])
    assert_is_tone(transformer.fit_transform([Decoder(two)]))
    assert_is_tone(transformer.fit_transform([(two, 16000)]))


def test_a_file_in_a_named_tuple_is_no_array_without_a_rate(path):
    cell = namedtuple("File", ["bytes", "path"])(path.read_bytes(), None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AudioTransformer().fit([cell])


def test_lists_of_samples_are_read():
    cell = {"array": TONE.tolist(), "sampling_rate": 16000, "path": None}
    assert_is_tone(AudioTransformer().fit_transform([cell]))


def test_what_holds_no_samples_stays_as_it_is():
    for cell in (TONE, (TONE, 8000), "a.wav", {"array": TONE, "sampling_rate": 8000}):
        assert as_clip(cell) is cell


def test_a_decoder_without_samples_is_named():
    with pytest.raises(TypeError, match="row 0: .*whose data is no array of samples"):
        AudioTransformer().fit([Decoder("none")])


def test_a_decoder_that_fails_names_its_row():
    class Broken:
        def get_all_samples(self):
            raise RuntimeError("no frames")

    with pytest.raises(ValueError, match="row 1: RuntimeError: no frames"):
        AudioTransformer().fit([TONE, Broken()])


@pytest.mark.parametrize(
    "form",
    [
        lambda path: path.name,
        lambda path: {"bytes": None, "path": path.name},
        lambda path: {"bytes": path.read_bytes(), "path": "gone.wav"},
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: path.open("rb"),
        lambda path: np.void(path.read_bytes()),
        lambda path: np.frombuffer(path.read_bytes(), dtype=np.uint8),
        lambda path: {"path": os.fsencode(path)},
        lambda path: path.as_uri(),
    ],
)
def test_a_sound_is_read_from_where_it_is(path, form):
    transformer = AudioTransformer(root=path.parent)
    assert_is_tone(transformer.fit_transform([form(path)]))


def test_a_struct_that_holds_nothing_is_missing():
    cells = [TONE, {"bytes": None, "path": None}]
    assert AudioTransformer().fit_transform(cells).missing.tolist() == [False, True]


@pytest.mark.parametrize(
    "cell",
    [{"array": None, "sampling_rate": None}, {"array": None, "sampling_rate": 8000}],
)
def test_a_dict_without_samples_is_missing(cell):
    cells = [TONE, cell, (None, 8000)]
    block = AudioTransformer(sampling_rate=8000).fit_transform(cells)
    assert block.missing.tolist() == [False, True, True]


def test_sounds_at_urls_are_read_if_asked_for(path):
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe("/clips/a.wav", path.read_bytes())
    with pytest.raises(ValueError, match="row 0: .*remote=True reads URLs"):
        AudioTransformer().fit(["memory://clips/a.wav"])
    transformer = AudioTransformer(remote=("memory",))
    assert_is_tone(transformer.fit_transform(["memory://clips/a.wav"]))


def test_a_name_that_is_not_utf_8_is_read(path):
    name = os.fsencode(path.parent) + b"/\xff.wav"
    os.rename(path, name)
    assert_is_tone(AudioTransformer().fit_transform([os.fsdecode(name)]))
