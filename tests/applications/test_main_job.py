"""The main job on real files: from a table of paths to predictions and back."""

import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import load_digits_multimodal


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Load 80 digits as files, with a column of numbers and some missing cells."""
    home = tmp_path_factory.mktemp("home")
    X, y = load_digits_multimodal(n_samples=80, data_home=home, progress=False)
    X = X.astype(object)
    X["size"] = np.arange(80) % 7
    X["weight"] = np.where(np.arange(80) % 6 == 0, np.nan, y / 10)
    X.loc[3, "image"] = None
    X.loc[4, "audio"] = None
    X.loc[5, ["text", "image"]] = None
    return X, y


def make_features():
    return MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(8, 8), mode="gray"), "image"),
            ("text", TextTransformer(min_frequency=1), "text"),
            ("audio", AudioTransformer(sampling_rate=8000, n_mels=20), "audio"),
            ("table", StandardScaler(), ["size", "weight"]),
        ]
    )


def make_model():
    classifier = AttentionFusionClassifier(
        width=16,
        n_heads=2,
        max_epochs=2,
        batch_size=20,
        learning_rate=1e-2,
        random_state=0,
    )
    return Pipeline([("features", make_features()), ("classifier", classifier)])


@pytest.fixture(scope="module")
def fitted(digits):
    return make_model().fit(*digits)


def test_a_pipeline_learns_from_image_files_sound_files_words_and_numbers(digits):
    model = make_model().set_params(classifier__max_epochs=20)
    assert model.fit(*digits).score(*digits) > 0.9


def test_cross_validation_and_grid_search_run_over_the_whole_pipeline(digits):
    X, y = digits
    assert np.isfinite(cross_val_score(make_model(), X, y, cv=2)).all()
    grid = {
        "features__text__vocabulary_size": [5, 50],
        "classifier__learning_rate": [1e-3, 1e-2],
    }
    search = GridSearchCV(make_model(), grid, cv=2).fit(X, y)
    assert set(search.best_params_) == set(grid)


def test_a_fresh_process_predicts_the_same_bit_for_bit(digits, fitted, tmp_path):
    X, _ = digits
    joblib.dump(fitted, tmp_path / "model.joblib")
    joblib.dump(X, tmp_path / "rows.joblib")
    code = (
        "import joblib, numpy, sys, torch; torch.set_num_threads(1)\n"
        "model = joblib.load(sys.argv[1] + '/model.joblib')\n"
        "rows = joblib.load(sys.argv[1] + '/rows.joblib')\n"
        "numpy.save(sys.argv[1] + '/found.npy', model.predict_proba(rows))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    found = np.load(tmp_path / "found.npy")
    np.testing.assert_array_equal(found, fitted.predict_proba(X))


def test_clone_of_a_fitted_pipeline_is_unfitted_and_has_its_parameters(fitted):
    cloned = clone(fitted)
    assert not hasattr(cloned["classifier"], "net_")
    assert cloned.get_params()["features__audio__n_mels"] == 20


def test_the_same_union_feeds_logistic_regression(digits):
    X, y = digits
    complete = X.dropna()
    model = make_pipeline(
        make_features(), StandardScaler(), LogisticRegression(max_iter=200)
    )
    assert (
        model.fit(complete, y[complete.index]).score(complete, y[complete.index]) > 0.9
    )


def test_the_same_union_feeds_gradient_boosting_with_missing_cells(digits):
    X, y = digits
    boosting = HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=4)
    model = make_pipeline(make_features(), boosting)
    assert model.fit(X, y).score(X, y) > 0.5


def test_the_table_is_untouched(digits):
    X, y = digits
    before = X.copy(deep=True)
    make_model().fit(X, y).predict(X)
    assert X.equals(before)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("gone.png", r"modality 'image'.*row 2.*gone\.png"),
        ("a photo of a cat", r"modality 'image'.*row 2.*path of an image file"),
    ],
)
def test_a_cell_that_is_no_image_names_modality_and_row(digits, cell, message):
    X, y = digits
    X = X.copy()
    X.loc[2, "image"] = cell
    with pytest.raises(ValueError, match=message):
        make_model().fit(X, y)


def test_an_unreadable_sound_file_names_modality_and_row(digits, fitted, tmp_path):
    X, _ = digits
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    X = X.copy()
    X.loc[7, "audio"] = str(tmp_path / "broken.wav")
    with pytest.raises(ValueError, match=r"modality 'audio'.*row 7.*broken\.wav"):
        fitted.predict(X)


def test_a_missing_column_is_named_with_its_modality(digits, fitted):
    X, _ = digits
    with pytest.raises(ValueError, match=r"modality 'audio' needs \['audio'\]"):
        fitted.predict(X.drop(columns="audio"))


def test_an_empty_table_is_refused(digits, fitted):
    X, _ = digits
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        fitted.predict(X.iloc[:0])


def test_targets_of_another_number_are_refused(digits):
    X, y = digits
    with pytest.raises(
        ValueError, match=r"inconsistent numbers of samples: \[80, 79\]"
    ):
        make_model().fit(X, y[:-1])


def test_a_target_of_one_class_is_refused(digits):
    X, y = digits
    with pytest.raises(ValueError, match="found 1 class"):
        make_model().fit(X, np.zeros_like(y))


@pytest.mark.slow
def test_the_demo_ends_with_the_fusion_above_every_single_modality(tmp_path):
    import pandas as pd

    from sklearn_mm import demo

    assert demo.main(["--output", str(tmp_path)]) == 0
    accuracy = pd.read_csv(tmp_path / "accuracies.csv", index_col=0).mean(axis=1)
    assert accuracy.iloc[-1] > accuracy.iloc[:-1].max() + 0.05
    assert (tmp_path / "demo.png").stat().st_size > 10_000
    assert "Most confident mistakes" in (tmp_path / "report.html").read_text("utf-8")
