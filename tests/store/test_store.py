"""Features on disk: written in chunks, read, and refused where not whole."""

import io
import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin

from sklearn_mm import (
    FeatureBlock,
    ImageTransformer,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.store import StoredBlock, write_features, writing

N = 40  # rows of the table


def assert_same(found, expected):
    assert found.names == expected.names
    for name in expected.names:
        a, b = found[name], expected[name]
        assert (a.kind, a.vocabulary_size) == (b.kind, b.vocabulary_size)
        assert_array_equal(a.offsets, b.offsets, strict=True)
        a, b = a.values, b.values
        assert a.dtype == b.dtype and a.shape == b.shape
        if sparse.issparse(b):
            assert_array_equal(a.indptr, b.indptr, strict=True)
            assert_array_equal(a.indices, b.indices, strict=True)
            a, b = a.data, b.data
        assert a.tobytes() == b.tobytes()


def blocks_of(values, kind="vector", **options):
    """Make features of one modality with a token a row."""
    block = FeatureBlock(values, np.arange(values.shape[0] + 1), kind, **options)
    return MultimodalFeatures({"a": block})


# ---- writing and reading ----


@pytest.mark.parametrize("chunk_size", [1, 7, N, 1000])
def test_chunks_on_disk_are_the_features_in_memory_to_the_bit(
    union, table, features, tmp_path, chunk_size
):
    found = union.transform_to_disk(table[0], tmp_path / "s", chunk_size=chunk_size)
    assert_same(found, features)


def test_an_iterator_of_tables_is_written_part_after_part(
    union, table, features, tmp_path
):
    X = table[0]
    parts = iter([X[:3], X[3:20], X[20:]])
    assert_same(union.transform_to_disk(parts, tmp_path / "s", chunk_size=5), features)


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame, pa.table, np.array])
def test_every_container_of_a_table_is_cut_into_chunks(tmp_path, container):
    table = {"text": ["a b", "b", None, "c a"], "age": [1.0, 2.0, 3.0, np.nan]}
    if container is np.array:
        X, text, age = np.array(list(zip(*table.values(), strict=True)), object), 0, [1]
    else:
        X, text, age = container(table), "text", ["age"]
    union = MultimodalFeatureUnion(
        [("text", TextTransformer(), text), ("age", "passthrough", age)]
    )
    features = union.fit_transform(X)
    assert_same(union.transform_to_disk(X, tmp_path, chunk_size=3), features)


def test_only_a_chunk_of_rows_is_transformed_at_once(
    unfitted_union, table, tmp_path, monkeypatch
):
    sizes = []
    transform = ImageTransformer.transform

    def counting(self, X):
        sizes.append(len(X))
        return transform(self, X)

    monkeypatch.setattr(ImageTransformer, "transform", counting)
    union = unfitted_union.fit(table[0])
    union.transform_to_disk(table[0], tmp_path / "s", chunk_size=16)
    assert sizes == [16, 16, 8]


def test_what_transform_to_disk_gives_is_not_flat_where_transform_is(
    unfitted_union, table, features, tmp_path
):
    union = unfitted_union.fit(table[0]).set_output(transform="pandas")
    dense = union.set_params(words="drop").fit(table[0])
    found = dense.transform_to_disk(table[0], tmp_path / "s")
    assert_same(found, features.select(found.names))


def test_saved_features_are_loaded_as_they_were(features, stored):
    assert_same(stored, features)


def test_features_load_into_memory_if_asked_to(features, stored, tmp_path):
    loaded = MultimodalFeatures.load(tmp_path / "store", mmap_mode=None)
    assert_same(loaded, features)
    assert not any(isinstance(block, StoredBlock) for block in loaded.blocks.values())


def test_stored_features_are_saved_to_another_folder(features, stored, tmp_path):
    stored[5:30].save(tmp_path / "other")
    assert_same(MultimodalFeatures.load(tmp_path / "other"), features[5:30])


def test_features_of_no_rows_and_of_no_tokens_are_kept(features, tmp_path):
    features[:0].save(tmp_path / "none")
    assert_same(MultimodalFeatures.load(tmp_path / "none"), features[:0])
    missing = FeatureBlock.from_samples([None] * 3, "image", token_shape=(1, 2, 2))
    MultimodalFeatures({"image": missing}).save(tmp_path / "missing")
    loaded = MultimodalFeatures.load(tmp_path / "missing")
    assert_same(loaded, MultimodalFeatures({"image": missing}))


def test_a_modality_missing_in_the_first_chunk_has_the_dtype_of_the_later_ones(
    tmp_path,
):
    none = FeatureBlock.from_samples([None, None], "image", token_shape=(3, 1, 1))
    some = FeatureBlock.from_samples([np.ones((1, 1, 2, 2), np.uint8)], "image")
    chunks = [MultimodalFeatures({"a": block}) for block in (none, some, none)]
    write_features(tmp_path, chunks)
    block = MultimodalFeatures.load(tmp_path)["a"]
    assert block.values.dtype == np.uint8
    assert_array_equal(block.values, np.ones((1, 1, 2, 2)))
    assert_array_equal(block.lengths, [0, 0, 1, 0, 0])


def test_chunks_of_different_dtypes_are_joined_as_numpy_joins_them(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writing, "_COPY_BYTES", 16)  # a row at a time
    parts = [np.array([[1, 2], [3, 4]]), np.array([[0.5, np.nan]]), np.array([[5, 6]])]
    write_features(tmp_path, [blocks_of(part) for part in parts])
    values = MultimodalFeatures.load(tmp_path)["a"].values
    assert_array_equal(values, np.concatenate(parts), strict=True)


def test_a_sparse_block_too_long_for_int32_has_int64_indices(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_MAX_INT32", 20)
    rows = sparse.random(30, 9, density=0.5, format="csr", random_state=0)
    write_features(tmp_path, [blocks_of(rows[:4]), blocks_of(rows[4:])])
    found = MultimodalFeatures.load(tmp_path)["a"].values
    assert found.indices.dtype == found.indptr.dtype == np.int64
    assert_array_equal(found[[3, 29, 5]].toarray(), rows.toarray()[[3, 29, 5]])


def test_the_name_of_a_modality_may_be_any_text(tmp_path):
    MultimodalFeatures({"../a/b ü": np.ones((2, 1))}).save(tmp_path / "s")
    assert MultimodalFeatures.load(tmp_path / "s").names == ["../a/b ü"]


# ---- rows of stored features ----


def test_a_slice_stays_on_disk_and_other_rows_come_into_memory(features, stored):
    part = stored[3:30][2:20]
    assert all(isinstance(block, StoredBlock) for block in part.blocks.values())
    assert_same(part, features[5:23])
    rows = np.array([7, 2, 2])
    assert_same(part[rows], features[5 + rows])
    assert not any(isinstance(b, StoredBlock) for b in part[rows].blocks.values())


def test_a_pickle_of_stored_features_holds_their_place_only(features, tmp_path):
    many = features[np.arange(2000) % N]
    many.save(tmp_path)
    stored = MultimodalFeatures.load(tmp_path)
    content = pickle.dumps(stored)
    assert len(content) < many.nbytes / 10
    assert_same(pickle.loads(content), many)


def test_the_flat_view_is_that_of_the_features_in_memory(features, stored):
    assert_array_equal(np.asarray(stored), np.asarray(features))


# ---- whole or nothing ----


def test_a_folder_with_features_is_refused_and_left_as_it_was(
    union, table, features, stored, tmp_path
):
    with pytest.raises(FileExistsError, match="holds features already. Set overwrite"):
        union.transform_to_disk(table[0][:3], tmp_path / "store")
    with pytest.raises(FileExistsError, match="holds features already. Set overwrite"):
        features[:3].save(tmp_path / "store")
    assert_same(stored, features)


def test_features_are_replaced_if_asked_to_and_old_files_removed(
    features, stored, tmp_path
):
    folder = tmp_path / "store"
    (folder / "notes.txt").write_text("of the user")
    before = set(folder.iterdir())
    stored[:9].save(folder, overwrite=True)
    assert_same(MultimodalFeatures.load(folder), features[:9])
    kept = before & set(folder.iterdir())
    assert {path.name for path in kept} == {"notes.txt", "features.json"}


def test_features_that_were_replaced_say_so(features, stored, tmp_path):
    features[:9].save(tmp_path / "store", overwrite=True)
    with pytest.raises(FileNotFoundError, match="written anew since.* Load them again"):
        stored[:4]


class FailsLate(TransformerMixin, BaseEstimator):
    """Gives numbers, until a row says "broken"; learns nothing."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        cells = list(X["cell"])
        if "broken" in cells:
            raise ValueError(f"found 'broken' in row {cells.index('broken')}")
        return np.ones((len(cells), 2))


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_writer_that_fails_leaves_the_folder_as_it_was(tmp_path, overwrite):
    if overwrite:
        MultimodalFeatures({"a": np.zeros((2, 2))}).save(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    X = pd.DataFrame({"cell": ["good"] * 6 + ["broken"]})
    union = MultimodalFeatureUnion([("a", FailsLate(), ["cell"])]).fit(X[:6])
    with pytest.raises(ValueError, match="modality 'a': found 'broken' in row 2") as e:
        union.transform_to_disk(X, tmp_path, chunk_size=4, overwrite=overwrite)
    assert e.value.__notes__ == ["Rows are counted from row 4 of X."]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


KILLED = """
import os, signal, sys
import numpy as np
from sklearn_mm import MultimodalFeatures
from sklearn_mm.store import write_features

def chunks():
    yield MultimodalFeatures({"a": np.ones((3, 2))})
    os.kill(os.getpid(), signal.SIGKILL)

write_features(sys.argv[1], chunks())
"""


def test_a_writer_that_is_killed_leaves_nothing_that_loads(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path])
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(FileNotFoundError, match="expected features.json, found .*npy"):
        MultimodalFeatures.load(tmp_path)
    MultimodalFeatures({"a": np.zeros((2, 2))}).save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3  # what was left is gone


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere holds no features.*no such"):
        MultimodalFeatures.load(tmp_path / "nowhere")


def test_another_format_is_refused_by_its_number(stored, tmp_path):
    path = tmp_path / "store" / "features.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(ValueError, match="found the format 99.* reads 1"):
        MultimodalFeatures.load(tmp_path / "store")


def test_an_index_that_is_no_json_is_named(stored, tmp_path):
    (tmp_path / "store" / "features.json").write_text("{")
    with pytest.raises(ValueError, match="features.json is damaged: Expecting"):
        MultimodalFeatures.load(tmp_path / "store")


@pytest.mark.parametrize("part", ["values", "offsets", "indices"])
def test_a_file_that_was_cut_short_is_named(stored, tmp_path, part):
    path = next((tmp_path / "store").glob(f"*-{part}.npy"))
    size = path.stat().st_size
    os.truncate(path, size - 4)
    with pytest.raises(ValueError, match=f"{part}.npy is damaged: found {size - 4} by"):
        MultimodalFeatures.load(tmp_path / "store")


def test_a_file_that_is_lost_is_named(stored, tmp_path):
    path = next((tmp_path / "store").glob("*-values.npy"))
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"{path.name} is not there"):
        MultimodalFeatures.load(tmp_path / "store")


def test_a_pickle_in_place_of_an_array_is_not_opened(tmp_path):
    blocks_of(np.ones((1, 1))).save(tmp_path)
    content = io.BytesIO()
    np.save(content, np.array([{}], dtype=object), allow_pickle=True)
    next(tmp_path.glob("*-values.npy")).write_bytes(content.getvalue())
    with pytest.raises(ValueError, match="values.npy is damaged: .* object"):
        MultimodalFeatures.load(tmp_path)


def test_objects_are_refused(tmp_path):
    with pytest.raises(TypeError, match="dtype object, expected numbers"):
        blocks_of(np.array([["a"]], dtype=object)).save(tmp_path)
    assert not list(tmp_path.iterdir())


# ---- chunks that do not fit together ----

ROWS = blocks_of(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            blocks_of(np.ones((1, 4))),
            r"'a': the rows from 3 on have token_shape \(4,\), those before have \(2,",
        ),
        (blocks_of(np.ones((1, 2)), "set"), "have kind 'set', those before .*'vector'"),
        (blocks_of(sparse.csr_matrix((1, 2))), "have sparse values True"),
        (
            MultimodalFeatures({"b": np.ones((1, 2))}),
            r"has the modalities \['b'\], those before \['a'\]",
        ),
    ],
)
def test_a_chunk_of_another_form_is_refused(tmp_path, other, message):
    with pytest.raises(ValueError, match=message):
        write_features(tmp_path, [ROWS, other])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("chunk_size", [0, -1, 2.5, None])
def test_a_chunk_size_that_is_no_count_is_refused(union, table, tmp_path, chunk_size):
    with pytest.raises(ValueError, match=f"at least 1, found {chunk_size}"):
        union.transform_to_disk(table[0], tmp_path, chunk_size=chunk_size)


def test_an_iterator_that_gives_no_table_is_refused(union, tmp_path):
    with pytest.raises(ValueError, match="iterator of tables, but it gave none"):
        union.transform_to_disk(iter([]), tmp_path)


def test_another_mmap_mode_is_refused(stored, tmp_path):
    with pytest.raises(ValueError, match="must be 'r' or None, found 'r\\+'"):
        MultimodalFeatures.load(tmp_path / "store", mmap_mode="r+")


def test_ctrl_c_after_the_new_features_are_in_place_leaves_them(tmp_path, monkeypatch):
    MultimodalFeatures({"a": np.zeros((2, 2))}).save(tmp_path)
    replace = os.replace

    def interrupted(*paths):
        replace(*paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        MultimodalFeatures({"a": np.ones((2, 2))}).save(tmp_path, overwrite=True)
    found = MultimodalFeatures.load(tmp_path)
    np.testing.assert_array_equal(np.asarray(found), np.ones((2, 2)))
