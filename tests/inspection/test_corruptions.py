"""Corruptions of cells: each measured against its definition."""

import io

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from scipy.ndimage import gaussian_filter

from sklearn_mm.inspection import corruptions as c
from sklearn_mm.inspection import default_corruptions

GRAY = np.full((64, 48), 128, dtype=np.uint8)
RNG = np.random.default_rng(7)
CELLS = {
    "image": RNG.integers(0, 256, (20, 16, 3), dtype=np.uint8),
    "audio": (RNG.normal(size=1000).astype(np.float32), 8000),
    "text": "one two  three four",
    "series": RNG.normal(size=(30, 2)),
    "table": 3.5,
}


def each_corruption():
    for kind in CELLS:
        for name, corruption in default_corruptions(kind).items():
            yield pytest.param(kind, corruption, id=f"{kind}-{name}")


def column_of(cell, n_rows=4):
    cells = np.empty(n_rows, dtype=object)
    cells[:] = [cell] * n_rows
    return pd.Series(cells, index=range(10, 10 + n_rows), name="cell")


@pytest.mark.parametrize(("kind", "corruption"), list(each_corruption()))
def test_strength_zero_changes_nothing(kind, corruption):
    cell = CELLS[kind]
    if getattr(corruption, "of_column", False):
        column = column_of(cell)
        pd.testing.assert_series_equal(
            corruption(column, 0, np.random.default_rng(0)), column
        )
        return
    found = corruption(cell, 0, np.random.default_rng(0))
    if kind == "audio":
        assert found[1] == cell[1]
        found, cell = found[0], cell[0]
    assert_array_equal(found, cell)


@pytest.mark.parametrize(("kind", "corruption"), list(each_corruption()))
def test_the_same_generator_gives_the_same_cells_and_the_callers_stay(kind, corruption):
    column = column_of(CELLS[kind])
    before = repr([np.asarray(cell, dtype=object) for cell in column])
    one, other = (
        c.corrupt_column(column, corruption, 0.6, np.random.default_rng(3))
        for _ in range(2)
    )
    assert repr(list(one)) == repr(list(other))
    assert repr([np.asarray(cell, dtype=object) for cell in column]) == before


@pytest.mark.parametrize(("kind", "corruption"), list(each_corruption()))
def test_missing_cells_stay_missing(kind, corruption):
    column = column_of(CELLS[kind], 6)
    column.iloc[[1, 4]] = None
    found = c.corrupt_column(column, corruption, 1, np.random.default_rng(0))
    assert found.isna().iloc[[1, 4]].all()
    assert list(found.index) == list(column.index)


def test_image_noise_has_the_deviation_that_strength_says():
    found = c.add_image_noise(GRAY, 0.1, np.random.default_rng(0))
    assert found.dtype == np.uint8
    assert (found / 255).std() == pytest.approx(0.1, rel=0.05)


def test_blur_is_scipys_gaussian_filter_of_an_eighth_of_the_side():
    image = np.random.default_rng(0).random((32, 40, 3))
    found = c.blur_image(image, 0.5)
    expected = gaussian_filter(image, (2, 2, 0), mode="nearest")
    assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("strength", [0.25, 0.5, 1])
def test_occlusion_blackens_one_rectangle_of_that_share_of_the_area(strength):
    found = c.occlude_image(GRAY, strength, np.random.default_rng(0))[:, :, 0]
    rows, columns = np.nonzero(found == 0)
    assert len(rows) / GRAY.size == pytest.approx(strength, abs=0.02)
    assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


def test_contrast_scales_the_distance_from_each_channels_mean():
    image = np.random.default_rng(0).random((20, 20, 3))
    found = c.lower_contrast(image, 0.75)
    assert_allclose(found.std(axis=(0, 1)), 0.25 * image.std(axis=(0, 1)))
    assert_allclose(found.mean(axis=(0, 1)), image.mean(axis=(0, 1)))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.int32])
def test_pixels_keep_their_number_format_and_range(dtype):
    top = {np.uint16: 65535, np.float32: 1, np.int32: 4000}[dtype]
    image = (np.random.default_rng(0).random((16, 16)) * top).astype(dtype)
    found = c.add_image_noise(image, 1, np.random.default_rng(0))
    assert found.dtype == dtype
    assert found.min() >= 0
    assert found.max() <= top
    assert found.std() > image.std()


def test_the_alpha_channel_is_left_alone():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    found = c.lower_contrast(image, 1)
    assert_array_equal(found[:, :, 3], image[:, :, 3])
    assert np.ptp(found[:, :, 0]) == 0


def test_an_image_is_read_from_its_file_and_its_bytes(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "gray.png")
    content = io.BytesIO()
    Image.fromarray(GRAY).save(content, "png")
    for cell in (str(tmp_path / "gray.png"), content.getvalue()):
        assert_array_equal(c.lower_contrast(cell, 1)[:, :, 0], GRAY)


@pytest.mark.parametrize(("strength", "decibels"), [(0.25, 10), (0.5, 0), (1, -20)])
def test_sound_noise_has_the_signal_to_noise_ratio_of_its_strength(strength, decibels):
    clip = np.sin(np.arange(8000) / 9)
    found, rate = c.add_sound_noise((clip, 8000), strength, np.random.default_rng(0))
    noise = found - clip
    ratio = 10 * np.log10(np.mean(clip**2) / np.mean(noise**2))
    assert ratio == pytest.approx(decibels, abs=1e-3)
    assert rate == 8000


def test_sound_noise_is_white():
    clip = np.sin(np.arange(2**15) / 9)
    noise = c.add_sound_noise((clip, 8000), 1, np.random.default_rng(0))[0] - clip
    power = np.abs(np.fft.rfft(noise)[1:]) ** 2
    bands = [band.mean() for band in np.array_split(power, 8)]
    assert_allclose(bands / np.mean(bands), 1, atol=0.1)


@pytest.mark.parametrize("strength", [0.25, 0.5, 1])
def test_silence_covers_that_share_of_a_clip_without_a_rate(strength):
    clip = np.ones(4000, dtype=np.float32)
    found = c.silence_stretches(clip, strength, np.random.default_rng(0))
    assert np.mean(found == 0) == pytest.approx(strength, abs=0.01)


def test_a_sound_is_read_from_its_file_at_its_rate(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "clip.wav", np.ones(800) / 2, 11025)
    found, rate = c.silence_stretches(
        tmp_path / "clip.wav", 0.5, np.random.default_rng()
    )
    assert (len(found), rate) == (800, 11025)


def test_typos_hit_that_share_of_the_characters_and_no_space():
    found = c.add_typos("0000 0000 " * 1000, 0.3, np.random.default_rng(0))
    assert found.count(" ") == 2000
    letters = sum(character.isalpha() for character in found)
    # A third of 30 % are replaced, a third doubled, a third lost.
    assert letters / 8000 == pytest.approx(0.1, abs=0.01)
    assert found.count("0") / 8000 == pytest.approx(0.9, abs=0.02)


def test_every_character_is_hit_at_full_strength():
    found = [c.add_typos("e", 1, np.random.default_rng(seed)) for seed in range(50)]
    assert "e" not in found


def test_dropped_words_are_that_share_of_the_words():
    text = " ".join(str(number) for number in range(2000))
    left = c.drop_words(text, 0.3, np.random.default_rng(0)).split()
    assert len(left) / 2000 == pytest.approx(0.7, abs=0.03)
    assert left == sorted(left, key=int)
    assert c.drop_words(text, 1, np.random.default_rng(0)) == ""


def test_swapped_words_stay_the_same_words_and_that_share_moves():
    words = [str(number) for number in range(2000)]
    found = c.swap_words(" ".join(words), 0.3, np.random.default_rng(0)).split()
    assert sorted(found) == sorted(words)
    assert np.mean(np.array(found) != words) == pytest.approx(0.3, abs=0.03)


def test_series_noise_has_its_ratio_in_every_channel_and_keeps_gaps():
    series = np.random.default_rng(1).normal(size=(500, 2)) * [1, 50] + [0, 1000]
    series[:10, 0] = np.nan
    found = c.add_series_noise(series, 0.75, np.random.default_rng(0))
    noise = found - series
    ratio = 20 * np.log10(np.nanstd(series, axis=0) / np.sqrt(np.nanmean(noise**2, 0)))
    assert_allclose(ratio, -10, atol=1e-6)
    assert_array_equal(np.isnan(found), np.isnan(series))


@pytest.mark.parametrize("strength", [0.25, 0.5, 1])
def test_lost_steps_are_one_stretch_of_that_share(strength):
    found = c.lose_steps(np.ones((40, 2)), strength, np.random.default_rng(0))
    lost = np.flatnonzero(np.isnan(found).all(axis=1))
    assert len(lost) == 40 * strength
    assert np.ptp(lost) + 1 == len(lost)


def test_a_pandas_series_keeps_its_times():
    times = pd.date_range("2024-01-01", periods=10)
    cell = pd.Series(np.arange(10.0), index=times, name="price")
    found = c.add_series_noise(cell, 0.5, np.random.default_rng(0))
    assert found.index.equals(times)
    assert found.name == "price"
    frame = c.lose_steps(cell.to_frame(), 0.5, np.random.default_rng(0))
    assert list(frame.columns) == ["price"]


def test_dropped_cells_are_that_share_of_the_column():
    column = pd.Series(np.arange(2000))
    found = c.drop_cells(column, 0.3, np.random.default_rng(0))
    assert found.isna().mean() == pytest.approx(0.3, abs=0.03)
    assert c.drop_cells(column, 1, np.random.default_rng(0)).isna().all()


def test_swapped_rows_keep_the_values_and_the_type_of_the_column():
    column = pd.Series(np.arange(2000), index=range(2000, 0, -1)).astype("category")
    found = c.swap_rows(column, 0.3, np.random.default_rng(0))
    assert found.dtype == column.dtype
    assert list(found.index) == list(column.index)
    assert sorted(found) == list(range(2000))
    moved = np.asarray(found) != np.asarray(column)
    assert np.mean(moved) == pytest.approx(0.3, abs=0.03)


def test_an_unknown_kind_is_an_error_that_lists_the_kinds():
    with pytest.raises(ValueError, match=r"one of \['image'.*found 'smell'"):
        default_corruptions("smell")


@pytest.mark.parametrize("name", ["noise", "gaps"])
def test_a_series_of_channels_may_come_as_arrow_gives_it(name):
    plain = CELLS["series"]
    nested = np.empty(len(plain), dtype=object)
    nested[:] = list(plain)
    corruption = default_corruptions("series")[name]
    found, expected = (
        corruption(cell, 0.5, np.random.default_rng(0)) for cell in (nested, plain)
    )
    assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["noise", "gaps"])
def test_a_series_without_steps_or_with_broken_times_is_no_error(name):
    corruption, rng = default_corruptions("series")[name], np.random.default_rng(0)
    for cell in ([], np.array([]), pd.Series([], dtype=float)):
        assert len(corruption(cell, 0.5, rng)) == 0
    unordered = pd.Series([1.0, 2.0, 3.0], index=[3, 1, 2])
    assert corruption(unordered, 0.5, rng).index.tolist() == [3, 1, 2]
