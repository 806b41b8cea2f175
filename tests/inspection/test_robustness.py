"""robustness_curve: what is corrupted, what is scored, and what is summed up."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import (
    RobustnessDisplay,
    effective_robustness,
    relative_robustness,
    robustness_curve,
)
from sklearn_mm.inspection.robustness import choose_corruptions

KINDS = ["image", "text", "audio", "series", "numbers"]


def make_union():
    return MultimodalFeatureUnion([
        ("image", ImageTransformer(size=(8, 8)), "image"),
        ("text", TextTransformer(), "text"),
        ("audio", AudioTransformer(sampling_rate=8000, n_mels=8), "audio"),
        ("series", TimeSeriesTransformer(), "series"),
        ("numbers", StandardScaler(), ["numbers_0", "numbers_1"]),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    X, y = make_multimodal_classification(
        40, modalities=KINDS, missing_rate=0.1, random_state=0
    )
    classifier = AttentionFusionClassifier(
        width=16, n_heads=2, max_epochs=3, random_state=0
    )
    return make_pipeline(make_union(), classifier).fit(X, y), X, y


@pytest.fixture(scope="module")
def curve(fitted):
    return robustness_curve(*fitted, strengths=[0, 1], random_state=0)


def make_curve(scores, modality="image", strengths=(0, 0.5, 1)):
    return pd.DataFrame({
        "modality": modality, "corruption": "noise",
        "strength": strengths, "score": scores,
    })  # fmt: skip


def test_every_modality_has_the_corruptions_of_its_kind(curve):
    by_modality = curve.groupby("modality", sort=False)["corruption"].unique()
    assert list(by_modality.index) == KINDS
    assert {name: len(found) for name, found in by_modality.items()} == {
        "image": 5, "text": 4, "audio": 3, "series": 3, "numbers": 2,
    }  # fmt: skip
    assert list(curve["strength"].unique()) == [0, 1]


def test_strength_zero_has_the_score_of_the_clean_cells(fitted, curve):
    model, X, y = fitted
    assert (curve.loc[curve["strength"] == 0, "score"] == model.score(X, y)).all()


@pytest.mark.parametrize("modality", ["image", "audio", "numbers"])
def test_all_cells_missing_scores_as_the_modality_hidden(fitted, curve, modality):
    model, X, y = fitted
    row = curve.query("modality == @modality and corruption == 'missing'").iloc[-1]
    hidden = model[0].transform(X).hide([modality])
    assert row["strength"] == 1
    assert row["score"] == model[-1].score(hidden, y)


def test_a_corruption_of_ones_own_is_scored_on_the_cells_that_it_makes(fitted):
    model, X, y = fitted

    def reverse(cell, strength, rng):
        return " ".join(reversed(cell.split())) + " strange" * round(8 * strength)

    found = robustness_curve(
        model, X, y, corruptions={"text": [reverse]}, strengths=[0.5],
        scoring="neg_log_loss",
    )  # fmt: skip
    changed = X.assign(text=[
        None if text is None else " ".join(reversed(text.split())) + " strange" * 4
        for text in X["text"]
    ])  # fmt: skip
    expected = np.mean(
        np.log(model.predict_proba(changed)[np.arange(len(y)), y].clip(1e-15))
    )
    assert found["score"].to_list() == pytest.approx([expected])
    assert found["corruption"].to_list() == ["reverse"]


def test_the_callers_cells_stay(fitted):
    model, X, y = fitted
    cells, images = X.copy(), [image.copy() for image in X["image"].dropna()]
    robustness_curve(
        model, X, y, corruptions={"image": ["noise", "occlusion"]}, strengths=[1]
    )
    assert (X["image"].map(id) == cells["image"].map(id)).all()
    for now, then in zip(X["image"].dropna(), images, strict=True):
        assert (now == then).all()


def test_global_random_states_stay(fitted):
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    robustness_curve(
        *fitted, corruptions={"text": ["typos"]}, strengths=[1], random_state=0
    )
    assert (np.random.get_state()[1] == before[0]).all()
    assert torch.equal(torch.get_rng_state(), before[1])


def test_the_same_random_state_gives_the_same_whatever_else_is_corrupted(fitted, curve):
    alone = robustness_curve(
        *fitted, corruptions={"audio": "noise"}, strengths=[0, 1], random_state=0
    )
    among = curve.query("modality == 'audio' and corruption == 'noise'")
    pd.testing.assert_frame_equal(alone, among.reset_index(drop=True))


def test_an_array_of_numbers_is_a_table():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 3)) + 5 * y[:, None]
    union = MultimodalFeatureUnion([("all", StandardScaler(), [0, 1, 2])])
    model = make_pipeline(union, LogisticRegression()).fit(X, y)
    found = robustness_curve(
        model, X, y, corruptions={"all": ["swapped"]}, strengths=[0, 1], random_state=0
    )
    assert found["score"][0] == 1
    assert 0.3 < found["score"][1] < 0.7


def test_a_column_of_numbers_is_of_the_kind_table_whatever_reads_it():
    X = pd.DataFrame({f"pixel_{i}": np.arange(3.0) for i in range(4)})
    names = list(X.columns)
    union = MultimodalFeatureUnion([("image", ImageTransformer(size=(2, 2)), names)])
    plan = choose_corruptions(union.fit(X), X, None)
    assert list(plan["image"]) == ["swapped", "missing"]


def test_what_cannot_be_read_says_which_corruption_it_was(fitted):
    def break_it(cell, strength, rng):
        return "no such file"

    with pytest.raises(ValueError, match="modality 'image'") as caught:
        robustness_curve(*fitted, corruptions={"image": break_it}, strengths=[0.5])
    assert "corrupted by 'break_it' of strength 0.5" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"strengths": [0, 2]}, "strengths must be from 0 to 1"),
        ({"corruptions": {"video": ["noise"]}}, r"for \['video'\], but the modal"),
        ({"corruptions": {"text": ["blur"]}}, r"no corruption 'blur'.*\['typos'"),
        ({"corruptions": {"text": [min, min]}}, "two corruptions called 'min'"),
    ],
)
def test_a_wrong_parameter_is_an_error_that_says_what_there_is(
    fitted, parameters, message
):
    with pytest.raises(ValueError, match=message):
        robustness_curve(*fitted, **parameters)


def test_an_estimator_of_features_is_refused_with_advice(fitted):
    model, X, y = fitted
    with pytest.raises(TypeError, match="found a AttentionFusionClassifier"):
        robustness_curve(model[-1], X, y)


def test_relative_robustness_is_the_area_below_the_curve():
    two = pd.concat([make_curve([0.9, 0.8, 0.5]), make_curve([1, 1, 0], "text")])
    # (.9 + .8) / 4 + (.8 + .5) / 4, and (1 + 1) / 4 + (1 + 0) / 4
    assert_allclose(relative_robustness(two), [0.75, 0.75])
    assert list(relative_robustness(two).index) == [
        ("image", "noise"),
        ("text", "noise"),
    ]


def test_effective_robustness_is_the_sum_above_a_baseline_moved_to_the_same_start():
    own, baseline = make_curve([0.9, 0.8, 0.5]), make_curve([0.7, 0.5, 0.4])
    # The baseline, moved up by .2: .9, .7, .6.
    assert_allclose(effective_robustness(own, baseline), [0.0 + 0.1 - 0.1], atol=1e-12)
    higher = make_curve([0.9, 0.9, 0.8])
    assert_allclose(effective_robustness(higher, baseline), [0.4])


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        (make_curve([1, 1, 1], "text"), "same corruptions"),
        (make_curve([1, 1, 1], strengths=(0, 0.4, 1)), "same strengths"),
    ],
)
def test_a_baseline_of_something_else_is_refused(baseline, message):
    with pytest.raises(ValueError, match=message):
        effective_robustness(make_curve([0.9, 0.8, 0.5]), baseline)


def test_a_panel_a_modality_and_a_line_a_corruption_are_drawn(curve):
    plt = pytest.importorskip("matplotlib.pyplot")
    display = RobustnessDisplay(curve=curve, score_name="accuracy").plot()
    assert [panel.get_title() for panel in display.axes_] == KINDS
    assert display.axes_[0].get_ylabel() == "accuracy"
    for (modality, corruption), line in display.lines_.items():
        rows = curve.query("modality == @modality and corruption == @corruption")
        assert line.get_xdata().tolist() == rows["strength"].tolist()
        assert line.get_ydata().tolist() == rows["score"].tolist()
        assert line.get_label() == corruption
    assert len(display.lines_) == len(curve) / 2
    plt.close("all")


def test_from_estimator_draws_into_the_given_axes(fitted):
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, ax = plt.subplots()
    display = RobustnessDisplay.from_estimator(
        *fitted, corruptions={"text": ["typos"]}, strengths=[0, 1], ax=ax
    )
    assert display.figure_ is figure
    assert display.axes_.tolist() == [ax]
    with pytest.raises(ValueError, match="for each of 1 modalities, found 2"):
        display.plot(ax=[ax, ax])
    plt.close("all")


def test_a_default_corruption_that_the_transformer_refuses_is_left_out():
    rng = np.random.default_rng(0)
    prices = pd.Series([np.exp(rng.normal(size=20).cumsum() / 10) for _ in range(40)])
    X = pd.DataFrame({"prices": prices, "kind": rng.choice(["a", "b"], 40)})
    union = MultimodalFeatureUnion([
        ("prices", TimeSeriesTransformer(difference="log_return"), "prices"),
        ("kind", OneHotEncoder(sparse_output=False), ["kind"]),
    ])  # fmt: skip
    model = make_pipeline(union, HistGradientBoostingClassifier(max_iter=2))
    model.fit(X, X["kind"])
    with pytest.warns(UserWarning, match="left out, since its transformer") as caught:
        curve = robustness_curve(model, X, X["kind"], strengths=[0, 1], random_state=0)
    named = [("noise", "prices"), ("missing", "kind")]
    for warning, (corruption, modality) in zip(caught, named, strict=True):
        assert f"{corruption!r} of modality {modality!r}" in str(warning.message)
    found = set(zip(curve["modality"], curve["corruption"], strict=True))
    expected = {("prices", "gaps"), ("prices", "missing"), ("kind", "swapped")}
    assert found == expected
    asked = {"prices": ["noise"]}
    with pytest.raises(ValueError, match="only values above 0"):
        robustness_curve(model, X, X["kind"], corruptions=asked, random_state=0)


def test_cells_below_a_root_are_corrupted(tmp_path):
    from PIL import Image

    for i in range(8):
        pixels = np.full((9, 9, 3), 255 * (i % 2), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    X = pd.DataFrame({"photo": [f"{i}.png" for i in range(8)]})
    X.loc[2, "photo"] = "0.png;4.png"
    transformer = ImageTransformer((8, 8), root=tmp_path, separator=";")
    union = MultimodalFeatureUnion([("photo", transformer, "photo")])
    model = make_pipeline(union, LogisticRegression()).fit(X, np.arange(8) % 2)
    curve = robustness_curve(
        model, X, np.arange(8) % 2, corruptions={"photo": ["noise"]}, strengths=[0, 0.5]
    )
    assert curve.score.notna().all()


def test_cells_are_found_below_a_relative_root(tmp_path, monkeypatch):
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(8):
        pixels = np.full((9, 9, 3), 255 * (i % 2), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    X = pd.DataFrame({"photo": [f"{i}.png" for i in range(8)]})
    transformer = ImageTransformer((8, 8), root="photos")
    union = MultimodalFeatureUnion([("photo", transformer, "photo")])
    model = make_pipeline(union, DecisionTreeClassifier()).fit(X, np.arange(8) % 2)
    asked = {"photo": ["missing"]}
    curve = robustness_curve(
        model, X, np.arange(8) % 2, corruptions=asked, strengths=[0, 0.5]
    )
    assert curve.score.notna().all()
