"""Transformers of one column of cells into a FeatureBlock."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audio": ["AudioTransformer"],
        "dates": ["DateTransformer"],
        "image": ["ImageTransformer"],
        "long_format": ["long_to_series"],
        "pretrained": [
            "PretrainedAudioTransformer",
            "PretrainedImageTransformer",
            "PretrainedTextTransformer",
        ],
        "text": ["TextTransformer"],
        "timeseries": ["TimeSeriesTransformer"],
    },
)
