import io

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits, load_sample_image
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import ImageTransformer


@parametrize_with_checks(
    [
        ImageTransformer(size=(8, 8)),
        ImageTransformer(size=(8, 6), mode="gray", value_range=(-5, 5)),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def photos(n=6, height=20, width=30):
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (n, height, width, 3), dtype=np.uint8))


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pixels_of(cells, **parameters):
    """Give the pixels of cells that keep their size: (n, height, width)."""
    parameters = {"size": np.asarray(cells[0]).shape[:2], "mode": "gray"} | parameters
    return ImageTransformer(**parameters).fit_transform(cells).values[:, 0]


def test_every_kind_of_cell_in_one_column_gives_the_same_image(tmp_path):
    pixels = photos(1)[0]
    path = tmp_path / "photo.png"
    path.write_bytes(png(pixels))
    opaque = np.dstack([pixels, np.full((20, 30), 255, dtype=np.uint8)])
    cells = [
        str(path),
        path,
        path.read_bytes(),
        Image.fromarray(pixels),
        pixels,
        opaque,
        pixels / 255,
        pixels.astype(np.uint16) * 257,
    ]
    block = ImageTransformer(size=(20, 30)).fit_transform(pd.Series(cells))
    assert block.kind == "image"
    assert block.values.dtype == np.uint8
    assert block.values.shape == (len(cells), 3, 20, 30)
    for image in block.values:
        assert_array_equal(np.moveaxis(image, 0, -1), pixels)


def test_row_of_only_nan_in_a_table_of_numbers_is_missing():
    table = np.array([[0.0, 1.0, 0.5, 0.2], [np.nan] * 4])
    block = ImageTransformer(size=(2, 2)).fit_transform(table)
    assert block.lengths.tolist() == [1, 0]


def test_gray_images_become_three_equal_channels_in_rgb():
    block = ImageTransformer(size=(4, 5)).fit_transform([photos()[0][:4, :5, 0]])
    for channel in block.values[0]:
        assert_array_equal(channel, photos()[0][:4, :5, 0])


def test_gray_is_the_luma_of_bt_601():
    red, green, blue = np.moveaxis(photos()[0].astype(float), -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    assert_allclose(pixels_of(photos()[:1])[0], luma, atol=1)


def test_alpha_is_composited_on_white():
    cell = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]], dtype=np.uint8)
    block = ImageTransformer(size=(1, 3)).fit_transform([cell])
    colours = block.values[0, :, 0].T
    assert colours.tolist() == [[255, 0, 0], [255, 255, 255], [204, 204, 204]]


def test_float_alpha_is_composited_on_white():
    cell = np.array([[[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.2]]])
    block = ImageTransformer(size=(1, 2)).fit_transform([cell])
    assert block.values[0, :, 0].T.tolist() == [[255, 255, 255], [204, 204, 204]]


def test_size_is_height_then_width():
    block = ImageTransformer(size=(3, 7)).fit_transform(photos())
    assert block.token_shape == (3, 3, 7)


@pytest.mark.parametrize("size", [(64, 64), (32, 48), (100, 30), (500, 700)])
def test_resizing_is_close_to_scikit_image(size):
    from skimage.transform import resize

    photo = load_sample_image("flower.jpg")
    resized = ImageTransformer(size=size).fit_transform([photo]).values[0]
    reference = resize(photo, size, order=1, anti_aliasing=True) * 255
    # The filters differ: a triangle here, a Gaussian there.
    difference = np.abs(np.moveaxis(resized, 0, -1) - reference)
    assert difference.mean() < 1
    assert difference.max() < 12


def test_fine_checkerboard_shrinks_to_gray():
    board = (np.indices((256, 256)).sum(axis=0) % 2).astype(bool)
    shrunk = pixels_of([board], size=(30, 30))
    assert_allclose(shrunk, 127.5, atol=8)


def test_floats_within_zero_and_one_are_scaled_by_that():
    cells = [np.array([[0.2, 0.6]]), np.array([[0.0, 0.4]])]
    transformer = ImageTransformer(size=(1, 2), mode="gray").fit(cells)
    assert transformer.value_range_ == (0.0, 1.0)
    assert transformer.transform(cells).values[:, 0, 0].tolist() == [
        [51, 153],
        [0, 102],
    ]


def test_integers_within_255_are_taken_as_they_are():
    cell = np.array([[3, 200]], dtype=np.int64)
    assert pixels_of([cell]).ravel().tolist() == [3, 200]


def test_other_values_are_scaled_by_the_range_of_the_training_cells():
    transformer = ImageTransformer(size=(1, 2), mode="gray")
    transformer.fit([np.array([[-10.0, 0.0]]), np.array([[5.0, 10.0]])])
    assert transformer.value_range_ == (-10.0, 10.0)
    block = transformer.transform(
        [np.array([[-10.0, 10.0]]), np.array([[-99.0, 99.0]])]
    )
    assert block.values[:, 0, 0].tolist() == [[0, 255], [0, 255]]


def test_given_range_is_used():
    cell = np.array([[0, 1000, 4000, 5000]], dtype=np.int32)
    pixels = pixels_of([cell], value_range=(0, 4000))
    assert pixels.ravel().tolist() == [0, 64, 255, 255]


def test_a_given_range_is_that_of_sixteen_bits_too():
    radiograph = np.array([[0, 1000, 4095, 5000]], dtype=np.uint16)
    pixels = pixels_of([radiograph], value_range=(0, 4095))
    assert pixels.ravel().tolist() == [0, 62, 255, 255]


def test_full_range_types_need_no_range():
    transformer = ImageTransformer().fit([photos()[0], np.eye(3, dtype=bool)])
    assert transformer.value_range_ == (0.0, 1.0)


def test_constant_images_of_any_value_are_read():
    assert pixels_of([np.full((2, 2), 7.0)] * 2).tolist() == [[[0, 0], [0, 0]]] * 2


def test_row_of_a_table_is_a_square_gray_image():
    X, _ = load_digits(return_X_y=True)
    pixels = ImageTransformer(size=(8, 8), mode="gray").fit_transform(X).values
    assert_array_equal(pixels[:, 0], np.rint(X.reshape(-1, 8, 8) / 16 * 255))


def test_stack_of_images_is_a_column():
    stack = np.stack(photos())
    block = ImageTransformer(size=(20, 30)).fit_transform(stack)
    assert_array_equal(block.values, np.moveaxis(stack, -1, 1))


def test_broken_cell_is_named_by_its_row(tmp_path):
    (tmp_path / "broken.png").write_bytes(png(photos()[0])[:100])
    column = pd.Series([photos()[0], tmp_path / "broken.png"], name="photo")
    with pytest.raises(
        ValueError, match="ImageTransformer: column 'photo', row 1: cannot read the"
    ):
        ImageTransformer().fit(column)


def test_string_where_an_image_belongs_is_named_by_its_row():
    with pytest.raises(ValueError, match="row 0: expected a path .* string 'a cat'"):
        ImageTransformer().fit(["a cat"])


def test_broken_cells_can_count_as_missing_with_one_warning():
    cells = [photos()[0], "a cat", np.full((2, 2), np.nan), 5]
    transformer = ImageTransformer(on_error="missing")
    with pytest.warns(UserWarning, match="3 of 4 cells could not be read") as caught:
        block = transformer.fit_transform(cells)
    assert len(caught) == 1
    assert block.lengths.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"mode": "cmyk"}, r"mode must be one of \('rgb', 'gray'\), found 'cmyk'"),
        ({"representation": "sift"}, "representation must be one of .*'hog'.*'sift'"),
        ({"size": 32}, r"size must be \(height, width\).*found 32"),
        ({"size": (32, 0)}, r"size must be .*found \(32, 0\)"),
        ({"size": (3, 32, 32)}, "size must be"),
        ({"pixels_per_cell": (8, 8.5)}, "pixels_per_cell must be"),
        ({"n_coefficients": 0}, "n_coefficients must be an integer of at least 1"),
        ({"n_components": 0.9}, "n_components must be an integer .* found 0.9"),
        ({"value_range": (1, 1)}, "value_range must be None or .black, white."),
        ({"value_range": (0, np.inf)}, "value_range must be"),
        ({"value_range": "full"}, "value_range must be"),
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'missing'"),
        (
            {"representation": "hog", "size": (8, 8)},
            r"one block of \(2, 2\) cells of \(8, 8\) pixels does not fit",
        ),
        (
            {"representation": "dct", "size": (4, 4)},
            r"n_coefficients=64, but an image of size \(4, 4\) has only 16",
        ),
    ],
)
def test_parameter_that_cannot_work_is_explained(parameters, message):
    with pytest.raises(ValueError, match=message):
        ImageTransformer(**parameters).fit(photos())


def test_failed_fit_leaves_a_fitted_transformer_as_it_was():
    transformer = ImageTransformer().fit([np.array([[-1.0, 3.0]])])
    with pytest.raises(ValueError, match="row 1"):
        transformer.fit([np.array([[0.0, 9.0]]), "a cat"])
    assert transformer.value_range_ == (-1.0, 3.0)


def test_cells_are_left_as_they_were():
    cells = [photos()[0], np.array([[-1.0, 3.0]]), np.eye(3, dtype=bool)]
    copies = [cell.copy() for cell in cells]
    ImageTransformer().fit_transform(cells)
    for cell, copy in zip(cells, copies, strict=True):
        assert_array_equal(cell, copy)


def test_clone_has_the_parameters_and_nothing_learned():
    transformer = ImageTransformer((8, 8), representation="dct", n_coefficients=3)
    copy = clone(transformer.fit(photos()))
    assert copy.get_params() == transformer.get_params()
    assert not hasattr(copy, "value_range_")


# Several images


def test_the_images_of_a_row_are_its_tokens():
    cells = [photos()[:3], None, photos()[3], []]
    block = ImageTransformer(size=(20, 30)).fit_transform(cells)
    assert block.lengths.tolist() == [3, 0, 1, 0]
    expected = np.moveaxis(np.stack(photos()[:4]), -1, 1)
    assert_array_equal(block.values, expected)


def test_several_columns_are_the_images_of_a_row():
    left, right = photos()[:3], [photos()[3], None, photos()[5]]
    table = pd.DataFrame({"left": left, "right": right})
    block = ImageTransformer(size=(20, 30)).fit_transform(table)
    assert block.lengths.tolist() == [2, 1, 2]
    assert_array_equal(np.moveaxis(block.values[1], 0, -1), right[0])
    flat = pd.DataFrame({"a": [np.arange(4.0)], "b": [np.arange(9.0)]})
    assert ImageTransformer().fit_transform(flat).lengths.tolist() == [2]


def test_paths_in_one_string_are_several_images_if_asked(tmp_path):
    for name, photo in zip("ab", photos(), strict=False):
        (tmp_path / f"{name}.png").write_bytes(png(photo))
    cells = ["a.png;b.png", "a.png", None]
    transformer = ImageTransformer(separator=";", root=tmp_path)
    assert transformer.fit_transform(cells).lengths.tolist() == [2, 1, 0]
    with pytest.raises(ValueError, match="row 0: expected a path"):
        ImageTransformer(root=tmp_path).fit(cells)


@pytest.mark.parametrize("representation", ["hog", "dct", "pca"])
def test_vectors_of_several_images_are_averaged(representation):
    parameters = {"size": (16, 16), "representation": representation}
    transformer = ImageTransformer(**parameters, n_components=3, random_state=0)
    transformer.fit(photos())
    single = transformer.transform(photos()).values
    several = transformer.transform([photos()[:2], None, photos()[2:]])
    assert several.lengths.tolist() == [1, 0, 1]
    expected = [single[:2].mean(axis=0), single[2:].mean(axis=0)]
    assert_allclose(several.values, expected, rtol=1e-4, atol=1e-5)


def test_which_of_several_images_is_broken_is_said():
    with pytest.raises(ValueError, match="row 1: image 2 of 2: expected a path"):
        ImageTransformer().fit([photos()[0], [photos()[0], "a cat"]])


# Scales


def test_floats_on_another_scale_than_in_training_are_counted_in_one_warning():
    transformer = ImageTransformer(size=(20, 30)).fit([png(photos()[0])])
    cells = [photo.astype(np.float32) for photo in photos()]
    with pytest.warns(
        UserWarning, match="6 of 6 images are not on the scale"
    ) as caught:
        transformer.transform(cells)
    assert len(caught) == 1


def test_a_training_column_of_two_scales_is_warned_of():
    with pytest.warns(UserWarning, match="1 of 2 images are not on the scale"):
        ImageTransformer().fit([photos()[0] / 255, photos()[1].astype(float)])


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(
    "cells",
    [
        [photos()[0] / 255, photos()[1]],
        [photos()[0].astype(float), np.zeros((3, 3))],
        [photos()[0].astype(np.uint16) * 257, np.zeros((3, 3), np.uint16)],
    ],
)
def test_images_on_one_scale_are_not_warned_of(cells):
    ImageTransformer().fit(cells).transform(cells)


def test_twelve_bits_in_sixteen_are_counted_in_one_warning():
    cells = [photo.astype(np.uint16) * 16 for photo in photos()]
    with pytest.warns(
        UserWarning, match=r"all 6 images .* value_range.*4095"
    ) as caught:
        ImageTransformer().fit(cells)
    assert len(caught) == 1


@pytest.mark.filterwarnings("error::UserWarning")
def test_twelve_bits_with_their_range_are_not_warned_of():
    cells = [photo.astype(np.uint16) * 16 for photo in photos()]
    ImageTransformer(value_range=(0, 4095)).fit(cells)


# Places and limits


def test_relative_paths_begin_at_the_root(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png(photos()[0]))
    monkeypatch.chdir("/")
    cells = ["a.png", {"bytes": None, "path": "a.png"}, str(tmp_path / "a.png")]
    block = ImageTransformer(size=(20, 30), root=tmp_path).fit_transform(cells)
    for image in block.values:
        assert_array_equal(np.moveaxis(image, 0, -1), photos()[0])


def test_urls_are_read_if_asked_for():
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe("/images/a.png", png(photos()[0]))
    transformer = ImageTransformer(size=(20, 30))
    with pytest.raises(ValueError, match="row 0: .* the URL 'memory://images/a.png'"):
        transformer.fit(["memory://images/a.png"])
    block = transformer.set_params(remote=True).fit_transform(["memory://images/a.png"])
    assert_array_equal(np.moveaxis(block.values[0], 0, -1), photos()[0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_pixels": 100}, "row 0: .*20 pixels, above the limit max_pixels=100"),
        ({"max_bytes": 10}, "row 0: .*above the limit max_bytes=10"),
        ({"max_pixels": 0}, "max_pixels must be None or an integer of at least 1"),
        ({"max_bytes": "1 MB"}, "max_bytes must be a positive number"),
        ({"separator": ""}, "separator must be None or a string"),
        ({"root": "/no/folder"}, "root='/no/folder', which is no folder"),
    ],
)
def test_limits_are_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        ImageTransformer(**parameters).fit([png(photos()[0])])


# Errors of any kind


class Broken:
    """An array whose reading fails in a way of its own."""

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OverflowError("too large"), "OverflowError: too large"),
        (RuntimeError("no"), "RuntimeError: no"),
        (KeyError("a"), "KeyError: 'a'"),
        (MemoryError(), "MemoryError"),
        (RecursionError("deep"), "RecursionError: deep"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_any_exception_names_its_row_and_can_count_as_missing(error, said):
    cells = [photos()[0], Broken(error)]
    with pytest.raises(ValueError, match=f"row 1: {said}"):
        ImageTransformer().fit(cells)
    with pytest.warns(UserWarning, match="1 of 2 cells could not be read"):
        block = ImageTransformer(on_error="missing").fit_transform(cells)
    assert block.lengths.tolist() == [1, 0]


def test_a_name_that_is_not_utf_8_is_read(tmp_path):
    import os

    name = os.fsencode(tmp_path) + b"/\xff.png"
    with open(name, "wb") as file:
        file.write(png(photos()[0]))
    block = ImageTransformer(size=(20, 30)).fit_transform([os.fsdecode(name)])
    assert_array_equal(np.moveaxis(block.values[0], 0, -1), photos()[0])
