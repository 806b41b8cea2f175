import io
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import AudioTransformer, MultimodalFeatureUnion


@parametrize_with_checks(
    [
        AudioTransformer(),
        AudioTransformer("mfcc", deltas=True),
        AudioTransformer(sampling_rate=8000, n_fft=65, hop_length=2, n_mels=12),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def clip(n_samples=12000, seed=0):
    """Make a sweep over noise that grows, so that bands differ by up to 80 dB."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(n_samples) / 16000
    sweep = 0.5 * np.sin(2 * np.pi * (200 + 2000 * seconds) * seconds)
    noise = np.geomspace(1e-5, 1e-2, n_samples) * rng.normal(size=n_samples)
    return (sweep + noise).astype(np.float32)


def wav(samples, rate=16000, **options):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", **options)
    return file.getvalue()


def librosa_log_mel(samples, *, sampling_rate=16000, **parameters):
    import librosa

    return librosa.power_to_db(
        librosa.feature.melspectrogram(y=samples, sr=sampling_rate, **parameters)
    ).T


def assert_near(features, reference):
    """Hold features to librosa's within 1e-4 of their range."""
    assert_allclose(features, reference, rtol=0, atol=1e-4 * np.ptp(reference))


MEL_PARAMETERS = [
    {"n_fft": 400, "hop_length": 160, "n_mels": 64},
    {"n_fft": 2048, "hop_length": 512, "n_mels": 128},
    {"n_fft": 512, "hop_length": 100, "n_mels": 40, "fmin": 100.0, "fmax": 4000.0},
    {"n_fft": 513, "hop_length": 171, "n_mels": 30},
    {"n_fft": 256, "hop_length": 400, "n_mels": 20, "sampling_rate": 22050},
]


@pytest.mark.parametrize("parameters", MEL_PARAMETERS)
def test_log_mel_equals_librosa(parameters):
    block = AudioTransformer(**parameters).fit_transform([clip()])
    assert block.kind == "sequence"
    assert block.values.dtype == np.float32
    assert_near(block.values, librosa_log_mel(clip(), **parameters))


@pytest.mark.parametrize("parameters", MEL_PARAMETERS)
@pytest.mark.parametrize("noise", [0, 1e-5, 1e-4])
def test_quiet_bands_beside_a_loud_tone_equal_librosa(parameters, noise):
    # The worst case of single precision: all bands but one are near the lowest level.
    seconds = np.arange(12000) / parameters.get("sampling_rate", 16000)
    rng = np.random.default_rng(0)
    for frequency in (440, 3000):
        tone = 0.9 * np.sin(2 * np.pi * frequency * seconds)
        tone = (tone + noise * rng.normal(size=12000)).astype(np.float32)
        block = AudioTransformer(**parameters).fit_transform([tone])
        assert_near(block.values, librosa_log_mel(tone, **parameters))


@pytest.mark.parametrize("n_mfcc", [13, 20, 40])
def test_mfcc_equals_librosa(n_mfcc):
    import librosa

    parameters = {"n_fft": 400, "hop_length": 160, "n_mels": 64, "n_mfcc": n_mfcc}
    block = AudioTransformer("mfcc", **parameters).fit_transform([clip()])
    reference = librosa.feature.mfcc(y=clip(), sr=16000, **parameters).T
    assert block.kind == "sequence"
    assert block.values.dtype == np.float32
    assert_near(block.values, reference)


@pytest.mark.parametrize("n_samples", [1, 500, 1000, 1600, 12000])
def test_deltas_equal_librosa_on_clips_of_any_length(n_samples):
    from librosa.feature import delta

    log_mel, first, second = np.split(
        AudioTransformer(deltas=True).fit_transform([clip(n_samples)]).values, 3, axis=1
    )
    for order, derivative in ((1, first), (2, second)):
        reference = delta(log_mel, order=order, axis=0, mode="nearest")
        assert_allclose(derivative, reference, atol=1e-4)


@pytest.mark.filterwarnings("ignore:n_fft=400 is too large")
@pytest.mark.parametrize("n_samples", [1, 2, 159, 160, 399, 400, 401])
def test_clip_shorter_than_a_frame_equals_librosa(n_samples):
    parameters = {"n_fft": 400, "hop_length": 160, "n_mels": 64}
    block = AudioTransformer(**parameters).fit_transform([clip(n_samples)])
    reference = librosa_log_mel(clip(n_samples), **parameters)
    assert block.lengths.tolist() == [len(reference)] == [1 + n_samples // 160]
    assert_near(block.values, reference)


def test_clips_of_many_lengths_equal_librosa_one_by_one():
    clips = [clip(n, seed=n) for n in (9000, 100, 30000, 1, 200000, 8000)]
    parameters = {"n_fft": 400, "hop_length": 160, "n_mels": 64}
    block = AudioTransformer(**parameters).fit_transform(clips)
    for frames, samples in zip(block, clips, strict=True):
        if len(samples) >= 400:
            reference = librosa_log_mel(samples, **parameters)
            assert_near(frames.values, reference)


def test_what_becomes_of_a_clip_does_not_depend_on_the_others():
    transformer = AudioTransformer("mfcc", deltas=True).fit([clip()])
    loud, quiet = clip() * 100, clip(5000, seed=1) * 1e-3
    alone = transformer.transform([quiet]).values
    together = transformer.transform([loud, quiet, loud])[1].values
    assert_array_equal(together, alone)


def test_digital_silence_is_the_lowest_level():
    block = AudioTransformer().fit_transform([np.zeros(1000)])
    assert_allclose(block.values, -100)


def test_loudest_band_of_a_tone_is_where_the_tone_is():
    from librosa import mel_frequencies

    seconds = np.arange(16000) / 16000
    block = AudioTransformer(n_mels=40).fit_transform(
        [np.sin(2 * np.pi * frequency * seconds) for frequency in (500, 3000)]
    )
    centres = mel_frequencies(42, fmax=8000)[1:-1]
    for sample, frequency in zip(block, (500, 3000), strict=True):
        nearest = np.argmin(np.abs(centres - frequency))
        assert abs(sample.values.mean(axis=0).argmax() - nearest) <= 1


def test_every_kind_of_cell_in_one_column_gives_the_same_features(tmp_path):
    samples = (clip() * 32767).astype(np.int16)
    path = tmp_path / "clip.wav"
    path.write_bytes(wav(samples))
    floats = samples / 32768
    cells = [
        str(path),
        path,
        path.read_bytes(),
        samples,
        floats,
        np.column_stack([floats, floats]),
        (samples, 16000),
        {"array": floats, "sampling_rate": 16000},
    ]
    block = AudioTransformer().fit_transform(pd.Series(cells))
    assert len(set(block.lengths)) == 1
    for sample in block:
        assert_allclose(sample.values, block[0].values, atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_other_rates_are_resampled_as_librosa_does(rate):
    import librosa

    at_16000 = librosa.resample(
        clip(), orig_sr=rate, target_sr=16000, res_type="soxr_hq"
    )
    transformer = AudioTransformer()
    block = transformer.fit_transform([(clip(), rate), at_16000])
    assert abs(np.diff(block.lengths)[0]) <= 1
    n_frames = block.lengths.min() - 3  # librosa pads the end to a whole length
    assert_allclose(block[0].values[:n_frames], block[1].values[:n_frames], atol=1e-4)


@pytest.mark.parametrize(
    "missing", [None, np.nan, pd.NA, np.array([]), np.full(9, np.nan)]
)
@pytest.mark.parametrize("deltas", [False, True])
def test_missing_cells_and_empty_clips_become_empty_samples(missing, deltas):
    block = AudioTransformer(deltas=deltas).fit_transform([clip(), missing, clip(800)])
    assert block.lengths.tolist() == [76, 0, 6]


@pytest.mark.parametrize("representation", ["log_mel", "mfcc"])
@pytest.mark.parametrize("deltas", [False, True])
def test_column_of_only_missing_cells_has_the_width_of_any_other(
    representation, deltas
):
    transformer = AudioTransformer(representation, deltas=deltas)
    missing = transformer.fit_transform([None, None])
    assert missing.missing.all()
    assert missing.token_shape == transformer.fit_transform([clip()]).token_shape


def test_row_of_a_table_of_numbers_is_one_clip():
    table = np.stack([clip(1000, seed=1), clip(1000, seed=2)])
    block = AudioTransformer().fit_transform(table)
    assert_array_equal(
        block.values, AudioTransformer().fit_transform(list(table)).values
    )


def test_row_of_only_nan_in_a_table_of_numbers_is_missing():
    table = np.stack([clip(1000), np.full(1000, np.nan)])
    assert AudioTransformer().fit_transform(table).lengths.tolist() == [7, 0]


@pytest.mark.parametrize("representation", ["log_mel", "mfcc"])
@pytest.mark.parametrize("deltas", [False, True])
def test_each_column_of_the_flat_view_has_its_own_name(representation, deltas):
    transformer = AudioTransformer(representation, deltas=deltas)
    block = transformer.fit_transform([clip()])
    names = transformer.get_feature_names_out()
    assert len(set(names)) == len(names) == block.n_flat_features


def test_names_follow_the_order_of_the_flat_view():
    transformer = AudioTransformer("mfcc", deltas=True).set_output(transform="pandas")
    table = transformer.fit_transform([clip()])
    frames = AudioTransformer("mfcc", deltas=True).fit_transform([clip()]).values
    row = table.iloc[0]
    assert row["mean_mfcc_0"] == pytest.approx(frames[:, 0].mean(), rel=1e-4)
    assert row["std_mfcc_3"] == pytest.approx(frames[:, 3].std(), rel=1e-4)
    assert row["max_delta_mfcc_1"] == pytest.approx(frames[:, 21].max(), rel=1e-4)
    assert row["max_delta2_mfcc_19"] == pytest.approx(frames[:, 59].max(), rel=1e-4)


def test_broken_cell_is_named_by_its_row(tmp_path):
    (tmp_path / "letter.wav").write_text("Dear reader")
    column = pd.Series([clip(), tmp_path / "letter.wav"], name="voice")
    with pytest.raises(
        ValueError, match="AudioTransformer: column 'voice', row 1: cannot read the"
    ):
        AudioTransformer().fit(column)


def test_clip_with_holes_is_named_by_its_row():
    with pytest.raises(ValueError, match="row 1: 1 of 3 samples are NaN or infinite"):
        AudioTransformer().fit([clip(), np.array([0.0, np.nan, 0.1])])


def test_broken_cells_can_count_as_missing_with_one_warning():
    cells = [clip(), "a bark", b"bark", 5, (clip(), -1)]
    transformer = AudioTransformer(on_error="missing", sampling_rate=16000)
    with pytest.warns(UserWarning, match="4 of 5 cells could not be read") as caught:
        block = transformer.fit_transform(cells)
    assert len(caught) == 1
    assert block.missing.tolist() == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"representation": "cqt"}, r"one of \('log_mel', 'mfcc'\), found 'cqt'"),
        ({"n_fft": 0}, "n_fft must be an integer of at least 1, found 0"),
        ({"hop_length": 10.5}, "hop_length must be an integer .* found 10.5"),
        ({"n_mels": -1}, "n_mels must be an integer of at least 1"),
        ({"sampling_rate": 0}, "sampling_rate must be a positive number of hertz"),
        ({"sampling_rate": "16k"}, "sampling_rate must be .* found '16k'"),
        ({"fmax": 9000}, "sampling_rate / 2 = 8000.0, found fmin=0.0, fmax=9000"),
        ({"fmin": 500, "fmax": 400}, "fmin < fmax"),
        ({"fmin": -1}, "0 <= fmin"),
        (
            {"representation": "mfcc", "n_mfcc": 65},
            "n_mfcc=65 coefficients cannot come from n_mels=64",
        ),
        ({"n_mels": 300}, "of n_mels=300 bands lie between the frequencies of n_fft"),
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'missing'"),
    ],
)
def test_parameter_that_cannot_work_is_explained(parameters, message):
    with pytest.raises(ValueError, match=message):
        AudioTransformer(**parameters).fit([clip()])


def test_cells_are_left_as_they_were():
    stereo = np.column_stack([clip(), clip(seed=1)])
    cells = [clip(), stereo, {"array": clip(), "sampling_rate": 8000}]
    AudioTransformer(deltas=True).fit_transform(cells)
    assert_array_equal(cells[0], clip())
    assert_array_equal(stereo, np.column_stack([clip(), clip(seed=1)]))
    assert_array_equal(cells[2]["array"], clip())
    assert set(cells[2]) == {"array", "sampling_rate"}


def test_pickled_transformer_gives_the_same_features():
    transformer = AudioTransformer("mfcc", deltas=True).fit([clip()])
    loaded = pickle.loads(pickle.dumps(transformer))
    assert_array_equal(
        loaded.transform([clip()]).values, transformer.transform([clip()]).values
    )


def test_clone_has_the_parameters_and_nothing_learned():
    transformer = AudioTransformer("mfcc", n_mfcc=13, fmax=4000.0).fit([clip()])
    copy = clone(transformer)
    assert copy.get_params() == transformer.get_params()
    assert not hasattr(copy, "n_features_in_")


def test_set_output_gives_a_named_table():
    column = pd.Series([clip(), None], index=["a", "b"])
    transformer = AudioTransformer().set_output(transform="pandas")
    table = transformer.fit_transform(column)
    assert table.columns.tolist() == transformer.get_feature_names_out().tolist()
    assert table.index.tolist() == ["a", "b"]
    assert table.loc["b"].isna().all()


def test_first_clip_of_a_process_compiles_nothing(tmp_path):
    # With an empty cache librosa's own spectrogram first compiles for many seconds,
    # and then fills the cache.
    script = (
        "import sys, numpy as np\n"
        "from sklearn_mm import AudioTransformer\n"
        "AudioTransformer('mfcc', deltas=True).fit_transform([np.ones(9000)])\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        check=True,
    )
    assert not list(tmp_path.rglob("*.nbi"))


def test_vowels_are_told_apart_in_a_pipeline():
    rng = np.random.default_rng(0)
    formants = {"a": (730, 1090), "i": (270, 2290), "u": (300, 870)}
    clips, y = [], []
    for vowel, peaks in formants.items():
        for _ in range(20):
            seconds = np.arange(rng.integers(2000, 6000)) / 16000
            pitch = rng.uniform(90, 250)
            harmonics = pitch * np.arange(1, int(4000 / pitch))
            gains = sum(np.exp(-(((harmonics - peak) / 120) ** 2)) for peak in peaks)
            waves = np.sin(2 * np.pi * harmonics[:, None] * seconds)
            clips.append(gains @ waves + 0.3 * rng.normal(size=len(seconds)))
            y.append(vowel)
    model = make_pipeline(
        AudioTransformer("mfcc", n_mfcc=13), StandardScaler(), LogisticRegression()
    )
    assert cross_val_score(model, pd.Series(clips), y, cv=4).mean() > 0.9


@pytest.mark.parametrize(("n_samples", "rate"), [(50, 1e9), (10, 1e-6)])
def test_a_rate_that_leaves_nothing_or_far_too_much_is_refused(n_samples, rate):
    cell = (np.ones(n_samples, dtype=np.float32), rate)
    with pytest.raises(ValueError, match=r"row 0: .* would become .* in hertz"):
        AudioTransformer().fit_transform([cell])


def test_a_clip_that_is_shorter_than_a_sample_is_missing():
    block = AudioTransformer().fit_transform([(np.ones(2), 192_000), np.ones(16_000)])
    assert_array_equal(block.missing, [True, False])


# Several clips of one row

SOUNDS = [clip(2000), clip(3000, seed=1)]
FILES = [wav(sound, subtype="FLOAT") for sound in SOUNDS]


def frames_of(cell, **params):
    cells = pd.Series([None], dtype=object)
    cells.iat[0] = cell
    block = AudioTransformer(sampling_rate=16000, **params).fit_transform(cells)
    return block.values


@pytest.mark.parametrize(
    "cell",
    [
        [FILES[0], None, FILES[1]],
        (FILES[0], SOUNDS[1]),
        [(SOUNDS[0], 16000), (SOUNDS[1], 16000)],
        np.array([{"array": s, "sampling_rate": 16000} for s in SOUNDS], dtype=object),
    ],
)
def test_several_clips_of_a_cell_are_one_after_the_other(cell):
    joined = np.concatenate(SOUNDS)
    assert_allclose(frames_of(cell), librosa_log_mel_of(joined), atol=0.02)


def librosa_log_mel_of(samples):
    return librosa_log_mel(
        samples, n_fft=400, hop_length=160, n_mels=64, pad_mode="constant"
    )


def test_several_columns_are_the_clips_of_a_row():
    table = pd.DataFrame({"a": [FILES[0], None], "b": [FILES[1]] * 2})
    block = AudioTransformer(sampling_rate=16000).fit_transform(table)
    assert_array_equal(block[:1].values, frames_of(FILES))
    assert_array_equal(block[1:].values, frames_of(FILES[1]))


def test_a_row_of_which_every_clip_is_missing_is_missing():
    table = pd.DataFrame({"a": [FILES[0], None], "b": [None, None]})
    block = AudioTransformer(sampling_rate=16000).fit_transform(table)
    assert_array_equal(block.lengths > 0, [True, False])


def test_several_clips_are_cut_together_with_a_warning():
    step = AudioTransformer(sampling_rate=16000, hop_length=1, n_fft=64, n_mels=4)
    cells = pd.Series([[wav(clip(4000)), wav(clip(4000))]])  # of at most 6,000 frames
    with pytest.warns(UserWarning, match="1 of 1 cells .* s of 2 clips are kept"):
        assert step.fit_transform(cells).lengths == [6001]


def test_of_several_clips_the_broken_one_is_named():
    with pytest.raises(ValueError, match="row 0: clip 2 of 2: cannot read the sound"):
        frames_of([FILES[0], b"no sound"])


def test_several_files_of_a_cell_bring_their_rates_along():
    cells = pd.Series([FILES])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AudioTransformer().fit(cells)


def test_the_cache_tells_one_clip_from_several(tmp_path):
    union = MultimodalFeatureUnion(
        [("audio", AudioTransformer(sampling_rate=16000), "it")], memory=tmp_path
    )
    for cell in (FILES, FILES[::-1], FILES[0], FILES):
        table = pd.DataFrame({"it": [cell]})
        found = union.fit_transform(table)["audio"].values
        assert_array_equal(found, frames_of(cell))
