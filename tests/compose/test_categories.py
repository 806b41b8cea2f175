"""Categories of training in the cells of another type."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sklearn_mm import MultimodalFeatureUnion


def fitted(cells, encoder=None):
    encoder = OneHotEncoder(handle_unknown="ignore") if encoder is None else encoder
    union = MultimodalFeatureUnion([("flag", encoder, ["flag"])])
    table = pd.DataFrame({"flag": cells})
    return union.fit(table), np.asarray(union.transform(table))


@pytest.mark.parametrize(
    ("training", "later"),
    [
        ([True, False, True], ["true", "false", "true"]),
        ([True, False, True], ["True", "FALSE", "True"]),
        (["true", "false", "true"], [True, False, True]),
        (["1", "2", "1"], [1, 2, 1.0]),
        ([1, 2, 1], ["1", "2", "1.0"]),
        ([1.0, 2.0, 1.0], pd.array([1, 2, 1], dtype="Int8")),
        (["red", "1", "red"], ["red", 1, "red"]),
    ],
)
def test_a_category_is_known_in_another_type(training, later):
    union, expected = fitted(training)
    assert expected.sum() == 3
    table = pd.DataFrame({"flag": later}, dtype=getattr(later, "dtype", object))
    assert_array_equal(np.asarray(union.transform(table)), expected)


def test_a_category_is_known_in_another_type_in_polars():
    union, expected = fitted([True, False, True], OrdinalEncoder())
    table = pl.DataFrame({"flag": ["true", "false", "true"]})
    assert_array_equal(np.asarray(union.transform(table)), expected)


def test_cells_of_another_type_that_are_unknown_are_counted():
    union, _ = fitted([True, False, True])
    table = pd.DataFrame({"flag": ["yes", "true", "no", None]})
    with pytest.warns(UserWarning, match="'flag': 2 of 4 cells are no booleans.*'yes'"):
        found = np.asarray(union.transform(table))
    assert_array_equal(found.sum(axis=1), [0, 1, 0, 0])


def test_unknown_strings_among_strings_are_no_warning(recwarn):
    union, _ = fitted(["red", "blue", "red"])
    found = union.transform(pd.DataFrame({"flag": ["green", "red"]}))
    assert_array_equal(np.asarray(found).sum(axis=1), [0, 1])
    assert not recwarn
