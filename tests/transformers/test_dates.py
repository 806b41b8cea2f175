"""DateTransformer: dates of every form as numbers."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import DateTransformer
from sklearn_mm.testing import parametrize_with_multimodal_checks

DATES = ["2020-01-05", "2021-07-01T18:00", "1969-12-31 23:59:59", "2024-02-29"]
TIMES = pd.to_datetime(pd.Series(DATES), format="ISO8601")


@parametrize_with_checks([DateTransformer()])
def test_it_is_a_transformer_of_scikit_learn(estimator, check):
    check(estimator)


@parametrize_with_multimodal_checks([DateTransformer()], X=DATES)
def test_it_passes_the_suite(estimator, check):
    check(estimator)


def named(transformer, X):
    """Give the parts by name."""
    found = transformer.fit_transform(X)
    return dict(zip(transformer.get_feature_names_out(["x"]), found.T, strict=True))


def test_time_is_standardised():
    seconds = (TIMES - pd.Timestamp("1970-01-01")).dt.total_seconds()
    expected = StandardScaler().fit_transform(seconds.to_frame()).ravel()
    assert_allclose(named(DateTransformer(), TIMES)["x_time"], expected)


def test_year_and_day_are_those_of_the_calendar():
    parts = named(DateTransformer(), TIMES)
    assert_array_equal(parts["x_year"], TIMES.dt.year)
    assert_array_equal(parts["x_day"], TIMES.dt.day)


@pytest.mark.parametrize(
    ("part", "turn"),
    [("weekday", TIMES.dt.day_of_week / 7), ("hour", TIMES.dt.hour / 24)],
)
def test_week_and_day_are_circles(part, turn):
    parts = named(DateTransformer(), TIMES.dt.floor("h"))
    assert_allclose(parts[f"x_{part}_sin"], np.sin(2 * np.pi * turn), atol=1e-12)
    assert_allclose(parts[f"x_{part}_cos"], np.cos(2 * np.pi * turn), atol=1e-12)


def test_december_is_next_to_january():
    parts = named(DateTransformer(), ["2020-12-31", "2021-01-01", "2020-07-01"])
    months = np.column_stack([parts["x_month_sin"], parts["x_month_cos"]])
    assert np.linalg.norm(months[0] - months[1]) < 0.1
    assert np.linalg.norm(months[0] - months[2]) > 1.9


@pytest.mark.parametrize(
    "X",
    [
        TIMES,
        TIMES.astype("datetime64[s]"),
        TIMES.astype("datetime64[ns]"),
        TIMES.dt.tz_localize("UTC"),
        TIMES.dt.tz_localize("UTC").dt.tz_convert("Europe/Vienna"),
        TIMES.to_numpy("datetime64[ms]"),
        TIMES.to_frame("x"),
        pl.Series(list(TIMES)),
        pl.DataFrame({"x": list(TIMES)}),
        [time.to_pydatetime() for time in TIMES],
        (TIMES - pd.Timestamp("1970-01-01")).dt.total_seconds().to_frame(),
    ],
    ids=range(11),
)
def test_every_form_and_unit_gives_the_same(X):
    assert_allclose(DateTransformer().fit_transform(X), as_strings(), rtol=1e-12)


def as_strings():
    return DateTransformer().fit_transform(DATES)


def test_a_day_is_its_midnight():
    days = DateTransformer().fit_transform([datetime.date(2020, 1, 5), "2020-01-06"])
    expected = DateTransformer().fit_transform(["2020-01-05T00:00", "2020-01-06"])
    assert_array_equal(days, expected)


def test_years_that_nanoseconds_cannot_hold_are_taken():
    parts = named(DateTransformer(), [datetime.date(1066, 10, 14), "2020-01-05"])
    assert_array_equal(parts["x_year"], [1066, 2020])


def test_missing_dates_are_nan_and_do_not_count():
    found = DateTransformer().fit_transform([*DATES, None, pd.NaT, np.nan])
    assert_array_equal(found[:4], as_strings())
    assert np.isnan(found[4:]).all()


def test_columns_stand_side_by_side():
    X = pd.DataFrame({"a": TIMES, "b": DATES})
    transformer = DateTransformer().fit(X)
    assert_array_equal(transformer.transform(X), np.hstack([as_strings()] * 2))
    assert transformer.get_feature_names_out()[9] == "b_time"


def test_a_column_without_dates_is_missing():
    assert np.isnan(DateTransformer().fit_transform(pd.Series([None, None]))).all()


@pytest.mark.parametrize("cell", ["05.01.2020", "2020-13-45", "soon", b"2020-01-05"])
def test_what_is_no_date_is_an_error_with_its_row(cell):
    with pytest.raises(ValueError, match="DateTransformer: row 1: .*(date|month)"):
        DateTransformer().fit(["2020-01-05", cell])


def test_numbers_of_another_unit_are_refused():
    with pytest.raises(ValueError, match="seconds since 1970 between .*another unit"):
        DateTransformer().fit([[1.6e18]])


def test_a_period_is_read_as_its_start():
    cells = pd.Series([pd.Period("2020-02", "M"), pd.NaT], dtype=object)
    found = DateTransformer().fit(["2020-01-01"]).transform(cells)
    expected = DateTransformer().fit(["2020-01-01"]).transform(["2020-02-01", None])
    assert_array_equal(found, expected)


def test_nat_of_numpy_among_objects_is_missing():
    cells = np.array([np.datetime64("NaT"), np.datetime64("2020-02-01")], dtype=object)
    assert_array_equal(np.isnan(DateTransformer().fit_transform(cells)[:, 0]), [1, 0])
