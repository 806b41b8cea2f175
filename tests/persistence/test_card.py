"""What a file says of itself, to people and to programs."""

import json
import zipfile

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

import sklearn_mm


def test_the_card_is_a_readme_in_the_archive(pipeline, tmp_path):
    path = sklearn_mm.save(
        pipeline,
        tmp_path / "m.mm",
        scores={"accuracy on 2025": 0.875, "AUC": np.float32(0.5)},
        notes="For cats. *Not* for dogs.",
    )
    with zipfile.ZipFile(path) as archive:
        card = archive.read("README.md").decode()
    assert card == sklearn_mm.inspect(path)["card"]
    assert card.startswith("# AttentionFusionClassifier\n")
    for expected in (
        "MultimodalFeatureUnion → AttentionFusionClassifier",
        "For cats. *Not* for dogs.",
        "- accuracy on 2025: 0.875",
        "- AUC: 0.5",
        "2: no, yes",
        "- text: tokens, of ",
        "- sound: sequence, tokens of shape (64,)",
        "A modality that a row lacks is one learned token.",
        "a vocabulary: words, or parts of words, of the texts",
        "begins with a new optimizer",
        "- scikit-learn 1.",
        'sklearn_mm.load("model.mm")',
    ):
        assert expected in card


def test_without_scores_the_card_says_so_and_gives_the_losses(classifier, tmp_path):
    card = sklearn_mm.inspect(sklearn_mm.save(classifier, tmp_path / "m.mm"))["card"]
    loss = classifier.history_[-1, "train_loss"]
    assert "No scores were given." in card
    assert f"epochs 2, last train loss {loss:.6g}" in card


def test_the_card_of_a_search_is_that_of_its_best_estimator(
    numbers, make_classifier, tmp_path
):
    fitted = GridSearchCV(make_classifier(), {"dropout": [0.1]}, cv=2).fit(*numbers)
    told = sklearn_mm.inspect(sklearn_mm.save(fitted, tmp_path / "m.mm"))["model"]
    assert (told["class"], told["estimator"], told["task"]) == (
        "GridSearchCV",
        "AttentionFusionClassifier",
        "classifier",
    )
    assert told["classes"] == ["0", "1"]


def test_what_comes_from_data_is_no_markup(numbers, make_classifier, tmp_path):
    labels = np.array(["<script>alert(1)</script>", "a\n# b | [c](d)"])[numbers[1]]
    fitted = make_classifier().fit(numbers[0], labels)
    card = sklearn_mm.inspect(sklearn_mm.save(fitted, tmp_path / "m.mm"))["card"]
    assert "<script>" not in card
    assert "\n# b" not in card
    assert "[c](d)" not in card


def test_many_classes_are_counted(make_classifier, tmp_path):
    X, y = np.random.RandomState(0).randn(60, 2), np.arange(60) % 30
    fitted = make_classifier().fit(X, y)
    card = sklearn_mm.inspect(sklearn_mm.save(fitted, tmp_path / "m.mm"))["card"]
    assert "30: 0, 1, 2," in card
    assert "19, and 10 more" in card


@pytest.mark.parametrize(
    "scores", [[0.5], {"a": "0.5"}, {1: 0.5}, {"a": None}, {"a": [1]}]
)
def test_scores_are_numbers_by_name(scores, classifier, tmp_path):
    with pytest.raises(TypeError, match="scores must be a dict of names to numbers"):
        sklearn_mm.save(classifier, tmp_path / "m.mm", scores=scores)


def test_scores_are_finite(classifier, tmp_path):
    with pytest.raises(ValueError, match="'a' must be finite"):
        sklearn_mm.save(classifier, tmp_path / "m.mm", scores={"a": float("nan")})


def test_a_report_can_be_taken_along(classifier, numbers, tmp_path):
    pytest.importorskip("matplotlib")
    from sklearn_mm.inspection import report

    page = report(classifier, *numbers, tmp_path / "r.html", sections=["scores"])
    path = sklearn_mm.save(classifier, tmp_path / "m.mm", report=page)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("report.html") == page.read_bytes()
    assert "report.html" in sklearn_mm.inspect(path)["card"]
    assert sklearn_mm.load(path).predict(numbers[0]).shape == (40,)


def test_a_report_is_a_page(classifier, tmp_path):
    (tmp_path / "other.html").write_text("none")
    with pytest.raises(ValueError, match="which is no HTML"):
        sklearn_mm.save(classifier, tmp_path / "m.mm", report=tmp_path / "other.html")
    with pytest.raises(FileNotFoundError):
        sklearn_mm.save(classifier, tmp_path / "m.mm", report=tmp_path / "none.html")


def test_the_manifest_lists_versions_members_and_arrays(pipeline, tmp_path):
    found = sklearn_mm.inspect(sklearn_mm.save(pipeline, tmp_path / "m.mm"))
    assert found["format"] == 1
    assert found["versions"]["numpy"] == np.__version__
    assert list(found["model"]["modalities"]) == [
        *("text", "image", "sound", "series", "numbers")
    ]
    assert {len(entry["sha256"]) for entry in found["members"].values()} == {64}
    weights = found["arrays"]["Pipeline.steps[1][1].net_.absent_tokens"]
    assert weights["shape"] == [5, 8]
    assert json.dumps(found)


def test_the_privacy_line_tells_what_is_kept_of_rows(pipeline, tmp_path):
    found = sklearn_mm.inspect(sklearn_mm.save(pipeline, tmp_path / "m.mm"))
    for held in ("vocabulary", "statistics", "prior"):
        assert held in found["privacy"]


def test_training_rows_that_are_kept_are_named(numbers, tmp_path):
    from sklearn.neighbors import KNeighborsClassifier

    fitted = KNeighborsClassifier(algorithm="brute").fit(*numbers)
    found = sklearn_mm.inspect(sklearn_mm.save(fitted, tmp_path / "m.mm"))
    assert "training rows themselves" in found["privacy"]


def test_where_nothing_is_kept_of_rows_it_says_so(tmp_path):
    found = sklearn_mm.inspect(sklearn_mm.save(StandardScaler(), tmp_path / "m.mm"))
    assert "nothing that tells of single rows" in found["privacy"]


def test_a_file_of_ordinary_size_is_at_most_1_3_times_its_weights(
    table, make_union, tmp_path
):
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        make_union(),
        sklearn_mm.AttentionFusionClassifier(max_epochs=1, random_state=0),
    ).fit(*table)
    network = model[-1].net_.module_
    weights = sum(t.nbytes for t in network.state_dict().values())
    path = sklearn_mm.save(model, tmp_path / "m.mm")
    assert path.stat().st_size <= 1.3 * weights
