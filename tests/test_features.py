"""The boundary container: keys, the flat view, construction and memory mapping."""

import pickle

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

import sklearn_mm.blocks
from sklearn_mm import FeatureBlock, MultimodalFeatures

LENGTHS = [2, 0, 3, 1, 4, 2]


@pytest.fixture(params=["image", "tokens", "sequence", "set", "vector", "sparse"])
def block(request):
    """Six samples of each kind, the second missing."""
    kind = request.param
    rng = np.random.default_rng(0)
    if kind == "sparse":
        rows = sparse.random(6, 4, density=0.5, format="csr", random_state=0)
        return FeatureBlock(rows[[0, 2, 3, 4, 5]], [0, 1, 1, 2, 3, 4, 5], "vector")
    lengths = np.minimum(LENGTHS, 1) if kind == "vector" else np.array(LENGTHS)
    shape = {"image": (1, 2, 2), "tokens": ()}.get(kind, (3,))
    if kind == "tokens":
        values = rng.integers(5, size=lengths.sum()).astype(np.int32)
        size = 5
    else:
        values, size = rng.standard_normal((lengths.sum(), *shape)), None
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return FeatureBlock(values, offsets, kind, vocabulary_size=size)


@pytest.fixture
def X(block):
    return MultimodalFeatures({"a": block, "b": np.arange(12.0).reshape(6, 2)})


def samples_of(block):
    """Read every sample by its offsets, as the class documents them."""
    values = block.values.toarray() if sparse.issparse(block.values) else block.values
    ends = zip(block.offsets[:-1], block.offsets[1:], strict=True)
    return [np.array(values[start:end]) for start, end in ends]


def assert_same_samples(samples, expected):
    assert len(samples) == len(expected)
    for sample, other in zip(samples, expected, strict=True):
        np.testing.assert_array_equal(sample, other)


# ---- keys ----

KEYS = {
    "slice": slice(1, 4),
    "open slice": slice(None),
    "empty slice": slice(4, 2),
    "slice beyond the end": slice(4, 100),
    "slice with a step": slice(0, 6, 2),
    "slice with a negative step": slice(None, None, -1),
    "boolean mask": np.array([True, True, False, False, True, False]),
    "list of booleans": [True, False, False, True, False, False],
    "mask of nothing": np.zeros(6, dtype=bool),
    "integer array": np.array([5, 0, 0, 2]),
    "unsigned integers": np.array([3, 1], dtype=np.uint8),
    "negative integers": np.array([-1, -6]),
    "list": [4, 1],
    "empty list": [],
    "range": range(2, 5),
}


def rows_of(key):
    """What numpy selects; it takes an empty list for floats."""
    empty = isinstance(key, list) and not key
    return np.arange(6)[slice(0) if empty else key]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_a_key_selects_the_samples_that_it_selects_of_a_numpy_array(block, key):
    rows = rows_of(key)

    expected = [samples_of(block)[row] for row in rows]
    assert_same_samples(samples_of(block[key]), expected)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
@pytest.mark.parametrize("rest", [..., slice(None)], ids=["dots", "colon"])
def test_rows_before_dots_or_a_colon_are_the_same_as_rows_alone(X, key, rest):
    with_rest, alone = X[key, rest], X[key]

    for name in X.names:
        assert_same_samples(samples_of(with_rest[name]), samples_of(alone[name]))


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_every_modality_is_indexed_by_the_same_rows(X, key):
    rows = rows_of(key)

    selected = X[key]

    assert_same_samples(
        samples_of(selected["a"]), [samples_of(X["a"])[row] for row in rows]
    )
    np.testing.assert_array_equal(
        np.asarray(selected["b"]), np.arange(12.0).reshape(6, 2)[rows]
    )


@pytest.mark.parametrize("row", [0, 1, 5, -1, np.int64(2)])
def test_an_int_selects_one_sample_and_keeps_the_axis(block, row):
    assert_same_samples(samples_of(block[row]), [samples_of(block)[row]])


def test_indexing_keeps_kind_and_vocabulary(block):
    for key in (slice(0, 2), [3, 1]):
        assert block[key].kind == block.kind
        assert block[key].token_shape == block.token_shape
        assert block[key].n_flat_features == block.n_flat_features


def test_iteration_gives_the_samples_one_by_one_and_ends(block):
    single = [samples_of(sample)[0] for sample in block]

    assert_same_samples(single, samples_of(block))


def test_a_modality_is_had_by_its_name(X, block):
    assert X["a"] is block


def test_select_keeps_some_modalities_in_the_given_order(X):
    assert X.select(["b", "a"]).names == ["b", "a"]
    assert X.select(["b"]).shape == (6, 2)


def test_an_unknown_modality_is_refused_with_the_known_ones(X):
    with pytest.raises(KeyError, match=r"no modality 'c'; there are \['a', 'b'\]"):
        X["c"]


@pytest.mark.parametrize("key", [6, -7, [0, 6], [-7]])
def test_a_row_outside_is_an_index_error(X, key):
    with pytest.raises(IndexError, match=r"row (6|-7) is outside 6 rows"):
        X[key]


def test_a_mask_of_another_length_is_an_index_error(X):
    with pytest.raises(IndexError, match="found 5 values for 6 rows"):
        X[np.ones(5, dtype=bool)]


@pytest.mark.parametrize("key", [1.0, [0.5], None, np.zeros((2, 2), dtype=int)])
def test_a_key_that_is_no_row_is_an_index_error(X, key):
    with pytest.raises(IndexError, match="rows are an int, a slice, or a 1-D array"):
        X[key]


@pytest.mark.parametrize("key", [(0, 1), (0, slice(0, 1)), (..., 0), (0, ..., 0)])
def test_a_second_axis_is_an_index_error(X, key):
    with pytest.raises(IndexError, match="samples are indexed on axis 0 only"):
        X[key]


# ---- as an array-like ----


def test_the_container_offers_what_scikit_learn_reads_and_nothing_that_misleads_it(X):
    assert len(X) == X.shape[0] == 6
    assert X.ndim == 2
    assert X.size == X.shape[0] * X.shape[1]
    for name in ("iloc", "loc", "fit", "dtype", "take"):
        assert not hasattr(X, name)
        assert not hasattr(X["a"], name)


def test_bytes_are_those_of_the_arrays():
    block = FeatureBlock(np.zeros((4, 2), dtype=np.float32), [0, 1, 4], "sequence")
    rows = sparse.csr_matrix(np.eye(2))

    assert block.nbytes == 4 * 2 * 4 + 3 * 8
    assert FeatureBlock.from_vectors(rows).nbytes == (
        rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes + 3 * 8
    )
    assert MultimodalFeatures([("a", block), ("b", block)]).nbytes == 2 * block.nbytes


def test_pickle_keeps_the_samples(X):
    again = pickle.loads(pickle.dumps(X))

    assert again.names == X.names
    for name in X.names:
        assert again[name].kind == X[name].kind
        assert_same_samples(samples_of(again[name]), samples_of(X[name]))


def test_numpy_operations_read_the_flat_view():
    X = MultimodalFeatures({"a": np.array([[1.0, 2.0], [3.0, 4.0]])})

    np.testing.assert_array_equal(np.mean(X, axis=0), [2.0, 3.0])
    np.testing.assert_array_equal(np.add(X, 1), [[2.0, 3.0], [4.0, 5.0]])
    np.testing.assert_array_equal(np.concatenate([X, X]).shape, (4, 2))


def test_the_flat_view_takes_the_dtype_that_is_asked_for(block):
    assert np.asarray(block, dtype=np.float16).dtype == np.float16


def test_the_flat_view_is_a_copy_and_says_so():
    values = np.ones((2, 2))
    block = FeatureBlock.from_vectors(values)

    np.array(block)[:] = 7
    np.asarray(block)[:] = 7

    np.testing.assert_array_equal(values, 1)
    for container in (block, MultimodalFeatures({"a": block})):
        with pytest.raises(ValueError, match="always a copy"):
            container.__array__(copy=False)


# ---- the flat view ----


def test_a_sequence_is_flattened_to_mean_deviation_and_maximum():
    tokens = [np.array([[1.0, -4.0], [3.0, 0.0]]), np.array([[5.0, 2.0]])]
    expected = [[2.0, -2.0, 1.0, 2.0, 3.0, 0.0], [5.0, 2.0, 0.0, 0.0, 5.0, 2.0]]

    for kind in ("sequence", "set"):
        flat = np.asarray(FeatureBlock.from_samples(tokens, kind=kind))
        np.testing.assert_allclose(flat, expected)


def test_the_deviation_of_large_numbers_close_together_is_exact():
    tokens = np.array([[1e6], [1e6 + 1]], dtype=np.float32)

    flat = np.asarray(FeatureBlock.from_samples([tokens], kind="sequence"))

    np.testing.assert_allclose(flat, [[1e6 + 0.5, 0.5, 1e6 + 1]])


def test_an_image_is_flattened_to_its_pixels():
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2)
    block = FeatureBlock(images, [0, 1, 2], "image")

    np.testing.assert_array_equal(np.asarray(block), images.reshape(2, 12))


def test_several_images_of_a_sample_are_averaged():
    images = np.array([0, 100, 250], dtype=np.uint8).reshape(3, 1, 1, 1)
    block = FeatureBlock(images, [0, 2, 3], "image")

    np.testing.assert_array_equal(np.asarray(block), [[50.0], [250.0]])


@pytest.mark.parametrize("as_sparse", [False, True])
def test_a_vector_is_flattened_to_itself(as_sparse):
    rows = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    block = FeatureBlock.from_vectors(sparse.csr_matrix(rows) if as_sparse else rows)

    np.testing.assert_array_equal(np.asarray(block), rows)
    np.testing.assert_array_equal(block.to_sparse().toarray(), rows)


def test_token_ids_are_flattened_to_the_counts_of_count_vectorizer():
    texts = ["the cat and the dog", "dog", "and and the the the"]
    reference = CountVectorizer().fit(texts)
    ids = [[reference.vocabulary_[word] for word in text.split()] for text in texts]
    block = FeatureBlock.from_samples(
        [np.array(sample) for sample in ids],
        kind="tokens",
        vocabulary_size=len(reference.vocabulary_),
    )

    counts = reference.transform(texts).toarray()
    np.testing.assert_array_equal(np.asarray(block), counts)
    np.testing.assert_array_equal(block.to_sparse().toarray(), counts)


def test_a_missing_sample_is_a_row_of_nan_and_no_other_is(block):
    flat = np.asarray(block)

    np.testing.assert_array_equal(np.isnan(flat).all(axis=1), block.missing)
    np.testing.assert_array_equal(np.isnan(flat).any(axis=1), block.missing)
    np.testing.assert_array_equal(block.missing, np.arange(6) == 1)


def test_a_missing_sample_is_a_row_of_zeros_in_the_sparse_view(block):
    flat = block.to_sparse()

    assert sparse.issparse(flat)
    assert flat.shape == block.shape
    np.testing.assert_allclose(flat.toarray(), np.nan_to_num(np.asarray(block)))


def test_the_flat_views_of_the_modalities_stand_side_by_side(X):
    flat = np.asarray(X)

    assert flat.shape == X.shape
    np.testing.assert_array_equal(flat[:, :-2], np.asarray(X["a"]))
    np.testing.assert_array_equal(flat[:, -2:], np.arange(12.0).reshape(6, 2))
    np.testing.assert_allclose(X.to_sparse().toarray(), np.nan_to_num(flat))


def test_no_samples_or_only_missing_ones_have_a_flat_view(block):
    assert np.asarray(block[[]]).shape == (0, block.n_flat_features)
    assert np.asarray(block[[1, 1]]).shape == (2, block.n_flat_features)
    assert np.isnan(np.asarray(block[[1]])).all()


def test_a_flat_view_above_the_limit_is_refused_with_advice(monkeypatch):
    words = FeatureBlock.from_samples(
        [np.array([3])] * 10, kind="tokens", vocabulary_size=50
    )
    X = MultimodalFeatures({"text": words})
    monkeypatch.setattr(sklearn_mm.blocks, "MAX_FLAT_NUMBERS", 499)

    for container in (words, X):
        with pytest.raises(ValueError, match=r"10 x 50 numbers.*Use \.to_sparse\(\)"):
            np.asarray(container)
        assert container.to_sparse().shape == (10, 50)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_the_sparse_view_has_no_limit_and_keeps_infinity(monkeypatch, make):
    rows = np.array([[1.0, np.nan, np.inf], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    block = FeatureBlock(make(rows[:2]), [0, 1, 2, 2], "vector")
    monkeypatch.setattr(sklearn_mm.blocks, "MAX_FLAT_NUMBERS", 4)

    found = block.to_sparse().toarray()
    np.testing.assert_array_equal(found, np.where(np.isnan(rows), 0, rows))


def test_a_flat_view_at_the_limit_is_built(monkeypatch):
    monkeypatch.setattr(sklearn_mm.blocks, "MAX_FLAT_NUMBERS", 4)

    assert np.asarray(FeatureBlock.from_vectors(np.eye(2))).shape == (2, 2)


# ---- construction ----


def test_none_and_empty_samples_are_missing():
    block = FeatureBlock.from_samples(
        [None, np.empty((0, 2)), np.ones((1, 2))], kind="sequence"
    )

    np.testing.assert_array_equal(block.missing, [True, True, False])


def test_a_block_of_only_missing_samples_has_the_given_token_shape():
    block = FeatureBlock.from_samples([None, None], kind="sequence", token_shape=(4,))

    assert block.shape == (2, 12)


def test_a_row_of_only_nan_is_a_missing_vector():
    rows = np.array([[1.0, np.nan], [np.nan, np.nan]])

    block = FeatureBlock.from_vectors(rows)

    np.testing.assert_array_equal(block.missing, [False, True])
    np.testing.assert_array_equal(np.asarray(block), rows)


INCONSISTENT = {
    "kind must be one of": (np.ones((2, 1)), [0, 2], "picture"),
    "end with the 2 tokens": (np.ones((2, 1)), [0, 1], "sequence"),
    "begin with 0": (np.ones((2, 1)), [1, 2], "sequence"),
    "must not decrease": (np.ones((2, 1)), [0, 2, 1, 2], "sequence"),
    "has 1 axes": (np.ones((2, 1, 1)), [0, 2], "sequence"),
    "has 3 axes": (np.ones((2, 4, 4)), [0, 1, 2], "image"),
    "needs a vocabulary_size": (np.ones(2, dtype=int), [0, 2], "tokens"),
    "at most one token": (np.ones((2, 1)), [0, 2], "vector"),
    "cannot be sparse": (sparse.eye(2, format="csr"), [0, 2], "set"),
}


@pytest.mark.parametrize("message", INCONSISTENT)
def test_arrays_that_contradict_each_other_are_refused(message):
    values, offsets, kind = INCONSISTENT[message]

    with pytest.raises(ValueError, match=message):
        FeatureBlock(values, offsets, kind)


def test_modalities_of_different_length_are_refused_with_their_lengths():
    with pytest.raises(ValueError, match=r"found \{'a': 2, 'b': 3\}"):
        MultimodalFeatures({"a": np.eye(2), "b": np.eye(3)})


def test_no_modality_and_a_name_twice_are_refused():
    with pytest.raises(ValueError, match="at least one block"):
        MultimodalFeatures({})
    with pytest.raises(ValueError, match="must differ"):
        MultimodalFeatures([("a", np.eye(2)), ("a", np.eye(2))])


# ---- memory mapping ----


def test_a_slice_of_a_memory_map_reads_nothing_and_stays_a_view(tmp_path):
    values = np.memmap(tmp_path / "v", dtype=np.float32, mode="w+", shape=(8, 2))
    block = FeatureBlock(values, [0, 3, 5, 8], "sequence")

    part = MultimodalFeatures({"a": block})[1:]["a"]

    assert isinstance(part.values, np.memmap)
    assert np.shares_memory(part.values, values)
    values[3] = 7
    np.testing.assert_array_equal(part.values[0], 7)


def test_joblib_loads_the_container_memory_mapped(tmp_path, X):
    path = tmp_path / "features.joblib"
    joblib.dump(X, path)

    mapped = joblib.load(path, mmap_mode="r")

    values = mapped["a"].values
    assert isinstance(values.data if sparse.issparse(values) else values, np.memmap)
    for key in (slice(None), slice(0, 3), [5, 1, 0]):
        for name in X.names:
            assert_same_samples(samples_of(mapped[key][name]), samples_of(X[key][name]))
