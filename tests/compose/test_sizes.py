"""The union reads small images at their size, and sounds at their rate where it is low.

Each parameter that is chosen is held against the cells, and against what the default
transformer makes of them.
"""

import io

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from sklearn_mm import ImageTransformer, make_multimodal_union

RNG = np.random.default_rng(0)


def choose(cells, **options):
    """The transformer that the union chooses for a column of cells."""
    X = pd.DataFrame({"cell": pd.Series(cells, dtype=object)})
    union = make_multimodal_union(X, verbose=False, classical=False, **options)
    return union.transformers[0][1]


def colours(height, width):
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def tone(rate, n_samples=800):
    return np.sin(np.arange(n_samples) / 9.0), rate


def as_png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def as_wav(rate):
    file = io.BytesIO()
    soundfile.write(file, tone(rate)[0], rate, format="WAV")
    return file.getvalue()


def test_small_images_keep_their_size():
    assert choose([colours(28, 28)] * 4).size == (28, 28)


def test_of_an_oblong_image_the_longer_side_counts():
    assert choose([colours(20, 40)] * 4).size == (40, 40)


def test_of_images_of_many_sizes_the_median_counts():
    cells = [colours(side, side) for side in (20, 30, 40, 300, 300)]
    assert choose(cells).size == (40, 40)


@pytest.mark.parametrize("side", [64, 65, 500])
def test_images_of_64_pixels_or_more_have_the_default_size(side):
    assert choose([colours(side, side)] * 2).size == ImageTransformer().size


def test_no_image_is_smaller_than_16_pixels():
    assert choose([colours(5, 4)] * 4).size == (16, 16)


@pytest.mark.parametrize(
    "form",
    [
        lambda pixels: pixels,
        Image.fromarray,
        as_png,
        lambda pixels: {"bytes": as_png(pixels), "path": None},
        lambda pixels: [pixels, pixels],
    ],
    ids=["array", "pil", "bytes", "struct", "list"],
)
def test_the_size_is_told_of_every_form_of_cell(form):
    assert choose([form(colours(28, 28))] * 3).size == (28, 28)


def test_the_size_of_files_below_root_is_told(tmp_path):
    Image.fromarray(colours(28, 28)).save(tmp_path / "a.png")
    assert choose(["a.png"] * 3, root=tmp_path).size == (28, 28)


def test_gray_images_are_read_as_gray():
    gray = colours(28, 28)[..., 0]
    assert choose([gray] * 3).mode == "gray"
    assert choose([np.stack([gray] * 3, axis=2)] * 3).mode == "gray"


def test_one_image_in_colour_is_enough_for_colours():
    gray = np.stack([colours(28, 28)[..., 0]] * 3, axis=2)
    assert choose([gray, gray, colours(28, 28)]).mode == "rgb"


def test_gray_images_with_transparent_parts_may_be_any():
    pixels = np.full((28, 28, 4), 9, dtype=np.uint8)
    pixels[:9, :, 3] = 0
    assert choose([pixels] * 3).mode == "rgb"


def test_gray_images_get_no_reading_of_colours():
    X = pd.DataFrame({"photo": [colours(28, 28)[..., 0]] * 4})
    union = make_multimodal_union(X, verbose=False)
    assert [name for name, *_ in union.transformers] == ["photo", "photo_shapes"]


def test_an_image_that_cannot_be_read_does_not_decide():
    truncated = as_png(colours(28, 28))[:-40]
    assert choose([truncated, colours(28, 28)]).size == (28, 28)


@pytest.mark.parametrize("form", [tone, as_wav], ids=["pairs", "bytes"])
def test_sounds_of_a_low_rate_keep_it(form):
    assert choose([form(8000)] * 3).sampling_rate == 8000


def test_of_low_rates_the_highest_counts():
    assert choose([tone(4000), tone(11025), tone(8000)]).sampling_rate == 11025


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_sounds_of_usual_rates_have_the_default(rate):
    assert choose([tone(rate)] * 3).sampling_rate is None
    assert choose([tone(8000), tone(rate)]).sampling_rate is None


def test_the_reading_of_sounds_has_the_rate_of_the_cells():
    X = pd.DataFrame({"clip": [tone(8000)] * 4})
    union = make_multimodal_union(X, verbose=False)
    mels = union.get_params()["clip_spectrum__cells__cells"]
    assert mels.sampling_rate == 8000
