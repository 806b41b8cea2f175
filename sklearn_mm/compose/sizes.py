"""The size of images and the rate of sounds, where less than the default holds all."""

import numpy as np

from sklearn_mm.compose.describe import N_LISTED
from sklearn_mm.readers.clips import as_clip
from sklearn_mm.readers.images import list_images, read_image
from sklearn_mm.readers.locations import Places, resolve
from sklearn_mm.readers.sound import EXPECTED, lacks_rate, list_clips, read_sound
from sklearn_mm.transformers.audio import DEFAULT_RATE

# The side of images by default, and the least for which there are layers, in pixels.
SIDE, LEAST_SIDE = 64, 16

# A reading of so many seconds tells the rate.
SECONDS = 0.01


def choose_image_size(cells, places, separator=None):
    """Choose the size of images that are small, and gray where all are gray.

    Parameters
    ----------
    cells : list
        Images, as :class:`ImageTransformer` takes them. What cannot be read is for the
        transformer to report.
    places : Places
        Where files may be. Nothing is fetched.
    separator : str, default=None
        Between paths in one string.

    Returns
    -------
    dict
        Parameters of :class:`ImageTransformer` that differ from its defaults.
    """
    sides, are_gray = [], True
    for cell in cells:
        for listed in list_images(cell, separator)[:N_LISTED]:
            image = _try(read_image, listed, SIDE, Places(root=places.root))
            if image is not None:
                sides.append(max(image.shape[:2]))
                are_gray = are_gray and _is_gray(image)
    if not sides:
        return {}
    side = max(LEAST_SIDE, int(np.median(sides)))
    options = {"size": (side, side)} if side < SIDE else {}
    return {**options, "mode": "gray"} if are_gray else options


def choose_sampling_rate(cells, places):
    """Choose the rate of sounds whose rate is low: resampling would add nothing.

    Parameters
    ----------
    cells : list
        Sounds, as :class:`AudioTransformer` takes them.
    places : Places
        Where files may be. Nothing is fetched.

    Returns
    -------
    dict
        Parameters of :class:`AudioTransformer` that differ from its defaults.
    """
    rates = []
    for cell in cells:
        for clip in list_clips(cell)[:N_LISTED]:
            if lacks_rate(clip):
                return {}
            found = _try(_read_clip, clip, Places(root=places.root))
            if found is not None:
                rates.append(found[1])
    if not rates or max(rates) >= DEFAULT_RATE:
        return {}
    rate = max(rates)
    return {"sampling_rate": int(rate) if rate == int(rate) else rate}


def _read_clip(cell, places):
    clip = as_clip(resolve(cell, places, EXPECTED), None)
    return None if clip is None else read_sound(clip, DEFAULT_RATE, SECONDS, False)


def _try(read, *arguments):
    """Read, or give None: what is wrong is for the transformer to report."""
    try:
        return read(*arguments)
    except Exception:  # of many kinds in the libraries that decode
        return None


def _is_gray(image):
    """Tell whether an image (height, width, 1|3|4) has no colours, and is opaque."""
    if image.shape[2] == 1:
        return True
    if image.shape[2] == 4 and (image[..., 3] != image[..., 3].max()).any():
        return False
    return bool((image[..., :1] == image[..., 1:3]).all())
