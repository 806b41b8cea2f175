"""What a fitted model keeps, and where it loads."""

import io
from unittest import mock

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from skorch.callbacks import Callback, EpochScoring, LRScheduler

from sklearn_mm import AttentionFusionClassifier, VectorEncoder
from sklearn_mm.estimators.training import resolve_device

X, Y = load_iris(return_X_y=True)


def small(**params):
    params = {"width": 8, "n_heads": 2, "max_epochs": 2, "batch_size": 32, **params}
    return AttentionFusionClassifier(random_state=0, **params)


def dumped(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    return file.getvalue()


def reloaded(model):
    return joblib.load(io.BytesIO(dumped(model)))


def bytes_of_weights(model):
    return sum(p.numel() * p.element_size() for p in model.net_.module_.parameters())


def as_if_from_a_gpu(model):
    """Pickle a model whose net, and every tensor of it, says that it is on a GPU."""
    model.net_.device = "cuda"
    with mock.patch("torch.serialization.location_tag", lambda storage: "cuda:0"):
        return dumped(model)


class KeepWeights(Callback):
    """Hold a tensor that was where the network was."""

    def on_epoch_end(self, net, **kwargs):
        self.kept_ = net.module_.head[0].weight.detach().clone()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_pickle_is_hardly_larger_than_the_weights(early_stopping):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(160, 64))  # of which there are quantiles
    model = AttentionFusionClassifier(
        max_epochs=2, batch_size=2, early_stopping=early_stopping
    ).fit(features, np.arange(160) % 2)
    assert len(dumped(model)) < 1.3 * bytes_of_weights(model)


def test_a_trained_net_holds_no_gradients_moments_schedules_or_rows():
    model = small(early_stopping=True, callbacks=[LRScheduler("StepLR", step_size=1)])
    net = model.fit(X, Y).net_
    assert all(p.grad is None for p in net.module_.parameters())
    assert not net.optimizer_.state
    assert net.train_split is None
    schedules = [c for _, c in net.callbacks_ if isinstance(c, LRScheduler)]
    assert [schedule.lr_scheduler_ for schedule in schedules] == [None]
    assert dict(net.callbacks_)["early_stopping"].best_model_weights_ is None


def test_a_reloaded_model_predicts_alike_and_has_its_history():
    model = small().fit(X, Y)
    again = reloaded(model)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.history_ is again.net_.history_
    losses = [name for name in model.history_[-1] if name.endswith("loss")]
    assert again.history_[:, losses] == model.history_[:, losses]
    assert model.history_[0, "batches", 0, "train_loss"] > 0


def test_a_model_trained_on_a_gpu_loads_on_a_cpu(recwarn):
    model = small(
        early_stopping=True,
        callbacks=[KeepWeights(), EpochScoring("accuracy")],
        net_params={"criterion": torch.nn.CrossEntropyLoss},
    ).fit(X, Y)
    expected = model.predict_proba(X)
    again = joblib.load(io.BytesIO(as_if_from_a_gpu(model)))
    assert again.net_.device == "cpu"
    assert_array_equal(again.predict_proba(X), expected)
    assert dict(again.net_.callbacks_)["KeepWeights"].kept_.device.type == "cpu"
    assert not [w for w in recwarn if "CUDA" in str(w.message)]


def test_a_model_trained_on_a_gpu_goes_on_on_a_cpu():
    model = small().partial_fit(X, Y, classes=[0, 1, 2])
    again = joblib.load(io.BytesIO(as_if_from_a_gpu(model)))
    assert again.partial_fit(X, Y).n_iter_ == 2


def test_partial_fit_goes_on_alike_after_a_fit_that_was_reloaded():
    model = small().fit(X, Y)
    again = reloaded(model)
    assert_array_equal(
        again.partial_fit(X, Y).predict_proba(X),
        model.partial_fit(X, Y).predict_proba(X),
    )


def test_partial_fit_goes_on_alike_after_a_partial_fit_that_was_reloaded():
    model = small().partial_fit(X, Y, classes=[0, 1, 2])
    again = reloaded(model)
    assert again.net_.optimizer_.state
    assert_array_equal(
        again.partial_fit(X, Y).predict_proba(X),
        model.partial_fit(X, Y).predict_proba(X),
    )


@pytest.mark.parametrize("embedding", [None, "piecewise"])
def test_warm_start_goes_on_alike_after_a_model_was_reloaded(embedding):
    encoders = [("features", VectorEncoder(embedding=embedding))]
    model = small(encoders=encoders, warm_start=True).fit(X, Y)
    again = reloaded(model)
    assert_array_equal(
        again.fit(X, Y).predict_proba(X), model.fit(X, Y).predict_proba(X)
    )


def test_a_criterion_of_the_user_stays_where_it_was():
    criterion = torch.nn.CrossEntropyLoss()
    small(net_params={"criterion": criterion}).fit(X, Y)
    assert criterion.reduction == "mean"


@pytest.mark.parametrize("device", ["cuda:9", "no_such_device"])
def test_a_device_that_is_not_there_is_named(device):
    with pytest.raises(ValueError, match=f"device='{device}' cannot be used here"):
        small(device=device).fit(X, Y)


def test_the_device_is_chosen_by_default():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto") == expected
