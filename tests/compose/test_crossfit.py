"""CrossFitTransformer: what an estimator predicts, out of fold in training."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    KFold,
    PredefinedSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import (
    check_methods_sample_order_invariance,
    check_methods_subset_invariance,
    parametrize_with_checks,
)

from sklearn_mm import (
    CrossFitTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
)
from sklearn_mm.testing import parametrize_with_multimodal_checks

# What scikit-learn and the suite check of training rows, they check by transform.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_mm.TrainingRowsWarning")

HIGHEST = np.log(0.999 / 0.001)

WORDS = make_pipeline(TfidfVectorizer(), LogisticRegression())
TEXTS = [
    "a red fox",
    "a blue bird",
    "red red",
    "the fox and the bird",
    "blue",
    "no fox",
    "a bird",
    "red bird",
    "the red",
    "grey fox",
]
LABELS = ["cat", "dog", "cat", "cat", "dog", "emu", "dog", "cat", "emu", "emu"]
CATEGORIES = pd.DataFrame({"colour": ["red", "blue"] * 5, "size": list("abcabcabab")})
PIXELS = [
    np.random.default_rng(i).integers(0, 256, (8, 8 + i % 2, 3)) for i in range(9)
]


@pytest.fixture
def three_classes():
    X, y = make_classification(
        60, n_informative=4, n_classes=3, flip_y=0.2, random_state=0
    )
    return X, np.array(["cat", "dog", "emu"])[y]


@parametrize_with_checks(
    [
        CrossFitTransformer(LogisticRegression(), cv=3),
        CrossFitTransformer(Ridge()),
        CrossFitTransformer(LogisticRegression(), regressor=Ridge()),
        MultimodalFeatureUnion([("x", CrossFitTransformer(GaussianNB()), [0])]),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check", [check_methods_sample_order_invariance, check_methods_subset_invariance]
)
def test_what_scikit_learn_leaves_out_for_the_tag_non_deterministic(check):
    check("CrossFitTransformer", CrossFitTransformer(LogisticRegression()))


def test_consecutive_fits_give_the_same_features(three_classes):
    X, y = three_classes
    transformer = CrossFitTransformer(LogisticRegression(), random_state=0)
    first = transformer.fit_transform(X, y)
    assert_array_equal(transformer.fit_transform(X, y), first)
    assert_array_equal(make_pipeline(clone(transformer)).fit_transform(X, y), first)


class HoldsArray:
    """Is no array, but gives one."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


def test_lists_and_whatever_can_be_an_array_are_taken_as_arrays(three_classes):
    X, y = three_classes
    transformer = CrossFitTransformer(LogisticRegression(), random_state=0)
    expected = transformer.fit_transform(X, y)
    assert_array_equal(transformer.fit_transform(X.tolist(), y.tolist()), expected)
    arrays = HoldsArray(X), HoldsArray(y)
    assert_array_equal(transformer.fit_transform(*arrays), expected)


def test_fewer_columns_than_in_fit_are_refused(three_classes):
    X, y = three_classes
    transformer = CrossFitTransformer(LogisticRegression()).fit(X, y)
    with pytest.raises(ValueError, match="X has 19 features, but .* expecting 20"):
        transformer.transform(X[:, 1:])


@parametrize_with_multimodal_checks([CrossFitTransformer(WORDS)], X=TEXTS, y=LABELS)
def test_a_column_of_texts_passes(estimator, check):
    check(estimator)


@parametrize_with_multimodal_checks(
    [CrossFitTransformer(make_pipeline(TfidfVectorizer(), Ridge()))],
    X=TEXTS,
    y=np.arange(10) / 3,
)
def test_a_regressor_passes(estimator, check):
    check(estimator)


CODES = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())


@parametrize_with_multimodal_checks(
    [
        CrossFitTransformer(CODES),
        MultimodalFeatureUnion([("x", CrossFitTransformer(CODES), ["colour", "size"])]),
    ],
    X=CATEGORIES,
    y=LABELS,
)
def test_a_table_passes(estimator, check):
    check(estimator)


# Out of fold


def folds(n_splits=5):
    return StratifiedKFold(n_splits, shuffle=True, random_state=0)


def log_odds(p):
    p = np.clip(p, 0.001, 0.999)
    return np.log(p / (1 - p))


def test_fit_transform_gives_the_log_odds_of_cross_val_predict(three_classes):
    X, y = three_classes
    features = CrossFitTransformer(LogisticRegression(), random_state=0).fit_transform(
        X, y
    )
    p = cross_val_predict(
        LogisticRegression(), X, y, cv=folds(), method="predict_proba"
    )
    assert_allclose(features, log_odds(p))


def test_transform_gives_the_log_odds_of_a_fit_on_all_rows(three_classes):
    X, y = three_classes
    transformer = CrossFitTransformer(LogisticRegression()).fit(X[:50], y[:50])
    p = LogisticRegression().fit(X[:50], y[:50]).predict_proba(X[50:])
    assert_allclose(transformer.transform(X[50:]), log_odds(p))


def test_of_two_classes_the_log_odds_of_the_second_are_given(three_classes):
    X, y = three_classes
    y = y == "dog"
    transformer = CrossFitTransformer(LogisticRegression(), cv=folds())
    p = cross_val_predict(
        LogisticRegression(), X, y, cv=folds(), method="predict_proba"
    )
    assert_allclose(transformer.fit_transform(X, y), log_odds(p[:, 1:]))
    assert_array_equal(transformer.classes_, [False, True])


class SeesFeatures(ClassifierMixin, BaseEstimator):
    """Keeps what a stack gives its last estimator."""

    def fit(self, X, y):
        self.classes_, self.X_ = np.unique(y), X
        return self

    def predict(self, X):
        return self.classes_[[0] * len(X)]


def test_the_features_are_those_that_stacking_gives_its_final_estimator(three_classes):
    X, y = three_classes
    stack = StackingClassifier(
        [("tree", DecisionTreeClassifier(max_depth=2, random_state=0))],
        final_estimator=SeesFeatures(),
        cv=folds(3),
    ).fit(X, y)
    transformer = CrossFitTransformer(
        DecisionTreeClassifier(max_depth=2, random_state=0), cv=folds(3)
    )
    features = transformer.fit_transform(X, y)
    assert_allclose(features, log_odds(stack.final_estimator_.X_))
    assert_allclose(transformer.transform(X), log_odds(stack.transform(X)))


def test_unique_noise_tells_nothing_of_the_target():
    rng = np.random.default_rng(0)
    ids, y = rng.normal(size=(400, 1)), rng.integers(0, 2, 400)
    transformer = CrossFitTransformer(DecisionTreeClassifier(random_state=0))
    honest = transformer.fit_transform(ids, y)
    assert abs(np.mean((honest[:, 0] > 0) == y) - 0.5) < 0.1
    with pytest.warns(UserWarning, match="400 of 400 rows are training rows"):
        told = transformer.transform(ids)
    assert np.mean((told[:, 0] > 0) == y) == 1


def test_margins_are_given_as_they_are(three_classes):
    X, y = three_classes
    found = CrossFitTransformer(LinearSVC(), cv=folds()).fit_transform(X, y)
    expected = cross_val_predict(
        LinearSVC(), X, y, cv=folds(), method="decision_function"
    )
    assert_allclose(found, expected)


def test_margins_of_two_classes_are_one_column(three_classes):
    X, y = three_classes
    found = CrossFitTransformer(LinearSVC(), cv=folds()).fit_transform(X, y == "cat")
    expected = cross_val_predict(
        LinearSVC(), X, y == "cat", cv=folds(), method="decision_function"
    )
    assert_allclose(found[:, 0], expected)


def test_margins_can_be_asked_of_a_classifier_that_has_probabilities(three_classes):
    X, y = three_classes
    transformer = CrossFitTransformer(LogisticRegression(), method="decision_function")
    found = transformer.fit(X[:40], y[:40]).transform(X[40:])
    expected = LogisticRegression().fit(X[:40], y[:40]).decision_function(X[40:])
    assert_allclose(found, expected)


def test_margins_of_pairs_of_classes_are_refused():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 4
    transformer = CrossFitTransformer(SVC(decision_function_shape="ovo"))
    with pytest.raises(ValueError, match="found 6. SVC needs decision_function_shape"):
        transformer.fit_transform(X, y)


def test_a_regressor_predicts_in_standard_deviations_of_the_target():
    X, y = make_regression(30, 3, noise=20, random_state=0)
    features = CrossFitTransformer(Ridge(), random_state=3).fit_transform(X, y)
    expected = np.empty(30)
    for train, test in KFold(5, shuffle=True, random_state=3).split(X):
        expected[test] = Ridge().fit(X[train], y[train]).predict(X[test])
    assert_allclose(features[:, 0], (expected - y.mean()) / y.std())


def test_the_scale_of_a_target_does_not_matter():
    X, y = make_regression(30, 3, noise=20, random_state=0)
    transformer = CrossFitTransformer(LinearRegression(), random_state=3)
    assert_allclose(
        transformer.fit_transform(X, y), transformer.fit_transform(X, 1000 * y - 7)
    )


def test_several_outputs_of_a_regressor_are_several_columns():
    X, y = make_regression(30, 3, n_targets=2, noise=20, random_state=0)
    both = CrossFitTransformer(Ridge(), random_state=0)
    alone = CrossFitTransformer(Ridge(), random_state=0)
    features = both.fit_transform(X, pd.DataFrame(y, columns=["height", "width"]))
    assert_allclose(features[:, 1:], alone.fit_transform(X, y[:, 1]))
    assert_array_equal(both.get_feature_names_out(), ["height", "width"])


def test_a_constant_target_gives_zeros():
    X = np.random.default_rng(0).normal(size=(10, 2))
    features = CrossFitTransformer(Ridge()).fit_transform(X, np.full(10, 5.0))
    assert_allclose(features, 0, atol=1e-9)


@pytest.mark.parametrize(
    "classifier",
    [
        RandomForestClassifier(5, random_state=0),
        MultiOutputClassifier(LogisticRegression()),
        OneVsRestClassifier(LogisticRegression()),
    ],
)
def test_each_label_has_its_log_odds(classifier):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 2, (40, 3))
    transformer = CrossFitTransformer(classifier, random_state=0)
    p = np.empty((40, 3))
    for train, test in KFold(5, shuffle=True, random_state=0).split(X):
        found = clone(classifier).fit(X[train], y[train]).predict_proba(X[test])
        is_list = isinstance(found, list)
        p[test] = np.transpose([each[:, 1] for each in found]) if is_list else found
    assert_allclose(transformer.fit_transform(X, y), log_odds(p))
    names = ["label0", "label1", "label2"]
    assert_array_equal(transformer.get_feature_names_out(), names)


def test_a_label_that_no_training_row_of_a_fold_has_gets_the_least_log_odds():
    X, y = np.arange(20.0)[:, None], np.zeros((20, 2), dtype=int)
    y[::2, 0] = y[7, 1] = 1
    transformer = CrossFitTransformer(KNeighborsClassifier(3), random_state=0)
    assert transformer.fit_transform(X, y)[7, 1] == pytest.approx(-HIGHEST)


def test_a_class_that_is_unknown_in_a_fold_gets_the_least_log_odds(three_classes):
    X, y = three_classes
    X, y = X[y != "emu"], y[y != "emu"].astype(object)
    y[4] = "zebu"
    transformer = CrossFitTransformer(LogisticRegression(), random_state=0)
    features = transformer.fit_transform(X, y)
    assert_array_equal(transformer.classes_, ["cat", "dog", "zebu"])
    assert features[4, 2] == pytest.approx(-HIGHEST)
    assert np.sum(np.isclose(features[:, 2], -HIGHEST)) < len(y)


def test_a_fold_that_knows_one_class_is_sure_of_it():
    X, y = np.arange(10.0)[:, None], np.array(["no"] * 9 + ["yes"])
    transformer = CrossFitTransformer(LogisticRegression(), cv=KFold(10))
    assert transformer.fit_transform(X, y)[9, 0] == pytest.approx(-HIGHEST)


def test_a_classifier_sees_the_labels_themselves_in_each_fold(three_classes):
    X, y = three_classes
    weighted = LogisticRegression(class_weight={"cat": 1.0, "dog": 2.0, "emu": 9.0})
    features = CrossFitTransformer(weighted, cv=folds()).fit_transform(X, y)
    train, test = next(folds().split(X, y))
    expected = clone(weighted).fit(X[train], y[train]).predict_proba(X[test])
    assert_allclose(features[test], log_odds(expected))


def test_in_processes_the_features_are_the_same(three_classes):
    X, y = three_classes
    alone = CrossFitTransformer(LogisticRegression(), random_state=0)
    several = clone(alone).set_params(n_jobs=2)
    assert_allclose(several.fit_transform(X, y), alone.fit_transform(X, y))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_with_a_cache_images_are_read_once_for_all_folds(tmp_path, monkeypatch, n_jobs):
    read, read_cell = [], ImageTransformer._read_cell

    def count(self, cell):
        read.append(cell)
        return read_cell(self, cell)

    monkeypatch.setattr(ImageTransformer, "_read_cell", count)
    images = ImageTransformer(size=(4, 4), value_range=(0, 255))
    classifier = CrossFitTransformer(
        make_pipeline(images, LogisticRegression()), cv=3, n_jobs=n_jobs
    )
    union = MultimodalFeatureUnion([("x", classifier, "photo")], memory=tmp_path)
    table = pd.DataFrame({"photo": pd.Series(PIXELS)})
    with parallel_config("threading"):
        union.fit_transform(table, np.arange(9) % 2)
    assert len(read) >= len(PIXELS)
    assert len(read) == len(PIXELS) or n_jobs == 2  # two may read one at once
    read.clear()
    union.fit_transform(table, np.arange(9) % 2)
    assert not read


# Folds


class KnowsRows(ClassifierMixin, BaseEstimator):
    """Is sure of the second class where it saw the first number of a row in fit."""

    def fit(self, X, y, sample_weight=None):
        self.classes_, self.known_ = np.unique(y), set(X[:, 0])
        self.weights_ = sample_weight
        return self

    def predict_proba(self, X):
        known = np.array([value in self.known_ for value in X[:, 0]], dtype=float)
        return np.column_stack([1 - known, known])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.mark.parametrize("y", [np.arange(40) % 2, ["a", "b", "b", "b"] * 10])
def test_rows_of_a_group_are_predicted_by_a_fit_on_other_groups(y):
    groups = np.repeat(np.arange(8), 5)
    X = groups[:, None].astype(float)
    transformer = CrossFitTransformer(KnowsRows(), random_state=0)
    assert (transformer.fit_transform(X, y, groups=groups) < 0).all()
    assert (transformer.fit_transform(X, y) > 0).all()


def test_groups_of_a_regressor_are_kept_together():
    groups = np.repeat(["a", "b", "c"], 4)
    X, y = np.eye(3)[[0, 1, 2]].repeat(4, axis=0), np.repeat([1.5, 7.0, 9.0], 4)
    transformer = CrossFitTransformer(LinearRegression(), random_state=0)
    features = transformer.fit_transform(X, y, groups=groups)
    for row in (0, 4, 8):  # what no fit saw is at the mean of the others
        others = y[groups != groups[row]].mean()
        assert features[row, 0] == pytest.approx((others - y.mean()) / y.std())


def test_rows_of_one_group_are_refused():
    X, y = np.arange(6.0)[:, None], [0, 1] * 3
    with pytest.raises(ValueError, match="all of one group: at least two groups"):
        CrossFitTransformer(GaussianNB()).fit_transform(X, y, groups=["a"] * 6)


def test_a_splitter_and_its_pairs_give_the_same(three_classes):
    X, y = three_classes
    pairs = list(folds().split(X, y))
    masks = [(np.isin(range(60), a), np.isin(range(60), b)) for a, b in pairs]
    expected = CrossFitTransformer(LogisticRegression(), cv=folds()).fit_transform(X, y)
    for cv in (pairs, masks):
        found = CrossFitTransformer(LogisticRegression(), cv=cv).fit_transform(X, y)
        assert_allclose(found, expected)


def test_a_splitter_splits_all_rows_and_missing_ones_are_left_out():
    cv = PredefinedSplit([0, 1] * 5)
    texts = [None, *TEXTS[1:]]
    found = CrossFitTransformer(WORDS, cv=cv).fit_transform(texts, LABELS)
    train = np.arange(1, 10, 2)
    fitted = clone(WORDS).fit(np.array(TEXTS)[train], np.array(LABELS)[train])
    test = np.arange(2, 10, 2)
    assert_allclose(found[test], log_odds(fitted.predict_proba(np.array(TEXTS)[test])))
    assert np.isnan(found[0]).all()


def test_a_splitter_that_leaves_rows_out_is_refused(three_classes):
    transformer = CrossFitTransformer(LogisticRegression(), cv=TimeSeriesSplit(3))
    with pytest.raises(ValueError, match="each of the 60 rows once.* row 0 0 times"):
        transformer.fit_transform(*three_classes)


def test_a_split_that_predicts_a_row_it_was_fitted_on_is_refused(three_classes):
    pairs = [(np.arange(60), np.arange(30)), (np.arange(30), np.arange(30, 60))]
    transformer = CrossFitTransformer(LogisticRegression(), cv=pairs)
    with pytest.raises(ValueError, match="has row 0 among those to fit on and among"):
        transformer.fit_transform(*three_classes)


def test_rows_to_fit_on_may_be_drawn_several_times(three_classes):
    X, y = three_classes
    first, second = np.arange(30).repeat(2), np.arange(30, 60).repeat(2)
    pairs = [(first, second[::2]), (second, first[::2])]
    transformer = CrossFitTransformer(LogisticRegression(), cv=pairs)
    fitted = LogisticRegression().fit(X[first], y[first])
    found = transformer.fit_transform(X, y)
    assert_allclose(found[30:], log_odds(fitted.predict_proba(X[30:])))


def test_a_fold_with_nothing_to_fit_on_is_refused():
    texts = [None] * 5 + TEXTS[5:]
    pairs = [(range(5), range(5, 10)), (range(5, 10), range(5))]
    y = np.arange(10) % 2
    with pytest.raises(ValueError, match="a fold whose other rows are all missing"):
        CrossFitTransformer(WORDS, cv=pairs).fit_transform(texts, y)


@pytest.mark.parametrize("cv", [1, True, 0])
def test_less_than_two_folds_are_refused(three_classes, cv):
    with pytest.raises(ValueError, match="cv must be an integer of at least 2"):
        CrossFitTransformer(LogisticRegression(), cv=cv).fit_transform(*three_classes)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "y", ["ab", "aab", "abc", "aaaab", "aaaaaaab", "aaaabbbbcc", "abcdefghij"]
)
def test_a_handful_of_rows_is_enough_and_gives_no_warning(y):
    X = np.linspace(0, 1, len(y))[:, None]
    features = CrossFitTransformer(LogisticRegression()).fit_transform(X, list(y))
    assert np.isfinite(features).all()


@pytest.mark.filterwarnings("error")
def test_two_rows_are_enough_for_a_regressor():
    features = CrossFitTransformer(Ridge()).fit_transform([[0.0], [1.0]], [1.0, 3.0])
    assert_allclose(features, [[1.0], [-1.0]])  # each is told what the other is


def test_a_rare_class_is_in_the_training_rows_of_each_fold():
    X, y = np.repeat([[0.0], [1.0]], [38, 2], axis=0), np.repeat(["a", "b"], [38, 2])
    transformer = CrossFitTransformer(DecisionTreeClassifier(), random_state=0)
    # Each of the two is known by the other, which its fold was fitted on.
    assert (transformer.fit_transform(X, y)[-2:] > 0).all()


def test_the_same_random_state_gives_the_same_folds(three_classes):
    X, y = three_classes
    tree = DecisionTreeClassifier(random_state=0)
    first = CrossFitTransformer(tree, random_state=1).fit_transform(X, y)
    again = CrossFitTransformer(tree, random_state=1).fit_transform(X, y)
    other = CrossFitTransformer(tree, random_state=2).fit_transform(X, y)
    assert_array_equal(first, again)
    assert (first != other).any()


# Missing cells


@pytest.mark.parametrize("cell", [None, np.nan, pd.NA, pd.NaT])
def test_a_missing_cell_is_left_out_and_gives_nan(cell):
    transformer = CrossFitTransformer(WORDS, cv=2, random_state=0)
    gappy = transformer.fit_transform([*TEXTS, cell], [*LABELS, "cat"])
    assert_array_equal(gappy[:-1], transformer.fit_transform(TEXTS, LABELS))
    assert np.isnan(gappy[-1]).all()
    assert np.isnan(transformer.transform([cell])).all()


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
def test_a_row_of_a_table_is_missing_if_all_its_cells_are(container):
    table = container({"a": [1.0, None, None, 3.0] * 3, "b": [2.0, 1.0, None, 4.0] * 3})
    transformer = CrossFitTransformer(HistGradientBoostingRegressor(max_iter=2))
    features = transformer.fit_transform(table, np.arange(12.0))
    assert_array_equal(np.isnan(features[:, 0]), [False, False, True, False] * 3)


def test_what_is_missing_in_a_row_of_a_table_is_one_category_however_it_is_written():
    sizes = ["s", "m", "l"] * 4
    mixed = ["red", None, np.nan, pd.NA] * 3
    plain = ["red", np.nan, np.nan, np.nan] * 3
    y = np.arange(12) % 2
    transformer = CrossFitTransformer(CODES, cv=2, random_state=0)
    found, expected = (
        transformer.fit_transform(pd.DataFrame({"a": cells, "size": sizes}), y)
        for cells in (mixed, plain)
    )
    assert_array_equal(found, expected)
    new = pd.DataFrame({"a": [None, pd.NA, np.nan], "size": ["s"] * 3})
    assert len(set(transformer.transform(new)[:, 0])) == 1


def test_a_column_without_any_cell_gives_nan_then_and_later():
    transformer = CrossFitTransformer(WORDS)
    features = transformer.fit_transform([None] * 10, LABELS)
    assert features.shape == (10, 3)
    assert np.isnan(features).all()
    assert transformer.estimator_ is None
    assert np.isnan(transformer.transform(TEXTS)).all()


@pytest.mark.parametrize("n_present", [1, 2])
def test_cells_of_one_class_are_too_few_and_that_is_said(n_present):
    texts = [*TEXTS[:n_present], *[None] * 8]
    y = ["cat"] * n_present + ["dog"] * 8
    message = f"only {n_present} of {n_present + 8} rows are not missing, of the class"
    with pytest.warns(UserWarning, match=message):
        features = CrossFitTransformer(WORDS).fit_transform(texts, y)
    assert np.isnan(features).all()


# Classes or numbers


@pytest.mark.parametrize(
    ("y", "is_classes"),
    [
        (["yes", "no"] * 10, True),
        (np.array([True, False] * 10), True),
        (pd.Series(["a", "b"] * 10, dtype="category"), True),
        (pd.Series([True, False] * 10, dtype="boolean"), True),
        (np.array([[0, 1], [1, 1]] * 10), True),
        (np.resize([1, 2, 3, 4, 5], 20), True),
        (np.resize([1.0, 2.0, 3.0, 4.0, 5.0], 20), True),
        (pd.Series([0, 1] * 10, dtype="Int64"), True),
        (np.arange(20.0), False),
        (np.linspace(0, 1, 20), False),
        (np.resize([1.0, 1.5], 20), False),
        (np.arange(40.0).reshape(20, 2), False),
        (pd.Series(np.arange(20) / 3, dtype="Float64"), False),
    ],
)
def test_the_target_decides_between_classifier_and_regressor(y, is_classes):
    X = np.random.default_rng(0).normal(size=(20, 2))
    classifier = KNeighborsClassifier(3)
    transformer = CrossFitTransformer(classifier, regressor=Ridge()).fit(X, y)
    kind = KNeighborsClassifier if is_classes else Ridge
    assert isinstance(transformer.estimator_, kind)
    assert hasattr(transformer, "classes_") == is_classes


def test_a_score_of_many_whole_numbers_is_numbers():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1000, 2)), rng.integers(0, 101, 1000).astype(float)
    transformer = CrossFitTransformer(GaussianNB(), regressor=Ridge()).fit(X, y)
    assert isinstance(transformer.estimator_, Ridge)


def test_the_task_can_be_given():
    X, counts = np.arange(20.0)[:, None], np.resize([0, 1, 2], 20)
    transformer = CrossFitTransformer(
        GaussianNB(), regressor=Ridge(), task="regression"
    ).fit(X, counts)
    assert isinstance(transformer.estimator_, Ridge)


def test_another_target_in_a_second_fit_leaves_no_classes_behind():
    X = np.arange(20.0)[:, None]
    transformer = CrossFitTransformer(GaussianNB(), regressor=Ridge())
    transformer.fit(X, ["a", "b"] * 10).fit(X, X[:, 0] / 3)
    assert not hasattr(transformer, "classes_")
    assert_array_equal(transformer.get_feature_names_out(), ["prediction"])


@pytest.mark.parametrize(
    ("transformer", "y", "kind", "message"),
    [
        (CrossFitTransformer(TfidfVectorizer()), [0, 1], TypeError, "must be class"),
        (CrossFitTransformer(Ridge), [0, 1], TypeError, "must be classifiers or reg"),
        (
            CrossFitTransformer(Ridge(), regressor=Ridge()),
            [0, 1],
            TypeError,
            "estimator must be a classifier and regressor a regressor",
        ),
        (CrossFitTransformer(GaussianNB(), task="any"), [0, 1], ValueError, "'any'"),
        (
            CrossFitTransformer(Ridge(), task="classification"),
            [0, 1],
            ValueError,
            "task='classification', but the only estimator, Ridge.*for regression",
        ),
        (CrossFitTransformer(GaussianNB()), [0.5, 1], ValueError, "Give a regressor"),
        (CrossFitTransformer(Ridge()), ["a", "b"], ValueError, "Give a classifier"),
        (CrossFitTransformer(GaussianNB()), ["a", "a"], ValueError, "one class, .*'a'"),
        (CrossFitTransformer(GaussianNB()), ["a", None], ValueError, "in 1 of 2 rows"),
        (CrossFitTransformer(GaussianNB()), None, ValueError, "requires y"),
        (
            CrossFitTransformer(KNeighborsClassifier()),
            [[0, 2], [1, 1]],
            ValueError,
            "one CrossFitTransformer each",
        ),
        (
            CrossFitTransformer(GaussianNB(), method="decision_function"),
            [0, 1],
            ValueError,
            "GaussianNB.* has no decision_function. Wrap it in CalibratedClassifierCV",
        ),
        (
            CrossFitTransformer(GaussianNB(), method="predict"),
            [0, 1],
            ValueError,
            "one",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(transformer, y, kind, message):
    with pytest.raises(kind, match=message):
        transformer.fit_transform([[0.0], [1.0]], y)


# Names, containers and manners of scikit-learn


def test_features_are_named_by_class():
    transformer = CrossFitTransformer(WORDS).fit(TEXTS, LABELS)
    assert_array_equal(transformer.get_feature_names_out(), ["cat", "dog", "emu"])


def test_set_output_gives_a_table_with_the_rows_of_x():
    texts = pd.Series(TEXTS, index=range(10, 20))
    transformer = CrossFitTransformer(WORDS).set_output(transform="pandas")
    table = transformer.fit_transform(texts, LABELS)
    assert list(table.columns) == ["cat", "dog", "emu"]
    assert_array_equal(table.index, texts.index)


@pytest.mark.parametrize("container", [tuple, pl.Series, pa.array, np.array])
def test_a_column_and_its_target_may_come_in_any_container(container):
    transformer = CrossFitTransformer(WORDS, random_state=0)
    expected = transformer.fit_transform(TEXTS, LABELS)
    found = transformer.fit_transform(container(TEXTS), container(LABELS))
    assert_array_equal(found, expected)


def test_an_array_of_images_is_a_column_of_images():
    images = np.stack([np.resize(image, (8, 8, 3)) for image in PIXELS])
    pixels = make_pipeline(ImageTransformer(size=(4, 4)), LogisticRegression())
    transformer = CrossFitTransformer(pixels, random_state=0)
    y = np.arange(9) % 2
    expected = transformer.fit_transform(list(images), y)
    assert_array_equal(transformer.fit_transform(images, y), expected)


def test_columns_are_found_by_name():
    transformer = CrossFitTransformer(CODES).fit(CATEGORIES, LABELS)
    more = CATEGORIES.assign(other=1)[["size", "other", "colour"]].head(3)
    assert_array_equal(
        transformer.transform(more), transformer.transform(CATEGORIES.head(3))
    )
    assert_array_equal(transformer.feature_names_in_, ["colour", "size"])
    with pytest.raises(ValueError, match=r"X lacks \['size'\]. Found \['colour'\]"):
        transformer.transform(CATEGORIES[["colour"]])


def test_parameters_of_the_estimator_can_be_set_and_cloned():
    transformer = CrossFitTransformer(clone(WORDS), regressor=Ridge())
    transformer.set_params(estimator__logisticregression__C=7, regressor__alpha=3)
    copy = clone(transformer)
    assert copy.estimator[-1].C == 7
    assert copy.regressor.alpha == 3


def test_a_pickle_transforms_and_warns_the_same():
    transformer = CrossFitTransformer(WORDS).fit(TEXTS, LABELS)
    again = pickle.loads(pickle.dumps(transformer))
    with pytest.warns(UserWarning, match="10 of 10 rows are training rows"):
        found = again.transform(TEXTS)
    assert_array_equal(found[:5], transformer.transform(TEXTS[:5]))


def test_the_diagram_shows_the_estimators():
    html = estimator_html_repr(CrossFitTransformer(WORDS, regressor=Ridge()))
    for name in ("TfidfVectorizer", "LogisticRegression", "Ridge"):
        assert name in html


def test_an_error_of_the_estimator_says_on_how_many_rows_it_arose():
    X, y = np.arange(8.0)[:, None], np.arange(8) / 3
    transformer = CrossFitTransformer(KNeighborsRegressor(7), cv=2)
    with pytest.raises(ValueError, match="n_neighbors") as caught:
        transformer.fit_transform(X, y)
    assert caught.value.__notes__ == ["It was fitted on 4 of 8 rows."]


# Weights


def weights_of(X):
    return np.linspace(0.1, 5, len(X))


def test_weights_go_to_the_fits_in_the_folds_and_on_all_rows(three_classes):
    X, y = three_classes
    w = weights_of(X)
    transformer = CrossFitTransformer(LogisticRegression(), cv=folds())
    features = transformer.fit_transform(X, y, sample_weight=w)
    for train, test in folds().split(X, y):
        fitted = LogisticRegression().fit(X[train], y[train], w[train])
        assert_allclose(features[test], log_odds(fitted.predict_proba(X[test])))
    assert_allclose(
        transformer.estimator_.coef_, LogisticRegression().fit(X, y, w).coef_
    )


def test_weights_go_to_the_last_step_of_a_pipeline_and_skip_missing_cells():
    w = np.arange(1.0, 12.0)
    transformer = CrossFitTransformer(clone(WORDS))
    transformer.fit([*TEXTS, None], [*LABELS, "cat"], sample_weight=w)
    fitted = clone(WORDS).fit(TEXTS, LABELS, logisticregression__sample_weight=w[:-1])
    assert_allclose(transformer.estimator_[-1].coef_, fitted[-1].coef_)


def test_weights_of_whole_numbers_scale_a_regression_as_rows_that_often():
    X, y = np.arange(6.0)[:, None], np.array([1.0, 2.0, 4.0, 8.0, 9.0, 11.0])
    times = np.array([1, 3, 0, 2, 1, 1])
    weighted = CrossFitTransformer(LinearRegression()).fit(X, y, sample_weight=times)
    repeated = CrossFitTransformer(LinearRegression()).fit(
        X.repeat(times, axis=0), y.repeat(times)
    )
    assert_allclose(weighted.transform(X), repeated.transform(X))


def test_weights_are_refused_where_the_estimator_takes_none():
    transformer = CrossFitTransformer(KNeighborsClassifier(1))
    with pytest.raises(
        ValueError, match="the fit of KNeighborsClassifier.* takes none"
    ):
        transformer.fit_transform([[0.0], [1.0]], [0, 1], sample_weight=[1, 2])


def test_weights_of_another_length_are_refused(three_classes):
    transformer = CrossFitTransformer(LogisticRegression())
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        transformer.fit(*three_classes, sample_weight=[1.0, 2.0])
