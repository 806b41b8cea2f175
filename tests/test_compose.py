"""MultimodalFeatureUnion: ColumnTransformer's manners, with the modalities apart."""

import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import (
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)

COLUMNS = ["caption", "age", "height", "colour"]


@parametrize_with_checks(
    [
        MultimodalFeatureUnion(
            [("table", StandardScaler(), slice(0, 1))], remainder="passthrough"
        ),
        MultimodalFeatureUnion([("table", "passthrough", slice(None))]),
        MultimodalFeatureUnion(
            [("table", StandardScaler(), [0])], remainder=TimeSeriesTransformer()
        ),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "caption": ["a red fox", None, "a red bird", "", "the fox", "red"],
            "age": [1.0, 2.0, 4.0, 8.0, 3.0, 6.0],
            "height": [1.5, 1.7, np.nan, 1.6, 1.8, 1.9],
            "colour": ["red", "blue", "red", "green", "blue", "red"],
        },
        index=[10, 20, 30, 40, 50, 60],
    )


@pytest.fixture
def union():
    return MultimodalFeatureUnion(
        [
            ("text", TextTransformer(min_frequency=1), "caption"),
            ("numbers", StandardScaler(), ["age", "height"]),
            ("kinds", OneHotEncoder(handle_unknown="ignore"), ["colour"]),
        ]
    )


def passed_through(table, columns, **params):
    """Select columns by a union that changes nothing, as a flat array."""
    transformer = MultimodalFeatureUnion([("it", "passthrough", columns)], **params)
    return np.asarray(transformer.fit_transform(table))


class Halve(TransformerMixin, BaseEstimator):
    """Has neither fit_transform's extras nor set_output nor names."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.asarray(X) / 2


# What it gives


def test_vectors_are_those_of_a_column_transformer(table):
    parts = [
        ("numbers", StandardScaler(), ["age", "height"]),
        ("kinds", OneHotEncoder(), ["colour"]),
    ]
    features = MultimodalFeatureUnion(parts).fit_transform(table)
    expected = ColumnTransformer(parts, sparse_threshold=0).fit_transform(table)
    assert_array_equal(np.asarray(features), expected)


def test_each_modality_is_a_block_of_its_own_kind(table, union):
    features = union.fit_transform(table)
    kinds = {name: block.kind for name, block in features.blocks.items()}
    assert kinds == {"text": "tokens", "numbers": "vector", "kinds": "vector"}


def test_missing_cells_become_empty_sequences(table, union):
    assert_array_equal(union.fit_transform(table)["text"].lengths, [3, 0, 3, 0, 2, 1])


def test_sparse_output_stays_sparse_in_its_block(table, union):
    values = union.fit_transform(table)["kinds"].values
    assert sparse.issparse(values)
    expected = OneHotEncoder(sparse_output=False).fit_transform(table[["colour"]])
    assert_array_equal(values.toarray(), expected)


def test_transform_uses_the_statistics_of_the_training_rows(table):
    union = MultimodalFeatureUnion([("age", StandardScaler(), ["age"])]).fit(table)
    z = union.transform(pd.DataFrame({"age": [4.0]}))["age"].values
    ages = table["age"].to_numpy()
    assert_allclose(z, [[(4.0 - ages.mean()) / ages.std()]])


@pytest.mark.filterwarnings("ignore:.TargetEncoder:FutureWarning")
def test_y_reaches_supervised_transformers(table):
    y = [0.0, 1.0, 2.0, 0.0, 3.0, 1.0]
    encoder = TargetEncoder(cv=2, shuffle=False, target_type="continuous")
    union = MultimodalFeatureUnion([("target", encoder, ["colour"])])
    expected = encoder.fit_transform(table[["colour"]], y)
    assert_array_equal(union.fit_transform(table, y)["target"].values, expected)


def test_a_transformer_without_names_and_set_output_will_do(table):
    union = MultimodalFeatureUnion([("half", Halve(), ["age"])])
    half = union.fit_transform(table)["half"].values
    assert_array_equal(half, table[["age"]] / 2)


def test_a_pipeline_may_hand_tables_to_its_own_steps(table):
    steps = make_pipeline(
        SimpleImputer(strategy="mean").set_output(transform="pandas"),
        ColumnTransformer([("scaled", MinMaxScaler(), ["height"])]),
    )
    union = MultimodalFeatureUnion([("table", steps, ["age", "height"])])
    expected = clone(steps).fit_transform(table[["age", "height"]])
    assert_array_equal(union.fit_transform(table)["table"].values, expected)


def test_nullable_numbers_become_nan():
    X = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0.5, 1.5]})
    assert_array_equal(passed_through(X, ["a", "b"]), [[1, 0.5], [np.nan, 1.5]])


def test_the_input_and_the_given_transformers_stay_as_they_are(table, union):
    before = table.copy(deep=True)
    union.fit(table).transform(table)
    pd.testing.assert_frame_equal(table, before)
    assert not hasattr(union.transformers[1][1], "mean_")


# Which columns


@pytest.mark.parametrize(
    "columns",
    [
        ["age", "height"],
        [1, 2],
        [-3, -2],
        slice(1, 3),
        slice("age", "height"),
        [False, True, True, False],
        np.array(["age", "height"]),
        make_column_selector(dtype_include=float),
        lambda X: [1, 2],
    ],
)
def test_columns_are_names_positions_slices_masks_or_callables(table, columns):
    assert_array_equal(passed_through(table, columns), table[["age", "height"]])


@pytest.mark.parametrize("column", ["caption", 0, lambda X: "caption"])
def test_a_single_name_or_position_gives_one_column(table, column):
    union = MultimodalFeatureUnion([("text", TextTransformer(), column)])
    assert union.fit(table).named_transformers_["text"].n_features_in_ == 1
    assert union.transformers_[0][2] == "caption"


def test_tables_of_every_library_give_the_same_features(table):
    union = MultimodalFeatureUnion(
        [
            ("text", TextTransformer(min_frequency=1), 0),
            ("numbers", StandardScaler(), [1, 2]),
            ("kinds", OneHotEncoder(), [3]),
        ]
    )
    expected = np.asarray(union.fit_transform(table))
    for X in (
        pl.from_pandas(table),
        pa.Table.from_pandas(table),
        table.to_numpy(dtype=object),
        [list(row) for row in table.itertuples(index=False)],
    ):
        assert_array_equal(np.asarray(clone(union).fit_transform(X)), expected)


def test_a_fitted_union_takes_a_table_of_another_library(table, union):
    expected = np.asarray(union.fit_transform(table))
    for X in (pl.from_pandas(table), pa.Table.from_pandas(table)):
        assert_array_equal(np.asarray(union.transform(X)), expected)


def test_transform_takes_the_columns_by_name_in_any_order(table, union):
    expected = np.asarray(union.fit_transform(table))
    others = table[COLUMNS[::-1]].assign(more=1)[["more", *COLUMNS[::-1]]]
    assert_array_equal(np.asarray(union.transform(others)), expected)


def test_transform_needs_only_the_columns_that_are_used(table):
    union = MultimodalFeatureUnion([("numbers", "passthrough", ["age"])]).fit(table)
    assert len(union.transform(table[["age"]])) == 6


def test_the_rest_is_dropped_by_default(table):
    union = MultimodalFeatureUnion([("age", "passthrough", ["age"])])
    assert union.fit_transform(table[["age", "height"]]).names == ["age"]


@pytest.mark.parametrize(
    ("remainder", "expected"), [("passthrough", [1.0, 3.0]), (Halve(), [0.5, 1.5])]
)
def test_the_rest_is_the_modality_remainder(remainder, expected):
    X = pd.DataFrame({"a": [1.0, 3.0], "b": [5.0, 7.0]})
    union = MultimodalFeatureUnion([("b", "passthrough", ["b"])], remainder=remainder)
    features = union.fit_transform(X)
    assert features.names == ["b", "remainder"]
    assert_array_equal(features["remainder"].values[:, 0], expected)


def test_a_dropped_column_is_not_part_of_the_rest(table):
    union = MultimodalFeatureUnion(
        [("no", "drop", ["caption", "colour"])], remainder="passthrough"
    )
    features = union.fit_transform(table)
    assert features.names == ["remainder"]
    assert_array_equal(features["remainder"].values, table[["age", "height"]])


def test_a_modality_that_selects_no_column_is_left_out(table):
    scaler = StandardScaler()
    union = MultimodalFeatureUnion([("none", scaler, []), ("age", scaler, ["age"])])
    assert union.fit_transform(table).names == ["age"]


# Parameters


def test_parameters_of_a_transformer_are_reached_by_its_name(table, union):
    assert union.get_params()["text__min_frequency"] == 1
    union.set_params(text__max_tokens=2)
    assert_array_equal(union.fit_transform(table)["text"].lengths, [2, 0, 2, 0, 2, 1])


def test_a_transformer_is_replaced_by_its_name(table, union):
    union.set_params(numbers=MinMaxScaler(), kinds="drop")
    features = union.fit_transform(table)
    assert features.names == ["text", "numbers"]
    expected = MinMaxScaler().fit_transform(table[["age", "height"]])
    assert_array_equal(features["numbers"].values, expected)


def test_clone_copies_the_transformers(union):
    copy = clone(union).set_params(text__max_tokens=7)
    assert copy.get_params()["text__max_tokens"] == 7
    assert union.get_params()["text__max_tokens"] != 7


def test_grid_search_finds_the_parameter_of_a_transformer():
    # Only the second word tells the class.
    X = pd.DataFrame({"text": ["a yes", "b yes", "a no", "b no"] * 6})
    y = [1, 1, 0, 0] * 6
    text = TextTransformer(min_frequency=1)
    features = MultimodalFeatureUnion([("text", text, "text")])
    model = Pipeline([("features", features), ("model", LogisticRegression())])
    search = GridSearchCV(model, {"features__text__max_tokens": [1, 2]}, cv=3)
    search.fit(X, y)
    assert search.best_params_ == {"features__text__max_tokens": 2}
    assert_allclose(search.cv_results_["mean_test_score"], [0.5, 1.0])


def test_two_processes_give_what_one_gives(table, union):
    expected = np.asarray(union.fit_transform(table))
    parallel = clone(union).set_params(n_jobs=2)
    assert_array_equal(np.asarray(parallel.fit_transform(table)), expected)
    assert_array_equal(np.asarray(parallel.transform(table)), expected)


def test_verbose_prints_a_line_for_each_transformer(table, union, capsys):
    union.set_params(verbose=True).fit(table)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for number, name in enumerate(("text", "numbers", "kinds"), 1):
        assert f"({number} of 3) Processing {name}, total=" in lines[number - 1]


def test_a_fitted_union_survives_pickle(table, union):
    expected = np.asarray(union.fit_transform(table))
    loaded = pickle.loads(pickle.dumps(union))
    assert_array_equal(np.asarray(loaded.transform(table)), expected)


# Names and containers


def test_names_are_those_of_a_column_transformer(table):
    parts = [
        ("numbers", StandardScaler(), ["age", "height"]),
        ("kinds", OneHotEncoder(), ["colour"]),
    ]
    names = MultimodalFeatureUnion(parts).fit(table).get_feature_names_out()
    expected = ColumnTransformer(parts).fit(table).get_feature_names_out()
    assert_array_equal(names, expected)


def test_columns_without_names_are_named_by_position():
    union = MultimodalFeatureUnion([("some", StandardScaler(), [2, 0])])
    union.fit(np.eye(3))
    assert_array_equal(union.get_feature_names_out(), ["some__x2", "some__x0"])
    assert_array_equal(union.get_feature_names_out(list("abc")), ["some__c", "some__a"])


def test_names_without_prefix(table, union):
    union.set_params(verbose_feature_names_out=False, text="drop").fit(table)
    names = ["age", "height", "colour_blue", "colour_green", "colour_red"]
    assert_array_equal(union.get_feature_names_out(), names)


def test_names_without_prefix_must_differ(table):
    union = MultimodalFeatureUnion(
        [("one", StandardScaler(), ["age"]), ("two", "passthrough", ["age"])],
        verbose_feature_names_out=False,
    )
    with pytest.raises(ValueError, match=r"share a name.*\['age'\].*verbose_feature"):
        union.fit(table).get_feature_names_out()


def test_pandas_output_has_the_index_and_the_names(table, union):
    expected = np.asarray(union.fit_transform(table))
    frame = union.set_output(transform="pandas").fit_transform(table)
    assert_array_equal(frame.to_numpy(), expected)
    assert frame.index.tolist() == table.index.tolist()
    assert frame.columns.tolist() == union.get_feature_names_out().tolist()
    pd.testing.assert_frame_equal(union.transform(table), frame)


def test_polars_output_has_the_names(table, union):
    expected = np.asarray(union.fit_transform(table))
    frame = union.set_output(transform="polars").fit_transform(table)
    assert isinstance(frame, pl.DataFrame)
    assert_array_equal(frame.to_numpy(), expected)
    assert frame.columns == union.get_feature_names_out().tolist()


def test_a_global_container_is_that_of_the_union_but_not_of_its_parts(table, union):
    with config_context(transform_output="pandas"):
        frame = union.fit_transform(table)
    features = union.transform(table)
    assert isinstance(frame, pd.DataFrame)
    assert_array_equal(frame.to_numpy(), np.asarray(features))
    with config_context(transform_output="pandas"):
        features = union.set_output(transform="default").fit_transform(table)
    assert features["text"].kind == "tokens"
    assert sparse.issparse(features["kinds"].values)


@pytest.mark.parametrize("fitted", [False, True])
def test_the_diagram_shows_each_modality(table, union, fitted):
    union.set_params(transformers=union.transformers[:2], remainder=OneHotEncoder())
    html = estimator_html_repr(union.fit(table) if fitted else union)
    found = re.findall("<label.*?</label>", html, re.DOTALL)
    labels = [re.sub("<[^>]*>", "", label).strip() for label in found]
    assert {"text", "TextTransformer", "numbers", "remainder"} <= set(labels)


# Metadata


def test_sample_weight_is_routed_to_who_asks_for_it(table):
    weight = [1.0, 1.0, 5.0, 1.0, 1.0, 1.0]
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        numbers = ("numbers", scaler, ["age"])
        union = MultimodalFeatureUnion([numbers, ("text", TextTransformer(), 0)])
        features = union.fit_transform(table, sample_weight=weight)
        reference = ColumnTransformer([numbers])
        expected = reference.fit_transform(table, sample_weight=weight)
    assert_array_equal(features["numbers"].values, expected)
    assert features["text"].kind == "tokens"


def test_columns_passed_through_ask_for_no_metadata(table):
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        union = MultimodalFeatureUnion(
            [("raw", "passthrough", ["age"]), ("scaled", scaler, ["height"])]
        )
        features = union.fit_transform(table, sample_weight=np.ones(6))
    assert_array_equal(features["raw"].values, table[["age"]])


def test_metadata_without_routing_is_refused(table, union):
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        union.fit(table, sample_weight=np.ones(6))
