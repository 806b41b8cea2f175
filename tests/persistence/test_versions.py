"""Files of other versions: those of before are read, those to come are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import sklearn_mm
from sklearn_mm import ModelFileError

FILES = Path(__file__).parents[1] / "files"


def test_a_file_of_the_first_format_predicts_what_it_did():
    rows = json.loads((FILES / "model-format-1.json").read_text())
    cells = [
        (text, None if photo is None else np.array(photo, np.uint8), np.array(price), n)
        for text, photo, price, n in rows["rows"]
    ]
    X = np.empty((len(cells), 4), dtype=object)
    for place, row in enumerate(cells):
        for column, cell in enumerate(row):
            X[place, column] = cell
    model = sklearn_mm.load(FILES / "model-format-1.mm")
    assert model.predict(X).tolist() == rows["predicted"]
    np.testing.assert_allclose(model.predict_proba(X), rows["probabilities"], rtol=1e-5)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (
            2,
            "format 2, but this version of sklearn_mm reads up to 1: the file is newer",
        ),
        (0, "format 0, but this version of sklearn_mm reads from 1 on: .* older"),
        (1.0, "the format must be an integer, found 1.0"),
        ("1", "the format must be an integer"),
        (True, "the format must be an integer"),
        (None, "the format must be an integer"),
    ],
)
def test_another_format_is_refused(number, message, file, change):
    change(
        file, "manifest.json", lambda m: {**m, "format": number, "new": 1}, sign=False
    )
    for read in (sklearn_mm.load, sklearn_mm.inspect):
        with pytest.raises(ModelFileError, match=message):
            read(file)


def test_a_newer_file_names_the_version_that_wrote_it(file, change):
    def edit(manifest):
        return {"format": 7, "versions": {"sklearn-mm": "3.1.4"}}

    change(file, "manifest.json", edit, sign=False)
    with pytest.raises(ModelFileError, match=r"sklearn_mm 3\.1\.4"):
        sklearn_mm.load(file)


def test_another_version_of_scikit_learn_is_said_once(file, change):
    def edit(manifest):
        manifest["versions"]["scikit-learn"] = "1.6.0"

    change(file, "manifest.json", edit, sign=False)
    with pytest.warns(UserWarning, match=r"saved with scikit-learn 1\.6\.0") as caught:
        sklearn_mm.load(file)
    assert len(caught) == 1


def test_a_parameter_that_came_later_has_its_default(file, change, find):
    def edit(whole):
        del find(whole, "averaging")["averaging"]

    change(file, "model.json", edit)
    assert sklearn_mm.load(file).averaging is None


def test_a_parameter_without_a_default_must_be_there(tmp_path, change, find):
    from sklearn.linear_model import LogisticRegression

    model = sklearn_mm.CrossFitTransformer(LogisticRegression())
    path = sklearn_mm.save(model, tmp_path / "m.mm")

    def edit(whole):
        del find(whole, "estimator")["estimator"]

    change(path, "model.json", edit)
    with pytest.raises(ModelFileError, match="lacks its parameter 'estimator'"):
        sklearn_mm.load(path)
