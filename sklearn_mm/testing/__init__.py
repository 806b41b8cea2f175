"""The check suite: what ``check_estimator`` cannot see, since the input is not 2-D."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "suite": ["check_multimodal_estimator", "parametrize_with_multimodal_checks"]
    },
)
