"""Series that are long, turned, masked, far away, or read between times."""

import datetime
import decimal
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_mm import TimeSeriesTransformer
from sklearn_mm.readers import series
from sklearn_mm.readers.series import read_series, read_times

NAN = np.nan


def read(*cells, **parameters):
    """Give the unscaled values of each cell, flat."""
    parameters = {"scaling": None} | parameters
    column = pd.Series(list(cells), dtype=object)
    block = TimeSeriesTransformer(**parameters).fit_transform(column)
    return [sample.values.ravel() for sample in block]


# Steps


def test_long_series_are_cut_at_6000_steps_with_one_warning():
    cells = [np.arange(7000.0), np.arange(10.0), np.arange(300_000.0)]
    message = "2 of 3 cells have more than 6000 steps and were cut; the first: .* row 0"
    with pytest.warns(
        UserWarning, match=f"{message}: of 7000 steps the first"
    ) as caught:
        values = read(*cells)
    assert len(caught) == 1
    assert [len(cell) for cell in values] == [6000, 10, 6000]
    assert_array_equal(values[2], np.arange(6000))


def test_without_max_steps_all_are_kept():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read(np.arange(7000.0), max_steps=None)[0]) == 7000
        assert len(read(np.arange(7000.0), max_steps=100)[0]) == 100


@pytest.mark.parametrize("difference", [None, "difference"])
def test_the_last_steps_can_be_kept(difference):
    prices = [1.0, 2.0, 4.0, 7.0]
    values = read(prices, [5.0], max_steps=2, keep="last", difference=difference)
    assert_array_equal(values[0], [2, 3] if difference else [4, 7])
    assert len(values[1]) == 1


def test_series_that_would_fill_the_memory_are_an_error(monkeypatch):
    monkeypatch.setattr(series, "MAX_NUMBERS", 100)
    for cell in ([0.0] * 101, np.zeros((51, 2)), pd.Series(np.zeros(101))):
        with pytest.raises(ValueError, match="row 1: .*found 10[12] numbers in one"):
            read([1.0, 2.0], cell)


# Spans


def prices(**parameters):
    index = pd.date_range("2024-01-15", periods=60, **{"freq": "D"} | parameters)
    return pd.Series(np.arange(60.0), index=index)


@pytest.mark.parametrize(
    "span", ["7D", pd.Timedelta(days=7), datetime.timedelta(7), 7 * 86400]
)
@pytest.mark.parametrize(
    ("keep", "expected"), [("first", range(7)), ("last", range(53, 60))]
)
def test_a_span_of_time_is_kept(span, keep, expected):
    assert_array_equal(read(prices(), max_span=span, keep=keep)[0], expected)


def test_the_last_span_has_the_steps_of_pandas_own_window():
    cell = prices(freq="5h")
    kept = read(cell, max_span="36h", keep="last")[0]
    assert len(kept) == cell.rolling("36h").count().iloc[-1]


def test_a_span_may_be_of_the_calendar():
    values = read(prices(), max_span=pd.DateOffset(months=1), keep="first")[0]
    assert_array_equal(values, range(31))  # 15 January to 14 February


def test_a_day_of_the_calendar_and_24_hours_differ_when_clocks_change():
    cell = prices(freq="h", tz="Europe/Berlin")
    cell.index = pd.date_range("2024-03-31", periods=60, freq="h", tz="Europe/Berlin")
    assert len(read(cell, max_span=pd.DateOffset(days=1))[0]) == 23
    assert len(read(cell, max_span="1D")[0]) == 24


@pytest.mark.parametrize(
    "index",
    [
        pd.to_timedelta(range(60), unit="s"),
        pd.Index(np.arange(60.0)),
        pd.period_range("2020", periods=60, freq="s"),
        pd.date_range("2020", periods=60, freq="s", unit="s"),
        pd.date_range("2020", periods=60, freq="s", tz="Asia/Kolkata").as_unit("ms"),
    ],
    ids=["durations", "seconds", "periods", "unit of seconds", "zone"],
)
def test_a_span_is_counted_in_any_times(index):
    cell = pd.Series(np.arange(60.0), index=index)
    assert_array_equal(read(cell, max_span=5.0, keep="last")[0], range(55, 60))


def test_a_span_is_counted_by_the_sampling_rate_where_cells_have_no_times():
    values = read(np.arange(60.0), max_span="5s", sampling_rate=2, keep="last")[0]
    assert_array_equal(values, range(50, 60))


@pytest.mark.parametrize(
    ("cell", "span", "message"),
    [
        ([1.0, 2.0], "5s", "times of the steps, which max_span needs, are not known"),
        (pd.Series([1.0, 2], [1.0, 2]), pd.DateOffset(months=1), "an index of dates"),
    ],
)
def test_a_span_without_times_is_an_error(cell, span, message):
    with pytest.raises(ValueError, match=f"row 0: .*{message}"):
        read(cell, max_span=span)


@pytest.mark.parametrize("span", ["soon", 0, -3.0, "0s", [1], True, NAN])
def test_a_span_that_cannot_be_is_an_error(span):
    with pytest.raises(ValueError, match="max_span must be None, a span of time above"):
        read([1.0, 2.0], max_span=span)


# Times


def test_dates_in_an_index_of_objects_are_times():
    days = [datetime.date(2024, 1, day) for day in (1, 2, 5)]
    assert_array_equal(read_times(pd.Index(days, dtype=object)), [0, 86400, 4 * 86400])


def test_hours_are_hours_when_clocks_change():
    index = pd.date_range("2024-10-27", periods=5, freq="h", tz="Europe/Berlin")
    assert_array_equal(read_times(index), np.arange(5) * 3600)
    assert_array_equal(read_times(index.astype(object)), np.arange(5) * 3600)


def test_nanoseconds_since_1970_are_exact():
    index = pd.Index(1_700_000_000_000_000_000 + np.arange(3))
    assert_array_equal(read_times(index), [0, 1, 2])


@pytest.mark.parametrize("times", [[0.0, np.inf], [-np.inf, 0.0]])
def test_times_without_end_are_an_error(times):
    with pytest.raises(ValueError, match="must be finite, found -?inf at step [01]"):
        read(pd.Series([1.0, 2.0], index=times))


# Axes


def test_series_of_fewer_steps_than_channels_are_warned_of_with_the_cure():
    cells = [np.ones((3, 60)), np.zeros((5, 60)), None]
    message = "each of the 2 series .* 3 steps of 60 channels.*set time_axis=1; if not"
    with pytest.warns(UserWarning, match=message) as caught:
        read(*cells)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("cells", "parameters"),
    [
        ([np.ones((3, 60)), np.zeros((60, 60))], {}),
        ([np.ones((3, 60))], {"time_axis": 0}),
        ([np.ones((3, 60))], {"time_axis": 1}),
        ([pd.DataFrame(np.ones((3, 60)))], {}),
        ([np.ones(1), np.ones((1, 1))], {}),
    ],
    ids=["one is longer", "said", "turned", "tables", "one channel"],
)
def test_nothing_is_said_where_axes_can_be_right(cells, parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(*cells, **parameters)


def test_channels_may_come_first_where_it_is_said():
    cell = np.arange(6.0).reshape(2, 3)
    for turned in (cell, cell.tolist(), np.asfortranarray(cell)):
        block = TimeSeriesTransformer(scaling=None, time_axis=1).fit_transform(
            pd.Series([turned], dtype=object)
        )
        assert_array_equal(block.values, cell.T)


def test_a_table_has_its_steps_in_rows_whatever_the_arrays_have():
    table = pd.DataFrame({"a": [1.0, 2, 3], "b": [4.0, 5, 6]})
    assert_array_equal(read(table, time_axis=1)[0], table.to_numpy().ravel())


def test_a_turned_series_in_prediction_is_told_from_one_of_other_channels():
    transformer = TimeSeriesTransformer().fit([np.ones((9, 3))])
    with pytest.raises(ValueError, match="found 9 channels, expected 3 .*Transpose it"):
        transformer.transform([np.ones((3, 9))])


# Masks


@pytest.mark.parametrize("dtype", [float, np.float32, int, np.uint8, bool])
def test_masked_values_are_missing(dtype):
    cell = np.ma.array([1, 1, 0, 1], mask=[0, 0, 1, 0], dtype=dtype)
    assert_array_equal(read_series(cell).ravel(), [1, 1, NAN, 1])
    assert_array_equal(cell.mask, [0, 0, 1, 0])


def test_a_column_of_masked_arrays_keeps_its_masks():
    X = np.ma.array([[1.0, 99, 3], [4, 5, 6]], mask=[[0, 1, 0], [0, 0, 0]])
    for column in (X, list(X), pd.Series(list(X), dtype=object), X[..., None]):
        block = TimeSeriesTransformer(scaling=None).fit_transform(column)
        assert_array_equal(block.values.ravel(), [1, 2, 3, 4, 5, 6])


def test_masked_in_a_list_is_missing():
    assert_array_equal(read_series([1.0, np.ma.masked, 3.0]).ravel(), [1, NAN, 3])
    rows = list(np.ma.array([[1.0, 2], [3, 4]], mask=[[0, 1], [0, 0]]))
    assert_array_equal(read_series(rows), [[1, NAN], [3, 4]])


def test_a_series_of_only_masked_values_is_missing():
    values = read([1.0, 2.0], np.ma.array([1.0, 2.0], mask=True), np.ma.masked)
    assert [len(cell) for cell in values] == [2, 0, 0]


# Values


@pytest.mark.parametrize("tiny", [1e-300, 5e-324])
def test_returns_that_float32_cannot_hold_are_an_error(tiny):
    with pytest.raises(ValueError, match="row 1: .* at step 0 .*changes that float32"):
        read([1.0, 2.0], [tiny, 1.0], difference="return")


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-30, 1.0, 1e30])
def test_a_series_scaled_by_itself_has_no_scale(scale):
    values = read(np.array([0.0, 1.0, 3.0]) * scale, scaling="sample")[0]
    expected = (np.array([0.0, 1, 3]) - 4 / 3) / np.std([0, 1, 3])
    assert_allclose(values, expected, rtol=1e-3 if scale == 1e-320 else 1e-6)


def test_values_far_from_the_training_rows_are_clipped_with_one_warning():
    transformer = TimeSeriesTransformer().fit([np.array([0.0, 1e-30, 2e-30])])
    message = "1 of 2 series are so far from the training rows .* row 1"
    with pytest.warns(UserWarning, match=message):
        block = transformer.transform(pd.Series([[1e-30, 2e-30], [1e30, -1e30]]))
    limit = np.finfo(np.float32).max
    assert_array_equal(block[1].values.ravel(), [limit, -limit])


@pytest.mark.parametrize(
    "dtype", ["f2", ">f4", ">f8", "g", "i1", ">i2", "u8", "?", "O"]
)
def test_numbers_of_any_type_are_read(dtype):
    cell = np.array([1, 0, 1]).astype(dtype)
    cell.setflags(write=False)
    assert_array_equal(read_series(cell).ravel(), [1, 0, 1])
    assert read_series(cell).flags.writeable


def damaged():
    """Make cells that are no series, each in its own way: a dict by name."""
    good = np.arange(5.0)
    cells = {
        f"of {dtype}": np.zeros(3, dtype)
        for dtype in ("c8", "c16", "S3", "U3", "M8[s]", "m8[D]", "V4", "f4,i4")
    }
    for value in (np.inf, -np.inf, 1e39, -1e300, "a", 1j, 10**400, [1], {}, "", b"x"):
        objects = good.astype(object)
        objects[3] = value
        cells[f"{value!r:.20} in an array"] = objects
        cells[f"{value!r:.20} in a list"] = objects.tolist()
    cells["sNaN"] = [1.0, decimal.Decimal("sNaN"), 2.0]
    cells["0-d"] = np.array(5.0)
    cells["a number"] = 5
    cells["true"] = True
    cells["text"] = "1, 2, 3"
    cells["bytes"] = b"123"
    cells["a dict"] = {"values": [1.0, 2.0]}
    cells["a set"] = {1.0, 2.0}
    cells["a generator"] = (x for x in good)
    cells["an object"] = object()
    cells["a class"] = float
    cells["3-d"] = np.zeros((2, 2, 2))
    cells["ragged"] = [[1.0], [2.0, 3.0]]
    cells["other channels"] = np.zeros((5, 2))
    cells["times twice"] = pd.Series(good, index=[0, 1, 1, 2, 3])
    cells["times falling"] = pd.Series(good, index=pd.to_datetime(range(5))[::-1])
    cells["a time missing"] = pd.Series(good, index=[0, 1, NAN, 2, 3])
    cells["a NaT"] = pd.Series(good, index=pd.to_datetime([0, 1, None, 3, 4]))
    cells["dates as values"] = pd.Series(pd.date_range("2020", periods=3))
    cells["words as values"] = pd.Series(["a", "b"])
    cells["a table of words"] = pd.DataFrame({"a": ["x"]})
    return cells


def test_every_kind_of_damage_is_an_error_with_column_and_row():
    for name, cell in damaged().items():
        column = pd.Series([np.arange(5.0), cell], name="pulse", dtype=object)
        where = "TimeSeriesTransformer: column 'pulse', row 1: [a-z].{10}"
        with pytest.raises((ValueError, TypeError), match=where):
            TimeSeriesTransformer().fit(column)
            raise AssertionError(name)


def test_damage_that_counts_as_missing_is_recorded_with_its_reason():
    broken = list(damaged().values())
    column = pd.Series([np.arange(5.0), *broken], dtype=object)
    transformer = TimeSeriesTransformer(on_error="missing")
    with pytest.warns(UserWarning, match=f"{len(broken)} of {len(column)} cells could"):
        block = transformer.fit_transform(column)
    assert list(transformer.errors_) == list(range(1, len(column)))
    assert_array_equal(block.missing, [False] + [True] * len(broken))
    assert_allclose(block[0].values.ravel(), (np.arange(5) - 2) / np.sqrt(2), rtol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"keep": "middle"}, "keep must be one of .'first', 'last'., found 'middle'"),
        ({"time_axis": 2}, "time_axis must be one of .None, 0, 1., found 2"),
        ({"rate": np.inf}, "rate must be None or a number of hertz above 0, found inf"),
        ({"max_steps": "all"}, "max_steps must be None or an int above 0, found all"),
    ],
)
def test_parameters_that_cannot_work_raise(parameters, message):
    with pytest.raises(ValueError, match=message):
        read([1.0, 2.0], **parameters)
