"""faithfulness_curve: what is removed, and what it does to predictions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    FeatureBlock,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import (
    attention_weights,
    faithfulness_curve,
    token_attributions,
)

PARAMS = {"width": 16, "n_heads": 2, "random_state": 0}


@pytest.fixture(scope="module")
def informed():
    """A series that tells the class at a few steps, and a text that tells nothing."""
    X, y = make_multimodal_classification(
        160, modalities=["text", "series"], noise=0.0, random_state=0
    )
    shuffled = np.random.default_rng(0).permutation(160)
    X["text"] = X["text"].to_numpy()[shuffled]
    union = MultimodalFeatureUnion(
        [
            ("text", TextTransformer(), "text"),
            ("series", TimeSeriesTransformer(), "series"),
        ]
    )
    classifier = AttentionFusionClassifier(max_epochs=6, learning_rate=5e-3, **PARAMS)
    return make_pipeline(union, classifier).fit(X[:120], y[:120]), X[120:], y[120:]


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    blocks = {name: rng.normal(size=(60, 2)) + y[:, None] for name in ("left", "right")}
    return MultimodalFeatures(blocks), y


@pytest.fixture(scope="module")
def skipping(vectors):
    return AttentionFusionClassifier(missing="skip", max_epochs=4, **PARAMS).fit(
        *vectors
    )


@pytest.mark.parametrize("order", ["attention", "attribution"])
def test_informative_tokens_are_missed_sooner_than_random_ones(informed, order):
    if order == "attribution":
        pytest.importorskip("captum")
    model, X, y = informed
    assert model.score(X, y) > 0.9
    curve = faithfulness_curve(model, X, order=order, random_state=0)
    below = curve.random.mean(axis=0) - curve.ordered.mean(axis=0)
    assert (below[1:-1] > -0.01).all()
    assert below.max() > 0.2
    assert curve.area.mean() > 5 * curve.area.std() / np.sqrt(len(X))


@pytest.mark.parametrize("score", ["attention", "attribution"])
def test_the_series_that_tells_the_class_has_more_of_both_than_the_text(
    informed, score
):
    model, X, _ = informed
    if score == "attribution":
        pytest.importorskip("captum")
        table = token_attributions(model, X).rename(columns={"attribution": "score"})
    else:
        table = attention_weights(model, X, level="token")
        table = table.rename(columns={"weight": "score"})
    of_modality = table["score"].abs().groupby(table["modality"]).sum()
    assert of_modality["series"] > of_modality["text"]


def test_curves_begin_with_the_prediction_and_end_with_the_prior(skipping, vectors):
    X, _ = vectors
    curve = faithfulness_curve(skipping, X, random_state=0)
    whole = skipping.predict_proba(X).max(axis=1)
    assert_allclose(curve.ordered[:, 0], whole, atol=1e-6)
    assert_allclose(curve.random[:, 0], whole, atol=1e-6)
    assert_allclose(curve.ordered[:, -1], 1 / 3, atol=1e-6)


def test_a_removed_token_is_as_if_its_modality_were_missing(skipping, vectors):
    # A modality of one token, in a network that skips those that are missing.
    X, _ = vectors
    curve = faithfulness_curve(skipping, X, n_shares=3, random_state=0)
    heavier = attention_weights(skipping, X).idxmax(axis=1)
    predicted = skipping.predict_proba(X).argmax(axis=1)
    for row in range(len(X)):
        left = [name for name in X.names if name != heavier[row]]
        expected = skipping.predict_proba(X[row].select(left))[0, predicted[row]]
        assert_allclose(curve.ordered[row, 1], expected, atol=1e-6)


def test_random_order_removes_each_of_two_tokens_half_of_the_time(skipping, vectors):
    X, _ = vectors
    curve = faithfulness_curve(skipping, X, n_shares=3, n_repeats=400, random_state=0)
    predicted = skipping.predict_proba(X).argmax(axis=1)
    alone = [skipping.predict_proba(X.select([name])) for name in X.names]
    expected = np.mean(alone, axis=0)[np.arange(len(X)), predicted]
    assert_allclose(curve.random[:, 1].mean(), expected.mean(), atol=0.01)


def test_absent_modalities_are_not_removed(vectors):
    X, y = vectors
    table = np.where(np.arange(60)[:, None] % 2, np.nan, X["left"].values)
    X = MultimodalFeatures({"left": table, "right": X["right"]})
    classifier = AttentionFusionClassifier(max_epochs=2, **PARAMS).fit(X, y)
    curve = faithfulness_curve(classifier, X, n_shares=3, random_state=0)
    # Rows of one token lose it at half of one, and have then nothing.
    assert_allclose(curve.ordered[1::2, 1], 1 / 3, atol=1e-6)


def test_area_is_that_between_the_curves(skipping, vectors):
    curve = faithfulness_curve(skipping, vectors[0], n_shares=3, random_state=0)
    between = curve.random - curve.ordered
    by_hand = (between[:, 0] + 2 * between[:, 1] + between[:, 2]) / 4
    assert_allclose(curve.area, by_hand, atol=1e-12)


def test_with_targets_the_probability_is_that_of_the_true_class(skipping, vectors):
    X, y = vectors
    curve = faithfulness_curve(skipping, X, y, n_shares=2, random_state=0)
    expected = skipping.predict_proba(X)[np.arange(60), y]
    assert_allclose(curve.ordered[:, 0], expected, atol=1e-6)
    assert curve.metric == "probability of the true class"


@pytest.mark.parametrize("order", ["attention", "attribution"])
def test_the_curve_of_a_regressor_begins_with_its_score(vectors, order):
    if order == "attribution":
        pytest.importorskip("captum")
    X, y = vectors
    regressor = AttentionFusionRegressor(max_epochs=4, **PARAMS).fit(X, 9.0 * y)
    curve = faithfulness_curve(
        regressor, X, 9.0 * y, order=order, n_steps=5, random_state=0
    )
    assert_allclose(curve.ordered[:, 0].mean(), regressor.score(X, 9.0 * y), atol=1e-6)
    assert_allclose(curve.ordered[:, -1].mean(), 0, atol=1e-6)  # the mean of y


def test_of_several_labels_it_is_the_mean_of_their_probabilities(vectors):
    X, y = vectors
    Y = np.column_stack([y == 0, y > 0]).astype(int)
    classifier = AttentionFusionClassifier(max_epochs=2, **PARAMS).fit(X, Y)
    curve = faithfulness_curve(classifier, X, Y, n_shares=2, random_state=0)
    probability = classifier.predict_proba(X)
    expected = np.where(Y, probability, 1 - probability).mean(axis=1)
    assert_allclose(curve.ordered[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("fusion", ["bottleneck", "cross", "gated", "concat"])
def test_every_fusion_predicts_without_all_tokens_of_a_modality(fusion):
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(rng.integers(1, 9), 2)) for _ in range(30)]
    X = MultimodalFeatures(
        {
            "series": FeatureBlock.from_samples(series, "sequence"),
            "table": rng.normal(size=(30, 2)),
        }
    )
    classifier = AttentionFusionClassifier(fusion=fusion, max_epochs=1, **PARAMS)
    classifier.fit(X, np.arange(30) % 2)
    curve = faithfulness_curve(classifier, X, random_state=0)
    assert np.isfinite(curve.ordered).all()
    assert np.isfinite(curve.random).all()


def test_the_same_random_state_gives_the_same_curve(skipping, vectors):
    state = np.random.get_state()[1].copy()
    first, second = (
        faithfulness_curve(skipping, vectors[0], random_state=3) for _ in range(2)
    )
    assert (first.random == second.random).all()
    assert (np.random.get_state()[1] == state).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"order": "size"}, "order must be one of .* found 'size'"),
        ({"n_shares": 1}, "n_shares must be an integer of at least 2, found 1"),
        ({"n_repeats": 0.5}, "n_repeats must be an integer of at least 1, found 0.5"),
        ({"y": [0, 1]}, "y must have the 60 rows of X, found 2"),
    ],
)
def test_a_wrong_parameter_is_an_error(skipping, vectors, params, message):
    with pytest.raises(ValueError, match=message):
        faithfulness_curve(skipping, vectors[0], **params)


def test_a_regressor_needs_targets(vectors):
    X, y = vectors
    regressor = AttentionFusionRegressor(max_epochs=1, **PARAMS).fit(X, y)
    with pytest.raises(ValueError, match="a regressor needs y"):
        faithfulness_curve(regressor, X)
    with pytest.raises(ValueError, match="y does not vary"):
        faithfulness_curve(regressor, X, np.ones(60))


def test_several_labels_have_no_single_order_of_attributions(vectors):
    X, y = vectors
    Y = np.column_stack([y == 0, y > 0]).astype(int)
    classifier = AttentionFusionClassifier(max_epochs=1, **PARAMS).fit(X, Y)
    with pytest.raises(ValueError, match="Use order='attention'"):
        faithfulness_curve(classifier, X, order="attribution")


def test_the_curve_of_a_calibrated_model_is_of_its_calibrated_probabilities(vectors):
    X, y = vectors
    classifier = AttentionFusionClassifier(
        max_epochs=30, calibration="temperature", validation_fraction=0.3, **PARAMS
    ).fit(X, y)
    assert abs(np.log(classifier.temperatures_["left", "right"])) > 0.05
    curve = faithfulness_curve(classifier, X, n_shares=2, random_state=0)
    whole, nothing = classifier.predict_proba(X), np.exp(classifier.prior_)
    assert_allclose(curve.ordered[:, 0], whole.max(axis=1), rtol=1e-5)
    assert_allclose(curve.ordered[:, 1], nothing[whole.argmax(axis=1)], rtol=1e-5)
