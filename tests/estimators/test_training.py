"""Training as scikit-learn's users know it: stopping, being interrupted."""

import threading
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.metrics import log_loss
from skorch.callbacks import Callback, EarlyStopping

from sklearn_mm import AttentionFusionClassifier, AttentionFusionRegressor
from sklearn_mm.estimators.training import rate_factor
from sklearn_mm.estimators.validation import split_rows

X, Y = load_iris(return_X_y=True)


def small(**params):
    few = {"max_epochs": 6, "batch_size": 32}
    params = {"width": 16, "n_heads": 2, "random_state": 0, **few, **params}
    return AttentionFusionClassifier(**params)


class Interrupt(Callback):
    """Press Ctrl-C at a batch of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == self.epoch:
            raise KeyboardInterrupt


class Snapshots(Callback):
    """Keep a copy of the weights after each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.states = []

    def on_epoch_end(self, net, **kwargs):
        self.states.append([p.detach().clone() for p in net.module_.parameters()])


def clone_of(callback, classifier):
    """The one that the fit used."""
    return dict(classifier.net_.callbacks_)[type(callback).__name__]


def weights_of(classifier):
    return list(classifier.net_.module_.parameters())


def equal(left, right):
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def test_early_stopping_ends_before_the_last_epoch_and_restores_the_best():
    snapshots = Snapshots()
    rng = np.random.default_rng(0)
    noise, labels = rng.normal(size=(100, 5)), rng.integers(0, 2, 100)
    classifier = small(
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=3,
        max_epochs=60,
        batch_size=8,
        callbacks=[snapshots],
    ).fit(noise, labels)
    losses = classifier.history_[:, "valid_loss"]
    assert classifier.n_iter_ < 60
    assert classifier.n_iter_ == np.argmin(losses) + 1 + 3
    states = clone_of(snapshots, classifier).states
    assert equal(weights_of(classifier), states[int(np.argmin(losses))])


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_never_torn_apart(seed):
    rows = np.random.default_rng(seed).permutation(100)
    groups = np.repeat(list("abcdefghij"), 10)[rows]
    held = split_rows(rows, None, groups, 0.3, seed)
    assert set(groups[held]).isdisjoint(groups[~held])
    assert len(set(groups[held])) == 3


def test_a_row_that_stands_twice_is_not_torn_apart():
    rows = np.repeat(np.arange(30), 2)
    held = split_rows(rows, None, None, 0.5, seed=0)
    assert set(rows[held]).isdisjoint(rows[~held])


def test_held_out_rows_keep_the_shares_of_the_classes():
    labels = np.repeat([0, 1], [80, 20])
    held = split_rows(np.arange(100), labels, None, 0.2, seed=0)
    assert np.bincount(labels[held]).tolist() == [16, 4]


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_held_out_by_the_rarest_of_their_classes(seed):
    groups = np.repeat(np.arange(40), 3)
    labels = np.zeros(120, dtype=int)
    labels[3 * np.arange(10)] = 1  # one row of three in ten of the groups
    held = split_rows(np.arange(120), labels, groups, 0.2, seed)
    assert labels[held].sum() == 2
    assert len(set(groups[held])) == 8


def test_groups_reach_the_split_in_fit():
    groups = np.arange(150) % 2
    with pytest.raises(ValueError, match="at least two groups"):
        small(early_stopping=True).fit(X, Y, groups=np.zeros(150))
    small(early_stopping=True, max_epochs=1).fit(X, Y, groups=groups)


def fit_by_default(n_rows, **fit_params):
    X, y = np.arange(n_rows, dtype=float)[:, None], np.arange(n_rows) % 2
    classifier = AttentionFusionClassifier(
        width=2, n_heads=1, fusion="concat", max_epochs=1, batch_size=2048
    )
    return classifier.fit(X, y, **fit_params)


@pytest.mark.parametrize(("n_rows", "validates"), [(999, False), (1_000, True)])
def test_by_default_rows_are_held_out_where_there_are_many(n_rows, validates):
    history = fit_by_default(n_rows).history_
    assert ("valid_loss" in history[0]) == validates


def test_rows_that_weights_repeat_count_once():
    classifier = fit_by_default(600, sample_weight=np.full(600, 2))
    assert "valid_loss" not in classifier.history_[0]


def test_by_default_the_only_group_is_trained_on():
    classifier = fit_by_default(1_000, groups=np.zeros(1_000))
    assert "valid_loss" not in classifier.history_[0]


def test_groups_must_be_one_for_each_row_also_where_none_is_held_out():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        small(early_stopping=False).fit(X, Y, groups=np.zeros(3))


def test_ctrl_c_keeps_what_was_learned_and_warns():
    classifier = small(max_epochs=30, callbacks=[Interrupt(epoch=15)])
    with pytest.warns(UserWarning, match="interrupted in epoch 15"):
        classifier.fit(X, Y)
    assert classifier.n_iter_ == 14
    assert classifier.score(X, Y) > 0.8


@pytest.mark.parametrize("averaging", [None, "ema"])
def test_ctrl_c_with_early_stopping_restores_the_best_epoch(averaging):
    snapshots = Snapshots()
    classifier = small(
        early_stopping=True,
        averaging=averaging,
        learning_rate=0.05,  # so that the best epoch is not the last
        max_epochs=30,
        callbacks=[snapshots, Interrupt(epoch=8)],
    )
    with pytest.warns(UserWarning, match="interrupted in epoch 8"):
        classifier.fit(X, Y)
    best = int(np.argmin(classifier.history_[:, "valid_loss"]))
    states = clone_of(snapshots, classifier).states
    assert equal(weights_of(classifier), states[best])


def test_a_stopping_callback_of_the_user_ends_training_without_a_warning():
    stopping = EarlyStopping(monitor="train_loss", patience=2, threshold=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier = small(callbacks=[stopping]).fit(X, Y)
    assert classifier.n_iter_ == 3


def test_the_callbacks_that_were_passed_stay_as_they_were():
    snapshots = Snapshots()
    small(callbacks=[snapshots, ("named", snapshots)]).fit(X, Y)
    assert not vars(snapshots)


def test_a_callback_may_hold_what_cannot_be_copied():
    class Writer(Callback):
        def __init__(self, lock, lines):
            self.guard, self.out = lock, lines

        def on_epoch_end(self, net, **kwargs):
            with self.guard:
                self.out.append(len(net.history))

    lines = []
    small(callbacks=[Writer(threading.Lock(), lines)], max_epochs=3).fit(X, Y)
    assert lines == [1, 2, 3]


def test_ctrl_c_at_the_end_of_an_epoch_warns():
    class AtTheEnd(Callback):
        def __init__(self, epoch):
            self.epoch = epoch

        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == self.epoch:
                raise KeyboardInterrupt

    for epoch in (1, 3):
        with pytest.warns(
            UserWarning, match=f"interrupted in epoch {epoch}: .* up to its end made"
        ):
            classifier = small(callbacks=[AtTheEnd(epoch)]).fit(X, Y)
        assert classifier.n_iter_ == epoch


def test_ctrl_c_before_the_first_epoch_is_raised():
    class AtTheStart(Callback):
        def on_train_begin(self, net, **kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small(callbacks=[AtTheStart()]).fit(X, Y)


def test_ctrl_c_in_the_first_epoch_leaves_the_earlier_model():
    classifier = small().fit(X, Y)
    expected = classifier.predict_proba(X)
    classifier.set_params(callbacks=[Interrupt(epoch=1)])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X, Y)
    assert_array_equal(classifier.predict_proba(X), expected)


def test_ema_is_the_running_average_of_the_weights_along_the_steps():
    steps = []

    class Steps(Callback):
        def on_train_begin(self, net, **kwargs):
            steps.append([p.detach().clone() for p in net.module_.parameters()])

        def on_grad_computed(self, net, **kwargs):
            steps.append([p.detach().clone() for p in net.module_.parameters()])

        def on_batch_end(self, net, training=False, **kwargs):
            self.last = [p.detach().clone() for p in net.module_.parameters()]

    recorder = Steps()
    classifier = small(
        averaging="ema", max_epochs=1, batch_size=50, callbacks=[recorder]
    ).fit(X, Y)
    # The weights before training, then after each of the three steps.
    after = [*steps[2:], clone_of(recorder, classifier).last]
    average = steps[0]
    for n, weights in enumerate(after, 1):
        decay = n / (n + 10)
        pairs = zip(average, weights, strict=True)
        average = [decay * a + (1 - decay) * w for a, w in pairs]
    for found, expected in zip(weights_of(classifier), average, strict=True):
        torch.testing.assert_close(found.detach(), expected, atol=1e-6, rtol=1e-5)


def test_ema_and_early_stopping_end_with_an_average_that_was_validated():
    snapshots = Snapshots()
    classifier = small(
        averaging="ema", early_stopping=True, max_epochs=8, callbacks=[snapshots]
    ).fit(X, Y)
    best = int(np.argmin(classifier.history_[:, "valid_loss"]))
    states = clone_of(snapshots, classifier).states
    assert equal(weights_of(classifier), states[best])


def test_the_learning_rate_rises_then_falls_to_zero():
    rates = [rate_factor(step, 100, 0.1, "cosine") for step in range(101)]
    assert_allclose(rates[:10], np.arange(1, 11) / 10)
    assert_allclose(rates[55], 0.5)
    assert rates[100] == 0
    assert rate_factor(55, 100, 0.1, "linear") == 0.5
    assert rate_factor(99, 100, 0.1, "constant") == 1.0


def test_bfloat16_gives_nearly_the_same_probabilities():
    plain = small().fit(X, Y)
    mixed = small(precision="bfloat16").fit(X, Y)
    assert mixed.predict_proba(X).dtype == np.float32
    assert_allclose(mixed.predict_proba(X), plain.predict_proba(X), atol=0.1)


def test_multilabel_targets_give_a_probability_for_each_label():
    features, labels = make_multilabel_classification(200, 8, n_classes=3)
    classifier = small(max_epochs=30).fit(features, labels)
    assert set(np.unique(classifier.predict(features))) == {0, 1}
    probability = classifier.predict_proba(features)
    shares = np.tile(labels.mean(axis=0), (200, 1))
    for label in range(3):
        ours = log_loss(labels[:, label], probability[:, label])
        assert ours < log_loss(labels[:, label], shares[:, label])


def test_a_multilabel_row_with_no_modality_gets_the_labels_shares():
    features, labels = make_multilabel_classification(400, 8, n_classes=3)
    classifier = small(max_epochs=1).fit(features, labels)
    found = classifier.predict_proba(np.full((1, 8), np.nan))
    assert_allclose(found[0], labels.mean(axis=0), atol=0.01)


def test_class_weight_is_refused_for_multilabel_targets():
    features, labels = make_multilabel_classification(50, 4, n_classes=2)
    with pytest.raises(ValueError, match="class_weight is not for multilabel"):
        small(class_weight="balanced").fit(features, labels)


@pytest.mark.parametrize(
    "estimator",
    [
        small(early_stopping=True, averaging="ema"),
        AttentionFusionRegressor(width=16, max_epochs=2, random_state=0),
    ],
)
def test_every_way_to_train_gives_the_same_numbers_twice(estimator):
    first = estimator.fit(X, Y).predict(X)
    assert_array_equal(estimator.fit(X, Y).predict(X), first)
