"""The suite passes for all that the package offers, and says what it needs."""

import io

import numpy as np
import polars as pl
import pytest
from PIL import Image
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    AudioTransformer,
    BagEncoder,
    CNNEncoder,
    FeatureBlock,
    ImageTransformer,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    RNNEncoder,
    SelfAttentionEncoder,
    SetEncoder,
    TextTransformer,
    TimeSeriesTransformer,
    VectorEncoder,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.testing import (
    check_multimodal_estimator,
    parametrize_with_multimodal_checks,
)
from sklearn_mm.testing.containers import columns_of_cells, tables_of_one_column

SMALL = {"width": 8, "n_heads": 2, "max_epochs": 1}

TABLE, LABELS = make_multimodal_classification(12, n_classes=3, random_state=0)


def small(**params):
    return AttentionFusionClassifier(**{**SMALL, **params})


def union(**params):
    return MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(8, 8)), "image"),
            ("text", TextTransformer(min_frequency=1), "text"),
            ("audio", AudioTransformer(sampling_rate=8000), "audio"),
            ("series", TimeSeriesTransformer(), "series"),
            ("table", StandardScaler(), ["numbers_0", "numbers_1"]),
        ],
        **params,
    )


# What is offered passes


@parametrize_with_multimodal_checks(
    [
        ImageTransformer(size=(8, 8)),
        ImageTransformer(size=(8, 8), mode="gray", value_range=(0, 255)),
        ImageTransformer(size=(16, 16), representation="hog"),
        ImageTransformer(size=(8, 8), representation="dct", n_coefficients=9),
        ImageTransformer(size=(8, 8), representation="pca", n_components=3),
        AudioTransformer(sampling_rate=8000),
        AudioTransformer(sampling_rate=8000, representation="mfcc", deltas=True),
        TextTransformer(),
        TextTransformer("bpe", min_frequency=1, vocabulary_size=30),
        TextTransformer(str.split, max_tokens=3),
        TextTransformer(punctuation="drop", lowercase=False, on_error="missing"),
        TimeSeriesTransformer(),
        TimeSeriesTransformer(scaling="robust", nan="indicator"),
        TimeSeriesTransformer(scaling="sample", max_steps=5),
        TimeSeriesTransformer(scaling=None, difference="log_return"),
        TimeSeriesTransformer(rate=2.0, sampling_rate=1.0, nan="error"),
    ],
)
def test_every_transformer_passes(estimator, check):
    check(estimator)


def png(height, width):
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@parametrize_with_multimodal_checks(
    [ImageTransformer(size=(8, 8))], X=[png(9, 9), png(5, 20), png(16, 8), png(30, 31)]
)
def test_images_in_bytes_pass_in_every_container(estimator, check):
    check(estimator)


@parametrize_with_multimodal_checks(
    [union(), union(remainder="passthrough", verbose_feature_names_out=True)], X=TABLE
)
def test_the_union_passes(estimator, check):
    check(estimator)


@parametrize_with_multimodal_checks(
    [make_pipeline(union(), small())], X=TABLE, y=LABELS
)
def test_a_pipeline_from_table_to_classes_passes(estimator, check):
    check(estimator)


@parametrize_with_multimodal_checks(
    [
        make_pipeline(TextTransformer(), small()),
        make_pipeline(TimeSeriesTransformer(), AttentionFusionRegressor(**SMALL)),
    ]
)
def test_a_pipeline_from_one_column_passes(estimator, check):
    check(estimator)


@parametrize_with_multimodal_checks(
    [
        small(fusion=fusion, missing=missing)
        for fusion in ("attention", "bottleneck", "cross", "gated", "concat")
        for missing in ("token", "skip")
    ]
)
def test_every_fusion_passes(estimator, check):
    check(estimator)


# Several specs at once: those of one modality do not see those of the others.
ENCODERS = [
    [
        ("image", CNNEncoder(channels=(4, 4), residual=True)),
        ("text", RNNEncoder("lstm", 4, embedding_size=4)),
        ("series", RNNEncoder("gru", 4, n_layers=2)),
        ("points", SetEncoder(n_layers=2)),
        ("table", VectorEncoder(8, n_layers=2, tokens="features")),
    ],
    [
        ("image", CNNEncoder(channels=(4,), grid=1)),
        ("text", BagEncoder(4, n_buckets=16)),
        ("series", RNNEncoder("lstm", 4, bidirectional=False, attention=False)),
        ("table", VectorEncoder(8, embedding="periodic")),
    ],
    [
        ("text", SelfAttentionEncoder(embedding_size=4)),
        ("series", SelfAttentionEncoder(n_layers=2, strides=())),
        ("table", VectorEncoder(8, embedding="piecewise", tokens="features")),
    ],
    [
        ("text", SetEncoder(embedding_size=4)),
        ("series", SetEncoder()),
        ("table", VectorEncoder(8, embedding="piecewise")),
    ],
]


@parametrize_with_multimodal_checks([small(encoders=named) for named in ENCODERS])
def test_every_encoder_passes(estimator, check):
    check(estimator)


@parametrize_with_multimodal_checks(
    [
        AttentionFusionRegressor(**SMALL),
        AttentionFusionRegressor(**SMALL, loss="quantile", quantile=0.9),
        small(early_stopping=True, averaging="ema", class_weight="balanced"),
    ]
)
def test_the_regressor_and_other_training_pass(estimator, check):
    check(estimator)


def sparse_features():
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(n, 1)) for n in rng.integers(1, 6, 12)]
    counts = sparse.random(12, 20, density=0.2, format="csr", random_state=0)
    return MultimodalFeatures(
        {
            "series": FeatureBlock.from_samples(series, "sequence"),
            "counts": counts,
        }
    )


def test_sparse_vectors_and_multilabel_targets_pass():
    labels = np.random.default_rng(0).integers(0, 2, (12, 3))
    check_multimodal_estimator(small(), X=sparse_features(), y=labels)


def test_a_function_without_a_name_fails_in_nothing_but_pickle():
    transformer = TextTransformer(lambda text: text.split())
    known = {"check_pickle": "a lambda has no name to be found by"}
    check_multimodal_estimator(transformer, expected_failed_checks=known)
    with pytest.raises(AssertionError, match="check_pickle"):
        check_multimodal_estimator(transformer)


# How it is used


def test_ids_name_the_estimator_and_the_check():
    mark = parametrize_with_multimodal_checks([TextTransformer("bpe")]).mark
    estimator, check = mark.args[1][0].values
    make_id = mark.kwargs["ids"]
    assert make_id(estimator) == "TextTransformer(tokenizer='bpe')"
    assert make_id(check) == "check_clone"


@pytest.mark.parametrize("cells", [["a", None], [b"a", None], [np.ones(2), None]])
def test_cells_that_arrow_holds_are_tried_in_every_container(cells):
    made = {**columns_of_cells(cells), **tables_of_one_column(cells)}
    assert list(made) == [
        "an array of objects",
        "a pandas Series",
        "a pandas Series of objects",
        "a polars Series",
        "a pandas DataFrame",
        "a pyarrow Array",
        "a polars DataFrame",
        "a pyarrow Table",
    ]


def test_the_estimator_itself_is_not_fitted():
    transformer = TextTransformer()
    check_multimodal_estimator(transformer)
    assert not hasattr(transformer, "vocabulary_")


def test_a_failure_names_check_and_estimator_and_says_what_was_wrong():
    zeros = FunctionTransformer(np.nan_to_num)
    numbers = MultimodalFeatureUnion([("zeros", zeros, ["numbers_0", "numbers_1"])])
    message = (
        "^check_missing_cells: MultimodalFeatureUnion: 'zeros', row 0, is None and has "
        "1 tokens, expected none"
    )
    with pytest.raises(AssertionError, match=message):
        check_multimodal_estimator(numbers, X=TABLE)


def test_an_expected_failure_is_left_out():
    refusing = small(missing="error")
    with pytest.raises(AssertionError, match="check_missing_cells"):
        check_multimodal_estimator(refusing)
    names = (
        "check_missing_cells",
        "check_missing_cells_in_fit",
        "check_all_cells_missing",
        "check_all_cells_missing_in_fit",
        "check_row_with_nothing",
        "check_probabilities",
    )
    expected = dict.fromkeys(names, "it refuses missing modalities")
    check_multimodal_estimator(refusing, expected_failed_checks=expected)


def test_an_expected_failure_is_marked_with_its_reason():
    mark = parametrize_with_multimodal_checks(
        [TextTransformer()], expected_failed_checks=lambda _: {"check_clone": "because"}
    ).mark
    marks = {case.values[1].__name__: case.marks for case in mark.args[1]}
    (xfail,) = marks.pop("check_clone")
    assert (xfail.name, xfail.kwargs) == ("xfail", {"reason": "because"})
    assert not any(marks.values())


@pytest.mark.parametrize(
    ("estimator", "X", "error", "message"),
    [
        (StandardScaler(), None, ValueError, "no data for StandardScaler: pass X"),
        (union(), None, ValueError, "no data for MultimodalFeatureUnion: pass X"),
        (TextTransformer, None, TypeError, r"Use TextTransformer\(\)"),
        (TextTransformer(), ["a", "b"], ValueError, "at least 4 rows, found 2"),
        (union(), pl.DataFrame({"a": [1] * 4}), TypeError, "must be a pandas table"),
    ],
)
def test_what_cannot_be_checked_is_refused(estimator, X, error, message):
    with pytest.raises(error, match=message):
        check_multimodal_estimator(estimator, X=X)
