"""Rows of every kind, and models in which every weight counts."""

import numpy as np
import pytest
import torch

from sklearn_mm import AttentionFusionClassifier, FeatureBlock, MultimodalFeatures
from sklearn_mm.export import OnnxModel, export_onnx

TOLERANCE = 1e-4


def make_block(kind, rng, n_rows, n_steps, missing):
    """Make a block in which a share of the rows is missing."""
    lengths = rng.integers(1, n_steps + 1, n_rows)
    if kind in ("image", "vector"):
        lengths[:] = 1
    lengths[rng.random(n_rows) < missing] = 0
    n = int(lengths.sum())
    values = {
        "image": lambda: rng.integers(0, 256, (n, 3, 13, 10)).astype(np.uint8),
        "tokens": lambda: rng.integers(0, 20, n).astype(np.int32),
        "sequence": lambda: rng.normal(3, 2, (n, 2)).astype(np.float32),
        "set": lambda: rng.normal(-1, 2, (n, 3)).astype(np.float32),
        "vector": lambda: rng.normal(5, 9, (n, 4)).astype(np.float32),
    }[kind]()
    if kind == "vector":
        values[rng.random((n, 4)) < 0.2] = np.nan
        values[:, 0] = 1.0  # a constant, and no row of only NaN
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return FeatureBlock(
        values, offsets, kind, vocabulary_size=20 if kind == "tokens" else None
    )


def make_features(kinds, n_rows, *, n_steps=12, missing=0.3, seed=0):
    """Make features with a modality of each name, of its kind."""
    rng = np.random.default_rng(seed)
    return MultimodalFeatures(
        [
            (name, make_block(kind, rng, n_rows, n_steps, missing))
            for name, kind in kinds.items()
        ]
    )


def make_model(kinds, *, make=AttentionFusionClassifier, y=None, **parameters):
    """Train one step, and shake all weights, so that none is zero or hardly counts."""
    settings = {"width": 8, "n_heads": 2, "random_state": 0} | parameters
    model = make(**settings)
    missing = 0.0 if model.missing == "error" else 0.3
    X = make_features(kinds, 24, missing=missing)
    y = np.arange(24) % 3 if y is None else y
    labels = {"classes": np.unique(y)} if hasattr(model, "calibration") else {}
    if labels and y.ndim == 2:
        labels = {}
    return shake(model.partial_fit(X, y, **labels))


def shake(model):
    """Move all weights of a model's network."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.net_.module_.parameters():
            weights += 0.3 * torch.randn(weights.shape, generator=generator)
    return model


def exported(model, folder, **options):
    """Write and read a model."""
    return OnnxModel(export_onnx(model, folder / "model.onnx"), **options)


# Of rows of other lengths and numbers than the export has seen.
SIZES = (
    {"n_rows": 1, "n_steps": 1, "missing": 0.0},
    {"n_rows": 2, "n_steps": 3, "missing": 0.6},
    {"n_rows": 1, "n_steps": 90, "missing": 0.0},
    {"n_rows": 70, "n_steps": 33, "missing": 0.4},
    {"n_rows": 3, "n_steps": 5, "missing": 1.0},
)


def assert_same_predictions(model, graph, kinds, sizes=SIZES):
    """Compare what a model and its graph predict on rows of several sizes."""
    from sklearn_mm.inspection import attention_weights

    spreads = []
    for seed, size in enumerate(sizes, start=1):
        X = make_features(kinds, seed=seed, **size)
        if hasattr(model, "classes_"):
            expected, found = model.predict_proba(X), graph.predict_proba(X)
            log = model.predict_log_proba(X) - graph.predict_log_proba(X)
            assert np.abs(log).max() < 10 * TOLERANCE
        else:
            scale = model.target_scale_
            expected, found = model.predict(X), graph.predict(X)
            expected, found = expected / scale, found / scale
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        assert np.abs(found - expected).max() < TOLERANCE
        np.testing.assert_allclose(
            graph.attention_weights(X), attention_weights(model, X), atol=TOLERANCE
        )
        spreads.append(np.std(expected, axis=0).max())
    assert max(spreads) > 0.01  # what is compared depends on the rows


@pytest.fixture(scope="session", name="make_features")
def _make_features():
    return make_features


@pytest.fixture(scope="session", name="make_model")
def _make_model():
    return make_model


@pytest.fixture(scope="session", name="shake")
def _shake():
    return shake


@pytest.fixture(name="check")
def _check(tmp_path):
    """Export a model and compare what it predicts; give what runs the graph."""

    def check(model, kinds, **options):
        graph = exported(model, tmp_path)
        assert_same_predictions(model, graph, kinds, **options)
        return graph

    return check


@pytest.fixture(scope="session")
def classifier():
    return make_model({"text": "tokens", "table": "vector"})


@pytest.fixture(scope="session")
def content(classifier, tmp_path_factory):
    """Write the graph of a small model: bytes."""
    folder = tmp_path_factory.mktemp("graph")
    return export_onnx(classifier, folder / "model.onnx").read_bytes()


@pytest.fixture
def file(content, tmp_path):
    """Give the graph of a small model in a file of its own."""
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    return path
