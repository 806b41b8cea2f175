"""VectorEncoder: rows and features as tokens, with and without embeddings."""

import numpy as np
import pytest
import torch

from sklearn_mm import FeatureBlock, VectorEncoder
from sklearn_mm.estimators.modality import describe_modality

SHAPE = {"width": 8, "n_heads": 2, "dropout": 0.1}
ROWS = np.random.default_rng(0).normal(size=(200, 4)) * [1, 5, 100, 1] + [0, 9, 0, 0]
ROWS[::5, 1] = np.nan
MODALITY = describe_modality(FeatureBlock.from_vectors(ROWS), np.arange(200))
ONE = torch.tensor([1])

SPECS = [
    VectorEncoder(tokens=tokens, embedding=embedding)
    for tokens in ("row", "features")
    for embedding in (None, "periodic", "piecewise")
]


def build(spec, modality=MODALITY):
    torch.manual_seed(0)
    return spec.build(modality, **SHAPE).eval()


def one_row(*numbers):
    return torch.tensor([[numbers]], dtype=torch.float64)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_row_is_encoded_the_same_alone_and_among_others(spec):
    encoder = build(spec)
    values = torch.tensor(ROWS[:, None])
    together, lengths = encoder(values, torch.ones(200, dtype=torch.int64))
    alone, _ = encoder(values[7:8], ONE)
    n_tokens = 1 if spec.tokens == "row" else 4
    assert together.shape == (200, n_tokens, 8)
    assert lengths.tolist() == [n_tokens] * 200
    assert together.isfinite().all()
    torch.testing.assert_close(together[7:8], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_what_was_missing_in_training_is_told_from_every_number(spec):
    encoder = build(spec)
    mean = float(np.nanmean(ROWS[:, 1]))
    missing, _ = encoder(one_row(0.0, np.nan, 0.0, 0.0), ONE)
    known, _ = encoder(one_row(0.0, mean, 0.0, 0.0), ONE)
    assert not torch.allclose(missing, known, atol=1e-3)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_what_was_never_missing_in_training_counts_as_the_mean(spec):
    encoder = build(spec)
    mean = float(ROWS[:, 0].mean())
    missing, _ = encoder(one_row(np.nan, 1.0, 0.0, 0.0), ONE)
    known, _ = encoder(one_row(mean, 1.0, 0.0, 0.0), ONE)
    torch.testing.assert_close(missing, known)


@pytest.mark.parametrize("embedding", [None, "periodic", "piecewise"])
def test_a_feature_changes_its_own_token_only(embedding):
    encoder = build(VectorEncoder(tokens="features", embedding=embedding))
    before, _ = encoder(one_row(0.1, 9.0, 3.0, 0.2), ONE)
    after, _ = encoder(one_row(0.1, 9.0, -80.0, 0.2), ONE)
    changed = (before != after).any(dim=-1)[0]
    assert changed.tolist() == [False, False, True, False]


def test_a_feature_token_is_the_number_times_a_vector_plus_a_vector():
    encoder = build(VectorEncoder(tokens="features"))
    row = np.array([0.3, 12.0, -50.0, 1.0])
    tokens, _ = encoder(one_row(*row), ONE)
    linear = encoder.embed[-1]
    standardized = (row - np.nanmean(ROWS, axis=0)) / np.nanstd(ROWS, axis=0)
    weight, bias = linear.weight.detach().numpy(), linear.bias.detach().numpy()
    expected = standardized[:, None] * weight[:, 0] + bias
    np.testing.assert_allclose(tokens[0].detach(), expected, rtol=1e-4, atol=1e-5)


def test_a_missing_number_in_feature_tokens_is_the_learned_token_itself():
    encoder = build(VectorEncoder(tokens="features"))
    tokens, _ = encoder(one_row(0.0, np.nan, 0.0, 0.0), ONE)
    assert torch.equal(tokens[0, 1], encoder.missing_tokens[1])


@pytest.mark.parametrize("n_bins", [1, 4, 16, 128])
def test_bins_of_a_row_are_quantiles_of_the_training_rows(n_bins):
    encoder = build(VectorEncoder(embedding="piecewise", n_bins=n_bins))
    row = np.array([0.3, 12.0, -50.0, 1.0])
    found = encoder.embed(one_row(*row))[0, 0].reshape(4, n_bins)
    for feature in range(4):
        column = ROWS[:, feature]
        edges = np.quantile(column[~np.isnan(column)], np.linspace(0, 1, n_bins + 1))
        expected = np.interp(row[feature], edges, np.arange(n_bins + 1))
        # Full bins and the share of the one that the number lies in add up to its rank.
        np.testing.assert_allclose(found[feature].sum(), expected, rtol=1e-4)


@pytest.mark.parametrize("n_bins", [3, 48, 100])
def test_bins_that_do_not_divide_128_have_edges_at_the_nearest_quantile(n_bins):
    encoder = build(VectorEncoder(embedding="piecewise", n_bins=n_bins))
    edges = encoder.embed[0].lower[0].numpy()
    ranks = np.searchsorted(np.sort(ROWS[:, 0]), edges) / 200
    wanted = np.arange(n_bins) / n_bins
    assert np.abs(ranks - wanted).max() <= 1 / 256 + 1 / 200


def test_periodic_rows_reach_the_perceptron_side_by_side():
    encoder = build(VectorEncoder(embedding="periodic", embedding_size=5))
    values = one_row(0.3, 12.0, -50.0, 1.0)
    standardize, encode, linear, _, _ = encoder.embed
    by_feature = linear(encode(standardize(values)))[0, 0].clamp(min=0)
    assert by_feature.shape == (4, 5)
    expected = torch.cat(list(by_feature))
    torch.testing.assert_close(encoder.embed(values)[0, 0], expected)


@pytest.mark.parametrize(("limit", "n_tokens"), [(3, 1), (4, 4)])
def test_auto_makes_feature_tokens_up_to_the_limit(limit, n_tokens):
    encoder = build(VectorEncoder(tokens="auto", max_feature_tokens=limit))
    tokens, _ = encoder(one_row(0.0, 1.0, 2.0, 3.0), ONE)
    assert tokens.shape[1] == n_tokens


def test_whole_numbers_are_encoded_by_every_spec():
    rows = np.array([[0, 1], [3, 0], [5, 1], [7, 0]])
    modality = describe_modality(FeatureBlock.from_vectors(rows), np.arange(4))
    for spec in SPECS:
        values, lengths = torch.tensor(rows[:, None]), torch.tensor([1, 1, 1, 1])
        tokens, _ = build(spec, modality)(values, lengths)
        assert tokens.isfinite().all()
