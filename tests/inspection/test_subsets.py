"""subset_scores and its display: each score is the model's own on what is shown."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    FeatureBlock,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import (
    SubsetScoresDisplay,
    attention_weights,
    modality_importance,
    robustness_curve,
    subset_scores,
)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    series = [rng.normal(label, 1, (rng.integers(3, 9), 2)) for label in y]
    X = MultimodalFeatures({
        "table": rng.normal(size=(80, 2)) + y[:, None],
        "series": FeatureBlock.from_samples(series, "sequence"),
        "noise": sparse.csr_matrix(rng.normal(size=(80, 3))),
    })  # fmt: skip
    params = {"width": 16, "n_heads": 2, "max_epochs": 4, "random_state": 0}
    return AttentionFusionClassifier(**params).fit(X, y), X, y


def test_each_score_is_that_of_the_model_on_the_selected_modalities(fitted):
    classifier, X, y = fitted
    scores = subset_scores(classifier, X, y)["score"]
    assert scores.index.names == ["table", "series", "noise"]
    assert len(scores) == 7
    for shown, score in scores.items():
        names = [n for n, s in zip(X.names, shown, strict=True) if s]
        expected = accuracy_score(y, classifier.predict(X.select(names)))
        assert score == expected


def test_scoring_may_ask_for_probabilities(fitted):
    classifier, X, y = fitted
    scores = subset_scores(
        classifier, X, y, scoring="neg_log_loss", subsets=[["series"]]
    )
    expected = -log_loss(y, classifier.predict_proba(X.select(["series"])))
    assert_allclose(scores["score"].to_numpy(), [expected])


def test_the_empty_subset_scores_the_prior(fitted):
    classifier, X, y = fitted
    scores = subset_scores(classifier, X, y, scoring="neg_log_loss", subsets=[[]])
    assert scores["score"].iloc[0] == pytest.approx(-np.log(2), abs=1e-6)


def test_a_pipeline_over_the_flat_view_sees_nan_for_what_is_hidden():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    table = pd.DataFrame({"a": rng.normal(size=60) + 3 * y, "b": rng.normal(size=60)})
    union = MultimodalFeatureUnion(
        [("left", StandardScaler(), ["a"]), ("right", StandardScaler(), ["b"])]
    )
    model = make_pipeline(union, HistGradientBoostingClassifier(max_iter=5))
    scores = subset_scores(model.fit(table, y), table, y)["score"]
    flat = np.asarray(union.transform(table))
    flat[:, 1] = np.nan
    assert scores[True, False] == model[-1].score(flat, y)


def test_hidden_modalities_are_missing_in_a_flat_view_of_the_same_width(fitted):
    _, X, _ = fitted
    hidden = X.hide(["series", "noise"])
    assert hidden.shape == X.shape
    flat = np.asarray(hidden)
    assert_array_equal(flat[:, :2], np.asarray(X["table"]))
    assert np.isnan(flat[:, 2:]).all()
    assert not X["series"].missing.any()


def test_hidden_tokens_keep_their_vocabulary():
    block = FeatureBlock.from_samples([np.array([1, 2])], "tokens", vocabulary_size=3)
    hidden = MultimodalFeatures({"text": block}).hide(["text"])["text"]
    assert hidden.missing.all()
    assert hidden.vocabulary_size == 3
    assert hidden.values.dtype == block.values.dtype


def test_a_plain_array_is_refused_with_advice(fitted):
    classifier, X, y = fitted
    with pytest.raises(TypeError, match=r"found ndarray.*union.transform"):
        subset_scores(classifier, np.asarray(X), y)


def test_a_union_whose_output_is_pandas_is_refused_with_advice():
    X, y = pd.DataFrame({"t": ["a b", "b", "a", "b b"]}), [0, 1, 0, 1]
    union = MultimodalFeatureUnion([("text", TextTransformer(), "t")])
    union.set_output(transform="pandas")
    model = make_pipeline(union, LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match="set_output is the default"):
        subset_scores(model, X, y)


@pytest.mark.parametrize(
    ("subsets", "message"),
    [
        ([["tabel"]], r"no modalities \['tabel'\]; there are \['table'"),
        (["table"], r"Write \['table'\]"),
    ],
)
def test_a_wrong_subset_is_an_error_that_says_what_there_is(fitted, subsets, message):
    with pytest.raises(ValueError, match=message):
        subset_scores(*fitted, subsets=subsets)


@pytest.fixture
def display():
    plt = pytest.importorskip("matplotlib.pyplot")
    shown = [(True, False), (False, True), (True, True)]
    index = pd.MultiIndex.from_tuples(shown, names=["image", "text"])
    scores = pd.DataFrame({"score": [0.7, 0.6, 0.9]}, index=index)
    yield SubsetScoresDisplay(scores=scores, score_name="accuracy").plot()
    plt.close("all")


def test_bars_stand_by_number_of_modalities_and_score(display):
    assert [bar.get_height() for bar in display.bars_] == [0.6, 0.7, 0.9]
    assert display.ax_.get_ylabel() == "accuracy"
    assert display.figure_ is display.ax_.figure


def test_the_value_stands_on_each_bar(display):
    assert [text.get_text() for text in display.ax_.texts] == ["0.60", "0.70", "0.90"]


def test_dark_dots_mark_the_modalities_that_were_shown(display):
    lines = display.matrix_ax_.lines
    dark = {
        (x, y)
        for line in lines
        if line.get_color() == "#0072B2"
        for x, y in zip(*line.get_data(), strict=True)
    }
    assert dark == {(0, 1), (1, 0), (2, 0), (2, 1)}
    labels = [label.get_text() for label in display.matrix_ax_.get_yticklabels()]
    assert labels == ["image", "text"]


def test_from_estimator_draws_into_the_given_axes(fitted):
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, ax = plt.subplots()
    found = SubsetScoresDisplay.from_estimator(
        *fitted, scoring="balanced_accuracy", ax=ax
    )
    assert (found.ax_, found.figure_) == (ax, figure)
    assert ax.get_ylabel() == "balanced accuracy"
    assert len(found.bars_) == 7
    plt.close("all")


def test_of_a_search_every_inspection_takes_what_it_found():
    X, y = make_multimodal_classification(
        60, modalities=["numbers", "text"], random_state=0
    )
    union = MultimodalFeatureUnion([
        ("table", StandardScaler(), ["numbers_0", "numbers_1"]),
        ("text", TextTransformer(), "text"),
    ])  # fmt: skip
    classifier = AttentionFusionClassifier(n_heads=2, max_epochs=2, random_state=0)
    grid = {"attentionfusionclassifier__width": [8]}
    search = GridSearchCV(make_pipeline(union, classifier), grid, cv=2).fit(X, y)
    model = search.best_estimator_
    scored = GridSearchCV(model, {}, scoring="neg_log_loss", cv=2).fit(X, y)
    of_two = GridSearchCV(
        model, {}, scoring=["accuracy", "neg_log_loss"], refit="neg_log_loss", cv=2
    ).fit(X, y)
    for found in (scored, of_two):
        pd.testing.assert_frame_equal(
            subset_scores(found, X, y),
            subset_scores(found.best_estimator_, X, y, scoring="neg_log_loss"),
        )
    for inspect in (
        lambda model: attention_weights(model, X),
        lambda model: subset_scores(model, X, y),
        lambda model: modality_importance(model, X, y, random_state=0),
        lambda model: robustness_curve(model, X, y, strengths=[1], random_state=0),
    ):
        pd.testing.assert_frame_equal(inspect(search), inspect(model))
