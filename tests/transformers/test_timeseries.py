import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import TimeSeriesTransformer

NAN = np.nan


@parametrize_with_checks(
    [
        TimeSeriesTransformer(),
        TimeSeriesTransformer(scaling="robust", max_steps=2),
        TimeSeriesTransformer(scaling="sample"),
        TimeSeriesTransformer(scaling=None, difference="difference"),
        TimeSeriesTransformer(nan="indicator"),
        TimeSeriesTransformer(nan="error"),
        TimeSeriesTransformer(rate=2.5, sampling_rate=1),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def read(*cells, **parameters):
    """Give the unscaled values of each cell: a list of (steps, channels)."""
    parameters = {"scaling": None} | parameters
    block = TimeSeriesTransformer(**parameters).fit_transform(list(cells))
    return [sample.values for sample in block]


# The output


def test_the_output_is_a_float32_sequence_of_steps_by_channels():
    block = TimeSeriesTransformer().fit_transform([np.ones((3, 2)), np.zeros((5, 2))])
    assert block.kind == "sequence"
    assert block.values.dtype == np.float32
    assert block.values.shape == (8, 2)
    assert_array_equal(block.offsets, [0, 3, 8])


def test_feature_names_are_statistics_of_the_columns_of_the_cells():
    table = pd.DataFrame({"close": [1.0, 2.0], "volume": [3.0, 5.0]})
    transformer = TimeSeriesTransformer(scaling=None).fit([table])
    names = [
        "mean_close",
        "mean_volume",
        "std_close",
        "std_volume",
        "max_close",
        "max_volume",
    ]
    assert transformer.get_feature_names_out().tolist() == names


def test_the_flat_view_holds_what_the_feature_names_say():
    table = pd.DataFrame({"close": [1.0, NAN, 2.0], "volume": [3.0, 5.0, 4.0]})
    transformer = TimeSeriesTransformer(scaling=None, nan="indicator")
    flat = transformer.set_output(transform="pandas").fit_transform([table, None])
    expected = {"mean_close": 1.5, "max_volume": 5, "std_volume": np.std([3, 5, 4])}
    expected |= {"mean_missing_close": 1 / 3, "max_missing_volume": 0}
    for name, value in expected.items():
        assert flat.loc[0, name] == pytest.approx(value, rel=1e-6)
    assert flat.loc[1].isna().all()


def test_it_feeds_a_classifier_in_a_pipeline():
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 20)
    X = [rng.normal(0, 1 + 5 * label, rng.integers(20, 40)) for label in y]
    model = make_pipeline(TimeSeriesTransformer(), LogisticRegression())
    assert model.fit(X[:30], y[:30]).score(X[30:], y[30:]) == 1


# Cells


@pytest.mark.parametrize(
    "cell",
    [
        [1, 2, 4],
        (1.0, 2.0, 4.0),
        np.array([1, 2, 4], dtype=np.uint8),
        np.array([[1], [2], [4]]),
        np.array([1, 2.0, 4], dtype=object),
        pd.Series([1, 2, 4], dtype="Int64"),
        pd.DataFrame({"a": [1.0, 2.0, 4.0]}),
        pl.Series([1, 2, 4]),
        pl.DataFrame({"a": [1, 2, 4]}),
        torch.tensor([1.0, 2.0, 4.0], requires_grad=True),
        torch.tensor([1, 2, 4], dtype=torch.bfloat16),
        [torch.tensor(1.0, requires_grad=True), 2, Decimal(4)],
        memoryview(np.array([1.0, 2.0, 4.0])),
    ],
    ids=lambda cell: f"{type(cell).__module__}.{type(cell).__name__}",
)
def test_a_series_may_be_of_many_types(cell):
    column = np.empty(1, dtype=object)
    column[0] = cell
    block = TimeSeriesTransformer(scaling=None).fit_transform(column)
    assert_array_equal(block.values, [[1], [2], [4]])


@pytest.mark.parametrize(
    "cell",
    [
        [[1, 2], [3, 4], [5, 6]],
        np.arange(1, 7).reshape(3, 2),
        pd.DataFrame({"a": [1, 3, 5], "b": [2, 4, 6]}),
        pl.DataFrame({"a": [1, 3, 5], "b": [2, 4, 6]}),
    ],
    ids=lambda cell: f"{type(cell).__module__}.{type(cell).__name__}",
)
def test_channels_are_the_second_axis(cell):
    assert_array_equal(read(cell)[0], [[1, 2], [3, 4], [5, 6]])


@pytest.mark.parametrize("frame", ["polars", "pyarrow"])
@pytest.mark.parametrize("nested", [False, True])
def test_list_columns_of_other_tables_are_series(frame, nested):
    series = [[1.0, 2.0, 4.0], None, [8.0]]
    if nested:
        series = [cell and [[x, -x] for x in cell] for cell in series]
    table = (pl.DataFrame if frame == "polars" else pa.table)({"s": series})
    block = TimeSeriesTransformer(scaling=None).fit_transform(table)
    assert_array_equal(block.lengths, [3, 0, 1])
    assert_array_equal(block.values[:, 0], [1, 2, 4, 8])
    assert block.token_shape == ((2,) if nested else (1,))


def test_a_row_of_numbers_is_a_series_of_one_channel():
    X = np.array([[1.0, NAN, 3.0], [NAN, NAN, NAN], [4.0, 5.0, 6.0]])
    block = TimeSeriesTransformer(scaling=None).fit_transform(X)
    assert_array_equal(block.lengths, [3, 0, 3])
    assert_array_equal(block.values.ravel(), [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize(
    "cell", [None, NAN, pd.NA, [], np.empty((0, 2)), [NAN, NAN], pd.Series(dtype=float)]
)
def test_missing_and_empty_series_become_empty_sequences(cell):
    lengths = [len(values) for values in read([1.0, 2.0], cell)]
    assert lengths == [2, 0]


@pytest.mark.parametrize("nan", ["interpolate", "indicator"])
def test_without_any_series_every_sample_is_missing(nan):
    transformer = TimeSeriesTransformer(nan=nan)
    assert transformer.fit_transform([None, [NAN]]).missing.all()
    assert_array_equal(transformer.transform([[1.0, 2.0]]).lengths, [2])


@pytest.mark.parametrize(
    ("cell", "error", "message"),
    [
        ("1 2 3", TypeError, "expected numbers of shape .*found one value in a cell"),
        (5.0, TypeError, "expected numbers .*found one value in a cell of type float"),
        ({"a": 1}, TypeError, "found one value in a cell of type dict"),
        (["1", "2"], TypeError, "found values of type <U1 in a cell of type list"),
        ([1, "a", None], ValueError, "expected numbers .* could not convert string"),
        ([[1, 2], [3]], ValueError, "expected numbers of shape .*inhomogeneous"),
        (np.ones((2, 2, 2)), ValueError, r"found the shape \(2, 2, 2\)"),
        (np.array([1j, 2]), TypeError, "found values of type complex128"),
        (pd.Series(pd.to_datetime(["2020"])), TypeError, "found values of type dateti"),
        (
            [1.0, np.inf],
            ValueError,
            "found inf at step 1 of channel 0, expected finite",
        ),
    ],
)
def test_a_cell_that_is_no_series_raises_with_its_row(cell, error, message):
    with pytest.raises(error, match=f"TimeSeriesTransformer: row 1: .*{message}"):
        TimeSeriesTransformer().fit([[1.0, 2.0, 3.0], cell])


def test_series_of_several_channels_are_missing_where_fit_saw_no_series():
    transformer = TimeSeriesTransformer().fit([None, None])
    assert transformer.transform([np.ones((3, 2))]).missing.all()
    assert not transformer.fit([np.ones((3, 2))]).transform([np.ones((3, 2))]).missing


def test_another_number_of_channels_raises_with_its_row():
    transformer = TimeSeriesTransformer().fit([np.ones((4, 2))])
    message = "row 1: found 3 channels, expected 2 as learned in fit"
    with pytest.raises(ValueError, match=message):
        transformer.transform([np.ones((4, 2)), np.ones((4, 3))])


def test_channels_that_differ_within_the_training_rows_raise():
    with pytest.raises(ValueError, match="row 2: found 1 channels, expected 2"):
        TimeSeriesTransformer().fit([None, np.ones((4, 2)), np.ones(4)])


def test_a_new_fit_may_have_other_channels():
    transformer = TimeSeriesTransformer().fit([np.ones((4, 2))])
    assert transformer.fit_transform([np.ones((4, 3))]).token_shape == (3,)


def test_columns_of_another_order_raise():
    table = pd.DataFrame({"open": [1.0, 2.0], "close": [3.0, 4.0]})
    transformer = TimeSeriesTransformer().fit([table])
    with pytest.raises(ValueError, match=r"\['close', 'open'\], expected \['open'"):
        transformer.transform([table[["close", "open"]]])


def test_a_broken_first_series_does_not_say_how_many_channels_there_are():
    cells = [np.array([[1, np.inf], [2, 3]]), np.array([1.0, 2, 3]), np.array([2.0, 4])]
    transformer = TimeSeriesTransformer(on_error="missing")
    with pytest.warns(UserWarning, match="1 of 3"):
        block = transformer.fit_transform(cells)
    assert transformer.n_channels_ == 1
    assert_array_equal(block.missing, [True, False, False])


def test_numbers_that_float32_cannot_hold_raise_with_their_step():
    with pytest.raises(ValueError, match=r"found 1e\+39 at step 1 .* float32 can hold"):
        TimeSeriesTransformer().fit([np.array([1.0, 1e39])])


def test_other_channels_become_missing_where_asked():
    transformer = TimeSeriesTransformer(on_error="missing")
    with pytest.warns(
        UserWarning, match="1 of 2 cells could not be read.*found 1 chan"
    ):
        block = transformer.fit_transform([np.ones((4, 2)), np.ones(4)])
    assert_array_equal(block.missing, [False, True])


@pytest.mark.parametrize("nan", ["interpolate", "indicator"])
def test_what_is_missing_may_have_every_form(nan):
    cells = [[1.0, None, 3.0], [1.0, pd.NA, 3.0], [1.0, NAN, 3.0]]
    block = TimeSeriesTransformer(nan=nan).fit_transform(pd.Series(cells))
    assert_array_equal(block[0].values, block[2].values)
    assert_array_equal(block[1].values, block[2].values)
    channels = [[[1.0, 2.0], [pd.NA, None], [3.0, 4.0]], [[1.0, 2], [2, 3], [3, 4]]]
    of_two = TimeSeriesTransformer().fit_transform(pd.Series(channels))
    assert_array_equal(of_two[0].values, of_two[1].values)


@pytest.mark.parametrize("nan", ["interpolate", "indicator"])
def test_the_cells_are_left_as_they_were(nan):
    array, table = np.array([1.0, NAN, 3.0]), pd.Series([1.0, NAN, 3.0])
    TimeSeriesTransformer(nan=nan).fit_transform([array, table])
    assert_array_equal(array, [1, NAN, 3])
    assert_array_equal(table, [1, NAN, 3])


# Missing steps


def test_gaps_are_interpolated_and_ends_take_the_nearest_value():
    values = read([NAN, 1.0, NAN, NAN, 4.0, NAN])[0]
    assert_allclose(values.ravel(), [1, 1, 2, 3, 4, 4])


def test_gaps_are_interpolated_in_time_where_times_are_known():
    days = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-05"])
    values = read(pd.Series([0.0, NAN, 8.0], index=days))[0]
    assert_allclose(values.ravel(), [0, 2, 8])


def test_an_indicator_marks_the_missing_steps_of_each_channel():
    values = read([[1.0, NAN], [NAN, 5.0], [3.0, 6.0]], nan="indicator")[0]
    assert_allclose(values, [[1, 5, 0, 1], [2, 5, 1, 0], [3, 6, 0, 0]])


def test_indicators_are_not_scaled():
    series = [[10.0, NAN, 30.0, 50.0], [20.0, 20.0]]
    for scaling in ("standard", "robust", "sample"):
        values = read(*series, nan="indicator", scaling=scaling)
        assert_array_equal(values[0][:, 1], [0, 1, 0, 0])


def test_nan_raises_where_it_is_an_error():
    with pytest.raises(ValueError, match="row 0: found nan at step 1 of channel 0"):
        TimeSeriesTransformer(nan="error").fit([[1.0, NAN]])


@pytest.mark.parametrize("scaling", ["standard", "robust", "sample"])
def test_a_channel_without_values_is_zero_after_scaling(scaling):
    full, half = [[1.0, 10.0], [2.0, 20.0]], [[3.0, NAN], [5.0, NAN]]
    values = read(full, half, scaling=scaling)
    assert_array_equal(values[1][:, 1], [0, 0])


def test_a_channel_without_values_is_the_training_mean_without_scaling():
    full, half = [[1.0, 10.0], [2.0, 20.0]], [[3.0, NAN], [5.0, NAN]]
    assert_array_equal(read(full, half)[1][:, 1], [15, 15])


@pytest.mark.parametrize("scaling", ["standard", "robust", "sample", None])
def test_a_channel_that_no_training_row_has_is_zero(scaling):
    values = read([[1.0, NAN], [2.0, NAN]], scaling=scaling)[0]
    assert_array_equal(values[:, 1], [0, 0])


# Scaling


def test_standard_scaling_uses_all_steps_of_the_training_rows():
    train = [np.array([[1.0, 0.0], [3.0, 10.0]]), np.array([[8.0, 20.0]])]
    transformer = TimeSeriesTransformer().fit(train)
    steps = np.concatenate(train)
    new = np.array([[5.0, 5.0]])
    expected = (new - steps.mean(axis=0)) / steps.std(axis=0)
    assert_allclose(transformer.transform([new]).values, expected, rtol=1e-6)


def test_robust_scaling_uses_median_and_quartiles():
    values = read([0.0, 1.0, 2.0, 3.0], [1000.0], scaling="robust")
    low, median, high = np.percentile([0, 1, 2, 3, 1000], [25, 50, 75])
    assert_allclose(values[1], [[(1000 - median) / (high - low)]])


def test_scaling_by_sample_removes_level_and_amplitude():
    shape = np.array([1.0, 4.0, 2.0, 0.0])
    values = read(shape, 100 + 7 * shape, scaling="sample")
    assert_allclose(values[0], values[1], atol=1e-6)
    assert_allclose(values[0].std(), 1, rtol=1e-6)


def test_a_constant_series_scaled_by_itself_is_zero():
    # The mean of seven times 0.1 is not quite 0.1.
    assert_allclose(read([0.1] * 7, scaling="sample")[0], np.zeros((7, 1)), atol=1e-9)


# Changes


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        ("difference", [1, 2, -3]),
        ("return", [1, 1, -0.75]),
        ("log_return", np.log([2, 2, 0.25])),
    ],
)
def test_changes_from_step_to_step(difference, expected):
    values = read([1.0, 2.0, 4.0, 1.0], difference=difference)[0]
    assert_allclose(values.ravel(), expected, rtol=1e-6)


@pytest.mark.parametrize("difference", ["difference", "return", "log_return"])
def test_the_change_of_a_single_step_is_a_zero(difference):
    assert_array_equal(read([3.0], difference=difference)[0], [[0]])


def test_a_change_counts_as_missing_if_either_end_is():
    values = read([1.0, NAN, 3.0, 4.0], difference="difference", nan="indicator")[0]
    assert_array_equal(values, [[1, 1], [1, 1], [1, 0]])


@pytest.mark.parametrize(
    ("difference", "found"),
    [("return", "0.0 at step 1"), ("log_return", "0.0 at step")],
)
def test_a_return_on_zero_raises_with_its_row(difference, found):
    with pytest.raises(ValueError, match=f"row 1: found {found}"):
        TimeSeriesTransformer(difference=difference).fit([[1.0], [2.0, 0.0, 1.0]])


def test_a_return_to_zero_is_a_loss_of_everything():
    assert_array_equal(read([2.0, 0.0], difference="return")[0], [[-1]])


def test_a_log_return_of_a_negative_value_raises():
    with pytest.raises(ValueError, match="-1.0 at step 0 .* only values above 0"):
        TimeSeriesTransformer(difference="log_return").fit([[-1.0, 1.0]])


# Length


def test_max_steps_keeps_the_first():
    values = read(
        [1.0, 2.0, 4.0, 7.0], [5.0, 6.0], max_steps=2, difference="difference"
    )
    assert_array_equal(values[0].ravel(), [1, 2])
    assert_array_equal(values[1].ravel(), [1])


# Manners


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"scaling": "minmax"},
            r"scaling must be one of \('standard', 'robust', 'samp",
        ),
        ({"difference": "diff"}, "difference must be one of .* found 'diff'"),
        ({"nan": "drop"}, "nan must be one of .*'indicator', 'error'.* found 'drop'"),
        ({"rate": 0}, "rate must be None or a number of hertz above 0, found 0"),
        ({"sampling_rate": "8k"}, "sampling_rate must be .* found '8k'"),
        ({"max_steps": 0}, "max_steps must be None or an int above 0, found 0"),
        ({"max_steps": 1.5}, "max_steps must be None or an int above 0, found 1.5"),
    ],
)
def test_parameters_that_cannot_work_raise(parameters, message):
    with pytest.raises(ValueError, match=message):
        TimeSeriesTransformer(**parameters).fit([[1.0, 2.0]])


@pytest.mark.parametrize("scaling", ["standard", "robust", "sample", None])
def test_a_pickled_transformer_gives_the_same_values(scaling):
    train, new = [[1.0, 2.0, 9.0], [4.0]], [[3.0, NAN, 7.0], None]
    transformer = TimeSeriesTransformer(scaling=scaling).fit(train)
    again = pickle.loads(pickle.dumps(transformer))
    assert_array_equal(again.transform(new).values, transformer.transform(new).values)


def test_a_clone_is_unfitted_and_learns_the_same():
    transformer = TimeSeriesTransformer(scaling="robust", nan="indicator", max_steps=9)
    cells = [[1.0, 2.0, 9.0], [4.0, NAN]]
    expected = transformer.fit_transform(cells).values
    copy = clone(transformer)
    assert not hasattr(copy, "scaler_")
    assert_array_equal(copy.fit_transform(cells).values, expected)


def test_lists_of_one_batch_may_be_of_equal_length():
    transformer = TimeSeriesTransformer(scaling=None).fit([[1.0, 2.0, 3.0], [4.0, 5.0]])
    assert_array_equal(transformer.transform([[6.0, 7.0, 8.0]]).lengths, [3])
