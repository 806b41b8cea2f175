"""Estimators that learn from several modalities, and the encoders they use."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "classifier": ["AttentionFusionClassifier"],
        "regressor": ["AttentionFusionRegressor"],
        "specs": [
            "BagEncoder",
            "CNNEncoder",
            "RNNEncoder",
            "SelfAttentionEncoder",
            "SetEncoder",
            "VectorEncoder",
        ],
    },
)
