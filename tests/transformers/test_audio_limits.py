"""Clips that are long, at strange rates, or whose rate or axes are not known."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.testing import assert_array_equal

from sklearn_mm import AudioTransformer, PretrainedAudioTransformer
from sklearn_mm.readers.sound import read_sound

rng = np.random.default_rng(0)


def wav(samples, rate, format="WAV"):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=format)
    return file.getvalue()


def noise(n_samples, *n_channels):
    return rng.uniform(-0.5, 0.5, (n_samples, *n_channels)).astype(np.float32)


# Length


@pytest.mark.parametrize("as_file", [False, True])
def test_long_clips_are_cut_at_6000_frames_with_one_warning(as_file):
    clip = noise(70 * 8000)
    cells = [clip, clip[:8000], clip[: 65 * 8000]]
    cells = [wav(cell, 8000) if as_file else (cell, 8000) for cell in cells]
    transformer = AudioTransformer(sampling_rate=8000, n_fft=200, hop_length=80)
    message = "2 of 3 cells are longer than max_seconds and were cut.*row 0: only the"
    with pytest.warns(UserWarning, match=f"{message} first 60 s are kept") as caught:
        block = transformer.fit_transform(cells)
    assert len(caught) == 1
    assert_array_equal(block.lengths, [6001, 101, 6001])


def test_a_cut_clip_has_the_frames_of_its_beginning():
    clip = noise(16000)
    cut = AudioTransformer(sampling_rate=16000, max_seconds=0.5)
    assert_array_equal(
        cut.fit_transform([clip]).values, cut.fit_transform([clip[:8000]]).values
    )


def test_max_seconds_that_is_asked_for_cuts_without_a_warning():
    transformer = AudioTransformer(sampling_rate=8000, max_seconds=0.5, n_mels=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert transformer.fit_transform([noise(8000)]).lengths == [26]


def test_without_max_seconds_all_is_kept():
    transformer = AudioTransformer(
        sampling_rate=8000, n_fft=200, hop_length=80, max_seconds=None
    )
    assert transformer.fit_transform([noise(70 * 8000)]).lengths == [7001]


@pytest.mark.parametrize("n_samples", [6000, 600_000])
def test_a_file_of_one_hertz_becomes_no_longer_than_others(n_samples):
    transformer = AudioTransformer(sampling_rate=16000)
    with pytest.warns(UserWarning, match="1 of 1 cells are longer than max_seconds"):
        block = transformer.fit_transform([wav(np.zeros(n_samples), 1)])
    assert block.lengths == [6001]


def test_what_resampling_would_make_too_long_is_an_error():
    transformer = AudioTransformer(max_seconds=None)
    with pytest.raises(ValueError, match="row 0: 60000 samples at 1 Hz would become"):
        transformer.fit([wav(np.zeros(60_000), 1)])


def test_frames_that_would_fill_the_memory_are_an_error():
    transformer = AudioTransformer(sampling_rate=16000, hop_length=1, max_seconds=None)
    message = "row 0: 1000000 samples would become 1000001 frames .* Raise hop_length"
    with pytest.raises(ValueError, match=message):
        transformer.fit([np.zeros(1_000_000)])


@pytest.mark.parametrize("max_seconds", [0, -1, "long", np.nan])
def test_max_seconds_is_checked(max_seconds):
    with pytest.raises(
        ValueError, match="max_seconds must be 'auto', None or a number"
    ):
        AudioTransformer(max_seconds=max_seconds).fit([noise(99)])


# Rate


def test_arrays_without_a_rate_are_counted_in_one_warning():
    cells = [
        noise(800),
        (noise(800), 8000),
        None,
        noise(800).tolist(),
        wav(noise(9), 9),
    ]
    message = (
        "2 of 5 cells are arrays without a rate, and 16000 Hz.*column 'voice', row 0"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        AudioTransformer().fit_transform(pd.Series(cells, name="voice", dtype=object))
    assert len(caught) == 1


def test_rows_of_a_table_of_samples_have_no_rate_either():
    with pytest.warns(UserWarning, match="3 of 3 cells are arrays without a rate"):
        AudioTransformer().fit(noise(3, 800))


@pytest.mark.parametrize(
    ("parameters", "cells"),
    [
        ({"sampling_rate": 16000}, [noise(800)]),
        ({}, [(noise(800), 8000), {"array": noise(800), "sampling_rate": 16000}]),
        ({}, [wav(noise(800), 8000), None]),
    ],
    ids=["given", "pairs", "files"],
)
def test_nothing_is_said_where_rates_are_known(parameters, cells):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AudioTransformer(**parameters).fit(pd.Series(cells, dtype=object))


def test_the_rate_that_is_assumed_gives_what_it_gives_when_it_is_set():
    clip = noise(3000)
    with pytest.warns(UserWarning, match="16000 Hz is assumed"):
        assumed = AudioTransformer().fit([clip])
    given = AudioTransformer(sampling_rate=16000).fit([clip])
    assert assumed.sampling_rate_ == given.sampling_rate_ == 16000
    assert_array_equal(
        assumed.transform([(clip, 16000)]).values, given.transform([clip]).values
    )


# Axes


def test_channels_may_come_first_where_it_is_said():
    stereo = noise(4000, 2)
    first = AudioTransformer(sampling_rate=8000, n_mels=20, time_axis=1)
    last = AudioTransformer(sampling_rate=8000, n_mels=20, time_axis=0)
    assert_array_equal(
        first.fit_transform([stereo.T]).values, last.fit_transform([stereo]).values
    )


@pytest.mark.parametrize(("time_axis", "cure"), [(None, 1), (0, 1), (1, 0)])
def test_more_channels_than_samples_are_an_error_with_the_cure(time_axis, cure):
    stereo = noise(4000, 2) if time_axis == 1 else noise(4000, 2).T
    transformer = AudioTransformer(sampling_rate=8000, n_mels=20, time_axis=time_axis)
    message = f"found 2 samples of 4000 channels.*set time_axis={cure}"
    with pytest.raises(ValueError, match=message):
        transformer.fit([stereo])


def test_a_pretrained_model_takes_channels_first_too():
    stereo = noise(400, 2)
    parameters = {"sampling_rate": 8000, "window": 100}
    blocks = [
        PretrainedAudioTransformer(np.abs, time_axis=axis, **parameters).fit_transform(
            [clip]
        )
        for axis, clip in ((0, stereo), (1, stereo.T))
    ]
    assert_array_equal(blocks[0].values, blocks[1].values)


def test_time_axis_is_checked():
    with pytest.raises(ValueError, match="time_axis must be None, 0 or 1, found 2"):
        AudioTransformer(time_axis=2).fit([noise(99)])


# Values


@pytest.mark.parametrize("value", [1e19, -1e19, 3e38])
@pytest.mark.parametrize("as_file", [False, True])
def test_samples_that_no_sound_has_are_an_error(value, as_file):
    clip = noise(800)
    clip[5] = value
    file = io.BytesIO()
    soundfile.write(file, clip, 8000, format="WAV", subtype="FLOAT")
    cell = file.getvalue() if as_file else (clip, 8000)
    with pytest.raises(ValueError, match="row 0: .*samples as large as .* full scale"):
        AudioTransformer().fit([cell])


def test_loud_samples_that_can_be_computed_with_are_taken():
    block = AudioTransformer(n_fft=8192).fit_transform([(noise(9000) * 1e11, 16000)])
    assert np.isfinite(block.values).all()


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_masked_samples_are_missing(dtype):
    clip = np.ma.array(np.ones(5, dtype=dtype), mask=[0, 1, 0, 0, 0])
    with pytest.raises(ValueError, match="1 of 5 samples are NaN"):
        read_sound(clip, 8000)
    clip.mask = True
    assert read_sound(clip, 8000)[0] is None


def test_a_mask_that_hides_nothing_changes_nothing():
    clip = (noise(800) * 1000).astype(np.int16)
    masked, plain = read_sound(np.ma.array(clip), 8000), read_sound(clip, 8000)
    assert_array_equal(masked[0], plain[0])
    assert not isinstance(masked[0], np.ma.MaskedArray)


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i2", "f2", "O"])
def test_samples_of_any_type_of_number_are_read(dtype):
    clip = np.array([0, 1, -1, 0]).astype(dtype)
    expected = [0, 2**-15, -(2**-15), 0] if dtype == ">i2" else [0, 1, -1, 0]
    clip.setflags(write=False)
    samples, _ = read_sound(clip, 8000)
    assert samples.dtype == np.float32
    assert samples.dtype.isnative
    assert_array_equal(samples, expected)
