"""Embeddings of numbers, against the formulas of Gorishniy et al. 2022 in numpy."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_mm.nn.encoders import (
    FeatureLinear,
    PeriodicEncoding,
    PiecewiseLinearEncoding,
)


def piecewise_by_the_paper(value, edges):
    """Encode one number, case by case as in equation 1 of the paper."""
    encoded, last = [], len(edges) - 1
    for t in range(1, len(edges)):
        if value < edges[t - 1] and t > 1:
            encoded.append(0.0)
        elif value >= edges[t] and t < last:
            encoded.append(1.0)
        else:
            encoded.append((value - edges[t - 1]) / (edges[t] - edges[t - 1]))
    return encoded


EDGES = np.array([[-1.0, 5.0], [0.0, 6.0], [0.5, 8.0], [4.0, 9.0]])
MEAN = np.array([0.25, 7.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_piecewise_encoding_is_the_papers(dtype):
    encoding = PiecewiseLinearEncoding(EDGES.astype(dtype), MEAN.astype(dtype))
    values = np.array([-3.0, -1.0, -0.5, 0.0, 0.3, 0.5, 2.0, 4.0, 7.5, 9.0, 12.0])
    rows = np.column_stack([values, values]).astype(dtype)
    found = encoding(torch.tensor(rows))
    expected = [
        [piecewise_by_the_paper(number, EDGES[:, feature]) for feature in range(2)]
        for number in values
    ]
    assert found.dtype == torch.float32
    assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_piecewise_encoding_of_a_far_number_ends_at_ten_widths():
    encoding = PiecewiseLinearEncoding(EDGES, MEAN)
    found = encoding(torch.tensor([[-1e9, 1e9]], dtype=torch.float64))
    assert found.tolist() == [[[-10.0, 0.0, 0.0], [1.0, 1.0, 10.0]]]


def test_piecewise_encoding_takes_nan_as_the_mean():
    encoding = PiecewiseLinearEncoding(EDGES, MEAN)
    missing = torch.full((1, 2), torch.nan, dtype=torch.float64)
    torch.testing.assert_close(encoding(missing), encoding(torch.tensor(MEAN[None])))


def test_equal_edges_make_fewer_bins_and_the_rest_stays_zero():
    edges = np.array([[0.0, 3.0, np.nan], [0.0, 3.0, np.nan], [1.0, 3.0, np.nan]])
    encoding = PiecewiseLinearEncoding(edges, np.zeros(3))
    found = encoding(torch.tensor([[0.25, 7.0, 7.0]], dtype=torch.float64))
    assert found.tolist() == [[[0.25, 0.0], [0.0, 0.0], [0.0, 0.0]]]


def test_piecewise_encoding_keeps_the_precision_of_large_float64_values():
    base = 1.7e9  # seconds since 1970: float32 resolves only 128 s here
    edges = base + np.array([[0.0], [10.0], [20.0]])
    encoding = PiecewiseLinearEncoding(edges, np.array([base]))
    found = encoding(torch.tensor([[base + 15.0]], dtype=torch.float64))
    assert found.tolist() == [[[1.0, 0.5]]]


def test_periodic_encoding_is_the_papers():
    encoding = PeriodicEncoding(3, 5, 0.7)
    values = torch.randn(4, 1, 3, generator=torch.Generator().manual_seed(0))
    found = encoding(values)
    frequencies = encoding.frequencies.detach().numpy()
    for row in range(4):
        for feature in range(3):
            v = 2 * np.pi * frequencies[feature] * values[row, 0, feature].item()
            expected = np.concatenate([np.sin(v), np.cos(v)])
            assert_allclose(found[row, 0, feature].detach(), expected, atol=1e-5)


def test_frequencies_begin_with_the_given_deviation_and_are_learned():
    torch.manual_seed(0)
    encoding = PeriodicEncoding(100, 100, 0.05)
    assert_allclose(encoding.frequencies.detach().std(), 0.05, rtol=0.05)
    encoding(torch.ones(1, 100)).sum().backward()
    assert (encoding.frequencies.grad != 0).all()


def test_each_feature_has_a_linear_layer_of_its_own():
    linear = FeatureLinear(3, 4, 2)
    inputs = torch.randn(5, 1, 3, 4)
    found = linear(inputs)
    for feature in range(3):
        weight, bias = linear.weight[feature], linear.bias[feature]
        expected = torch.nn.functional.linear(inputs[:, :, feature], weight.T, bias)
        torch.testing.assert_close(found[:, :, feature], expected)
