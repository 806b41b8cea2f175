"""Bags of words and n-grams, against Python integers and numpy."""

import numpy as np
import pytest
import torch

from sklearn_mm import BagEncoder
from sklearn_mm.estimators.modality import Modality
from sklearn_mm.nn.encoders.bags import ngram_buckets

TOKENS = Modality("tokens", (), 20)
SHAPE = {"width": 8, "n_heads": 2, "dropout": 0.1}


def bucket_by_hand(ngram, n_buckets):
    """Hash with Python's integers, which never overflow."""
    hashed = len(ngram)
    for token in ngram:
        hashed = (hashed + token + 1) * 116_049_371 % (2**31 - 1)
    return hashed % n_buckets


def build(**params):
    torch.manual_seed(0)
    return BagEncoder(**params).build(TOKENS, **SHAPE).eval()


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("n_buckets", [1, 1000, 2**31 - 1])
def test_a_bucket_is_what_pythons_integers_give(n, n_buckets):
    largest = 2**31 - 1  # of an id
    ids = [0, 1, 7, largest, 3, largest, largest]
    expected = [bucket_by_hand(ids[i : i + n], n_buckets) for i in range(8 - n)]
    found = ngram_buckets(torch.tensor([ids]), n, n_buckets)
    assert found.tolist() == [expected]


def test_ngrams_of_other_order_or_length_seldom_share_a_bucket():
    pairs = torch.cartesian_prod(torch.arange(60), torch.arange(60))
    buckets = ngram_buckets(pairs, 2, 2**20)[:, 0]
    # 3600 thrown into 2**20 at random: 6 collisions are expected.
    assert len(buckets.unique()) > 3600 - 30
    triples = torch.cat([pairs, torch.zeros(3600, 1, dtype=torch.int64)], dim=1)
    shared = ngram_buckets(triples, 3, 2**20)[:, 0] == buckets
    assert shared.float().mean() < 0.01


def test_buckets_are_filled_evenly():
    pairs = torch.cartesian_prod(torch.arange(200), torch.arange(200))
    counts = torch.bincount(ngram_buckets(pairs, 2, 100)[:, 0], minlength=100)
    # 40,000 in 100 buckets: 400 each, with a deviation of 20 if thrown at random.
    assert counts.min() > 300
    assert counts.max() < 500


@pytest.mark.parametrize("ngrams", [(1,), (1, 2), (2,), (1, 3), (3, 1, 2)])
def test_the_token_is_the_projected_mean_over_words_and_ngrams(ngrams):
    encoder = build(ngrams=ngrams, n_buckets=50, embedding_size=6)
    rows = [[3, 7, 3, 19, 0], [5, 4, 11]]
    values = torch.tensor([rows[0], rows[1] + [9, 9]])  # what is padded is anything
    tokens, lengths = encoder(values, torch.tensor([5, 3]))
    tables = {k: t.weight.detach().numpy() for k, t in encoder.embeddings.items()}
    means = []
    for row in rows:
        vectors = []
        for n in ngrams:
            for start in range(len(row) - n + 1):
                ngram = row[start : start + n]
                if n == 1:
                    vectors.append(tables["ids"][ngram[0]])
                else:
                    vectors.append(tables["buckets"][bucket_by_hand(ngram, 50)])
        means.append(np.mean(vectors, axis=0))
    expected = encoder.project(torch.tensor(np.array(means)))
    assert lengths.tolist() == [1, 1]
    torch.testing.assert_close(tokens[:, 0], expected, atol=1e-5, rtol=1e-5)


def test_a_row_too_short_for_any_ngram_is_not_nan():
    encoder = build(ngrams=(3,))
    tokens, _ = encoder(torch.tensor([[4, 5]]), torch.tensor([2]))
    nothing = encoder.project(torch.zeros(1, 1, 32))
    torch.testing.assert_close(tokens, nothing)


def test_the_order_of_words_counts_only_with_ngrams():
    values, swapped = torch.tensor([[1, 2, 3]]), torch.tensor([[3, 2, 1]])
    lengths = torch.tensor([3])
    words, pairs = build(ngrams=(1,)), build(ngrams=(1, 2))
    torch.testing.assert_close(words(values, lengths)[0], words(swapped, lengths)[0])
    assert not torch.allclose(pairs(values, lengths)[0], pairs(swapped, lengths)[0])


def test_tables_that_are_not_read_are_not_made():
    assert set(build(ngrams=(1,)).embeddings) == {"ids"}
    assert set(build(ngrams=(2,)).embeddings) == {"buckets"}


def test_only_what_a_row_holds_has_a_gradient():
    encoder = build(ngrams=(1, 2), n_buckets=50)
    tokens, _ = encoder(torch.tensor([[1, 2, 9]]), torch.tensor([2]))
    tokens[..., 0].sum().backward()
    words = encoder.embeddings["ids"].weight.grad.abs().sum(dim=1)
    pairs = encoder.embeddings["buckets"].weight.grad.abs().sum(dim=1)
    assert words.nonzero().ravel().tolist() == [1, 2]
    assert pairs.nonzero().ravel().tolist() == [bucket_by_hand([1, 2], 50)]
