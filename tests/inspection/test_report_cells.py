"""The cells of a report: what each kind looks like."""

import base64
import io

import numpy as np
import pandas as pd
import soundfile
from PIL import Image
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AudioTransformer,
    ImageTransformer,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.inspection.reporting.cells import show_cell


def decode(uri):
    return io.BytesIO(base64.b64decode(uri.split(",")[1], validate=True))


def show(transformer, *cells):
    table = pd.DataFrame({"cell": pd.Series(cells, dtype=object)})
    return show_cell(transformer, table, "cell", len(cells) - 1)


def test_a_series_is_a_line_for_each_stretch_of_each_channel():
    cell = np.array([[0.0, 1.0], [np.nan, 2.0], [4.0, 3.0], [8.0, 4.0]])
    shown = show(TimeSeriesTransformer(), cell)
    assert shown.kind == "series"
    assert [channel for channel, _ in shown.content] == [0, 0, 1]
    # 4 is half of 0 to 8: half of the 60 pixels; 8 is on top, at the right end.
    assert shown.content[1][1] == "133.3,30.0 200.0,0.0"
    assert shown.note == "4 steps, 0 to 8"


def test_a_long_series_has_as_many_points_as_can_be_seen():
    ((_, points),) = show(TimeSeriesTransformer(), np.arange(5000.0)).content
    assert 100 <= len(points.split()) <= 200
    assert points.split()[-1] == "200.0,0.0"


def test_a_large_image_is_made_small_and_keeps_its_shape():
    image = np.zeros((300, 600, 3), dtype=np.uint8)
    image[:, 300:] = 255
    shown = show(ImageTransformer(), image)
    assert shown.note == "600 × 300 pixels"
    pixels = np.asarray(Image.open(decode(shown.content)))
    assert pixels.shape == (80, 160, 3)
    assert pixels[:, :75].max() == 0
    assert pixels[:, 85:].min() == 255


def test_numbers_from_zero_to_one_are_black_to_white():
    pixels = np.asarray(Image.open(decode(show(ImageTransformer(), np.eye(4)).content)))
    assert np.array_equal(pixels, 255 * np.eye(4))


def test_a_clip_that_is_too_loud_for_a_file_is_made_softer():
    cell = (np.array([0.0, 2.0, -4.0, 1.0]), 8000)
    samples, rate = soundfile.read(decode(show(AudioTransformer(), cell).content))
    assert rate == 8000
    np.testing.assert_allclose(samples, [0, 0.5, -1, 0.25], atol=1 / 2**15)


def test_an_array_without_a_rate_has_that_of_its_transformer():
    cell = np.zeros(500)
    _, rate = soundfile.read(
        decode(show(AudioTransformer(sampling_rate=4000), cell).content)
    )
    assert rate == 4000


def test_of_a_long_clip_the_first_ten_seconds_can_be_played():
    shown = show(AudioTransformer(), (np.zeros(12_000), 1000))
    samples, _ = soundfile.read(decode(shown.content))
    assert len(samples) == 10_000
    assert shown.note == "12.00 s at 1,000 Hz, the first 10 s"


def test_a_broken_cell_says_what_is_wrong_with_it(tmp_path):
    (tmp_path / "broken.png").write_text("no image")
    shown = show(ImageTransformer(on_error="missing"), str(tmp_path / "broken.png"))
    assert shown.kind == "broken"
    assert "not a format Pillow knows" in shown.content


def test_missing_cells_of_every_kind_are_missing():
    for transformer in (ImageTransformer(), TextTransformer(), StandardScaler()):
        for cell in (None, np.nan, pd.NA):
            assert show(transformer, "x", cell).kind == "missing"
    assert show(AudioTransformer(), np.full(3, np.nan)).kind == "missing"
    assert show(TimeSeriesTransformer(), np.full(3, np.nan)).kind == "missing"


def test_a_long_text_is_cut():
    shown = show(TextTransformer(), "fox " * 500)
    assert len(shown.content) < 420
    assert shown.content.endswith("…")


def test_several_columns_are_values_by_name():
    table = pd.DataFrame({"age": [1.23456], "town": ["Oslo"], "size": [None]})
    shown = show_cell(StandardScaler(), table, ["age", "town", "size"], 0)
    assert shown.content == [("age", "1.235"), ("town", "Oslo"), ("size", "missing")]


def test_a_series_of_channels_may_come_as_arrow_gives_it():
    nested = np.empty(2, dtype=object)
    nested[:] = [np.array([0.0, 1.0]), np.array([4.0, 3.0])]
    shown = show(TimeSeriesTransformer(), nested)
    assert (shown.kind, shown.note) == ("series", "2 steps, 0 to 4")
