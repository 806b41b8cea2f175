"""Which rows go together, and that it matters to nothing but speed."""

import numpy as np
import torch
from numpy.testing import assert_array_equal

from sklearn_mm import AttentionFusionClassifier, FeatureBlock, MultimodalFeatures
from sklearn_mm.estimators.batches import BatchIterator, FusionDataset, pad_block


def make_features(lengths):
    tokens = [np.full(length, row % 7) for row, length in enumerate(lengths)]
    return MultimodalFeatures(
        {
            "text": FeatureBlock.from_samples(tokens, "tokens", vocabulary_size=7),
            "table": FeatureBlock.from_samples(
                np.arange(len(lengths), dtype=np.float32).reshape(-1, 1, 1), "vector"
            ),
        }
    )


def draw_epoch(features, batch_size=4):
    """The rows of each batch, and how many steps of its text were padded."""
    batches = BatchIterator(FusionDataset(features), batch_size, shuffle=True)
    rows, n_padded = [], 0
    for inputs, _ in batches:
        rows.append(inputs["batch"]["table"][0].flatten().int().tolist())
        values, lengths = inputs["batch"]["text"]
        n_padded += values.numel() - int(lengths.sum())
    return rows, n_padded


def test_an_epoch_holds_every_row_once():
    lengths = np.random.default_rng(0).integers(1, 50, 150)
    rows, _ = draw_epoch(make_features(lengths))
    assert sorted(sum(rows, [])) == list(range(150))
    assert sorted(map(len, rows)) == [2] + [4] * 37


def test_rows_of_like_length_go_together():
    lengths = np.random.default_rng(0).integers(1, 50, 256)
    rows, n_padded = draw_epoch(make_features(lengths))
    at_random = np.random.default_rng(1).permutation(256).reshape(-1, 4)
    n_padded_at_random = sum(
        4 * lengths[batch].max() - lengths[batch].sum() for batch in at_random
    )
    assert n_padded < n_padded_at_random / 4


def test_batches_come_in_no_order_of_length():
    lengths = np.random.default_rng(0).integers(1, 50, 64)
    rows, _ = draw_epoch(make_features(lengths))
    longest = [lengths[batch].max() for batch in rows]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_epochs_have_other_batches():
    features = make_features(np.random.default_rng(0).integers(1, 9, 256))
    first, second = (
        {frozenset(batch) for batch in draw_epoch(features)[0]} for _ in range(2)
    )
    assert len(first & second) < 8


def test_equally_long_rows_are_in_the_order_that_torch_draws():
    torch.manual_seed(0)
    rows, _ = draw_epoch(make_features(np.full(12, 3)))
    torch.manual_seed(0)
    assert sum(rows, []) == torch.randperm(12).tolist()


def test_predictions_stand_in_the_order_of_the_rows():
    lengths = np.random.default_rng(0).integers(0, 30, 200)
    X, y = make_features(lengths), np.arange(200) % 2
    classifier = AttentionFusionClassifier(width=8, n_heads=2, max_epochs=1)
    classifier.set_params(random_state=0).fit(X, y)
    together = classifier.predict_proba(X)
    alone = [classifier.predict_proba(X[[row]])[0] for row in range(0, 200, 9)]
    np.testing.assert_allclose(together[::9], alone, atol=1e-5)


def test_only_rows_that_are_trained_on_decide_by_which_modality_they_are_ordered():
    def ragged(lengths):
        return FeatureBlock.from_samples([np.ones((n, 1)) for n in lengths], "sequence")

    few, many = np.array([2, 9] * 20), np.array([2] * 20 + [12] * 20)
    features = MultimodalFeatures({"few": ragged(few), "many": ragged(many)})
    assert_array_equal(FusionDataset(features).lengths, many)
    rows = np.flatnonzero(many == 12)
    assert_array_equal(FusionDataset(features, rows).lengths, few[rows])


def test_wide_integers_keep_their_digits():
    seconds = np.array([[1_700_000_000], [1_700_000_001]])
    values, _ = pad_block(FeatureBlock.from_vectors(seconds), np.arange(2))
    assert_array_equal(values[:, 0].numpy(), seconds)
