"""Models to save, and files that someone has changed."""

import contextlib
import hashlib
import json
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

import sklearn_mm

WORDS = ["red", "fox", "blue", "bird", "cat", "tax", "form", "sky"]


def make_table(n_rows, seed=0):
    """Make rows of five modalities, of which cells are missing, and their classes."""
    rng = np.random.RandomState(seed)
    y = rng.randint(0, 2, n_rows)
    times = np.arange(2000)
    columns = {
        "text": [" ".join(rng.choice(WORDS, 6)) + (" good", " bad")[k] for k in y],
        "photo": [(rng.rand(12, 12, 3) * 255).astype(np.uint8) for _ in y],
        "sound": [np.sin(times * (0.1 + 0.2 * k)) + rng.randn(2000) / 9 for k in y],
        "price": [np.cumsum(rng.randn(20, 2) + k / 9, axis=0) for k in y],
    }
    X = pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in columns.items()})
    for name in columns:
        X.loc[rng.rand(n_rows) < 0.1, name] = None
    X["age"], X["size"] = rng.randn(n_rows) + y, rng.randn(n_rows)
    return X, np.array(["no", "yes"])[y]


@pytest.fixture(scope="session", name="make_union")
def _make_union():
    return make_union


@pytest.fixture(scope="session", name="make_classifier")
def _make_classifier():
    return make_classifier


def make_union():
    return sklearn_mm.MultimodalFeatureUnion(
        [
            ("text", sklearn_mm.TextTransformer(), "text"),
            ("image", sklearn_mm.ImageTransformer(size=(8, 8)), "photo"),
            ("sound", sklearn_mm.AudioTransformer(sampling_rate=8000), "sound"),
            ("series", sklearn_mm.TimeSeriesTransformer(nan="indicator"), "price"),
            ("numbers", "passthrough", ["age", "size"]),
        ]
    )


def make_classifier(**parameters):
    settings = {"max_epochs": 1, "random_state": 0, "width": 8, "n_heads": 2}
    return sklearn_mm.AttentionFusionClassifier(**{**settings, **parameters})


@pytest.fixture(scope="session")
def table():
    return make_table(24)


@pytest.fixture(scope="session")
def new_rows():
    return make_table(9, seed=1)[0]


@pytest.fixture(scope="session")
def pipeline(table):
    """Fit a pipeline over five modalities."""
    return make_pipeline(make_union(), make_classifier()).fit(*table)


@pytest.fixture(scope="session")
def features(table):
    """Give features of all five modalities, to train on."""
    return make_union().fit_transform(table[0])


@pytest.fixture(scope="session")
def numbers():
    """Give a table of numbers, and classes that it tells."""
    rng = np.random.RandomState(0)
    X = rng.randn(40, 4)
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


@pytest.fixture(scope="session")
def classifier(numbers):
    return make_classifier(max_epochs=2).fit(*numbers)


@pytest.fixture
def file(classifier, tmp_path):
    """Save a small model."""
    return sklearn_mm.save(classifier, tmp_path / "model.mm")


@pytest.fixture(scope="session", name="again")
def _again():
    return again


def again(model, path, **options):
    """Save and load."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sklearn_mm.save(model, path, **options)
        trusted = options.get("trusted", ())
        return sklearn_mm.load(path, trusted=trusted)


@pytest.fixture(scope="session", name="members_of")
def _members_of():
    return members_of


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="session", name="write_members")
def _write_members():
    return write_members


def write_members(path, members):
    """Write a zip of (name, content) pairs, or of a dict."""
    pairs = members.items() if isinstance(members, dict) else members
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that stand there twice
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in pairs:
                archive.writestr(name, content)
    return path


@pytest.fixture(scope="session", name="change")
def _change():
    return change


def change(path, name, edit, *, sign=True):
    """Change a member, and with ``sign`` what the manifest says of it.

    ``edit`` takes what the JSON holds, or bytes of other members.
    """
    members = members_of(path)
    is_json = name.endswith(".json")
    content = json.loads(members[name]) if is_json else members[name]
    edited = edit(content)
    edited = content if edited is None else edited
    members[name] = json.dumps(edited).encode() if is_json else edited
    return write_members(path, signed(members) if sign else members)


@pytest.fixture(scope="session", name="signed")
def _signed():
    return signed


def signed(members):
    """Let the manifest say of each member what it is: what an attacker would do."""
    manifest = json.loads(members["manifest.json"])
    manifest["members"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in members.items()
        if name != "manifest.json"
    }
    arrays = members["arrays.safetensors"]
    with contextlib.suppress(Exception):  # of what are no arrays any more
        manifest["arrays"] = described(arrays)
    return {**members, "manifest.json": json.dumps(manifest).encode()}


def described(content):
    from safetensors.numpy import load

    return {
        name: {
            "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
            "dtype": array.dtype.name,
            "shape": list(array.shape),
        }
        for name, array in load(content).items()
    }


@pytest.fixture(scope="session", name="find")
def _find():
    return find


def find(tree, wanted):
    """Find in a tree of JSON the first object that has a key, and its parent's key."""
    left = [tree]
    while left:
        node = left.pop(0)
        if isinstance(node, dict):
            if wanted in node:
                return node
            left += node.values()
        elif isinstance(node, list):
            left += node
    raise KeyError(wanted)
