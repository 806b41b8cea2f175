"""Features of every kind, in memory and on disk."""

import pytest
from sklearn.feature_extraction.text import CountVectorizer

from sklearn_mm import (
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification

N = 40  # rows of the table


def make_union():
    """Make a block of every kind, and a sparse one."""
    return MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(8, 8)), "image"),
            ("text", TextTransformer(), "text"),
            ("sound", AudioTransformer(sampling_rate=8000, n_mels=8), "audio"),
            ("series", TimeSeriesTransformer(), "series"),
            ("words", CountVectorizer(preprocessor=str), "text"),
            ("table", "passthrough", ["numbers_0", "numbers_1"]),
        ]
    )


@pytest.fixture(scope="module")
def table():
    """Cells of every kind, some missing, and their classes."""
    return make_multimodal_classification(N, missing_rate=0.2, random_state=0)


@pytest.fixture
def unfitted_union():
    return make_union()


@pytest.fixture(scope="module")
def union(table):
    return make_union().fit(table[0])


@pytest.fixture(scope="module")
def features(union, table):
    return union.transform(table[0])


@pytest.fixture
def stored(features, tmp_path):
    features.save(tmp_path / "store")
    return MultimodalFeatures.load(tmp_path / "store")
