"""Cells that are no numbers, in columns that a step of scikit-learn reads as such."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)

from sklearn_mm import MultimodalFeatureUnion, make_multimodal_union

HEIGHTS = [1.0, 2.0, 3.0, 4.0]
STEPS = [
    "passthrough",
    StandardScaler(),
    MinMaxScaler(),
    make_pipeline(StandardScaler(), SimpleImputer()),
]


def union_of(step, **kwargs):
    return MultimodalFeatureUnion([("table", step, ["age", "height"])], **kwargs)


def table_with(cell, index=None):
    heights = pd.Series([*HEIGHTS[:3], cell], dtype=object)
    table = pd.DataFrame({"height": heights, "age": [5, 6, 7, 8]})
    return table.set_axis(index) if index else table


@pytest.mark.parametrize("step", STEPS, ids=range(4))
@pytest.mark.parametrize(
    "cell", ["abc", "", "1,5", b"x", [1], {}, 1j, np.inf, 10**400], ids=range(9)
)
def test_a_cell_that_is_no_number_is_named_by_column_and_row(step, cell):
    expected = (
        r"'table': column 'height', row 3: expected a number, found .*Make it miss"
    )
    if step == "passthrough" and cell == np.inf:
        pytest.skip("infinity is a number that is passed through")
    with pytest.raises((TypeError, ValueError), match=expected):
        union_of(step).fit(table_with(cell))
    union = union_of(step).fit(table_with(4.0))
    with pytest.raises((TypeError, ValueError), match=expected):
        union.transform(table_with(cell))


def test_the_index_of_the_row_is_named_where_it_does_not_count_the_rows():
    table = table_with("big", index=list("abcd"))
    with pytest.raises(ValueError, match=r"row 3 \(index d\): .*found 'big'"):
        union_of(StandardScaler()).fit(table)


def test_further_cells_are_counted():
    table = table_with("big").replace(2.0, "small")
    with pytest.raises(ValueError, match="row 1: .*found 'small', and 1 more cells"):
        union_of(StandardScaler()).fit(table)


@pytest.mark.parametrize("convert", [pl.from_pandas, lambda X: X.to_numpy()])
def test_cells_of_other_tables_are_named_too(convert):
    table = pd.DataFrame({"age": ["1", "2"], "height": ["3", "four"]})
    union = MultimodalFeatureUnion([("table", StandardScaler(), [0, 1])])
    with pytest.raises(ValueError, match="column ('height'|1), row 1: .*found 'four'"):
        union.fit(convert(table))


def test_strings_that_write_numbers_are_numbers():
    found = union_of("passthrough").fit_transform(table_with(" 4.5 "))
    assert_array_equal(np.asarray(found)[:, 1], [1.0, 2.0, 3.0, 4.5])


def test_missing_cells_before_a_step_that_refuses_them_are_named():
    table = table_with(None).astype({"height": float})
    with pytest.raises(ValueError, match="'height', row 3: .* missing.*SimpleImputer"):
        union_of(PCA(1)).fit(table)


@pytest.mark.parametrize("step", STEPS, ids=range(4))
def test_on_error_missing_takes_them_as_missing_with_one_warning(step):
    union = union_of(step, on_error="missing")
    expected = np.asarray(union.fit_transform(table_with(None)))
    with pytest.warns(
        UserWarning, match="1 cells are no numbers .*'height', row 3"
    ) as w:
        found = np.asarray(union.fit_transform(table_with("abc")))
    assert len(w) == 1
    assert_array_equal(found, expected)
    with pytest.warns(UserWarning, match="1 cells are no numbers"):
        assert_array_equal(np.asarray(union.transform(table_with("abc"))), expected)


def test_on_error_must_be_known():
    with pytest.raises(ValueError, match="on_error must be .*found 'ignore'"):
        union_of("passthrough", on_error="ignore").fit(table_with(1.0))


def test_an_error_of_another_kind_stays_as_it_is():
    def broken(X):
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="^modality 'table': of its own$"):
        union_of(FunctionTransformer(broken)).fit(table_with("abc"))


def test_a_step_of_categories_takes_any_string():
    union = MultimodalFeatureUnion([("kind", OneHotEncoder(), ["height"])])
    table = table_with("abc").astype({"height": str})
    assert union.fit_transform(table).shape == (4, 4)


def test_a_chosen_union_names_the_cell_too():
    union = make_multimodal_union(table_with(4.0), classical=False, verbose=False)
    union.fit(table_with(4.0))
    with pytest.raises(ValueError, match="'height', row 3: .*'abc'"):
        union.transform(table_with("abc"))


def with_gradients(value):
    import torch

    return torch.tensor(value, requires_grad=True)


@pytest.mark.parametrize("step", STEPS, ids=range(4))
@pytest.mark.parametrize(
    "cells",
    [
        [Decimal(2), Decimal("sNaN"), Decimal("NaN"), Decimal(4)],
        [with_gradients(2.0), None, None, with_gradients(4.0)],
        [Fraction(2), None, None, np.array(4)],
        [np.array(2), np.array(None), pd.NA, np.float32(4)],
    ],
    ids=["decimals", "tensors", "fractions", "arrays"],
)
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
def test_numbers_of_any_type_are_numbers(step, cells):
    def read(column):
        union = MultimodalFeatureUnion([("table", step, ["height"])])
        return np.asarray(union.fit_transform(pd.DataFrame({"height": column})))

    expected = read([2.0, np.nan, np.nan, 4.0])
    assert_array_equal(read(pd.Series(cells, dtype=object)), expected)


@pytest.mark.parametrize("gap", [np.nan, 7.0])
def test_sparse_columns_may_have_other_gaps_than_zeros(gap):
    values = [gap, 1.0, gap, 3.0]
    sparse = pd.DataFrame({"a": pd.arrays.SparseArray(values, fill_value=gap)})
    union = MultimodalFeatureUnion([("table", StandardScaler(), ["a"])])
    expected = np.asarray(union.fit_transform(pd.DataFrame({"a": values})))
    assert_array_equal(np.asarray(union.fit_transform(sparse)), expected)
