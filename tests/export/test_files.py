"""What stands in the file of a graph, and files that someone has changed."""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.testing import assert_array_equal

import sklearn_mm
from sklearn_mm import ModelFileError
from sklearn_mm.export import OnnxModel, checks, export_onnx

KINDS = {"text": "tokens", "table": "vector"}


def change(path, edit):
    """Change a graph, or put another in its place."""
    graph = onnx.load_model(path)
    path.write_bytes((edit(graph) or graph).SerializeToString())
    return path


def change_metadata(path, edit):
    """Change what the metadata say."""

    def change_graph(graph):
        (entry,) = graph.metadata_props
        document = json.loads(entry.value)
        edit(document)
        entry.value = json.dumps(document)

    return change(path, change_graph)


def test_a_graph_is_valid_onnx_that_tells_what_goes_in_and_out(file):
    graph = onnx.load_model(file)
    onnx.checker.check_model(graph, full_check=True)
    session = onnxruntime.InferenceSession(file)
    inputs = {each.name: (each.type, each.shape) for each in session.get_inputs()}
    assert inputs == {
        "values_0": ("tensor(int64)", ["rows", "steps_of_values_0"]),
        "lengths_0": ("tensor(int64)", ["rows"]),
        "values_1": ("tensor(float)", ["rows", "steps_of_values_1", 4]),
        "lengths_1": ("tensor(int64)", ["rows"]),
    }
    outputs = {each.name: each.type for each in session.get_outputs()}
    names = ["scores", "probabilities", "attention_weights"]
    assert outputs == dict.fromkeys(names, "tensor(float)")


def test_the_metadata_say_what_a_runtime_in_another_language_must_know(file):
    (entry,) = onnx.load_model(file).metadata_props
    found = json.loads(entry.value)
    assert entry.key == "sklearn_mm"
    assert found["task"] == "multiclass"
    assert found["classes"]["labels"] == [0, 1, 2]
    assert found["version"] == sklearn_mm.__version__
    assert found["modalities"][0] == {
        "name": "text",
        "kind": "tokens",
        "token_shape": [],
        "vocabulary_size": 20,
        "dtype": "int64",
        "values": "values_0",
        "lengths": "lengths_0",
    }


def test_no_path_of_the_machine_stands_in_a_graph(content):
    for folder in (Path(sklearn_mm.__file__).parents[1], sys.prefix, Path.home()):
        assert str(folder).encode() not in content


@pytest.mark.slow
def test_modalities_may_have_any_name(make_model, check):
    kinds = {"": "vector", "värde/0 {x}": "set", "values_1": "vector"}
    check(make_model(kinds), kinds)


def test_a_model_pickles_by_its_path_and_says_what_it_is(file, make_features):
    model, X = OnnxModel(file, batch_size=3), make_features(KINDS, 8)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert (
        repr(again) == "OnnxModel(AttentionFusionClassifier: text=tokens, table=vector)"
    )


def test_rows_are_predicted_alike_in_batches_of_any_size(file, make_features):
    X = make_features(KINDS, 50, n_steps=30, seed=3)
    whole = OnnxModel(file, batch_size=50).predict_proba(X)
    for model in (OnnxModel(file, batch_size=7), OnnxModel(file, n_threads=2)):
        np.testing.assert_allclose(model.predict_proba(X), whole, atol=1e-6)


def test_features_of_another_form_are_refused(file, make_features):
    model = OnnxModel(file)
    with pytest.raises(ValueError, match="'sound'.* are unknown"):
        model.predict(make_features({"sound": "sequence"}, 3))
    with pytest.raises(ValueError, match="modality 'table' of X has kind 'set'"):
        model.predict(make_features({"table": "set"}, 3))
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(make_features(KINDS, 3)[:0])
    assert len(model.predict(make_features({"table": "vector"}, 3))) == 3


@pytest.mark.parametrize("parameter", ["n_threads", "batch_size"])
def test_numbers_that_compute_nothing_are_refused(parameter, file):
    with pytest.raises(ValueError, match="must be at least 1"):
        OnnxModel(file, **{parameter: 0})


def test_a_file_that_is_too_large_is_not_read(file, monkeypatch):
    monkeypatch.setattr(checks, "MAX_BYTES", 1000)
    with pytest.raises(ModelFileError, match="more than the limit of 1000"):
        OnnxModel(file)


def test_damaged_files_and_other_graphs_are_refused(file, content):
    with pytest.raises(FileNotFoundError):
        OnnxModel(file.parent / "none.onnx")
    for damaged in (content[:1000], b"no graph", b""):
        file.write_bytes(damaged)
        with pytest.raises(ModelFileError):
            OnnxModel(file)
    file.write_bytes(content)
    change(file, lambda graph: graph.ClearField("metadata_props"))
    with pytest.raises(ModelFileError, match="not of export_onnx"):
        OnnxModel(file)


def add_external(graph):
    weights = graph.graph.initializer[0]
    onnx.external_data_helper.set_external_data(weights, "/etc/passwd")
    weights.ClearField("raw_data")


def add_external_constant(graph):
    weights = graph.graph.initializer[0]
    node = graph.graph.node.add(op_type="Constant", output=["secret"])
    node.attribute.append(onnx.helper.make_attribute("value", weights))
    onnx.external_data_helper.set_external_data(node.attribute[0].t, "secret.bin")


def add_operator(graph):
    graph.graph.node.add(op_type="PyOp", domain="ai.onnx.contrib")


def add_domain(graph):
    graph.opset_import.add(domain="com.microsoft", version=1)


def add_function(graph):
    graph.functions.add(name="mine", domain="")


def add_loop(graph):
    node = graph.graph.node.add(op_type="Loop")
    node.attribute.append(onnx.helper.make_attribute("body", graph.graph))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (add_external, "weights elsewhere"),
        (add_external_constant, "weights elsewhere"),
        (add_operator, "operators of its own, .*ai.onnx.contrib"),
        (add_domain, "operators of its own, .*com.microsoft"),
        (add_function, "operators of its own"),
        (add_loop, "branches or loops"),
    ],
)
def test_a_graph_that_reaches_beyond_itself_is_refused(edit, message, file):
    with pytest.raises(ModelFileError, match=message):
        OnnxModel(change(file, edit))


def test_nothing_of_a_refused_graph_is_run(file, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a session was made")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(ModelFileError):
        OnnxModel(change(file, add_operator))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"format": 2}, "newer sklearn_mm"),
        ({"format": True}, "format"),
        ({"task": "ranking"}, "task"),
        ({"missing": None}, "missing"),
        ({"estimator": 3}, "estimator"),
        ({"modalities": []}, "no list"),
        ({"modalities": [{"name": "text"}]}, "fields of a modality"),
        ({"n_features_in": 2.5}, "n_features_in"),
        ({"feature_names_in": [1]}, "feature_names_in"),
        ({"target_shape": "x"}, "target_shape"),
        ({"classes": None}, "keys"),
        ({"classes": {"dtype": "O", "labels": [1, 2]}}, "labels"),
        ({"classes": {"dtype": "V8", "labels": [1, 2]}}, "labels"),
        ({"classes": {"dtype": "|i1", "labels": [1, 2**70]}}, "labels"),
        ({"code": "print()"}, "fields"),
    ],
    ids=str,
)
def test_metadata_that_were_not_written_so_are_refused(edit, message, file):
    change_metadata(file, lambda document: document.update(edit))
    with pytest.raises(ModelFileError, match=message):
        OnnxModel(file)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ["text"]),
        ("kind", "smell"),
        ("token_shape", [1.5]),
        ("vocabulary_size", None),
        ("dtype", "object"),
        ("values", "values_7"),
    ],
)
def test_a_modality_that_was_not_written_so_is_refused(field, value, file):
    change_metadata(file, lambda d: d["modalities"][0].update({field: value}))
    with pytest.raises(ModelFileError):
        OnnxModel(file)


def test_a_graph_with_another_input_than_its_metadata_say_is_refused(file):
    def rename(document):
        document["task"], document["classes"] = "regression", None

    with pytest.raises(ModelFileError, match="but its metadata say"):
        OnnxModel(change_metadata(file, rename))


def test_weights_that_give_no_number_are_an_error_with_the_row(file, make_features):
    def spoil(graph):
        for weights in graph.graph.initializer:
            if weights.name.endswith("head.3.bias"):
                spoiled = np.full(3, np.nan, dtype=np.float32)
                weights.CopyFrom(onnx.numpy_helper.from_array(spoiled, weights.name))

    model = OnnxModel(change(file, spoil))
    with pytest.raises(ValueError, match="no finite number for row 0"):
        model.predict(make_features(KINDS, 4, missing=0.0))


def test_a_file_is_replaced_whole_or_stays(classifier, file, monkeypatch):
    import os

    def fail(handle):
        raise OSError("the disk is full")

    before = file.read_bytes()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        export_onnx(classifier, file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("library", ["onnx", "onnxruntime"])
def test_a_library_that_is_missing_is_named_with_its_extra(
    library, classifier, file, monkeypatch
):
    monkeypatch.setitem(sys.modules, library, None)
    advice = rf"need {library}, .*pip install 'sklearn-mm\[onnx\]'"
    with pytest.raises(ImportError, match=advice):
        OnnxModel(file)
    with pytest.raises(ImportError, match=advice):
        export_onnx(classifier, file.parent / "other.onnx")
