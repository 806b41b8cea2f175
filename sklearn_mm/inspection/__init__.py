"""What a fitted estimator looked at, how it was trained, and how sure it may be."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": ["attention_weights"],
        "conformal": ["prediction_intervals", "prediction_sets"],
        "history": ["TrainingHistoryDisplay"],
        "reliability": ["ReliabilityDisplay", "expected_calibration_error"],
    },
)
