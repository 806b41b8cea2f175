"""Stores that are damaged: an error that names the file, and never other numbers."""

import json
import os
import pickle
import warnings
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sklearn_mm import FeatureBlock, MultimodalFeatures
from sklearn_mm.store import checks

WHOLE = MultimodalFeatures(
    {
        "words": FeatureBlock.from_samples(
            [np.array([1, 2]), None, np.array([3])], "tokens", vocabulary_size=4
        ),
        "rows": sparse.csr_matrix(np.eye(3, 5)),
        "table": np.arange(6.0).reshape(3, 2),
    }
)


@pytest.fixture
def folder(tmp_path):
    WHOLE.save(tmp_path / "s")
    return tmp_path / "s"


def change_index(folder, change, *, forge=True):
    """Change features.json; with a checksum that fits, as one who means harm would."""
    path = folder / "features.json"
    index = json.loads(path.read_text())
    index = change(index) or index
    if forge and isinstance(index, dict) and "checksum" in index:
        index.pop("checksum")
        content = json.dumps(index, sort_keys=True).encode()
        index["checksum"] = zlib.crc32(content)
    path.write_text(json.dumps(index))


def make_old(folder):
    """Make it a store without checksums, as it was written before there were any."""

    def change(index):
        del index["checksum"]
        index["format"] = 1
        for block in index["blocks"]:
            del block["checksums"]

    change_index(folder, change)


def file_of(folder, number, part):
    (path,) = folder.glob(f"*-{number}-{part}.npy")
    return path


def overwrite(path, at, content):
    """Write bytes, counted from the end where ``at`` is negative."""
    whole = bytearray(path.read_bytes())
    at = at % len(whole)
    whole[at : at + len(content)] = content
    path.write_bytes(whole)


# ---- numbers ----


@pytest.mark.parametrize(
    ("number", "part"), [(0, "values"), (1, "data"), (1, "indices"), (2, "values")]
)
def test_one_wrong_bit_is_noticed_when_the_values_are_read(folder, number, part):
    path = file_of(folder, number, part)
    overwrite(path, -1, bytes([path.read_bytes()[-1] ^ 1]))
    block = MultimodalFeatures.load(folder)[WHOLE.names[number]]
    for read in (
        lambda: block.values,
        lambda: block[[0, 2]],
        lambda: np.asarray(block),
    ):
        with pytest.raises(
            ValueError, match=f"{part}.npy is damaged: bytes .*checksum"
        ):
            read()


@pytest.mark.parametrize(("number", "part"), [(0, "offsets"), (1, "indptr")])
def test_one_wrong_bit_in_where_rows_begin_is_noticed_on_opening(folder, number, part):
    overwrite(file_of(folder, number, part), -8, b"\x07")
    with pytest.raises(ValueError, match=f"modality .*{part}.npy is damaged: bytes"):
        MultimodalFeatures.load(folder)


def test_another_dtype_of_the_same_size_is_noticed_on_opening(folder):
    path = file_of(folder, 2, "values")
    path.write_bytes(path.read_bytes().replace(b"<f8", b"<i8"))
    with pytest.raises(ValueError, match="values.npy is damaged: its beginning"):
        MultimodalFeatures.load(folder)


def test_two_files_of_one_size_that_were_exchanged_are_noticed(tmp_path):
    MultimodalFeatures({"a": np.zeros((3, 2)), "b": np.ones((3, 2))}).save(tmp_path)
    a, b = (file_of(tmp_path, number, "values") for number in (0, 1))
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second), b.write_bytes(first)
    with pytest.raises(ValueError, match="0-values.npy is damaged"):
        np.asarray(MultimodalFeatures.load(tmp_path))


def test_features_that_are_read_into_memory_are_checked(folder):
    overwrite(file_of(folder, 2, "values"), -1, b"\x01")
    with pytest.raises(ValueError, match="values.npy is damaged"):
        MultimodalFeatures.load(folder, mmap_mode=None)


def test_rows_are_read_though_others_are_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "PIECE_BYTES", 16)  # two numbers
    X = np.arange(12.0).reshape(6, 2)
    MultimodalFeatures({"a": X}).save(tmp_path)
    overwrite(file_of(tmp_path, 0, "values"), -1, b"\x01")
    block = MultimodalFeatures.load(tmp_path)["a"]
    assert_array_equal(block[[4, 0, 0]].values, X[[4, 0, 0]])
    assert_array_equal(block[1:5].values, X[1:5])
    for damaged in (lambda: block[[0, 5]], lambda: block[4:6].values):
        with pytest.raises(ValueError, match="bytes 208 to 224 have the checksum"):
            damaged()


def test_sparse_rows_are_read_though_others_are_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "PIECE_BYTES", 16)
    X = sparse.random(40, 30, density=0.5, format="csr", random_state=0)
    MultimodalFeatures({"a": X}).save(tmp_path)
    overwrite(file_of(tmp_path, 0, "data"), -1, b"\x01")
    block = MultimodalFeatures.load(tmp_path)["a"]
    assert_array_equal(block[[30, 3]].values.toarray(), X[[30, 3]].toarray())
    with pytest.raises(ValueError, match="data.npy is damaged"):
        block[[30, 39]]


def test_each_piece_is_checked_once_a_process(folder, monkeypatch):
    read = []
    check = checks.FileChecks._check_piece
    monkeypatch.setattr(
        checks.FileChecks, "_check_piece", lambda *a: read.append(a[1]) or check(*a)
    )
    block = MultimodalFeatures.load(folder)["table"]
    read.clear()
    block.values, block[1:].values, block[[0]], pickle.loads(pickle.dumps(block)).values
    assert len(read) == 1


def test_damage_after_the_first_use_is_noticed_where_the_file_tells(folder):
    block = MultimodalFeatures.load(folder)["table"]
    assert block.values[0, 1] == 1
    path = file_of(folder, 2, "values")
    overwrite(path, -1, b"\x01")
    os.utime(path, (1, 1))  # two writings can be within a tick of the clock
    with pytest.raises(ValueError, match="is damaged"):
        block.values


def test_a_file_cut_short_after_opening_is_an_error_and_no_crash(folder):
    for verify in (True, False):
        block = MultimodalFeatures.load(folder, verify=verify)["table"]
        path = file_of(folder, 2, "values")
        content = path.read_bytes()
        os.truncate(path, len(content) - 8)
        with pytest.raises(ValueError, match="values.npy is damaged"):
            block.values
        path.write_bytes(content)


def test_to_load_reads_no_values(folder, monkeypatch):
    monkeypatch.setattr(checks.FileChecks, "_check_piece", lambda *a: 1 / 0)
    for offsets in folder.glob("*-offsets.npy"), folder.glob("*-indptr.npy"):
        assert all(path.stat().st_size for path in offsets)
    from sklearn_mm.store import arrays

    opened = []
    monkeypatch.setattr(
        arrays.StoredArray,
        "check",
        lambda self, *rows: opened.append(self.path.name.split("-")[-1]),
    )
    features = MultimodalFeatures.load(folder)
    features.shape, features.nbytes, repr(features), features[1:]["table"].token_shape
    assert set(opened) == {"offsets.npy", "indptr.npy"}


def test_checksums_are_left_out_if_asked_to(folder):
    overwrite(file_of(folder, 2, "values"), -8, b"\x01")
    found = MultimodalFeatures.load(folder, verify=False)["table"].values
    assert found[2, 1] != 5
    assert_array_equal(found[:2], [[0, 1], [2, 3]])


# ---- stores without checksums ----


def test_a_store_without_checksums_opens_and_says_so(folder):
    make_old(folder)
    with pytest.warns(UserWarning, match="written without checksums.*Save them anew"):
        found = MultimodalFeatures.load(folder)
    assert_array_equal(np.asarray(found), np.asarray(WHOLE))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MultimodalFeatures.load(folder, verify=False)


@pytest.mark.parametrize("index", [5, -1, 2**31 - 1, -(2**31)])
def test_indices_outside_of_the_columns_are_no_crash(folder, index):
    make_old(folder)
    path = file_of(folder, 1, "indices")
    overwrite(path, -4, np.int32(index).tobytes())
    block = MultimodalFeatures.load(folder, verify=False)["rows"]
    for read in (lambda: block.values, lambda: block[[2]], lambda: block.to_sparse()):
        with pytest.raises(ValueError, match=f"index {index}, expected 0 to 4"):
            read()
    assert_array_equal(np.asarray(WHOLE["rows"])[:0], block[:0].values.toarray())


@pytest.mark.parametrize("end", [2**40, -1, 2])
@pytest.mark.parametrize("part", ["indptr", "offsets"])
def test_ends_of_rows_that_do_not_fit_are_no_crash(folder, part, end):
    make_old(folder)
    overwrite(file_of(folder, 1, part), -8, np.int64(end).tobytes())
    with pytest.raises(ValueError, match="modality 'rows' in .* is damaged"):
        MultimodalFeatures.load(folder, verify=False)


@pytest.mark.parametrize("token", [4, -1])
def test_ids_outside_of_the_vocabulary_are_refused(folder, token):
    make_old(folder)
    path = file_of(folder, 0, "values")
    overwrite(path, -8, np.int64(token).tobytes())
    with pytest.raises(ValueError, match=f"hold the index {token}, expected 0 to 3"):
        MultimodalFeatures.load(folder, verify=False)["words"].values


ARRAYS = {
    "objects": np.array([{}, 1], dtype=object),
    "records": np.zeros(2, dtype=[("a", "i4"), ("b", "O")]),
    "plain records": np.zeros(2, dtype=[("a", "i4")]),
    "raw memory": np.zeros(2, dtype="V8"),
    "columns first": np.asfortranarray(np.ones((3, 2))),
    "no axis": np.array(1.0),
    "another number of axes": np.ones((3, 1, 2)),
    "another number of rows": np.ones((4, 2)),
}


@pytest.mark.parametrize("forged", ARRAYS.values(), ids=ARRAYS)
def test_another_array_in_its_place_is_refused(folder, forged):
    make_old(folder)
    np.save(file_of(folder, 2, "values"), forged, allow_pickle=True)
    with pytest.raises(ValueError, match="modality 'table' in .* is damaged"):
        MultimodalFeatures.load(folder, verify=False)


HEADERS = {
    "a token that does not end": b"{'descr': '<f8', 'shape': (3, (2",
    "a dtype that is none": b"{'descr': '<q9', 'fortran_order': False, 'shape': (3,)}",
    "a dtype of objects": b"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
    "a shape below nothing": b"{'descr':'<f8','fortran_order':False,'shape':(-3,)}",
    "a shape of floats": b"{'descr': '<f8', 'fortran_order': False, 'shape': (3.5,)}",
    "a huge shape": b"{'descr':'<f8','fortran_order':False,'shape':(2**9,1%s)}"
    % (b"0" * 60),
    "more than its length": b"{'descr':'<f8','fortran_order':False,'shape':(9%s,)}"
    % (b"9" * 30),
    "a list": b"[]",
    "deep nesting": b"(" * 100,
    "no text": b"\xff\x00" * 50,
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_any_header_is_an_array_or_an_error_of_ours(folder, header):
    make_old(folder)
    path = file_of(folder, 2, "values")
    whole = path.read_bytes()
    path.write_bytes(whole[:10] + header.ljust(117) + b"\n" + whole[128:])
    with pytest.raises(ValueError, match="values.npy is damaged"):
        MultimodalFeatures.load(folder, verify=False)


# ---- the index ----


def set_block(**fields):
    return lambda index: index["blocks"][1].update(fields)


CHANGES = {
    "a list": lambda index: [1],
    "a number": lambda index: 1,
    "no format": lambda index: index.pop("format") and None,
    "a format that is a list": lambda index: index.update(format=[2]),
    "a format that is true": lambda index: index.update(format=True),
    "an older format with checksums": lambda index: index.update(format=1),
    "no files": lambda index: index.pop("files") and None,
    "files that are a list": lambda index: index.update(files=["a"]),
    "files of a parent folder": lambda index: index.update(
        files="../other/" + "0" * 23
    ),
    "files anywhere": lambda index: index.update(files="/etc/" + "0" * 27),
    "no blocks": lambda index: index.update(blocks=[]),
    "blocks that are a dict": lambda index: index.update(blocks={"name": "a"}),
    "blocks that are strings": lambda index: index.update(blocks=["rows"]),
    "too few blocks' fields": lambda index: index["blocks"][0].pop("kind") and None,
    "a field more": set_block(other=1),
    "a name that is none": set_block(name=None),
    "a name that is a list": set_block(name=["rows"]),
    "a name twice": set_block(name="words"),
    "a kind that is a dict": set_block(kind={}),
    "another kind": set_block(kind="voctor"),
    "a kind that does not fit": set_block(kind="image"),
    "tokens of no vocabulary": set_block(kind="tokens"),
    "a vocabulary of none": set_block(vocabulary_size=0),
    "a vocabulary that is true": set_block(vocabulary_size=True),
    "a vocabulary of a fraction": set_block(vocabulary_size=2.5),
    "columns below nothing": set_block(n_columns=-1),
    "columns that are a string": set_block(n_columns="5"),
    "more columns than there are": set_block(n_columns=10**30),
    "more columns than its indices reach": set_block(n_columns=2**40),
    "no columns": set_block(n_columns=None),
    "no checksums": set_block(checksums={}),
    "checksums that are a list": set_block(checksums=[]),
    "checksums that are numbers": lambda index: index["blocks"][1]["checksums"].update(
        data=12
    ),
    "checksums that are not whole": lambda index: index["blocks"][1][
        "checksums"
    ].update(data="abcdef"),
    "too few checksums": lambda index: index["blocks"][1]["checksums"].update(data=""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_other_index_is_an_error_that_names_it(folder, change):
    change_index(folder, change)
    with pytest.raises((ValueError, FileNotFoundError), match=str(folder)) as caught:
        MultimodalFeatures.load(folder)
    assert type(caught.value) in (ValueError, FileNotFoundError)


def test_a_change_of_the_index_is_noticed(folder):
    change_index(folder, set_block(name="raws"), forge=False)
    with pytest.raises(ValueError, match="features.json is damaged: content.*checksum"):
        MultimodalFeatures.load(folder)


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b"\xff\xfe", b"", b"9" * 10_000, b"null", b'{"format": NaN}'],
)
def test_an_index_that_is_none_is_refused(folder, text):
    (folder / "features.json").write_bytes(text)
    with pytest.raises(ValueError, match="features.json"):
        MultimodalFeatures.load(folder)


def test_a_damaged_store_can_be_overwritten(folder):
    (folder / "features.json").write_bytes(b"\xff\xfe")
    WHOLE.save(folder, overwrite=True)
    assert_array_equal(np.asarray(MultimodalFeatures.load(folder)), np.asarray(WHOLE))


# ---- outside of the folder ----


@pytest.mark.parametrize("name", ["values", "index"])
def test_a_link_to_another_folder_is_not_followed(folder, tmp_path, name):
    path = file_of(folder, 2, "values")
    path = folder / "features.json" if name == "index" else path
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"{path.name} is .* link to .*elsewhere, out"):
        MultimodalFeatures.load(folder)


def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    found = MultimodalFeatures.load(tmp_path / "link")
    assert_array_equal(np.asarray(found), np.asarray(WHOLE))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
@pytest.mark.parametrize("name", ["values", "index"])
def test_a_pipe_or_a_folder_in_place_of_a_file_is_refused(folder, name):
    path = file_of(folder, 2, "values")
    path = folder / "features.json" if name == "index" else path
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match=f"{path.name} is damaged: it is no regular"):
        MultimodalFeatures.load(folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=f"{path.name} is damaged: it is no regular"):
        MultimodalFeatures.load(folder)
