import io
import os
from array import array
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
import torch

from sklearn_mm.readers import sound
from sklearn_mm.readers.sound import read_sound

RATE = 8000


def noise(n_samples=4000, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 0.5, n_samples).astype(np.float32)


def encoded(samples, format="WAV", **options):
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=format, **options)
    return file.getvalue()


def test_float_wav_gives_the_samples_that_were_written(tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(encoded(noise(), subtype="FLOAT"))
    for cell in (path, str(path), path.read_bytes()):
        samples, rate = read_sound(cell, 44100)
        np.testing.assert_array_equal(samples, noise())
        assert samples.dtype == np.float32
        assert rate == RATE


@pytest.mark.parametrize(
    ("format", "subtype", "step"),
    [("WAV", "PCM_16", 2**-15), ("WAV", "PCM_U8", 2**-7), ("FLAC", "PCM_24", 2**-23)],
)
def test_integer_file_is_scaled_to_one(format, subtype, step):
    samples, _ = read_sound(encoded(noise(), format, subtype=subtype), RATE)
    np.testing.assert_allclose(samples, noise(), atol=step)


@pytest.mark.parametrize("format", ["OGG", "MP3"])
def test_compressed_file_is_read(format):
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    samples, rate = read_sound(encoded(tone, format), 44100)
    spectrum = np.abs(np.fft.rfft(samples))
    assert rate == RATE
    assert np.argmax(spectrum) * rate / len(samples) == pytest.approx(440, abs=2)


def test_file_of_two_channels_is_mixed():
    stereo = np.column_stack([noise(seed=1), noise(seed=2)])
    samples, _ = read_sound(encoded(stereo, subtype="FLOAT"), RATE)
    np.testing.assert_allclose(samples, (noise(seed=1) + noise(seed=2)) / 2, atol=1e-7)


def test_array_has_the_given_rate():
    samples, rate = read_sound(noise(), 12345)
    np.testing.assert_array_equal(samples, noise())
    assert rate == 12345


@pytest.mark.parametrize(
    "cell",
    [
        (noise(), RATE),
        [noise(), RATE],
        (noise().tolist(), RATE),
        {"array": noise(), "sampling_rate": RATE, "path": None},
        (noise(), np.array(RATE)),
        {"array": noise(), "sampling_rate": Decimal(RATE)},
        (torch.tensor(noise(), requires_grad=True), torch.tensor(RATE)),
        {"array": torch.tensor(noise(), requires_grad=True), "sampling_rate": RATE},
        (np.stack([noise(), noise()], axis=1).tolist(), RATE),
        ([Decimal(float(sample)) for sample in noise()], RATE),
        (list(map(np.array, noise())), RATE),
        (array("f", noise()), RATE),
        (memoryview(noise()), RATE),
        (pl.Series(noise()), RATE),
    ],
    ids=range(14),
)
def test_array_with_its_rate_keeps_it(cell):
    samples, rate = read_sound(cell, 44100)
    np.testing.assert_array_equal(samples, noise())
    assert rate == RATE


def test_a_tensor_of_bfloat16_is_a_clip():
    halves = torch.tensor([0.5, -0.25], dtype=torch.bfloat16, requires_grad=True)
    samples, _ = read_sound(halves, RATE)
    assert samples.tolist() == [0.5, -0.25]


@pytest.mark.parametrize("cell", [[None, 0.5], np.array([None, 0.5], dtype=object)])
def test_missing_samples_are_counted(cell):
    with pytest.raises(ValueError, match="1 of 2 samples are NaN or infinite"):
        read_sound((cell, RATE), RATE)


def test_a_rate_before_its_samples_gets_advice():
    with pytest.raises(TypeError, match=r"Is it \(rate, array\), as SciPy gives it"):
        read_sound((RATE, noise()), RATE)


def test_list_of_numbers_is_a_clip():
    samples, rate = read_sound([0.5, 0.25, -0.5], RATE)
    assert samples.tolist() == [0.5, 0.25, -0.5]
    assert rate == RATE


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([-32768, 0, 16384], dtype=np.int16), [-1, 0, 0.5]),
        (np.array([-(2**31), 0, 2**30], dtype=np.int32), [-1, 0, 0.5]),
        (np.array([0, 128, 192], dtype=np.uint8), [-1, 0, 0.5]),
        (np.array([-3.0, 0.0, 0.5]), [-3, 0, 0.5]),
        (np.array([-3.0, 0.0, 0.5], dtype=np.float16), [-3, 0, 0.5]),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_integers_are_scaled_and_floats_taken_as_they_are(array, expected):
    samples, _ = read_sound(array, RATE)
    assert samples.dtype == np.float32
    assert samples.tolist() == expected


def test_channels_of_an_array_are_averaged():
    samples, _ = read_sound(np.array([[1.0, 0.0], [0.5, 0.5], [-1.0, 0.0]]), RATE)
    assert samples.tolist() == [0.5, 0.5, -0.5]


@pytest.mark.parametrize(
    "cell",
    [np.array([]), [], np.empty((0, 2)), np.full(5, np.nan), encoded(np.zeros(0))],
    ids=["array", "list", "stereo", "only NaN", "file"],
)
def test_clip_without_samples_is_missing(cell):
    samples, _ = read_sound(cell, RATE)
    assert samples is None


def test_string_that_is_no_file_is_quoted_with_what_was_expected():
    with pytest.raises(
        ValueError,
        match="expected a path of a sound file, .* found the string 'a bark' and no "
        "such file exists",
    ):
        read_sound("a bark", RATE)


def test_path_that_is_no_file_is_named():
    with pytest.raises(ValueError, match="found the path 'no.wav' and no such file"):
        read_sound(Path("no.wav"), RATE)


def test_file_that_is_no_sound_is_named(tmp_path):
    path = tmp_path / "letter.wav"
    path.write_text("Dear reader")
    with pytest.raises(ValueError, match="cannot read the sound file .*letter.wav"):
        read_sound(path, RATE)


def test_bytes_of_no_sound_are_refused():
    with pytest.raises(ValueError, match="cannot read the sound in 4 bytes"):
        read_sound(b"bark", RATE)


def test_truncated_flac_is_refused():
    data = encoded(noise(), "FLAC")
    with pytest.raises(ValueError, match="cannot read the sound in .* flac decoder"):
        read_sound(data[: len(data) // 2], RATE)


def test_file_that_claims_too_many_samples_is_not_decoded(monkeypatch):
    monkeypatch.setattr(sound, "MAX_DECODED_NUMBERS", 3999)
    with pytest.raises(ValueError, match="claims 4000 samples of 1 channels"):
        read_sound(encoded(noise()), RATE)


def test_dict_with_other_keys_lists_them():
    with pytest.raises(TypeError, match=r"a dict with the keys \['array', 'rate'\]"):
        read_sound({"array": noise(), "rate": RATE}, RATE)


@pytest.mark.parametrize(
    "cell",
    [3, object(), (RATE, noise()), ["a", "b"], {"array": "a", "sampling_rate": RATE}],
    ids=["number", "object", "rate first", "strings", "no array"],
)
def test_cell_of_another_kind_is_a_type_error(cell):
    with pytest.raises(TypeError, match="expected a path of a sound file.* found "):
        read_sound(cell, RATE)


@pytest.mark.parametrize("rate", [0, -8000, np.nan, np.inf, None])
def test_rate_must_be_positive(rate):
    with pytest.raises(ValueError, match="a sampling rate is a positive number"):
        read_sound({"array": noise(), "sampling_rate": rate}, RATE)


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, bool])
def test_integers_of_unknown_scale_are_refused(dtype):
    with pytest.raises(ValueError, match=f"found an array of {np.dtype(dtype)}"):
        read_sound(np.ones(5, dtype=dtype), RATE)


def test_channels_in_front_get_advice():
    with pytest.raises(
        ValueError, match="found 2 samples of 4000 channels.*time_axis=1 or transp"
    ):
        read_sound(np.zeros((2, 4000)), RATE)


def test_three_axes_are_refused():
    with pytest.raises(ValueError, match=r"found \(1, 2, 3\)"):
        read_sound(np.zeros((1, 2, 3)), RATE)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_samples_that_are_not_finite_are_counted(bad):
    with pytest.raises(ValueError, match="1 of 3 samples are NaN or infinite"):
        read_sound(np.array([0.0, bad, 0.5]), RATE)


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="counts open files there")
def test_files_are_closed_whether_or_not_they_can_be_read(tmp_path):
    data = encoded(noise(), "FLAC")
    (tmp_path / "whole.flac").write_bytes(data)
    (tmp_path / "half.flac").write_bytes(data[: len(data) // 2])
    before = len(os.listdir("/dev/fd"))
    read_sound(tmp_path / "whole.flac", RATE)
    with pytest.raises(ValueError, match="flac decoder") as kept:
        read_sound(tmp_path / "half.flac", RATE)
    assert len(os.listdir("/dev/fd")) == before, kept
