"""An image in any form a cell may hold, as an array."""

import os
from math import isqrt

import numpy as np

from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.image_files import (
    MAX_PIXELS,
    check_size,
    decode_file,
    decode_image,
    reduce_blocks,
)
from sklearn_mm.readers.locations import HERE, as_struct, find_file
from sklearn_mm.readers.nested import to_array, to_lists
from sklearn_mm.readers.several import Several
from sklearn_mm.readers.signatures import N_BYTES, tell_kind

EXPECTED = "expected a path of an image file, bytes, a PIL image or an array"

# Numbers brought to 0..255 at once.
CHUNK = 2**20


def read_image(cell, enough=None, places=HERE, max_pixels=MAX_PIXELS):
    """Read one cell as an image, at its own size and in its own number format.

    Parameters
    ----------
    cell : object
        A file in a format that ``FORMATS`` of `sklearn_mm.readers.image_files` lists,
        in any form that `find_file` knows, such as its path, its content or
        ``{"bytes", "path"}``;
        a PIL image; or the pixels, as an array, tensor or nested lists: ``(height,
        width)`` or ``(height, width, 1|3|4)``, where the fourth channel is alpha. Of an
        animation the first frame is taken. A 1-D array is a flattened square gray image
        where its length is a square number, else one row of pixels; or, if it is uint8
        and begins like one, the content of a file.
    enough : int, default=None
        Pixels that suffice for height and width: a JPEG file of which they are a half,
        a quarter or an eighth, or less, is decoded at that scale, if it divides its
        height and width. That is several times faster, and like averaging blocks of
        pixels; so are images of more than 2**24 pixels made smaller. None decodes in
        full.
    places : Places, default=HERE
        Where files may be.
    max_pixels : int or None, default=50_000_000
        Images of more are refused, before they are decoded.

    Returns
    -------
    ndarray of shape (height, width, 1|3|4), or None
        Files give uint8, or for one channel of another depth uint16, int32, uint32,
        int8 or float32, turned as their EXIF orientation says. Arrays keep their dtype.
        None for a 1-D array of only NaN, an array that is masked all over, and a struct
        that holds neither bytes nor path: a missing image.

    Raises
    ------
    TypeError
        If the cell is none of these things.
    ValueError
        If there is no such file, it cannot be decoded, it has more pixels than
        `max_pixels` or ``PIL.Image.MAX_IMAGE_PIXELS``, or an array has another shape or
        holds pixels that are masked, NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm.readers.images import read_image
    >>> read_image(np.zeros((5, 4), dtype=np.uint8)).shape
    (5, 4, 1)
    """
    from PIL import Image

    if isinstance(cell, Image.Image):
        return _check_array(decode_image(cell, "the PIL image", enough, max_pixels))
    if isinstance(cell, np.ndarray) and not cell.ndim and cell.dtype.kind in "OSUV":
        cell = cell[()] if cell.dtype.kind == "V" else cell.item()
    file = find_file(cell, places, EXPECTED)
    if file is not None:
        return _check_array(decode_file(file, enough, max_pixels))
    if as_struct(cell) is not None:
        return None
    array = to_array(cell)
    if array is None:
        raise TypeError(f"{EXPECTED}; found {type(cell).__name__} {cell!r:.200}")
    if _is_content(array):
        return read_image(array.tobytes(), enough, places, max_pixels)
    image = _check_array(array)
    if image is not None:
        check_size(image.shape[1::-1], "an array", max_pixels)
        image = reduce_blocks(image, enough)
    return image


def list_images(cell, separator=None):
    """List the images of a cell that may hold several.

    Parameters
    ----------
    cell : object
        A list, tuple, 1-D array of objects or Series of what :func:`read_image` reads,
        or such an array of four axes. Nested lists of numbers are pixels. Anything
        else is one image.
    separator : str, default=None
        Between the paths of a string. None: a string is one path.

    Returns
    -------
    list
        Without those that are missing.

    Examples
    --------
    >>> list_images(["a.png", None, "b.png"]), list_images([[0, 255], [255, 0]])
    (['a.png', 'b.png'], [[[0, 255], [255, 0]]])
    >>> list_images("a.png; b.png", separator=";")
    ['a.png', 'b.png']
    """
    if isinstance(cell, str):
        if separator is None or separator not in cell or os.path.isfile(cell):
            return [cell]
        return [part.strip() for part in cell.split(separator) if part.strip()]
    if is_missing(cell):
        return []
    items = to_lists(cell)
    if isinstance(items, list):
        if not isinstance(cell, Several) and _are_pixels(items):
            return [cell]
        return [image for item in items for image in list_images(item, separator)]
    is_stack = getattr(cell, "ndim", 0) == 4 and hasattr(cell, "shape")
    return list(cell) if is_stack else [cell]


def _are_pixels(items):
    """Tell nested lists of numbers, which are one image, from lists of images."""
    from PIL import Image

    if not items or any(item is None or _is_empty(item) for item in items):
        return False
    if any(isinstance(i, Image.Image) or getattr(i, "ndim", 0) > 2 for i in items):
        return False
    try:
        array = to_array(items)
    except ValueError:  # of unequal shapes
        return not all(_has_axes(item, 2) for item in items)
    if array is None:
        return False
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4):
        return not all(hasattr(item, "ndim") for item in items)
    return array.ndim <= 3


def _is_empty(item):
    items = to_lists(item)
    return isinstance(items, list) and not items


def _has_axes(item, n_axes):
    """Tell whether an item of a list is by itself an array of enough axes."""
    try:
        array = to_array(item)
    except ValueError:
        return False
    return array is not None and array.ndim >= n_axes


def _is_content(array):
    """Tell whether an array of bytes begins like an image file."""
    return (
        array.ndim == 1
        and array.dtype == np.uint8
        and tell_kind(array[:N_BYTES].tobytes()) == "image"
    )


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
    scaled = np.empty(image.shape, dtype=np.uint8)
    # As many rows at once as need little memory.
    n_rows = max(1, CHUNK * len(image) // max(image.size, 1))
    for start in range(0, len(image), n_rows):
        rows = image[start : start + n_rows].astype(np.float64)
        clipped = np.clip(rows, low, max(low, high))
        scaled[start : start + n_rows] = np.rint((clipped - low) / width * 255)
    return scaled


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


def _check_array(image):
    """Check an array of pixels and give it three axes."""
    if image.dtype.kind not in "fiub":
        raise TypeError(f"{EXPECTED} of numbers; found an array of {image.dtype}")
    if isinstance(image, np.ma.MaskedArray):
        image = _without_mask(image)
        if image is None:
            return None
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


def _without_mask(image):
    """Take a masked array as it is if nothing is masked; None if all is."""
    n_masked = np.ma.count_masked(image)
    if n_masked == image.size:
        return None
    if n_masked:
        raise ValueError(
            f"{n_masked} of {image.size} pixels are masked. Fill them in, as by "
            "array.filled(0), or pass None for a missing image."
        )
    return np.asarray(image)


def holds_few_bits(image):
    """Tell whether an image of 16 bits uses at most 12, so that it would be dark."""
    return is_uint16(image) and 0 < int(image.max()) < 2**12


def is_off_scale(image, value_range):
    """Tell whether an image cannot be meant on a scale that others taught.

    Parameters
    ----------
    image : ndarray
        Of a type that needs a range.
    value_range : (float, float)
        The values of black and white.

    Returns
    -------
    bool
        True where it reaches beyond the range by more than the range's width, or where
        its floats keep within 0 and 1 and the range is of another order.

    Examples
    --------
    >>> is_off_scale(np.array([0.0, 200.0]), (0.0, 1.0))
    True
    >>> is_off_scale(np.array([0.2, 0.9]), (0.0, 255.0))
    True
    >>> is_off_scale(np.array([0.0, 1.1]), (0.0, 1.0))
    False
    """
    low, high = value_range
    width, least, most = high - low, float(image.min()), float(image.max())
    if most > high + width or least < low - width:
        return True
    is_unit = image.dtype.kind == "f" and 0 <= least < most <= 1
    return is_unit and width > 50
