"""The runtime, in a process that has no torch."""

import subprocess
import sys

import numpy as np
from numpy.testing import assert_allclose

from sklearn_mm.export import export_onnx

# Of what is imported although it must not be, an error with the place.
PREDICT = """
import sys

BLOCKED = {"torch", "skorch", "librosa", "sentence_transformers", "transformers"}

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Block())

import numpy as np
import sklearn_mm
from sklearn_mm.export import OnnxModel

folder = sys.argv[1]
X = sklearn_mm.MultimodalFeatures.load(folder + "/features")
for name in ("classifier", "regressor"):
    model = OnnxModel(f"{folder}/{name}.onnx")
    X = X.select(list(model.modalities_in_))
    np.save(f"{folder}/{name}.npy", model.predict(X))
    np.save(f"{folder}/{name}_weights.npy", model.attention_weights(X).to_numpy())
    if name == "classifier":
        np.save(f"{folder}/proba.npy", model.predict_proba(X))
        np.save(f"{folder}/log_proba.npy", model.predict_log_proba(X))
assert not BLOCKED & set(sys.modules)
"""


def test_a_graph_is_run_where_torch_and_skorch_cannot_be_imported(
    make_model, make_features, tmp_path
):
    from sklearn_mm import AttentionFusionRegressor
    from sklearn_mm.inspection import attention_weights

    kinds = {"image": "image", "text": "tokens"}
    X = make_features(kinds, 9, seed=4)
    X.save(tmp_path / "features")
    y = np.arange(24.0)
    classifier = make_model(kinds, y=np.array(["no", "yes"])[y.astype(int) % 2])
    regressor = make_model(
        {"text": "tokens"}, make=AttentionFusionRegressor, y=100 * y, fusion="concat"
    )
    for name, model in {"classifier": classifier, "regressor": regressor}.items():
        export_onnx(model, tmp_path / f"{name}.onnx")
    run = subprocess.run(
        [sys.executable, "-c", PREDICT, str(tmp_path)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    found = {path.stem: np.load(path) for path in tmp_path.glob("*.npy")}
    assert found["classifier"].tolist() == classifier.predict(X).tolist()
    scale = regressor.target_scale_
    assert_allclose(
        found["regressor"] / scale,
        regressor.predict(X.select(["text"])) / scale,
        atol=1e-4,
    )
    assert_allclose(found["proba"], classifier.predict_proba(X), atol=1e-4)
    assert_allclose(found["log_proba"], classifier.predict_log_proba(X), atol=1e-3)
    expected = attention_weights(classifier, X)
    assert_allclose(found["classifier_weights"], expected, atol=1e-4)
