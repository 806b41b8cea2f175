import io
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sklearn_mm.readers.images import list_images, read_image, to_uint8

RED = (255, 0, 0)


def colours(height=6, width=9):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP", "PPM"])
def test_lossless_file_gives_the_pixels_that_were_written(tmp_path, format):
    pixels = colours()
    options = {"lossless": True} if format == "WEBP" else {}
    path = tmp_path / f"image.{format.lower()}"
    path.write_bytes(encoded(Image.fromarray(pixels), format, **options))
    for cell in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(read_image(cell), pixels)


def test_jpeg_is_read_close_to_what_was_written():
    pixels = np.full((16, 16, 3), (200, 100, 50), dtype=np.uint8)
    image = read_image(encoded(Image.fromarray(pixels), "JPEG", quality=95))
    np.testing.assert_allclose(image.astype(int), pixels, atol=3)


def test_pil_image_gives_its_pixels_and_stays_open():
    image = Image.open(io.BytesIO(encoded(Image.fromarray(colours()))))
    np.testing.assert_array_equal(read_image(image), colours())
    assert image.getpixel((0, 0)) == tuple(colours()[0, 0])


def test_gray_file_has_one_channel():
    assert read_image(encoded(Image.new("L", (4, 5), 7))).shape == (5, 4, 1)


def test_black_and_white_file_spans_the_full_range():
    bilevel = Image.fromarray(np.array([[False, True]]))
    assert read_image(encoded(bilevel)).ravel().tolist() == [0, 255]


def test_what_is_transparent_in_black_and_white_is_so():
    file = io.BytesIO()
    Image.new("1", (9, 7), 0).save(file, "PNG", transparency=0)
    assert read_image(file.getvalue())[0, 0].tolist() == [0, 0, 0, 0]


def test_palette_gives_its_colours():
    image = Image.new("RGB", (3, 2), RED).convert("P")
    np.testing.assert_array_equal(
        read_image(encoded(image)), np.full((2, 3, 3), RED, dtype=np.uint8)
    )


def test_transparent_palette_colour_becomes_alpha():
    image = Image.new("P", (1, 1), 0)
    image.putpalette([*RED, 0, 0, 0])
    pixels = read_image(encoded(image, transparency=0))
    assert pixels.tolist() == [[[*RED, 0]]]


def test_sixteen_bit_png_keeps_its_depth():
    deep = np.array([[0, 257, 65535]], dtype=np.uint16)
    image = read_image(encoded(Image.fromarray(deep)))
    assert image.dtype == np.uint16
    assert image.ravel().tolist() == [0, 257, 65535]


def test_float_tiff_keeps_its_values():
    values = np.array([[0.25, -3.5]], dtype=np.float32)
    image = read_image(encoded(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(image[:, :, 0], values)


def test_print_colours_become_red_green_and_blue():
    image = Image.new("CMYK", (1, 1), (0, 255, 255, 0))
    assert read_image(encoded(image, "TIFF")).tolist() == [[list(RED)]]


def test_exif_orientation_is_honoured():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn clockwise by 90 degrees
    turned = read_image(encoded(Image.fromarray(colours()), exif=exif))
    np.testing.assert_array_equal(turned, np.rot90(colours(), k=-1))


def test_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (2, 2), RED), Image.new("RGB", (2, 2), "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (read_image(data)[0, 0] == RED).all()


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 1), (3, 5, 3), (3, 5, 4)])
def test_array_gets_a_last_axis_of_channels(shape):
    image = read_image(np.zeros(shape, dtype=np.float32))
    assert image.shape == (3, 5, shape[2] if len(shape) == 3 else 1)
    assert image.dtype == np.float32


def test_flat_row_of_a_square_number_is_a_square_image():
    row = np.arange(9.0)
    np.testing.assert_array_equal(read_image(row)[:, :, 0], row.reshape(3, 3))


def test_flat_row_of_another_length_is_one_row_of_pixels():
    assert read_image(np.arange(5.0)).shape == (1, 5, 1)


def test_flat_row_of_only_nan_is_missing():
    assert read_image(np.full(4, np.nan)) is None


def test_string_that_is_no_file_is_quoted_with_what_was_expected():
    expected = (
        "expected a path of an image file, bytes, a PIL image or an array; found the "
        "string 'a cat' and no such file exists"
    )
    with pytest.raises(ValueError, match=expected):
        read_image("a cat")


def test_path_that_is_no_file_is_named():
    with pytest.raises(ValueError, match="found the path 'no.png' and no such file"):
        read_image(Path("no.png"))


def test_long_text_is_shortened_in_the_message():
    with pytest.raises(ValueError, match="no such file") as caught:
        read_image("word " * 5000)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
def test_truncated_file_is_named(tmp_path, format):
    noise = Image.fromarray(colours(50, 60))
    data = encoded(noise, format)
    path = tmp_path / "half.image"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="cannot read the image file '.*half.image'"):
        read_image(path)


@pytest.mark.parametrize("data", [b"", b"not an image at all"])
def test_bytes_of_no_image_are_refused(data):
    with pytest.raises(ValueError, match="not a format Pillow knows"):
        read_image(data)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("limit", [40, 20])
def test_decompression_bomb_is_an_error(monkeypatch, limit):
    # 54 pixels: up to twice its limit Pillow itself only warns.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match="decompression bomb"):
        read_image(encoded(Image.fromarray(colours())))


@pytest.mark.parametrize("cell", [3, ["a", "b"], {"image": 1}, object()])
def test_cell_of_another_kind_is_a_type_error(cell):
    with pytest.raises(TypeError, match=f"found {type(cell).__name__}"):
        read_image(cell)


def test_array_of_text_is_a_type_error():
    with pytest.raises(TypeError, match="an array of <U3"):
        read_image(np.array([["abc"]]))


@pytest.mark.parametrize("shape", [(4, 5, 2), (2, 4, 5, 3), ()])
def test_shape_that_is_no_image_is_quoted(shape):
    with pytest.raises(ValueError, match=rf"found \({', '.join(map(str, shape))}"):
        read_image(np.zeros(shape))


def test_channels_in_front_get_advice():
    with pytest.raises(ValueError, match=r"np.moveaxis\(image, 0, -1\)"):
        read_image(np.zeros((3, 20, 20)))


def test_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match="without pixels"):
        read_image(np.zeros((0, 5, 3)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pixels_that_are_not_finite_are_counted(bad):
    with pytest.raises(ValueError, match="1 of 4 pixels are NaN or infinite"):
        read_image(np.array([[0.0, bad], [0.5, 1.0]]))


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="counts open files there")
def test_files_are_closed_whether_or_not_they_can_be_read(tmp_path):
    data = encoded(Image.fromarray(colours(50, 60)))
    (tmp_path / "whole.png").write_bytes(data)
    (tmp_path / "half.png").write_bytes(data[: len(data) // 2])
    before = len(os.listdir("/dev/fd"))
    read_image(tmp_path / "whole.png")
    with pytest.raises(ValueError, match="truncated") as kept:
        read_image(tmp_path / "half.png")
    assert len(os.listdir("/dev/fd")) == before, kept


def test_booleans_become_black_and_white():
    assert to_uint8(np.array([False, True]), None).tolist() == [0, 255]


def test_sixteen_bits_are_scaled_by_their_full_range():
    deep = np.array([0, 128, 129, 32768, 65535], dtype=np.uint16)
    expected = np.rint(deep / 65535 * 255)
    np.testing.assert_array_equal(to_uint8(deep, None), expected)


def test_other_types_wait_for_a_range():
    assert to_uint8(np.array([0.5]), None) is None


def test_values_outside_the_range_are_clipped():
    pixels = to_uint8(np.array([-5.0, 0.0, 1.0, 2.0, 9.0]), (0.0, 2.0))
    assert pixels.tolist() == [0, 0, 128, 255, 255]


def jpeg(width, height, **options):
    return encoded(Image.new("RGB", (width, height), "teal"), "JPEG", **options)


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (800, 640, (80, 100, 3)),  # an eighth
        (800, 560, (140, 200, 3)),  # an eighth would leave 70 pixels of height
        (796, 644, (161, 199, 3)),  # an eighth would leave a rest
        (799, 640, (640, 799, 3)),  # no scale divides the width
        (100, 100, (100, 100, 3)),
    ],
)
def test_jpeg_is_decoded_at_the_smallest_scale_that_is_enough(width, height, shape):
    assert read_image(jpeg(width, height), enough=80).shape == shape


def test_jpeg_is_decoded_in_full_by_default():
    assert read_image(jpeg(800, 640)).shape == (640, 800, 3)


def test_reduced_jpeg_is_turned_as_its_orientation_says():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_image(jpeg(800, 640, exif=exif), enough=80).shape == (100, 80, 3)


def test_other_formats_are_decoded_in_full():
    png = encoded(Image.new("RGB", (800, 640)))
    assert read_image(png, enough=80).shape == (640, 800, 3)


def test_pil_image_that_is_still_unread_is_not_changed():
    image = Image.open(io.BytesIO(jpeg(800, 640)))
    assert read_image(image, enough=80).shape == (640, 800, 3)
    assert image.size == (800, 640)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="which is a folder"):
        read_image(tmp_path)


# Forms of cells


class GivesArray:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class GivesInterface:
    def __init__(self, array):
        self.array = array
        self.__array_interface__ = array.__array_interface__


class GivesDLPack:
    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def nested_objects(pixels):
    """Give pixels as Arrow gives nested lists."""
    rows = np.empty(len(pixels), dtype=object)
    for place, row in enumerate(pixels):
        rows[place] = np.empty(len(row), dtype=object)
        rows[place][:] = list(row)
    return rows


def with_gradients(pixels):
    import torch

    return torch.tensor(pixels.astype(np.float32), requires_grad=True)


def in_bfloat16(pixels):
    import torch

    return torch.tensor(pixels, dtype=torch.bfloat16)  # has room for 0 to 255


FORMS = {
    "lists": lambda pixels: pixels.tolist(),
    "tuples": lambda pixels: tuple(tuple(map(tuple, row)) for row in pixels.tolist()),
    "rows of arrays": list,
    "arrays of arrays": nested_objects,
    "polars": lambda pixels: __import__("polars").Series(pixels.tolist()),
    "__array__": GivesArray,
    "__array_interface__": GivesInterface,
    "__dlpack__": GivesDLPack,
    "memoryview": memoryview,
    "tensor with gradients": with_gradients,
    "tensor of bfloat16": in_bfloat16,
    "sparse tensor": lambda pixels: __import__("torch").tensor(pixels).to_sparse(),
    "decimals": lambda pixels: [
        [[Decimal(int(value)) for value in pixel] for pixel in row] for row in pixels
    ],
    "big-endian": lambda pixels: pixels.astype(">f8"),
    "masked nowhere": np.ma.array,
    "float16": lambda pixels: pixels.astype(np.float16),
    "array of no axes": lambda pixels: np.array(
        {"bytes": encoded(Image.fromarray(pixels)), "path": None}
    ),
    "PNG in an array of bytes": lambda pixels: np.frombuffer(
        encoded(Image.fromarray(pixels)), dtype=np.uint8
    ),
    "PNG in a struct": lambda pixels: {
        "bytes": encoded(Image.fromarray(pixels)),
        "path": "gone.png",
    },
    "PNG in BytesIO": lambda pixels: io.BytesIO(encoded(Image.fromarray(pixels))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_cell_gives_its_pixels(form):
    pixels = colours()
    np.testing.assert_array_equal(read_image(FORMS[form](pixels)), pixels)


def test_a_struct_that_holds_nothing_is_missing():
    assert read_image({"bytes": None, "path": None}) is None


def test_an_array_that_is_masked_all_over_is_missing():
    assert read_image(np.ma.masked_all((3, 4))) is None


def test_pixels_that_are_masked_are_counted():
    with pytest.raises(ValueError, match="2 of 6 pixels are masked"):
        read_image(np.ma.masked_greater(np.arange(6).reshape(2, 3), 3))


def test_rows_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="rows of unequal length"):
        read_image([[1, 2, 3], [4, 5]])


# Several images


@pytest.mark.parametrize(
    ("cell", "n_images"),
    [
        (["a.png", "b.png"], 2),
        (("a.png", None, np.nan, "b.png"), 2),
        (np.array(["a.png", "b.png"], dtype=object), 2),
        ([{"bytes": b"1", "path": None}] * 3, 3),
        ([], 0),
        ([None], 0),
        (None, 0),
        ("a.png", 1),
        ([[1, 2], [3, 4]], 1),
        ([[[1, 2, 3]] * 4] * 5, 1),
        ([[[[1, 2, 3]] * 4] * 5] * 2, 2),
        (np.zeros((5, 4, 3)), 1),
        (np.zeros((2, 5, 4, 3)), 2),
        ([np.zeros((5, 4, 3)), np.zeros((6, 4, 3))], 2),
        ([np.zeros((5, 5)), np.zeros((5, 5))], 2),
        ([np.zeros((5, 5)), np.zeros((4, 5))], 2),
        ([np.zeros(5), np.zeros(5)], 1),
        ([Image.new("L", (2, 2))] * 2, 2),
    ],
)
def test_the_images_of_a_cell_are_counted(cell, n_images):
    assert len(list_images(cell)) == n_images


def test_a_string_holds_several_paths_only_if_asked(tmp_path):
    assert list_images("a.png;b.png") == ["a.png;b.png"]
    assert list_images("a.png; b.png;", ";") == ["a.png", "b.png"]
    Image.new("L", (2, 2)).save(tmp_path / "a;b.png")
    assert list_images(str(tmp_path / "a;b.png"), ";") == [str(tmp_path / "a;b.png")]
