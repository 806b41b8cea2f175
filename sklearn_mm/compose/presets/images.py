"""Images: gradients and the colours of regions, and how often each colour occurs."""

import numpy as np
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mm.compose.presets.cells import flat_view
from sklearn_mm.transformers.image import ImageTransformer
from sklearn_mm.transformers.pictures import average_rows

# Of the kernel models.
N_COMPONENTS, C = 50, 30

# Colours are told apart by so many levels of each channel, and counted in the whole
# image, its quarters and its ninths.
N_LEVELS = 4
GRIDS = (1, 2, 3)
N_COLOURS, N_PARTS = N_LEVELS**3, sum(grid**2 for grid in GRIDS)

# Images that are counted at once.
CHUNK = 1000


def make_image_features(**options):
    """Describe an image by its gradients, and by the colours of 6 x 6 regions.

    Parameters
    ----------
    **options
        Of :class:`ImageTransformer`: where images are.

    Returns
    -------
    FeatureUnion
        From a column of images to an array, with rows of NaN where they are missing.
    """
    options = {"on_error": "missing", **options}
    hog = ImageTransformer((48, 48), representation="hog", **options)
    colours = ImageTransformer((6, 6), **options)
    return FeatureUnion([("hog", _flat(hog)), ("colours", _flat(colours))])


def _flat(transformer):
    flat = FunctionTransformer(flat_view, feature_names_out="one-to-one")
    return Pipeline([("cells", transformer), ("flat", flat)])


def make_colour_features(**options):
    """Count colours in an image and in its parts, wherever they stand in these.

    Parameters
    ----------
    **options
        Of :class:`ImageTransformer`: where images are.

    Returns
    -------
    Pipeline
        From a column of images to an array, with rows of NaN where they are missing.
    """
    pixels = ImageTransformer((48, 48), on_error="missing", **options)
    counts = FunctionTransformer(count_colours, feature_names_out=name_colours)
    return Pipeline([("cells", pixels), ("colours", counts)])


def count_colours(block):
    """Count the colours of images and of their parts.

    Counts are roots of shares, so that distances of rows are Hellinger's, in which rare
    colours count too.

    Parameters
    ----------
    block : FeatureBlock
        Of the kind "image", three channels of uint8.

    Returns
    -------
    ndarray of shape (n_samples, N_PARTS * N_COLOURS)
        NaN where an image is missing; the mean where a row has several.
    """
    values = np.asarray(block.values)
    parts = range(0, len(values), CHUNK)
    shares = [_share(values[start : start + CHUNK]) for start in parts]
    shares = np.concatenate(shares) if shares else np.empty((0, N_PARTS * N_COLOURS))
    return flat_view(average_rows(shares, block))


def name_colours(transformer, input_features):
    """Name what :func:`count_colours` gives, by part and colour."""
    names = [f"part{i}_{j}" for i in range(N_PARTS) for j in range(N_COLOURS)]
    return np.array(names, dtype=object)


def _share(images):
    """Give roots of the shares of the colours of images (n, 3, height, width)."""
    levels = images // (256 // N_LEVELS)
    colours = (levels[:, 0] * N_LEVELS + levels[:, 1]) * N_LEVELS + levels[:, 2]
    shares = [_count(part) for part in _cut(colours)]
    return np.sqrt(np.concatenate(shares, axis=1), dtype=np.float32)


def _cut(colours):
    """Cut images (n, height, width) into the parts of all grids."""
    for grid in GRIDS:
        for rows in np.array_split(colours, grid, axis=1):
            yield from np.array_split(rows, grid, axis=2)


def _count(part):
    """Give the share of each colour in each image: (n, N_COLOURS)."""
    flat = part.reshape(len(part), -1)
    places = flat + N_COLOURS * np.arange(len(part))[:, None]
    counts = np.bincount(places.ravel(), minlength=N_COLOURS * len(part))
    return counts.reshape(len(part), N_COLOURS) / flat.shape[1]
