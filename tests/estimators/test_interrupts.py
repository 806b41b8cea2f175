"""Ctrl-C keeps a model that the user fits, and ends whatever fits many."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sklearn_mm import AttentionFusionClassifier, AttentionFusionRegressor

X, Y = load_iris(return_X_y=True)
X, Y = X[::3], Y[::3]


class Interrupt(Callback):
    """Press Ctrl-C in the second epoch, and count the fits that began."""

    n_fits = 0

    def on_train_begin(self, net, **kwargs):
        Interrupt.n_fits += 1

    def on_batch_end(self, net, training=False, **kwargs):
        if training and len(net.history) == 2:
            raise KeyboardInterrupt


PARAMS = {"width": 8, "n_heads": 2, "max_epochs": 4, "batch_size": 25}


def interrupted(**params):
    return AttentionFusionClassifier(
        **PARAMS, callbacks=[Interrupt()], random_state=0, **params
    )


MANY = {
    "search": lambda model: GridSearchCV(model, {"dropout": [0.1, 0.2]}, cv=2),
    "calibration": lambda model: CalibratedClassifierCV(model, cv=2),
    "one for each class": OneVsRestClassifier,
    "stacking": lambda model: StackingClassifier(
        [("fusion", model)], LogisticRegression(), cv=2
    ),
    "search over a pipeline": lambda model: GridSearchCV(
        make_pipeline(StandardScaler(), model), {}, cv=2
    ),
}


@pytest.mark.parametrize("name", MANY)
def test_it_ends_all_where_many_are_fitted(name):
    Interrupt.n_fits = 0
    with pytest.raises(KeyboardInterrupt):
        MANY[name](interrupted()).fit(X, Y)
    assert Interrupt.n_fits == 1


@pytest.mark.parametrize("validate", [cross_val_score, cross_val_predict])
def test_it_ends_a_cross_validation(validate):
    with pytest.raises(KeyboardInterrupt):
        validate(make_pipeline(StandardScaler(), interrupted()), X, Y, cv=2)


def test_it_keeps_the_model_of_a_pipeline():
    model = make_pipeline(StandardScaler(), interrupted())
    with pytest.warns(UserWarning, match="interrupted in epoch 2"):
        model.fit(X, Y)
    assert model[-1].n_iter_ == 1


def test_it_keeps_the_model_of_a_scaled_target():
    regressor = AttentionFusionRegressor(**PARAMS, callbacks=[Interrupt()])
    model = TransformedTargetRegressor(regressor, transformer=StandardScaler())
    with pytest.warns(UserWarning, match="interrupted in epoch 2"):
        model.fit(X[:, 1:], X[:, 0])
    assert np.isfinite(model.predict(X[:, 1:])).all()


def test_it_keeps_the_model_that_a_loop_of_the_user_fits():
    for _ in range(2):
        with pytest.warns(UserWarning, match="interrupted in epoch 2"):
            clone(interrupted()).fit(X, Y)


def test_a_search_that_is_ended_leaves_the_earlier_one():
    search = GridSearchCV(
        AttentionFusionClassifier(**PARAMS), {"dropout": [0.1]}, cv=2
    ).fit(X, Y)
    model = search.best_estimator_
    search.set_params(estimator__callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    assert search.best_estimator_ is model


PROGRAM = """
import sys
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from sklearn_mm import AttentionFusionClassifier

class Tell(Callback):
    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            print("second epoch", flush=True)

X, y = load_iris(return_X_y=True)
model = AttentionFusionClassifier(
    width=8, n_heads=2, max_epochs=100_000, callbacks=[Tell()], random_state=0
)
if sys.argv[1:]:
    model = GridSearchCV(
        model, {"dropout": [0.1, 0.2]}, cv=2, n_jobs=int(sys.argv[1])
    )
model.fit(X, y)
print("fitted", len(model.history_), flush=True)
"""


def press_ctrl_c(*arguments):
    """Press Ctrl-C, as a terminal does, in the second epoch of a program's first fit.

    Returns
    -------
    status : int
    last_line, errors : str
    """
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, with all workers
    )
    assert process.stdout.readline() == "second epoch\n"
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output.split("\n")[-2:][0], errors


needs_groups = pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups")


@needs_groups
def test_a_real_ctrl_c_ends_a_search():
    status, last_line, errors = press_ctrl_c("1")
    assert status == -signal.SIGINT
    assert "fitted" not in last_line
    assert errors.rstrip().endswith("KeyboardInterrupt")


@needs_groups
@pytest.mark.slow
def test_a_real_ctrl_c_ends_a_search_in_several_processes():
    status, last_line, _ = press_ctrl_c("2")
    assert status != 0
    assert "fitted" not in last_line


@needs_groups
@pytest.mark.slow
def test_a_real_ctrl_c_keeps_the_model_of_a_bare_fit():
    status, last_line, errors = press_ctrl_c()
    assert status == 0
    assert last_line.startswith("fitted ")
    assert "interrupted in epoch" in errors
