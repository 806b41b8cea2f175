"""Transformers of one column of cells into a FeatureBlock."""

from sklearn_mm.transformers.audio import AudioTransformer
from sklearn_mm.transformers.image import ImageTransformer
from sklearn_mm.transformers.text import TextTransformer
from sklearn_mm.transformers.timeseries import TimeSeriesTransformer

__all__ = [
    "AudioTransformer",
    "ImageTransformer",
    "TextTransformer",
    "TimeSeriesTransformer",
]
