"""CrossFitTransformer in a union, a Pipeline, a search; and its training rows."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    CrossFitTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
    TrainingRowsWarning,
)

WORDS = make_pipeline(TfidfVectorizer(), LogisticRegression())


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    words = np.array(["red", "blue", "fox", "bird", "the", "a", "no"])
    texts = [" ".join(rng.choice(words, 6)) + f" {row}" for row in range(40)]
    texts[3] = None
    return pd.DataFrame({"caption": texts, "age": rng.normal(size=40)})


@pytest.fixture
def y(table):
    red = table["caption"].fillna("").str.count("red") > 0
    return np.where(red, "yes", "no")


def union(estimator=WORDS, **params):
    return MultimodalFeatureUnion(
        [
            (
                "words",
                CrossFitTransformer(estimator, random_state=0, **params),
                "caption",
            ),
            ("text", TextTransformer(), "caption"),
            ("table", StandardScaler(), ["age"]),
        ]
    )


def test_a_union_gives_features_out_of_fold_and_of_a_missing_cell_nothing(table, y):
    features = union().fit_transform(table, y)
    present = np.flatnonzero(table["caption"].notna())
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    p = cross_val_predict(
        WORDS, table["caption"][present], y[present], cv=folds, method="predict_proba"
    )
    assert features["words"].kind == "vector"
    assert_allclose(features["words"].values[:, 0], np.log(p[:, 1] / p[:, 0]))
    assert_array_equal(np.flatnonzero(features["words"].missing), [3])


def test_features_are_named_by_modality_and_class(table, y):
    features = union().set_output(transform="pandas").fit_transform(table, y)
    assert features.columns[0] == "words__yes"
    assert np.isnan(features.loc[3, "words__yes"])


def test_a_pipeline_trains_on_features_out_of_fold(table, y):
    class Sees(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_, self.seen_ = np.unique(y), np.asarray(X)
            return self

    model = make_pipeline(union(), Sees()).fit(table, y)
    expected = np.asarray(union().fit_transform(table, y))
    assert_array_equal(model[-1].seen_, expected)


def test_a_pipeline_scores_and_a_search_finds_the_parameters_of_the_estimator(table, y):
    network = AttentionFusionClassifier(width=8, max_epochs=2, random_state=0)
    model = make_pipeline(union(), network)
    grid = {
        "multimodalfeatureunion__words__estimator__logisticregression__C": [0.01, 100]
    }
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(table, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(table.head(3)).shape == (3,)


def test_one_union_serves_classes_and_numbers(table, y):
    numbers = make_pipeline(TfidfVectorizer(), Ridge())
    both = union(regressor=numbers)
    assert both.fit(table, y).named_transformers_["words"].classes_.tolist() == [
        "no",
        "yes",
    ]
    target = table["age"].to_numpy()
    features = both.fit_transform(table, target)
    assert isinstance(both.named_transformers_["words"].estimator_[-1], Ridge)
    assert features["words"].token_shape == (1,)


def test_an_error_names_the_modality(table):
    with pytest.raises(ValueError, match="modality 'words': .*requires y"):
        union().fit(table)


# Metadata


class KnowsGroups(ClassifierMixin, BaseEstimator):
    """Is sure of the second class where it saw the first number of a row in fit."""

    def fit(self, X, y):
        self.classes_, self.known_ = np.unique(y), set(X[:, 0])
        return self

    def predict_proba(self, X):
        known = np.array([value in self.known_ for value in X[:, 0]], dtype=float)
        return np.column_stack([1 - known, known])


def test_groups_are_routed_through_a_union_and_kept_together():
    groups = np.repeat(np.arange(8), 5)
    X, y = groups[:, None].astype(float), np.arange(40) % 2
    with config_context(enable_metadata_routing=True):
        step = CrossFitTransformer(KnowsGroups(), random_state=0)
        step.set_fit_request(groups=True)
        whole = MultimodalFeatureUnion([("x", step, [0])])
        kept = whole.fit_transform(X, y, groups=groups)
        mixed = whole.fit_transform(X, y)
    assert (kept["x"].values < 0).all()
    assert (mixed["x"].values > 0).all()


def test_groups_and_weights_are_routed_through_a_pipeline_in_cross_validation(table, y):
    groups = np.repeat(np.arange(8), 5)
    weights = np.linspace(0.5, 2, 40)
    with config_context(enable_metadata_routing=True):
        last = LogisticRegression().set_fit_request(sample_weight=True)
        step = CrossFitTransformer(
            make_pipeline(TfidfVectorizer(), last), random_state=0
        ).set_fit_request(groups=True, sample_weight=True)
        final = GaussianNB().set_fit_request(sample_weight=True)
        final.set_score_request(sample_weight=True)
        model = make_pipeline(
            MultimodalFeatureUnion([("words", step, "caption")]), final
        )
        present = table["caption"].notna().to_numpy()
        scores = cross_val_score(
            model,
            table[present],
            y[present],
            cv=GroupKFold(4),
            params={"groups": groups[present], "sample_weight": weights[present]},
            error_score="raise",
        )
        alone = step.fit(
            table["caption"], y, groups=groups, sample_weight=weights
        ).estimator_
    assert scores.shape == (4,)
    expected = clone(WORDS).fit(
        table["caption"][present],
        y[present],
        logisticregression__sample_weight=weights[present],
    )
    assert_allclose(alone[-1].coef_, expected[-1].coef_)


def test_weights_that_the_estimator_did_not_ask_for_are_refused(table, y):
    with config_context(enable_metadata_routing=True):
        step = CrossFitTransformer(LogisticRegression())
        step.set_fit_request(groups=True, sample_weight=True)
        whole = MultimodalFeatureUnion([("x", step, ["age"])])
        with pytest.raises(ValueError, match="requested for LogisticRegression.fit"):
            whole.fit(table, y, sample_weight=np.ones(40))


# Rows that were trained on


def warned(transformer, X):
    """List the warnings of transform about training rows."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        transformer.transform(X)
    return [each for each in caught if each.category is TrainingRowsWarning]


def test_training_rows_in_transform_are_counted_in_a_warning(table, y):
    transformer = union().fit(table, y)
    (found,) = warned(transformer, table)
    assert "39 of 39 rows are training rows" in str(found.message)
    assert "use fit_transform" in str(found.message)


def test_features_on_disk_of_training_rows_are_warned_of(table, y, tmp_path):
    transformer = union().fit(table, y)
    with pytest.warns(TrainingRowsWarning, match="39 of 39 rows are training rows"):
        transformer.transform_to_disk(table, tmp_path / "train")


def test_fit_transform_gives_no_warning(table, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingRowsWarning)
        union().fit_transform(table, y)


def test_new_rows_give_no_warning_nor_do_a_few_training_rows_among_them(table, y):
    transformer = union().fit(table.head(20), y[:20])
    assert warned(transformer, table.tail(20)) == []
    assert warned(transformer, table.tail(25)) == []
    assert warned(transformer, table.head(9)) == []


def test_rows_that_are_equal_in_training_are_not_taken_for_training_rows():
    colours = pd.DataFrame({"colour": ["red", "blue"] * 20})
    codes = CrossFitTransformer(
        make_pipeline(TfidfVectorizer(analyzer="char"), LogisticRegression())
    ).fit(colours["colour"], [0, 1] * 20)
    assert warned(codes, colours["colour"]) == []


@pytest.mark.parametrize("container", [list, np.array, pd.Series])
def test_rows_are_known_again_in_another_container(table, y, container):
    texts = table["caption"].fillna("none")
    transformer = CrossFitTransformer(WORDS).fit(texts, y)
    assert len(warned(transformer, container(list(texts)))) == 1


def test_cross_validation_gives_no_warning(table, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingRowsWarning)
        model = make_pipeline(
            MultimodalFeatureUnion([("x", CrossFitTransformer(GaussianNB()), ["age"])]),
            GaussianNB(),
        )
        cross_val_score(model, table, y, cv=3, error_score="raise")
