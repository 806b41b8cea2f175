from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from sklearn_mm.readers.identity import fingerprint_rows

IMAGE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.mark.parametrize(
    "cell",
    [
        "text",
        "\ud800",
        Path("a.png"),
        b"bytes",
        1,
        2.5,
        True,
        np.arange(3),
        IMAGE,
        (np.zeros(3), 8000),
        {"array": np.zeros(3), "sampling_rate": 8000},
        [1.0, 2.0],
        pd.Series([1.0, 2.0]),
        pd.Timestamp("2020-01-01"),
        Image.fromarray(IMAGE),
        None,
        ["a", None],
    ],
)
def test_a_cell_is_known_again_among_others(cell):
    cells = np.empty(3, dtype=object)
    cells[:] = ["first", cell, "last"]
    found, again = fingerprint_rows(cells), fingerprint_rows(list(cells[1:]))
    assert_array_equal(found[1:], again)
    assert len(set(found)) == 3


def test_cells_that_differ_have_other_fingerprints():
    cells = [
        "a",
        "b",
        b"a",
        np.zeros(2),
        np.zeros(3),
        np.zeros(2, np.int64),
        None,
        [1],
        0,
    ]
    assert len(set(fingerprint_rows(cells))) == len(cells)


def test_a_row_of_a_table_is_known_in_another_container():
    table = pd.DataFrame(
        {"a": [1.5, np.nan, 3.0], "b": ["x", None, "y"], "c": [1, 2, 3]}
    )
    expected = fingerprint_rows(table)
    assert len(set(expected)) == 3
    assert_array_equal(fingerprint_rows(pl.from_pandas(table)), expected)
    assert_array_equal(fingerprint_rows(table.to_numpy(dtype=object)), expected)
    assert_array_equal(fingerprint_rows(table.convert_dtypes()), expected)


def test_the_order_of_columns_counts():
    assert fingerprint_rows(np.array([[1.0, 2.0]])) != fingerprint_rows(
        np.array([[2.0, 1.0]])
    )


def test_numbers_are_known_in_another_type():
    numbers = np.arange(5.0)[:, None]
    expected = fingerprint_rows(numbers)
    assert_array_equal(fingerprint_rows(numbers.astype(np.int8)), expected)
    assert_array_equal(fingerprint_rows(numbers.astype(object)), expected)
    assert_array_equal(fingerprint_rows(np.array([[-0.0]])), expected[:1])


def test_a_path_is_known_by_its_name_alone(tmp_path):
    file = tmp_path / "a.txt"
    before = fingerprint_rows([str(file), "other"])
    file.write_text("it is there now")
    assert_array_equal(fingerprint_rows([file, "other"]), before)


def test_a_mask_is_a_part_of_a_cell():
    cells = [np.ma.array([1.0, 2.0], mask=mask) for mask in ([0, 0], [0, 1], [1, 1])]
    assert len(set(fingerprint_rows([*cells, np.array([1.0, 2.0])]))) == 4
