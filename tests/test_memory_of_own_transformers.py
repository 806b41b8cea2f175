"""MultimodalFeatureUnion(memory=...) with transformers of the user's."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin

from sklearn_mm import FeatureBlock, FeatureCache, MultimodalFeatureUnion
from sklearn_mm.readers.column import is_missing

seen = []


class Letters(TransformerMixin, BaseEstimator):
    """The codes of the letters of a text, as a sequence or as mean and length."""

    cache_version = 1

    def __init__(self, scale=1.0, as_sequence=True):
        self.scale = scale
        self.as_sequence = as_sequence

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        seen.extend(X)
        rows = [
            None if is_missing(cell) else [[ord(c) * self.scale] for c in str(cell)]
            for cell in X
        ]
        if self.as_sequence:
            samples = [None if row is None else np.array(row) for row in rows]
            return FeatureBlock.from_samples(samples, "sequence", token_shape=(1,))
        return np.array(
            [[np.nan] * 2 if r is None else [np.mean(r), len(r)] for r in rows]
        )


class NewLetters(Letters):
    cache_version = 2


class Unversioned(Letters):
    cache_version = None


class OfNeighbours(Letters):
    """Says that a cell is known by itself, and is not."""

    def transform(self, X):
        return np.ones((len(X), len(X)))


@pytest.fixture(autouse=True)
def nothing_seen():
    seen.clear()


TABLE = pd.DataFrame({"note": ["abc", None, "x", "abc", "yz"]}, dtype=object)


def union(memory, transformer, columns="note"):
    return MultimodalFeatureUnion([("note", transformer, columns)], memory=memory)


@pytest.mark.parametrize("as_sequence", [True, False])
def test_each_cell_is_computed_once_and_the_features_are_the_same(
    tmp_path, as_sequence
):
    letters = Letters(as_sequence=as_sequence)
    expected = union(None, letters).fit_transform(TABLE)["note"]
    seen.clear()
    first = union(tmp_path, letters).fit_transform(TABLE)["note"]
    assert sorted(seen, key=str) == [None, "abc", "x", "yz"]
    again = union(tmp_path, letters).fit(TABLE[:2]).transform(TABLE[::-1])["note"]
    assert len(seen) == 4
    for found, wanted in ((first, expected), (again, expected[::-1])):
        assert (found.kind, found.values.dtype) == (wanted.kind, wanted.values.dtype)
        assert_array_equal(found.values, wanted.values)
        assert_array_equal(found.offsets, wanted.offsets)


def test_columns_of_other_containers_are_known_by_the_same_cells(tmp_path):
    union(tmp_path, Letters()).fit(TABLE)
    seen.clear()
    union(tmp_path, Letters()).fit(pl.DataFrame({"note": ["x", "yz", None]}))
    assert not seen


@pytest.mark.parametrize("transformer", [Letters(scale=2.0), NewLetters()])
def test_other_parameters_and_versions_are_computed_anew(tmp_path, transformer):
    union(tmp_path, Letters()).fit(TABLE)
    seen.clear()
    union(tmp_path, transformer).fit(TABLE)
    assert len(seen) == 4


def test_without_a_version_nothing_is_kept(tmp_path):
    union(tmp_path, Unversioned()).fit(TABLE)
    assert len(FeatureCache(tmp_path)) == 0


def test_a_table_of_columns_is_not_kept(tmp_path):
    numbers = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    union(tmp_path, Letters(as_sequence=False), ["a", "b"]).fit(numbers)
    assert len(FeatureCache(tmp_path)) == 0


def test_a_file_that_changed_is_computed_anew(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("one")
    table = pd.DataFrame({"note": [str(path)]})
    model = union(tmp_path / "cache", Letters()).fit(table)
    seen.clear()
    model.transform(table)
    assert not seen
    path.write_text("another")
    model.transform(table)
    assert seen == [str(path)]


def test_cells_of_no_known_content_are_computed_each_time(tmp_path):
    table = pd.DataFrame({"note": pd.Series([["a"], ["b"], "x"], dtype=object)})
    model = union(tmp_path, Letters()).fit(table)
    seen.clear()
    model.transform(table)
    assert seen == [["a"], ["b"]]


def test_a_transformer_that_looks_at_other_rows_is_found_out(tmp_path):
    union(tmp_path, OfNeighbours()).fit(TABLE[:1])
    with pytest.raises(ValueError, match="cells became of several forms"):
        union(tmp_path, OfNeighbours()).fit(TABLE)


def test_a_folder_that_cannot_be_used_costs_a_warning_and_no_fit(tmp_path):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="cannot be used"):
        found = union(tmp_path / "file" / "cache", Letters()).fit_transform(TABLE)
    assert found["note"].lengths.tolist() == [3, 0, 1, 3, 2]
