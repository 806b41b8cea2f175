"""Statistics of whole sequences, and what encoders make of them."""

import numpy as np
import pytest
import torch

from sklearn_mm import SelfAttentionEncoder
from sklearn_mm.estimators.modality import Modality
from sklearn_mm.nn.encoders.statistics import SMALLEST, sequence_statistics

ZEROS, ONES = np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32)
SEQUENCE = Modality("sequence", (3,), None, ZEROS, ONES, np.array([], dtype=int))
SHAPE = {"width": 8, "n_heads": 2, "dropout": 0.0}


@pytest.mark.parametrize("n_steps", [3, 10])
def test_statistics_are_those_of_numpy(n_steps):
    rows = np.random.default_rng(0).normal(size=(4, n_steps, 3))
    expected = np.concatenate(
        [
            rows.mean(axis=1),
            rows.min(axis=1),
            rows.max(axis=1),
            np.log(rows.std(axis=1)),
            np.log(np.abs(np.diff(rows, axis=1)).mean(axis=1)),
            np.log(np.abs(np.diff(rows, n=2, axis=1)).mean(axis=1)),
        ],
        axis=1,
    )
    found = sequence_statistics(torch.from_numpy(rows), torch.full((4,), n_steps))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_padding_is_in_no_statistic():
    values = torch.randn(1, 9, 3)
    alone = sequence_statistics(values[:, :4], torch.tensor([4]))
    values[:, 4:] = 1e6
    torch.testing.assert_close(sequence_statistics(values, torch.tensor([4])), alone)


@pytest.mark.parametrize("n_steps", [1, 2, 5])
def test_a_sequence_that_stands_still_has_the_smallest_spreads(n_steps):
    values = torch.full((1, n_steps, 2), 7.0, requires_grad=True)
    found = sequence_statistics(values, torch.tensor([n_steps]))
    assert (found[0, :6] == 7).all()
    assert torch.allclose(found[0, 6:], torch.tensor(SMALLEST).log())
    found.sum().backward()
    assert values.grad.isfinite().all()


def test_with_statistics_a_token_knows_what_is_far_beyond_its_kernel():
    values = torch.randn(1, 40, 3, requires_grad=True)
    for statistics in (True, False):
        spec = SelfAttentionEncoder(0, kernel_size=1, statistics=statistics)
        encoder = spec.build(SEQUENCE, **SHAPE)
        tokens, _ = encoder(values, torch.tensor([40]))
        (gradient,) = torch.autograd.grad(tokens[0, 0] @ torch.arange(8.0), values)
        assert (gradient[0, 20:] != 0).any() == statistics


def test_token_ids_have_no_statistics():
    encoder = SelfAttentionEncoder().build(Modality("tokens", (), 20), **SHAPE)
    assert encoder.context is None
