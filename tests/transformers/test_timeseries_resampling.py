"""Series whose steps have times: resampled to a rate, or refused with advice."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_mm import TimeSeriesTransformer

NAN = np.nan


def read(cell, **parameters):
    """Give the unscaled values of a cell: (steps, channels)."""
    block = TimeSeriesTransformer(scaling=None, **parameters).fit_transform([cell])
    return block[0].values


def test_resampling_keeps_a_slow_oscillation():
    def sine(rate):
        return np.sin(2 * np.pi * 2 * np.arange(0, 4, 1 / rate))

    for rate in (40, 25, 100, 250):
        values = read(sine(100), sampling_rate=100, rate=rate).ravel()
        # The last 40 ms of a higher rate would lie behind the last step.
        assert_allclose(len(values), 4 * rate, atol=2)
        middle = slice(rate // 2, 3 * rate)
        assert_allclose(values[middle], sine(rate)[middle], atol=5e-3)


def test_resampling_does_not_fold_a_fast_oscillation_into_a_slow_one():
    # Taking every 10th step of 9 Hz at 100 Hz would give a clean 1 Hz.
    fast = np.sin(2 * np.pi * 9 * np.arange(0, 10, 0.01))
    values = read(fast, sampling_rate=100, rate=10)
    assert np.abs(values[10:-10]).max() < 0.05


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([0.0, 1.0, 3.0]),
        pd.to_datetime(
            ["2020-01-01 00:00:00", "2020-01-01 00:00:01", "2020-01-01 00:00:03"]
        ),
        pd.to_timedelta([5, 6, 8], unit="s"),
    ],
    ids=["seconds", "dates", "durations"],
)
def test_unevenly_spaced_steps_are_interpolated_linearly(index):
    values = read(pd.Series([0.0, 2.0, 8.0], index=index), rate=2)
    assert_allclose(values.ravel(), [0, 1, 2, 3.5, 5, 6.5, 8])


def test_an_evenly_spaced_ramp_stays_a_ramp():
    days = pd.date_range("2020-01-01", periods=50)
    values = read(pd.Series(np.arange(50.0), index=days), rate=2 / 86400)
    assert len(values) == 99
    assert_allclose(values.ravel(), np.arange(99) / 2, atol=0.05)


def test_periods_are_times():
    months = pd.period_range("2020-01", periods=3, freq="D")
    values = read(pd.Series([0.0, NAN, 4.0], index=months), rate=1 / 172800)
    assert len(values) == 2


def test_a_resampled_step_counts_as_missing_next_to_a_missing_one():
    series = pd.Series([0.0, 1.0, NAN, 5.0], index=[0.0, 1.0, 2.0, 5.0])
    values = read(series, rate=1, nan="indicator")
    assert_array_equal(values[:, 1], [0, 0, 1, 1, 1, 0])
    assert_allclose(values[:, 0], [0, 1, 2, 3, 4, 5])


def test_a_single_step_stays_one_when_resampled():
    assert_array_equal(read([3.0], sampling_rate=1, rate=50), [[3]])


@pytest.mark.parametrize(
    "cell",
    [np.ones(3), pd.Series(np.ones(3)), pd.Series(np.ones(3), index=list("abc"))],
)
def test_resampling_without_known_times_raises_with_advice(cell):
    with pytest.raises(ValueError, match="not known. Give sampling_rate, or pandas"):
        TimeSeriesTransformer(rate=10).fit([cell])


def test_a_rate_that_would_fill_the_memory_raises():
    days = pd.date_range("2020-01-01", periods=300)
    with pytest.raises(ValueError, match="rate is in hertz: one a day is 1 / 86400"):
        TimeSeriesTransformer(rate=50).fit([pd.Series(np.ones(300), index=days)])


@pytest.mark.parametrize(
    ("index", "advice"),
    [
        (pd.to_datetime(["2020-01-03", "2020-01-02"]), r"\.sort_index\(\)"),
        (pd.to_datetime(["2020-01-03", "2020-01-03"]), r"\.groupby\(level=0\)"),
        (pd.to_datetime(["2020-01-03", None]), r"\.sort_index\(\)"),
        (pd.Index([2, 1]), r"\.sort_index\(\)"),
    ],
    ids=["falling", "equal", "NaT", "numbers"],
)
def test_times_that_do_not_increase_raise_with_advice(index, advice):
    with pytest.raises(ValueError, match=f"must increase: step 0 .* {advice}"):
        TimeSeriesTransformer().fit([pd.Series([1.0, 2.0], index=index)])


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_times_may_be_arrows(zone):
    times = pd.date_range("2020", periods=4, freq="2s", tz=zone)
    arrow = pd.Index(times.astype(pd.ArrowDtype(pa.timestamp("ns", zone))))
    cells = [pd.Series([1.0, 2.0, 4.0, 8.0], index=index) for index in (times, arrow)]
    block = TimeSeriesTransformer(rate=1.0).fit_transform(
        pd.Series(cells, dtype=object)
    )
    assert block.lengths.tolist() == [7, 7]
    assert_array_equal(block[0].values, block[1].values)


def test_times_may_span_centuries():
    years = np.arange("1500", "2020", dtype="datetime64[Y]").astype("datetime64[s]")
    cell = pd.Series(np.arange(520.0), index=pd.Index(years))
    block = TimeSeriesTransformer(rate=1 / (86400 * 3650)).fit_transform([cell])
    assert block.lengths.tolist() == [52]
