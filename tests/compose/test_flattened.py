"""Modalities in the hands of scikit-learn's own tools: kept, or a warning."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
)

TABLE = pd.DataFrame(
    {
        "caption": ["a red fox", "a dog", "two birds", "a red bird"] * 3,
        "age": np.arange(12.0),
    }
)
Y = np.array([0, 1, 1, 0] * 3)
LOST = "one modality of numbers, the flat view of text .tokens.*MultimodalFeatureUnion"


@pytest.fixture
def union():
    return MultimodalFeatureUnion(
        [("text", TextTransformer(), "caption"), ("table", StandardScaler(), ["age"])]
    )


@pytest.fixture
def model():
    return AttentionFusionClassifier(max_epochs=1, random_state=0)


def modalities(model):
    return {name: each.kind for name, each in model.modalities_in_.items()}


# Kept


def test_a_column_transformer_hands_on_modalities(model):
    columns = ColumnTransformer(
        [("text", TextTransformer(), "caption"), ("age", StandardScaler(), ["age"])]
    )
    pipeline = make_pipeline(columns, model).fit(TABLE, Y)
    assert modalities(pipeline[-1]) == {"tokens": "tokens", "vector": "vector"}
    assert pipeline.predict(TABLE).shape == (12,)


def test_a_column_transformer_gives_scikit_learn_the_flat_view(union):
    parts = union.transformers
    found = ColumnTransformer(parts).fit_transform(TABLE)
    np.testing.assert_array_equal(found, np.asarray(union.fit_transform(TABLE)))


def test_a_feature_union_of_unions_has_the_modalities_of_both(union):
    both = FeatureUnion([("one", union), ("two", union)])
    features = both.fit_transform(TABLE)
    assert isinstance(features, MultimodalFeatures)
    assert features.names == ["text", "table", "text2", "table2"]
    expected = np.hstack([np.asarray(union.fit_transform(TABLE))] * 2)
    np.testing.assert_array_equal(np.asarray(features), expected)


def test_weights_of_a_feature_union_scale_the_flat_view_with_a_warning(union):
    both = FeatureUnion([("one", union)], transformer_weights={"one": 2.0})
    with pytest.warns(UserWarning, match="leave transformer_weights out"):
        found = np.asarray(both.fit_transform(TABLE))
    np.testing.assert_array_equal(found, 2 * np.asarray(union.transform(TABLE)))


def test_numpy_knows_the_shape_without_a_flat_view(union):
    features = union.fit_transform(TABLE)
    assert np.shape(features) == features.shape
    assert np.ndim(features) == 2


# Lost


def test_a_global_table_is_a_warning_before_an_estimator(union, model):
    pipeline = make_pipeline(union, model)
    with (
        config_context(transform_output="pandas"),
        pytest.warns(UserWarning, match=LOST),
    ):
        pipeline.fit(TABLE, Y)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_a_table_of_a_text_transformer_is_a_warning(model, container):
    texts = TextTransformer().set_output(transform=container)
    with pytest.warns(UserWarning, match="flat view of tokens .tokens"):
        make_pipeline(texts, model).fit(TABLE["caption"], Y)


def test_a_table_of_polars_is_a_warning(union, model):
    with pytest.warns(UserWarning, match=LOST):
        make_pipeline(union.set_output(transform="polars"), model).fit(TABLE, Y)


def test_rows_of_a_table_are_known_too(union, model):
    X = union.set_output(transform="pandas").fit_transform(TABLE)
    with pytest.warns(UserWarning, match=LOST):
        model.fit(X.iloc[:8], Y[:8])


def test_bagging_makes_an_array_which_is_a_warning(union, model):
    bagging = BaggingClassifier(model, n_estimators=1)
    with pytest.warns(UserWarning, match=LOST):
        bagging.fit(union.fit_transform(TABLE), Y)


def test_a_sampler_that_makes_an_array_is_a_warning(union, model):
    under_sampling = pytest.importorskip("imblearn.under_sampling")
    sampler = under_sampling.RandomUnderSampler(random_state=0)
    X, y = sampler.fit_resample(union.fit_transform(TABLE), Y)
    with pytest.warns(UserWarning, match=LOST):
        model.fit(X, y)


def choose_rows(features, y, sampler):
    sampler.fit_resample(np.arange(len(y))[:, None], y)
    rows = sampler.sample_indices_
    return features[rows], y[rows]


@pytest.mark.parametrize("kind", ["under", "over"])
def test_a_function_sampler_behind_the_union_gives_on_the_features(union, model, kind):
    imblearn = pytest.importorskip("imblearn")
    module = pytest.importorskip(f"imblearn.{kind}_sampling")
    sampler = getattr(module, f"Random{kind.title()}Sampler")
    step = imblearn.FunctionSampler(
        func=choose_rows, kw_args={"sampler": sampler(random_state=0)}, validate=False
    )
    features, y = union.fit_transform(TABLE), np.arange(12) // 4 % 2
    found, labels = step.fit_resample(features, y)
    assert isinstance(found, MultimodalFeatures)
    rows, expected = sampler(random_state=0).fit_resample(np.asarray(features), y)
    np.testing.assert_array_equal(np.asarray(found), rows)
    np.testing.assert_array_equal(labels, expected)
    pipeline = pytest.importorskip("imblearn.pipeline").make_pipeline(
        union, step, model
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        pipeline.fit(TABLE, y)
    assert modalities(pipeline[-1]) == {"text": "tokens", "table": "vector"}
    assert np.exp(pipeline[-1].prior_).round(6).tolist() == [0.5, 0.5]
    assert pipeline.predict(TABLE).shape == (12,)


def test_a_sampler_before_the_union_keeps_the_modalities(union, model):
    under_sampling = pytest.importorskip("imblearn.under_sampling")
    pipeline = pytest.importorskip("imblearn.pipeline").make_pipeline(
        under_sampling.RandomUnderSampler(random_state=0), union, model
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        pipeline.fit(TABLE, Y)
    assert modalities(pipeline[-1]) == {"text": "tokens", "table": "vector"}


def test_other_numbers_are_no_warning(union, model):
    features = union.fit_transform(TABLE)
    other = np.asarray(features) + 1
    vectors = MultimodalFeatures({"table": np.asarray(TABLE[["age"]])})
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(other, Y)
        model.fit(np.asarray(vectors), Y)
        model.fit(features, Y)
        LogisticRegression().fit(features, Y)
