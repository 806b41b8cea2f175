"""Targets, pipelines and forms of input that a graph serves, and models it refuses."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_mm
from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    AudioTransformer,
    FeatureBlock,
    ImageTransformer,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.export import OnnxModel, export_onnx, graph
from sklearn_mm.export.metadata import describe, from_json, to_json
from sklearn_mm.inspection import attention_weights

SMALL = {"width": 8, "n_heads": 2, "max_epochs": 1, "random_state": 0}
KINDS = {"set": "set", "table": "vector"}


def written(model, folder):
    return OnnxModel(export_onnx(model, folder / "model.onnx"))


@pytest.mark.parametrize(
    "y",
    [
        np.column_stack([1e6 + 1e5 * np.arange(24.0), -1e-3 * np.arange(24.0) ** 2]),
        np.arange(24.0)[:, None],
    ],
    ids=["two", "column"],
)
def test_values_are_in_the_targets_own_units(y, make_model, check):
    model = make_model(KINDS, make=AttentionFusionRegressor, y=y)
    exported = check(model, KINDS)
    assert not hasattr(exported, "predict_proba")


def test_the_label_of_each_row_is_predicted(make_model, make_features, tmp_path):
    y = np.array(["no", "yes", "été"])[np.arange(24) % 3]
    model = make_model(KINDS, y=y)
    exported, X = written(model, tmp_path), make_features(KINDS, 30, seed=5)
    assert_array_equal(exported.predict(X), model.predict(X))
    assert len(np.unique(exported.predict(X))) > 1


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["no", "yes", "été", "\ud800"]),
        np.array(["no", "perhaps"], dtype=object),
        np.array([-3, 5, 70], dtype=np.int32),
        np.array([0, 2**64 - 1], dtype=np.uint64),
        np.array([-1.0, 2.0**60]),
        np.array([False, True]),
    ],
    ids=["text", "objects", "integers", "unsigned", "floats", "booleans"],
)
def test_labels_come_back_as_they_were(classes, classifier):
    written = to_json(replace(describe(classifier), classes=classes))
    found = from_json(written, "the file").classes
    assert_array_equal(found, classes)
    assert found.dtype == classes.dtype


def test_each_label_of_an_indicator_has_its_own_probability(make_model, check):
    y = np.random.default_rng(0).integers(0, 2, (24, 3))
    model = make_model(KINDS, y=y)
    exported = check(model, KINDS)
    assert exported.metadata.task == "multilabel"


def test_the_votes_of_a_linear_model_count_in_the_graph(make_features, shake, check):
    kinds = {"text": "tokens", "row": "vector", "table": "vector", "short": "tokens"}
    from sklearn_mm import BagEncoder, SelfAttentionEncoder, VectorEncoder

    encoders = {
        "text": SelfAttentionEncoder(strides=(2,)),
        "short": BagEncoder(embedding_size=4, n_buckets=8, ngrams=(3,)),
        "row": VectorEncoder(tokens="row"),
    }
    X = make_features(kinds, 40)
    y = np.arange(40) % 3
    model = AttentionFusionClassifier(encoders, **SMALL).fit(X, y)
    names = [name for name, votes in model.net_.module_.named_votes()]
    weights = [votes.weight for _, votes in model.net_.module_.named_votes()]
    assert names == list(kinds)
    with torch.no_grad():
        for weight in weights:
            weight += 0.1
    check(shake(model), kinds)


def test_calibration_is_part_of_the_graph(make_features, shake, check):
    X = make_features(KINDS, 80)
    model = AttentionFusionClassifier(calibration="temperature", **SMALL)
    shake(model.fit(X, np.arange(80) % 2))
    model.shared_temperature_ = 7.0
    model.temperatures_ = {("set",): 0.2, ("set", "table"): 3.0}
    check(model, KINDS)


def test_a_modality_that_must_be_there_is_asked_for(make_model, make_features, check):
    model = make_model(KINDS, missing="error")
    exported = check(model, KINDS, sizes=[{"n_rows": 9, "n_steps": 20, "missing": 0.0}])
    X = make_features(KINDS, 5, missing=0.0).hide(["set"])
    with pytest.raises(ValueError, match="modality 'set' is missing in row 0"):
        exported.predict(X)


def test_several_images_a_row_are_read(make_model, tmp_path):
    rng = np.random.default_rng(0)

    def make(lengths):
        pictures = [
            rng.integers(0, 256, (n, 1, 9, 7)).astype(np.uint8) for n in lengths
        ]
        block = FeatureBlock.from_samples(
            pictures, "image", token_shape=(1, 9, 7), dtype=np.uint8
        )
        return MultimodalFeatures({"image": block})

    model = AttentionFusionClassifier(**SMALL)
    model.fit(make([1, 2, 3, 1, 2, 0] * 3), np.arange(18) % 2)
    exported, X = written(model, tmp_path), make([1, 5, 0, 2])
    assert_allclose(exported.predict_proba(X), model.predict_proba(X), atol=1e-4)


def test_sparse_rows_and_large_numbers_are_taken_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    # Seconds since 1970 that differ by less than float32 tells apart.
    dates = 1.7e9 + rng.integers(0, 50, (60, 1))
    words = sparse.random(60, 50, density=0.1, format="csr", dtype="f4", random_state=0)
    X = MultimodalFeatures({"date": dates, "words": words})
    model = AttentionFusionClassifier(**SMALL).fit(X[:30], np.arange(30) % 2)
    exported = written(model, tmp_path)
    assert [each.dtype for each in exported.metadata.modalities] == [
        "float64",
        "float32",
    ]
    assert_allclose(exported.predict_proba(X), model.predict_proba(X), atol=1e-4)


def test_a_table_is_checked_as_by_the_estimator(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(30, 2)), columns=["age", "size"])
    model = AttentionFusionClassifier(**SMALL).fit(X, np.arange(30) % 2)
    exported = written(model, tmp_path)
    assert_allclose(exported.predict_proba(X), model.predict_proba(X), atol=1e-4)
    for wrong in (X[["size", "age"]], X[["age"]], X.astype(str) + " years"):
        with pytest.raises(ValueError, match=r".") as expected:
            model.predict(wrong)
        message = str(expected.value).replace(type(model).__name__, "OnnxModel")
        with pytest.raises(ValueError, match=r".") as found:
            exported.predict(wrong)
        assert str(found.value) == message


@pytest.mark.slow
def test_a_graph_is_computed_in_float32_whatever_the_model_is(make_model, tmp_path):
    model = make_model(KINDS, precision="bfloat16")
    exported = written(model, tmp_path)
    assert exported.metadata.task == "multiclass"
    assert model.net_.precision == "bfloat16"


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    y = np.arange(24) % 2
    X = pd.DataFrame(
        {
            "text": [" ".join(rng.choice(["a", "fox", "ran"], 1 + i % 7)) for i in y],
            "photo": list(rng.integers(0, 256, (24, 12, 12, 3)).astype(np.uint8)),
            "sound": [rng.normal(size=800 + 100 * i) for i in range(24)],
            "price": [rng.normal(size=(4 + i, 2)) for i in range(24)],
            "age": rng.normal(size=24),
        }
    ).astype({"age": object})
    for row, name in enumerate(X.columns):
        X.loc[row, name] = None
    X.loc[7] = None
    return X, y


@pytest.fixture(scope="module")
def pipeline(table):
    union = MultimodalFeatureUnion(
        [
            ("text", TextTransformer(), "text"),
            ("image", ImageTransformer(size=(8, 8)), "photo"),
            ("sound", AudioTransformer(sampling_rate=8000), "sound"),
            ("series", TimeSeriesTransformer(), "price"),
            ("numbers", StandardScaler(), ["age"]),
        ]
    )
    return make_pipeline(union, AttentionFusionClassifier(**SMALL)).fit(*table)


def test_a_pipelines_network_takes_what_its_union_gives(
    pipeline, table, shake, tmp_path
):
    X = table[0].iloc[::-1]
    shake(pipeline[-1])
    exported = written(pipeline, tmp_path)
    features = pipeline[:-1].transform(X)
    assert [m.name for m in exported.metadata.modalities] == features.names
    found, expected = exported.predict_proba(features), pipeline.predict_proba(X)
    assert_allclose(found, expected, atol=1e-4)
    assert_allclose(
        exported.attention_weights(features), attention_weights(pipeline, X), atol=1e-4
    )
    one = exported.predict_proba(pipeline[:-1].transform(X.iloc[[3]]))
    assert_allclose(one, expected[[3]], atol=1e-4)


@pytest.mark.slow
def test_what_a_search_has_found_is_exported(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 2
    search = GridSearchCV(
        make_pipeline(AttentionFusionClassifier(**SMALL)),
        {"attentionfusionclassifier__n_layers": [1]},
        cv=2,
    ).fit(X, y)
    exported = written(search, tmp_path)
    assert_allclose(exported.predict_proba(X), search.predict_proba(X), atol=1e-4)


@pytest.mark.slow
def test_a_model_that_was_saved_and_loaded_is_exported(
    classifier, make_features, tmp_path
):
    sklearn_mm.save(classifier, tmp_path / "model.mm")
    exported = written(sklearn_mm.load(tmp_path / "model.mm"), tmp_path)
    X = make_features({"text": "tokens", "table": "vector"}, 20, seed=6)
    found, expected = exported.predict_proba(X), classifier.predict_proba(X)
    assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (LogisticRegression(), TypeError, "found LogisticRegression"),
        (AttentionFusionClassifier(), ValueError, "is not fitted yet"),
        (GridSearchCV(AttentionFusionClassifier(), {}), TypeError, "refit=True"),
        (CalibratedClassifierCV(), TypeError, "found CalibratedClassifierCV"),
    ],
    ids=["another", "unfitted", "search", "calibrated"],
)
def test_other_models_are_refused(model, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_calibrated_model_is_told_how_else_to_be_calibrated(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 2
    model = CalibratedClassifierCV(LogisticRegression(), cv=2).fit(X, y)
    with pytest.raises(TypeError, match=r"calibration=\.\.\."):
        export_onnx(model, tmp_path / "model.onnx")


def test_weights_that_no_file_holds_are_refused(classifier, monkeypatch, tmp_path):
    monkeypatch.setattr(graph, "MAX_WEIGHT_BYTES", 1000)
    with pytest.raises(ValueError, match="bytes of weights, more than the 1000"):
        export_onnx(classifier, tmp_path / "model.onnx")


def test_labels_that_json_does_not_hold_are_refused(make_model, tmp_path):
    y = np.array(["2024-01-01", "2025-01-01"], dtype="datetime64[D]")[np.arange(24) % 2]
    model = make_model(KINDS)
    model.classes_ = np.unique(y)
    with pytest.raises(TypeError, match="labels must be text, numbers or booleans"):
        export_onnx(model, tmp_path / "model.onnx")


class Branching(torch.nn.Module):
    """Encode short rows otherwise than long ones, by a branch."""

    def __init__(self, modality, *, width, n_heads, dropout):
        super().__init__()
        self.linear = torch.nn.Linear(modality.n_inputs, width)

    def forward(self, values, lengths):
        tokens = self.linear(values)
        return (tokens if values.shape[1] > 10 else 3 - tokens), lengths


def test_an_encoder_that_branches_is_refused_and_nothing_is_written(
    make_model, tmp_path
):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"before")
    model = make_model({"series": "sequence"}, encoders={"series": Branching})
    with pytest.raises(ValueError, match="Does an encoder of your own branch"):
        export_onnx(model, path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_exporting_is_silent_and_leaves_the_model_as_it_is(
    make_model, make_features, tmp_path
):
    model, X = make_model(KINDS), make_features(KINDS, 9)
    before, state = model.predict_proba(X), torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export_onnx(model, tmp_path / "model.onnx")
    assert_array_equal(model.predict_proba(X), before)
    assert torch.equal(torch.get_rng_state(), state)
