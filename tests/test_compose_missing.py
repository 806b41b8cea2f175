"""MultimodalFeatureUnion: what is missing is the same to every transformer."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_mm import MultimodalFeatureUnion, TextTransformer

KINDS = ["a", None, "b", "a"]
STR = ["str"] if pd.__version__ >= "3" else []  # of pandas 2 it makes "None"


def one_hot_union():
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return MultimodalFeatureUnion([("kind", encoder, ["kind"])])


@pytest.fixture
def known():
    return one_hot_union().fit(pd.DataFrame({"kind": KINDS}))


@pytest.mark.parametrize("dtype", [object, *STR, "string", "category"])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_category_is_one_category_in_every_form(known, dtype, missing):
    cells = pd.Series(["b", missing], dtype=object).astype(dtype)
    found = np.asarray(known.transform(pd.DataFrame({"kind": cells})))
    assert_array_equal(found, [[0, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize("fit_on", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("ask_on", [pd.DataFrame, pl.DataFrame])
def test_a_missing_category_is_the_same_in_pandas_and_polars(fit_on, ask_on):
    union = one_hot_union().fit(fit_on({"kind": KINDS}))
    found = np.asarray(union.transform(ask_on({"kind": ["b", None]})))
    assert_array_equal(found, [[0, 1, 0], [0, 0, 1]])


def test_a_missing_category_is_the_same_in_an_array():
    encoder = OneHotEncoder(sparse_output=False)
    union = MultimodalFeatureUnion([("kind", encoder, [0])])
    cells = np.array([["a"], [None], ["b"], [pd.NA], [np.nan]], dtype=object)
    found = np.asarray(union.fit_transform(cells))
    assert_array_equal(found.argmax(axis=1), [0, 2, 1, 2, 2])


@pytest.mark.parametrize("transformer", ["passthrough", StandardScaler(with_std=False)])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_numbers_among_objects_may_be_missing_in_every_form(transformer, missing):
    X = pd.DataFrame({"age": pd.Series([-1.0, missing, 1.0], dtype=object)})
    union = MultimodalFeatureUnion([("age", transformer, ["age"])])
    assert_array_equal(np.asarray(union.fit_transform(X))[:, 0], [-1, np.nan, 1])


def test_an_imputer_in_a_pipeline_finds_what_is_missing():
    steps = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False)
    )
    union = MultimodalFeatureUnion([("kind", steps, ["kind"])])
    for container in (pd.DataFrame, pl.DataFrame):
        found = np.asarray(union.fit_transform(container({"kind": KINDS})))
        assert_array_equal(found.argmax(axis=1), [0, 0, 1, 0])


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
def test_who_may_know_better_sees_what_is_there(container):
    seen = []
    look = FunctionTransformer(lambda X: seen.append(X) or X[["n"]])
    kinds = pd.Series(KINDS, dtype=object) if container is pd.DataFrame else KINDS
    X = container({"kind": kinds, "n": [1.0, 2.0, 3.0, 4.0]})
    for transformer in (look, make_pipeline("passthrough", look)):
        MultimodalFeatureUnion([("look", transformer, ["kind", "n"])]).fit(X)
        assert list(seen.pop()["kind"]) == KINDS


@pytest.mark.parametrize(
    "transformer",
    [
        OneHotEncoder(categories=[["a", "b", None]], sparse_output=False),
        make_pipeline(
            FunctionTransformer(),
            SimpleImputer(missing_values=None, strategy="constant", fill_value="c"),
            OneHotEncoder(sparse_output=False),
        ),
    ],
)
def test_who_is_told_of_none_gets_none(transformer):
    X = pd.DataFrame({"kind": pd.Series(KINDS, dtype=object)})
    union = MultimodalFeatureUnion([("kind", transformer, ["kind"])])
    found = np.asarray(union.fit_transform(X))
    assert_array_equal(found.argmax(axis=1), [0, 2, 1, 0])


def test_none_may_be_what_is_dropped():
    X = pd.DataFrame({"kind": pd.Series(KINDS, dtype=object)})
    encoder = OneHotEncoder(drop=[None], sparse_output=False)
    found = MultimodalFeatureUnion([("kind", encoder, ["kind"])]).fit_transform(X)
    assert_array_equal(np.asarray(found), [[1, 0], [0, 0], [0, 1], [1, 0]])


def test_columns_may_be_selected_by_their_type_inside():
    X = pd.DataFrame({"kind": pd.Series(KINDS, dtype="string"), "n": np.arange(4.0)})
    inner = ColumnTransformer(
        [("kind", "drop", make_column_selector(dtype_include="string"))],
        remainder="passthrough",
    )
    union = MultimodalFeatureUnion([("table", inner, ["kind", "n"])])
    assert_array_equal(np.asarray(union.fit_transform(X)), X[["n"]])


def test_the_callers_table_stays_as_it_was():
    X = pd.DataFrame({"kind": pd.Series(KINDS, dtype=object), "text": KINDS})
    before = X.copy(deep=True)
    encoder = OneHotEncoder(sparse_output=False)
    MultimodalFeatureUnion(
        [("kind", encoder, ["kind"]), ("text", TextTransformer(), "text")]
    ).fit(X)
    assert X["kind"][1] is None
    pd.testing.assert_frame_equal(X, before)
