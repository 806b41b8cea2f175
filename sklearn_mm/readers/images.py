"""An image in any form a cell may hold, as an array."""

import io
import os
from math import isqrt
from pathlib import Path

import numpy as np

from sklearn_mm.readers.column import describe_path

EXPECTED = "expected a path of an image file, bytes, a PIL image or an array"


def read_image(cell, enough=None):
    """Read one cell as an image, at its own size and in its own number format.

    Parameters
    ----------
    cell : str, Path, bytes, PIL image or ndarray
        A file that Pillow reads (by its path or its content; of an animation the
        first frame), or the pixels: ``(height, width)`` or ``(height, width, 1|3|4)``,
        where the fourth channel is alpha. A 1-D array is a flattened square gray
        image where its length is a square number, else one row of pixels.
    enough : int, default=None
        Pixels that suffice for height and width: a JPEG file of which they are a half,
        a quarter or an eighth, or less, is decoded at that scale, if it divides its
        height and width. That is several times faster, and like averaging blocks of
        pixels. None decodes in full.

    Returns
    -------
    ndarray of shape (height, width, 1|3|4), or None
        Files give uint8, or uint16, int32 or float32 for one channel of that depth,
        turned as their EXIF orientation says. Arrays keep their dtype. None for a
        1-D array of only NaN: a row of a table where the image is missing.

    Raises
    ------
    TypeError
        If the cell is none of these things.
    ValueError
        If there is no such file, it cannot be decoded, it has more pixels than
        ``PIL.Image.MAX_IMAGE_PIXELS``, or an array has another shape or holds NaN
        or infinite pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm.readers.images import read_image
    >>> read_image(np.zeros((5, 4), dtype=np.uint8)).shape
    (5, 4, 1)
    """
    from PIL import Image

    if isinstance(cell, Image.Image):
        return _decode(cell, "the PIL image")
    if isinstance(cell, str | Path):
        if not os.path.isfile(cell):
            raise ValueError(f"{EXPECTED}; found {describe_path(cell)}")
        return _open(cell, f"the image file {str(cell)!r:.200}", enough)
    if isinstance(cell, bytes | bytearray | memoryview):
        return _open(io.BytesIO(cell), f"the image in {len(cell)} bytes", enough)
    if hasattr(cell, "__array__"):
        return _check_array(np.asarray(cell))
    raise TypeError(f"{EXPECTED}; found {type(cell).__name__} {cell!r:.200}")


def to_uint8(image, value_range):
    """Bring pixels of any dtype to 0..255.

    Parameters
    ----------
    image : ndarray
        Pixels of a real or boolean dtype.
    value_range : (float, float) or None
        The values of black and white; what lies outside is clipped. None is the full
        range of uint16. Not used for uint8 and bool.

    Returns
    -------
    ndarray of uint8, or None
        None where ``value_range`` is needed and not given.
    """
    if image.dtype == np.uint8:
        return image
    if image.dtype == bool:
        return image.astype(np.uint8) * np.uint8(255)
    if is_uint16(image) and value_range is None:
        return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if value_range is None:
        return None
    low, high = (float(value) for value in value_range)
    width = max(high - low, np.finfo(np.float64).tiny)
    clipped = np.clip(image.astype(np.float64), low, max(low, high))
    return np.rint((clipped - low) / width * 255).astype(np.uint8)


def is_uint16(image):
    """Tell whether an image has 16 bits without sign, in any byte order."""
    return image.dtype.kind == "u" and image.dtype.itemsize == 2


def learn_value_range(images):
    """Choose the ``value_range`` of images for which ``to_uint8`` needs one.

    Parameters
    ----------
    images : list of ndarray
        May be empty.

    Returns
    -------
    (float, float)
        (0, 1) where all values lie within, (0, 255) where all are within and of
        integer types, else the smallest and the largest value.
    """
    if not images:
        return (0.0, 1.0)
    low = float(min(image.min() for image in images))
    high = float(max(image.max() for image in images))
    if low >= 0 and high <= 1:
        return (0.0, 1.0)
    if low >= 0 and high <= 255 and all(image.dtype.kind in "iu" for image in images):
        return (0.0, 255.0)
    return (low, high)


def _open(file, what, enough):
    """Decode an image file and close it."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(file)
    except UnidentifiedImageError as error:
        raise ValueError(f"cannot read {what}: not a format Pillow knows") from error
    except Exception as error:  # Pillow's plug-ins raise many kinds
        raise ValueError(f"cannot read {what}: {error}") from error
    with image:
        limit = Image.MAX_IMAGE_PIXELS
        if limit is not None and image.width * image.height > limit:
            raise ValueError(
                f"cannot read {what}: it has {image.width} x {image.height} pixels, "
                f"above Pillow's limit of {limit}, and could be a decompression bomb. "
                "Raise PIL.Image.MAX_IMAGE_PIXELS if you trust it."
            )
        if enough is not None:
            _reduce_scale(image, enough)
        return _decode(image, what)


def _reduce_scale(image, enough):
    """Have a JPEG decoded at the smallest scale that leaves enough pixels."""
    for scale in (8, 4, 2):
        width, height = image.width // scale, image.height // scale
        # Where the scale left a rest, the result would be stretched by part of a pixel.
        divides = (width * scale, height * scale) == image.size
        if divides and min(width, height) >= enough:
            image.draft(None, (width, height))  # does nothing for other formats
            return


def _decode(image, what):
    """Turn a PIL image, which may still be unread, into an array."""
    from PIL import ImageOps

    try:
        pixels = np.asarray(_plain_mode(ImageOps.exif_transpose(image)))
    except Exception as error:
        reason = str(error) or "it is closed or damaged"
        raise ValueError(f"cannot read {what}: {reason}") from error
    if pixels.dtype == np.int32 and image.format == "PNG":
        pixels = pixels.astype(np.uint16)  # how Pillow before 11.3 gives 16 bits
    return _check_array(pixels)


def _plain_mode(image):
    """Convert palettes, print colours and the like to L, RGB or RGBA."""
    if image.mode in ("L", "I", "F") or image.mode.startswith("I;16"):
        deep_or_opaque = image.mode != "L" or not image.has_transparency_data
        return image if deep_or_opaque else image.convert("RGBA")
    if image.mode == "1" and not image.has_transparency_data:
        return image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _check_array(image):
    """Check an array of pixels and give it three axes."""
    if image.dtype.kind not in "fiub":
        raise TypeError(f"{EXPECTED} of numbers; found an array of {image.dtype}")
    if image.ndim == 1:
        if image.dtype.kind == "f" and np.isnan(image).all():
            return None
        side = isqrt(image.size)
        shape = (side, side) if side * side == image.size else (1, -1)
        image = image.reshape(shape)
    if image.ndim == 2:
        image = image[:, :, None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4):
        advice = ""
        if image.ndim == 3 and image.shape[0] in (1, 3, 4):
            advice = ". Channels come last: use np.moveaxis(image, 0, -1)"
        raise ValueError(
            "expected an array of shape (height, width) or (height, width, 1|3|4), "
            f"found {image.shape}{advice}"
        )
    if not image.size:
        raise ValueError(f"found an image without pixels: shape {image.shape}")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        bad = image.size - int(np.isfinite(image).sum())
        raise ValueError(
            f"{bad} of {image.size} pixels are NaN or infinite. Fill them in, or pass "
            "None for a missing image."
        )
    return image
