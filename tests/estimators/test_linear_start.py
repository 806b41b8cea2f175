"""The network begins with a linear model of all vectors, and learns the remainder."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    FeatureBlock,
    MultimodalFeatures,
    VectorEncoder,
)
from sklearn_mm.estimators import linear
from sklearn_mm.estimators.voting import MAX_WEIGHTS
from sklearn_mm.nn.encoders import Standardize
from sklearn_mm.nn.votes import VectorVotes, WordVotes

RNG = np.random.default_rng(0)
LEFT, RIGHT = RNG.normal(size=(200, 4)), RNG.normal(5, 3, size=(200, 3))
SCORE = LEFT[:, 0] - LEFT[:, 1] + (RIGHT[:, 0] - 5) / 3
LABELS = np.digitize(SCORE + RNG.normal(size=200), [-1, 1])
JOINED = StandardScaler().fit_transform(np.hstack([LEFT, RIGHT]))
X = MultimodalFeatures(
    {"left": FeatureBlock.from_vectors(LEFT), "right": FeatureBlock.from_vectors(RIGHT)}
)


def untrained(kind, **params):
    """Build an estimator whose training moves nothing."""
    params = {
        "width": 8,
        "n_heads": 2,
        "max_epochs": 1,
        "learning_rate": 1e-12,
    } | params
    return kind(random_state=0, **params)


def test_at_first_it_predicts_as_logistic_regression_on_the_vectors_side_by_side():
    found = untrained(AttentionFusionClassifier).fit(X, LABELS).predict_proba(X)
    references = [
        LogisticRegression(C=strength, max_iter=500).fit(JOINED, LABELS)
        for strength in linear.STRENGTHS
    ]
    distances = [np.abs(r.predict_proba(JOINED) - found).max() for r in references]
    assert min(distances) < 1e-3
    # The two least strengths hardly learn from 200 rows.
    assert np.argmin(distances) >= 2


def test_of_two_classes_it_is_the_same():
    found = untrained(AttentionFusionClassifier).fit(X, LABELS > 0).predict_proba(X)
    distances = [
        np.abs(
            LogisticRegression(C=strength).fit(JOINED, LABELS > 0).predict_proba(JOINED)
            - found
        ).max()
        for strength in linear.STRENGTHS
    ]
    assert min(distances) < 1e-3


def test_at_first_it_predicts_numbers_as_ridge_regression():
    y = np.column_stack([SCORE, 3 - 2 * LEFT[:, 2]]) + 0.5 * RNG.normal(size=(200, 2))
    found = untrained(AttentionFusionRegressor).fit(X, y).predict(X)
    scaler = StandardScaler().fit(y)
    references = [
        Ridge(1 / strength).fit(JOINED, scaler.transform(y)).predict(JOINED)
        for strength in linear.STRENGTHS
    ]
    distances = [
        np.abs(scaler.inverse_transform(reference) - found).max()
        for reference in references
    ]
    assert min(distances) < 1e-3
    assert np.argmin(distances) >= 2


@pytest.mark.parametrize(
    ("params", "share"),
    [({"loss": "quantile", "quantile": 0.9}, 0.9), ({"loss": "absolute_error"}, 0.5)],
)
def test_the_quantile_of_the_remainders_is_where_the_loss_wants_it(params, share):
    y = SCORE + RNG.exponential(size=200)
    found = untrained(AttentionFusionRegressor, **params).fit(X, y).predict(X)
    assert np.mean(y <= found) == pytest.approx(share, abs=0.01)


def test_each_label_has_a_model_of_its_own_and_a_constant_one_its_prior():
    labels = np.column_stack([LABELS > 0, LABELS > 1, np.ones(200)]).astype(int)
    classifier = untrained(AttentionFusionClassifier).fit(X, labels)
    found = classifier.predict_proba(X)
    assert (found[:, :2].argmax(axis=1) == 0).any()
    assert np.corrcoef(found[:, 0], SCORE)[0, 1] > 0.9
    assert_allclose(found[:, 2], expit(classifier.prior_[2]), atol=1e-5)


def test_a_class_without_rows_is_as_rare_as_its_prior_says():
    prior = np.log([0.5, 0.01, 0.49])
    labels = np.where(SCORE > 0, 2, 0)
    coefficients, intercepts, _ = linear.fit_classes(
        JOINED, labels, np.ones(200), 0, prior=prior
    )
    assert (coefficients[1] == 0).all()
    middle = softmax(intercepts)
    assert middle[1] == pytest.approx(0.01, abs=0.005)


def test_rows_of_one_class_have_no_linear_model():
    fitted = linear.fit_classes(
        JOINED, np.ones(200, int), np.ones(200), 0, prior=np.log([0.5, 0.5])
    )
    assert fitted is None


def test_the_strength_is_that_of_the_least_loss_on_rows_left_out():
    noise = RNG.normal(size=(200, 60))
    coefficients, _, _ = linear.fit_numbers(noise, LEFT[:, :1], np.ones(200), 0)
    weakest = Ridge(1 / linear.STRENGTHS[-1]).fit(noise, LEFT[:, 0])
    assert np.abs(coefficients).max() < np.abs(weakest.coef_).max() / 10


def make_neighbours(seed=3):
    """Blocks of 20 rows share a target, and numbers that tell the block alone."""
    rng = np.random.default_rng(seed)
    numbers, target = rng.normal(size=(30, 25)), rng.normal(size=30)
    return np.repeat(numbers, 20, axis=0), np.repeat(target, 20)


def test_neighbours_that_share_their_target_do_not_choose_a_weak_penalty():
    numbers, target = make_neighbours()
    shuffled, _, _ = linear.fit_numbers(numbers, target[:, None], np.ones(600), 0)
    in_order, _, _ = linear.fit_numbers(numbers, target[:, None], np.ones(600), None)
    assert np.abs(in_order).max() < np.abs(shuffled).max() / 5


def test_where_rows_are_in_order_of_time_it_is_chosen_in_this_order():
    numbers, target = make_neighbours()
    new, other = make_neighbours(seed=4)
    spread = {}
    for split in ("random", "last"):
        model = untrained(AttentionFusionRegressor, validation_split=split)
        spread[split] = np.std(model.fit(numbers, target).predict(new))
    assert spread["last"] < spread["random"] / 3
    assert np.std(other) > 0.5


def test_a_row_of_no_weight_counts_for_nothing():
    weight = np.where(np.arange(200) < 150, 1.0, 0.0)
    changed = np.where(weight, SCORE, 1e3)[:, None]
    coefficients, intercepts, _ = linear.fit_numbers(JOINED, changed, weight, 0)
    assert np.abs(JOINED @ coefficients[0] + intercepts[0]).max() < 10


def test_of_many_numbers_some_rows_are_taken(monkeypatch):
    seen = []

    def fit(inputs, target, weight, seed):
        seen.append(inputs.shape[0])

    monkeypatch.setattr(linear, "MAX_NUMBERS", 7 * 1500)
    wide = X[np.arange(3000) % 200]
    model = untrained(AttentionFusionRegressor, early_stopping=False)
    monkeypatch.setattr(model, "_linear_model", lambda: fit)
    model.fit(wide, np.tile(SCORE, 15))
    assert seen == [1500]


def test_a_row_without_the_vector_has_no_vote_of_it():
    shown = RNG.random(200) < 0.7
    left = [
        row[None] if there else None for row, there in zip(LEFT, shown, strict=True)
    ]
    features = MultimodalFeatures(
        {"left": FeatureBlock.from_samples(left, "vector"), "right": X["right"]}
    )
    classifier = untrained(AttentionFusionClassifier).fit(features, LABELS)
    for encoded, present in classifier._encoded_batches(features):
        tokens, _ = encoded[0]
        votes = tokens[..., classifier.width :]
        assert votes.shape[-1] == 3
        assert (votes[~present[0]] == 0).all()
        assert (votes[present[0]] != 0).any()


def test_a_model_of_vectors_is_not_far_below_the_linear_one_where_that_is_right():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(1300, 30))
    labels = (vectors[:, :5].sum(axis=1) + rng.normal(size=1300) > 0).astype(int)
    classifier = AttentionFusionClassifier(width=16, n_heads=2, random_state=0)
    classifier.fit(vectors[:300], labels[:300])
    reference = LogisticRegression().fit(vectors[:300], labels[:300])
    at_least = reference.score(vectors[300:], labels[300:]) - 0.02
    assert classifier.score(vectors[300:], labels[300:]) >= at_least


def make_votes(n_features, may_miss=(), n_outputs=1, width=8):
    standardize = Standardize(np.zeros(n_features), np.ones(n_features))
    may_miss = np.array(may_miss, dtype=int)
    return VectorVotes(
        standardize, n_features, may_miss, n_outputs=n_outputs, width=width
    )


def test_feature_tokens_vote_for_their_features_and_together_as_the_row():
    torch.manual_seed(0)
    votes = make_votes(4, [1, 3], n_outputs=2)
    votes.weight.normal_()
    values, lengths = torch.randn(5, 1, 4), torch.ones(5, dtype=int)
    values[2, 0, 1] = torch.nan
    by_feature = votes(values, lengths, torch.zeros(5, 4, 8))
    together = votes(values, lengths, torch.zeros(5, 1, 8))
    torch.testing.assert_close(by_feature.sum(dim=1), together[:, 0])
    expected = values[0, 0, 2] * votes.weight[:, 2]
    torch.testing.assert_close(by_feature[0, 2], expected)


def test_of_other_tokens_the_first_one_votes_for_the_whole_vector():
    votes = make_votes(4, n_outputs=2)
    votes.weight.normal_()
    values, lengths = torch.randn(5, 1, 4), torch.ones(5, dtype=int)
    found = votes(values, lengths, torch.zeros(5, 3, 8))
    torch.testing.assert_close(found[:, 0], values[:, 0] @ votes.weight.T)
    assert (found[:, 1:] == 0).all()


def test_a_missing_number_votes_by_being_missing():
    votes = make_votes(2, [1])
    votes.weight.copy_(torch.tensor([[2.0, 3.0, 5.0]]))
    values = torch.tensor([[[1.0, torch.nan]], [[1.0, 1.0]]])
    found = votes(values, torch.ones(2, dtype=int), torch.zeros(2, 1, 8))
    assert found.flatten().tolist() == [7.0, 5.0]


def test_how_far_a_vote_is_trusted_is_between_nothing_and_twice():
    votes = make_votes(1, width=2)
    votes.weight.fill_(1.0)
    values = torch.ones(3, 1, 1)
    tokens = torch.tensor([[[-1.0, 0.0]], [[0.0, 0.0]], [[1.0, 0.0]]])
    with torch.no_grad():
        votes.trust.copy_(torch.tensor([50.0, 0.0]))
    found = votes(values, torch.ones(3, dtype=int), tokens)
    torch.testing.assert_close(found.flatten(), torch.tensor([0.0, 1.0, 2.0]))


WORDS = [RNG.integers(0, 6, RNG.integers(1, 9)) for _ in range(200)]
COUNTS = np.array([np.bincount(ids, minlength=6) for ids in WORDS], dtype=float)
TEXTS = MultimodalFeatures(
    {
        "text": FeatureBlock.from_samples(WORDS, "tokens", vocabulary_size=6),
        "left": FeatureBlock.from_vectors(LEFT),
    }
)


def test_of_few_rows_words_are_read_too_as_often_as_they_stand_there():
    y = COUNTS[:, 1] - COUNTS[:, 2] + LEFT[:, 0] + 0.3 * RNG.normal(size=200)
    inputs = np.hstack([0.3 * COUNTS, StandardScaler().fit_transform(LEFT)])
    found = untrained(AttentionFusionRegressor).fit(TEXTS, y).predict(TEXTS)
    found = (found - y.mean()) / y.std()
    standardized = (y - y.mean()) / y.std()
    references = [
        Ridge(1 / strength).fit(inputs, standardized).predict(inputs)
        for strength in linear.STRENGTHS
    ]
    assert min(np.abs(reference - found).max() for reference in references) < 1e-3


def test_each_word_votes_by_its_own_token_and_padding_does_not():
    votes = WordVotes(6, n_outputs=2, width=8)
    votes.weight.normal_()
    values = torch.tensor([[1, 4, 4], [2, 0, 0]])
    found = votes(values, torch.tensor([3, 1]), torch.zeros(2, 3, 8))
    torch.testing.assert_close(found[0, 1], 0.3 * votes.weight[:, 4])
    assert (found[1, 1:] == 0).all()
    together = votes(values, torch.tensor([3, 1]), torch.zeros(2, 1, 8))
    torch.testing.assert_close(together[:, 0], found.sum(dim=1))


def test_of_many_rows_words_are_left_to_the_network():
    many = TEXTS[np.arange(1200) % 200]
    regressor = untrained(AttentionFusionRegressor, early_stopping=False)
    regressor.fit(many, np.tile(SCORE, 6))
    named = [name for name, _ in regressor.net_.module_.named_votes()]
    assert named == ["left"]


def test_what_goes_on_from_earlier_weights_keeps_their_linear_model():
    classifier = untrained(AttentionFusionClassifier, warm_start=True).fit(X, LABELS)
    before = classifier.predict_proba(X)
    assert_allclose(classifier.fit(X, LABELS).predict_proba(X), before, atol=1e-5)


def test_what_would_need_very_many_weights_is_left_to_the_network():
    wide = MultimodalFeatures(
        {"wide": FeatureBlock.from_vectors(np.zeros((20, MAX_WEIGHTS // 2 + 1)))}
    )
    classifier = untrained(
        AttentionFusionClassifier, encoders=[("wide", VectorEncoder(2))]
    ).fit(wide, np.arange(20) % 2)
    assert classifier.net_.module_.named_votes() == []


def test_the_first_rows_of_partial_fit_are_not_enough_for_a_linear_model():
    classifier = untrained(AttentionFusionClassifier)
    classifier.partial_fit(X, LABELS, classes=[0, 1, 2])
    assert classifier.net_.module_.named_votes() == []


def test_it_leaves_opposed_queries_something_to_look_for():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    params = {"max_epochs": 1, "learning_rate": 1e-9, "random_state": 0}
    network = AttentionFusionClassifier(**params).fit(X, y).net_.module_
    first, second = network.direct.weight.chunk(2, dim=1)
    torch.testing.assert_close(first, -second, atol=1e-6, rtol=0)
    assert first.abs().mean() > 1e-3


@pytest.mark.skipif(np.__version__ < "2", reason="NumPy 1 knows no weights")
@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9])
def test_weighted_quantiles_are_numpys(share):
    rng = np.random.default_rng(0)
    values, weight = rng.integers(0, 9, (40, 3)).astype(float), rng.random(40)
    expected = np.quantile(values, share, axis=0, weights=weight, method="inverted_cdf")
    assert_allclose(linear.weighted_quantile(values, share, weight), expected, rtol=0)
