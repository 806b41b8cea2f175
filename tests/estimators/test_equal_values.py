"""Equal values train equal models, whatever type they are kept in."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import load_iris

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    FeatureBlock,
    MultimodalFeatures,
)
from sklearn_mm.estimators.digests import row_digests, with_equal_dtypes

X, Y = load_iris(return_X_y=True)
X, Y = X[::3].astype(np.float32), Y[::3]
PARAMS = {"width": 8, "n_heads": 2, "max_epochs": 2, "batch_size": 16}


def probabilities(X, y, tested=None):
    classifier = AttentionFusionClassifier(**PARAMS, random_state=0).fit(X, y)
    return classifier.predict_proba(X if tested is None else tested)


@pytest.fixture(scope="module")
def expected():
    return probabilities(X, Y)


LABELS = {
    "int32": Y.astype(np.int32),
    "uint8": Y.astype(np.uint8),
    "float": Y.astype(float),
    "list": Y.tolist(),
    "strings": Y.astype(str),
    "wide strings": Y.astype("U30"),
    "objects of strings": Y.astype(str).astype(object),
    "objects of integers": Y.astype(object),
    "words in the same order": np.array(["ant", "bee", "cat"])[Y],
    "categories": pd.Categorical(Y.astype(str)),
    "categories of integers": pd.Series(pd.Categorical(Y)),
    "strings of pandas": pd.Series(Y.astype(str), dtype="string"),
    "nullable integers": pd.Series(Y, dtype="Int64"),
}


@pytest.mark.parametrize("name", LABELS)
def test_the_type_of_labels_does_not_matter(name, expected):
    assert_array_equal(probabilities(X, LABELS[name]), expected)


@pytest.mark.parametrize("dtype", [bool, np.int32, str, object])
def test_two_classes_may_be_of_any_type(dtype):
    assert_array_equal(
        probabilities(X, (Y > 0).astype(dtype)), probabilities(X, (Y > 0).astype(int))
    )


def test_objects_of_integers_are_predicted_as_integers():
    classifier = AttentionFusionClassifier(**PARAMS).fit(X, Y.astype(object))
    assert classifier.classes_.dtype.kind == "i"
    assert classifier.predict(X).dtype.kind == "i"


def shuffled_csr():
    """Build a CSR matrix with unsorted columns and a zero that is stored."""
    data = X[:, ::-1].copy()
    data[:, 0][::2] = 0
    columns = np.tile(np.arange(4)[::-1], len(X))
    starts = np.arange(len(X) + 1) * 4
    return sparse.csr_matrix((data.ravel(), columns, starts), shape=X.shape)


FEATURES = {
    "float64": X.astype(float),
    "fortran": np.asfortranarray(X),
    "strided": np.repeat(X, 2, axis=1)[:, ::2],
    "sparse": sparse.csr_matrix(X),
    "sparse float64": sparse.csr_matrix(X.astype(float)),
    "columns": sparse.csc_matrix(X),
}


@pytest.mark.parametrize("name", FEATURES)
def test_the_type_of_numbers_does_not_matter(name, expected):
    found = FEATURES[name]
    assert_array_equal(probabilities(found, Y), expected)
    assert_array_equal(probabilities(X, Y, tested=found), expected)


def test_how_a_sparse_matrix_is_stored_does_not_matter():
    stored = shuffled_csr()
    tidy = sparse.csr_matrix(stored.toarray())
    assert stored.nnz > tidy.nnz
    assert not stored.has_sorted_indices
    assert_array_equal(probabilities(stored, Y), probabilities(tidy, Y))
    assert_array_equal(probabilities(stored, Y), probabilities(stored.toarray(), Y))


def test_the_users_matrix_stays_as_it_is():
    stored = shuffled_csr()
    before = stored.data.copy(), stored.indices.copy()
    probabilities(stored, Y)
    assert_array_equal(stored.data, before[0])
    assert_array_equal(stored.indices, before[1])


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8, np.uint8, np.float16])
def test_whole_numbers_are_those_of_float32(dtype):
    whole = np.round(X * 8).astype(dtype)

    def of(values):
        block = FeatureBlock.from_vectors(values)
        return probabilities(MultimodalFeatures({"table": block}), Y)

    assert_array_equal(of(whole), of(whole.astype(np.float32)))


@pytest.mark.parametrize("first", [X, X.astype(float) / 3])
def test_the_type_of_rows_that_come_later_does_not_matter(first):
    def of(dtype):
        classifier = AttentionFusionClassifier(**PARAMS, random_state=0)
        classifier.partial_fit(first, Y, classes=[0, 1, 2])
        classifier.partial_fit(X.astype(dtype), Y)
        return classifier.predict_proba(X)

    assert_array_equal(of(np.float64), of(np.float32))


def test_negative_zero_is_zero():
    zero, negative = np.zeros_like(X), -np.zeros_like(X)
    zero[:, 0] = negative[:, 0] = X[:, 0]
    assert_array_equal(probabilities(negative, Y), probabilities(zero, Y))


@pytest.mark.parametrize("kind", ["sequence", "set"])
def test_the_precision_of_sequences_does_not_matter(kind):
    def of(dtype):
        samples = [np.tile(row.astype(dtype), (2, 1)) for row in X]
        block = FeatureBlock.from_samples(samples, kind)
        return probabilities(MultimodalFeatures({"series": block}), Y)

    assert_array_equal(of(np.float64), of(np.float32))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float32, np.float16, object])
def test_the_type_of_a_target_of_numbers_does_not_matter(dtype):
    target = np.arange(len(X)) % 7

    def predicted(y):
        regressor = AttentionFusionRegressor(**PARAMS, random_state=0)
        return regressor.fit(X, y).predict(X)

    assert_array_equal(predicted(target.astype(dtype)), predicted(target.astype(float)))


def test_numbers_that_float32_cannot_hold_keep_their_digits():
    seconds = 1.7e9 + np.arange(50.0)[:, None]
    features = MultimodalFeatures({"time": FeatureBlock.from_vectors(seconds)})
    assert with_equal_dtypes(features)["time"].values.dtype == np.float64
    whole = MultimodalFeatures(
        {"time": FeatureBlock.from_vectors(seconds.astype(np.int64))}
    )
    assert_array_equal(with_equal_dtypes(whole)["time"].values, seconds)


def test_what_lies_on_disk_is_not_read_to_be_converted(tmp_path):
    values = np.memmap(tmp_path / "values", np.float64, "w+", shape=(4, 2))
    block = FeatureBlock(values, np.arange(5), "vector")
    features = with_equal_dtypes(MultimodalFeatures({"table": block}))
    assert features["table"].values is values


@pytest.mark.parametrize("dtype", [np.float16, np.uint8, bool])
def test_what_lies_on_disk_has_the_digests_of_single_precision(tmp_path, dtype):
    values = np.memmap(tmp_path / "values", dtype, "w+", shape=(4, 2))
    values[:] = np.arange(8).reshape(4, 2)

    def digests(values):
        block = FeatureBlock(values, np.arange(5), "vector")
        return row_digests(MultimodalFeatures({"table": block}), np.arange(4))

    assert_array_equal(digests(values), digests(np.asarray(values, np.float32)))


@pytest.mark.parametrize("width", [3, 70_000])
def test_a_sparse_row_has_the_digest_of_the_dense_one(width):
    rng = np.random.default_rng(0)
    dense = np.zeros((5, width), np.float32)
    dense[rng.integers(0, 5, 9), rng.integers(0, width, 9)] = 1.5

    def digests(values):
        block = FeatureBlock.from_vectors(values)
        return row_digests(MultimodalFeatures({"table": block}), np.arange(5))

    assert_array_equal(digests(sparse.csr_matrix(dense)), digests(dense))
    assert len(np.unique(digests(dense), axis=0)) == 5
