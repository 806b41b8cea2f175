"""Files and images of Pillow as arrays of pixels, within limits."""

import io
from math import prod

import numpy as np

from sklearn_mm.readers.repair import (
    JPEG_FILL,
    is_short_jpeg,
    is_short_png,
    strip_metadata,
)
from sklearn_mm.readers.signatures import tell_kind

# What Pillow may open. Not what starts other programs (EPS), needs a handler of the
# user's (WMF, HDF5, ...) or is no image for people (FITS, MPEG).
FORMATS = (
    "AVIF",
    "BMP",
    "GIF",
    "ICO",
    "JPEG",
    "JPEG2000",
    "PCX",
    "PNG",
    "PPM",
    "QOI",
    "SGI",
    "TIFF",
    "WEBP",
)

# Pixels of one image. RGBA in full needs 200 MB.
MAX_PIXELS = 50_000_000

# Decoders that hold several copies of an image: by default so many times fewer pixels.
COPIES = {"JPEG2000": 2, "WEBP": 2}

# Passes over a JPEG image; ordinary files have about ten, and each may take as long as
# the whole.
MAX_SCANS = 100

# Images of more pixels, or a longer side, are averaged in blocks strip by strip as long
# as enough pixels are left: what follows would need many times their memory.
LARGE, LONG = 2**24, 2**15
STRIP = 2**21

# How arrays are turned by EXIF's orientations.
_TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, k=-1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


def decode_file(file, enough, max_pixels):
    """Decode an image file.

    Parameters
    ----------
    file : File
        Its path or content.
    enough : int or None
        Pixels that suffice for height and width.
    max_pixels : int or None
        More are refused; of a JPEG file that is decoded at a reduced scale, those of
        that scale count. Pillow's own ``MAX_IMAGE_PIXELS`` holds beside it.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, channels)

    Raises
    ------
    ValueError
        If it cannot be decoded, or has too many pixels.
    """
    what = f"the image {'' if file.path is None else 'file '}{file.name}"
    source = file.path if file.content is None else io.BytesIO(file.content)
    try:
        return _decode_source(source, file, what, enough, max_pixels)
    except TooLarge:
        raise
    except ValueError:
        stripped = strip_metadata(_content(file)) if _may_strip(file) else None
        if stripped is None:
            raise
        try:
            return _decode_source(io.BytesIO(stripped), file, what, enough, max_pixels)
        except ValueError:
            pass  # it was not the metadata
        raise


class TooLarge(ValueError):
    """An image has more pixels than are allowed."""


def decode_image(image, what, enough=None, max_pixels=None):
    """Decode an image of Pillow, which may still be unread.

    Parameters
    ----------
    image : PIL.Image.Image
        Is not changed, but for being read.
    what : str
        Its name, for messages.
    enough, max_pixels
        As of :func:`decode_file`.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, channels)
    """
    check_size(image.size, what, max_pixels)
    try:
        image.load()
        _check_palette(image)
        return _turn(_to_pixels(image, enough), image)
    except Exception as error:  # Pillow's plug-ins raise many kinds
        # Of one that was closed, old versions look for what is not there.
        is_told = str(error) and not isinstance(error, AttributeError)
        reason = str(error) if is_told else "it is closed or damaged"
        raise ValueError(f"cannot read {what}: {reason}") from error


def check_size(size, what, max_pixels):
    """Refuse an image of too many pixels.

    Parameters
    ----------
    size : (int, int)
        Width and height.
    what : str
        Its name, for messages.
    max_pixels : int or None
        None is any number.

    Raises
    ------
    ValueError
        If it has more.
    """
    width, height = size
    if max_pixels is not None and width * height > max_pixels:
        raise TooLarge(
            f"cannot read {what}: it has {width} x {height} pixels, above the limit "
            f"max_pixels={max_pixels}, and could be a decompression bomb. Raise "
            "max_pixels if you trust it, or store it smaller."
        )


def reduce_blocks(pixels, enough):
    """Average blocks of a large array, as long as enough pixels are left.

    Parameters
    ----------
    pixels : ndarray of shape (height, width) or (height, width, channels)
        Any type of numbers.
    enough : int or None
        Pixels that suffice for height and width.

    Returns
    -------
    ndarray
        Of the same type; the array itself where it is not large.
    """
    height, width = pixels.shape[:2]
    factors = _factors(height, width, enough)
    if factors == (1, 1):
        return pixels
    rows = range(0, height, _strip_rows(width, factors[0]))
    return np.concatenate([_average(pixels[r : r + rows.step], factors) for r in rows])


def _decode_source(source, file, what, enough, max_pixels):
    """Open, check and decode; and notice where there is less than the header says."""
    with _open(source, file, what) as image:
        if enough is not None:
            _reduce_scale(image, enough)
        _check_cost(image, file, what, max_pixels)
        _check_planes(image, what)
        pixels = _read_wide(image)
        if pixels is None:
            pixels = decode_image(image, what, enough)
        if _is_short(image, pixels, file):
            raise ValueError(
                f"cannot read {what}: its header claims {image.width} x {image.height} "
                "pixels, and it holds data for fewer, or damaged data"
            )
    return pixels


def _check_cost(image, file, what, max_pixels):
    """Refuse what would need too much memory or time."""
    if max_pixels == MAX_PIXELS:  # the default, which is of memory
        max_pixels //= COPIES.get(image.format, 1)
    check_size(image.size, what, _limit(max_pixels))
    if "progressive" in image.info and image.format in ("JPEG", "MPO"):
        n_scans = _content(file).count(b"\xff\xda")
        if n_scans > MAX_SCANS:
            raise ValueError(
                f"cannot read {what}: it has {n_scans} scans, above the limit of "
                f"{MAX_SCANS}, and could be made to take long"
            )


def _check_planes(image, what):
    """Refuse a TIFF file whose channels lie apart where Pillow mixes up their bytes."""
    tags = getattr(image, "tag_v2", {})
    if image.format != "TIFF" or tags.get(284, 1) != 2:
        return
    bits = tags.get(258, (8,))
    is_raw = bool(image.tile) and image.tile[0][0] == "raw"  # libtiff knows more
    if len(bits) > 1 and ((is_raw and max(bits) > 8) or image.mode == "LA"):
        raise ValueError(
            f"cannot read {what}: its {len(bits)} channels of {max(bits)} bits lie one "
            "after the other, which Pillow does not read. Store them interleaved, as "
            "tifffile.imwrite does with planarconfig='contig'"
        )


def _is_short(image, pixels, file):
    """Tell whether a file holds less than its header claims, which decoders fill in.

    What is filled in stands at an edge, whichever that became when it was turned; so
    few files need a closer look.
    """
    from PIL import ImageFile

    if ImageFile.LOAD_TRUNCATED_IMAGES:
        return False
    if image.format in ("JPEG", "MPO"):
        corners = [pixels[row, column] for row in (0, -1) for column in (0, -1)]
        is_suspect = any((corner == JPEG_FILL).all() for corner in corners)
        return is_suspect and is_short_jpeg(_content(file))
    if image.format == "PNG":
        edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
        is_suspect = any((edge == edge[:1]).all() for edge in edges)
        return is_suspect and is_short_png(_content(file))
    return False


def _may_strip(file):
    head = file.content[:16] if file.path is None else _head(file.path)
    return tell_kind(head) == "image"


def _content(file):
    if file.content is not None:
        return file.content
    with open(file.path, "rb") as opened:
        return opened.read()


def _limit(max_pixels):
    from PIL import Image

    limits = [n for n in (max_pixels, Image.MAX_IMAGE_PIXELS) if n is not None]
    return min(limits, default=None)


def _open(source, file, what):
    from PIL import Image, UnidentifiedImageError

    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    if (file.path or "").lower().endswith((".tga", ".icb", ".vda", ".vst")):
        formats.append("TGA")  # it begins like anything
    try:
        return Image.open(source, formats=formats)
    except UnidentifiedImageError as error:
        raise ValueError(f"cannot read {what}: {_explain(file, formats)}") from error
    except Exception as error:  # Pillow's plug-ins raise many kinds
        raise ValueError(f"cannot read {what}: {error}") from error


def _explain(file, formats):
    """Say why no format fits."""
    from PIL import Image

    head = _content(file)[:16] if file.path is None else _head(file.path)
    for name in Image.ID:
        if name == "TGA" or not _accepts(Image.OPEN[name][1], head):
            continue
        if name in formats:
            return (
                f"it begins like {name}, and is broken or of a form unknown to Pillow"
            )
        return f"{name} is not among the formats that are read: {', '.join(formats)}"
    return f"not a format Pillow knows, of those that are read: {', '.join(formats)}"


def _accepts(accept, head):
    try:
        return accept is not None and bool(accept(head))
    except Exception:  # of heads that are too short for it
        return False


def _head(path):
    with open(path, "rb") as file:
        return file.read(16)


def _reduce_scale(image, enough):
    """Have a JPEG decoded at the smallest scale that leaves enough pixels."""
    is_large = prod(image.size) > LARGE
    for scale in (8, 4, 2):
        width, height = image.width // scale, image.height // scale
        # Where the scale left a rest, the result would be stretched by part of a pixel,
        # which in a large image is very little.
        divides = (width * scale, height * scale) == image.size
        if (divides or is_large) and min(width, height) >= enough:
            image.draft(None, (width, height))  # does nothing for other formats
            return


def _read_wide(image):
    """Read the high bytes of 16-bit colours of PPM, as Pillow does of other formats."""
    if image.format != "PPM" or image.mode != "RGB" or not image.tile:
        return None
    decoder, _, offset, args = image.tile[0][:4]
    maxval = args[-1] if isinstance(args, tuple) else args
    if decoder != "ppm" or maxval != 65535:
        return None
    image.fp.seek(offset)
    n_bytes = 6 * prod(image.size)
    data = image.fp.read(n_bytes)
    if len(data) < n_bytes:
        return None  # for Pillow to refuse
    high = np.frombuffer(data, dtype=np.uint8)[::2]
    return high.reshape(image.height, image.width, 3).copy()


def _to_pixels(image, enough):
    """Turn an image that was read into an array, a large one strip by strip."""
    factors = _factors(image.height, image.width, enough)
    if factors == (1, 1):
        return _true_numbers(np.asarray(_plain_mode(image)), image)
    step = _strip_rows(image.width, factors[0])
    strips = []
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        strip = _plain_mode(image.crop((0, top, image.width, bottom)))
        pixels = _true_numbers(np.asarray(strip), image)
        if pixels.dtype == np.uint8:  # fast, and alpha weighs the colours
            strips.append(np.asarray(strip.reduce(factors[::-1])))
        else:
            strips.append(_average(pixels, factors))
    return np.concatenate(strips)


def _factors(height, width, enough):
    """Choose how many rows and columns are averaged, (1, 1) where it is not large."""
    if enough is None or (height * width <= LARGE and max(height, width) <= LONG):
        return (1, 1)
    return (max(1, height // enough), max(1, width // enough))


def _strip_rows(width, factor):
    """Count the rows of a strip: a multiple of those that are averaged."""
    return factor * max(1, STRIP // (width * factor))


def _average(strip, factors):
    """Average blocks of an array; those at its end may be smaller."""
    sums = strip
    for axis, factor in enumerate(factors):
        starts = np.arange(0, sums.shape[axis], factor)
        sums = np.add.reduceat(sums, starts, axis=axis, dtype=np.float64)
    counts = [
        np.minimum(factor, n - np.arange(0, n, factor))
        for factor, n in zip(factors, strip.shape, strict=False)
    ]
    blocks = np.multiply.outer(*counts)
    mean = sums / blocks.reshape(blocks.shape + (1,) * (strip.ndim - 2))
    if strip.dtype == bool:
        return np.rint(mean * 255).astype(np.uint8)
    return (np.rint(mean) if strip.dtype.kind in "iu" else mean).astype(strip.dtype)


def _plain_mode(image):
    """Convert palettes, print colours and the like to L, RGB or RGBA."""
    if image.mode in ("L", "I", "F") or image.mode.startswith("I;16"):
        deep_or_opaque = image.mode != "L" or not image.has_transparency_data
        return image if deep_or_opaque else image.convert("RGBA")
    if image.mode == "1" and not image.has_transparency_data:
        return image.convert("L")
    if image.mode == "La":
        image = image.convert("LA")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _true_numbers(pixels, image):
    """Give the numbers of a file where Pillow's modes have no room for them."""
    if image.format in ("PNG", "PPM") and pixels.dtype == np.int32:
        return pixels.astype(np.uint16)  # of PNG so in Pillow before 11.3
    if image.format != "TIFF":
        return pixels
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(258, (1,))[0]
    is_signed = tags.get(339, (1,))[0] == 2
    if image.mode == "I" and bits == 32 and not is_signed:
        return pixels.view(np.uint32)
    if image.mode == "L" and bits == 8 and is_signed and tags.get(262) == 1:
        return pixels.view(np.int8)
    if image.mode.startswith("I;16") and bits == 16 and tags.get(262) == 0:
        return np.uint16(65535) - pixels  # white is 0
    return pixels


def _check_palette(image):
    """Refuse indices for which a palette has no colour."""
    if image.mode != "P" or image.palette is None:
        return
    n_colours = len(image.palette.palette) // max(1, len(image.palette.mode))
    _, highest = image.getextrema()
    if n_colours and highest >= n_colours:
        raise ValueError(
            f"its palette has {n_colours} colours, and pixels ask for number {highest}"
        )


def _turn(pixels, image):
    """Turn pixels as the orientation says; metadata that is broken turns nothing."""
    try:
        turn = _TURNS.get(image.getexif().get(0x0112))
    except Exception:  # of many kinds
        turn = None
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))
