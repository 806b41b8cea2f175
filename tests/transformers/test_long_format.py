"""Tables in long format as a column of series."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from sklearn_mm import TimeSeriesTransformer, long_to_series

NAN = np.nan


def table(**columns):
    return pd.DataFrame(
        {"id": ["b", "a", "b", "b"], "t": [2, 1, 1, 3], "v": [20.0, 5.0, 10.0, 30.0]}
        | columns
    )


def test_each_id_has_a_series_in_the_order_of_its_times():
    column = long_to_series(table(), id="id", time="t", values="v")
    assert column.index.tolist() == ["b", "a"]
    assert column["b"].tolist() == [10, 20, 30]
    assert column["b"].index.tolist() == [1, 2, 3]
    assert column["a"].tolist() == [5]


def test_rows_choose_the_ids_and_their_order():
    column = long_to_series(
        table(), id="id", time="t", values="v", rows=["c", "a", "b", "a"]
    )
    assert column.index.tolist() == ["c", "a", "b", "a"]
    assert column.iloc[0] is None
    assert [len(cell) for cell in column.iloc[1:]] == [1, 3, 1]


def test_several_values_are_channels():
    column = long_to_series(table(w=[1, 2, 3, 4]), id="id", time="t")
    assert column["b"].columns.tolist() == ["v", "w"]
    assert_array_equal(column["b"], [[10, 3], [20, 1], [30, 4]])


def test_without_times_the_order_of_the_rows_is_kept():
    column = long_to_series(table(), id="id", values="v")
    assert column["b"].tolist() == [20, 10, 30]
    assert isinstance(column["b"].index, pd.RangeIndex)


def test_missing_numbers_stay_missing():
    column = long_to_series(table(v=[NAN, NAN, 1.0, 2.0]), id="id", time="t")
    assert_array_equal(column["b"]["v"], [1, NAN, 2])
    assert column["a"]["v"].isna().all()


@pytest.mark.parametrize(
    ("duplicates", "expected"), [("mean", 15), ("first", 20), ("last", 10)]
)
def test_of_equal_times_of_an_id_one_step_is_left(duplicates, expected):
    long = table(t=[1, 1, 1, 3])
    column = long_to_series(long, id="id", time="t", values="v", duplicates=duplicates)
    assert column["b"].tolist() == [expected, 30]


def test_equal_times_of_an_id_raise_by_default():
    message = "1 rows repeat the time of another row .* id='b', t=1.*duplicates='mean'"
    with pytest.raises(ValueError, match=message):
        long_to_series(table(t=[1, 1, 1, 3]), id="id", time="t", values="v")


@pytest.mark.parametrize(
    "times",
    [
        pd.to_datetime(["2020-01-02", "2020-01-01", "2020-01-01", "2020-01-03"]),
        pd.to_datetime(["2020-01-02", "2020-01-01", "2020-01-01", "2020-01-03"])
        .tz_localize("Europe/Berlin")
        .as_unit("s"),
        [datetime.date(2020, 1, day) for day in (2, 1, 1, 3)],
        pd.PeriodIndex(
            ["2020-01-02", "2020-01-01", "2020-01-01", "2020-01-03"], freq="D"
        ),
        pd.to_timedelta([2, 1, 1, 3], unit="D"),
    ],
    ids=["dates", "zone", "objects", "periods", "durations"],
)
def test_times_may_be_dates_of_any_kind(times):
    column = long_to_series(table(t=times), id="id", time="t", values="v")
    block = TimeSeriesTransformer(scaling=None, rate=2 / 86400).fit_transform(column)
    assert block.lengths.tolist() == [5, 1]


def test_the_clock_change_is_an_hour_in_time():
    times = pd.date_range("2020-03-29", periods=4, freq="h", tz="Europe/Berlin")
    column = long_to_series(
        pd.DataFrame({"id": 0, "t": times, "v": [0.0, 1, 2, 3]}), id="id", time="t"
    )
    block = TimeSeriesTransformer(scaling=None, rate=1 / 3600).fit_transform(column)
    assert block.values.ravel().tolist() == [0, 1, 2, 3]


def test_a_table_of_polars_gives_the_same():
    expected = long_to_series(table(), id="id", time="t", values="v")
    column = long_to_series(pl.from_pandas(table()), id="id", time="t", values="v")
    assert_array_equal(column["b"], expected["b"])


def test_the_table_is_left_as_it_was():
    long = table()
    long_to_series(long, id="id", time="t", values="v")
    pd.testing.assert_frame_equal(long, table())


@pytest.mark.parametrize(
    ("long", "parameters", "error", "message"),
    [
        (table(), {"values": "x"}, KeyError, "of which .'x'. are not there"),
        (
            table(id=["a", None, "b", "b"]),
            {},
            ValueError,
            "'id': 1 of 4 .* row 1. Drop",
        ),
        (
            table(t=[1, 2, NAN, 3]),
            {},
            ValueError,
            "'t': 1 of 4 rows have no time.*row 2",
        ),
        (table(v=list("abcd")), {}, ValueError, "'v': expected numbers, found"),
        (table(t=list("1234")), {}, ValueError, "'t': expected dates.*to_datetime"),
        (table(), {"duplicates": "sum"}, ValueError, "duplicates must be one of"),
        ({"id": [1]}, {}, TypeError, "expected a table .* found dict"),
    ],
)
def test_what_cannot_be_read_is_named(long, parameters, error, message):
    with pytest.raises(error, match=message):
        long_to_series(long, id="id", time="t", **parameters)
