import hashlib

import numpy as np
import pytest

from sklearn_mm import ImageTransformer, MultimodalFeatureUnion
from sklearn_mm.readers.column import describe_error, is_missing
from sklearn_mm.readers.identity import add_cell, fingerprint_rows
from sklearn_mm.readers.masks import fill_masked
from sklearn_mm.readers.nested import to_array
from sklearn_mm.readers.table import check_table


def half_masked(dtype=float):
    return np.ma.array(np.arange(4).reshape(2, 2).astype(dtype), mask=[[0, 0], [0, 1]])


@pytest.mark.parametrize("dtype", [float, np.float32, int, bool])
def test_masked_numbers_are_nan(dtype):
    found = fill_masked(half_masked(dtype))
    assert type(found) is np.ndarray
    assert np.isnan(found).tolist() == [[False, False], [False, True]]


@pytest.mark.parametrize("dtype", [str, object])
def test_other_masked_cells_are_none(dtype):
    found = fill_masked(half_masked(dtype))
    assert found[1, 1] is None
    assert [is_missing(cell) for cell in found.ravel()] == [False, False, False, True]


@pytest.mark.parametrize("dtype", [float, int, str, "M8[s]"])
def test_a_mask_without_a_masked_cell_costs_no_type(dtype):
    cells = np.ma.array(np.arange(4).astype(dtype), mask=False)
    found = fill_masked(cells)
    assert type(found) is np.ndarray
    assert found.dtype == cells.dtype


def test_the_masked_constant_is_missing():
    assert is_missing(np.ma.masked)


def test_a_table_keeps_its_mask():
    assert np.isnan(check_table("it", half_masked())[1, 1])
    union = MultimodalFeatureUnion([("table", "passthrough", [0, 1])])
    assert np.isnan(union.fit_transform(half_masked())["table"].values[1, 1])


def test_an_image_of_a_masked_stack_is_missing():
    stack = np.ma.array(np.zeros((3, 5, 4)), mask=False)
    stack[1] = np.ma.masked
    assert ImageTransformer().fit_transform(stack).lengths.tolist() == [1, 0, 1]


def test_lists_with_masked_numbers_keep_them():
    found = to_array([[1.0, np.ma.masked], [3.0, 4.0]])
    assert np.ma.getmaskarray(found).tolist() == [[False, True], [False, False]]


def test_arrays_that_differ_in_their_mask_are_told_apart():
    digests = []
    for cell in (np.ma.array([1.0, 2.0]), np.ma.array([1.0, 2.0], mask=[0, 1])):
        digest = hashlib.sha256()
        assert add_cell(digest, cell)
        digests.append(digest.digest())
    assert digests[0] != digests[1]


def test_structs_are_known_again_by_what_they_hold():
    cells = [
        {"bytes": b"a", "path": None},
        {"bytes": b"b", "path": None},
        {"bytes": None, "path": "a.png"},
        {"bytes": None, "path": "b.png"},
        {"bytes": None, "path": None},
    ]
    first, again = fingerprint_rows(cells), fingerprint_rows([dict(c) for c in cells])
    assert len(set(first)) == len(cells)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("too long"), "too long"),
        (ValueError(), "ValueError"),
        (KeyError("a"), "KeyError: 'a'"),
        (MemoryError(), "MemoryError"),
        (RecursionError("deep"), "RecursionError: deep"),
    ],
)
def test_an_error_is_described_by_kind_where_it_needs_one(error, said):
    assert describe_error(error) == said
