"""Checks of scikit-learn's contract, on input that is not 2-D."""

import io
import pickle
import random
import sys
from copy import deepcopy

import joblib
import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.testing.outputs import (
    assert_same,
    fingerprint,
    fitted,
    outputs,
    seeded,
    take,
)


def check_clone(estimator, X, y):
    """Check that fit leaves the parameters alone; a clone has them and nothing else."""
    model = seeded(estimator)
    before = _parameters(model)
    model.fit(X, y)
    changed = _changed(before, _parameters(model))
    assert not changed, (
        f"fit changed the parameters {changed}: what is learned goes into attributes "
        "that end in '_'"
    )
    copy = clone(model)
    changed = _changed(before, _parameters(copy))
    assert not changed, f"a clone has other parameters: {changed}"
    try:
        outputs(copy, X)
    except NotFittedError:
        pass
    else:
        raise AssertionError(
            "a clone gave results without being fitted, expected NotFittedError: call "
            "check_is_fitted(self)"
        )
    assert_same(outputs(copy.fit(X, y), X), outputs(model, X), "a clone differs")


def check_pickle(estimator, X, y):
    """Check that what comes back from pickle and joblib gives the same."""
    model = fitted(estimator, X, y)
    expected = outputs(model, X)
    again = pickle.loads(pickle.dumps(model))
    assert_same(outputs(again, X), expected, "after pickling it differs")
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    again = joblib.load(file)
    assert_same(outputs(again, X), expected, "after joblib.dump and load it differs")


def check_refit(estimator, X, y):
    """Check that fit begins anew: of an earlier fit on other rows nothing is left."""
    expected = outputs(fitted(estimator, X, y), X)
    model = seeded(estimator)
    if getattr(model, "warm_start", False):
        model.set_params(warm_start=False)
    rows = _rows_of_all_classes(y, len(X))
    model.fit(take(X, rows), None if y is None else y[rows])
    model.fit(X, y)
    assert_same(
        outputs(model, X), expected, "after an earlier fit on fewer rows it differs"
    )


def check_fitted_state_is_untouched(estimator, X, y):
    """Check that transform and predict change no attribute, and give the same again."""
    model = fitted(estimator, X, y)
    before = _fingerprints(vars(model))
    first = outputs(model, X)
    changed = _changed(before, _fingerprints(vars(model)))
    assert not changed, f"transform or predict changed the attributes {changed}"
    assert_same(outputs(model, X), first, "the same call again gave something else")


def check_input_is_untouched(estimator, X, y):
    """Check that neither fit nor transform nor predict writes into X or y."""
    before, y_before = deepcopy(X), deepcopy(y)
    model = fitted(estimator, X, y)
    _assert_untouched(X, before, "fit")
    assert fingerprint(y) == fingerprint(y_before), "fit changed y"
    outputs(model, X)
    _assert_untouched(X, before, "transform or predict")


def check_global_random_states(estimator, X, y):
    """Check that whoever draws random numbers before and after draws the same."""
    model = fitted(estimator, X, y)  # loads what draws
    before = _random_states()
    model.fit(X, y)
    changed = _changed(before, _random_states())
    assert not changed, (
        f"fit drew from the global generator of {changed}: use check_random_state("
        "self.random_state), and torch.random.fork_rng() around what torch draws"
    )
    outputs(model, X)
    changed = _changed(before, _random_states())
    assert not changed, (
        f"transform or predict drew from the global generator of {changed}"
    )


def check_failed_fit(estimator, X, y):
    """Check that a fit that fails leaves a fitted estimator as it was."""
    model = fitted(estimator, X, y)
    expected = outputs(model, X)
    for what, bad_X, bad_y in _unfit_data(estimator, X, y):
        try:
            model.fit(bad_X, bad_y)
        except Exception:
            found = outputs(model, X)
            assert_same(
                found, expected, f"after a fit that failed on {what} it differs"
            )
        else:
            assert bad_y is None or len(bad_y) == len(bad_X), (
                f"fit took {len(bad_y)} targets for {len(bad_X)} rows, expected a "
                "ValueError: call check_consistent_length(X, y)"
            )
            model = fitted(estimator, X, y)


def _unfit_data(estimator, X, y):
    """Yield what it is, X and y, for what some estimators cannot be fitted on."""
    rows = np.arange(len(X) // 2, len(X))
    targets = None if y is None else y[rows]
    if isinstance(X, list):
        yield "a cell of no known type", [*take(X, rows[1:]), object()], targets
    elif not isinstance(X, MultimodalFeatures):
        for name in X.columns[::-1]:
            if X[name].dtype.kind not in "fiub":
                table = take(X, rows).copy()
                table[name] = table[name].astype(object)
                table.iloc[-1, table.columns.get_loc(name)] = object()
                yield "a cell of no known type", table, targets
                break
    if isinstance(estimator, Pipeline) and y is not None:
        # Its first steps learn before the last one fails: the same as before.
        rows, targets = np.arange(len(X)), y
    if y is not None:
        yield "too few targets", take(X, rows), targets[:-1]
    if is_classifier(estimator):
        yield "a single class", take(X, rows), np.full_like(targets, targets[0])


def _rows_of_all_classes(y, n_samples):
    """Choose two thirds of the rows in which every class is left."""
    rows = np.flatnonzero(np.arange(n_samples) % 3)
    if y is None or y.ndim > 1 or y.dtype.kind == "f":
        return rows
    _, first = np.unique(y, return_index=True)
    return np.union1d(rows, first)


def _assert_untouched(X, before, method):
    parts, parts_before = _parts(X), _parts(before)
    assert list(parts) == list(parts_before), f"{method} changed the columns of X"
    for name, part in parts.items():
        assert fingerprint(part) == fingerprint(parts_before[name]), (
            f"{method} changed X, in {name!r}: work on a copy"
        )


def _parts(X):
    """Take X apart, into what pickles to the same bytes if it holds the same."""
    if isinstance(X, list):
        return {f"row {row}": cell for row, cell in enumerate(X)}
    if isinstance(X, MultimodalFeatures):
        return {name: vars(block) for name, block in X.blocks.items()}
    columns = {name: list(X[name]) for name in X.columns}
    return {"index": list(X.index), **columns}


def _random_states():
    states = {"random": random.getstate(), "numpy": np.random.get_state()}
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy()
    return _fingerprints(states)


def _parameters(estimator):
    # Of a clone, since a pipeline fits the estimators that are its parameters.
    return _fingerprints(clone(estimator).get_params())


def _fingerprints(values):
    return {name: fingerprint(value) for name, value in values.items()}


def _changed(before, after):
    names = [*before, *(name for name in after if name not in before)]
    return [name for name in names if before.get(name) != after.get(name)]
