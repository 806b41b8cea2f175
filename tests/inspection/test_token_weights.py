"""attention_weights(level="token"): the weights, and what the tokens stand for."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    CNNEncoder,
    ImageTransformer,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    SelfAttentionEncoder,
    TextTransformer,
    TimeSeriesTransformer,
    VectorEncoder,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import attention_weights

HOP, RATE = 128, 8000
EYE = np.eye(20, dtype=np.float32)
PLACES = ["start", "end", "left", "top", "right", "bottom"]


@pytest.fixture(scope="module")
def data():
    X, y = make_multimodal_classification(60, missing_rate=0.2, random_state=0)
    return X.set_axis([f"r{i}" for i in range(60)]), y


@pytest.fixture(scope="module")
def model(data):
    sound = AudioTransformer(sampling_rate=RATE, n_fft=256, hop_length=HOP, n_mels=16)
    union = MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(16, 12)), "image"),
            ("text", TextTransformer(), "text"),
            ("audio", sound, "audio"),
            ("series", TimeSeriesTransformer(), "series"),
            ("table", "passthrough", ["numbers_0", "numbers_1"]),
        ]
    )
    encoders = [
        ("image", CNNEncoder(channels=(4, 8))),
        ("audio", SelfAttentionEncoder(strides=(2, 2))),
        ("table", VectorEncoder(tokens="features")),
    ]
    params = {"width": 16, "n_heads": 2, "max_epochs": 3, "random_state": 0}
    return make_pipeline(union, AttentionFusionClassifier(encoders, **params)).fit(
        *data
    )


@pytest.fixture(scope="module")
def weights(model, data):
    return attention_weights(model, data[0], level="token")


def present(weights, modality):
    return weights[(weights["modality"] == modality) & (weights["label"] != "(absent)")]


def test_weights_of_a_sample_sum_to_one(weights):
    assert_allclose(weights.groupby("sample")["weight"].sum(), 1, atol=1e-6)


def test_tokens_of_a_modality_sum_to_its_weight(weights, model, data):
    sums = weights.pivot_table(
        index="sample", columns="modality", values="weight", aggfunc="sum"
    )
    expected = attention_weights(model, data[0])
    assert_allclose(sums.loc[expected.index, expected.columns], expected, atol=1e-6)


def test_weights_equal_a_softmax_of_the_networks_tokens_by_hand(
    model, data, weights, read_out_by_hand
):
    read_out = model[-1].net_.module_.fusion.read_out
    row = data[0].dropna().head(1)  # alone: no padding
    expected = read_out_by_hand(read_out, lambda: attention_weights(model, row))
    of_row = weights[weights["sample"] == row.index[0]]
    assert_allclose(of_row["weight"], expected, atol=1e-5)


def test_labels_of_a_text_are_its_words(weights, data):
    for sample, words in present(weights, "text").groupby("sample")["label"]:
        assert list(words) == data[0].loc[sample, "text"].split()


def test_a_modality_that_a_row_lacks_has_one_absent_token_without_a_place(
    weights, data
):
    absent = weights[weights["label"] == "(absent)"]
    pairs = set(zip(absent["sample"], absent["modality"], strict=True))
    gone = data[0].rename(columns={"numbers_0": "table"}).drop(columns="numbers_1")
    gone = gone.isna().stack()
    assert pairs == set(gone[gone].index)
    assert len(absent) == len(pairs)
    assert absent[PLACES].isna().all(axis=None)


def test_boxes_of_an_image_cover_the_pixels_of_the_transformer(weights):
    boxes = present(weights, "image").groupby("sample")[["left", "top"]].min()
    ends = present(weights, "image").groupby("sample")[["right", "bottom"]].max()
    assert (boxes == 0).all(axis=None)
    assert (ends == [12, 16]).all(axis=None)


def test_tokens_of_a_sound_stand_at_seconds_and_end_with_it(weights):
    audio = present(weights, "audio")
    # Four frames a token: the second is centred on the fifth frame.
    second = audio[audio["token"] == 1]
    middle = (second["start"] + second["end"]) / 2
    assert_allclose(middle, (4 - 0.5) * HOP / RATE)
    assert_allclose(audio.groupby("sample")["start"].min(), 0)
    duration = 2000 / RATE
    assert_allclose(
        audio.groupby("sample")["end"].max(), duration, atol=0.5 * HOP / RATE
    )


def test_tokens_of_a_series_stand_at_its_steps(weights, data):
    ends = present(weights, "series").groupby("sample")["end"].max()
    lengths = data[0].loc[ends.index, "series"].map(len)
    assert_allclose(ends, lengths)


def test_tokens_of_features_bear_their_names(weights):
    table = present(weights, "table")
    assert list(table["label"].head(2)) == ["numbers_0", "numbers_1"]


def test_samples_are_named_by_the_index_of_the_table(weights, data):
    assert list(weights["sample"].unique()) == list(data[0].index)


def test_weights_of_a_row_do_not_depend_on_the_batch(model, data, weights):
    alone = attention_weights(model, data[0].iloc[[7]], level="token")
    together = weights[weights["sample"] == "r7"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, together, atol=1e-5)


def test_features_without_a_pipeline_give_token_numbers_without_words(model, data):
    features = model[:-1].transform(data[0])
    found = attention_weights(model[-1], features, level="token")
    text = present(found, "text")
    assert set(text["label"]) == {""}
    assert (text["start"] == text["token"]).all()
    assert list(found["sample"].unique()) == list(range(60))


def test_steps_before_the_union_are_gone_through(model, data, weights):
    longer = make_pipeline(FunctionTransformer(), *(step for _, step in model.steps))
    found = attention_weights(longer, data[0], level="token")
    pd.testing.assert_frame_equal(found, weights)


class Plain(torch.nn.Module):
    """An encoder of a user, which does not say what its tokens stand for."""

    def __init__(self, modality, *, width, n_heads, dropout):
        super().__init__()
        self.project = torch.nn.Linear(modality.n_inputs, width)

    def forward(self, values, lengths):
        return self.project(values).repeat(1, 3, 1), 3 * lengths


class Wrong(Plain):
    def spans(self, n_steps, token_shape):
        return {"start": [0], "end": [1]}


def test_an_encoder_without_spans_has_token_numbers_and_no_places():
    X = MultimodalFeatures({"own": EYE, "other": EYE})
    classifier = AttentionFusionClassifier([("own", Plain)], width=8, max_epochs=1)
    found = attention_weights(classifier.fit(X, np.arange(20) % 2), X, level="token")
    own = found[found["modality"] == "own"]
    assert list(own["token"].head(3)) == [0, 1, 2]
    assert own[PLACES].isna().all(axis=None)


def test_spans_of_another_number_than_the_tokens_are_an_error():
    X = MultimodalFeatures({"own": EYE, "other": EYE})
    classifier = AttentionFusionClassifier([("own", Wrong)], width=8, max_epochs=1)
    classifier.fit(X, np.arange(20) % 2)
    with pytest.raises(ValueError, match=r"'own': Wrong\.spans must give lists of 3"):
        attention_weights(classifier, X, level="token")


def test_an_unknown_level_is_an_error(model, data):
    with pytest.raises(ValueError, match="level must be one of .* found 'word'"):
        attention_weights(model, data[0], level="word")


def test_an_estimator_of_another_kind_is_an_error():
    other = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(TypeError, match="found LogisticRegression"):
        attention_weights(other, np.eye(4), level="token")
