"""A file that someone has changed is refused, also where its checksums were renewed."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

import sklearn_mm
from sklearn_mm import ModelFileError, UntrustedTypeError

ARRAYS, MODEL, MANIFEST = "arrays.safetensors", "model.json", "manifest.json"
LARGE = 10**15


@pytest.mark.parametrize("name", [MODEL, "README.md"])
def test_a_changed_member_is_refused_by_its_checksum(name, file, change):
    def edit(content):
        return {**content, "dtypes": {}, "x": 1} if name == MODEL else b"Trust me."

    change(file, name, edit, sign=False)
    with pytest.raises(ModelFileError, match="the manifest says|SHA-256 differs"):
        sklearn_mm.inspect(file)


def swapped(content):
    """Swap the first two arrays of equal shape and dtype."""
    arrays = load_arrays(content)
    by_form = {}
    for name, array in arrays.items():
        other = by_form.setdefault((array.shape, array.dtype), name)
        if other != name and not np.array_equal(array, arrays[other]):
            arrays[name], arrays[other] = arrays[other], array
            return save_arrays(arrays)
    raise AssertionError("no two of one form")


def test_swapped_arrays_are_refused(file, change):
    change(file, ARRAYS, swapped, sign=False)
    with pytest.raises(ModelFileError, match="SHA-256 differs"):
        sklearn_mm.load(file)


def test_swapped_arrays_are_refused_by_their_own_checksum(
    file, change, members_of, signed, write_members
):
    before = json.loads(members_of(file)[MANIFEST])["arrays"]
    change(file, ARRAYS, swapped)
    members = members_of(file)
    manifest = json.loads(members[MANIFEST])
    members[MANIFEST] = json.dumps({**manifest, "arrays": before}).encode()
    write_members(file, members)
    with pytest.raises(ModelFileError, match="the array .* is not what was written"):
        sklearn_mm.load(file)


def test_an_array_of_another_shape_is_refused(file, change):
    def edit(content):
        arrays = load_arrays(content)
        name = next(name for name in arrays if name.endswith("head.3.weight"))
        return save_arrays({**arrays, name: np.ascontiguousarray(arrays[name].T)})

    change(file, ARRAYS, edit)
    with pytest.raises(ModelFileError, match="head.3.weight' must have shape"):
        sklearn_mm.load(file)


def test_an_array_of_another_dtype_is_refused(file, change):
    def edit(content):
        arrays = load_arrays(content)
        name = next(name for name in arrays if name.endswith("head.0.weight"))
        return save_arrays({**arrays, name: arrays[name].astype(np.float64)})

    change(file, ARRAYS, edit)
    with pytest.raises(ModelFileError, match="dtype float32, found .* float64"):
        sklearn_mm.load(file)


def test_weights_that_are_gone_are_refused(file, change, find):
    def edit(whole):
        weights = find(whole, "weights")["weights"]
        del weights[next(iter(weights))]

    change(file, MODEL, edit)
    with pytest.raises(ModelFileError, match="weights are not those of the network"):
        sklearn_mm.load(file)


HEADERS = {
    "a huge shape": ({"dtype": "F32", "shape": [LARGE, LARGE]}, "needs 4"),
    "a shape that overflows": ({"dtype": "F32", "shape": [2**62, 4]}, "needs 7"),
    "a negative shape": ({"dtype": "F32", "shape": [-1]}, "integers of at least 0"),
    "a float as a shape": ({"dtype": "F32", "shape": [1.0]}, "integers of at least 0"),
    "true as a shape": ({"dtype": "F32", "shape": [True]}, "integers of at least 0"),
    "an unknown dtype": ({"dtype": "OBJ", "shape": [1]}, "unknown dtype"),
    "no shape": ({"dtype": "F32"}, "not described"),
    "too many axes": ({"dtype": "F32", "shape": [1] * 99}, "99 axes"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_an_array_that_is_none_is_refused_before_it_is_made(name, file, change):
    entry, message = HEADERS[name]
    header = json.dumps({"a": {"data_offsets": [0, 4], **entry}}).encode()
    content = struct.pack("<Q", len(header)) + header + bytes(4)
    change(file, ARRAYS, lambda _: content)
    with pytest.raises(ModelFileError, match=message):
        sklearn_mm.load(file)


ENTRY = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("header", "body", "message"),
    [
        ({"a": ENTRY, "b": ENTRY}, 4, "claims the bytes 0 to 4, expected from 4"),
        ({"a": ENTRY}, 9, "5 bytes belong to no array"),
        ({"a": ENTRY}, 2, "claims the bytes 0 to 4"),
        ([], 0, "no object"),
    ],
)
def test_arrays_that_overlap_or_leave_room_are_refused(
    header, body, message, file, change
):
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + bytes(body)
    change(file, ARRAYS, lambda _: content)
    with pytest.raises(ModelFileError, match=message):
        sklearn_mm.load(file)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, struct.pack("<Q", 2**60)])
def test_a_header_that_is_longer_than_all_is_refused(content, file, change):
    change(file, ARRAYS, lambda _: content)
    with pytest.raises(ModelFileError, match="header"):
        sklearn_mm.load(file)


NAMES = [
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
    "sklearn_mm.store.load_blocks",
    "sklearn_mm.FeatureCache",
    "sklearn.utils.Bunch",
    "numpy.load",
    "torch.nn.functional",
    "pickle.loads",
    "",
]


@pytest.mark.parametrize("name", NAMES)
def test_an_injected_class_is_refused_by_name(name, file, change, find):
    def edit(whole):
        find(whole, "class")["class"] = name

    change(file, MODEL, edit)
    with pytest.raises(UntrustedTypeError, match=f"the class {name!r}"):
        sklearn_mm.load(file)


def test_nothing_is_imported_by_a_name_in_the_file(file, change, find, tmp_path):
    import sys

    (tmp_path / "evil_module.py").write_text("raise SystemExit('run')")
    sys.path.insert(0, str(tmp_path))
    try:
        change(
            file, MODEL, lambda w: find(w, "class").update({"class": "evil_module.A"})
        )
        with pytest.raises(UntrustedTypeError, match=r"evil_module\.A"):
            sklearn_mm.load(file)
    finally:
        sys.path.remove(str(tmp_path))
    assert "evil_module" not in sys.modules


@pytest.mark.parametrize("kind", ["function", "type"])
@pytest.mark.parametrize("name", [*NAMES, ["os.system"], {"a": 1}, 5])
def test_an_injected_function_or_type_is_refused_by_name(
    kind, name, file, change, find
):
    def edit(whole):
        find(whole, "callbacks")["callbacks"] = {kind: name}

    change(file, MODEL, edit)
    with pytest.raises(UntrustedTypeError, match="in no list"):
        sklearn_mm.load(file)


def test_a_class_in_the_place_of_a_function_is_refused(file, change, find):
    change(
        file,
        MODEL,
        lambda w: find(w, "callbacks").update(callbacks={"function": "numpy.float64"}),
    )
    with pytest.raises(UntrustedTypeError, match="numpy.float64"):
        sklearn_mm.load(file)


INTEGERS = {
    "n_features_in_": 4.0,
    "width": 8.0,
    "n_layers": 1.5,
    "n_heads": 2.0,
    "max_epochs": 2.5,
    "batch_size": 16.5,
    "multilabel_": 0,
    "missing": 3,
    "dropout": "0.1",
    "shared_temperature_": "1",
    "prior_": [0.0, 1.0],
    "modalities_in_": {"map": {"features": 1}},
    "typical_length": 1.0,
    "token_shape": {"tuple": [4.0]},
    "vocabulary_size": 5.5,
    "kind": 7,
}


@pytest.mark.parametrize("name", INTEGERS)
def test_a_value_of_another_kind_is_refused(name, file, change, find):
    change(file, MODEL, lambda w: find(w, name).update({name: INTEGERS[name]}))
    with pytest.raises(ModelFileError, match=f"{name}|weights|built"):
        sklearn_mm.load(file)


@pytest.mark.parametrize("number", [1.5, 2.0, True, None, "1", [1], float("nan")])
def test_a_float_in_a_vocabulary_is_refused(number, tmp_path, change):
    words = [f"w{k}" for k in range(100)]
    fitted = sklearn_mm.TextTransformer().fit([" ".join(words)])
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    change(path, "vocabularies/0.json", lambda v: {**v, "w7": number})
    with pytest.raises(ModelFileError, match="expected integers|NaN is no number"):
        sklearn_mm.load(path)


def test_a_token_that_stands_there_twice_is_refused(
    tmp_path, members_of, signed, write_members
):
    fitted = sklearn_mm.TextTransformer().fit([" ".join(f"w{k}" for k in range(99))])
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    members = members_of(path)
    text = members["vocabularies/0.json"]
    members["vocabularies/0.json"] = text[:-1] + b',"w7":3}'
    write_members(path, signed(members))
    with pytest.raises(ModelFileError, match="key 'w7' stands there twice"):
        sklearn_mm.load(path)


def test_a_tokenizer_that_is_none_is_refused(tmp_path, change):
    fitted = sklearn_mm.TextTransformer().fit(["a red fox"])
    path = sklearn_mm.save(fitted, tmp_path / "t.mm")
    change(path, "tokenizers/0.json", lambda tokenizer: {"version": "1.0"})
    with pytest.raises(ModelFileError, match="no tokenizer"):
        sklearn_mm.load(path)


VALUES = {
    "unknown": ({"pickle": "gASVAA=="}, "unknown kind of value 'pickle'"),
    "two keys": ({"map": {}, "tuple": []}, "expected one key"),
    "no key": ({}, "expected one key"),
    "no array": ({"array": ["none"]}, "no array 'none'"),
    "another order": ({"array": ["none", "X"]}, "no array"),
    "a number": ({"float": "1e5"}, "the number"),
    "an integer as a float": ({"scalar": ["float32", 1]}, "1 as 'float32'"),
    "a float as an integer": ({"scalar": ["int64", 1.0]}, "1.0 as 'int64'"),
    "true as an integer": ({"scalar": ["int64", True]}, "True as 'int64'"),
    "NaN as an integer": ({"scalar": ["int64", {"float": "nan"}]}, "nan as 'int64'"),
    "beyond": ({"scalar": ["int8", 300]}, "too large for int8"),
    "float in an array": ({"numbers": ["int64", [1], [1.5]]}, "1.5 as 'int64'"),
    "a wrong count": ({"numbers": ["int64", [2], [1]]}, "for the shape"),
    "huge": ({"objects": {"shape": [LARGE], "values": []}}, "0 values"),
    "float shape": ({"objects": {"shape": [1.0], "values": [1]}}, "as a shape"),
    "wide strings": (
        {"texts": {"dtype": "<U99999", "shape": [999], "values": ["a"] * 999}},
        "no strings",
    ),
    "huge strings": (
        {"texts": {"dtype": "<U9999999999", "shape": [1], "values": ["a"]}},
        "the dtype",
    ),
    "an object dtype": ({"dtype": "O8,O8"}, "the dtype"),
    "later": ({"same": 99}, "before it is there"),
    "no scikit-learn": ({"sklearn": "7"}, "no part '7'"),
    "no document": ({"vocabulary": ["model.json", "int"]}, "names no vocabulary"),
    "outside": ({"vocabulary": ["vocabularies/../x.json", "int"]}, "has no member"),
    "no tokenizer": ({"tokenizer": "README.md"}, "names no document"),
    "no bytes": ({"bytes": "???"}, "no bytes"),
    "a range without step": ({"range": [0, 1, 0]}, "the range"),
    "a random state beyond": (
        {
            "random_state": {
                "bit_generator": "MT19937",
                "state": {"map": {"key": [], "pos": 10**6}},
            }
        },
        "a random state at",
    ),
    "another generator": (
        {"generator": {"map": {"bit_generator": "seed"}}},
        "the random generator 'seed'",
    ),
    "a sparse matrix beyond": (
        {
            "sparse": {
                "kind": "csr_matrix",
                "shape": [1, 2],
                "data": {"numbers": ["float64", [1], [1.0]]},
                "indices": {"numbers": ["int32", [1], [9]]},
                "indptr": {"numbers": ["int32", [2], [0, 1]]},
            }
        },
        "no sparse matrix",
    ),
    "another sparse": (
        {"sparse": {"kind": "load_npz", "shape": [1, 1], "data": 1}},
        "'load_npz'",
    ),
    "a mask": (
        {"masked": {"data": 1, "mask": 2, "fill": 3}},
        "no masked array",
    ),
    "a partial of none": ({"partial": {"func": 1, "args": {"tuple": []}}}, "partial"),
    "a list as a key": ({"dict": [[[1], 2]]}, "unhashable"),
    "a key twice": ({"dict": [[1, 2], [1, 3]]}, "a key twice"),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_is_none_is_refused(name, file, change, find):
    value, message = VALUES[name]
    change(file, MODEL, lambda w: find(w, "callbacks").update(callbacks=value))
    with pytest.raises(ModelFileError, match=message):
        sklearn_mm.load(file)


@pytest.mark.parametrize("name", ["fit", "predict", "__class__", "__dict__", "a b", ""])
def test_an_attribute_that_hides_a_method_is_refused(name, file, change, find):
    change(file, MODEL, lambda w: find(w, "state")["state"].update({name: 1}))
    with pytest.raises(ModelFileError, match="cannot have the attribute"):
        sklearn_mm.load(file)


def test_a_sum_of_small_tensors_that_no_weights_fill_is_refused(file, change, find):
    def edit(whole):
        find(whole, "arguments")["arguments"]["n_layers"] = 10**9

    change(file, MODEL, edit)
    with pytest.raises(ModelFileError, match="by its weights no more than"):
        sklearn_mm.load(file)


def test_a_network_beyond_its_weights_is_not_made(file, change, find):
    def edit(whole):
        find(whole, "arguments")["arguments"]["width"] = 10**7

    change(file, MODEL, edit)
    with pytest.raises(ModelFileError, match="by its weights no more than"):
        sklearn_mm.load(file)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_json_is_refused(opening, file, members_of, signed, write_members):
    members = members_of(file)
    members[MODEL] = opening * 100_000
    write_members(file, signed(members))
    with pytest.raises(ModelFileError, match="nested 100000 deep"):
        sklearn_mm.load(file)


def test_brackets_in_strings_are_not_deep(tmp_path):
    notes = {"value": "[" * 1000 + '\\"' + "{" * 1000}
    model = sklearn_mm.AttentionFusionClassifier(net_params=notes)
    path = sklearn_mm.save(model, tmp_path / "m.mm")
    assert sklearn_mm.load(path).net_params == notes


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"{", b"\xff\xfe", b"[1,]", b""])
def test_what_is_no_json_is_refused(text, file, members_of, signed, write_members):
    members = members_of(file)
    members[MODEL] = text
    write_members(file, signed(members))
    with pytest.raises(ModelFileError, match="JSON"):
        sklearn_mm.load(file)


@pytest.mark.parametrize(
    "root", [1, None, [], {"model": 1}, {"dtypes": {}, "model": 1}]
)
def test_what_is_no_model_is_refused(root, file, change):
    change(file, MODEL, lambda _: root if root is not None else [None])
    with pytest.raises(ModelFileError, match="no model|no estimator"):
        sklearn_mm.load(file)


@pytest.mark.parametrize("name", ["format", "versions", "members", "arrays", "privacy"])
@pytest.mark.parametrize("value", [None, 1.0, [], "x"])
def test_a_manifest_of_another_form_is_refused(name, value, file, change):
    def edit(manifest):
        if manifest[name].__class__ is not value.__class__:
            return {**manifest, name: value}
        return {k: v for k, v in manifest.items() if k != name}

    change(file, MANIFEST, edit, sign=False)
    with pytest.raises(ModelFileError, match=name):
        sklearn_mm.inspect(file)


def test_a_cache_or_a_download_that_a_file_asks_for_is_not_set(
    tmp_path, change, find, make_union
):
    path = sklearn_mm.save(make_union(), tmp_path / "u.mm")
    change(path, MODEL, lambda w: find(w, "memory").update(memory="/tmp/elsewhere"))
    assert sklearn_mm.load(path).memory is None


def test_a_device_that_is_not_here_is_said_and_not_used(file, change, find, numbers):
    change(file, MODEL, lambda w: find(w, "device").update(device="cuda:7"))
    with pytest.warns(UserWarning, match=r"trained on \['cuda:7'\], which is not on"):
        loaded = sklearn_mm.load(file)
    assert loaded.device == "auto"
    assert loaded.predict(numbers[0]).shape == (40,)
