"""AttentionDisplay: what is drawn of one row, and of many."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from matplotlib.offsetbox import TextArea
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    AudioTransformer,
    CNNEncoder,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
    VectorEncoder,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import AttentionDisplay, attention_weights
from sklearn_mm.inspection.panels import WEIGHT_COLOUR

NAMES = ["image", "text", "audio", "series", "table"]
COMPLETE, PARTIAL = 0, 1


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    X, y = make_multimodal_classification(50, random_state=0)
    X.loc[PARTIAL, ["image", "audio"]] = None
    return X, np.array(["down", "up"])[y]


@pytest.fixture(scope="module")
def union():
    sound = AudioTransformer(sampling_rate=8000, n_fft=256, hop_length=128, n_mels=16)
    return MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(16, 16)), "image"),
            ("text", TextTransformer(), "text"),
            ("audio", sound, "audio"),
            ("series", TimeSeriesTransformer(), "series"),
            ("table", "passthrough", ["numbers_0", "numbers_1"]),
        ]
    )


@pytest.fixture(scope="module")
def model(data, union):
    encoders = [
        ("image", CNNEncoder(channels=(4, 8))),
        ("table", VectorEncoder(tokens="features")),
    ]
    params = {"width": 16, "n_heads": 2, "max_epochs": 2, "random_state": 0}
    classifier = AttentionFusionClassifier(encoders, **params)
    return make_pipeline(union, classifier).fit(*data)


@pytest.fixture
def display(model, data):
    return AttentionDisplay.from_estimator(model, *data, sample=COMPLETE)


@pytest.fixture(scope="module")
def tokens(model, data):
    return attention_weights(model, data[0].iloc[[COMPLETE]], level="token")


def panel(display, name):
    return display.axes_[[*NAMES, "all"].index(name)]


def test_there_is_a_panel_for_each_modality_and_one_for_all(display):
    titles = [ax.get_title() for ax in display.axes_]
    assert [title.split(":")[0] for title in titles] == [*NAMES, "all modalities"]


def test_the_title_says_what_is_predicted_and_what_is_true(display, model, data):
    (predicted,) = model.predict(data[0].head(1))
    probability = model.predict_proba(data[0].head(1)).max()
    assert display.figure_.get_suptitle() == (
        f"row 0: predicted {predicted} (probability {probability:.2f}), "
        f"true {data[1][0]}"
    )


def test_the_heat_over_the_image_sums_to_its_weight(display, tokens):
    image, heat = panel(display, "image").images
    assert image.get_array().shape == heat.get_array().shape == (16, 16)
    of_image = tokens[tokens["modality"] == "image"]
    assert_allclose(heat.get_array().sum(), of_image["weight"].sum(), atol=1e-6)
    # The first of 4 x 4 cells has 16 pixels, which share its weight.
    first = heat.get_array()[:4, :4]
    assert_allclose(first, of_image["weight"].iloc[0] / 16, atol=1e-6)


def test_words_are_shaded_by_their_weights(display, tokens, data):
    texts = [area._text for area in panel(display, "text").findobj(TextArea)]
    assert [text.get_text() for text in texts] == data[0]["text"][COMPLETE].split()
    shades = [text.get_bbox_patch().get_facecolor()[3] for text in texts]
    weights = tokens.loc[tokens["modality"] == "text", "weight"]
    assert_allclose(shades, weights / weights.max(), atol=0.01)
    heaviest = texts[int(weights.argmax())].get_bbox_patch().get_facecolor()
    assert_allclose(heaviest, to_rgba(WEIGHT_COLOUR), atol=0.01)


@pytest.mark.parametrize(("n_copies", "n_words"), [(5, 30), (9, 54), (60, 256)])
def test_a_long_text_is_written_so_small_that_it_stays_in_its_panel(
    model, data, n_copies, n_words
):
    X = data[0].head(1).copy()
    X.loc[0, "text"] = " ".join(["vepu keba nene duba guba kiba"] * n_copies)
    display = AttentionDisplay.from_estimator(model, X, sample=0)
    display.figure_.draw_without_rendering()
    ax = panel(display, "text")
    texts = [area._text for area in ax.findobj(TextArea)]
    assert len(texts) == n_words  # at most max_tokens of the transformer
    extents = [text.get_bbox_patch().get_window_extent() for text in texts]
    assert min(box.x0 for box in extents) > ax.bbox.x0
    assert max(box.x1 for box in extents) < ax.bbox.x1
    assert min(box.y0 for box in extents) > ax.bbox.y0
    assert max(box.y1 for box in extents) < ax.bbox.y1


def test_a_sound_is_a_spectrogram_over_seconds_with_its_weights(display, tokens):
    ax = panel(display, "audio")
    (spectrogram,) = ax.images
    left, right = spectrogram.get_extent()[:2]
    step = 128 / 8000
    # 1 + 2000 // 128 frames, each around its time.
    assert_allclose([left, right], [-step / 2, 15.5 * step])
    assert ax.get_xlabel() == "time (s)"
    (stairs,) = _twin(display, ax).patches
    values, edges, _ = stairs.get_data()
    of_audio = tokens[tokens["modality"] == "audio"]
    assert_allclose(values, of_audio["weight"], atol=1e-6)
    assert_allclose(edges, [*of_audio["start"], of_audio["end"].iloc[-1]])


def test_a_series_is_a_line_for_each_channel_with_its_weights(display, tokens, data):
    ax = panel(display, "series")
    assert [len(line.get_xdata()) for line in ax.lines] == [
        len(data[0]["series"][COMPLETE])
    ] * 2
    (stairs,) = _twin(display, ax).patches
    of_series = tokens[tokens["modality"] == "series"]
    assert_allclose(stairs.get_data()[0], of_series["weight"], atol=1e-6)


def _twin(display, ax):
    (twin,) = [
        other
        for other in display.figure_.axes
        if other is not ax and other.bbox.bounds == ax.bbox.bounds
    ]
    return twin


def test_features_have_a_bar_each_the_heaviest_on_top(display, tokens):
    ax = panel(display, "table")
    table = tokens[tokens["modality"] == "table"].sort_values("weight")[::-1]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == list(table["label"])
    assert_allclose([bar.get_width() for bar in ax.patches], table["weight"], atol=1e-6)
    assert ax.yaxis_inverted()


def test_the_bars_of_the_modalities_sum_to_one(display, model, data):
    bars = panel(display, "all").patches
    expected = attention_weights(model, data[0].iloc[[COMPLETE]]).to_numpy()[0]
    assert_allclose([bar.get_width() for bar in bars], expected, atol=1e-6)
    assert_allclose(sum(bar.get_width() for bar in bars), 1, atol=1e-6)


def test_an_absent_modality_is_said_to_be_absent(model, data):
    display = AttentionDisplay.from_estimator(model, *data, sample=PARTIAL)
    for name in ("image", "audio"):
        ax = panel(display, name)
        assert [text.get_text() for text in ax.texts] == ["absent"]
        assert not ax.images
    labels = [text.get_text() for text in panel(display, "all").get_yticklabels()]
    assert [label.endswith("(absent)") for label in labels] == [
        name in ("image", "audio") for name in NAMES
    ]


def test_features_without_a_pipeline_are_drawn_over_their_steps(model, data):
    features = model[:-1].transform(data[0])
    display = AttentionDisplay.from_estimator(model[-1], features, sample=COMPLETE)
    assert panel(display, "text").get_xlabel() == "step"
    assert panel(display, "audio").get_xlabel() == "step"
    assert "true" not in display.title


def test_panels_share_the_place_of_a_given_axes(model, data):
    _, (left, right) = plt.subplots(1, 2)
    display = AttentionDisplay.from_estimator(model, *data, sample=COMPLETE, ax=left)
    assert display.figure_ is left.figure
    assert all(
        ax.get_subplotspec().get_topmost_subplotspec() == left.get_subplotspec()
        for ax in display.axes_
    )
    assert right in display.figure_.axes


def test_panels_are_drawn_into_given_axes(model, data):
    _, axes = plt.subplots(2, 3)
    display = AttentionDisplay.from_estimator(model, *data, sample=COMPLETE, ax=axes)
    assert list(display.axes_) == list(axes.ravel())
    with pytest.raises(ValueError, match="expected 6 axes, one a panel, found 3"):
        display.plot(ax=axes[0])


def test_boxes_of_many_rows_are_those_of_each_modality_and_class(model, data):
    X, y = data
    display = AttentionDisplay.from_estimator(model, X, y)
    (ax,) = display.axes_
    assert [label.get_text() for label in ax.get_xticklabels()] == NAMES
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["down", "up"]
    weights = attention_weights(model, X)
    for label, boxes in zip(("down", "up"), display.boxes_, strict=True):
        medians = [line.get_ydata()[0] for line in boxes["medians"]]
        assert_allclose(medians, weights[y == label].median())
        places = [line.get_xdata().mean() for line in boxes["medians"]]
        assert_allclose(np.round(places), range(5))


def test_many_rows_are_grouped_by_what_is_predicted_of_them(model, data):
    display = AttentionDisplay.from_estimator(model, data[0])
    assert (display.groups == model.predict(data[0])).all()


def test_rows_of_a_regressor_are_one_group(union, data):
    X, y = data
    regressor = AttentionFusionRegressor(width=8, n_heads=2, max_epochs=1)
    model = make_pipeline(union, regressor).fit(X, np.arange(50.0))
    display = AttentionDisplay.from_estimator(model, X)
    assert display.axes_[0].get_legend() is None
    one = AttentionDisplay.from_estimator(model, X, np.arange(50.0), sample=3)
    assert one.title.endswith("true 3.0")


def test_a_row_that_is_not_there_is_an_error(model, data):
    with pytest.raises(ValueError, match="sample must be .* 0 to 49, found 50"):
        AttentionDisplay.from_estimator(model, *data, sample=50)


def test_the_table_may_have_another_index(model, data):
    X = data[0].set_index(pd.Index([f"r{i}" for i in range(50)]))
    y = pd.Series(data[1], index=X.index)
    display = AttentionDisplay.from_estimator(model, X, y, sample=4)
    assert display.title.startswith("row r4:")
    assert display.title.endswith(f"true {data[1][4]}")


@pytest.mark.parametrize("y", [np.zeros((50, 2), dtype=int), np.linspace(0, 1, 50)])
def test_what_is_no_label_a_row_groups_nothing(model, data, y):
    with pytest.raises(ValueError, match="it must be one label a row"):
        AttentionDisplay.from_estimator(model, data[0], y)


def test_a_column_of_labels_groups_the_rows(model, data):
    labels = np.where(np.arange(50) < 20, 0.5, 1.0)
    display = AttentionDisplay.from_estimator(model, data[0], labels[:, None])
    assert_array_equal(display.groups, labels)
