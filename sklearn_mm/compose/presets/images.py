"""Images: gradients, and the colours of regions."""

from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mm.compose.presets.cells import flat_view
from sklearn_mm.transformers.image import ImageTransformer

# Of the kernel model.
N_COMPONENTS, C = 50, 30


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
