"""What a fitted estimator looked at, and what it makes of less and of worse data."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": ["attention_weights"],
        "corruptions": ["default_corruptions"],
        "importance": ["modality_importance"],
        "importance_display": ["ModalityImportanceDisplay"],
        "robustness": [
            "effective_robustness",
            "relative_robustness",
            "robustness_curve",
        ],
        "robustness_display": ["RobustnessDisplay"],
        "subsets": ["SubsetScoresDisplay", "subset_scores"],
    },
)
