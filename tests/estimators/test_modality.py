"""What is measured of the training rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklearn_mm import FeatureBlock
from sklearn_mm.estimators.modality import describe_modality

LEVELS = np.linspace(0, 1, 129)


def described(X, rows=None):
    rows = np.arange(X.shape[0]) if rows is None else rows
    return describe_modality(FeatureBlock.from_vectors(X), rows)


def test_quantiles_are_numpys_without_nan():
    X = np.random.default_rng(0).normal(size=(300, 2))
    X[::7, 1] = np.nan
    found = described(X).quantiles
    assert_allclose(found[:, 0], np.quantile(X[:, 0], LEVELS))
    assert_allclose(found[:, 1], np.nanquantile(X[:, 1], LEVELS))


def test_quantiles_are_those_of_the_training_rows_only():
    X = np.arange(100.0)[:, None]
    found = described(X, np.arange(40, 60)).quantiles
    assert (found[0, 0], found[-1, 0]) == (40.0, 59.0)


def test_a_row_that_stands_twice_counts_twice():
    X = np.array([[0.0], [1.0], [9.0]])
    found = described(X, np.array([0, 1, 2, 2, 2])).quantiles
    assert_allclose(found[:, 0], np.quantile([0, 1, 9, 9, 9], LEVELS))


def test_quantiles_of_many_rows_are_those_of_evenly_spaced_ones():
    X = np.random.default_rng(0).normal(size=(25_000, 1))
    found = described(X).quantiles
    assert_allclose(found[:, 0], np.quantile(X[::3, 0], LEVELS))


def test_a_feature_that_is_always_missing_has_no_quantiles():
    X = np.array([[1.0, np.nan], [2.0, np.nan]])
    found = described(X).quantiles
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[:, 1]).all()


def test_a_modality_that_no_training_row_has_is_described():
    modality = described(np.full((3, 2), np.nan))
    assert np.isnan(modality.quantiles).all()
    assert_array_equal(modality.mean, [0, 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_mean_and_deviation_of_images_are_those_of_each_colour(dtype):
    images = np.random.default_rng(0).integers(0, 256, (9, 3, 5, 4)).astype(dtype)
    rows = np.array([4, 2, 2, 7])
    modality = describe_modality(FeatureBlock(images, np.arange(10), "image"), rows)
    assert_allclose(modality.mean, images[rows].mean(axis=(0, 2, 3)), rtol=1e-6)
    assert_allclose(modality.deviation, images[rows].std(axis=(0, 2, 3)), rtol=1e-6)


def test_images_that_no_training_row_has_are_described():
    block = FeatureBlock(np.ones((1, 3, 5, 4), np.uint8), [0, 0, 1], "image")
    modality = describe_modality(block, np.array([0]))
    assert_array_equal(modality.mean, [0, 0, 0])
    assert_array_equal(modality.deviation, [0, 0, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantiles_keep_the_precision_of_the_values(dtype):
    assert described(np.eye(3, dtype=dtype)).quantiles.dtype == dtype


def test_sparse_rows_are_marked_and_have_no_quantiles():
    modality = described(sparse.eye(4, format="csr"))
    assert modality.is_sparse
    assert modality.quantiles is None


@pytest.mark.parametrize(("n_features", "kept"), [(1024, True), (1025, False)])
def test_quantiles_are_kept_for_at_most_1024_features(n_features, kept):
    modality = described(np.ones((2, n_features)))
    assert (modality.quantiles is not None) == kept


def test_modalities_are_equal_whatever_their_statistics():
    X = np.random.default_rng(0).normal(size=(9, 2))
    assert described(X) == described(5 * X + 1)
    assert described(X) != described(X[:, :1])


@pytest.mark.parametrize("n_rows", [70, 1001])
def test_a_constant_has_no_deviation_however_it_is_rounded(n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    X[:, 1] = 0.1
    assert X[:, 1].std() > 0
    found = described(X).deviation
    assert_allclose(found, [X[:, 0].std(), 0])


def test_what_varies_little_far_from_zero_keeps_its_deviation():
    nanoseconds = np.random.default_rng(0).uniform(0, 3e5, size=(900, 1))
    found = described(1.7e18 + nanoseconds).deviation
    assert_allclose(found, nanoseconds.std(), rtol=0.01)


def test_wide_integers_are_measured_as_exactly_as_floats():
    seconds = 1_700_000_000 + np.arange(200)[:, None]
    found, expected = described(seconds), described(seconds.astype(np.float64))
    assert found.mean.dtype == np.float64
    assert_array_equal(
        [found.mean, found.deviation], [expected.mean, expected.deviation]
    )
