"""The suite catches classifiers and regressors that are broken in one way each."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklearn_mm import AttentionFusionClassifier, FeatureBlock, MultimodalFeatures
from sklearn_mm.testing import parametrize_with_multimodal_checks

rng = np.random.default_rng(0)


class Centroids(ClassifierMixin, BaseEstimator):
    """The class with the nearest mean; what is missing adds nothing to the distance."""

    def fit(self, X, y, sample_weight=None):
        check_consistent_length(X, y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        flat = np.asarray(X)
        known = ~np.isnan(flat)
        means = [self.mean(flat[codes == code]) for code in range(len(self.classes_))]
        self.means_ = np.where(known.any(axis=0), means, 0.0)
        self.widths_ = {name: block.shape[1] for name, block in X.blocks.items()}
        self.shares_ = np.bincount(codes) / len(codes)
        return self

    def mean(self, rows):
        known = ~np.isnan(rows)
        return np.nansum(rows, axis=0) / np.maximum(known.sum(axis=0), 1)

    def predict_proba(self, X):
        check_is_fitted(self)
        return softmax(np.log(self.shares_) - self.distances(self.flat(X)), axis=1)

    def flat(self, X):
        unknown = set(X.names) - set(self.widths_)
        if unknown:
            raise ValueError(f"the modalities {unknown} are unknown")
        blocks = [
            np.asarray(X[name]) if name in X.names else np.full((len(X), width), np.nan)
            for name, width in self.widths_.items()
        ]
        return np.hstack(blocks)

    def distances(self, flat):
        return np.nansum((flat[:, None] - self.means_) ** 2, axis=2)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class MeanPresent(RegressorMixin, BaseEstimator):
    """The mean target, plus a little for each number above zero."""

    def fit(self, X, y):
        check_consistent_length(X, y)
        self.mean_ = y.mean()
        self.widths_ = {name: block.shape[1] for name, block in X.blocks.items()}
        return self

    def predict(self, X):
        check_is_fitted(self)
        return self.mean_ + 0.1 * np.nansum(Centroids.flat(self, X) > 0, axis=1)


FEATURES = MultimodalFeatures(
    {
        "series": FeatureBlock.from_samples(
            [rng.normal(size=(n, 1)) for n in (3, 1, 5, 2, 2, 4, 1, 3)], "sequence"
        ),
        "table": rng.normal(size=(8, 2)),
    }
)


@parametrize_with_multimodal_checks([Centroids(), MeanPresent()], X=FEATURES)
def test_a_users_predictor_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("draw", "generator"), [(np.random.rand, "numpy"), (torch.rand, "torch")]
)
def test_a_classifier_that_draws_from_a_global_generator_is_caught(
    is_caught, draw, generator
):
    class Broken(Centroids):
        def fit(self, X, y, sample_weight=None):
            draw(1)
            return super().fit(X, y)

    message = f"fit drew from the global generator of .'{generator}'"
    is_caught(Broken(), "check_global_random_states", message, X=FEATURES)


def test_a_classifier_that_draws_in_prediction_is_caught(is_caught):
    class Broken(Centroids):
        def predict_proba(self, X):
            np.random.rand()
            return super().predict_proba(X)

    message = "predict drew from the global generator of .'numpy'"
    is_caught(Broken(), "check_global_random_states", message, X=FEATURES)


def test_a_network_whose_weights_change_in_prediction_is_caught(is_caught):
    class Broken(AttentionFusionClassifier):
        def predict_proba(self, X):
            probability = super().predict_proba(X)
            with torch.no_grad():
                self.net_.module_.absent_tokens += 1
            return probability

    estimator = Broken(width=8, n_heads=2, max_epochs=1)
    message = r"changed the attributes \['net_'\]"
    is_caught(estimator, "check_fitted_state_is_untouched", message, X=FEATURES)


def test_a_classifier_that_normalises_over_the_batch_is_caught(is_caught):
    class Broken(Centroids):
        def distances(self, flat):
            return super().distances(flat - np.nanmean(flat))

    is_caught(Broken(), "check_one_row", "row 0 alone gives something else", X=FEATURES)


def test_a_classifier_that_reads_padding_is_caught(is_caught):
    class Broken(Centroids):
        def distances(self, flat):
            return super().distances(flat) + self.longest * np.arange(3)

        def flat(self, X):
            self.longest = X["series"].lengths.max() if "series" in X.names else 0
            return super().flat(X)

    message = "predictions depend on how long another row is"
    is_caught(Broken(), "check_neighbour_of_another_length", message, X=FEATURES)


def test_a_classifier_that_takes_modalities_by_their_order_is_caught(is_caught):
    class Broken(Centroids):
        def flat(self, X):
            return np.asarray(X)

    is_caught(
        Broken(), "check_order_of_modalities", "order of the modalities", X=FEATURES
    )
    is_caught(Broken(), "check_unknown_modality", "no error was raised", X=FEATURES)
    is_caught(Broken(), "check_all_cells_missing", "it raised ValueError", X=FEATURES)


def test_a_classifier_whose_error_names_no_modality_is_caught(is_caught):
    class Broken(Centroids):
        def flat(self, X):
            if "renamed" in X.names:
                raise ValueError("shapes do not fit")
            return super().flat(X)

    is_caught(Broken(), "check_unknown_modality", "should name 'renamed'", X=FEATURES)


def test_a_classifier_that_gives_nan_where_a_modality_is_missing_is_caught(is_caught):
    class Broken(Centroids):
        def distances(self, flat):
            return np.sum((flat[:, None] - self.means_) ** 2, axis=2)

    is_caught(
        Broken(), "check_missing_cells", "predict_proba is .nan nan nan.", X=FEATURES
    )
    is_caught(Broken(), "check_row_with_nothing", "in rows with nothing", X=FEATURES)


def test_a_classifier_that_refuses_training_rows_with_gaps_is_caught(is_caught):
    class Broken(Centroids):
        def fit(self, X, y, sample_weight=None):
            if np.isnan(np.asarray(X)).any():
                raise ValueError("input contains NaN")
            return super().fit(X, y)

    message = "it raised ValueError: input contains NaN"
    is_caught(Broken(), "check_missing_cells_in_fit", message, X=FEATURES)


def test_a_classifier_that_cannot_learn_without_a_modality_is_caught(is_caught):
    class Broken(Centroids):
        def fit(self, X, y, sample_weight=None):
            if any(block.missing.all() for block in X.blocks.values()):
                raise ValueError("a modality is empty")
            return super().fit(X, y)

    message = "it raised ValueError: a modality is empty"
    is_caught(Broken(), "check_all_cells_missing_in_fit", message, X=FEATURES)


def test_a_classifier_that_finds_all_classes_as_likely_in_rows_with_nothing_is_caught(
    is_caught,
):
    class Broken(Centroids):
        def predict_proba(self, X):
            return softmax(-self.distances(self.flat(X)), axis=1)

    message = "other probabilities than the classes' shares"
    is_caught(Broken(), "check_row_with_nothing", message, X=FEATURES)


def test_probabilities_that_do_not_sum_to_one_are_caught(is_caught):
    class Broken(Centroids):
        def predict_proba(self, X):
            return 0.9 * super().predict_proba(X)

    is_caught(
        Broken(),
        "check_probabilities",
        "the probabilities of row . sum to 0.9",
        X=FEATURES,
    )


def test_labels_that_are_not_the_most_probable_are_caught(is_caught):
    class Broken(Centroids):
        def predict(self, X):
            return self.classes_[self.predict_proba(X).argmin(axis=1)]

    message = "which is not its most probable class"
    is_caught(Broken(), "check_probabilities", message, X=FEATURES)


def test_weights_of_one_that_change_the_model_are_caught(is_caught):
    class Broken(Centroids):
        def fit(self, X, y, sample_weight=None):
            super().fit(X, y)
            self.means_ += sample_weight is not None
            return self

    is_caught(
        Broken(), "check_sample_weights_of_one", "ones gives something else", X=FEATURES
    )


def test_a_classifier_that_takes_fewer_targets_than_rows_is_caught(is_caught):
    class Broken(Centroids):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X[np.arange(len(y))], y)

    is_caught(Broken(), "check_failed_fit", "fit took 3 targets for 4 rows", X=FEATURES)


def test_a_regressor_that_predicts_zero_for_rows_with_nothing_is_caught(is_caught):
    class Broken(MeanPresent):
        def predict(self, X):
            nothing = np.all([X[name].missing for name in X.names], axis=0)
            return np.where(nothing, 0.0, super().predict(X))

    y = np.linspace(100, 200, 8)
    message = "outside the training targets 100.0 to 200.0"
    is_caught(Broken(), "check_row_with_nothing", message, y=y, X=FEATURES)
