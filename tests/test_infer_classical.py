"""make_multimodal_union with classical models: which, and what is said of them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    CrossFitTransformer,
    make_multimodal_union,
)

N_ROWS = 30


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    words = np.array(["red", "fox", "a", "bird"])
    return pd.DataFrame(
        {
            "review": [" ".join(rng.choice(words, 9)) for _ in range(N_ROWS)],
            "director": [f"Ann {chr(97 + i % 20)}, Bob" for i in range(N_ROWS)],
            "title": [f"{rng.choice(words)} number {i}" for i in range(N_ROWS)],
            "age": rng.normal(size=N_ROWS),
            "photo": list(rng.integers(0, 255, (N_ROWS, 6, 5, 3)).astype(np.uint8)),
            "clip": [(rng.normal(size=900), 8000) for _ in range(N_ROWS)],
            "walk": [rng.normal(size=(9 + i % 3, 2)) for i in range(N_ROWS)],
        }
    )


@pytest.fixture
def small(table):
    return table[["review", "age"]]


def y_of(table):
    return np.where(table["review"].str.count("red") > 2, "yes", "no")


def models_of(union):
    """List the modalities that are predictions, and their transformers."""
    found = {}
    for name, transformer, _ in union.transformers:
        last = getattr(transformer, "steps", [(None, transformer)])[-1][1]
        if isinstance(last, CrossFitTransformer):
            found[name] = last
    return found


def test_each_kind_of_column_has_its_model(table):
    union = make_multimodal_union(table, verbose=False)
    assert list(models_of(union)) == [
        "review_terms",
        "review_counts",
        "texts_terms",
        "texts_counts",
        "photo_shapes",
        "photo_colours",
        "clip_spectrum",
        "walk_statistics",
        "walk_linear",
        "walk_responses",
        "boosting",
    ]


def test_the_table_is_boosted_as_a_whole(table):
    union = make_multimodal_union(table, verbose=False)
    columns = {name: columns for name, _, columns in union.transformers}
    assert columns["boosting"] == ["review", "director", "title", "age"]


def test_series_of_several_columns_are_read_together(table):
    X = table[["walk"]].assign(steps=table["walk"].map(len).map(np.arange))
    union = make_multimodal_union(X, verbose=False)
    columns = {name: columns for name, _, columns in union.transformers}
    assert columns["series_linear"] == columns["series_responses"] == ["walk", "steps"]
    features = union.fit_transform(X, y_of(table))
    assert not features["series_linear"].missing.any()


def test_one_column_of_numbers_has_no_model(table):
    union = make_multimodal_union(table[["age"]], verbose=False)
    assert models_of(union) == {}


def test_every_model_knows_the_task(table):
    union = make_multimodal_union(table, task="regression", verbose=False)
    assert {model.task for model in models_of(union).values()} == {"regression"}


def test_names_of_models_are_free(table):
    X = table[["review", "age"]].rename(columns={"age": "boosting"})
    X["review_terms"] = X["review"]
    X["boosting"] = X["review"]
    names = [name for name, *_ in make_multimodal_union(X, verbose=False).transformers]
    assert names == [
        "review",
        "boosting",
        "review_terms",
        "review_terms2",
        "review_counts",
        "boosting_terms",
        "boosting_counts",
        "review_terms_terms",
        "review_terms_counts",
        "boosting2",
    ]


def test_what_is_added_is_said(table, capsys):
    make_multimodal_union(table)
    assert capsys.readouterr().out.splitlines()[7:] == [
        "review_terms: n-grams of words -> linear model: wording decides",
        "review_counts: n-grams of words -> naive Bayes: each counts by itself, for "
        "which few rows suffice",
        "texts_terms: n-grams of words, letters and names -> linear model: wording "
        "decides, and letters tell of rare words",
        "texts_counts: n-grams of words, letters and names -> naive Bayes: each counts "
        "by itself, for which few rows suffice",
        "photo_shapes: gradients and colours of regions -> kernel model: outlines "
        "decide, and what is where",
        "photo_colours: counts of colours -> kernel model: they stay where things move "
        "or turn",
        "clip_spectrum: slices of the spectrogram -> kernel model: which pitches sound "
        "when decides",
        "walk_statistics: statistics and spectrum -> extra trees: each number counts "
        "in its own scale",
        "walk_linear: statistics and spectrum -> linear model: it is steady where "
        "trees follow single numbers",
        "walk_responses: responses to random kernels -> linear model: shapes decide, "
        "wherever they stand",
        "boosting: review, director and 2 more -> gradient boosting: they act "
        "together, by thresholds",
        "11 cross-fitted models, 66 fits, as each is fitted in 5 folds and on all "
        "rows; classical=False leaves them out",
    ]


def test_the_target_is_asked_for(small):
    with pytest.raises(ValueError, match="modality 'review_terms'.*requires y"):
        make_multimodal_union(small, verbose=False).fit(small)


def test_a_random_state_makes_the_same(table):
    y = y_of(table)
    first, second = (
        make_multimodal_union(table, verbose=False).fit_transform(table, y)
        for _ in range(2)
    )
    for name in first.names:
        assert_array_equal(np.asarray(first[name]), np.asarray(second[name]))


def test_it_can_be_cloned_and_pickled_fitted(table):
    y, new = y_of(table), table.iloc[:3]
    union = make_multimodal_union(table, verbose=False)
    fitted = clone(union).fit(table, y)
    expected = np.asarray(fitted.transform(new)["boosting"])
    loaded = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(np.asarray(loaded.transform(new)["boosting"]), expected)


def test_an_array_without_names_gives_the_same_models(table):
    array = table.to_numpy(dtype=object)
    union = make_multimodal_union(array, verbose=False).fit(array, y_of(table))
    named = make_multimodal_union(table, verbose=False).fit(table, y_of(table))
    found = np.asarray(union.transform(array[:5])["boosting"])
    assert_array_equal(found, np.asarray(named.transform(table[:5])["boosting"]))


def test_the_flat_view_has_names(table):
    union = make_multimodal_union(table, verbose=False).set_output(transform="pandas")
    flat = union.fit_transform(table, y_of(table))
    assert {"photo_shapes__yes", "clip_spectrum__yes", "walk_statistics__yes"} < {*flat}
    assert flat.columns.is_unique


def test_scikit_learn_learns_from_the_flat_view(small):
    pipeline = make_pipeline(
        make_multimodal_union(small, verbose=False),
        SimpleImputer(),
        LogisticRegression(max_iter=500),
    )
    assert np.isfinite(cross_val_score(pipeline, small, y_of(small), cv=2)).all()


def test_attention_learns_from_all(table):
    pipeline = make_pipeline(
        make_multimodal_union(table, verbose=False).set_params(photo__size=(8, 8)),
        AttentionFusionClassifier(max_epochs=1, width=8, random_state=0),
    )
    assert pipeline.fit(table, y_of(table)).predict(table[:3]).shape == (3,)
