"""What image files hold, claim and carry along."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from sklearn_mm.readers.images import read_image, to_uint8

tifffile = pytest.importorskip("tifffile")  # scikit-image brings it

DEEP = np.array([[0, 257, 1000], [4095, 40000, 65535]], dtype=np.uint16)
HEAD = b"\x89PNG\r\n\x1a\n"


def encoded(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def colours(height=6, width=9):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def chunk(name, data, crc=None):
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


def tiff(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def pnm(array, magic, maxval=65535):
    height, width = array.shape[:2]
    numbers = array.astype(">u2").tobytes()
    return b"%s %d %d %d\n" % (magic, width, height, maxval) + numbers


# Depth


@pytest.mark.parametrize(
    "data",
    [
        encoded(Image.fromarray(DEEP)),
        pnm(DEEP, b"P5"),
        b"P2 3 2 65535 " + b" ".join(b"%d" % n for n in DEEP.ravel()),
        tiff(DEEP),
        tiff(DEEP, byteorder=">"),
        tiff(DEEP, compression="zlib"),
        tiff(65535 - DEEP, photometric="miniswhite"),
        encoded(Image.fromarray(DEEP), "JPEG2000", irreversible=False),
    ],
    ids=[
        "PNG",
        "PGM",
        "plain PGM",
        "TIFF",
        "big-endian TIFF",
        "packed TIFF",
        "TIFF of which white is zero",
        "JPEG 2000",
    ],
)
def test_sixteen_bits_are_the_same_in_every_format(data):
    image = read_image(data)
    np.testing.assert_array_equal(image[:, :, 0], DEEP)
    np.testing.assert_array_equal(to_uint8(image, None)[:, :, 0], np.rint(DEEP / 257))


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B", "I;16N"])
def test_sixteen_bits_are_the_same_in_every_mode(mode):
    image = Image.frombytes("I;16", (3, 2), DEEP.tobytes())
    if mode == "I;16B":
        image = Image.frombytes(mode, (3, 2), DEEP.astype(">u2").tobytes())
    elif mode != "I;16":
        image = Image.frombytes(mode, (3, 2), DEEP.tobytes())
    np.testing.assert_array_equal(read_image(image)[:, :, 0], DEEP)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[0, 5, 2**31 + 7, 2**32 - 1]], np.uint32),
        np.array([[-3, 5]], np.int32),
        np.array([[-3, 5]], np.int16),
        np.array([[-3, 5]], np.int8),
        np.array([[-0.5, 2e9]], np.float32),
    ],
    ids=lambda array: str(array.dtype),
)
def test_the_numbers_of_a_tiff_are_kept(array):
    np.testing.assert_array_equal(read_image(tiff(array))[:, :, 0], array)


def test_sixteen_bits_of_colours_are_the_same_in_every_format():
    deep = np.random.default_rng(0).integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    body = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 7, 5, 16, 2, 0, 0, 0))
    png = HEAD + head + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    for data in (png, pnm(deep, b"P6"), tiff(deep, photometric="rgb")):
        np.testing.assert_array_equal(read_image(data), deep >> 8)


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBa", "RGBX", "CMYK", "HSV"])
def test_every_mode_of_pillow_is_read(mode):
    assert read_image(Image.new(mode, (3, 2))).shape in ((2, 3, 3), (2, 3, 4))


# Formats


@pytest.mark.filterwarnings("ignore:IM image format:DeprecationWarning")
@pytest.mark.parametrize("format", ["EPS", "PDF", "IM", "SPIDER"])
def test_a_format_that_is_not_meant_is_refused(format, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    data = encoded(Image.new("F" if format == "SPIDER" else "RGB", (9, 9)), format)
    with pytest.raises(ValueError, match="Pillow knows, of those|among the formats"):
        read_image(data)


def test_postscript_is_refused_by_name():
    with pytest.raises(ValueError, match="EPS is not among the formats that are read"):
        read_image(encoded(Image.new("RGB", (9, 9)), "EPS"))


@pytest.mark.parametrize(
    "format", ["PNG", "BMP", "TIFF", "PPM", "GIF", "ICO", "PCX", "SGI", "QOI", "WEBP"]
)
def test_a_format_that_is_meant_is_read(format):
    options = {"ICO": {"sizes": [(16, 16)]}, "WEBP": {"lossless": True}}
    Image.init()
    if format not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {format}")
    image = Image.new("RGB", (16, 16), (255, 0, 0))
    pixels = read_image(encoded(image, format, **options.get(format, {})))
    assert pixels[0, 0, :3].tolist() == [255, 0, 0]


def test_tga_is_read_by_its_name(tmp_path):
    Image.fromarray(colours()).save(tmp_path / "a.tga")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tga"), colours())


# Metadata

pytestmark = pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")


@pytest.mark.parametrize("name", [b"eXIf", b"iCCP", b"tEXt", b"zTXt", b"iTXt", b"pHYs"])
@pytest.mark.parametrize(
    "data", [b"", b"\0" * 30, b"\xff" * 30, b"MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40]
)
@pytest.mark.parametrize("crc", [None, 1])
def test_broken_metadata_of_a_png_costs_no_pixels(name, data, crc):
    data = encoded(Image.fromarray(colours()))[:33] + chunk(name, data, crc)
    data += encoded(Image.fromarray(colours()))[33:]
    np.testing.assert_array_equal(read_image(data), colours())


@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xED, 0xEE, 0xFE])
@pytest.mark.parametrize(
    "data",
    [
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40,
        b"Exif\0\0II*\0",
        b"ICC_PROFILE\0\xff\xff" + b"x" * 9,
        b"Photoshop 3.0\0" + b"8BIM\xff" * 3,
        b"",
    ],
)
def test_broken_metadata_of_a_jpeg_costs_no_pixels(marker, data):
    whole = encoded(Image.fromarray(colours()), "JPEG")
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data
    broken = whole[:2] + segment + whole[2:]
    np.testing.assert_array_equal(read_image(broken), read_image(whole))


@pytest.mark.parametrize("data", [b"", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"x" * 9])
def test_broken_metadata_of_a_webp_costs_no_pixels(data):
    image = Image.fromarray(colours())
    whole = encoded(image, "WEBP", lossless=True)
    broken = encoded(image, "WEBP", lossless=True, exif=data or b"?", icc_profile=b"!")
    np.testing.assert_array_equal(read_image(broken), read_image(whole))


def test_damaged_pixels_stay_an_error_beside_broken_metadata():
    whole = encoded(Image.fromarray(colours(50, 60)))
    broken = whole[:33] + chunk(b"eXIf", b"", 1) + whole[33:-4000]
    with pytest.raises(ValueError, match="cannot read the image in"):
        read_image(broken)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("mode", ["RGB", "L", "I;16", "F", "P", "RGBA"])
def test_every_orientation_is_that_of_pillow(orientation, mode):
    image = Image.fromarray(colours()).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(colours()[:, :, 0].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, "TIFF" if mode == "F" else "PNG", exif=exif)
    expected = read_image(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(read_image(data), expected)


# Limits


def test_too_many_pixels_are_refused_before_they_are_decoded():
    head = struct.pack(">IIBBBBB", 9400, 9400, 8, 6, 0, 0, 0)
    data = HEAD + chunk(b"IHDR", head) + chunk(b"IDAT", b"no pixels")
    with pytest.raises(ValueError, match="9400 x 9400 pixels, above .*max_pixels=5000"):
        read_image(data)


def test_a_limit_of_pixels_can_be_given():
    data = encoded(Image.new("L", (30, 20)))
    assert read_image(data, max_pixels=600).shape == (20, 30, 1)
    for cell in (data, Image.new("L", (30, 20)), np.zeros((20, 30))):
        with pytest.raises(ValueError, match="above the limit max_pixels=599"):
            read_image(cell, max_pixels=599)


def test_of_a_jpeg_the_pixels_that_are_decoded_count():
    data = encoded(Image.new("RGB", (801, 641), "teal"), "JPEG")
    assert read_image(data, max_pixels=801 * 641).shape == (641, 801, 3)
    data = encoded(Image.new("RGB", (800, 640), "teal"), "JPEG")
    assert read_image(data, 80, max_pixels=8000).shape == (80, 100, 3)


def test_formats_whose_decoders_hold_copies_may_have_fewer_pixels(monkeypatch):
    monkeypatch.setattr("sklearn_mm.readers.image_files.MAX_PIXELS", 600)
    image = Image.new("RGB", (30, 20))
    assert read_image(encoded(image), max_pixels=600).shape == (20, 30, 3)
    with pytest.raises(ValueError, match="above the limit max_pixels=300"):
        read_image(encoded(image, "WEBP"), max_pixels=600)
    assert read_image(encoded(image, "WEBP"), max_pixels=601).shape == (20, 30, 3)


def test_a_jpeg_of_many_scans_is_refused():
    data = encoded(Image.fromarray(colours(64, 64)), "JPEG", progressive=True)
    start = data.rfind(b"\xff\xda")
    data = data[:-2] + data[start:-2] * 200 + data[-2:]
    with pytest.raises(ValueError, match="scans, above the limit of 100"):
        read_image(data)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P", "I;16", "F"])
def test_a_large_image_is_averaged_in_blocks(mode, monkeypatch):
    monkeypatch.setattr("sklearn_mm.readers.image_files.LARGE", 1000)
    monkeypatch.setattr("sklearn_mm.readers.image_files.STRIP", 200)
    rng = np.random.default_rng(0)
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (90, 70)).astype(np.uint16))
    elif mode == "F":
        image = Image.fromarray(rng.random((90, 70), dtype=np.float32))
    else:
        image = Image.fromarray(rng.integers(0, 256, (90, 70, 3), np.uint8))
        image = image.convert(mode)
    full = read_image(image).astype(float)
    reduced = read_image(image, enough=10).astype(float)  # in blocks of 9 x 7
    expected = full.reshape(10, 9, 10, 7, -1).mean(axis=(1, 3))
    atol = 1e-6 if mode == "F" else 1
    np.testing.assert_allclose(reduced, expected, atol=atol)


def test_blocks_at_the_edge_of_a_large_array_are_smaller(monkeypatch):
    monkeypatch.setattr("sklearn_mm.readers.image_files.LARGE", 10)
    array = np.arange(35.0).reshape(5, 7)
    reduced = read_image(array, enough=2)[:, :, 0]
    blocks = [
        [array[r : r + 2, c : c + 3].mean() for c in (0, 3, 6)] for r in (0, 2, 4)
    ]
    np.testing.assert_allclose(reduced, blocks)


def test_a_long_thin_image_is_made_short():
    image = read_image(encoded(Image.new("L", (100_000, 2), 7)), enough=100)
    assert image.shape == (2, 100, 1)
    assert (image == 7).all()


# What a file claims


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart": True}])
@pytest.mark.parametrize("enough", [None, 8])
def test_a_jpeg_that_claims_more_pixels_than_it_holds_is_refused(options, enough):
    options = {"restart_marker_rows": 1} if options.get("restart") else options
    data = encoded(Image.fromarray(colours(64, 64)), "JPEG", **options)
    place = next(
        data.find(b"\xff" + m) for m in (b"\xc0", b"\xc2") if b"\xff" + m in data
    )
    claimed = data[: place + 5] + struct.pack(">H", 640) + data[place + 7 :]
    with pytest.raises(ValueError, match="header claims 64 x 640 pixels, and it holds"):
        read_image(claimed)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_that_is_gray_itself_is_read(mode):
    image = Image.new(mode, (64, 48), 128 if mode == "L" else (128, 128, 128))
    assert (read_image(encoded(image, "JPEG")) == 128).all()


def with_height(png, height):
    """Let the header of a PNG file claim another height."""
    header = png[16:20] + struct.pack(">I", height) + png[24:29]
    return HEAD + chunk(b"IHDR", header) + png[33:]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16", "LA"])
@pytest.mark.parametrize("height", [64, 33])
def test_a_png_that_claims_more_pixels_than_it_holds_is_refused(mode, height):
    image = Image.fromarray(colours(32, 31))
    if mode == "I;16":
        image = Image.fromarray(DEEP.repeat(16, 0))
    else:
        image = image.convert(mode)
    data = encoded(image)
    assert read_image(data).shape[0] == 32
    with pytest.raises(ValueError, match=f"claims .* x {height} pixels, and it holds"):
        read_image(with_height(data, height))


def test_an_interlaced_png_is_read_and_measured():
    # The rows of Adam7's seven passes over 8 x 8 pixels.
    rows = [1, 1, 2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8]
    body = b"".join(b"\0" + b"\xff" * n for n in rows)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1))
    tail = chunk(b"IEND", b"")
    whole = HEAD + head + chunk(b"IDAT", zlib.compress(body)) + tail
    assert (read_image(whole) == 255).all()
    short = HEAD + head + chunk(b"IDAT", zlib.compress(body[:-9])) + tail
    with pytest.raises(ValueError, match="it holds data for fewer"):
        read_image(short)


def test_an_index_outside_the_palette_is_refused():
    data = (
        HEAD
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 1, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", bytes([1, 2, 3, 4, 5, 6]))
        + chunk(b"IDAT", zlib.compress(b"\0\0\1\0\x09"))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(ValueError, match="palette has 2 colours, .* ask for number 9"):
        read_image(data)


# Planes


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "form",
    [{"photometric": "rgb"}, {"photometric": "minisblack", "extrasamples": [2]}],
    ids=["RGB", "gray with alpha"],
)
def test_channels_that_lie_apart_are_read_or_refused(form, dtype, compression):
    gray = DEEP.astype(dtype)
    opaque = np.full_like(gray, np.iinfo(dtype).max)
    planes = [gray] * 3 if form["photometric"] == "rgb" else [gray, opaque]
    options = form | {"planarconfig": "separate", "compression": compression}
    try:
        image = read_image(tiff(np.stack(planes), **options))
    except ValueError as error:
        assert dtype == np.uint16 or len(planes) == 2
        assert "one after the other" in str(error) or "form unknown" in str(error)
        return
    expected = (gray >> 8) if dtype == np.uint16 else gray
    for channel in range(3):
        np.testing.assert_array_equal(image[..., channel], expected)
