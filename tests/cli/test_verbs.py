"""What the verbs of the command line do with a table and a model."""

import io
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline

import sklearn_mm
from sklearn_mm.cli import doctor, main, models, report
from sklearn_mm.inspection.reporting.sections import SECTIONS

ROOT = Path(__file__).parents[2]


def test_a_model_predicts_as_the_same_pipeline_in_python(folder, call, monkeypatch):
    table = pd.read_csv(folder / "pets.csv")
    X, y = table.drop(columns=["species", "owner"]), table["species"].to_numpy()
    parameters = {"random_state": 0, "max_epochs": 1, "width": 8, "n_heads": 2}
    union = sklearn_mm.make_multimodal_union(X, root=folder, classical=False)
    union.set_params(photo__size=(8, 8))
    classifier = sklearn_mm.AttentionFusionClassifier(**parameters)
    expected = Pipeline([("features", union), ("classifier", classifier)]).fit(X, y)

    fit = ["fit", folder / "pets.csv", "--target", "species", "--no-classical"]
    fit += ["--exclude", "owner", "--output", folder / "all.mm", "--quiet"]
    for name in ("max_epochs=1", "width=8", "n_heads=2"):
        fit += ["--param", f"classifier__{name}"]
    assert call(*fit, "--param", "features__photo__size=(8, 8)").status == 0
    found = call("predict", folder / "all.mm", folder / "new.csv", "--quiet")
    predictions = pd.read_csv(io.StringIO(found.out))
    new = pd.read_csv(folder / "new.csv")
    assert predictions["prediction"].tolist() == expected.predict(new).tolist()
    np.testing.assert_allclose(
        predictions[["probability_cat", "probability_dog"]],
        expected.predict_proba(new),
        rtol=1e-6,
    )


def test_fit_shows_the_columns_the_target_and_what_is_missing(folder, call, tiny):
    fit = ["fit", folder / "pets.csv", "--target", "species", "--exclude", "owner"]
    said = call(*fit, "--output", folder / "other.mm", *tiny).out
    assert "photo: image files -> ImageTransformer" in said
    assert "height: numbers -> StandardScaler" in said
    assert "species: 2 classes, cat (12), dog (12) -> classification" in said
    assert "missing cells: photo 1, caption 1, height 1 of 24" in said
    assert "owner" not in said


def test_the_scores_of_rows_held_out_stand_in_the_model_card(folder, call):
    scores = sklearn_mm.inspect(folder / "pets.mm")["model"]["scores"]
    accuracy = scores["accuracy (6 rows held out)"]
    assert 0 <= accuracy <= 1
    shown = call("inspect", folder / "pets.mm")
    assert f"- accuracy (6 rows held out): {accuracy:.6g}" in shown.out
    assert "Predicts 'species', of 'pets.csv'; learned from 18 rows" in shown.out
    assert json.loads(call("inspect", folder / "pets.mm", "--json").out)["format"] == 1


def test_a_model_holds_no_path_of_the_machine(folder):
    model = sklearn_mm.load(folder / "pets.mm")
    found = [part.root for part in models.walk(model) if hasattr(part, "root")]
    assert found == [None, None]  # as it was set, and as it was fitted


def test_relative_paths_begin_at_the_folder_of_the_table(folder, call, monkeypatch):
    before = call("predict", folder / "pets.mm", folder / "new.csv", "--quiet").out
    moved = folder.rename(folder.with_name("moved"))
    monkeypatch.chdir(moved)
    assert call("predict", "pets.mm", "new.csv", "--quiet").out == before
    monkeypatch.chdir("/")
    after = call("predict", moved / "pets.mm", moved / "new.csv", "--quiet").out
    assert after == before != ""


def test_tsv_and_parquet_give_the_predictions_of_csv(folder, call):
    table = pd.read_csv(folder / "new.csv")
    table.to_parquet(folder / "new.parquet")
    table.to_csv(folder / "new.tsv.gz", sep="\t", index=False)
    found = []
    for name in ("new.csv", "new.parquet", "new.tsv.gz"):
        for suffix in (".csv", ".parquet"):
            output = folder / f"of_{name}{suffix}"
            predict = ["predict", folder / "pets.mm", folder / name, "--keep", "photo"]
            assert call(*predict, "--output", output).status == 0
            read = pd.read_csv if suffix == ".csv" else pd.read_parquet
            found.append(read(output))
    assert list(found[0].columns[:2]) == ["photo", "prediction"]
    for each in found[1:]:
        pd.testing.assert_frame_equal(each, found[0], check_dtype=False)


def test_cells_of_a_text_keep_the_zeros_they_begin_with(folder, call):
    table = pd.read_csv(folder / "new.csv").head(2)
    table["caption"] = ["007", "woof bark"]
    table.to_csv(folder / "two.csv", index=False)
    model = sklearn_mm.load(folder / "pets.mm")
    models.tell_transformers(model, root=folder)
    expected = model.predict_proba(table.head(1))[0]
    table.head(1).to_csv(folder / "one.csv", index=False)
    read = call("predict", folder / "pets.mm", folder / "one.csv", "--quiet").out
    found = pd.read_csv(io.StringIO(read)).iloc[0, 1:].astype(float)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    options = main.make_parser().parse_args(
        ["predict", str(folder / "pets.mm"), str(folder / "one.csv")]
    )
    from sklearn_mm.cli.tables import read_table

    read = read_table(options, models.text_columns(model))
    assert read["caption"].tolist() == ["007"]


def test_evaluate_scores_as_scikit_learn_does(folder, call):
    said = call("evaluate", folder / "pets.mm", folder / "new.csv", "--target=species")
    predicted = call("predict", folder / "pets.mm", folder / "new.csv", "--quiet").out
    truth = pd.read_csv(folder / "new.csv")["species"]
    accuracy = accuracy_score(truth, pd.read_csv(io.StringIO(predicted))["prediction"])
    line = next(x for x in said.out.splitlines() if x.startswith("accuracy"))
    assert line.split() == ["accuracy", f"{accuracy:.4g}", "0.5"]


def test_cross_validation_of_a_file_scores_as_that_of_its_fit(folder, call, tiny):
    folds = ["--target", "species", "--folds", "2", "--groups", "owner"]
    fit = ["fit", folder / "pets.csv", *folds, *tiny, "--output", folder / "cv.mm"]
    fitted = call(*fit)
    again = call("evaluate", folder / "cv.mm", folder / "pets.csv", *folds, "-q")
    assert again.status == fitted.status == 0
    assert again.out.startswith("scores on 2 folds:")
    assert again.out in fitted.out


def test_groups_stay_together_in_the_folds_of_classical_models(make_pets, tmp_path):
    table = make_pets(tmp_path)
    X, y = table[["caption", "height"]], table["species"].to_numpy()
    union = sklearn_mm.make_multimodal_union(X, verbose=False)
    seen = []

    class Seen(GroupKFold):
        def split(self, X, y=None, groups=None):
            seen.append(groups)
            return super().split(X, y, groups)

    union.set_params(caption_terms__cv=Seen(2), boosting__cv=Seen(2))
    last = sklearn_mm.AttentionFusionClassifier(max_epochs=1, width=8, n_heads=2)
    model = Pipeline([("features", union), ("classifier", last)])
    models.fit(model, X, y, table["owner"].to_numpy())
    owners = [list(table["owner"]), list(table["owner"][table["caption"].notna()])]
    assert len(seen) == 2
    assert all(list(groups) in owners for groups in seen)


def test_numbers_are_a_regression_and_report_shows_its_sections(folder, call):
    table = pd.read_csv(folder / "pets.csv").drop(columns="photo")
    table["height"] = table["height"].fillna(30)
    table.to_csv(folder / "heights.csv", index=False)
    fit = ["fit", folder / "heights.csv", "--target", "height", "--no-classical", "-q"]
    for name in ("max_epochs=1", "width=8", "n_heads=2"):
        fit += ["--param", f"regressor__{name}"]
    said = call(*fit, "--output", folder / "height.mm")
    assert "-> regression" in said.out
    page = folder / "page.html"
    said = call(
        *("report", folder / "height.mm", folder / "heights.csv", "--target=height"),
        *("--output", page, "--sections", "scores", "--title", "How tall"),
    )
    assert said.status == 0
    text = page.read_text(encoding="utf-8")
    assert "How tall" in text and "mean absolute error" in text
    assert 'id="robustness"' not in text


def test_report_offers_the_sections_that_there_are():
    assert tuple(SECTIONS) == report.SECTIONS


def test_results_go_to_stdout_and_progress_to_stderr(folder, call):
    said = call("predict", folder / "pets.mm", folder / "new.csv")
    assert len(pd.read_csv(io.StringIO(said.out))) == 8
    assert "Predicting 8 rows" in said.err


def test_the_installed_command_and_the_module_are_this_main():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"sklearn-mm": "sklearn_mm.cli.main:main"}
    run = subprocess.run(
        [sys.executable, "-m", "sklearn_mm", "--version"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert run.stdout.strip() == f"sklearn-mm {sklearn_mm.__version__}"


@pytest.mark.parametrize("verb", main.VERBS, ids=lambda verb: verb.__name__)
def test_the_help_of_a_verb_shows_commands_that_parse(verb, call):
    name = verb.__name__.rpartition(".")[2]
    said = call(name, "--help")
    assert said.status == 0
    joined = said.out.replace("\\\n", " ")
    commands = [x.strip() for x in joined.splitlines() if f"sklearn-mm {name}" in x]
    commands = [each for each in commands if each.startswith("sklearn-mm")]
    assert commands
    import shlex

    for command in commands:
        words = shlex.split(command.partition(" | ")[0].partition(" > ")[0])
        main.make_parser().parse_args(words[1:])


def test_doctor_says_how_to_install_what_is_missing(call, monkeypatch):
    import importlib.metadata as metadata

    version = metadata.version

    def without(name):
        if name == "captum":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without)
    said = call("doctor")
    assert said.status == 0
    assert "captum is not installed: pip install 'sklearn-mm[attribution]'" in said.out
    assert "torch computes on" in said.out


def test_doctor_ends_with_1_if_a_needed_package_is_too_old(call, monkeypatch):
    import importlib.metadata as metadata

    version = metadata.version
    old = {"skorch": "0.1"}
    monkeypatch.setattr(metadata, "version", lambda name: old.get(name, version(name)))
    said = call("doctor")
    assert said.status == 1
    assert "skorch 0.1, needed is >=1.2" in said.err


def test_doctor_knows_only_extras_that_there_are():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(doctor.EXTRAS) <= set(project["project"]["optional-dependencies"])
