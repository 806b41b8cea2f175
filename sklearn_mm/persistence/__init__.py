"""A fitted model as one file that holds numbers and no code."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "errors": ["ModelFileError", "UntrustedTypeError"],
        "files": ["inspect", "load", "save"],
    },
)
