"""Training on noise: what a modality in noise does to a prediction."""

import numpy as np
import pytest

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    MultimodalFeatureUnion,
)
from sklearn_mm.datasets import make_multimodal_classification

# The dropout of few rows leaves so narrow a network too little.
SMALL = {"width": 16, "n_heads": 2, "max_epochs": 20, "dropout": 0.1}
SHORT = {**SMALL, "max_epochs": 1}
LEFT, RIGHT = ["left_0", "left_1"], ["right_0", "right_1"]


def rows_of(seed):
    """Build training rows, test rows, and these with one modality in noise.

    Either modality alone tells the class.
    """
    X, y = make_multimodal_classification(
        400,
        modalities=[("left", "numbers"), ("right", "numbers")],
        noise=0.0,
        random_state=seed,
    )
    spoiled = X[160:].copy()
    rng = np.random.default_rng(seed)
    spoiled[LEFT] = rng.normal(0, 20, (240, 2))  # the deviation of X is about 4
    union = MultimodalFeatureUnion(
        [("left", "passthrough", LEFT), ("right", "passthrough", RIGHT)]
    )
    train = union.fit_transform(X[:160])
    return train, y[:160], union.transform(X[160:]), union.transform(spoiled), y[160:]


@pytest.fixture(scope="module")
def scores():
    """Score with and without training on noise, by seed: clean rows, spoiled rows."""
    scores = {0.0: [], 0.5: []}
    for seed in range(6):
        train, y_train, clean, spoiled, y_test = rows_of(seed)
        for share, of_share in scores.items():
            classifier = AttentionFusionClassifier(
                modality_noise=share, random_state=seed, **SMALL
            ).fit(train, y_train)
            of_share.append([classifier.score(X, y_test) for X in (clean, spoiled)])
    return {share: np.array(of_share) for share, of_share in scores.items()}


@pytest.mark.slow  # twelve networks are trained
def test_a_modality_in_noise_harms_less_after_training_on_noise(scores):
    # Some networks ignore the noise without having met any.
    assert scores[0.5][:, 1].mean() > scores[0.0][:, 1].mean() + 0.1
    assert scores[0.5][:, 1].min() > 0.9


@pytest.mark.slow
def test_clean_rows_are_learned_as_well(scores):
    assert (scores[0.5][:, 0] > 0.97).all()


def test_the_regressor_trains_on_noise_too():
    train, y, *_ = rows_of(0)
    one, other = (
        AttentionFusionRegressor(modality_noise=share, random_state=0, **SHORT).fit(
            train, y
        )
        for share in (0.0, 0.5)
    )
    assert (one.predict(train) != other.predict(train)).all()


def test_there_is_no_noise_without_modality_dropout():
    train, y, *_ = rows_of(0)
    one, other = (
        AttentionFusionClassifier(
            modality_noise=share, modality_dropout=0.0, random_state=0, **SHORT
        ).fit(train, y)
        for share in (0.0, 1.0)
    )
    np.testing.assert_array_equal(one.predict_proba(train), other.predict_proba(train))


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_beyond_zero_to_one_is_refused(share):
    train, y, *_ = rows_of(0)
    with pytest.raises(ValueError, match="modality_noise must be from 0 to 1, found"):
        AttentionFusionClassifier(modality_noise=share).fit(train, y)
