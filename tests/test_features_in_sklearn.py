"""The boundary container as the X of scikit-learn."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_score,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import resample, shuffle

from sklearn_mm import FeatureBlock, MultimodalFeatures


@pytest.fixture(scope="module")
def problem():
    """60 samples of two modalities, none missing, that one can learn."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    words = [rng.integers(4, size=5) + 4 * label for label in y]
    tokens = FeatureBlock.from_samples(words, kind="tokens", vocabulary_size=8)
    waves = [
        label + rng.standard_normal((rng.integers(2, 6), 2)).astype(np.float32)
        for label in y
    ]
    sequence = FeatureBlock.from_samples(waves, kind="sequence")
    return MultimodalFeatures({"text": tokens, "wave": sequence}), y


class Counter(TransformerMixin, BaseEstimator):
    """Count tokens: a transformer that reads the container itself."""

    def __init__(self, modality="text"):
        self.modality = modality

    def fit(self, X, y=None):
        self.names_ = X.names
        return self

    def transform(self, X):
        block = X[self.modality]
        return np.column_stack([block.lengths, np.asarray(block)])


def test_train_test_split_splits_every_modality_by_the_same_rows(problem):
    X, _ = problem
    numbers = np.arange(60)

    train, test, rows, test_rows = train_test_split(
        X, numbers, test_size=2, random_state=0
    )

    for part, selected in ((train, rows), (test, test_rows)):
        assert isinstance(part, MultimodalFeatures)
        np.testing.assert_array_equal(np.asarray(part), np.asarray(X)[selected])


def test_train_test_split_can_stratify(problem):
    X, y = problem

    _, test, _, y_test = train_test_split(X, y, stratify=y, random_state=0)

    assert len(test) == 15
    assert abs(y_test.mean() - 0.5) < 0.05


def test_resample_and_shuffle_draw_whole_samples(problem):
    X, _ = problem
    drawn, rows = resample(X, np.arange(60), n_samples=90, random_state=0)
    shuffled, order = shuffle(X, np.arange(60), random_state=0)

    np.testing.assert_array_equal(np.asarray(drawn), np.asarray(X)[rows])
    np.testing.assert_array_equal(np.asarray(shuffled), np.asarray(X)[order])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_cross_val_score_is_that_of_the_flat_array(problem, n_jobs):
    X, y = problem

    scores = cross_val_score(LogisticRegression(), X, y, n_jobs=n_jobs)

    np.testing.assert_array_equal(
        scores, cross_val_score(LogisticRegression(), np.asarray(X), y)
    )


def test_cross_validation_hands_the_container_itself_to_the_estimator(problem):
    X, y = problem
    model = make_pipeline(Counter(), StandardScaler(), LogisticRegression())

    scores = cross_val_score(model, X, y, cv=KFold(3), error_score="raise")

    assert scores.mean() > 0.9


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search_splits_the_container(problem, n_jobs):
    X, y = problem
    grid = {"counter__modality": ["text", "wave"], "logisticregression__C": [0.1, 1]}
    model = make_pipeline(Counter(), LogisticRegression())

    search = GridSearchCV(model, grid, cv=3, n_jobs=n_jobs, error_score="raise")
    search.fit(X, y)

    assert search.best_params_["counter__modality"] == "text"
    np.testing.assert_array_equal(search.predict(X[:4]), y[:4])


def test_stacking_hands_the_container_to_every_model(problem):
    X, y = problem
    models = [
        ("text", make_pipeline(Counter("text"), LogisticRegression())),
        ("wave", make_pipeline(Counter("wave"), LogisticRegression())),
    ]

    stacked = StackingClassifier(models, cv=3).fit(X, y)

    assert stacked.score(X, y) > 0.9


def test_calibration_splits_the_container(problem):
    X, y = problem
    model = make_pipeline(Counter(), LogisticRegression())

    calibrated = CalibratedClassifierCV(model, cv=3).fit(X, y)

    assert calibrated.predict_proba(X).shape == (60, 2)
    assert calibrated.score(X, y) > 0.9


def test_bagging_reads_the_flat_view(problem):
    X, y = problem

    bagged = BaggingClassifier(LogisticRegression(), random_state=0).fit(X, y)
    flat = BaggingClassifier(LogisticRegression(), random_state=0)

    np.testing.assert_array_equal(
        bagged.predict_proba(X), flat.fit(np.asarray(X), y).predict_proba(X)
    )


def test_learning_curve_takes_growing_parts(problem):
    X, y = problem
    model = make_pipeline(Counter(), LogisticRegression())

    sizes, _, scores = learning_curve(
        model, X, y, cv=3, train_sizes=[0.5, 1.0], error_score="raise"
    )

    np.testing.assert_array_equal(sizes, [20, 40])
    assert scores.shape == (2, 3)


def test_logistic_regression_fits_on_the_flat_view(problem):
    X, y = problem

    model = LogisticRegression().fit(X, y)

    assert model.n_features_in_ == X.shape[1]
    np.testing.assert_array_equal(
        model.coef_, LogisticRegression().fit(np.asarray(X), y).coef_
    )


def test_gradient_boosting_reads_missing_samples_as_nan(problem):
    X, y = problem
    words = [None if i % 3 == 0 else X["text"][i].values for i in range(60)]
    text = FeatureBlock.from_samples(words, kind="tokens", vocabulary_size=8)
    counts = np.array(
        [
            np.full(8, np.nan) if w is None else np.bincount(w, minlength=8)
            for w in words
        ]
    )
    model = HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=2)

    probability = model.fit(MultimodalFeatures({"text": text}), y).predict_proba(text)

    np.testing.assert_array_equal(
        probability, model.fit(counts, y).predict_proba(counts)
    )
    assert model.score(text, y) > 0.7


def test_logistic_regression_refuses_missing_samples_as_it_refuses_nan(problem):
    X, y = problem
    text = FeatureBlock.from_samples(
        [None, *(block.values for block in X["text"][1:])],
        kind="tokens",
        vocabulary_size=8,
    )

    with pytest.raises(ValueError, match="contains NaN"):
        LogisticRegression().fit(MultimodalFeatures({"text": text}), y)


def test_unequal_lengths_of_x_and_y_are_refused(problem):
    X, y = problem

    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cross_val_score(LogisticRegression(), X, y[:-1])
