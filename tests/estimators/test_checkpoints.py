"""A fit that was killed goes on from its checkpoint, and ends as if it had not been."""

import contextlib
import os
import pickle
from unittest import mock

import numpy as np
import pytest
import torch
from filelock import FileLock
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EpochScoring, LRScheduler
from torch.optim.lr_scheduler import ReduceLROnPlateau

import sklearn_mm
from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    FeatureBlock,
    MultimodalFeatures,
)
from sklearn_mm.estimators.checkpoints.files import CheckpointFile

X, Y = load_iris(return_X_y=True)
X, Y = X[::2], Y[::2]


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Leave the writing to the system: no machine loses its power in these tests."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


class Killed(Exception):
    """What ends a training here, in the place of SIGKILL."""


class Kill(Callback):
    """End the training at a batch of an epoch, once, and count the batches."""

    at = None
    n_batches = 0

    def on_batch_end(self, net, training=False, **kwargs):
        if not training:
            return
        Kill.n_batches += 1
        place = len(net.history), len(net.history[-1]["batches"])
        if place == Kill.at:
            Kill.at = None
            raise Killed


SMALL = {"width": 8, "n_heads": 2, "max_epochs": 4, "batch_size": 25}


def small(folder=None, kind=AttentionFusionClassifier, **params):
    callbacks = [*params.pop("callbacks", ()), Kill()]
    params = {**SMALL, "random_state": 0, "checkpoint": folder, **params}
    return kind(callbacks=callbacks, **params)


def killed(model, X, y, at=(3, 2), **fit_params):
    """Fit a model until it is killed, and forget the object, as the process would."""
    Kill.at = at
    with pytest.raises(Killed):
        model.fit(X, y, **fit_params)
    Kill.n_batches = 0


def weights(model):
    module = model.net_.module_
    return {**dict(module.named_buffers()), **module.state_dict()}


def assert_same(model, expected):
    found, wanted = weights(model), weights(expected)
    assert list(found) == list(wanted)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    columns = [n for n in expected.history_[0] if n not in ("batches", "dur")]
    for epoch, other in zip(model.history_, expected.history_, strict=True):
        assert {n: epoch[n] for n in columns} == {n: other[n] for n in columns}


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def many_modalities():
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 3
    texts = [rng.integers(1, 9, rng.integers(0, 6)).astype(np.int32) for _ in labels]
    series = [rng.normal(k, 2, (rng.integers(1, 8), 2)) for k in labels]
    images = rng.integers(0, 255, (48, 3, 8, 8), dtype=np.uint8)
    features = MultimodalFeatures(
        [
            ("text", FeatureBlock.from_samples(texts, "tokens", vocabulary_size=9)),
            ("series", FeatureBlock.from_samples(series, "sequence")),
            ("image", FeatureBlock(images, np.arange(49), "image")),
        ]
    )
    return features, labels


CASES = {
    "plain": {},
    "plain, within an epoch": {"checkpoint_every": 1e-9},
    "two members, early stopping by an average": {
        "n_estimators": 2,
        "early_stopping": True,
        "averaging": "ema",
    },
    "own schedule, within an epoch": {
        "early_stopping": True,
        "averaging": "ema",
        "checkpoint_every": 1e-9,
        "callbacks": [
            EpochScoring("roc_auc_ovr", lower_is_better=False),
            LRScheduler(ReduceLROnPlateau, monitor="train_loss", patience=0),
        ],
    },
    "own optimizer": {
        "net_params": {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9},
        "precision": "bfloat16",
    },
}


@pytest.mark.parametrize("name", CASES)
def test_a_killed_fit_goes_on_where_it_stopped(name, tmp_path):
    params = CASES[name]
    expected = small(**params).fit(X, Y)
    killed(small(tmp_path, **params), X, Y)
    model = small(tmp_path, **params).fit(X, Y)
    per_epoch = expected.history_[0, "train_batch_count"]
    n_before = 2 * per_epoch + ("checkpoint_every" in params)
    assert Kill.n_batches == model.n_iter_ * per_epoch - n_before
    assert_same(model, expected)


@pytest.mark.parametrize("every", [pytest.param("epoch", marks=pytest.mark.slow), 1e-9])
def test_all_modalities_with_noise_and_dropout_go_on(every, tmp_path):
    features, labels = many_modalities()
    params = {"modality_noise": 0.5, "dropout": 0.3, "max_epochs": 3}
    expected = small(**params).fit(features, labels)
    params["checkpoint_every"] = every
    killed(small(tmp_path, **params), features, labels, at=(2, 2))
    model = small(tmp_path, **params).fit(features, labels)
    assert_same(model, expected)


def test_a_regressor_goes_on(tmp_path):
    params = {"kind": AttentionFusionRegressor, "loss": "huber"}
    expected = small(**params).fit(X[:, 1:], X[:, 0])
    killed(small(tmp_path, **params), X[:, 1:], X[:, 0])
    model = small(tmp_path, **params).fit(X[:, 1:], X[:, 0])
    assert_same(model, expected)


@pytest.mark.slow
def test_a_fit_that_is_killed_again_and_again_ends_as_one(tmp_path):
    expected = small().fit(X, Y)
    for at in [(1, 3), (3, 1), (3, 2), (4, 3)]:
        killed(small(tmp_path, checkpoint_every=1e-9), X, Y, at=at)
    model = small(tmp_path, checkpoint_every=1e-9).fit(X, Y)
    assert_same(model, expected)


@pytest.mark.slow
def test_weighted_rows_in_another_order_are_the_same_fit(tmp_path):
    weight = np.random.default_rng(0).uniform(1, 2, len(X))
    expected = small().fit(X, Y, sample_weight=weight)
    killed(small(tmp_path), X, Y, sample_weight=weight)
    back = slice(None, None, -1)
    model = small(tmp_path).fit(X[back], Y[back], sample_weight=weight[back])
    assert_same(model, expected)


def test_without_a_random_state_the_seed_of_the_first_process_is_gone_on_with(
    tmp_path,
):
    params = {"random_state": None, "early_stopping": True}
    np.random.seed(0)
    expected = small(**params).fit(X, Y)
    np.random.seed(0)
    killed(small(tmp_path, **params), X, Y)
    np.random.seed(1)
    model = small(tmp_path, **params).fit(X, Y)
    assert_same(model, expected)


def test_a_fit_that_ends_leaves_nothing_for_a_later_one(tmp_path):
    small(tmp_path).fit(X, Y)
    assert files_in(tmp_path) == []
    Kill.n_batches = 0
    small(tmp_path).fit(X, Y)
    assert Kill.n_batches == 4 * 3


def test_killed_after_the_last_epoch_nothing_is_trained_again(tmp_path):
    expected = small().fit(X, Y)
    model = small(tmp_path)
    ends = mock.patch.object(model, "_learn_from_held_out", side_effect=Killed)
    with ends, pytest.raises(Killed):
        model.fit(X, Y)
    Kill.n_batches = 0
    model = small(tmp_path).fit(X, Y)
    assert Kill.n_batches == 0
    assert_same(model, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 1e-3}, "learning_rate was 0.002 and is 0.001"),
        ({"random_state": 1}, "random_state is another"),
        ({"encoders": [("features", sklearn_mm.VectorEncoder())]}, "encoders was null"),
    ],
)
def test_other_parameters_begin_anew_and_the_warning_names_them(
    change, message, tmp_path
):
    expected = small(**change).fit(X, Y)
    killed(small(tmp_path), X, Y)
    with pytest.warns(UserWarning, match=rf"holds 1 unfinished fit.*{message}"):
        model = small(tmp_path, **change).fit(X, Y)
    assert_same(model, expected)


def test_other_rows_begin_anew_with_a_warning_and_leave_the_first_fit(tmp_path):
    killed(small(tmp_path), X, Y)
    left = files_in(tmp_path)
    with pytest.warns(UserWarning, match="the training rows are others"):
        small(tmp_path).fit(X[1:], Y[1:])
    assert files_in(tmp_path) == left
    assert_same(small(tmp_path).fit(X, Y), small().fit(X, Y))


def test_what_does_not_change_the_model_may_differ(tmp_path, capsys):
    killed(small(tmp_path), X, Y)
    Kill.n_batches = 0
    small(tmp_path, verbose=1, checkpoint_every=5).fit(X, Y)
    assert Kill.n_batches == 2 * 3
    assert "4/4" in capsys.readouterr().err


def test_the_fits_of_a_search_share_a_folder(tmp_path, recwarn):
    search = GridSearchCV(small(tmp_path), {"dropout": [0.1, 0.2]}, cv=2)
    Kill.at, Kill.n_batches = (3, 1), 0
    search.set_params(error_score="raise")
    with pytest.raises(Killed):
        search.fit(X, Y)
    n_first = Kill.n_batches
    Kill.n_batches = 0
    search.fit(X, Y)
    whole = (4 * 2 + 3) * 4  # of 37 or 38 rows, and of 75
    assert Kill.n_batches == whole - (n_first - 1)
    assert files_in(tmp_path) == []
    assert not recwarn.list


def test_reading_unpickles_nothing(tmp_path):
    killed(small(tmp_path), X, Y)
    refuse = mock.Mock(side_effect=AssertionError("unpickled"))
    names = ("pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load")
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(mock.patch(name, refuse))
        small(tmp_path).fit(X, Y)
    assert Kill.n_batches == 2 * 3


@pytest.mark.parametrize("where", [0.1, 0.99])
def test_a_damaged_file_is_an_error_that_names_it(where, tmp_path):
    killed(small(tmp_path), X, Y)
    (path,) = tmp_path.glob("fit-*")
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path.name}' cannot be used.*Delete it"):
        small(tmp_path).fit(X, Y)


def test_a_file_cut_short_is_an_error_that_names_it(tmp_path):
    killed(small(tmp_path), X, Y)
    (path,) = tmp_path.glob("fit-*")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=rf"{path.name}' cannot be used"):
        small(tmp_path).fit(X, Y)


def test_what_a_killed_process_had_begun_to_write_is_removed(tmp_path):
    killed(small(tmp_path), X, Y)
    (path,) = tmp_path.glob("fit-*")
    (tmp_path / f".{path.name}.abc").write_bytes(b"half")
    small(tmp_path).fit(X, Y)
    assert files_in(tmp_path) == []


def test_a_fit_beside_the_same_fit_keeps_no_checkpoint_and_says_so(tmp_path):
    killed(small(tmp_path), X, Y)
    (path,) = tmp_path.glob("fit-*")
    says_so = pytest.warns(UserWarning, match="is under way with the checkpoint")
    with FileLock(path.with_suffix(".lock")), says_so:
        model = small(tmp_path).fit(X, Y)
    assert Kill.n_batches == 4 * 3
    assert path.exists()
    assert_same(model, small().fit(X, Y))


def test_a_full_disk_costs_one_warning_and_no_fit(tmp_path):
    full = mock.Mock(side_effect=OSError(28, "No space left on device"))
    warns = pytest.warns(UserWarning, match="after epoch 1, and training.*No space")
    with mock.patch.object(CheckpointFile, "write", full), warns as warned:
        model = small(tmp_path).fit(X, Y)
    assert len(warned) == 1
    assert_same(model, small().fit(X, Y))


class Counts(Callback):
    """Hold what a checkpoint cannot keep, from the second epoch on."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) > 1:
            self.kept_ = {1, 2}


def test_a_callback_whose_state_cannot_be_kept_is_named_once(tmp_path):
    model = small(tmp_path, callbacks=[Counts()])
    with pytest.warns(
        UserWarning, match=r"cannot keep Counts.kept_ \(builtins.set\)"
    ) as w:
        model.fit(X, Y)
    assert len(w) == 1


def test_a_folder_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="must be a folder, found the file"):
        small(tmp_path / "file").fit(X, Y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"checkpoint": 3}, "checkpoint must be None or the path of a folder, found 3"),
        ({"checkpoint_every": 0}, "must be 'epoch' or a number of minutes above 0"),
        ({"checkpoint_every": "hour"}, "must be 'epoch' or a number of minutes"),
    ],
)
def test_wrong_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        AttentionFusionClassifier(**params).fit(X, Y)


class Interrupt(Callback):
    """Press Ctrl-C in the third epoch, once."""

    is_due = False

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == 3 and Interrupt.is_due:
            Interrupt.is_due = False
            raise KeyboardInterrupt


def test_a_fit_goes_on_after_ctrl_c(tmp_path):
    Interrupt.is_due = True
    model = small(tmp_path, callbacks=[Interrupt()])
    with pytest.warns(UserWarning, match="interrupted in epoch 3.*Fit again to go on"):
        model.fit(X, Y)
    assert_same(model.fit(X, Y), small().fit(X, Y))


def test_a_warm_start_goes_on_from_its_own_checkpoint(tmp_path):
    expected = small(warm_start=True).fit(X, Y)
    model = pickle.loads(pickle.dumps(expected)).set_params(checkpoint=tmp_path)
    again = pickle.loads(pickle.dumps(model))
    expected.fit(X, Y)
    killed(model, X, Y)
    assert_same(again.fit(X, Y), expected)


@pytest.mark.slow
def test_a_cold_start_does_not_go_on_from_a_warm_one(tmp_path):
    model = small(tmp_path, warm_start=True).fit(X, Y)
    killed(model, X, Y)
    with pytest.warns(UserWarning, match="the weights that warm_start goes on from"):
        small(tmp_path).fit(X, Y)


def test_partial_fit_keeps_none(tmp_path):
    model = small(tmp_path).fit(X, Y).partial_fit(X, Y)
    assert files_in(tmp_path) == []
    assert model.n_iter_ == 5


def test_a_saved_model_does_not_know_the_folder(tmp_path):
    folder, file = tmp_path / "checkpoints", tmp_path / "model.mm"
    model = AttentionFusionClassifier(**SMALL, checkpoint=folder).fit(X, Y)
    sklearn_mm.save(model, file)
    assert sklearn_mm.load(file).checkpoint is None
    assert os.fsencode(folder) not in file.read_bytes()


def test_the_callers_random_state_is_left_alone(tmp_path):
    killed(small(tmp_path), X, Y)
    before = torch.get_rng_state()
    small(tmp_path).fit(X, Y)
    assert torch.equal(torch.get_rng_state(), before)
