import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from sklearn.datasets import load_digits

from sklearn_mm.datasets import digits as module
from sklearn_mm.datasets import load_digits_multimodal
from sklearn_mm.datasets._speech import Utterance, speak

pytest.importorskip("espeakng_loader", reason="speech needs the extra 'speech'")

# The number words once more, in a few languages, written down by hand.
ONE = {"en": "one", "de": "eins", "ru": "один", "ja": "いち", "zh": "一", "ar": "واحد"}
DEGRADED = {"image_noise": 0.3, "audio_snr": 5.0, "typo_rate": 0.4}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def clean(home):
    return load_digits_multimodal(data_home=home, progress=False)


@pytest.fixture(scope="module")
def degraded(home):
    """Load the first 400, with noise."""
    return load_digits_multimodal(
        data_home=home, n_samples=400, progress=False, **DEGRADED
    )


def read_sound(path):
    return soundfile.read(path, dtype="int16")[0].astype(float)


def read_image(path):
    return np.asarray(Image.open(path)).astype(float)


def assert_same_files(X, other):
    assert X["text"].tolist() == other["text"].tolist()
    for column in ("image", "audio"):
        for path, again in zip(X[column], other[column], strict=True):
            assert Path(path).read_bytes() == Path(again).read_bytes()


def manifest_of(X):
    return json.loads((Path(X["image"][0]).parents[1] / "manifest.json").read_text())


def test_there_is_a_row_for_every_digit_of_scikit_learn(clean):
    X, y = clean

    assert X.columns.tolist() == ["image", "audio", "text"]
    np.testing.assert_array_equal(y, load_digits().target)
    assert y.dtype == np.int64
    assert len(X) == len(y) == 1797


def test_an_image_file_holds_the_handwriting(clean):
    X, _ = clean

    for i in (0, 5, 1796):
        pixels = read_image(X["image"][i])
        np.testing.assert_array_equal(
            np.rint(pixels / 255 * 16), load_digits().images[i]
        )
        assert Image.open(X["image"][i]).format == "PNG"


def test_a_sound_file_holds_audible_speech_of_the_documented_form(clean):
    X, _ = clean

    for path in X["audio"][::200]:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (22050, 1, "PCM_16")
        assert np.abs(read_sound(path)).max() > 3000
    durations = [soundfile.info(path).duration for path in X["audio"]]
    assert 0.1 < min(durations) < max(durations) < 1


def test_the_word_names_the_digit(clean):
    X, y = clean

    assert {X["text"][i] for i in np.flatnonzero(y == 1)} >= set(ONE.values())
    for word in ONE.values():
        assert set(y[X["text"] == word]) == {1}


def test_the_words_of_all_digits_differ_in_each_of_at_least_eight_languages(clean):
    X, _ = clean
    rows = manifest_of(X)
    languages = {row["written_language"] for row in rows}

    assert len(languages) >= 8
    for language in languages:
        words = {r["text"] for r in rows if r["written_language"] == language}
        assert len(words) == 10


def test_the_words_are_of_several_scripts(clean):
    X, _ = clean

    scripts = {unicodedata.name(word[0]).split()[0] for word in X["text"]}

    expected = {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "DEVANAGARI", "CJK", "HIRAGANA"}
    assert scripts >= expected


def test_the_word_that_is_spoken_is_the_digit(clean):
    X, y = clean
    row = manifest_of(X)[0]
    voice = f"{module._SPOKEN_AS.get(row['spoken_language'], row['spoken_language'])}"
    word = module.WORDS[row["spoken_language"]][y[0]]
    said = Utterance(word, f"{voice}+{row['voice']}", row["speed"], row["pitch"])

    np.testing.assert_array_equal(next(speak([said])), read_sound(X["audio"][0]))


def test_languages_and_voices_do_not_tell_the_digit(clean):
    X, y = clean
    rows = manifest_of(X)

    for name in ("written_language", "spoken_language", "voice"):
        values, column = np.unique([row[name] for row in rows], return_inverse=True)
        counts = np.zeros((10, len(values)))
        np.add.at(counts, (y, column), 1)
        expected = len(y) / counts.size
        chi2 = ((counts - expected) ** 2 / expected).sum()
        assert chi2 < 1.6 * 9 * (len(values) - 1)


def test_every_class_has_its_share_of_the_first_samples(clean):
    for n_samples in (200, 500, 1000):
        share = np.bincount(clean[1][:n_samples]) / n_samples
        assert 0.09 <= share.min() <= share.max() <= 0.11


def test_fewer_samples_are_the_first_of_more(home, degraded):
    X, y = load_digits_multimodal(
        data_home=home, n_samples=40, progress=False, **DEGRADED
    )

    assert_same_files(X, degraded[0].iloc[:40])
    np.testing.assert_array_equal(y, degraded[1][:40])


def test_built_again_elsewhere_the_files_are_the_same_to_the_bit(tmp_path, degraded):
    X, _ = load_digits_multimodal(
        data_home=tmp_path, n_samples=400, progress=False, **DEGRADED
    )

    assert_same_files(X, degraded[0])


def test_another_seed_gives_other_words_and_voices_for_the_same_digits(home, clean):
    X, y = load_digits_multimodal(
        data_home=home, n_samples=100, random_state=1, progress=False
    )

    assert np.mean(X["text"] == clean[0]["text"][:100]) < 0.2
    np.testing.assert_array_equal(y, clean[1][:100])


def test_noise_changes_neither_word_nor_voice_of_a_sample(clean, degraded):
    rows = manifest_of(clean[0])[:400]

    for row, other in zip(rows, manifest_of(degraded[0]), strict=True):
        assert row | {"text": None} == other | {"text": None}


def test_image_noise_has_the_given_deviation(clean, degraded):
    pixels, noisy = (
        np.array([read_image(path) for path in X["image"][:400]]) / 255
        for X, _ in (clean, degraded)
    )

    # Black is cut off below, which leaves the mean of half a Gaussian.
    assert abs(noisy[pixels == 0].mean() - 0.3 / np.sqrt(2 * np.pi)) < 0.003
    # A grey of one half reaches neither end within 1.6 deviations of 0.3.
    change = (noisy - pixels)[pixels == 128 / 255]
    assert abs(np.mean(np.abs(change) < 0.3) - 0.6827) < 0.04


def test_the_speech_has_the_given_signal_to_noise_ratio(clean, degraded):
    for i in (0, 100, 399):
        sound = read_sound(clean[0]["audio"][i])
        noise = read_sound(degraded[0]["audio"][i]) - sound
        snr = 10 * np.log10(np.mean(sound**2) / np.mean(noise**2))
        assert abs(snr - 5) < 0.3


def test_typos_spoil_the_given_share_of_letters(clean, degraded):
    words, spoiled = clean[0]["text"][:400], degraded[0]["text"]
    n_letters, n_left = sum(map(len, words)), sum(map(len, spoiled))

    # A letter is left out with probability 0.4 / 2.
    assert abs(n_left / n_letters - 0.8) < 0.03
    # A word of three stays whole if all three letters do, or are replaced by chance.
    whole = [a == b for a, b in zip(words, spoiled, strict=True) if len(a) == 3]
    assert 0.6**3 - 0.1 < np.mean(whole) < 0.65**3 + 0.1


def test_a_word_of_which_all_letters_are_wrong_is_not_empty(home):
    X, _ = load_digits_multimodal(
        data_home=home, n_samples=200, typo_rate=1.0, progress=False
    )

    assert X["text"].map(len).min() == 1


def test_languages_limit_what_is_spoken_and_written(home):
    X, _ = load_digits_multimodal(
        data_home=home, n_samples=40, languages=["en"], progress=False
    )

    assert {"zero", "seven"} < set(X["text"])
    assert all(word.isascii() for word in X["text"])
    assert {row["written_language"] for row in manifest_of(X)} == {"en"}
    assert {row["spoken_language"] for row in manifest_of(X)} == {"en"}


def test_the_second_call_writes_and_speaks_nothing(home, clean, monkeypatch):
    monkeypatch.setattr(module, "_build", None)
    before = Path(clean[0]["image"][0]).stat().st_mtime_ns

    X, _ = load_digits_multimodal(data_home=home)

    assert X.equals(clean[0])
    assert Path(X["image"][0]).stat().st_mtime_ns == before


def test_an_interrupted_build_leaves_nothing_that_is_taken_for_whole(
    tmp_path, monkeypatch
):
    def interrupt(utterances):
        yield from list(speak(utterances[:3]))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "speak", interrupt)
        with pytest.raises(KeyboardInterrupt):
            load_digits_multimodal(data_home=tmp_path, progress=False)

    assert list((tmp_path / "digits_multimodal").iterdir()) == []


def test_the_files_of_a_faster_process_are_taken(tmp_path, clean, monkeypatch):
    def build_twice(folder, parameters, progress):
        (folder / "manifest.json").write_text("[]")
        name = folder.name.strip(".").split("-")[0]
        other = folder.parent / name
        other.mkdir()
        row = {"image": "i", "audio": "a", "text": "seven", "digit": 7}
        (other / "manifest.json").write_text(json.dumps([row]))

    monkeypatch.setattr(module, "_build", build_twice)

    X, y = load_digits_multimodal(data_home=tmp_path)

    assert X["text"].tolist() == ["seven"]
    assert y.tolist() == [7]
    assert len(list((tmp_path / "digits_multimodal").iterdir())) == 1


def test_a_bar_shows_the_progress_on_standard_error_and_nothing_else_is_printed(
    tmp_path,
):
    code = (
        "from sklearn_mm.datasets import load_digits_multimodal\n"
        f"load_digits_multimodal(data_home={str(tmp_path)!r}, n_samples=20)"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True)

    assert result.stdout == b""
    assert b"20/20" in result.stderr


def test_without_espeak_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)

    with pytest.raises(ImportError, match=r"pip install 'sklearn-mm\[speech\]'"):
        load_digits_multimodal(data_home=tmp_path, progress=False)


def test_files_that_are_there_need_no_espeak(home, clean, monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)

    assert load_digits_multimodal(data_home=home)[0].equals(clean[0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples must be from 1 to 1797 or None, found 0"),
        ({"n_samples": 1798}, "found 1798"),
        ({"languages": ["en", "xx"]}, r"languages must be some of .* found \['xx'\]"),
        ({"languages": []}, "languages must be some of .* found none"),
        ({"image_noise": -0.1}, "image_noise must be at least 0, found -0.1"),
        ({"audio_snr": np.nan}, "audio_snr must be a finite number or None, found nan"),
        ({"typo_rate": 1.5}, "typo_rate must be between 0 and 1, found 1.5"),
    ],
)
def test_a_parameter_outside_its_range_is_refused_before_anything_is_written(
    tmp_path, parameters, message
):
    with pytest.raises(ValueError, match=message):
        load_digits_multimodal(data_home=tmp_path, **parameters)
    assert os.listdir(tmp_path) == []


# ---- speech ----


def test_the_same_utterances_sound_the_same_and_leave_other_users_of_espeak_alone():
    said = [Utterance("seven", "en-us+f2", 150, 50), Utterance("семь", "ru", 200, 60)]

    first, second = list(speak(said)), list(speak(said))

    for sound, again in zip(first, second, strict=True):
        np.testing.assert_array_equal(sound, again)
        assert sound.dtype == np.int16


def test_speed_and_pitch_are_heard():
    slow, fast = speak(
        [Utterance("seven", "en-us", 100, 50), Utterance("seven", "en-us", 200, 50)]
    )
    assert len(fast) < 0.8 * len(slow)


def test_an_unknown_voice_is_an_error_with_its_name():
    with pytest.raises(RuntimeError, match="does not know the voice 'nobody'"):
        list(speak([Utterance("seven", "nobody", 150, 50)]))


def test_what_the_library_prints_stays_out_of_the_samples(capfd):
    list(speak([Utterance("seven", "en-us", 150, 50)]))

    assert capfd.readouterr() == ("", "")
