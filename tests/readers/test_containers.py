"""Which containers of columns and rows are a table, and what is said of the others."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.preprocessing import StandardScaler

from sklearn_mm import FeatureBlock, MultimodalFeatureUnion, TextTransformer
from sklearn_mm.readers.table import check_table

TEXTS, AGES = ["a fox", "a dog", None], [1.0, 2.0, 4.0]
TABLE = pd.DataFrame({"text": TEXTS, "age": AGES})


class Dataset:
    """As the class of the datasets library: columns by name, rows by number."""

    column_names = ["text", "age"]

    def __init__(self):
        self.columns_by_name = {"text": TEXTS, "age": AGES}

    def __len__(self):
        return 3

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.columns_by_name[key]
        return {name: cells[key] for name, cells in self.columns_by_name.items()}


@pytest.fixture
def union():
    return MultimodalFeatureUnion(
        [("text", TextTransformer(), "text"), ("age", StandardScaler(), ["age"])]
    )


FORMS = {
    "dict": {"text": TEXTS, "age": AGES},
    "dict of arrays": {"text": np.array(TEXTS, object), "age": np.array(AGES)},
    "list of dicts": [dict(row) for _, row in TABLE.iterrows()],
    "dataset": Dataset(),
    "structured": np.array(
        list(zip(TEXTS, AGES, strict=True)), dtype=[("text", object), ("age", float)]
    ),
    "records": TABLE.to_records(index=False),
}


@pytest.mark.parametrize("X", FORMS.values(), ids=FORMS)
def test_columns_by_name_are_a_table(union, X):
    expected = np.asarray(union.fit_transform(TABLE))
    assert_array_equal(np.asarray(union.transform(X)), expected)
    assert_array_equal(np.asarray(union.fit_transform(X)), expected)
    assert list(union.feature_names_in_) == ["text", "age"]


def test_cells_that_are_arrays_stay_cells():
    images = np.zeros((3, 4, 5, 3), dtype=np.uint8)
    table = check_table("union", {"photo": images, "text": TEXTS})
    assert table["photo"].iloc[0].shape == (4, 5, 3)


def test_a_dict_that_lacks_a_key_in_a_row_misses_the_cell():
    table = check_table("union", [{"text": "a", "age": 1}, {"age": 2}])
    assert table["text"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            TABLE.iloc[0],
            r"one row, with the cells \['text', 'age'\].*table.loc\[\[0\]\]",
        ),
        (TABLE["age"], r"X.to_frame\(\) if it is a column"),
        ({"text": "a fox", "age": 1.0}, "Found one row, .* 'text' is one str"),
        ({"text": TEXTS, "age": [1.0]}, "columns of one length, found .*'age': 1"),
        ([[np.ones(3)] * 3, ["a"] * 3], "a list of 2 columns: name them, as in union"),
        ([TABLE["text"], TABLE["age"]], "a list of 2 columns: name them"),
    ],
    ids=["row", "column", "dict of cells", "unequal", "lists", "series"],
)
def test_what_is_no_table_is_told_from_one(X, message):
    with pytest.raises(ValueError, match=message):
        check_table("union", X)


# Masks


@pytest.mark.parametrize("dtype", [np.int64, np.float32, "datetime64[D]", object])
def test_what_is_masked_in_a_table_is_missing(dtype):
    X = np.ma.array(np.array([[1, 2], [3, 4]]).astype(dtype), mask=[[0, 1], [0, 0]])
    union = MultimodalFeatureUnion([("all", "passthrough", [0, 1])])
    found = np.asarray(union.fit_transform(X))
    assert_array_equal(np.isnan(found), [[False, True], [False, False]])


def test_what_is_masked_in_a_field_is_missing():
    X = np.ma.array(
        [(1.0, 2), (3.0, 4)],
        mask=[(False, True), (False, False)],
        dtype=[("a", float), ("b", int)],
    )
    table = check_table("union", X)
    assert_array_equal(table["b"], [np.nan, 4.0])


def test_what_is_masked_in_an_array_of_vectors_is_missing():
    block = FeatureBlock.from_vectors(np.ma.array([[1, 2]], mask=[[False, True]]))
    assert_array_equal(np.asarray(block), [[1.0, np.nan]])
