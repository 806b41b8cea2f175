"""Frozen encoders that others have trained: a column -> a FeatureBlock of vectors."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audio": ["PretrainedAudioTransformer"],
        "image": ["PretrainedImageTransformer"],
        "text": ["PretrainedTextTransformer"],
    },
)
