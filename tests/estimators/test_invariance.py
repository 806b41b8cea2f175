"""What a prediction must not depend on, for every fusion."""

import copy

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    FeatureBlock,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.estimators.batches import FusionDataset

FUSIONS = ("attention", "bottleneck", "cross", "gated", "concat")

# Numbers may differ by rounding: other batches are summed in another order.
TOLERANCE = 1e-5


def make_features(n_samples, seed):
    """Build rows of all kinds; each cell is missing in one of five."""
    rng = np.random.default_rng(seed)

    def ragged(kind, longest, make, **how):
        lengths = rng.integers(1, longest + 1, n_samples)
        cells = [None if rng.random() < 0.2 else make(n) for n in lengths]
        return FeatureBlock.from_samples(cells, kind, **how)

    def pixels(n):
        return rng.integers(0, 256, (1, 3, 9, 9), dtype=np.uint8)

    def words(n):
        return rng.integers(0, 12, n, dtype=np.int32)

    def vectors(n):
        return rng.normal(size=(n, 3)).astype(np.float32)

    return MultimodalFeatures(
        {
            "image": ragged("image", 1, pixels),
            "text": ragged("tokens", 9, words, vocabulary_size=12),
            "series": ragged("sequence", 30, vectors),
            "points": ragged("set", 6, vectors),
            "table": ragged("vector", 1, lambda n: vectors(1)),
        }
    )


X, Y = make_features(60, seed=0), np.arange(60) % 3


def small(**params):
    few = {"max_epochs": 3, "batch_size": 20, "dropout": 0.1}
    params = {"width": 16, "n_heads": 2, "random_state": 0, **few, **params}
    return AttentionFusionClassifier(**params)


@pytest.fixture(scope="module", params=FUSIONS)
def fitted(request):
    return small(fusion=request.param).fit(X, Y)


@pytest.fixture
def threads():
    """Let a test set the number of torch's threads."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_the_rows_are_told_apart(fitted):
    # Else whatever follows would hold of any constant.
    assert np.ptp(fitted.predict_proba(X), axis=0).min() > 0.01


@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_batch_size_of_prediction_does_not_matter(fitted, batch_size):
    other = copy.deepcopy(fitted)
    other.net_.iterator_valid__batch_size = batch_size
    assert len(other.net_.get_iterator(FusionDataset(X))) == -(-60 // batch_size)
    assert_allclose(
        other.predict_proba(X), fitted.predict_proba(X), rtol=0, atol=TOLERANCE
    )


def test_the_order_of_rows_does_not_matter(fitted):
    order = np.random.default_rng(0).permutation(60)
    assert_allclose(
        fitted.predict_proba(X[order]),
        fitted.predict_proba(X)[order],
        rtol=0,
        atol=TOLERANCE,
    )


@pytest.mark.parametrize("name", ["text", "series", "points"])
def test_how_far_a_neighbour_makes_a_row_be_padded_does_not_matter(fitted, name):
    block = X[name]
    row = int(np.argmax(block.lengths))
    longer = [np.tile(block[row].values, (20,) + (1,) * len(block.token_shape))]
    others = [None if b.missing.all() else b.values for b in block]
    of_neighbour = FeatureBlock.from_samples(
        others + longer,
        block.kind,
        vocabulary_size=block.vocabulary_size,
    )
    rows = np.append(np.arange(60), row)
    blocks = {other: X[other][rows] for other in X.names}
    beside = MultimodalFeatures({**blocks, name: of_neighbour})
    assert_allclose(
        fitted.predict_proba(beside)[:60],
        fitted.predict_proba(X),
        rtol=0,
        atol=TOLERANCE,
    )


def test_the_number_of_threads_in_prediction_does_not_matter(fitted, threads):
    # As many rows as torch shares out among threads.
    many = make_features(600, seed=1)
    threads(1)
    one = fitted.predict_proba(many)
    threads(2)
    assert_allclose(fitted.predict_proba(many), one, rtol=0, atol=TOLERANCE)


def test_predictions_in_other_processes_are_the_same(fitted):
    parts = [np.arange(0, 60, 2), np.arange(1, 60, 2)]
    spread = joblib.Parallel(n_jobs=2)(
        joblib.delayed(fitted.predict_proba)(X[part]) for part in parts
    )
    together = fitted.predict_proba(X)
    for part, probability in zip(parts, spread, strict=True):
        assert_allclose(probability, together[part], rtol=0, atol=TOLERANCE)


def test_fits_in_threads_are_those_in_turn_and_leave_torchs_random_state(threads):
    threads(1)

    def predicted():
        return cross_val_predict(small(), X, Y, cv=4, method="predict_proba")

    in_turn, before = predicted(), torch.get_rng_state()
    with joblib.parallel_config("threading", n_jobs=4):
        at_once = cross_val_predict(
            small(), X, Y, cv=4, method="predict_proba", n_jobs=4
        )
    assert_array_equal(at_once, in_turn)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_order_of_equal_rows_with_other_weights_does_not_matter():
    rng = np.random.default_rng(0)
    features, labels = (
        np.repeat(rng.normal(size=(16, 2)), 2, axis=0),
        np.arange(32) // 2 % 2,
    )
    weights = np.tile([0.3, 1.7], 16)
    swapped = weights.reshape(-1, 2)[:, ::-1].ravel()
    probability = [
        small().fit(features, labels, sample_weight=w).predict_proba(features)
        for w in (weights, swapped)
    ]
    assert_array_equal(*probability)


def test_two_fits_with_one_random_state_agree_exactly_on_one_thread(fitted, threads):
    threads(1)
    again = small(fusion=fitted.fusion).fit(X, Y)
    assert again.predict_proba(X).tobytes() == fitted.predict_proba(X).tobytes()


def test_a_pipeline_trained_and_tested_in_processes_is_the_same():
    table, labels = make_multimodal_classification(
        36, modalities=["text", "series"], missing_rate=0.2, random_state=0
    )

    def pipeline(n_jobs):
        union = MultimodalFeatureUnion(
            [
                ("text", TextTransformer(), "text"),
                ("series", TimeSeriesTransformer(), "series"),
            ],
            n_jobs=n_jobs,
        )
        return make_pipeline(union, small())

    def predicted(in_union, in_folds):
        return cross_val_predict(
            pipeline(in_union),
            table,
            labels,
            cv=2,
            method="predict_proba",
            n_jobs=in_folds,
        )

    alone = predicted(None, None)
    assert_array_equal(predicted(2, None), alone)
    assert_allclose(predicted(None, 2), alone, rtol=0, atol=TOLERANCE)
