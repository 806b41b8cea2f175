import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from sklearn_mm.readers.table import missing_rows

GAPS = [None, np.nan, pd.NA, pd.NaT, "", 0, "a"]


@pytest.mark.parametrize(
    "container", [list, tuple, pd.Series, lambda cells: np.array(cells, dtype=object)]
)
def test_a_cell_is_missing_if_it_is_none_nan_na_or_nat(container):
    assert_array_equal(missing_rows(container(GAPS)), [True] * 4 + [False] * 3)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": [1.0, np.nan, None], "b": ["x", None, "y"]}),
        pd.DataFrame({"a": [1, pd.NA, 2], "b": ["x", pd.NA, None]}).convert_dtypes(),
        pl.DataFrame({"a": [1.0, None, None], "b": ["x", None, "y"]}),
        np.array([[1, np.nan], [None, pd.NA], [None, "a"]], dtype=object),
        np.array([[1, np.nan], [np.nan, np.nan], [2, 3]]),
        np.array([["2020", "NaT"], ["NaT", "NaT"], ["NaT", "2021"]], "datetime64[D]"),
    ],
)
def test_a_row_of_a_table_is_missing_if_all_its_cells_are(table):
    assert_array_equal(missing_rows(table), [False, True, False])


def test_nothing_is_missing_among_whole_numbers():
    assert not missing_rows(np.arange(6).reshape(3, 2)).any()
