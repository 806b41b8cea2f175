"""What a union gives: features, one matrix, a table."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_mm import MultimodalFeatures, MultimodalFeatureUnion, TextTransformer


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "caption": ["a red fox", "a dog", "two birds", "a red bird"],
            "age": [1.0, 2.0, 4.0, 8.0],
            "colour": ["red", "blue", "red", "green"],
            "count": pd.array([3, None, 5, 7], dtype="Int32"),
        }
    )


PARTS = [
    ("terms", TfidfVectorizer(), "caption"),
    ("kinds", OneHotEncoder(), ["colour"]),
    ("numbers", StandardScaler(), ["age"]),
]


class Nameless(TransformerMixin, BaseEstimator):
    """Gives an array or a table, and has no names for it."""

    def __init__(self, table=True):
        self.table = table

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X if self.table else X.to_numpy()

    def set_output(self, *, transform=None):
        return self


# One matrix


def test_without_a_threshold_the_output_is_features(table):
    features = MultimodalFeatureUnion(PARTS).fit_transform(table)
    assert isinstance(features, MultimodalFeatures)


@pytest.mark.parametrize("threshold", [0, 0.3, 0.9, 1])
def test_a_threshold_gives_the_matrix_of_a_column_transformer(table, threshold):
    union = MultimodalFeatureUnion(PARTS, sparse_threshold=threshold)
    reference = ColumnTransformer(PARTS, sparse_threshold=threshold)
    found, expected = union.fit_transform(table), reference.fit_transform(table)
    assert sparse.issparse(found) == sparse.issparse(expected)
    assert union.sparse_output_ == reference.sparse_output_
    assert_allclose(_dense(found), _dense(expected))
    assert_allclose(_dense(union.transform(table)), _dense(expected))


def _dense(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else matrix


def test_the_container_is_chosen_in_fit(table):
    union = MultimodalFeatureUnion(PARTS, sparse_threshold=0.9).fit(table)
    # A row of its own is less sparse than all were.
    assert sparse.issparse(union.transform(table.head(1)))


def test_counts_of_tokens_are_sparse(table):
    table.loc[1, "caption"] = None
    union = MultimodalFeatureUnion(
        [("text", TextTransformer(), "caption"), ("numbers", "passthrough", ["age"])],
        sparse_threshold=1.0,
    )
    found = union.fit_transform(table)
    assert sparse.issparse(found)
    assert_array_equal(found.toarray()[:, -1], table["age"])
    assert_array_equal(found.sum(axis=1).A1[:3], [3 + 1.0, 2.0, 2 + 4.0])


def test_missing_numbers_are_nan_in_either_container(table):
    table.loc[1, "age"] = np.nan
    for threshold in (0, 1):
        union = MultimodalFeatureUnion(PARTS, sparse_threshold=threshold)
        found = _dense(union.fit_transform(table))
        assert_array_equal(np.isnan(found[:, -1]), [False, True, False, False])
        assert not np.isnan(found[:, :-1]).any()


def test_many_terms_reach_a_linear_model_as_a_sparse_matrix():
    # A word of its own in each text: 25,000 x 25,000 numbers, above the dense limit.
    table = pd.DataFrame({"text": [f"w{i}" for i in range(25_000)]})
    union = MultimodalFeatureUnion(
        [("terms", TfidfVectorizer(), "text")], sparse_threshold=0.3
    )
    matrix = union.fit_transform(table)
    assert matrix.shape[0] * matrix.shape[1] > 500_000_000
    assert sparse.issparse(matrix)


def test_a_pipeline_of_scikit_learn_learns_from_the_matrix(table):
    y = [0, 1, 1, 0]
    found, expected = (
        make_pipeline(step, LogisticRegression()).fit(table, y).predict_proba(table)
        for step in (
            MultimodalFeatureUnion(PARTS, sparse_threshold=0.3),
            ColumnTransformer(PARTS),
        )
    )
    assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, "0.3", True])
def test_a_wrong_threshold_is_refused(table, threshold):
    union = MultimodalFeatureUnion(PARTS, sparse_threshold=threshold)
    with pytest.raises(ValueError, match="sparse_threshold must be None or between"):
        union.fit(table)


def test_no_column_selected_gives_a_matrix_without_columns(table):
    union = MultimodalFeatureUnion([("a", "drop", ["age"])], sparse_threshold=0)
    assert union.fit_transform(table).shape == (4, 0)


# Sparse input


@pytest.mark.parametrize("columns", [[0, 2], slice(0, 2), [True, False, True]])
def test_a_sparse_table_gives_what_the_dense_one_gives(columns):
    X = sparse.random(6, 3, density=0.5, random_state=0, format="coo")
    parts = [("some", StandardScaler(with_mean=False), columns)]
    union = MultimodalFeatureUnion(parts, remainder="passthrough")
    found = np.asarray(union.fit_transform(X))
    assert_allclose(found, np.asarray(union.fit_transform(X.toarray())))


# Tables


def test_passed_columns_keep_their_dtypes_in_a_table(table):
    parts = [("encoded", OneHotEncoder(sparse_output=False, dtype="int8"), ["colour"])]
    union = MultimodalFeatureUnion(
        parts, remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    found = union.fit_transform(table)
    pd.testing.assert_frame_equal(
        found[["caption", "age", "count"]], table.iloc[:, [0, 1, 3]]
    )
    assert found["colour_red"].dtype == "int8"


def test_passed_columns_keep_their_dtypes_in_a_table_of_polars(table):
    X = pl.from_pandas(table)
    union = MultimodalFeatureUnion(
        [("scaled", StandardScaler(), ["age"])], remainder="passthrough"
    ).set_output(transform="polars")
    found = union.fit_transform(X)
    for name in ("caption", "colour", "count"):
        assert found[f"remainder__{name}"].to_list() == X[name].to_list()
        assert found[f"remainder__{name}"].dtype == X[name].dtype


def test_a_table_without_names_of_features_has_those_of_its_columns(table):
    parts = [("raw", Nameless(), ["age", "colour"])]
    union = MultimodalFeatureUnion(parts).set_output(transform="pandas")
    assert list(union.fit_transform(table).columns) == ["raw__age", "raw__colour"]


def test_an_array_without_names_of_features_is_numbered(table):
    parts = [("raw", Nameless(table=False), ["age"]), ("b", StandardScaler(), ["age"])]
    union = MultimodalFeatureUnion(parts).set_output(transform="pandas")
    assert list(union.fit_transform(table).columns) == ["raw__x0", "b__age"]


def test_a_table_with_another_index_is_refused(table):
    table.index = [9, 8, 7, 6]
    reset = FunctionTransformer(lambda X: X.reset_index(drop=True))
    union = MultimodalFeatureUnion([("a", reset, ["age"])])
    with pytest.raises(ValueError, match="'a': .*another index than X.* 0, X with 9"):
        union.set_output(transform="pandas").fit(table)


def test_rows_in_another_order_are_refused(table):
    turned = FunctionTransformer(lambda X: X.sort_values("age", ascending=False))
    union = MultimodalFeatureUnion([("a", turned, ["age"])])
    with pytest.raises(ValueError, match="'a': .*rows in another order: row 0 has"):
        union.fit(table)


# Names


@pytest.mark.parametrize(
    ("verbose", "expected"),
    [
        ("{feature_name}-{transformer_name}", "age-numbers"),
        (lambda modality, feature: f"{modality}.{feature.upper()}", "numbers.AGE"),
    ],
)
def test_features_are_named_by_a_format_or_a_function(table, verbose, expected):
    union = MultimodalFeatureUnion(PARTS[2:], verbose_feature_names_out=verbose)
    assert list(union.fit(table).get_feature_names_out()) == [expected]
    frame = union.set_output(transform="pandas").transform(table)
    assert list(frame.columns) == [expected]


def test_what_cannot_name_features_is_refused(table):
    union = MultimodalFeatureUnion(PARTS[2:], verbose_feature_names_out=3)
    with pytest.raises(TypeError, match="verbose_feature_names_out must be .*found 3"):
        union.fit(table).get_feature_names_out()


def test_output_indices_are_those_of_a_column_transformer(table):
    parts = [*PARTS, ("none", "drop", ["count"])]
    found = MultimodalFeatureUnion(parts).fit(table).output_indices_
    assert found == ColumnTransformer(parts).fit(table).output_indices_


# Manners


def test_a_fitted_transformer_is_found_by_its_name(table):
    union = MultimodalFeatureUnion(PARTS)
    with pytest.raises(TypeError, match="subscriptable after it is fitted"):
        union["terms"]
    union.fit(table)
    assert union["terms"] is union.named_transformers_["terms"]
    with pytest.raises(KeyError, match="'photo' is not a valid.*there are.*'terms'"):
        union["photo"]


def test_transformers_may_be_a_tuple(table):
    features = MultimodalFeatureUnion(tuple(PARTS)).fit_transform(table)
    assert features.names == ["terms", "kinds", "numbers"]


def test_transformers_may_be_none_beside_a_remainder(table):
    union = MultimodalFeatureUnion([], remainder=StandardScaler())
    assert union.fit_transform(table[["age"]]).names == ["remainder"]


def test_a_class_in_place_of_an_instance_is_explained(table):
    union = MultimodalFeatureUnion([("numbers", StandardScaler, ["age"])])
    with pytest.raises(
        TypeError, match=r"'numbers': .*instance \(StandardScaler\(\)\)"
    ):
        union.fit(table)


def test_a_dict_of_transformers_is_explained(table):
    union = MultimodalFeatureUnion({"numbers": StandardScaler()})
    with pytest.raises(ValueError, match=r"In place of a dict, give \[\(name,"):
        union.fit(table)


def test_a_modality_is_dropped_by_its_name(table):
    union = MultimodalFeatureUnion(PARTS).set_params(terms="drop", kinds="passthrough")
    union.set_params(kinds="drop")
    assert union.fit_transform(table).names == ["numbers"]
