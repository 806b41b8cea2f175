"""What a fitted estimator looked at."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": ["attention_weights"],
        "attention_display": ["AttentionDisplay"],
        "attribution": ["token_attributions"],
        "faithfulness": ["faithfulness_curve"],
        "faithfulness_display": ["FaithfulnessDisplay"],
    },
)
