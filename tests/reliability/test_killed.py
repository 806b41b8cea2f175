"""Processes that are killed, forked or out of disk."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from sklearn.base import BaseEstimator, TransformerMixin

from sklearn_mm import (
    FeatureCache,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
)

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")


class Killed(TransformerMixin, BaseEstimator):
    """Ends the process that it runs in, but never that of the tests."""

    def __init__(self, parent, late=False):
        self.parent = parent
        self.late = late

    def fit(self, X, y=None):
        if not self.late:
            self._die()
        self.fitted_ = True
        return self

    def transform(self, X):
        self._die()
        return np.ones((len(X), 1))

    def _die(self):
        if os.getpid() != self.parent:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_an_error_that_says_so():
    X = pd.DataFrame({"a": [1.0, 2.0], "text": ["b", "c"]})
    steps = [("dies", Killed(os.getpid()), ["a"]), ("text", TextTransformer(), "text")]
    union = MultimodalFeatureUnion(steps, n_jobs=2)
    message = r"worker process was killed while the modalities \['dies', 'text'\] were"
    with pytest.raises(RuntimeError, match=message + " fitted with n_jobs=2.*n_jobs=N"):
        union.fit(X)
    union.set_params(n_jobs=None, dies__late=True).fit(X)
    with pytest.raises(RuntimeError, match=message + " transformed with n_jobs=2"):
        union.set_params(n_jobs=2).transform(X)
    assert union.set_params(n_jobs=None).transform(X).shape[0] == 2


FILLS = """
import sys
import numpy as np, pandas as pd
from sklearn_mm import ImageTransformer, MultimodalFeatureUnion
rng = np.random.default_rng(0)
X = pd.DataFrame({"image": [None] * 300}, dtype=object)
for row in range(300):
    X.at[row, "image"] = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
step = ("image", ImageTransformer(size=(8, 8)), "image")
union = MultimodalFeatureUnion([step], memory=sys.argv[1] + "/cache")
print("ready", flush=True)
for number in range(1000):
    union.fit(X)
    if number % 2:
        union.memory = f"{sys.argv[1]}/cache{number}"
    union.transform_to_disk(X, sys.argv[1] + "/store", chunk_size=20, overwrite=True)
"""


def kill_after(folder, seconds):
    """Kill a process that fills a cache and a store, after so many seconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", FILLS, folder], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    process.wait()
    process.stdout.close()


def check_what_is_left(folder):
    """Check that a cache reads, and that a store is whole or is none."""
    assert len(FeatureCache(folder / "cache")) in (0, 256, 300)
    store = folder / "store"
    if not (store / "features.json").exists():
        return "none"
    features = MultimodalFeatures.load(store)
    assert len(features) == 300
    assert np.isfinite(np.asarray(features)).all()
    return "whole"


def test_a_process_killed_at_any_moment_leaves_what_is_whole(tmp_path):
    kill_after(tmp_path, np.random.default_rng().uniform(0, 0.5))
    check_what_is_left(tmp_path)


@pytest.mark.slow
def test_processes_killed_at_many_moments_leave_what_is_whole(tmp_path):
    rng, left = np.random.default_rng(0), []
    for number in range(20):
        folder = tmp_path / str(number // 4)  # some of them with what others left
        folder.mkdir(exist_ok=True)
        kill_after(folder, rng.exponential(0.3))
        left.append(check_what_is_left(folder))
    assert "whole" in left


def fork(*options):
    """Tell what came of a forked child that predicts."""
    command = [sys.executable, HERE / "forked.py", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_a_forked_child_predicts_though_its_parent_did_on_two_threads():
    assert fork() == "equal"


@pytest.mark.slow
def test_a_forked_child_of_a_process_with_one_thread_predicts():
    assert fork("one") == "equal"


TRAINS = """
import sys
import numpy as np
import torch
from safetensors.numpy import save_file
from sklearn_mm import AttentionFusionClassifier, FeatureBlock, MultimodalFeatures
torch.set_num_threads(1)
rng = np.random.default_rng(0)
labels = np.arange(600) % 3
series = [rng.normal(k, 2, (rng.integers(1, 8), 2)) for k in labels]
images = rng.integers(0, 255, (600, 3, 8, 8), dtype=np.uint8)
features = MultimodalFeatures([
    ("series", FeatureBlock.from_samples(series, "sequence")),
    ("image", FeatureBlock(images, np.arange(601), "image")),
])
folder, every, place = sys.argv[1:]
model = AttentionFusionClassifier(
    width=16, max_epochs=8, batch_size=32, early_stopping=True, modality_noise=0.3,
    averaging="ema", checkpoint=folder or None, random_state=0,
    checkpoint_every="epoch" if every == "epoch" else float(every),
)
print("ready", flush=True)
model.fit(features, labels)
module = model.net_.module_
weights = {**dict(module.named_buffers()), **module.state_dict()}
save_file({name: w.detach().contiguous().numpy() for name, w in weights.items()}, place)
"""


def train(folder, every, place, seconds=None):
    """Fit in a process of its own, which is killed after so many seconds."""
    command = [sys.executable, "-c", TRAINS, str(folder), str(every), str(place)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    process.stdout.close()
    return process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("every", ["epoch", 0.002])
def test_a_fit_killed_three_times_at_random_ends_at_the_same_weights(every, tmp_path):
    began = time.monotonic()
    assert train("", every, tmp_path / "expected") == 0
    seconds = time.monotonic() - began
    expected, rng = load_file(tmp_path / "expected"), np.random.default_rng()
    folder, place = tmp_path / "checkpoints", tmp_path / "found"
    ends = [
        train(folder, every, place, rng.uniform(0.1, 0.4) * seconds) for _ in range(3)
    ]
    assert -signal.SIGKILL in ends
    assert train(folder, every, place) == 0
    assert list(folder.glob("fit-*")) == []
    found = load_file(place)
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


FILLS_THE_DISK = """
import resource, sys
import numpy as np, pandas as pd
from sklearn_mm import MultimodalFeatures, MultimodalFeatureUnion
X = pd.DataFrame({"a": np.arange(50_000.0)})
union = MultimodalFeatureUnion([("a", "passthrough", ["a"])]).fit(X)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
union.transform_to_disk(X, sys.argv[1], chunk_size=5_000, overwrite=True)
"""


def test_a_full_disk_is_an_error_that_names_the_folder_and_spares_what_was(tmp_path):
    before = MultimodalFeatures({"a": np.ones((2, 1))})
    before.save(tmp_path / "store")
    command = [sys.executable, "-c", FILLS_THE_DISK, tmp_path / "store"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"File too large: '{tmp_path / 'store'}'" in done.stderr
    assert len(list((tmp_path / "store").iterdir())) == 3
    found = MultimodalFeatures.load(tmp_path / "store")
    np.testing.assert_array_equal(np.asarray(found), np.asarray(before))
