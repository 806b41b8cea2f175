"""What skops writes, and trees: types and numbers are checked before they are used."""

import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import sklearn_mm
from sklearn_mm import ModelFileError, UntrustedTypeError
from sklearn_mm.persistence.values.trees import check_estimator

MEMBER = "sklearn.skops"


@pytest.fixture
def scaler_file(numbers, tmp_path):
    return sklearn_mm.save(StandardScaler().fit(numbers[0]), tmp_path / "s.mm")


def repacked(content, edit):
    """Change the members of an archive in the archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    members |= edit(schema, members) or {}
    members["schema.json"] = json.dumps(schema).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in members.items():
            archive.writestr(name, part)
    return buffer.getvalue()


def first(schema, loader):
    left = [schema]
    while left:
        node = left.pop(0)
        if isinstance(node, dict):
            if node.get("__loader__") == loader:
                return node
            left += node.values()
        elif isinstance(node, list):
            left += node
    raise KeyError(loader)


def test_what_is_scikit_learns_alone_is_a_member_of_its_own(scaler_file):
    found = sklearn_mm.inspect(scaler_file)
    assert MEMBER in found["members"]
    assert found["types"] == ["sklearn.preprocessing._data.StandardScaler"]


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("sklearn.tree._tree", "Tree"),
        ("sklearn_mm.cache", "FeatureCache"),
        ("sklearn.datasets", "fetch_openml"),
        (None, None),
    ],
)
@pytest.mark.parametrize(
    "loader",
    ["ObjectNode", "TypeNode", "FunctionNode", "MethodNode", "PartialNode", "TreeNode"],
)
def test_an_injected_type_is_refused_by_name(module, kind, loader, scaler_file, change):
    def edit(schema, members):
        first(schema, "ObjectNode").update(
            __loader__=loader, __module__=module, __class__=kind
        )

    change(scaler_file, MEMBER, lambda content: repacked(content, edit))
    with pytest.raises(UntrustedTypeError, match=f"names the type {module}.{kind}"):
        sklearn_mm.load(scaler_file)


def test_a_type_without_a_loader_is_refused(scaler_file, change):
    def edit(schema, members):
        del first(schema, "ObjectNode")["__loader__"]

    change(scaler_file, MEMBER, lambda content: repacked(content, edit))
    with pytest.raises(ModelFileError, match="a type stands where none belongs"):
        sklearn_mm.load(scaler_file)


@pytest.mark.parametrize("name", ["../evil.npy", "evil.npz", "evil.py", "1.pkl"])
def test_an_unknown_member_within_is_refused(name, scaler_file, change):
    def edit(schema, members):
        return {name: b"evil"}

    change(scaler_file, MEMBER, lambda content: repacked(content, edit))
    with pytest.raises(ModelFileError, match="unknown member|may leave"):
        sklearn_mm.load(scaler_file)


def header_of(shape, descr="'<f8'"):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        header_of("(1000000000000,)"),
        header_of("(4,)", "'|O'") + bytes(32),
        header_of("(4,)") + bytes(31),
        b"\x80\x04K\x01.",
        b"",
    ],
    ids=["huge", "objects", "short", "pickle", "empty"],
)
def test_an_array_that_is_none_is_refused(content, scaler_file, change):
    def edit(schema, members):
        name = next(name for name in members if name.endswith(".npy"))
        return {name: content}

    change(scaler_file, MEMBER, lambda old: repacked(old, edit))
    with pytest.raises(ModelFileError, match="needs|no array"):
        sklearn_mm.load(scaler_file)


def test_a_bomb_within_is_refused(scaler_file, change):
    def edit(schema, members):
        return {"1.npy": bytes(3_000_000)}

    change(scaler_file, MEMBER, lambda old: repacked(old, edit))
    with pytest.raises(ModelFileError, match="zip bomb"):
        sklearn_mm.load(scaler_file)


def test_a_cache_that_a_part_asks_for_is_not_set(numbers, tmp_path, change):
    fitted = make_pipeline(StandardScaler()).fit(numbers[0])
    path = sklearn_mm.save(fitted, tmp_path / "s.mm")

    def edit(schema, members):
        node = first(schema, "ObjectNode")["content"]["content"]["memory"]
        node["content"] = '"/tmp/elsewhere"'

    change(path, MEMBER, lambda content: repacked(content, edit))
    assert sklearn_mm.load(path).memory is None


@pytest.mark.parametrize("value", ["4.0", '"4"', "[4]"])
def test_a_float_where_an_integer_belongs_is_refused(value, scaler_file, change):
    def edit(schema, members):
        node = first(schema, "ObjectNode")["content"]["content"]["n_features_in_"]
        node["content"] = value

    change(scaler_file, MEMBER, lambda content: repacked(content, edit))
    with pytest.raises(
        ModelFileError, match="n_features_in_ of StandardScaler must be"
    ):
        sklearn_mm.load(scaler_file)


def test_what_is_no_archive_is_refused(scaler_file, change):
    change(scaler_file, MEMBER, lambda old: b"none")
    with pytest.raises(ModelFileError, match="sklearn.skops is no model file"):
        sklearn_mm.load(scaler_file)


def changed_tree(tree, **fields):
    """Give a tree of the same kind whose nodes say something else."""
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    for name, (place, value) in fields.items():
        nodes[name][place] = value
    return {**state, "nodes": nodes}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left_child", 0),
        ("left_child", 10**6),
        ("left_child", -5),
        ("right_child", 10**6),
        ("feature", 10**6),
        ("feature", -7),
    ],
)
def test_a_tree_that_points_out_of_itself_is_refused(field, value, numbers, tmp_path):
    fitted = DecisionTreeClassifier(random_state=0).fit(*numbers)
    tree = fitted.tree_
    tree.__setstate__(changed_tree(tree, **{field: (0, value)}))
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    with pytest.raises(ModelFileError, match="holds a tree that is none"):
        sklearn_mm.load(path)


@pytest.mark.parametrize("field", ["left", "right", "feature_idx"])
def test_a_tree_of_histograms_that_points_out_of_itself_is_refused(field, tmp_path):
    rng = np.random.RandomState(0)
    X = rng.randn(200, 3)
    fitted = HistGradientBoostingClassifier(max_iter=1).fit(X, X[:, 0] > 0)
    fitted._predictors[0][0].nodes[field][0] = 10**6
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    with pytest.raises(ModelFileError, match="holds a tree that is none"):
        sklearn_mm.load(path)


def test_a_forest_of_fewer_features_than_its_trees_is_refused(numbers, tmp_path):
    fitted = RandomForestClassifier(2, random_state=0).fit(*numbers)
    fitted.n_features_in_ = 1
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    with pytest.raises(ModelFileError, match="of 1 features, found a tree of 4"):
        sklearn_mm.load(path)


@pytest.mark.parametrize(
    "forest",
    [
        RandomForestClassifier(2),
        GradientBoostingClassifier(n_estimators=2),
        IsolationForest(n_estimators=2, max_features=2),
    ],
    ids=lambda forest: type(forest).__name__,
)
def test_a_sound_forest_passes(forest, numbers):
    check_estimator(forest.fit(*numbers))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_features", 5),
        ("n_features", 4.0),
        ("n_outputs", 2),
        ("n_classes", [2, 2]),
        ("n_classes", [10**9]),
        ("n_classes", [2.0]),
        ("max_depth", -1),
        ("nodes", {"numbers": ["int64", [0], []]}),
        ("values", None),
    ],
)
def test_a_tree_of_another_form_is_refused(key, value, numbers, change, find, tmp_path):
    fitted = DecisionTreeClassifier(max_depth=2).fit(*numbers)
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    change(path, "model.json", lambda w: find(w, "tree")["tree"].update({key: value}))
    with pytest.raises(ModelFileError, match="tree|expected int"):
        sklearn_mm.load(path)


@pytest.mark.parametrize(
    "records",
    [
        {},
        {"fields": [["a", "O", 0]], "bytes": 8},
        {"fields": [["a", "<f8", 10]], "bytes": 8},
        {"fields": [["a", "<f8", 0.0]], "bytes": 8},
        {"fields": [["a", "<f8", 0]], "bytes": 10**12},
    ],
)
def test_records_that_are_none_are_refused(records, numbers, change, tmp_path):
    fitted = DecisionTreeClassifier(max_depth=2).fit(*numbers)
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")

    def edit(whole):
        (name,) = whole["dtypes"]
        whole["dtypes"][name] = records

    change(path, "model.json", edit)
    with pytest.raises(ModelFileError, match="records"):
        sklearn_mm.load(path)
