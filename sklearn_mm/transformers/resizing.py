"""Many images to one size and one colour mode."""

from collections import defaultdict

import numpy as np

from sklearn_mm._forks import will_compute

# Numbers resized at once, so that they stay in the processor's cache.
CHUNK = 2**20


def to_mode(pixels, mode):
    """Bring an image to a colour mode.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 1|3|4), uint8
        The fourth channel is alpha, and is composited on white.
    mode : {"rgb", "gray"}
        Gray is the luma of ITU-R BT.601.

    Returns
    -------
    ndarray of shape (height, width, 1|3), uint8
        One channel also for a gray image in "rgb": three would be equal.
    """
    if pixels.shape[2] == 1 or (pixels.shape[2] == 3 and mode == "rgb"):
        return pixels
    from PIL import Image

    image = Image.fromarray(pixels)
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    image = np.asarray(image.convert("L" if mode == "gray" else "RGB"))
    return image.reshape(*image.shape[:2], -1)


def resize_images(images, size, n_channels):
    """Resize images, those of one shape together.

    Bilinear, with antialiasing where it shrinks, as Pillow's ``BILINEAR``: a triangle
    as wide as the pixels of the result. Each result equals Pillow's within one of the
    255 levels, and does not depend on the other images.

    Parameters
    ----------
    images : list of n ndarray of shape (height, width, 1|n_channels), uint8
        A single channel is repeated.
    size : (int, int)
        Height and width of the result.
    n_channels : int
        Channels of the result.

    Returns
    -------
    ndarray of shape (n, n_channels, *size), uint8

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm.transformers.resizing import resize_images
    >>> board = np.array([[0, 255], [255, 0]], dtype=np.uint8).repeat(4, axis=1)
    >>> resize_images([board[:, :, None]], (1, 2), 1)
    array([[[[128, 128]]]], dtype=uint8)
    """
    resized = np.empty((len(images), n_channels, *size), dtype=np.uint8)
    groups = defaultdict(list)
    for i, image in enumerate(images):
        groups[image.shape].append(i)
    for shape, rows in groups.items():
        n_rows = max(1, CHUNK // np.prod(shape))
        for start in range(0, len(rows), n_rows):
            chunk = rows[start : start + n_rows]
            batch = np.stack([images[i] for i in chunk])  # (rows, height, width, c)
            resized[chunk] = _resize_batch(np.moveaxis(batch, -1, 1), size)
    return resized


def _resize_batch(batch, size):
    """Resize (n, channels, height, width) of uint8."""
    if batch.shape[2:] == tuple(size):
        return batch
    # Several times faster than Pillow, with the same arithmetic.
    import torch

    will_compute()
    return torch.nn.functional.interpolate(
        torch.from_numpy(batch), size=tuple(size), mode="bilinear", antialias=True
    ).numpy()
