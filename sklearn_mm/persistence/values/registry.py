"""The closed list of our classes and functions that a model file may hold.

A file names them by the names here; nothing is imported by a name in a file. With each
class stands what its fitted attributes must be.
"""

import importlib
from dataclasses import dataclass, field

from sklearn_mm.persistence.values.kinds import (
    ESTIMATOR,
    FLAG,
    FLOATS,
    INTEGER,
    NUMBER,
    TEXT,
    TEXTS,
    Kind,
    array,
    is_estimator,
    list_of,
    mapping,
    named,
    optional,
)


@dataclass(frozen=True)
class Entry:
    """One of our classes.

    Attributes
    ----------
    module : str
        Where it is defined, below ``sklearn_mm``.
    fields : dict of str to Kind
        Attributes, and what they must be.
    holds : str
        What it keeps of the training rows, for the card; "" is nothing to speak of.
    """

    module: str
    fields: dict = field(default_factory=dict)
    holds: str = ""


_STEP = Kind(
    "(name, transformer, columns)",
    lambda value: (
        isinstance(value, tuple)
        and len(value) == 3
        and isinstance(value[0], str)
        and is_estimator(value[1])
    ),
)
_RATES = optional(NUMBER)
_CELLS = {"on_error": TEXT}
_PRETRAINED = {
    **_CELLS,
    "weights_sha256_": optional(TEXT),
    "embedding_size_": INTEGER,
    "value_range_": list_of(NUMBER),
    "sampling_rate_": _RATES,
    "batch_size": INTEGER,
}
_NETWORK = {
    "prior_": FLOATS,
    "modalities_in_": mapping(TEXT, named("Modality")),
    "width": INTEGER,
    "n_layers": INTEGER,
    "n_heads": INTEGER,
}
_PRIOR = "the prior: how frequent each class is, or the mean and spread of the target"
_STATISTICS = "statistics of each feature: means, deviations, quantiles"

CLASSES = {
    "AudioTransformer": Entry("transformers.audio", _CELLS),
    "DateTransformer": Entry(
        "transformers.dates", {"mean_": FLOATS, "scale_": FLOATS}, _STATISTICS
    ),
    "ImageTransformer": Entry(
        "transformers.image",
        {**_CELLS, "value_range_": list_of(NUMBER), "pca_": optional(named("PCA"))},
        "for representation='pca' the components of the images",
    ),
    "TextTransformer": Entry(
        "transformers.text",
        {
            **_CELLS,
            "vocabulary_": mapping(TEXT, INTEGER),
            "vocabulary_size": INTEGER,
            "max_tokens": optional(INTEGER),
        },
        "a vocabulary: words, or parts of words, of the texts",
    ),
    "TimeSeriesTransformer": Entry(
        "transformers.timeseries",
        {
            **_CELLS,
            "n_channels_": optional(INTEGER),
            "channel_names_": optional(TEXTS),
            "fill_values_": FLOATS,
            "scaler_": optional(named("RobustScaler", "StandardScaler")),
            "_saw_none": FLAG,
        },
        _STATISTICS,
    ),
    "PretrainedAudioTransformer": Entry("transformers.pretrained.audio", _PRETRAINED),
    "PretrainedImageTransformer": Entry("transformers.pretrained.image", _PRETRAINED),
    "PretrainedTextTransformer": Entry("transformers.pretrained.text", _PRETRAINED),
    "MultimodalFeatureUnion": Entry(
        "compose.union",
        {"transformers": list_of(_STEP), "transformers_": list_of(_STEP)},
    ),
    "CrossFitTransformer": Entry(
        "compose.crossfit",
        {
            "estimator_": ESTIMATOR,
            "_response": named("ClassResponse", "LabelResponse", "NumberResponse"),
            "_known_rows": array("u", 1),
        },
        "fingerprints of the training rows (64 bits each), to warn of them",
    ),
    "ClassResponse": Entry("compose.responses", {"method": TEXT}),
    "LabelResponse": Entry("compose.responses", {"method": TEXT, "names": TEXTS}),
    "NumberResponse": Entry(
        "compose.responses", {"names": TEXTS, "mean": FLOATS, "scale": FLOATS}, _PRIOR
    ),
    "Vectors": Entry("compose.presets.cells", {"n_features_out_": INTEGER}),
    "JoinedSeries": Entry(
        "compose.presets.convolutions",
        {"transformers_": list_of(named("TimeSeriesTransformer"))},
    ),
    "Convolutions": Entry(
        "compose.presets.convolutions",
        {
            "scale_": FLOATS,
            "dilations_": list_of(INTEGER),
            "kernels_": list_of(array("f", 2)),
            "thresholds_": list_of(array("f", 2)),
        },
    ),
    "KernelFeatures": Entry(
        "compose.presets.kernels",
        {
            "scaler_": named("StandardScaler"),
            "pca_": named("PCA"),
            "nystroem_": named("Nystroem"),
        },
        "up to 1,000 training rows, as principal components, to compare others with",
    ),
    "PerOutputClassifier": Entry("compose.presets.outputs", {"n_dim_": INTEGER}),
    "PerOutputRegressor": Entry("compose.presets.outputs", {"n_dim_": INTEGER}),
    "TargetMeans": Entry(
        "compose.presets.tables",
        {
            "centre_": FLOATS,
            "vectorizers_": list_of(named("CountVectorizer")),
            "deviations_": list_of(array("f", 2)),
            "counts_": list_of(FLOATS),
        },
        "names and categories with the mean target of each",
    ),
    "TextColumn": Entry(
        "compose.presets.texts", {"n_words": NUMBER, "are_names": FLAG}
    ),
    "Components": Entry(
        "compose.presets.texts", {"svd_": optional(named("TruncatedSVD"))}
    ),
    "AttentionFusionClassifier": Entry(
        "estimators.classifier",
        {
            **_NETWORK,
            "multilabel_": FLAG,
            "shared_temperature_": NUMBER,
            "temperatures_": mapping(list_of(TEXT), NUMBER),
            "_balance": FLOATS,
        },
        _PRIOR,
    ),
    "AttentionFusionRegressor": Entry(
        "estimators.regressor",
        {
            **_NETWORK,
            "target_mean_": FLOATS,
            "target_scale_": FLOATS,
            "_target_shape": list_of(INTEGER),
        },
        _PRIOR,
    ),
    "Modality": Entry(
        "estimators.modality",
        {
            "kind": TEXT,
            "token_shape": list_of(INTEGER),
            "vocabulary_size": optional(INTEGER),
            "mean": optional(FLOATS),
            "deviation": optional(FLOATS),
            "may_miss": optional(array("iu", 1)),
            "quantiles": optional(array("f", 2)),
            "is_sparse": FLAG,
            "typical_length": INTEGER,
        },
        _STATISTICS,
    ),
    "BagEncoder": Entry("estimators.specs.bags"),
    "CNNEncoder": Entry("estimators.specs.images"),
    "RNNEncoder": Entry("estimators.specs.sequences"),
    "SelfAttentionEncoder": Entry("estimators.specs.sequences"),
    "SetEncoder": Entry("estimators.specs.sequences"),
    "VectorEncoder": Entry("estimators.specs.vectors"),
}

# What of scikit-learn's classes keeps more of the training rows than numbers.
SKLEARN_HOLDS = {
    "CountVectorizer": "a vocabulary: words, or parts of words, of the texts",
    "DictVectorizer": "the names and values of the keys",
    "GaussianProcessClassifier": "training rows themselves",
    "GaussianProcessRegressor": "training rows themselves",
    "KNeighborsClassifier": "training rows themselves",
    "KNeighborsRegressor": "training rows themselves",
    "KNNImputer": "training rows themselves",
    "KernelRidge": "training rows themselves",
    "NuSVC": "training rows themselves, those that are support vectors",
    "NuSVR": "training rows themselves, those that are support vectors",
    "Nystroem": "training rows themselves, to compare others with",
    "OneHotEncoder": "the categories",
    "OrdinalEncoder": "the categories",
    "RadiusNeighborsClassifier": "training rows themselves",
    "RadiusNeighborsRegressor": "training rows themselves",
    "SVC": "training rows themselves, those that are support vectors",
    "SVR": "training rows themselves, those that are support vectors",
    "TargetEncoder": "names and categories with the mean target of each",
    "TfidfVectorizer": "a vocabulary: words, or parts of words, of the texts",
}

FUNCTIONS = {
    "as_categories": "compose.presets.cells",
    "as_numbers": "compose.presets.cells",
    "as_texts": "compose.presets.cells",
    "columns_of": "compose.presets.cells",
    "flat_view": "compose.presets.cells",
    "count_colours": "compose.presets.images",
    "name_colours": "compose.presets.images",
    "describe_series": "compose.presets.series",
    "name_statistics": "compose.presets.series",
    "name_slices": "compose.presets.sounds",
    "slice_frames": "compose.presets.sounds",
    "split_names": "compose.presets.texts",
    "split_words": "compose.presets.texts",
}

PACKAGE = "sklearn_mm"


def name_ours(thing):
    """Name one of our classes or functions as files do; None if it is not listed."""
    name = getattr(thing, "__qualname__", None)
    place = CLASSES[name].module if name in CLASSES else FUNCTIONS.get(name)
    is_ours = place is not None and thing.__module__ == f"{PACKAGE}.{place}"
    return f"{PACKAGE}.{name}" if is_ours else None


def find_ours(name):
    """Find one of our classes or functions by its name in files; None if not listed."""
    package, _, own = name.partition(".")
    if package != PACKAGE:
        return None
    place = CLASSES[own].module if own in CLASSES else FUNCTIONS.get(own)
    if place is None:
        return None
    return getattr(importlib.import_module(f"{PACKAGE}.{place}"), own)


def fields_of(name):
    """Give what is known of the attributes of one of our classes, by its name."""
    entry = CLASSES.get(name.removeprefix(f"{PACKAGE}."))
    return {} if entry is None else entry.fields


def what_it_holds(name):
    """Say what a class keeps of the training rows; "" where it is nothing to say."""
    own = name.rpartition(".")[2]
    if name.startswith("sklearn."):
        return SKLEARN_HOLDS.get(own, "")
    return CLASSES[own].holds if own in CLASSES else ""
