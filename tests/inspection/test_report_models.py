"""report: for which models which sections can be made, and what the others say."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
)
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import report

TINY = {"width": 16, "n_heads": 2, "max_epochs": 2, "random_state": 0}


def left_out(page):
    return {section["id"] for section in page.all("section", "left-out")}


def make_union():
    return MultimodalFeatureUnion([
        ("text", TextTransformer(), "text"),
        ("series", TimeSeriesTransformer(), "series"),
        ("numbers", StandardScaler(), ["numbers_0", "numbers_1"]),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def table():
    return make_multimodal_classification(
        40, modalities=["text", "series", "numbers"], noise=0.4, random_state=0
    )


def write(model, X, y, folder, **options):
    options = {"n_examples": 1, "random_state": 0} | options
    return report(model, X, y, folder / "report.html", **options)


def test_a_regressor_has_errors_residuals_and_no_reliability(
    table, tmp_path, read_page
):
    X, y = table
    target = X["numbers_0"].to_numpy() + y
    model = make_pipeline(make_union(), AttentionFusionRegressor(**TINY))
    model.fit(X, target)
    sections = ["scores", "importance", "attention", "reliability", "mistakes"]
    page = read_page(write(model, X, target, tmp_path, sections=sections))
    predicted = model.predict(X)
    words = page.part("scores").text.split()
    assert words[words.index("R²") + 1] == f"{r2_score(target, predicted):.3f}"
    assert f"{mean_absolute_error(target, predicted):.3f}" in page.part("scores").text
    assert left_out(page) == {"reliability"}
    worst = int(np.abs(target - predicted).argmax())
    assert f"row {worst} " in page.part("mistakes").text


def test_a_regressor_of_several_numbers_has_a_report(tmp_path, read_page):
    X, y = load_diabetes(return_X_y=True)
    features = MultimodalFeatures({"left": X[:40, :5], "right": X[:40, 5:]})
    targets = np.column_stack([y[:40], -y[:40]])
    model = AttentionFusionRegressor(**TINY).fit(features, targets)
    sections = ["data", "scores", "attention", "mistakes"]
    page = read_page(write(model, features, targets, tmp_path, sections=sections))
    assert left_out(page) == set()


def test_features_without_cells_leave_out_what_needs_cells(table, tmp_path, read_page):
    X, y = table
    features = make_union().fit_transform(X)
    model = AttentionFusionClassifier(**TINY).fit(features, y)
    page = read_page(write(model, features, y, tmp_path))
    assert left_out(page) == {"robustness"}
    assert "Left out." in page.part("robustness").text
    assert "needs the cells themselves" in page.part("robustness").text
    assert "Rows are not shown." in page.part("data").text
    assert page.part("mistakes").all("img")


def test_another_estimator_over_a_union_leaves_training_and_attention_out(
    table, tmp_path, read_page
):
    X, y = table
    boosting = HistGradientBoostingClassifier(max_iter=2)
    model = make_pipeline(make_union(), boosting).fit(X, y)
    sections = ["data", "training", "reliability", "subsets", "attention", "mistakes"]
    page = read_page(write(model, X, y, tmp_path, sections=sections))
    assert left_out(page) == {"training", "attention"}
    assert "HistGradientBoostingClassifier keeps no history" in page.text


def test_a_classifier_without_probabilities_leaves_reliability_out(
    table, tmp_path, read_page
):
    X, y = table
    model = make_pipeline(make_union(), LinearSVC()).fit(X, y)
    sections = ["scores", "reliability", "mistakes"]
    page = read_page(write(model, X, y, tmp_path, sections=sections))
    assert left_out(page) == {"reliability"}
    assert "log loss" not in page.part("scores").text


def test_rows_of_numbers_leave_out_what_tells_modalities_apart(tmp_path, read_page):
    X, y = load_iris(return_X_y=True)
    model = LinearRegression().fit(X, y)
    page = read_page(write(model, X, y, tmp_path))
    assert left_out(page) == {
        "training", "reliability", "importance", "subsets", "attention", "robustness",
    }  # fmt: skip
    assert "MultimodalFeatures as X" in page.part("importance").text


def test_several_labels_a_row_have_scores_of_each_label(tmp_path, read_page):
    X, Y = make_multilabel_classification(40, n_features=6, random_state=0)
    features = MultimodalFeatures({"left": X[:, :3], "right": X[:, 3:]})
    model = AttentionFusionClassifier(**TINY).fit(features, Y)
    sections = ["data", "scores", "reliability", "mistakes"]
    page = read_page(write(model, features, Y, tmp_path, sections=sections))
    assert left_out(page) == {"reliability"}
    share = (model.predict(features) == Y).mean()
    assert f"{share:.3f}" in page.part("scores").text


def test_a_quantile_is_judged_by_its_pinball_loss(tmp_path, read_page):
    X, y = load_diabetes(return_X_y=True)
    model = AttentionFusionRegressor(loss="quantile", quantile=0.9, **TINY).fit(X, y)
    page = read_page(write(model, X, y, tmp_path, sections=["scores"]))
    predicted = model.predict(X)
    loss = mean_pinball_loss(y, predicted, alpha=0.9)
    text = page.part("scores").text
    assert f"{loss:.3f}" in text
    assert (
        f"{mean_pinball_loss(y, np.full(442, np.quantile(y, 0.9)), alpha=0.9):.3f}"
        in text
    )
    assert f"{(y <= predicted).mean():.3f}" in text
    assert "pinball loss" in page.text


def test_a_quantile_of_boosting_is_judged_alike(tmp_path, read_page):
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(loss="quantile", alpha=0.8, n_estimators=3)
    page = read_page(write(model.fit(X, y), X, y, tmp_path, sections=["scores"]))
    loss = mean_pinball_loss(y, model.predict(X), alpha=0.8)
    assert f"{loss:.3f}" in page.part("scores").text


def test_of_a_search_the_best_estimator_is_shown(table, tmp_path, read_page):
    X, y = table
    model = make_pipeline(make_union(), AttentionFusionClassifier(**TINY))
    grid = {"attentionfusionclassifier__width": [8]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    page = read_page(write(search, X, y, tmp_path, sections=["data", "training"]))
    assert left_out(page) == set()


def test_a_table_of_polars_shows_its_cells(table, tmp_path, read_page):
    polars = pytest.importorskip("polars")
    X, y = table
    model = make_pipeline(make_union(), AttentionFusionClassifier(**TINY)).fit(X, y)
    rows = polars.DataFrame({
        "text": X["text"].tolist(),
        "series": polars.Series(X["series"].tolist(), dtype=polars.Object),
        "numbers_0": X["numbers_0"].to_numpy(),
        "numbers_1": X["numbers_1"].to_numpy(),
    })  # fmt: skip
    page = read_page(write(model, rows, y, tmp_path, sections=["data", "mistakes"]))
    assert len(page.part("data").all("svg", "cell-series")) == 1


def test_classes_that_the_model_never_saw_count_as_mistakes(table, tmp_path, read_page):
    X, y = table
    model = make_pipeline(make_union(), AttentionFusionClassifier(**TINY)).fit(X, y)
    new = np.where(np.arange(40) < 4, 7, y)
    sections = ["scores", "mistakes"]
    page = read_page(write(model, X, new, tmp_path, sections=sections))
    n_wrong = int((model.predict(X) != new).sum())
    assert f"1 of {n_wrong} rows that are wrong" in page.part("mistakes").text


def test_many_classes_have_a_row_each_and_a_matrix_of_the_most_frequent(
    tmp_path, read_page
):
    y = np.arange(75) % 25
    X = MultimodalFeatures({"a": y[:, None] / 25.0, "b": np.ones((75, 1))})
    model = AttentionFusionClassifier(**TINY).fit(X, y)
    sections = ["data", "scores", "attention"]
    page = read_page(write(model, X, y, tmp_path, sections=sections))
    assert left_out(page) == set()
    assert len(page.part("scores").all("tr")) == 1 + 5 + 1 + 25
    assert "The 20 most frequent classes" in page.part("scores").text


def test_targets_in_a_column_are_as_those_in_a_row(tmp_path, read_page):
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(X[:40], y[:40])
    sections = ["scores", "mistakes"]
    pages = [
        read_page(write(model, X[40:60], target, tmp_path, sections=sections)).source
        for target in (y[40:60], y[40:60, None])
    ]
    assert pages[0] == pages[1]


def test_names_that_are_no_formulas_can_be_drawn(table, tmp_path, read_page):
    X, y = table
    labels = np.array([r"$\bad{$", r"$5 - $10"])[y]
    X = X.assign(text=[f"{text} $x_$" for text in X["text"]])
    union = make_union().set_params(text__min_frequency=1)
    model = make_pipeline(union, AttentionFusionClassifier(**TINY)).fit(X, labels)
    sections = ["data", "scores", "attention", "mistakes"]
    page = read_page(write(model, X, labels, tmp_path, sections=sections))
    assert r"$\bad{$" in page.part("scores").text


def test_without_examples_no_cell_is_on_the_page(table, tmp_path, read_page):
    X, y = table
    model = make_pipeline(make_union(), AttentionFusionClassifier(**TINY)).fit(X, y)
    sections = ["data", "mistakes"]
    page = read_page(write(model, X, y, tmp_path, sections=sections, n_examples=0))
    assert left_out(page) == {"mistakes"}
    assert "every row is predicted right" not in page.text
    assert not any(text in page.text for text in X["text"])


def test_a_model_without_mistakes_is_told_so(tmp_path, read_page):
    X, y = load_iris(return_X_y=True)
    X, y = X[:80], y[:80]  # two classes that a line parts
    model = LinearSVC().fit(X, y)
    assert model.score(X, y) == 1
    page = read_page(write(model, X, y, tmp_path, sections=["mistakes"]))
    assert "every row is predicted right" in page.text
