"""What every transformer of one column does alike."""

import copy
import decimal
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_mm import (
    AudioTransformer,
    FeatureBlock,
    ImageTransformer,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.readers.remarks import note

rng = np.random.default_rng(0)

# A transformer, cells of it that are good, and one that cannot be read.
CASES = {
    "text": (
        TextTransformer(min_frequency=1),
        ["one two", "two", "three one two"],
        b"bytes",
    ),
    "series": (
        TimeSeriesTransformer(),
        [rng.normal(size=5), rng.normal(size=3), rng.normal(size=8)],
        "no series",
    ),
    "image": (
        ImageTransformer(size=(4, 4)),
        list(rng.integers(0, 256, (3, 6, 6, 3), dtype=np.uint8)),
        "no such file.png",
    ),
    "audio": (
        AudioTransformer(sampling_rate=8000, n_fft=128, hop_length=64, n_mels=8),
        [(rng.normal(size=size), 8000) for size in (400, 900, 640)],
        "no such file.wav",
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    transformer, cells, broken = CASES[request.param]
    return clone(transformer), copy.deepcopy(cells), broken


def column(cells, **parameters):
    """Put cells of any type into a column."""
    return pd.Series(cells, dtype=object, **parameters)


def assert_same_block(block, expected):
    assert_array_equal(block.offsets, expected.offsets)
    assert_array_equal(block.values, expected.values)


def test_the_output_is_a_block_with_a_sample_a_row(case):
    transformer, cells, _ = case
    block = transformer.fit_transform(column(cells))
    assert isinstance(block, FeatureBlock)
    assert len(block) == 3
    assert not block.missing.any()


def test_fit_transform_gives_what_transform_gives(case):
    transformer, cells, _ = case
    block = transformer.fit_transform(column(cells))
    assert_same_block(transformer.transform(column(cells)), block)


@pytest.mark.parametrize("cell", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_a_missing_cell_becomes_an_empty_sequence(case, cell):
    transformer, cells, _ = case
    with_gap = column([cells[0], cell, cells[1], cells[2]])
    block = transformer.fit_transform(with_gap)
    assert_array_equal(block.missing, [False, True, False, False])


def test_a_missing_cell_does_not_change_the_others(case):
    transformer, cells, _ = case
    alone = clone(transformer).fit_transform(column(cells))
    block = transformer.fit_transform(column([None, *cells]))
    assert_same_block(block[1:], alone)


def test_a_broken_cell_raises_with_class_column_and_row(case):
    transformer, cells, broken = case
    where = f"{type(transformer).__name__}: column 'mine', row 2: "
    with pytest.raises((ValueError, TypeError), match=where):
        transformer.fit(column([*cells[:2], broken], name="mine"))


def test_a_broken_cell_raises_in_transform_too(case):
    transformer, cells, broken = case
    transformer.fit(column(cells))
    with pytest.raises((ValueError, TypeError), match="row 1: "):
        transformer.transform(column([cells[0], broken]))


def test_broken_cells_become_missing_with_one_warning(case):
    transformer, cells, broken = case
    transformer.set_params(on_error="missing")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        block = transformer.fit_transform(column([broken, *cells, broken]))
    assert_array_equal(block.missing, [True, False, False, False, True])
    (warning,) = caught
    name = type(transformer).__name__
    expected = f"2 of 5 cells could not be read and count as missing; the first: {name}"
    assert str(warning.message).startswith(f"{expected}: row 0: ")


def test_on_error_is_checked(case):
    transformer, cells, _ = case
    transformer.set_params(on_error="ignore")
    message = "on_error must be 'raise' or 'missing', found 'ignore'"
    with pytest.raises(ValueError, match=message):
        transformer.fit(column(cells))


def test_a_failed_fit_leaves_a_fitted_transformer_as_it_was(case):
    transformer, cells, broken = case
    expected = transformer.fit_transform(pd.DataFrame({"mine": column(cells)}))
    state = dict(vars(transformer))
    with pytest.raises((ValueError, TypeError), match="row 1: "):
        transformer.fit(column([cells[0], broken]))
    assert vars(transformer) == state
    assert_same_block(
        transformer.transform(pd.DataFrame({"mine": column(cells)})), expected
    )


def test_a_failed_first_fit_leaves_the_transformer_unfitted(case):
    transformer, cells, broken = case
    with pytest.raises((ValueError, TypeError), match="row 1: "):
        transformer.fit(column([cells[0], broken]))
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        transformer.transform(column(cells))


def test_an_interrupted_fit_leaves_a_fitted_transformer_as_it_was():
    def interrupted(text):
        if text == "stop":
            raise KeyboardInterrupt
        return text.split()

    transformer = TextTransformer(interrupted, min_frequency=1).fit(["one two"])
    with pytest.raises(KeyboardInterrupt):
        transformer.fit(["three", "stop"])
    assert transformer.vocabulary_ == {"[UNK]": 0, "one": 1, "two": 2}


def test_the_result_of_fit_is_the_transformer(case):
    transformer, cells, _ = case
    assert transformer.fit(column(cells)) is transformer


def test_several_columns_are_refused_with_advice():
    table = pd.DataFrame({"a": column([[1.0, 2.0]]), "b": column([[1.0, 2.0]])})
    with pytest.raises(ValueError, match=r"takes one column, found several \(a, b\)"):
        TimeSeriesTransformer().fit(table)


def test_the_name_of_the_column_is_kept_and_checked(case):
    transformer, cells, _ = case
    transformer.fit(pd.DataFrame({"mine": column(cells)}))
    assert transformer.feature_names_in_.tolist() == ["mine"]
    with pytest.raises(ValueError, match="feature names should match"):
        transformer.transform(pd.DataFrame({"other": column(cells)}))


def test_set_output_gives_a_table_with_the_index_of_the_column(case):
    transformer, cells, _ = case
    transformer.set_output(transform="pandas")
    table = transformer.fit_transform(column([*cells, None], index=list("abcd")))
    assert table.index.tolist() == list("abcd")
    assert table.columns.tolist() == transformer.get_feature_names_out().tolist()
    assert table.loc["d"].isna().all()
    assert table.loc[:"c"].notna().all(axis=None)


def test_set_output_gives_a_polars_table(case):
    transformer, cells, _ = case
    features = np.asarray(transformer.fit_transform(column(cells)))
    table = transformer.set_output(transform="polars").transform(column(cells))
    assert type(table).__module__.startswith("polars")
    assert table.columns == transformer.get_feature_names_out().tolist()
    assert_array_equal(table.to_numpy(), features)


def test_a_pickled_transformer_gives_the_same_features(case):
    transformer, cells, _ = case
    expected = transformer.fit_transform(column(cells))
    again = pickle.loads(pickle.dumps(transformer))
    assert_same_block(again.transform(column(cells)), expected)


def test_a_clone_is_unfitted(case):
    transformer, cells, _ = case
    unfitted = clone(transformer.fit(column(cells)))
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        unfitted.transform(column(cells))


@pytest.mark.parametrize("name", ["image", "audio"])
def test_threads_change_neither_the_result_nor_the_order(name):
    transformer, cells, _ = CASES[name]
    cells = column([*cells, None] * 20)
    expected = clone(transformer).fit_transform(cells)
    threaded = clone(transformer).set_params(n_jobs=3)
    assert_same_block(threaded.fit_transform(cells), expected)


@pytest.mark.parametrize("name", ["image", "audio"])
def test_in_threads_the_first_broken_cell_is_named(name):
    transformer, cells, broken = CASES[name]
    threaded = clone(transformer).set_params(n_jobs=3)
    with pytest.raises(ValueError, match="row 40: .* no such file exists"):
        threaded.fit(column([*cells * 13, None, broken, broken]))


@pytest.mark.parametrize("name", ["image", "audio"])
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_verbose_shows_how_many_of_all_cells_are_read(name, n_jobs, capsys):
    transformer, cells, _ = CASES[name]
    verbose = clone(transformer).set_params(verbose=True, n_jobs=n_jobs)
    verbose.fit(column([*cells, None]))
    assert "4/4" in capsys.readouterr().err
    verbose.set_params(verbose=False).fit(column(cells))
    assert not capsys.readouterr().err


class Odd(TimeSeriesTransformer):
    """Reads no cell of one step, for the reason it is given."""

    reason = None

    def _read_cell(self, cell):
        if len(cell) == 1:
            raise self.reason
        if len(cell) == 2:
            note("have two steps", f"{cell[0]:g} and {cell[1]:g}")
        return super()._read_cell(cell)


@pytest.mark.parametrize(
    "reason",
    [
        OverflowError("too large"),
        RuntimeError("requires grad"),
        KeyError("x"),
        MemoryError(),
        RecursionError("deep"),
        decimal.InvalidOperation(),
        ZeroDivisionError("division"),
    ],
    ids=lambda reason: type(reason).__name__,
)
def test_whatever_is_raised_while_a_cell_is_read_has_its_row(reason):
    transformer = Odd()
    transformer.reason = reason
    with pytest.raises(ValueError, match=f"row 1: {type(reason).__name__}"):
        transformer.fit([[1.0, 2.0, 3.0], [1.0]])
    transformer.set_params(on_error="missing")
    with pytest.warns(UserWarning, match="1 of 2 cells could not be read"):
        block = transformer.fit_transform([[1.0, 2.0, 3.0], [1.0]])
    assert_array_equal(block.missing, [False, True])


def test_errors_hold_the_rows_and_reasons_of_the_column_read_last(case):
    transformer, cells, broken = case
    transformer.set_params(on_error="missing")
    with pytest.warns(UserWarning, match="2 of 5 cells could not be read"):
        transformer.fit(column([broken, *cells, broken]))
    assert list(transformer.errors_) == [0, 4]
    assert all(isinstance(reason, str) for reason in transformer.errors_.values())
    with pytest.warns(UserWarning, match="1 of 2 cells could not be read"):
        transformer.transform(column([cells[0], broken]))
    assert list(transformer.errors_) == [1]
    transformer.transform(column(cells))
    assert transformer.errors_ == {}


def test_what_is_noted_of_cells_is_one_warning_with_the_count():
    cells = [[1.0, 2.0, 3.0], [1.0, 2.0], [4.0, 5.0]]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Odd().fit(pd.Series(cells, name="mine"))
    (warning,) = caught
    expected = "2 of 3 cells have two steps; the first: Odd: column 'mine', row 1: "
    assert str(warning.message) == expected + "1 and 2"
