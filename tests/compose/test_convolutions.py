"""Series of several columns, and what random kernels respond to."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import correlate

from sklearn_mm import FeatureBlock
from sklearn_mm.compose.presets import convolutions
from sklearn_mm.compose.presets.convolutions import Convolutions, JoinedSeries
from sklearn_mm.compose.presets.series import make_responses


def sequences(*series):
    return FeatureBlock.from_samples(list(series), "sequence", token_shape=(2,))


@pytest.fixture
def walks():
    rng = np.random.default_rng(0)
    lengths = (40, 90, 25, 60)
    return [rng.normal(size=(n, 2)).cumsum(axis=0).astype("f4") for n in lengths]


# Joined


def test_columns_become_channels_of_the_longest_length():
    X = pd.DataFrame(
        {
            "slow": [np.array([0.0, 2.0, 4.0]), np.array([1.0, 1.0])],
            "fast": [np.arange(5.0), None],
        }
    )
    block = JoinedSeries().fit(X).transform(X)
    assert_array_equal(block.lengths, [5, 2])
    assert_allclose(block.values[:5], np.column_stack([np.arange(5.0)] * 2))
    assert_allclose(block.values[5:], [[1, 0], [1, 0]])


def test_a_row_without_any_series_is_missing():
    X = pd.DataFrame({"a": [np.ones(4), None], "b": [np.ones(3), None]})
    assert_array_equal(JoinedSeries().fit(X).transform(X).missing, [False, True])
    responses = make_responses(0).fit_transform(X)
    assert_array_equal(np.isnan(responses).all(axis=1), [False, True])


# Convolved


def test_responses_are_those_of_scipy(walks):
    block = sequences(*walks)
    fitted = Convolutions(8, random_state=0).fit(block)
    found = fitted.transform(block)
    deviation = np.concatenate(walks).std(axis=0)
    row, walk = 1, walks[1]
    scaled = (walk - walk.mean(axis=0)) / deviation
    expected = []
    for dilation, kernels, (low, high) in zip(
        fitted.dilations_, fitted.kernels_, fitted.thresholds_, strict=True
    ):
        wide = np.zeros((8 * dilation + 1, 2, kernels.shape[1]))
        wide[::dilation] = kernels.reshape(9, 2, -1)
        response = sum(
            np.stack([correlate(scaled[:, c], w, mode="same") for w in wide[:, c].T], 1)
            for c in range(2)
        )
        above = [(response > each).mean(axis=0) for each in (low, high)]
        expected += [*above, response.max(axis=0)]
    # Rounding may move a step across a threshold that was one of the responses.
    assert_allclose(found[row], np.concatenate(expected), atol=1.01 / len(walk))
    assert_allclose(found[row].max(), np.concatenate(expected).max(), rtol=1e-4)


def test_a_shape_is_found_wherever_it_stands():
    rng = np.random.default_rng(0)
    series = rng.normal(0, 0.01, (2, 80, 2)).astype("f4")
    bump = np.hanning(9)[:, None]
    series[0, 20:29] += bump
    series[1, 50:59] += bump
    first, second = Convolutions(20, random_state=0).fit_transform(sequences(*series))
    assert np.corrcoef(first, second)[0, 1] > 0.95


def test_units_and_levels_do_not_matter(walks):
    plain = Convolutions(10, random_state=0).fit_transform(sequences(*walks))
    moved = [np.array([1000.0, 0.01], "f4") * walk + [5, 70] for walk in walks]
    found = Convolutions(10, random_state=0).fit_transform(sequences(*moved))
    assert_allclose(found, plain, atol=0.05)


def test_long_series_are_averaged_in_blocks(walks, monkeypatch):
    monkeypatch.setattr(convolutions, "MAX_STEPS", 30)
    halves = [np.repeat(walk[:30], 2, axis=0) for walk in walks[:2]]
    fitted = Convolutions(6, random_state=0).fit(sequences(*walks))
    short = fitted.transform(sequences(*(walk[:30] for walk in walks[:2])))
    assert_allclose(fitted.transform(sequences(*halves)), short, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n_steps", [1, 2, 9])
def test_short_series_have_responses(n_steps):
    series = [np.ones((n_steps, 2)) * i for i in range(3)]
    found = Convolutions(6, random_state=0).fit_transform(sequences(*series))
    assert np.isfinite(found).all()


def test_a_table_without_series_has_no_responses():
    fitted = Convolutions(6, random_state=0).fit(sequences(None, None))
    assert np.isnan(fitted.transform(sequences(None))).all()
    assert np.isfinite(fitted.transform(sequences(np.ones((4, 2))))).all()
