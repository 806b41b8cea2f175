"""Prediction with a batch on each core."""

import threading

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sklearn_mm import AttentionFusionClassifier, FeatureBlock, MultimodalFeatures
from sklearn_mm.estimators import prediction
from sklearn_mm.estimators.batches import FusionDataset

N_ROWS = 90


class ThreadNoter(nn.Module):
    """One token, and a note of the thread that made it and of its share of cores."""

    seen = []
    fails = False

    def __init__(self, modality, *, width, n_heads, dropout):
        super().__init__()
        self.project = nn.Linear(modality.n_inputs, width)

    def forward(self, values, lengths):
        if not self.training:
            self.seen.append((threading.get_ident(), torch.get_num_threads()))
            if self.fails:
                raise FloatingPointError("no such number")
        return self.project(values), lengths


@pytest.fixture
def features():
    # Steps of unequal number, so that the rows are predicted in another order.
    rng = np.random.default_rng(0)
    steps = [rng.normal(size=(n, 2)) for n in rng.integers(1, 6, N_ROWS)]
    block = FeatureBlock.from_samples([s.astype(np.float32) for s in steps], "sequence")
    return MultimodalFeatures({"series": block})


@pytest.fixture
def fitted(features):
    classifier = AttentionFusionClassifier(
        [("series", ThreadNoter)],
        width=8,
        n_heads=2,
        max_epochs=2,
        net_params={"iterator_valid__batch_size": 8},
        random_state=0,
    ).fit(features, np.arange(N_ROWS) % 2)
    ThreadNoter.seen.clear()
    return classifier


@pytest.fixture
def four_threads():
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(1)


def test_batches_on_several_threads_are_what_skorch_predicts(
    fitted, features, four_threads
):
    dataset = FusionDataset(features, np.random.default_rng(1).permutation(N_ROWS))
    outputs = prediction.predict_batches(fitted.net_, dataset)
    expected = torch.cat(list(fitted.net_.forward_iter(dataset))).numpy()
    assert_allclose(outputs, expected, rtol=0, atol=1e-6)


def test_the_cores_are_shared_among_the_batches(fitted, features, four_threads):
    fitted.predict(features[:16])  # two batches
    assert [n_threads for _, n_threads in ThreadNoter.seen] == [2, 2]
    fitted.predict(features)
    assert {n_threads for _, n_threads in ThreadNoter.seen[2:]} == {1}


def test_the_callers_thread_keeps_all_cores(fitted, features, four_threads):
    fitted.predict(features)
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("n_rows", [1, 8])
def test_a_single_batch_has_every_core_and_no_thread_of_its_own(
    fitted, features, four_threads, n_rows
):
    fitted.predict(features[:n_rows])
    assert ThreadNoter.seen == [(threading.get_ident(), 4)]


def test_one_core_starts_no_thread(fitted, features):
    fitted.predict(features)
    assert set(ThreadNoter.seen) == {(threading.get_ident(), 1)}


def test_few_batches_are_cut_ahead(fitted, features, four_threads, monkeypatch):
    cut, read = [], []

    def note(dataset, places, batch=FusionDataset.batch):
        cut.append(len(cut) - len(read))
        return batch(dataset, places)

    def predict(net, batch, predict=prediction._predict):
        outputs = predict(net, batch)
        read.append(len(outputs))
        return outputs

    monkeypatch.setattr(FusionDataset, "batch", note)
    monkeypatch.setattr(prediction, "_predict", predict)
    fitted.predict(features)
    assert len(cut) == len(read) == -(-N_ROWS // 8)
    assert max(cut) <= 8  # two for each of four


def test_a_layer_that_was_left_in_training_mode_predicts_all_the_same(fitted, features):
    expected = fitted.predict_proba(features)
    fitted.net_.module_.fusion.train()  # has layers of dropout
    np.testing.assert_array_equal(fitted.predict_proba(features), expected)


def test_an_error_in_a_thread_is_the_callers(
    fitted, features, four_threads, monkeypatch
):
    monkeypatch.setattr(ThreadNoter, "fails", True)
    with pytest.raises(FloatingPointError, match="no such number"):
        fitted.predict(features)
