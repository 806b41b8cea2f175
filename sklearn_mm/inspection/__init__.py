"""What a fitted estimator looked at, how sure it may be, and what worse data do."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": ["attention_weights"],
        "attention_display": ["AttentionDisplay"],
        "attribution": ["token_attributions"],
        "faithfulness": ["faithfulness_curve"],
        "faithfulness_display": ["FaithfulnessDisplay"],
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
        "conformal": ["prediction_intervals", "prediction_sets"],
        "history": ["TrainingHistoryDisplay"],
        "reporting.page": ["report"],
        "reliability": ["ReliabilityDisplay", "expected_calibration_error"],
    },
)
