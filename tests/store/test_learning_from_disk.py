"""Estimators that learn from features on disk, and predict them."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    MultimodalFeatures,
)
from sklearn_mm.estimators import digests, inputs, linear, modality, training
from sklearn_mm.store import StoredArray

N = 40  # rows of the table

SMALL = {"width": 8, "max_epochs": 2, "batch_size": 8, "random_state": 0}


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_classifier_learns_the_same_from_disk(
    features, stored, table, early_stopping
):
    model = AttentionFusionClassifier(**SMALL, early_stopping=early_stopping)
    expected = model.fit(features, table[1]).predict_proba(features)
    found = model.fit(stored, table[1]).predict_proba(stored)
    assert_array_equal(found, expected)


def test_a_regressor_learns_the_same_from_a_slice_on_disk(features, stored, table):
    y = table[1] + np.linspace(0, 1, N)
    model = AttentionFusionRegressor(**SMALL)
    expected = model.fit(features[5:], y[5:]).predict(features[:5])
    found = model.fit(stored[5:], y[5:]).predict(stored[:5])
    assert_array_equal(found, expected)


class Watched(np.ndarray):
    """Values of a file, that note how many bytes of them are used at once, at most."""

    used = {}

    def note(self, part):
        name = self.path.name
        self.used[name] = max(self.used.get(name, 0), part.nbytes)
        return part

    def __array_finalize__(self, other):
        self.path = getattr(other, "path", None)

    def __getitem__(self, key):
        return self.note(np.asarray(super().__getitem__(key)))

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        inputs = [
            np.asarray(x.note(x)) if isinstance(x, Watched) else x for x in inputs
        ]
        return getattr(ufunc, method)(*inputs, **options)


@pytest.fixture
def used(monkeypatch):
    """Note what is used of the files: a dict of file name to bytes."""
    opened = StoredArray.open

    def open_watched(self):
        array = opened(self).view(Watched)
        array.path = self.path
        return array

    monkeypatch.setattr(StoredArray, "open", open_watched)
    monkeypatch.setattr(Watched, "used", {})
    return Watched.used


def test_fit_and_predict_use_a_part_of_the_values_at_a_time(
    unfitted_union, table, used, tmp_path, monkeypatch
):
    rows = np.arange(20 * N) % N
    three = unfitted_union.set_params(text="drop", words="drop", series="drop")
    three.fit_transform(table[0])[rows].save(tmp_path)
    stored, y = MultimodalFeatures.load(tmp_path), table[1][rows]
    # Parts that are small beside this small store.
    slices = digests.row_slices
    for module in (digests, inputs):
        monkeypatch.setattr(module, "row_slices", lambda blocks: slices(blocks, 2**11))
    monkeypatch.setattr(modality, "_CHUNK_BYTES", 2**11)
    monkeypatch.setattr(modality, "_QUANTILE_ROWS", 20)
    monkeypatch.setattr(linear, "MAX_NUMBERS", 100)
    monkeypatch.setattr(linear, "MIN_CHOSEN_ROWS", 20)
    monkeypatch.setattr(training, "PREDICTION_BATCH_SIZE", 16)
    used.clear()
    model = AttentionFusionClassifier(**{**SMALL, "batch_size": 16, "max_epochs": 1})
    model.fit(stored, y).predict_proba(stored)
    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("*-values.npy")}
    assert len(sizes) == 3 and sizes.keys() == used.keys()
    assert max(used[name] / size for name, size in sizes.items()) < 1 / 4


def test_what_uses_all_values_at_once_would_be_seen(stored, used, tmp_path):
    block = stored["table"]
    used.clear()
    np.sum(block.values)
    assert list(used.values()) == [block.values.nbytes]


def test_a_pickled_model_knows_nothing_of_the_folder(stored, table, tmp_path):
    model = AttentionFusionClassifier(**SMALL, early_stopping=True)
    content = pickle.dumps(model.fit(stored, table[1]))
    assert str(tmp_path).encode() not in content


def test_a_pipeline_of_the_fitted_steps_predicts_from_cells(
    union, stored, table, features
):
    model = AttentionFusionClassifier(**SMALL).fit(stored, table[1])
    found = make_pipeline(union, model).predict_proba(table[0])
    assert_array_equal(found, model.predict_proba(features))
