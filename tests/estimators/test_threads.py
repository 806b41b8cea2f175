"""With how many threads torch computes, and that the caller's number comes back."""

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.datasets import load_iris
from skorch.callbacks import Callback
from torch import nn

from sklearn_mm import AttentionFusionClassifier
from sklearn_mm.estimators import threads
from sklearn_mm.estimators.batches import FusionDataset
from sklearn_mm.features import MultimodalFeatures

X, Y = load_iris(return_X_y=True)


class Threads(Callback):
    """Note the threads of a training; fail in it, if wanted."""

    seen = None

    def __init__(self, fails=False):
        self.fails = fails

    def on_batch_end(self, net, **kwargs):
        Threads.seen = torch.get_num_threads()
        if self.fails:
            raise OSError("no space left")


class SeenInPrediction(nn.Module):
    """An encoder that notes with how many threads it is run."""

    seen = None

    def __init__(self, modality, *, width, n_heads, dropout):
        super().__init__()
        self.map = nn.Linear(4, width)

    def forward(self, values, lengths):
        SeenInPrediction.seen = torch.get_num_threads()
        return self.map(values.float()), lengths


def small(**params):
    params = {"width": 8, "n_heads": 2, "max_epochs": 1, "batch_size": 50, **params}
    return AttentionFusionClassifier(random_state=0, callbacks=[Threads()], **params)


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("n_threads", "seen"), [(1, 1), (2, 2), (4, 4), ("auto", 1)])
def test_a_fit_has_its_threads_and_gives_back_the_callers(n_threads, seen):
    small(n_threads=n_threads).fit(X, Y)
    assert Threads.seen == seen
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_large_steps_are_shared(monkeypatch):
    monkeypatch.setattr(threads, "LEAST_WORK", 1)
    small().fit(X, Y)
    assert Threads.seen == 3


@pytest.mark.usefixtures("three_threads")
def test_partial_fit_chooses_its_threads_too():
    small(n_threads=2).partial_fit(X, Y, classes=[0, 1, 2])
    assert Threads.seen == 2
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_a_fit_that_fails_gives_the_callers_threads_back():
    with pytest.raises(OSError, match="no space left"):
        small(n_threads=1).set_params(callbacks=[Threads(fails=True)]).fit(X, Y)
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("n_threads", "seen"), [(1, 1), (2, 2), ("auto", 3)])
def test_a_prediction_of_one_batch_has_its_threads(n_threads, seen):
    model = small(encoders=[("features", SeenInPrediction)]).fit(X, Y)
    model.set_params(n_threads=n_threads).predict(X[:5])
    assert SeenInPrediction.seen == seen
    assert torch.get_num_threads() == 3


def test_counting_operations_draws_no_random_number():
    model = small().fit(X, Y)
    state = torch.get_rng_state()
    n = threads.count_operations(
        model.net_, FusionDataset(MultimodalFeatures({"features": X}))
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert n > 2 * 50 * 4 * 8  # the first layer of the 50 rows of a batch alone


def test_the_number_of_threads_to_choose_from_changes_no_model(monkeypatch):
    expected = small(dropout=0.3).fit(X, Y)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        model = small(dropout=0.3).fit(X, Y)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def threads_in_worker():
    torch.set_num_threads(3)
    return threads.threads_for_prediction("auto"), threads.threads_for_prediction(2)


@pytest.mark.slow
def test_a_worker_of_n_jobs_has_one():
    found = Parallel(n_jobs=2)(delayed(threads_in_worker)() for _ in range(2))
    assert found == [(1, 2), (1, 2)]


@pytest.mark.parametrize("n_threads", [0, "all", 1.5])
def test_wrong_numbers_of_threads_are_named(n_threads):
    with pytest.raises(ValueError, match="n_threads must be 'auto' or an integer of"):
        small(n_threads=n_threads).fit(X, Y)
