"""The images of a cell, on their way to pixels and vectors."""

import warnings
from dataclasses import dataclass

import numpy as np

from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.readers.images import holds_few_bits, is_off_scale, is_uint16


@dataclass
class Pictures:
    """The images of one cell.

    Attributes
    ----------
    images : list of ndarray
        Of uint8, or of other types that wait for the range of values.
    n_deep, n_dark : int
        How many had 16 bits, and how many of these used at most 12.
    """

    images: list
    n_deep: int = 0
    n_dark: int = 0

    def add(self, prepared, image):
        """Add an image as it was prepared, and note what it was."""
        self.images.append(prepared)
        if is_uint16(image):
            self.n_deep += 1
            self.n_dark += holds_few_bits(image)


def images_of(samples):
    """List the images of all cells, which are Pictures or None."""
    return [image for s in samples if s is not None for image in s.images]


def has_no_range(image):
    """Tell whether an image that was read still waits for the range of values."""
    return image.dtype != np.uint8


def average_rows(vectors, block):
    """Average the vectors of the images of each row of a block.

    Parameters
    ----------
    vectors : ndarray of shape (n_images, d)
        Of all images of the block.
    block : FeatureBlock of n_samples
        Whose rows have any number of images.

    Returns
    -------
    FeatureBlock of n_samples
        Of the kind "vector".
    """
    lengths = block.lengths
    offsets = np.concatenate([[0], np.cumsum(lengths > 0, dtype=np.int64)])
    if lengths.max(initial=0) > 1:
        starts = block.offsets[:-1][lengths > 0]
        sums = np.add.reduceat(vectors, starts, axis=0, dtype=np.float64)
        vectors = (sums / lengths[lengths > 0][:, None]).astype(np.float32)
    return FeatureBlock(vectors, offsets, "vector")


def warn_of_scales(owner, samples, value_range):
    """Warn of images that will be dark or white, since their scale is another.

    Parameters
    ----------
    owner : str
        Name of the transformer, for messages.
    samples : list of Pictures or None
        The cells.
    value_range : (float, float) or None
        That was learned; None before that, when no image waits for it.
    """
    present = [sample for sample in samples if sample is not None]
    n_dark = sum(sample.n_dark for sample in present)
    if n_dark and n_dark == sum(sample.n_deep for sample in present):
        warnings.warn(
            f"{owner}: all {n_dark} images of 16 bits hold numbers of at most 12 bits, "
            "and will be dark. Set value_range, such as (0, 4095)",
            UserWarning,
            stacklevel=5,
        )
    waiting = [image for image in images_of(samples) if has_no_range(image)]
    n_off = sum(is_off_scale(image, value_range) for image in waiting)
    if n_off:
        low, high = value_range
        warnings.warn(
            f"{owner}: {n_off} of {len(waiting)} images are not on the scale of the "
            f"training cells, where {low:g} is black and {high:g} white, and will be "
            "dark or white. Bring all to one scale, or set value_range",
            UserWarning,
            stacklevel=5,
        )


def zigzag(size, n_coefficients):
    """List the lowest frequencies of a 2-D transform in the zigzag order of JPEG.

    Parameters
    ----------
    size : (int, int)
        Vertical and horizontal frequencies there are.
    n_coefficients : int
        How many to list.

    Returns
    -------
    vertical, horizontal : ndarray of shape (n_coefficients,)

    Examples
    --------
    >>> vertical, horizontal = zigzag((8, 8), 6)
    >>> list(zip(vertical.tolist(), horizontal.tolist()))
    [(0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2)]
    """
    vertical, horizontal = (axis.ravel() for axis in np.indices(size))
    diagonal = vertical + horizontal
    along = np.where(diagonal % 2, vertical, horizontal)
    order = np.lexsort([along, diagonal])[:n_coefficients]
    return vertical[order], horizontal[order]
