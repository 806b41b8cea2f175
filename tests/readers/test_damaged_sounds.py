"""Cells of sound that are damaged: a value, or an error of ours with row and reason."""

import io
import struct
import warnings

import numpy as np
import pandas as pd
import pytest
import soundfile

from sklearn_mm import AudioTransformer

RATE = 8000


def noise(n_samples=4000, seed=0):
    """Make a clip of noise."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 0.5, n_samples).astype(np.float32)


def encoded(samples, format="WAV", rate=RATE, **options):
    """Encode a clip as bytes of a file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format, **options)
    return file.getvalue()


def with_bytes(data, place, *values):
    """Write bytes into a file."""
    data = bytearray(data)
    data[place : place + len(values)] = bytes(values)
    return bytes(data)


def with_wav_sizes(data, data_size, riff_size=None):
    """Let a WAV file claim sizes."""
    place = data.index(b"data") + 4
    data = data[:place] + struct.pack("<I", data_size) + data[place + 4 :]
    return (
        data
        if riff_size is None
        else data[:4] + struct.pack("<I", riff_size) + data[8:]
    )


def with_flac_length(data, n_samples):
    """Let a FLAC file claim a length; 0 is unknown."""
    data = with_bytes(data, 21, data[21] & 0xF0)
    return data[:22] + struct.pack(">I", n_samples) + data[26:]


def damaged_files():
    """Make files that are damaged, each in its own way: a dict by name."""
    files = {}
    for format in ("WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "W64", "RF64"):
        whole = encoded(noise(), format)
        n = len(whole)
        for share in (0.01, 0.1, 0.5, 0.9, 0.999):
            files[f"{format} cut at {share}"] = whole[: int(n * share)]
        for share in (0.0, 0.05, 0.5):
            place = int(n * share)
            files[f"{format} zeros at {share}"] = with_bytes(whole, place, *bytes(16))
            files[f"{format} ones at {share}"] = with_bytes(whole, place, *[255] * 16)
        files[f"{format} doubled"] = whole + whole
        files[f"{format} after garbage"] = b"garbage " * 9 + whole
        files[f"{format} before garbage"] = whole + b"garbage " * 9
        files[f"{format} backwards"] = whole[::-1]
        files[f"{format} in another"] = encoded(noise(), "WAV")[:44] + whole
    wav = encoded(noise())
    for size in (0, 1, 7, 1000, 2**31 - 1, 2**32 - 1, 10**7):
        files[f"WAV of {size} bytes"] = with_wav_sizes(wav, size)
        files[f"WAV of {size} bytes, outside too"] = with_wav_sizes(wav, size, size)
    for n_samples in (0, 1, 3999, 4001, 2**32 - 1):
        flac = encoded(noise(), "FLAC")
        files[f"FLAC of {n_samples} samples"] = with_flac_length(flac, n_samples)
    for field, place, width in (
        ("format", 20, 2),
        ("channels", 22, 2),
        ("rate", 24, 4),
        ("bytes a second", 28, 4),
        ("block", 32, 2),
        ("bits", 34, 2),
    ):
        for value in (0, 1, 255, 256 ** (width // 2) * 200, 256**width - 1):
            mended = (
                wav[:place] + value.to_bytes(width, "little") + wav[place + width :]
            )
            files[f"WAV whose {field} is {value}"] = mended
    return files


def damaged_arrays():
    """Make samples that are damaged, each in its own way: a dict by name."""
    arrays = {}
    for value in (np.nan, np.inf, -np.inf, 1e19, -1e30, 1e300, 1e-310):
        for n_channels in (1, 2):
            samples = np.zeros((50, n_channels))
            samples[3, 0] = value
            arrays[f"{value} in {n_channels} channels"] = samples
    for dtype in (
        "i1",
        "u2",
        "u4",
        "i8",
        "?",
        "c8",
        "S3",
        "U3",
        "M8[s]",
        "m8[s]",
        "V4",
    ):
        arrays[f"of {dtype}"] = np.zeros(50, dtype)
    for name, cell in {
        "0-d": np.float64(1.0),
        "3-d": np.zeros((2, 3, 4)),
        "channels first": np.zeros((2, 50)),
        "words": ["a", "b"],
        "objects": np.array([1, "a", None], dtype=object),
        "a huge integer": np.array([1, 10**400], dtype=object),
        "nested": [[1.0], [2.0, 3.0]],
        "fields": np.zeros(3, dtype=[("a", "f8")]),
        "an object": object(),
        "a set": {1.0, 2.0},
        "a number": 5,
        "true": True,
        "a dict": {"array": [1.0]},
        "a dict without array": {"sampling_rate": 8000},
        "a dict of nothing": {"array": None, "sampling_rate": 8000},
        "empty bytes": b"",
        "one byte": b"R",
        "an empty path": "",
        "a path with zero": "a\0b.wav",
        "a long path": "x" * 5000,
        "a folder": ".",
    }.items():
        arrays[name] = cell
    for rate in (0, -1, np.nan, np.inf, None, "8000", 1j, 1e300, 1e-300, 10**400):
        arrays[f"rate {rate!r:.20}"] = (np.zeros(50), rate)
    return arrays


FILES, ARRAYS = damaged_files(), damaged_arrays()


def transform(cell, **parameters):
    """Read a cell beside a good one; what is noted of it is not shown."""
    column = pd.Series([(noise(), RATE), cell], name="voice", dtype=object)
    transformer = AudioTransformer(sampling_rate=RATE, n_fft=128, n_mels=8)
    transformer.set_params(**parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return transformer, transformer.fit_transform(column)


GOOD = transform((noise(), RATE))[1]


def assert_value_or_named_error(cell):
    """Hold what becomes of a cell to the promise; tell which of the two it is."""
    try:
        _, block = transform(cell)
    except (ValueError, TypeError) as error:
        where = "AudioTransformer: column 'voice', row 1: "
        assert str(error).startswith(where)
        assert len(str(error)) > len(where) + 10
        return False
    assert np.isfinite(block.values).all()
    np.testing.assert_array_equal(block[0].values, GOOD[0].values)
    return True


def test_there_are_many_kinds_of_damage():
    cells = set(FILES.values())
    assert len(cells) + len(ARRAYS) > 200


@pytest.mark.parametrize("start", range(8))
def test_a_damaged_file_is_a_value_or_a_named_error(start):
    for name in list(FILES)[start::8]:
        try:
            assert_value_or_named_error(FILES[name])
        except AssertionError as error:
            raise AssertionError(name) from error


def test_a_damaged_array_is_a_named_error():
    fine = ("1e-310 in 1 channels", "1e-310 in 2 channels", "a dict of nothing")
    for name, cell in ARRAYS.items():
        is_value = assert_value_or_named_error(cell)
        assert is_value == (name in fine), name


def test_damage_that_counts_as_missing_is_recorded_with_its_reason():
    broken = [cell for name, cell in ARRAYS.items() if name.startswith("of ")]
    column = pd.Series([(noise(), RATE), *broken], dtype=object)
    transformer = AudioTransformer(sampling_rate=RATE, on_error="missing")
    with pytest.warns(UserWarning, match=f"{len(broken)} of {len(column)} cells could"):
        block = transformer.fit_transform(column)
    assert list(transformer.errors_) == list(range(1, len(column)))
    assert block.missing.tolist() == [False] + [True] * len(broken)
    assert "whose full scale is not known" in transformer.errors_[1]


def test_nothing_is_printed_while_damaged_files_are_read(capfd):
    dump = b"\xf0\x7e" + bytes(20) + b"\xf7" + bytes(200)  # a MIDI sample dump
    for cell in (dump, *list(FILES.values())[:20]):
        assert_value_or_named_error(cell)
    assert capfd.readouterr().out == ""
