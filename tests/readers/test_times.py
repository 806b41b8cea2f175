"""Dates and durations where numbers are expected: seconds, whatever the unit."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_mm import (
    CrossFitTransformer,
    FeatureBlock,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TimeSeriesTransformer,
)
from sklearn_mm.readers.times import refuse_times, to_seconds, without_times

MOMENTS = [dt.datetime(2020, 1, 5, 10, 0, 0, 500_000), None, dt.datetime(1969, 12, 31)]
SECONDS = [1578218400.5, np.nan, -86400.0]
UTC = dt.UTC
AWARE = [None if moment is None else moment.replace(tzinfo=UTC) for moment in MOMENTS]
AWAY = [
    None if moment is None else moment.astimezone(dt.timezone(dt.timedelta(hours=9)))
    for moment in AWARE
]


def numpy_moments(unit):
    return np.array([np.datetime64(moment, unit) for moment in MOMENTS])


COLUMNS = {
    "pandas ns": pd.Series(MOMENTS, dtype="datetime64[ns]"),
    "pandas ms": pd.Series(MOMENTS, dtype="datetime64[ms]"),
    "pandas of a zone": pd.Series(pd.to_datetime(AWARE)).dt.tz_convert("Asia/Tokyo"),
    "timestamps": pd.Series([pd.Timestamp(m) for m in MOMENTS], dtype=object),
    "datetimes": pd.Series(MOMENTS, dtype=object),
    "datetimes of a zone": pd.Series(AWAY, dtype=object),
    "datetime64 objects": pd.Series(list(numpy_moments("us")), dtype=object),
    "arrow": pd.Series(MOMENTS).astype("timestamp[us][pyarrow]"),
    "arrow of a zone": pd.Series(pd.to_datetime(AWARE)).astype(
        "timestamp[us, tz=UTC][pyarrow]"
    ),
    "categories": pd.Series(pd.Categorical(pd.to_datetime(MOMENTS))),
    "categories of a zone": pd.Series(pd.Categorical(pd.to_datetime(AWARE))),
    "categories of objects": pd.Series(
        pd.Categorical(pd.Series([m and m.replace(tzinfo=None) for m in MOMENTS]))
    ).astype(pd.CategoricalDtype(pd.Index(MOMENTS[::2], dtype=object))),
    "polars": pl.Series("day", MOMENTS),
    "polars ms": pl.Series("day", MOMENTS).cast(pl.Datetime("ms")),
    "polars of a zone": pl.Series("day", AWAY),
    "polars objects": pl.Series("day", MOMENTS, dtype=pl.Object),
    "numpy": numpy_moments("ms"),
    "numpy objects": np.array(MOMENTS, dtype=object),
}


def as_table(column):
    if isinstance(column, pl.Series):
        return column.alias("day").to_frame()
    if isinstance(column, pd.Series):
        return column.to_frame("day")
    return column[:, None]


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_dates_of_every_type_are_seconds(column):
    found = np.asarray(without_times(column), dtype=np.float64)
    assert_array_equal(found, SECONDS)


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_dates_that_are_passed_through_are_seconds(column):
    union = MultimodalFeatureUnion([("when", "passthrough", [0])])
    features = union.fit_transform(as_table(column))
    assert_array_equal(np.asarray(features)[:, 0], SECONDS)
    assert_array_equal(features["when"].lengths, [1, 0, 1])


@pytest.mark.parametrize("later", ["s", "ms", "ns"])
@pytest.mark.parametrize(
    "step", ["passthrough", StandardScaler(), make_pipeline(SimpleImputer(), PCA(1))]
)
def test_another_unit_in_later_rows_changes_nothing(step, later):
    days = pd.DataFrame({"day": pd.date_range("2020-01-05", periods=9, freq="31h")})
    union = MultimodalFeatureUnion([("when", step, ["day"])])
    expected = np.asarray(union.fit(days).transform(days.astype("datetime64[us]")))
    found = np.asarray(union.transform(days.astype(f"datetime64[{later}]")))
    assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (pd.Series(pd.to_timedelta(["1D", None])), [86400.0, np.nan]),
        (pd.Series([dt.timedelta(hours=1), None], dtype=object), [3600.0, np.nan]),
        (pl.Series([dt.timedelta(milliseconds=1), None]), [0.001, np.nan]),
        (pd.Series([dt.date(1970, 1, 2), None], dtype=object), [86400.0, np.nan]),
        (pl.Series([dt.date(1970, 1, 2), None]), [86400.0, np.nan]),
        (pd.Series([dt.date(1970, 1, 2)]).astype("date32[pyarrow]"), [86400.0]),
        (pl.Series([dt.time(1, 0, 1), None]), [3601.0, np.nan]),
        (pd.Series([dt.time(1, 0, 1), None], dtype=object), [3601.0, np.nan]),
        (pd.Series([dt.time(1)]).astype("time64[us][pyarrow]"), [3600.0]),
        (pd.Series(pd.period_range("1970-02", periods=1, freq="M")), [31 * 86400.0]),
        (pd.Series([pd.Period("1970-01-02"), pd.NaT], dtype=object), [86400.0, np.nan]),
        (np.array([90, "NaT"], dtype="timedelta64[m]"), [5400.0, np.nan]),
        (np.array(["1970", "1971"], dtype="datetime64[Y]"), [0.0, 365 * 86400.0]),
    ],
)
def test_days_spans_and_times_of_day_are_seconds(cells, expected):
    found = np.asarray(without_times(cells), dtype=np.float64)
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_a_table_of_pyarrow_is_seconds():
    table = pa.table({"day": pa.array(MOMENTS, pa.timestamp("ms"))})
    union = MultimodalFeatureUnion([("when", "passthrough", ["day"])])
    assert_array_equal(np.asarray(union.fit_transform(table))[:, 0], SECONDS)


def test_categories_of_durations_and_periods_are_seconds():
    spans = pd.Series(pd.Categorical(pd.to_timedelta(["5s", None])))
    assert_array_equal(without_times(spans), [5.0, np.nan])
    months = pd.Series(pd.Categorical(pd.PeriodIndex(["1970-02", "NaT"], freq="M")))
    assert_array_equal(without_times(months), [31 * 86400.0, np.nan])


def test_categories_of_anything_else_stay_categories():
    table = pd.DataFrame(
        {"c": pd.Categorical(["a", None]), "n": pd.Categorical([3, 5])}
    )
    assert without_times(table) is table


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_dates_are_categories_of_an_encoder_and_nan_where_missing(column):
    union = MultimodalFeatureUnion([("when", OneHotEncoder(), [0])])
    found = np.asarray(union.fit_transform(as_table(column)))
    # Sorted, 1969 is before 2020, and NaN the last.
    assert_array_equal(found, [[0, 1, 0], [0, 0, 1], [1, 0, 0]])


def test_an_encoder_knows_a_date_in_another_unit_and_container():
    days = pd.DataFrame({"day": pd.to_datetime(["2020-01-05", "2021-01-05"])})
    union = MultimodalFeatureUnion([("when", OneHotEncoder(), ["day"])]).fit(days)
    expected = np.asarray(union.transform(days))
    assert_array_equal(expected, np.eye(2))
    for other in (days.astype("datetime64[s]"), pl.from_pandas(days)):
        assert_array_equal(np.asarray(union.transform(other)), expected)


def test_dates_beside_numbers_stay_apart():
    table = pd.DataFrame({"day": MOMENTS, "height": [1.0, 2.0, 3.0]})
    union = MultimodalFeatureUnion([("all", "passthrough", ["day", "height"])])
    found = np.asarray(union.fit_transform(table))
    assert_array_equal(found, np.column_stack([SECONDS, [1.0, 2.0, 3.0]]))


def test_nanoseconds_are_not_lost_in_a_small_span():
    assert to_seconds(np.array([1], dtype="timedelta64[ns]"))[0] == 1e-9


def test_months_are_no_number_of_seconds():
    with pytest.raises(
        ValueError, match=r"dtype timedelta64\[M\] are no number of sec"
    ):
        to_seconds(np.array([1], dtype="timedelta64[M]"))


@pytest.mark.parametrize("other", [3.5, dt.timedelta(1)])
def test_dates_among_others_are_refused_with_the_column(other):
    table = pd.DataFrame({"day": pd.Series([MOMENTS[0], other], dtype=object)})
    union = MultimodalFeatureUnion([("when", StandardScaler(), ["day"])])
    with pytest.raises(ValueError, match="'when': column 'day'"):
        union.fit(table)


def test_steps_that_read_dates_get_dates():
    def year(X):
        return X.apply(lambda column: column.dt.year)

    table = pd.DataFrame({"day": pd.to_datetime(["2020-01-05", "2021-07-01"])})
    union = MultimodalFeatureUnion(
        [
            ("year", FunctionTransformer(year), ["day"]),
            ("kind", OneHotEncoder(), ["day"]),
            (
                "inner",
                ColumnTransformer([("y", FunctionTransformer(year), [0])]),
                ["day"],
            ),
        ]
    )
    features = union.fit_transform(table)
    assert_array_equal(features["year"].values, [[2020], [2021]])
    assert_array_equal(features["inner"].values, [[2020], [2021]])
    assert features["kind"].values.shape == (2, 2)


def test_an_estimator_of_a_crossfit_gets_seconds():
    days = pd.date_range("2020-01-01", periods=40)
    y = np.arange(40) < 20
    trees = HistGradientBoostingClassifier(min_samples_leaf=2)
    step = CrossFitTransformer(trees, cv=2, random_state=0)
    union = MultimodalFeatureUnion([("trees", step, ["day"])])
    union.fit(pd.DataFrame({"day": days.astype("datetime64[s]")}), y)
    later = pd.DataFrame({"day": (days + pd.Timedelta("1h")).astype("datetime64[ns]")})
    assert_array_equal(np.asarray(union.transform(later))[:, 0] > 0, y)


# Blocks and cells


def test_dates_in_a_block_of_vectors_are_seconds():
    X = pd.DataFrame({"day": MOMENTS, "height": [1.0, np.nan, 3.0]})
    features = MultimodalFeatures({"table": X, "days": numpy_moments("s")[:, None]})
    assert_array_equal(features["table"].lengths, [1, 0, 1])
    assert_array_equal(np.asarray(features)[0], [SECONDS[0], 1.0, SECONDS[0] - 0.5])


@pytest.mark.parametrize("kind", ["sequence", "set", "vector"])
def test_dates_as_tokens_of_a_block_are_refused(kind):
    days = np.zeros((2, 1), dtype="datetime64[D]")
    with pytest.raises(
        TypeError, match=r"found dtype datetime64\[D\], expected numbers"
    ):
        FeatureBlock(days, [0, 1, 2], kind)


@pytest.mark.parametrize(
    "cell",
    [
        np.zeros(3, dtype="datetime64[s]"),
        np.zeros((3, 2), dtype="timedelta64[D]"),
        [np.datetime64("2020")] * 3,
        pd.Series(pd.to_datetime(["2020-01-01"] * 3)),
    ],
)
def test_a_series_of_dates_is_refused_with_its_row(cell):
    with pytest.raises((TypeError, ValueError), match="row 1: expected numbers"):
        TimeSeriesTransformer().fit([[1.0, 2.0], cell])


# Targets


@pytest.mark.parametrize(
    "y",
    [
        numpy_moments("D")[[0, 2]],
        np.array([1, 2], dtype="timedelta64[s]"),
        pd.Series(AWARE[:1] * 2),
        np.array(MOMENTS[:1] * 2, dtype=object),
        pl.Series([dt.date(2020, 1, 1)] * 2),
    ],
)
def test_a_target_of_dates_is_refused_with_the_cure(y):
    with pytest.raises(ValueError, match=r"y holds dates or durations.*timedelta64"):
        refuse_times(y)


def test_a_crossfit_refuses_dates_as_a_target():
    step = CrossFitTransformer(HistGradientBoostingClassifier())
    with pytest.raises(ValueError, match="y holds dates or durations"):
        step.fit(np.ones((4, 1)), np.zeros(4, dtype="datetime64[D]"))


@pytest.mark.parametrize("y", [[1.0, 2.0], np.array([1, 2]), pd.Series(["a", "b"])])
def test_other_targets_are_not_refused(y):
    refuse_times(y)
