"""What is loaded gives what was saved, bit for bit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

import sklearn_mm


def assert_same_bits(found, expected):
    if isinstance(expected, sklearn_mm.MultimodalFeatures):
        assert found.names == expected.names
        for name in expected.names:
            assert_same_bits(found[name], expected[name])
        return
    if isinstance(expected, sklearn_mm.FeatureBlock):
        assert found.kind == expected.kind
        assert found.vocabulary_size == expected.vocabulary_size
        np.testing.assert_array_equal(found.offsets, expected.offsets)
        assert_same_bits(found.values, expected.values)
        return
    if hasattr(expected, "toarray"):
        found, expected = found.toarray(), expected.toarray()
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if expected.dtype.kind in "OU":
        assert found.tolist() == expected.tolist()
    else:
        assert found.tobytes() == expected.tobytes()


COLUMNS = {
    "text": "text",
    "image": "photo",
    "sound": "sound",
    "series": "price",
}

TRANSFORMERS = [
    ("text", sklearn_mm.TextTransformer()),
    ("text", sklearn_mm.TextTransformer(tokenizer="bpe", vocabulary_size=50)),
    ("text", sklearn_mm.TextTransformer(max_tokens=3, lowercase=False)),
    ("image", sklearn_mm.ImageTransformer(size=(8, 8))),
    ("image", sklearn_mm.ImageTransformer(representation="hog", size=(32, 32))),
    ("image", sklearn_mm.ImageTransformer(representation="pca", size=(8, 8))),
    ("sound", sklearn_mm.AudioTransformer(sampling_rate=8000)),
    ("sound", sklearn_mm.AudioTransformer(representation="mfcc", sampling_rate=8000)),
    ("series", sklearn_mm.TimeSeriesTransformer()),
    ("series", sklearn_mm.TimeSeriesTransformer(scaling="robust")),
    ("series", sklearn_mm.TimeSeriesTransformer(scaling="sample")),
    ("series", sklearn_mm.TimeSeriesTransformer(scaling=None, nan="indicator")),
]


@pytest.mark.parametrize(
    ("kind", "transformer"), TRANSFORMERS, ids=[repr(t) for _, t in TRANSFORMERS]
)
def test_a_transformer_gives_the_same_features(
    kind, transformer, table, new_rows, tmp_path, again
):
    column = COLUMNS[kind]
    fitted = clone(transformer).fit(table[0][column])
    loaded = again(fitted, tmp_path / "t.mm")
    assert_same_bits(
        loaded.transform(new_rows[column]), fitted.transform(new_rows[column])
    )
    assert_same_bits(
        loaded.get_feature_names_out(), np.asarray(fitted.get_feature_names_out())
    )


def test_dates_are_kept(tmp_path, again):
    dates = ["2020-01-05", None, "2021-07-01T18:00"]
    fitted = sklearn_mm.DateTransformer().fit(dates)
    loaded = again(fitted, tmp_path / "t.mm")
    assert_same_bits(loaded.transform(dates), fitted.transform(dates))


def test_a_ready_tokenizer_is_kept_without_its_file(tmp_path):
    texts = ["a red fox", "a blue bird"]
    source = sklearn_mm.TextTransformer(tokenizer="bpe", vocabulary_size=20).fit(texts)
    file = tmp_path / "tokenizer.json"
    source.tokenizer_.save(str(file))
    fitted = sklearn_mm.TextTransformer(tokenizer=str(file)).fit(texts)
    expected = fitted.transform(texts)
    sklearn_mm.save(fitted, tmp_path / "t.mm")
    file.unlink()
    assert_same_bits(sklearn_mm.load(tmp_path / "t.mm").transform(texts), expected)


def test_a_tokenizer_that_is_an_object_is_kept(tmp_path, again):
    texts = ["a red fox", "a blue bird"]
    ready = sklearn_mm.TextTransformer(tokenizer="bpe", vocabulary_size=20).fit(texts)
    fitted = sklearn_mm.TextTransformer(tokenizer=ready.tokenizer_).fit(texts)
    loaded = again(fitted, tmp_path / "t.mm")
    assert_same_bits(loaded.transform(texts), fitted.transform(texts))


def test_a_union_gives_the_same_features(table, new_rows, tmp_path, again, make_union):
    fitted = make_union().fit(table[0])
    loaded = again(fitted, tmp_path / "u.mm")
    assert_same_bits(loaded.transform(new_rows), fitted.transform(new_rows))
    assert loaded.get_feature_names_out().tolist() == (
        fitted.get_feature_names_out().tolist()
    )


def test_set_output_is_kept(table, new_rows, tmp_path, again, make_union):
    fitted = make_union().fit(table[0]).set_output(transform="pandas")
    assert again(fitted, tmp_path / "u.mm").transform(new_rows).shape[0] == 9


def test_a_union_that_is_not_fitted_can_be_fitted_later(
    table, new_rows, tmp_path, again, make_union
):
    loaded = again(make_union(), tmp_path / "u.mm")
    assert_same_bits(
        loaded.fit(table[0]).transform(new_rows),
        make_union().fit(table[0]).transform(new_rows),
    )


def test_the_pipeline_of_five_modalities_is_kept(pipeline, new_rows, tmp_path, again):
    loaded = again(pipeline, tmp_path / "p.mm")
    assert_same_bits(loaded.predict_proba(new_rows), pipeline.predict_proba(new_rows))
    assert_same_bits(loaded.predict(new_rows), pipeline.predict(new_rows))


def test_the_union_that_is_made_for_a_table_is_kept(table, new_rows, tmp_path, again):
    X, y = table
    columns = ["text", "age", "size"]
    made = sklearn_mm.make_multimodal_union(X[columns], random_state=0)
    fitted = made.fit(X[columns], y)
    loaded = again(fitted, tmp_path / "u.mm")
    assert_same_bits(
        loaded.transform(new_rows[columns]), fitted.transform(new_rows[columns])
    )


def test_readings_of_names_colours_and_convolutions_are_kept(tmp_path, again):
    rng = np.random.RandomState(0)
    X = pd.DataFrame(
        {
            "director": [f"Ann {'xyz'[i % 3]}, Bob {'uv'[i % 2]}" for i in range(24)],
            "walk": [rng.rand(20, 2) for _ in range(24)],
            "steps": [rng.rand(30) for _ in range(24)],
            "photo": list(rng.randint(0, 255, (24, 9, 8, 3)).astype(np.uint8)),
            "age": rng.rand(24),
        }
    )
    fitted = sklearn_mm.make_multimodal_union(X, verbose=False)
    fitted.fit(X, np.arange(24) % 2)
    loaded = again(fitted, tmp_path / "u.mm")
    new = X.iloc[::-3].assign(director="Ann x, Cy")
    assert_same_bits(loaded.transform(new), fitted.transform(new))


def test_the_classical_models_of_images_and_series_are_kept(tmp_path, again):
    from sklearn_mm.compose.presets.images import make_image_features
    from sklearn_mm.compose.presets.kernels import make_kernel_models
    from sklearn_mm.compose.presets.series import make_series_features
    from sklearn_mm.compose.presets.sounds import make_sound_features

    rng = np.random.RandomState(0)
    images = [(rng.rand(40, 40, 3) * 255).astype(np.uint8) for _ in range(8)]
    series = [rng.randn(30, 2) for _ in range(8)]
    clips = [rng.randn(800) for _ in range(8)]
    y = np.arange(8) % 2
    kernel, _ = make_kernel_models(n_components=3, C=1, random_state=0)
    for features, cells in (
        (make_image_features(), images),
        (make_series_features(), series),
        (make_sound_features().set_params(cells__sampling_rate=8000), clips),
    ):
        fitted = make_pipeline(
            features, sklearn_mm.CrossFitTransformer(kernel, cv=2, random_state=0)
        ).fit(cells, y)
        loaded = again(fitted, tmp_path / "u.mm")
        new = cells[:3]
        assert_same_bits(loaded.transform(new), fitted.transform(new))


@pytest.mark.parametrize("fusion", ["attention", "bottleneck", "cross", "concat"])
@pytest.mark.parametrize("missing", ["token", "skip"])
def test_a_classifier_predicts_the_same(
    features, table, fusion, missing, tmp_path, again, make_classifier
):
    fitted = make_classifier(fusion=fusion, missing=missing).fit(features, table[1])
    loaded = again(fitted, tmp_path / "c.mm")
    assert_same_bits(loaded.predict_proba(features), fitted.predict_proba(features))


@pytest.mark.parametrize(
    "encoder",
    [
        sklearn_mm.BagEncoder(n_buckets=64),
        sklearn_mm.RNNEncoder(cell="gru", n_layers=2),
        sklearn_mm.SelfAttentionEncoder(),
    ],
    ids=repr,
)
def test_each_encoder_of_texts_is_kept(
    features, table, encoder, tmp_path, again, make_classifier
):
    fitted = make_classifier(encoders=[("text", encoder)]).fit(features, table[1])
    loaded = again(fitted, tmp_path / "c.mm")
    assert_same_bits(loaded.predict_proba(features), fitted.predict_proba(features))
    assert repr(loaded.encoders) == repr(fitted.encoders)


@pytest.mark.parametrize(
    "y",
    [
        np.arange(40) % 3,
        np.arange(40) % 2 == 0,
        np.array(["a", "bb"], dtype=object)[np.arange(40) % 2],
        np.array(["2020-01-01", "2021-01-01"], "datetime64[D]")[np.arange(40) % 2],
        np.column_stack([np.arange(40) % 2, np.arange(40) % 3 == 0]).astype(int),
    ],
    ids=["numbers", "truth", "objects", "dates", "labels"],
)
def test_classes_of_each_type_are_kept(numbers, y, tmp_path, again, make_classifier):
    if y.dtype.kind == "M":
        fitted = make_classifier().fit(numbers[0], numbers[1])
        fitted.classes_ = np.unique(y)
    else:
        fitted = make_classifier().fit(numbers[0], y)
    loaded = again(fitted, tmp_path / "c.mm")
    assert_same_bits(loaded.classes_, fitted.classes_)
    assert_same_bits(loaded.predict(numbers[0]), fitted.predict(numbers[0]))


def test_temperatures_are_kept(features, table, tmp_path, again, make_classifier):
    settings = {"calibration": "temperature", "validation_fraction": 0.5}
    fitted = make_classifier(**settings).fit(features, table[1])
    loaded = again(fitted, tmp_path / "c.mm")
    assert loaded.temperatures_ == fitted.temperatures_
    assert_same_bits(loaded.predict_proba(features), fitted.predict_proba(features))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_regressor_predicts_the_same(numbers, loss, n_outputs, tmp_path, again):
    y = numbers[0][:, 0] if n_outputs == 1 else numbers[0][:, :2]
    fitted = sklearn_mm.AttentionFusionRegressor(
        loss=loss, quantile=0.3, max_epochs=1, width=8, n_heads=2, random_state=0
    ).fit(numbers[0], y)
    loaded = again(fitted, tmp_path / "r.mm")
    assert_same_bits(loaded.predict(numbers[0]), fitted.predict(numbers[0]))


def test_what_is_learned_on_a_loaded_model_goes_on(
    numbers, classifier, tmp_path, again
):
    loaded = again(classifier, tmp_path / "c.mm")
    before = loaded.predict_proba(numbers[0])
    loaded.partial_fit(*numbers)
    assert loaded.n_iter_ == classifier.n_iter_ + 1
    assert not np.array_equal(loaded.predict_proba(numbers[0]), before)


def test_a_warm_start_goes_on_from_loaded_weights(numbers, classifier, tmp_path, again):
    def go_on(model):
        model.set_params(warm_start=True, random_state=1)
        return model.fit(*numbers).predict_proba(numbers[0])

    loaded = again(classifier, tmp_path / "c.mm")
    expected = go_on(again(classifier, tmp_path / "d.mm"))
    assert_same_bits(go_on(loaded), expected)


def test_the_history_is_kept_by_epochs(classifier, tmp_path, again):
    loaded = again(classifier, tmp_path / "c.mm")
    assert loaded.history_[:, "train_loss"] == classifier.history_[:, "train_loss"]
    assert loaded.history_ is loaded.net_.history_


def test_a_loaded_model_can_be_cloned_and_saved_again(
    classifier, numbers, tmp_path, again
):
    loaded = again(again(classifier, tmp_path / "c.mm"), tmp_path / "d.mm")
    X = numbers[0]
    assert_same_bits(loaded.predict_proba(X), classifier.predict_proba(X))
    assert clone(loaded).get_params() == clone(classifier).get_params()


WRAPPED = {
    "grid": lambda c: GridSearchCV(c, {"dropout": [0.1, 0.2]}, cv=2, scoring="roc_auc"),
    "splitter": lambda c: GridSearchCV(
        c, {"dropout": [0.1]}, cv=StratifiedKFold(2, shuffle=True, random_state=0)
    ),
    "sigmoid": lambda c: CalibratedClassifierCV(c, cv=2),
    "isotonic": lambda c: CalibratedClassifierCV(c, cv=2, method="isotonic"),
    "tuned": lambda c: TunedThresholdClassifierCV(c, cv=2),
    "fixed": FixedThresholdClassifier,
    "voting": lambda c: VotingClassifier(
        [("a", c), ("b", LogisticRegression())], voting="soft"
    ),
    "stacking": lambda c: StackingClassifier(
        [("a", c), ("b", LogisticRegression())],
        final_estimator=RandomForestClassifier(3, random_state=0),
        cv=2,
    ),
    "pipeline": lambda c: make_pipeline(
        FeatureUnion([("a", StandardScaler()), ("b", SelectKBest(k=2))]), c
    ),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_wrapped_classifier_predicts_the_same(
    name, numbers, tmp_path, again, make_classifier
):
    X, y = numbers
    fitted = WRAPPED[name](make_classifier()).fit(X, y)
    loaded = again(fitted, tmp_path / "w.mm")
    assert_same_bits(loaded.predict(X), fitted.predict(X))
    assert_same_bits(loaded.predict_proba(X), fitted.predict_proba(X))


def test_the_results_of_a_search_are_kept(numbers, tmp_path, again, make_classifier):
    fitted = WRAPPED["grid"](make_classifier()).fit(*numbers)
    loaded = again(fitted, tmp_path / "w.mm")
    assert loaded.best_params_ == fitted.best_params_
    assert loaded.cv_results_.keys() == fitted.cv_results_.keys()
    assert_same_bits(
        loaded.cv_results_["mean_test_score"], fitted.cv_results_["mean_test_score"]
    )
    assert loaded.score(*numbers) == fitted.score(*numbers)


def test_the_best_estimator_of_a_search_is_kept(
    numbers, tmp_path, again, make_classifier
):
    fitted = WRAPPED["grid"](make_classifier()).fit(*numbers).best_estimator_
    loaded = again(fitted, tmp_path / "w.mm")
    assert_same_bits(loaded.predict_proba(numbers[0]), fitted.predict_proba(numbers[0]))


def test_one_object_in_two_places_is_one_again(tmp_path, again):
    encoder = sklearn_mm.RNNEncoder()
    model = sklearn_mm.AttentionFusionClassifier([("a", encoder), ("b", encoder)])
    (_, first), (_, second) = again(model, tmp_path / "m.mm").encoders
    assert first is second


SKLEARN = [
    RandomForestClassifier(3, random_state=0),
    GradientBoostingClassifier(n_estimators=3, random_state=0),
    HistGradientBoostingClassifier(max_iter=3),
    KNeighborsClassifier(),
    SVC(),
    make_pipeline(FunctionTransformer(np.exp), StandardScaler(), LogisticRegression()),
]


@pytest.mark.parametrize("estimator", SKLEARN, ids=lambda e: type(e).__name__)
def test_estimators_of_scikit_learn_are_kept(estimator, numbers, tmp_path, again):
    X, y = numbers
    fitted = clone(estimator).fit(X, y)
    loaded = again(fitted, tmp_path / "s.mm")
    assert_same_bits(loaded.predict(X), fitted.predict(X))


def test_splits_by_categories_are_kept(tmp_path, again):
    rng = np.random.RandomState(0)
    X = rng.randint(0, 9, (300, 2)).astype(float)
    y = np.isin(X[:, 0], [1, 4, 7]) + X[:, 1]
    fitted = HistGradientBoostingRegressor(
        categorical_features=[0], max_iter=3, random_state=0
    ).fit(X, y)
    assert_same_bits(again(fitted, tmp_path / "s.mm").predict(X), fitted.predict(X))


def test_the_terms_of_texts_are_kept_as_a_vocabulary(tmp_path, again):
    rng = np.random.RandomState(0)
    texts = [" ".join(f"w{k}" for k in rng.randint(0, 90, 9)) for _ in range(60)]
    y = np.arange(60) % 2
    fitted = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, y)
    loaded = again(fitted, tmp_path / "s.mm")
    assert_same_bits(loaded.predict_proba(texts), fitted.predict_proba(texts))
    members = sklearn_mm.inspect(tmp_path / "s.mm")["members"]
    assert "vocabularies/0.json" in members


def test_random_states_are_kept(tmp_path, again):
    drawn = np.random.RandomState(3)
    drawn.normal()
    model = sklearn_mm.AttentionFusionClassifier(random_state=drawn)
    loaded = again(model, tmp_path / "m.mm")
    assert loaded.random_state.normal(size=3).tolist() == drawn.normal(size=3).tolist()


def test_requested_metadata_is_kept(numbers, tmp_path, again, make_classifier):
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = make_classifier().set_fit_request(sample_weight=True)
        loaded = again(model, tmp_path / "m.mm")
        requests = loaded.get_metadata_routing().fit.requests
    assert requests["sample_weight"] is True


def test_the_order_of_an_array_in_memory_is_kept(
    numbers, tmp_path, again, make_classifier
):
    fitted = make_classifier().fit(*numbers)
    fitted.extra_ = np.asfortranarray(np.arange(60.0).reshape(6, 10))
    loaded = again(fitted, tmp_path / "m.mm")
    assert loaded.extra_.flags.f_contiguous
    assert_same_bits(loaded.extra_, fitted.extra_)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("-inf"),
        -0.0,
        10**30,
        "\ud800 lone",
        (1, (2.0, [None])),
        {1: "a", (2, 3): "b"},
        {"a"},
        frozenset({1}),
        slice(1, None, 2),
        range(3),
        b"\0bytes",
        np.float32(0.1),
        np.int64(-(2**62)),
        np.str_("s"),
        np.datetime64("2020-01-01"),
        np.dtype("<f4"),
        np.float64,
        np.array(["a", "bcd"]),
        np.array([], dtype=np.float32).reshape(0, 3),
        np.array(3.5),
        np.array([1 + 2j]),
        np.arange(100, dtype=np.uint8).reshape(10, 10),
        np.array([None, "a", 1.5], dtype=object),
        np.ma.MaskedArray([1.0, 2.0], [True, False]),
    ],
    ids=lambda value: f"{type(value).__name__} {value!r:.20}",
)
def test_plain_values_come_back_as_they_were(value, tmp_path, again):
    model = sklearn_mm.AttentionFusionClassifier(net_params={"value": value})
    found = again(model, tmp_path / "m.mm").net_params["value"]
    assert type(found) is type(value)
    if isinstance(value, np.ndarray):
        assert_same_bits(np.asarray(found), np.asarray(value))
    else:
        assert repr(found) == repr(value)
