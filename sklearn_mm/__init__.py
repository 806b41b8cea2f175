"""Multimodal learning that is plain scikit-learn."""

import lazy_loader

__version__ = "0.1.0.dev0"

# Every public name, loaded on first use: `import sklearn_mm` stays light.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["datasets", "export", "inspection", "testing"],
    submod_attrs={
        "cache": ["FeatureCache"],
        "blocks": ["FeatureBlock"],
        "features": ["MultimodalFeatures"],
        "transformers": [
            "AudioTransformer",
            "DateTransformer",
            "ImageTransformer",
            "PretrainedAudioTransformer",
            "PretrainedImageTransformer",
            "PretrainedTextTransformer",
            "TextTransformer",
            "TimeSeriesTransformer",
            "long_to_series",
        ],
        "compose": [
            "CrossFitTransformer",
            "MultimodalFeatureUnion",
            "TrainingRowsWarning",
            "make_multimodal_union",
        ],
        "persistence": [
            "ModelFileError",
            "UntrustedTypeError",
            "inspect",
            "load",
            "save",
        ],
        "export": ["export_onnx"],
        "estimators": [
            "AttentionFusionClassifier",
            "AttentionFusionRegressor",
            "BagEncoder",
            "CNNEncoder",
            "RNNEncoder",
            "SelfAttentionEncoder",
            "SetEncoder",
            "VectorEncoder",
        ],
    },
)
