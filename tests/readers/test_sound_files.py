"""Sound files of which the header and the content differ."""

import io
import struct
import sys
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from sklearn_mm.readers.remarks import noted
from sklearn_mm.readers.sound import read_sound

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


def speech_like(rate=16000, seconds=4):
    """Make a clip of which a part is loud and the rest hardly to be heard."""
    samples = noise(rate * seconds)
    samples[rate:] *= 1e-4
    return samples


def mp3_frame_lengths(data):
    """Compute by the specification how long each frame of an MP3 file is."""
    slow = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    fast = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    place, lengths = 0, []
    while place < len(data):
        version = data[place + 1] >> 3 & 3  # 3, 2 and 0 are MPEG 1, 2 and 2.5
        is_first = version == 3
        bits = (fast if is_first else slow)[data[place + 2] >> 4]
        rate = (44100, 48000, 32000)[data[place + 2] >> 2 & 3]
        rate //= {3: 1, 2: 2, 0: 4}[version]
        padding = data[place + 2] >> 1 & 1
        lengths.append((144 if is_first else 72) * bits * 1000 // rate + padding)
        place += lengths[-1]
    return lengths


def read(data, **parameters):
    """Read a file: its samples, and what was noted of it."""
    with noted() as remarks:
        samples, _ = read_sound(data, RATE, **parameters)
    return samples, [remark.detail for remark in remarks]


# FLAC


@pytest.mark.parametrize("claimed", [0, 1000, 3999])
def test_flac_is_read_to_its_end_whatever_its_header_says(claimed):
    data = encoded(noise(), "FLAC")
    samples, remarks = read(with_flac_length(data, claimed))
    np.testing.assert_array_equal(samples, read(data)[0])
    expected = f"the header says {claimed} samples, the file holds 4000"
    assert [remark[: len(expected)] for remark in remarks] == [expected] * (claimed > 0)


def test_flac_that_claims_more_than_it_holds_gives_what_it_holds():
    samples, (remark,) = read(with_flac_length(encoded(noise(), "FLAC"), 100_000))
    assert len(samples) == 4000
    assert remark.startswith("the header says 100000 samples, the file holds 4000")


def test_tags_before_and_after_flac_cost_nothing():
    data = encoded(noise(), "FLAC")
    tagged = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + data + b"TAG" + bytes(125)
    samples, remarks = read(tagged)
    np.testing.assert_array_equal(samples, read(data)[0])
    assert remarks == []


# MP3


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_variable_mp3_without_a_header_of_lengths_is_read_to_its_end(rate):
    data = encoded(speech_like(rate), "MP3", rate)
    lengths = mp3_frame_lengths(data)
    assert len(set(lengths)) >= 3
    samples, remarks = read(data[lengths[0] :])  # the first frame is the header
    frame = 1152 if rate == 44100 else 576
    assert (len(lengths) - 4) * frame <= len(samples) <= (len(lengths) - 1) * frame
    assert remarks == []


def test_variable_mp3_without_a_header_has_the_samples_of_that_with_one():
    data = encoded(speech_like(), "MP3", 16000)
    whole, _ = read(data)
    samples, _ = read(data[mp3_frame_lengths(data)[0] :])
    lag = np.argmax(np.correlate(samples[:4000], whole[1000:2000])) - 1000
    assert 0 <= lag < 3 * 576
    both = min(len(whole), len(samples) - lag)
    difference = whole[2000:both] - samples[lag + 2000 : lag + both]
    assert np.abs(difference).max() < 1e-3


def test_mp3_whose_header_counts_too_few_frames_is_read_to_its_end():
    data = encoded(speech_like(), "MP3", 16000)
    samples, (remark,) = read(data + data)
    assert len(samples) > 2 * 63_000
    assert remark.startswith("the header says 114 frames, the file holds 228")


def test_cut_mp3_gives_what_is_left_and_says_so():
    data = encoded(noise(RATE * 4), "MP3")
    samples, (remark,) = read(data[: len(data) // 2])
    assert 0.4 < len(samples) / (RATE * 4) < 0.6
    assert "the header says 57 frames" in remark or "frames, the file holds" in remark


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"ID3\x04\0\0\0\0\0\0",
        b"ID3\x03\0\0\0\0\x07\x68" + bytes(1000),
        bytes(100),
    ],
    ids=["nothing", "an empty tag", "a tag", "zeros"],
)
def test_mp3_as_bytes_needs_no_tag(before, tmp_path, monkeypatch):
    # Such a file leads libsndfile to take bytes without a tag for another format.
    (tmp_path / "._").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    samples, remarks = read(before + encoded(noise(), "MP3"))
    assert len(samples) == 4000
    assert remarks == []


# WAV and other chunks


@pytest.mark.parametrize("size", [0, 2**31 - 1, 2**32 - 1])
def test_wav_that_was_written_into_a_pipe_is_read_to_its_end(size):
    whole = encoded(noise())
    for data in (with_wav_sizes(whole, size), with_wav_sizes(whole, size, size)):
        samples, remarks = read(data)
        np.testing.assert_array_equal(samples, read(whole)[0])
        assert remarks == []


def test_wav_without_samples_stays_missing():
    empty = encoded(np.zeros(0))
    listed = empty + b"LIST" + struct.pack("<I", 4) + b"INFO"
    for data in (empty, listed):
        assert read(data) == (None, [])


def test_cut_wav_gives_what_is_left_and_says_so():
    data = encoded(noise())
    samples, (remark,) = read(data[:-3000])
    np.testing.assert_array_equal(samples, read(data)[0][:2500])
    assert remark == (
        "the header says 8044 bytes, the file is cut at 5044; what is there is read"
    )


def test_wav_that_claims_less_than_it_has_says_so():
    samples, (remark,) = read(with_wav_sizes(encoded(noise()), 1000))
    assert len(samples) == 500
    assert remark.startswith("the header says 1044 bytes, the file has 8044")


def test_chunks_after_the_samples_are_no_samples():
    data = encoded(noise()) + b"note" + struct.pack("<I", 6) + b"a bark"
    samples, remarks = read(data)
    assert (len(samples), remarks) == (4000, [])


@pytest.mark.parametrize("format", ["AIFF", "AU"])
def test_other_files_that_are_cut_say_so(format):
    data = encoded(noise(), format)
    assert read(data)[1] == []
    samples, (remark,) = read(data[:-4000])
    assert len(samples) == 2000
    assert "the file is cut at" in remark


# Ogg


def test_ogg_streams_one_after_the_other_are_all_read():
    data = encoded(noise(), "OGG") + encoded(noise(2000, seed=1), "OGG")
    samples, remarks = read(data)
    assert (len(samples), remarks) == (6000, [])


def test_cut_ogg_gives_what_is_left_and_says_so():
    data = encoded(noise(RATE * 8), "OGG")
    samples, (remark,) = read(data[: len(data) // 2])
    assert 0.2 < len(samples) / (RATE * 8) < 0.6
    assert remark.startswith(f"the file is cut after {len(samples)} samples")


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_cut_ogg_of_half_a_second_says_that_nothing_is_left(subtype, share):
    data = encoded(noise(), "OGG", subtype=subtype)
    with pytest.raises(ValueError, match="the file is cut short before any sound"):
        read(data[: int(share * len(data))])


# Limits


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
def test_of_a_long_file_only_max_seconds_are_decoded(format):
    data = encoded(noise(), format)
    samples, (remark,) = read(data, max_seconds=0.1)
    assert len(samples) == 0.1 * RATE
    np.testing.assert_array_equal(samples, read(data)[0][:800])
    assert remark.startswith("only the first 0.1 s are kept")


def test_long_silence_in_a_small_file_is_cut():
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", RATE, 1, "PCM_16", format="FLAC") as sound:
        for _ in range(10):
            sound.write(np.zeros(60 * RATE, dtype=np.int16))
    data = with_flac_length(file.getvalue(), 0)
    assert len(data) < 100_000
    assert len(read(data, max_seconds=2)[0]) == 2 * RATE


# FFmpeg


def media(container, codec, samples, rate=48000):
    """Encode a clip in a format that libsndfile does not read."""
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.layout, stream.time_base = "mono", Fraction(1, rate)
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000).astype(np.float32)
MEDIA = [("ipod", "aac"), ("adts", "aac"), ("webm", "libopus"), ("asf", "wmav2")]


@pytest.mark.parametrize(("container", "codec"), MEDIA)
def test_what_libsndfile_does_not_read_is_read_by_ffmpeg(container, codec, tmp_path):
    path = tmp_path / "clip"
    path.write_bytes(media(container, codec, TONE))
    for cell in (path, path.read_bytes()):
        samples, rate = read_sound(cell, RATE)
        spectrum = np.abs(np.fft.rfft(samples))
        assert rate == 48000
        assert len(samples) == pytest.approx(48000, abs=3000)
        assert np.argmax(spectrum) * rate / len(samples) == pytest.approx(440, abs=2)
        assert samples.std() == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_media_that_are_long_are_cut():
    samples, (remark,) = read(media("adts", "aac", TONE), max_seconds=0.25)
    assert len(samples) == 12_000
    assert remark.startswith("only the first 0.25 s")


def test_cut_media_give_what_is_left_and_say_so():
    data = media("webm", "libopus", np.tile(TONE, 4))
    samples, (remark,) = read(data[: len(data) // 2])
    assert 0.3 < len(samples) / 192_000 < 0.7
    assert remark.startswith("it ends after")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x20ftypM4A ", "MPEG-4"),
        (b"\xff\xf1\x50\x80", "AAC"),
        (b"0&\xb2u\x8ef\xcf\x11", "WMA"),
        (b"\x1aE\xdf\xa3", "WebM"),
        (b"#!AMR\n", "AMR"),
    ],
)
def test_without_ffmpeg_the_extra_is_named(data, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=f"{name}.*pip install sklearn-mm.media."):
        read(data + bytes(100))


def test_lists_of_other_files_are_not_opened(tmp_path):
    (tmp_path / "clip.wav").write_bytes(encoded(noise()))
    playlist = f"#EXTM3U\n#EXTINF:1,\n{tmp_path}/clip.wav\n#EXT-X-ENDLIST\n".encode()
    for data in (playlist, f"ffconcat version 1.0\nfile {tmp_path}/clip.wav".encode()):
        with pytest.raises(ValueError, match="cannot read the sound"):
            read(data)
