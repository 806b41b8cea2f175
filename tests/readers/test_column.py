import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator

from sklearn_mm.readers.column import check_column, is_missing

NAN = np.nan


class Reader(BaseEstimator):
    """An estimator that keeps what it has read."""

    def read(self, X, reset=True):
        return check_column(self, X, reset=reset)


def read(X):
    return Reader().read(X)


# Cells


@pytest.mark.parametrize(
    "X",
    [
        ["a", "b"],
        ("a", "b"),
        np.array(["a", "b"]),
        np.array(["a", "b"], dtype=object),
        np.array([["a"], ["b"]]),
        np.array([["a"], ["b"]], dtype=object),
        pd.Series(["a", "b"]),
        pd.Series(["a", "b"], dtype="string"),
        pd.Series(["a", "b"], dtype="category"),
        pd.DataFrame({"t": ["a", "b"]}),
        pl.Series(["a", "b"]),
        pl.DataFrame({"t": ["a", "b"]}),
        pl.DataFrame({"t": pl.Series(["a", "b"], dtype=pl.Categorical)}),
        pa.array(["a", "b"]),
        pa.chunked_array([["a"], ["b"]]),
        pa.table({"t": ["a", "b"]}),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_every_container_of_one_column_gives_its_cells(X):
    column = read(X)
    assert column.layout == "cells"
    assert column.cells == ["a", "b"]


@pytest.mark.parametrize(
    "X",
    [
        ["a", None],
        ["a", NAN],
        np.array(["a", None], dtype=object),
        pd.Series(["a", pd.NA], dtype="string"),
        pd.Series(["a", None], dtype="category"),
        pd.DataFrame({"t": ["a", None]}),
        pl.Series(["a", None]),
        pl.DataFrame({"t": ["a", None]}),
        pa.array(["a", None]),
        pa.table({"t": ["a", None]}),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_a_missing_cell_is_missing_in_every_container(X):
    first, second = read(X).cells
    assert first == "a"
    assert is_missing(second)


@pytest.mark.parametrize("cell", [None, NAN, np.float32("nan"), pd.NA, pd.NaT])
def test_missing_cells(cell):
    assert is_missing(cell)


@pytest.mark.parametrize(
    "cell", ["", "nan", 0, False, [], np.array([NAN, NAN]), np.array(NAN), {}, b""]
)
def test_cells_that_are_there(cell):
    assert not is_missing(cell)


@pytest.mark.parametrize(
    "X",
    [
        [np.array([1, 2]), np.array([3, 4])],
        np.array([[[1], [2]], [[3], [4]]]),
        pd.Series([[1, 2], [3, 4]]),
        pd.DataFrame({"t": [[1, 2], [3, 4]]}),
        pl.Series([[1, 2], [3, 4]]),
        pl.DataFrame({"t": [[1, 2], [3, 4]]}),
        pa.array([[1, 2], [3, 4]]),
        pa.table({"t": [[1, 2], [3, 4]]}),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_cells_of_equal_length_stay_cells(X):
    column = read(X)
    assert column.layout == "cells"
    assert [np.ravel(cell).tolist() for cell in column.cells] == [[1, 2], [3, 4]]


def test_dicts_and_tuples_are_cells():
    cells = [{"array": [1.0], "sampling_rate": 8}, ("array", 8)]
    assert read(cells).cells == cells


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 5, 5, 3)])
def test_an_array_of_more_axes_holds_a_cell_a_row(shape):
    X = np.arange(np.prod(shape)).reshape(shape)
    column = read(X)
    assert column.layout == "cells"
    assert_array_equal(np.stack(column.cells), X)


# Numbers


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1, 2], [3, 4]]),
        np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32),
        np.array([[1, 2.0], [3, 4]], dtype=object),
        [[1, 2], [3.0, 4]],
        [(1, 2), (3, 4)],
        pd.DataFrame({"a": [1, 3], "b": [2.0, 4.0]}),
        pd.DataFrame({"a": [1, 3], "b": [2, 4]}, dtype="Int64"),
        pl.DataFrame({"a": [1, 3], "b": [2.0, 4.0]}),
        pa.table({"a": [1, 3], "b": [2.0, 4.0]}),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_a_numeric_table_gives_a_row_of_numbers_a_cell(X):
    column = read(X)
    assert column.layout == "numbers"
    assert_array_equal(np.stack(column.cells), [[1, 2], [3, 4]])
    assert all(cell.dtype == np.float64 for cell in column.cells)


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"a": [1, None]}, dtype="Int64"),
        pl.DataFrame({"a": [1, None]}),
        pa.table({"a": [1, None]}),
        np.array([[1], [NAN]]),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_missing_numbers_are_nan(X):
    column = read(X)
    assert column.layout == "numbers"
    assert_array_equal(np.stack(column.cells), [[1], [NAN]])


def test_a_first_row_without_numbers_does_not_hide_a_numeric_table():
    column = read(np.array([[None, None], [1, 2]], dtype=object))
    assert column.layout == "numbers"
    assert_array_equal(np.stack(column.cells), [[NAN, NAN], [1, 2]])


# Several columns


@pytest.mark.parametrize(
    "X",
    [
        np.array([["a", 1], ["b", 2]], dtype=object),
        pd.DataFrame({"t": ["a", "b"], "u": [1, 2]}),
        pl.DataFrame({"t": ["a", "b"], "u": [1, 2]}),
        pa.table({"t": ["a", "b"], "u": [1, 2]}),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_several_columns_give_a_tuple_a_row(X):
    column = read(X)
    assert column.layout == "columns"
    assert column.cells == [("a", 1), ("b", 2)]


# Names


@pytest.mark.parametrize(
    ("X", "where"),
    [
        (["a"], "row 0"),
        (pd.Series(["a"]), "row 0"),
        (pd.Series(["a"], name="mine"), "column 'mine', row 0"),
        (pd.Series(["a"], name=3), "column '3', row 0"),
        (pl.Series("mine", ["a"]), "column 'mine', row 0"),
        (pd.DataFrame({"mine": ["a"]}), "column 'mine', row 0"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), "column 'a, b', row 0"),
        (
            pd.DataFrame(np.ones((1, 5)), columns=list("abcde")),
            "column 'a, ..., e', row 0",
        ),
    ],
)
def test_where_a_cell_stands(X, where):
    assert read(X).where(0) == where


def test_the_names_of_a_table_are_kept():
    reader = Reader()
    reader.read(pd.DataFrame({"a": ["x"], "b": ["y"]}))
    assert reader.n_features_in_ == 2
    assert reader.feature_names_in_.tolist() == ["a", "b"]


def test_a_bare_column_forgets_earlier_names():
    reader = Reader()
    reader.read(pd.DataFrame({"a": ["x"], "b": ["y"]}))
    reader.read(["x"])
    assert reader.n_features_in_ == 1
    assert not hasattr(reader, "feature_names_in_")


def test_another_name_raises():
    reader = Reader()
    reader.read(pd.DataFrame({"a": ["x"]}))
    with pytest.raises(ValueError, match="feature names should match"):
        reader.read(pd.DataFrame({"b": ["x"]}), reset=False)


@pytest.mark.parametrize(
    ("fitted", "X", "message"),
    [
        (
            np.ones((3, 2)),
            np.ones((3, 4)),
            "X has 4 features, but Reader is expecting 2",
        ),
        (np.ones((3, 2)), ["a", "b"], "X has 1 features, but Reader is expecting 2"),
        (["a", "b"], np.ones((3, 2)), "X has 2 features, but Reader is expecting 1"),
    ],
)
def test_another_number_of_columns_raises(fitted, X, message):
    reader = Reader()
    reader.read(fitted)
    with pytest.raises(ValueError, match=message):
        reader.read(X, reset=False)


def test_lists_of_equal_length_are_cells_where_cells_were_fitted():
    reader = Reader()
    reader.read([[1, 2, 3], [4, 5]])
    column = reader.read([[6, 7, 8]], reset=False)
    assert column.layout == "cells"
    assert column.cells == [[6, 7, 8]]


# Errors


@pytest.mark.parametrize("X", ["abc", b"abc", {"a": 1}, None, 3, iter(["a"])])
def test_what_is_no_column_raises_with_advice(X):
    with pytest.raises(
        ValueError, match="one cell a row.* Put a single cell in a list"
    ):
        read(X)


def test_a_1_d_array_of_numbers_raises_with_advice():
    with pytest.raises(ValueError, match=r"Reshape your data with X\.reshape\(1, -1\)"):
        read(np.ones(3))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], r"0 sample\(s\)"),
        (pd.Series([], dtype=object), r"0 sample\(s\)"),
        (pd.DataFrame({"a": []}), r"0 sample\(s\)"),
        (np.empty((0, 3)), r"0 sample\(s\)"),
        (np.empty((3, 0)), r"0 feature\(s\)"),
        (pd.DataFrame(index=[0, 1]), r"0 feature\(s\)"),
    ],
)
def test_an_empty_column_raises(X, message):
    with pytest.raises(ValueError, match=f"Found array with {message}"):
        read(X)


def test_sparse_data_raises_with_advice():
    with pytest.raises(TypeError, match=r"sparse data was passed. Use X\.toarray\(\)"):
        read(sparse.csr_matrix(np.eye(2)))


@pytest.mark.parametrize("X", [np.ones((2, 2), dtype=complex), [[1j, 2], [3, 4]]])
def test_complex_numbers_raise(X):
    with pytest.raises(ValueError, match="Complex data not supported"):
        read(X)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64"])
@pytest.mark.parametrize("container", [np.array, pd.DataFrame, pl.DataFrame])
def test_the_numbers_of_a_table_are_floats_whatever_their_type(dtype, container):
    rows = np.array([[1, 2, 3], [4, 5, 6]], dtype=dtype)
    names = dict(zip("abc", rows.T, strict=True))
    column = read(rows if container is np.array else container(names))
    assert {cell.dtype.name for cell in column.cells} == {"float64"}
    assert_array_equal(column.cells, rows)


def test_a_masked_cell_is_missing():
    assert is_missing(np.ma.array([1.0], mask=True)[0])
    assert is_missing(np.ma.masked)


def test_masked_numbers_of_a_table_are_nan():
    table = np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]])
    assert_array_equal(read(table).cells, [[1, NAN], [3, 4]])
