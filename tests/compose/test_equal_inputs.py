"""What should not matter: equal values give equal features, in whatever form."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from sklearn_mm import FeatureBlock, MultimodalFeatureUnion, TextTransformer

VALUES = np.array([[1, 0, 3], [0, 0, 2], [4, 5, 0], [2, 0, 1]])


def features_of(X, step=None):
    step = StandardScaler() if step is None else step
    union = MultimodalFeatureUnion([("all", step, [0, 1, 2])])
    return np.asarray(union.fit_transform(X))


@pytest.mark.parametrize(
    "X",
    [
        VALUES.astype(np.int32),
        VALUES.astype(np.uint8),
        VALUES.astype(np.float32),
        VALUES.astype(np.float64),
        VALUES.astype(object),
        np.asfortranarray(VALUES),
        np.repeat(VALUES, 2, axis=0)[::2],
        VALUES.astype(">i8"),
        VALUES.astype(str),
        VALUES.tolist(),
        pd.DataFrame(VALUES),
        pd.DataFrame(VALUES, dtype="Int16"),
        pd.DataFrame(VALUES, dtype="float32[pyarrow]"),
        pl.DataFrame(VALUES, schema=list("abc")),
        pa.table({"a": VALUES[:, 0], "b": VALUES[:, 1], "c": VALUES[:, 2]}),
    ],
    ids=range(15),
)
def test_numbers_of_any_dtype_and_container_give_the_same_features(X):
    found = features_of(X)
    tolerance = 1e-6 if found.dtype == np.float32 else 1e-15
    np.testing.assert_allclose(found, features_of(VALUES), atol=tolerance)


@pytest.mark.parametrize("step", [OneHotEncoder(), OrdinalEncoder()])
@pytest.mark.parametrize("dtype", [np.int32, np.float64, object, str])
def test_categories_of_any_dtype_give_the_same_features(step, dtype):
    assert_array_equal(
        features_of(VALUES.astype(dtype), step), features_of(VALUES, step)
    )


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, float, object])
def test_numbers_as_texts_are_the_same_texts(dtype):
    expected = TextTransformer().fit_transform(["1", "20", "3"])
    found = TextTransformer().fit_transform(pd.Series([1, 20, 3], dtype=dtype))
    assert_array_equal(found.values, expected.values)


# Sparse matrices


def unsorted(X):
    """Turn the order of the indices in each row of a CSR matrix."""
    order = np.concatenate(
        [np.arange(a, b)[::-1] for a, b in zip(X.indptr, X.indptr[1:], strict=False)]
    )
    return sparse.csr_matrix((X.data[order], X.indices[order], X.indptr), shape=X.shape)


def with_zeros(X):
    """Store every zero."""
    rows, columns = np.indices(X.shape).reshape(2, -1)
    return sparse.csr_matrix(
        (X.toarray().ravel(), columns, np.arange(0, rows.size + 1, X.shape[1])),
        shape=X.shape,
    )


def with_duplicates(X):
    """Store every number as two halves in one place."""
    X = X.tocoo()
    parts = (np.repeat(X.data / 2, 2), (np.repeat(X.row, 2), np.repeat(X.col, 2)))
    coo = sparse.coo_matrix(parts, shape=X.shape)
    indptr = np.searchsorted(coo.row, np.arange(X.shape[0] + 1))
    return sparse.csr_matrix((coo.data, coo.col, indptr), shape=X.shape)


CSR = sparse.csr_matrix(VALUES.astype(float))
FORMS = {
    "unsorted": unsorted(CSR),
    "zeros": with_zeros(CSR),
    "duplicates": with_duplicates(CSR),
    "csc": CSR.tocsc(),
    "coo": CSR.tocoo(),
    "array": sparse.csr_array(CSR),
    "wide indices": sparse.csr_matrix(
        (CSR.data, CSR.indices.astype(np.int64), CSR.indptr.astype(np.int64))
    ),
}


@pytest.mark.parametrize("X", FORMS.values(), ids=FORMS)
def test_sparse_matrices_of_equal_values_are_the_same_block(X):
    before = X.copy()
    block, expected = FeatureBlock.from_vectors(X), FeatureBlock.from_vectors(CSR)
    for part in ("data", "indices", "indptr"):
        assert_array_equal(
            getattr(block.values, part), getattr(expected.values, part), strict=False
        )
    assert (before != X).nnz == 0
    assert before.nnz == X.nnz


@pytest.mark.parametrize("X", FORMS.values(), ids=FORMS)
def test_sparse_output_of_a_step_is_brought_to_one_form(X):
    step = FunctionTransformer(lambda table: X)
    union = MultimodalFeatureUnion([("all", step, [0])])
    block = union.fit_transform(VALUES)["all"]
    assert block.values.has_canonical_format
    assert_array_equal(block.values.data, CSR.data)


# Token ids


@pytest.mark.parametrize(("ids", "wrong"), [([0, 1, 3], 3), ([0, -1, 2], -1)])
def test_ids_outside_of_the_vocabulary_are_refused_with_the_row(ids, wrong):
    message = rf"must be from 0 to 2 \(vocabulary_size=3\), found {wrong} in row [12]"
    with pytest.raises(ValueError, match=message):
        FeatureBlock.from_samples(
            [np.array(ids[:1]), np.array(ids[1:2]), np.array(ids[2:])],
            "tokens",
            vocabulary_size=3,
        )


def test_ids_on_disk_are_checked_when_they_are_used(tmp_path):
    np.save(tmp_path / "ids.npy", np.array([0, 7, 1], dtype=np.int32))
    ids = np.load(tmp_path / "ids.npy", mmap_mode="r")
    block = FeatureBlock(ids, [0, 1, 2, 3], "tokens", vocabulary_size=3)
    with pytest.raises(ValueError, match="found 7 in row 1"):
        block.to_sparse()


def test_ids_that_are_no_integers_are_refused():
    with pytest.raises(ValueError, match="token ids must be integers, found float64"):
        FeatureBlock(np.zeros(2), [0, 1, 2], "tokens", vocabulary_size=3)
