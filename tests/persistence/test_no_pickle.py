"""Neither saving nor loading goes through a pickle, in this process or a new one."""

import importlib.util
import io
import json
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch

import sklearn_mm

BLOCKED = [
    (pickle, "load"),
    (pickle, "loads"),
    (pickle, "dump"),
    (pickle, "dumps"),
    (pickle, "Unpickler"),
    (pickle, "Pickler"),
    (pickle, "_Unpickler"),
    (joblib, "load"),
    (joblib, "dump"),
    (torch, "load"),
    (torch, "save"),
]


@pytest.fixture
def without_pickles(monkeypatch):
    """Let everything raise that reads or writes a pickle."""

    def refuse(*args, **kwargs):
        raise AssertionError("a pickle")

    for module, name in BLOCKED:
        monkeypatch.setattr(module, name, refuse)
    if importlib.util.find_spec("cloudpickle"):  # not everyone has it
        for name in ("loads", "dumps"):
            monkeypatch.setattr(f"cloudpickle.{name}", refuse)
    # NumPy's own way to them, and the compiled classes behind the names above.
    monkeypatch.setattr(np.lib.format, "pickle", None, raising=False)
    return refuse


def test_a_pipeline_is_saved_and_loaded_without_pickles(
    without_pickles, pipeline, new_rows, tmp_path
):
    expected = pipeline.predict_proba(new_rows)
    path = sklearn_mm.save(pipeline, tmp_path / "p.mm")
    found = sklearn_mm.load(path).predict_proba(new_rows)
    assert found.tobytes() == expected.tobytes()


def test_what_skops_writes_is_saved_and_loaded_without_pickles(
    without_pickles, numbers, tmp_path
):
    from sklearn.ensemble import GradientBoostingClassifier

    fitted = GradientBoostingClassifier(n_estimators=3).fit(*numbers)
    path = sklearn_mm.save(fitted, tmp_path / "p.mm")
    found = sklearn_mm.load(path).predict_proba(numbers[0])
    assert found.tobytes() == fitted.predict_proba(numbers[0]).tobytes()


def test_no_member_is_a_pickle(file, members_of):
    for content in members_of(file).values():
        with pytest.raises(Exception):
            pickle.load(io.BytesIO(content))


NEW_PROCESS = """
import json, pickle, sys
import joblib, numpy as np, torch

class Refused(pickle.Unpickler):  # a class, since skorch derives one from it
    def __init__(self, *args, **kwargs):
        raise AssertionError("a pickle")

pickle.Unpickler = pickle.load = pickle.loads = joblib.load = torch.load = Refused
torch.set_num_threads(1)
import sklearn_mm

for name, method in json.loads(sys.argv[1]):
    model = sklearn_mm.load(f"{name}.mm")
    with np.load(f"{name}.npz", allow_pickle=False) as data:
        X, expected = data["X"], data["expected"]
    if X.dtype.kind == "U":
        X = X.tolist()
    found = np.asarray(getattr(model, method)(X))
    assert found.dtype == expected.dtype, name
    assert found.tobytes() == expected.tobytes(), name
print("all are the same")
"""


def test_models_are_the_same_in_a_new_process(numbers, make_classifier, tmp_path):
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import RandomForestClassifier, StackingClassifier
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = numbers
    texts = np.array([f"word{k} tells {k % 2}" for k in range(len(y))])
    network = make_classifier()
    models = {
        "classifier": (network, X),
        "calibrated": (CalibratedClassifierCV(network, cv=2), X),
        "grid": (GridSearchCV(network, {"dropout": [0.1]}, cv=2), X),
        "stacking": (
            StackingClassifier(
                [
                    ("network", network),
                    ("scaled", make_pipeline(StandardScaler(), network)),
                ],
                final_estimator=RandomForestClassifier(3, random_state=0),
                cv=2,
            ),
            X,
        ),
        "words": (make_pipeline(sklearn_mm.TextTransformer(), network), texts),
    }
    for name, (model, cells) in models.items():
        fitted = model.fit(cells.tolist() if cells.dtype.kind == "U" else cells, y)
        expected = fitted.predict_proba(
            cells.tolist() if cells.dtype.kind == "U" else cells
        )
        sklearn_mm.save(fitted, tmp_path / f"{name}.mm")
        np.savez(tmp_path / f"{name}.npz", X=cells, expected=expected)
    asked = json.dumps([(name, "predict_proba") for name in models])
    run = subprocess.run(
        [sys.executable, "-c", NEW_PROCESS, asked],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.stdout.strip() == "all are the same", run.stderr


def test_inspecting_a_file_loads_neither_torch_nor_skops(file):
    code = (
        "import sys, sklearn_mm\n"
        f"sklearn_mm.inspect({str(file)!r})\n"
        "print(sorted({'torch', 'skorch', 'skops', 'transformers'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr
