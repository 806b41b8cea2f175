"""A table of cells into features: the union, and the choice of its transformers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "crossfit": ["CrossFitTransformer", "TrainingRowsWarning"],
        "infer": ["make_multimodal_union"],
        "union": ["MultimodalFeatureUnion"],
    },
)
