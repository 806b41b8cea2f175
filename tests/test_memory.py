"""MultimodalFeatureUnion(memory=...): each cell is encoded once."""

import importlib.metadata
import io
import os
import shutil
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AudioTransformer,
    FeatureCache,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.transformers import audio, image, recall

N = 12


@pytest.fixture
def table(tmp_path):
    """Make images and sounds as files, bytes and arrays; texts and series."""
    rng = np.random.default_rng(0)
    images, sounds = [], []
    for i in range(N):
        pixels = rng.integers(0, 256, (12, 10, 3), dtype=np.uint8)
        samples = rng.normal(0, 0.1, 900 + 100 * i)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        soundfile.write(tmp_path / f"{i}.wav", samples, 8000)
        content = io.BytesIO()
        Image.fromarray(pixels[::-1]).save(content, "PNG")
        images.append([str(tmp_path / f"{i}.png"), content.getvalue(), pixels][i % 3])
        sounds.append(
            [
                tmp_path / f"{i}.wav",
                samples,
                (samples, 4000),
                {"array": samples, "sampling_rate": 11025},
            ][i % 4]
        )
    images[4] = sounds[7] = None
    columns = {
        "image": images,
        "sound": sounds,
        "text": ["a red fox", "a blue fox"] * (N // 2),
        "series": [rng.normal(size=5 + i) for i in range(N)],
        "age": rng.normal(size=N),
    }
    return pd.DataFrame(
        {
            k: pd.Series(v, dtype=float if k == "age" else object)
            for k, v in columns.items()
        }
    )


@pytest.fixture
def read(monkeypatch):
    """Count what is read in this process: a list of cells."""
    cells = []
    for module, name in ((image, "read_image"), (audio, "read_sound")):

        def counting(cell, *options, reader=getattr(module, name)):
            cells.append(cell)
            return reader(cell, *options)

        monkeypatch.setattr(module, name, counting)
    return cells


def make_union(memory, **parameters):
    union = MultimodalFeatureUnion(
        [
            ("image", ImageTransformer((16, 16)), "image"),
            ("sound", AudioTransformer(sampling_rate=8000, n_mels=20), "sound"),
            ("text", TextTransformer(), "text"),
            ("series", TimeSeriesTransformer(), "series"),
            ("table", "passthrough", ["age"]),
        ],
        memory=memory,
    )
    return union.set_params(**parameters)


def assert_same(found, expected):
    assert found.names == expected.names
    for name in expected.names:
        a, b = found[name], expected[name]
        assert (a.kind, a.vocabulary_size) == (b.kind, b.vocabulary_size)
        assert a.values.dtype == b.values.dtype
        assert_array_equal(a.values, b.values)
        assert_array_equal(a.offsets, b.offsets)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"image__mode": "gray", "sound__representation": "mfcc", "sound__deltas": True},
        {"image__representation": "hog", "image__pixels_per_cell": (4, 4)},
        {"image__representation": "dct"},
        {
            "image__representation": "pca",
            "image__n_components": 3,
            "image__random_state": 0,
        },
        {"n_jobs": 2},
    ],
    ids=["default", "gray and mfcc", "hog", "dct", "pca", "processes"],
)
def test_features_are_the_same_to_the_bit(tmp_path, table, parameters):
    without, new = make_union(None, **parameters), table.iloc[::-2]
    fitted, transformed = without.fit_transform(table), without.transform(new)
    for _ in ("cold", "warm"):
        union = make_union(tmp_path / "cache", **parameters)
        assert_same(union.fit_transform(table), fitted)
        assert_same(union.transform(new), transformed)
        assert union.fit_transform(table)["sound"].values.flags.writeable


def test_each_cell_is_read_once_whatever_the_order_and_choice_of_rows(
    tmp_path, table, read
):
    make_union(tmp_path / "cache").fit(table.iloc[:8])
    assert len(read) == 8 + 8 - 2
    read.clear()
    make_union(tmp_path / "cache").fit(table.iloc[[9, 3, 0, 3]]).transform(table)
    new = table.iloc[8:]
    assert {id(cell) for cell in read} == {id(c) for c in [*new.image, *new.sound]}
    assert len(read) == 4 + 4


def test_a_cell_that_stands_in_several_rows_is_read_once(tmp_path, table, read):
    make_union(tmp_path / "cache").fit(table.iloc[[0, 0, 1, 0, 1]])
    assert len(read) == 2 + 2


def test_another_process_with_another_hash_seed_reads_nothing(tmp_path, table):
    joblib.dump((make_union(str(tmp_path / "cache")), table), tmp_path / "job")
    code = """
import joblib, sys
from sklearn_mm.transformers import audio, image
union, table = joblib.load(sys.argv[1])
if sys.argv[2] == "warm":
    audio.read_sound = image.read_image = None
union.fit(table)
"""
    for seed, state in enumerate(("cold", "warm")):
        run = subprocess.run(
            [sys.executable, "-c", code, tmp_path / "job", state],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr


def test_processes_of_a_grid_search_share_what_they_compute(tmp_path, table, read):
    union = make_union(FeatureCache(tmp_path / "cache"))
    union.set_params(text="drop", series="drop", table="drop")
    table = table.drop(index=[4, 7])  # LogisticRegression takes none that is missing
    y = np.arange(N - 2) % 2
    grid = {"logisticregression__C": [0.1, 1.0]}
    scores = []
    for memory in (None, union.memory):
        model = make_pipeline(
            clone(union).set_params(memory=memory), LogisticRegression()
        )
        search = GridSearchCV(
            model, grid, cv=2, n_jobs=2, refit=False, error_score="raise"
        )
        scores.append(search.fit(table, y).cv_results_["mean_test_score"])
    assert_array_equal(scores[0], scores[1])
    assert len(union.memory) == 2 * (N - 2)
    read.clear()
    union.fit(table)
    assert not read


def test_a_file_that_changed_is_read_again(tmp_path, table, read):
    union = make_union(tmp_path / "cache").fit(table)
    path, before = table.image[0], union.transform(table)["image"].values[0]
    read.clear()
    Image.new("RGB", (12, 10), "red").save(path)
    after = union.transform(table)["image"].values[0]
    assert read == [path]
    assert not np.array_equal(before, after)
    read.clear()
    os.utime(path, ns=(0, 0))
    union.transform(table)
    assert read == [path]


@pytest.mark.parametrize("by_link", [False, True])
def test_another_file_of_the_same_size_and_time_is_read(tmp_path, by_link):
    for name, gray in (("old", 10), ("new", 200)):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), gray).save(tmp_path / name / "0.bmp")
        os.utime(tmp_path / name / "0.bmp", (1e9, 1e9))
    shown = tmp_path / "shown"
    X, found = pd.DataFrame({"image": [str(shown / "0.bmp")]}), []
    if not by_link:
        shown.mkdir()
    for name in ("old", "new"):
        if by_link:
            shown.unlink(missing_ok=True)
            shown.symlink_to(tmp_path / name)
        else:
            shutil.copy2(tmp_path / name / "0.bmp", shown / "0.bmp")
        union = MultimodalFeatureUnion(
            [("image", ImageTransformer(size=(2, 2)), "image")],
            memory=tmp_path / "cache",
        )
        found.append(int(union.fit_transform(X)["image"].values.max()))
    assert found == [10, 200]


@pytest.mark.parametrize("place", [0, 3, 5])
def test_an_array_that_changed_is_read_again(tmp_path, table, read, place):
    union = make_union(tmp_path / "cache").fit(table)
    column = "image" if place == 5 else "sound"
    cells = {
        0: np.zeros(1000),
        3: {"array": table.sound[3]["array"], "sampling_rate": 8000},
        5: table.image[5].astype(np.uint16),
    }
    table.at[place, column] = cells[place]
    read.clear()
    union.transform(table)
    assert len(read) == 1


@pytest.mark.parametrize("library", ["numpy", "scipy", "librosa", "pillow", "torch"])
def test_with_another_version_of_a_library_that_computes_cells_are_read_again(
    tmp_path, table, read, monkeypatch, library
):
    make_union(tmp_path / "cache").fit(table)
    read.clear()
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda name: "9000" if name == library else version(name),
    )
    recall._versions.cache_clear()
    try:
        make_union(tmp_path / "cache").fit(table)
    finally:
        recall._versions.cache_clear()
    assert len(read) == 2 * (N - 1)


OTHER_PARAMETERS = {
    "image": {
        "size": (16, 18),
        "mode": "gray",
        "representation": "dct",
        "orientations": 5,
        "pixels_per_cell": (4, 4),
        "cells_per_block": (1, 1),
        "n_coefficients": 3,
        "value_range": (0, 100),
        "separator": ";",
        "max_pixels": 10**6,
    },
    "sound": {
        "representation": "mfcc",
        "sampling_rate": 7000,
        "n_fft": 300,
        "hop_length": 100,
        "n_mels": 21,
        "n_mfcc": 5,
        "deltas": True,
        "fmin": 10.0,
        "fmax": 3000.0,
        "max_seconds": 50.0,
        "time_axis": 0,
    },
}
# Which change nothing in what is cached: pixels come before their projection.
BESIDE = {"image": {"n_components", "random_state"}, "sound": set()}


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        (name, parameter)
        for name in OTHER_PARAMETERS
        for parameter in OTHER_PARAMETERS[name]
    ],
)
def test_with_another_parameter_cells_are_read_again(
    tmp_path, table, read, name, parameter
):
    union = make_union(tmp_path / "cache").fit(table)
    read.clear()
    value = OTHER_PARAMETERS[name][parameter]
    union.set_params(**{f"{name}__{parameter}": value}).fit(table)
    assert len(read) == N - 1


@pytest.mark.parametrize("name", ["image", "sound"])
def test_every_parameter_is_held_for_one_that_matters_or_not(name):
    parameters = make_union(None).get_params()[name].get_params()
    # They are read and where they are, not what they become.
    how = {"on_error", "n_jobs", "verbose", "root", "remote", "timeout", "max_bytes"}
    assert set(parameters) == OTHER_PARAMETERS[name].keys() | BESIDE[name] | how


def test_parameters_of_what_is_learned_and_errors_keep_the_cells(tmp_path, table, read):
    parameters = {"image__representation": "pca", "image__random_state": 0}
    union = make_union(tmp_path / "cache", **parameters, image__n_components=4)
    union.fit(table)
    read.clear()
    union.set_params(
        image__n_components=2, image__random_state=1, sound__on_error="missing"
    )
    union.fit(table)
    assert not read


def test_images_whose_range_is_learned_are_not_cached(tmp_path, table, read):
    table["image"] = [np.full((8, 8), i / 3) for i in range(N)]
    union, without = make_union(tmp_path / "cache"), make_union(None)
    for rows in (table, table[:3], table[:5]):
        assert_same(union.fit_transform(rows), without.fit_transform(rows))
    read.clear()
    union.transform(table)
    assert len(read) == N


def test_a_file_is_known_in_a_struct_below_a_root_and_among_others(
    tmp_path, table, read
):
    names = [f"{i}.png" for i in range(N)]
    table["image"] = [{"bytes": None, "path": str(tmp_path / name)} for name in names]
    union = make_union(tmp_path / "cache").fit(table)
    read.clear()
    table["image"] = names
    union.set_params(image__root=str(tmp_path)).fit(table)
    assert not read
    table["image"] = [[name, names[0]] for name in names]
    union.fit(table)
    assert len(read) == 2 * N
    read.clear()
    union.fit(table)
    assert not read


def test_urls_are_known_by_their_content(tmp_path, table, read):
    memory = pytest.importorskip("fsspec").filesystem("memory")
    contents = [(tmp_path / f"{i}.png").read_bytes() for i in range(N)]
    for i, content in enumerate(contents):
        memory.pipe(f"/cached/{i}.png", content)
    table["image"] = [f"memory://cached/{i}.png" for i in range(N)]
    union = make_union(tmp_path / "cache", image__remote=True)
    first = union.fit_transform(table)
    read.clear()
    assert_same(union.fit_transform(table), first)
    assert not read
    memory.pipe("/cached/3.png", contents[5])
    changed = union.fit_transform(table)
    assert not read  # an image that it knows
    assert_array_equal(changed["image"].values[3], first["image"].values[5])


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_a_broken_cell_is_named_as_without_a_cache(tmp_path, table, state):
    union = make_union(tmp_path / "cache")
    if state == "warm":
        union.fit(table)
    table.at[6, "image"] = "lost.png"
    message = "modality 'image': ImageTransformer: column 'image', row 6: .*lost.png"
    with pytest.raises(ValueError, match=message):
        union.fit(table)


def test_a_broken_cell_stops_the_reading(tmp_path, table, read, monkeypatch):
    monkeypatch.setattr(recall, "CHUNK", 2)
    table.at[1, "image"] = "lost.png"
    with pytest.raises(ValueError, match="row 1: .*lost.png"):
        make_union(tmp_path / "cache").fit(table)
    assert len(read) == 2


def test_broken_cells_are_counted_in_one_warning_each_time(tmp_path, table):
    table.loc[[6, 8], "sound"] = [b"noise", "lost.wav"]
    union = make_union(tmp_path / "cache", sound__on_error="missing")
    for _ in ("cold", "warm"):
        with pytest.warns(UserWarning) as warned:
            features = union.fit_transform(table)
        assert len(warned) == 1
        assert warned[0].message.args[0].startswith(f"2 of {N} cells could not be read")
        assert_array_equal(np.flatnonzero(features["sound"].missing), [6, 7, 8])


def test_cells_that_have_no_known_content_are_read_each_time(tmp_path, table, read):
    table["image"] = [Image.new("L", (4, 4)) for _ in range(N)]
    union = make_union(tmp_path / "cache").fit(table)
    read.clear()
    union.fit(table)
    assert len(read) == N


class OwnImages(ImageTransformer):
    """A user's, whose code may change and not its name."""


def test_a_subclass_of_the_user_is_not_cached(tmp_path, table, read):
    union = make_union(tmp_path / "cache", image=OwnImages((16, 16))).fit(table)
    read.clear()
    union.fit(table)
    assert len(read) == N - 1


def test_damage_is_computed_anew_with_one_warning(tmp_path, table, read):
    union = make_union(tmp_path / "cache", image="drop").fit(table)
    expected = union.transform(table)
    (file,) = (tmp_path / "cache").iterdir()
    content = file.read_bytes()
    tokens = expected["sound"][0].values.tobytes()
    start = content.index(tokens)
    file.write_bytes(content[:start] + b"????" + content[start + 4 :])
    read.clear()
    with pytest.warns(UserWarning, match="1 entries of .* are damaged") as warned:
        assert_same(union.transform(table), expected)
    assert len(warned) == 1
    assert len(read) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(union.transform(table), expected)


def test_a_folder_that_cannot_be_used_costs_a_warning_and_no_fit(tmp_path, table):
    (tmp_path / "file").touch()
    union = make_union(tmp_path / "file" / "cache")
    with pytest.warns(UserWarning, match="cannot be used") as warned:
        assert_same(union.fit_transform(table), make_union(None).fit_transform(table))
    assert len(warned) == 2  # one each for images and sounds


def test_a_cache_that_fills_up_loses_nothing_of_the_features(tmp_path, table):
    union = make_union(FeatureCache(tmp_path / "cache", max_bytes=60_000))
    assert_same(union.fit_transform(table), make_union(None).fit_transform(table))


def test_a_fitted_union_clones_and_pickles_with_its_cache(tmp_path, table, read):
    union = make_union(FeatureCache(tmp_path / "cache")).fit(table)
    joblib.dump(union, tmp_path / "model")
    read.clear()
    assert_same(
        joblib.load(tmp_path / "model").transform(table), union.transform(table)
    )
    clone(union).fit(table)
    assert not read
    assert union.set_params(memory=None).fit(table).get_params()["memory"] is None
    assert len(read) == 2 * (N - 1)


def test_a_cache_is_used_only_in_its_union(tmp_path, table, read):
    union = make_union(tmp_path / "cache").fit(table)
    read.clear()
    union.named_transformers_["sound"].transform(table.sound)
    assert len(read) == N - 1


@pytest.mark.parametrize(
    ("memory", "error", "message"),
    [
        (joblib.Memory(None), TypeError, "memory must be None, a folder or"),
        (FeatureCache("folder", max_bytes=0), ValueError, "max_bytes .* found 0"),
    ],
)
def test_what_is_no_cache_is_refused(table, memory, error, message):
    with pytest.raises(error, match=message):
        make_union(memory).fit(table)
