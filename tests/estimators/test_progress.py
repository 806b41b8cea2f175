"""What training shows: nothing, a bar, or a table of epochs."""

import io
import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from skorch.callbacks import Callback

from sklearn_mm import AttentionFusionClassifier, AttentionFusionRegressor

X, Y = load_iris(return_X_y=True)


def small(**params):
    few = {"max_epochs": 3, "batch_size": 32}
    params = {"width": 16, "n_heads": 2, "random_state": 0, **few, **params}
    return AttentionFusionClassifier(**params)


class FailAt(Callback):
    """Raise an error at the first batch of an epoch."""

    def __init__(self, epoch, error):
        self.epoch = epoch
        self.error = error

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == self.epoch:
            raise self.error


class PickleInTraining(Callback):
    """Pickle the net after each epoch, as a checkpoint does."""

    def on_epoch_end(self, net, **kwargs):
        pickle.dumps(net)


@pytest.fixture
def bars(monkeypatch):
    """Keep every bar that is opened."""
    from sklearn_mm.estimators import progress

    opened = []

    class Kept(progress.tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            opened.append(self)

    monkeypatch.setattr(progress, "tqdm", Kept)
    return opened


def is_closed(bar):
    return bar.disable  # tqdm sets it in close()


def test_by_default_training_is_silent(capsys):
    small().fit(X, Y)
    assert capsys.readouterr() == ("", "")


def test_one_shows_a_bar_on_stderr_and_nothing_on_stdout(capsys):
    small(verbose=1, early_stopping=True).fit(X, Y)
    out, err = capsys.readouterr()
    assert out == ""
    assert "AttentionFusionClassifier: 100%" in err
    assert "3/3" in err


def test_the_bar_ends_with_the_losses_of_the_last_epoch(capsys):
    classifier = small(verbose=1, early_stopping=True).fit(X, Y)
    last = classifier.history_[-1]
    _, err = capsys.readouterr()
    expected = (
        f"train_loss={last['train_loss']:.4f}, valid_loss={last['valid_loss']:.4f}"
    )
    assert expected in err.rsplit("\r", 1)[-1]


def test_the_bar_counts_the_epoch_at_which_early_stopping_ends(bars):
    rng = np.random.default_rng(0)
    stopped = {"early_stopping": True, "n_iter_no_change": 1, "max_epochs": 50}
    classifier = small(verbose=1, **stopped)
    classifier.fit(rng.normal(size=(60, 3)), rng.integers(0, 2, 60))
    assert classifier.n_iter_ < 50
    assert bars[0].n == classifier.n_iter_


def test_the_regressor_has_the_bar_too(capsys):
    AttentionFusionRegressor(width=16, max_epochs=2, verbose=1).fit(X, Y)
    assert "AttentionFusionRegressor: 100%" in capsys.readouterr().err


def test_two_prints_the_table_of_epochs_and_no_bar(capsys, bars):
    small(verbose=2).fit(X, Y)
    out, err = capsys.readouterr()
    assert "train_loss" in out
    assert err == ""
    assert not bars


def test_the_bar_of_partial_fit_has_one_epoch(bars):
    classifier = small(verbose=1)
    classifier.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y)
    assert [(bar.n, bar.total) for bar in bars] == [(1, 1), (1, 1)]


@pytest.mark.filterwarnings("ignore:interrupted in epoch 2")
def test_ctrl_c_closes_the_bar(bars):
    small(verbose=1, callbacks=[FailAt(2, KeyboardInterrupt())]).fit(X, Y)
    assert is_closed(bars[0])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("disk full")])
def test_an_error_in_the_first_epoch_closes_the_bar(bars, error):
    with pytest.raises(type(error)):
        small(verbose=1, callbacks=[FailAt(1, error)]).fit(X, Y)
    assert is_closed(bars[0])


def test_a_classifier_that_showed_a_bar_can_be_dumped(capsys):
    classifier = small(verbose=1).fit(X, Y)
    file = io.BytesIO()
    joblib.dump(classifier, file)
    file.seek(0)
    assert_array_equal(joblib.load(file).predict(X), classifier.predict(X))


def test_a_net_can_be_pickled_beside_its_bar(bars):
    small(verbose=1, callbacks=[PickleInTraining()]).fit(X, Y)
    assert bars[0].n == 3


def test_the_bar_changes_no_prediction(bars):
    shown = small(verbose=1).fit(X, Y).predict_proba(X)
    assert_array_equal(shown, small().fit(X, Y).predict_proba(X))


@pytest.mark.parametrize("kind", [AttentionFusionClassifier, AttentionFusionRegressor])
def test_the_history_has_the_score_on_the_rows_held_out(kind):
    groups = np.arange(len(X)) % 2
    estimator = kind(
        width=16, n_heads=2, max_epochs=4, early_stopping=True, random_state=0
    ).set_params(validation_fraction=0.5)
    estimator.fit(X, Y, groups=groups)
    best = np.argmin(estimator.history_[:, "valid_loss"])
    scores = [estimator.score(X[groups == g], Y[groups == g]) for g in (0, 1)]
    recorded = estimator.history_[:, "valid_score"]
    assert len(recorded) == 4
    assert np.isclose(scores, recorded[best], atol=1e-6).any()


def test_the_score_of_a_multilabel_target_counts_rows_that_are_all_right():
    labels = np.column_stack([Y > 0, Y > 1]).astype(int)
    classifier = small(early_stopping=True, validation_fraction=0.5)
    groups = np.arange(len(X)) % 2
    classifier.fit(X, labels, groups=groups)
    best = int(np.argmin(classifier.history_[:, "valid_loss"]))
    right = (classifier.predict(X) == labels).all(axis=1)
    scores = [right[groups == g].mean() for g in (0, 1)]
    assert np.isclose(scores, classifier.history_[best, "valid_score"]).any()


def test_the_bar_shows_the_score(bars):
    small(verbose=1, early_stopping=True).fit(X, Y)
    assert "valid_score=" in bars[0].postfix


def test_the_bar_names_the_score_of_the_linear_model_that_training_began_with(bars):
    still = {"learning_rate": 1e-12, "max_epochs": 1, "validation_fraction": 0.5}
    classifier = small(verbose=1, early_stopping=True, **still).fit(X, Y)
    # Training that moves nothing leaves it as it is.
    score = classifier.history_[-1, "valid_score"]
    assert f"linear_score={score:.4f}" in bars[0].postfix


def test_without_rows_held_out_the_bar_names_no_linear_model(bars):
    small(verbose=1, early_stopping=False).fit(X, Y)
    assert "linear_score" not in (bars[0].postfix or "")
