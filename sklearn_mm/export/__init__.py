"""A fitted network as an ONNX graph, and what runs one without torch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "runtime": ["OnnxModel"],
        "writing": ["export_onnx"],
    },
)
