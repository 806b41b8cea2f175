"""FeatureCache: a folder that processes share, bounded, and that damage cannot stop."""

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed

from sklearn_mm import (
    FeatureCache,
    ImageTransformer,
    MultimodalFeatureUnion,
    cache,
)

KEYS = [bytes([i]) * 16 for i in range(200)]
FEATURES = {key: key * 50 for key in KEYS}


@pytest.fixture
def store(tmp_path):
    return FeatureCache(tmp_path / "cache")


@pytest.fixture
def clock(monkeypatch):
    """Set the seconds that the cache sees."""

    class Clock:
        now = 1000.0

        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(cache, "time", clock)
    return clock


def the_file(store):
    (file,) = store.folder.iterdir()
    return file


def test_what_is_stored_is_found_again_and_nothing_else(store):
    store.store(FEATURES)
    assert store.load([KEYS[3], b"another", KEYS[1]]) == {
        KEYS[3]: FEATURES[KEYS[3]],
        KEYS[1]: FEATURES[KEYS[1]],
    }


def test_the_later_of_two_values_of_a_key_stays(store):
    store.store({b"key": b"first"})
    store.store({b"key": b"second"})
    assert store.load([b"key"]) == {b"key": b"second"}
    assert len(store) == 1


def test_clear_forgets_everything_and_gives_the_disk_back(store):
    store.store(FEATURES | {b"large": bytes(1_000_000)})
    before = the_file(store).stat().st_size
    store.clear()
    assert store.load(KEYS) == {}
    assert len(store) == 0
    assert the_file(store).stat().st_size < before / 10


def test_a_cache_that_was_never_used_is_empty_and_makes_no_folder(store):
    store.clear()
    assert len(store) == 0
    assert not store.folder.exists()


def test_the_file_stays_below_max_bytes(tmp_path):
    store = FeatureCache(tmp_path, max_bytes=1_000_000)
    for i in range(30):
        store.store({f"{i} {j}".encode(): bytes(9_000) for j in range(20)})
        assert the_file(store).stat().st_size <= 1_000_000
    assert len(store) > 70  # of the 110 that fit


def test_what_was_not_used_for_the_longest_time_makes_room(tmp_path, clock):
    store = FeatureCache(tmp_path, max_bytes=1_000_000)
    value = bytes(30_000)
    for i in range(20):
        store.store({f"old {i}".encode(): value})
        clock.now += 1
    clock.now += 1000
    store.load([b"old 0", b"old 7"])
    clock.now += 1000
    store.store({f"new {i}".encode(): value for i in range(15)})
    found = store.load([f"old {i}".encode() for i in range(20)])
    assert {b"old 0", b"old 7"} <= set(found)
    assert b"old 1" not in found


def test_a_lower_limit_shrinks_the_file(tmp_path):
    FeatureCache(tmp_path).store({bytes([i]): bytes(100_000) for i in range(20)})
    store = FeatureCache(tmp_path, max_bytes=500_000)
    store.store({b"new": bytes(1000)})
    assert the_file(FeatureCache(tmp_path)).stat().st_size <= 500_000
    assert store.load([b"new"])


def test_a_value_too_large_for_the_cache_is_not_kept(tmp_path):
    store = FeatureCache(tmp_path, max_bytes=1_000_000)
    store.store({b"small": bytes(10), b"large": bytes(900_000)})
    assert set(store.load([b"small", b"large"])) == {b"small"}


def test_one_value_may_be_larger_than_what_is_written_at_once(store, monkeypatch):
    monkeypatch.setattr(cache, "MAX_WRITE", 1000)
    store.store({b"small": bytes(10), b"large": bytes(5000), b"other": bytes(900)})
    assert set(store.load([b"small", b"large", b"other"])) == {
        b"small",
        b"large",
        b"other",
    }


def test_a_damaged_entry_is_not_found_with_one_warning_and_can_be_stored_anew(store):
    store.store(FEATURES)
    content = the_file(store).read_bytes()
    for key in KEYS[:2]:
        content = content.replace(FEATURES[key][16:], b"?" + FEATURES[key][17:])
    the_file(store).write_bytes(content)
    with pytest.warns(UserWarning, match="2 entries of .* are damaged") as warned:
        found = store.load(KEYS)
    assert found == {key: FEATURES[key] for key in KEYS[2:]}
    assert len(warned) == 1
    store.store({key: FEATURES[key] for key in KEYS[:2]})
    assert store.load(KEYS) == FEATURES


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"not a database " + content[15:],
        lambda content: content[:4096] + bytes(8192) + content[12288:],
    ],
    ids=["cut short", "another kind of file", "a page of zeros"],
)
def test_a_damaged_file_is_begun_anew_with_one_warning(store, damage):
    store.store(FEATURES | {b"large": bytes(100_000)})
    the_file(store).write_bytes(damage(the_file(store).read_bytes()))
    with pytest.warns(UserWarning, match="is damaged and begun anew") as warned:
        assert store.load([*KEYS, b"large"]) == {}
    assert len(warned) == 1
    store.store(FEATURES)
    assert store.load(KEYS) == FEATURES


def test_clear_repairs_a_damaged_file(store):
    store.store(FEATURES)
    the_file(store).write_bytes(b"x" * 5000)
    store.clear()
    assert len(store) == 0


def test_a_folder_that_cannot_be_made_costs_a_warning(tmp_path):
    (tmp_path / "file").touch()
    store = FeatureCache(tmp_path / "file" / "cache")
    with pytest.warns(UserWarning, match="cannot be used, so features are computed"):
        assert store.load(KEYS) is None
    with pytest.warns(UserWarning, match="cannot be used, so features are computed"):
        assert not store.store(FEATURES)


def test_a_full_disk_costs_a_warning_and_spares_what_is_there(store):
    resource = pytest.importorskip("resource")
    store.store(FEATURES)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = the_file(store).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, limits[1]))
    try:
        with pytest.warns(UserWarning, match="cannot be used, so features are"):
            assert not store.store({b"large": bytes(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.load(KEYS) == FEATURES


def test_a_file_that_cannot_be_written_can_be_read(store, clock, monkeypatch):
    store.store(FEATURES)
    clock.now += 1000  # the use would be noted
    connect = sqlite3.connect

    def connect_to_read(path, **options):
        return connect(f"file:{path}?mode=ro", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", connect_to_read)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.load(KEYS) == FEATURES


@pytest.fixture
def locked(store, monkeypatch):
    """Keep the file of the cache locked, by a process that does not end."""
    store.store(FEATURES)
    monkeypatch.setattr(cache, "PATIENCE", 0.2)
    other = sqlite3.connect(the_file(store), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield other
    other.close()


def test_a_locked_file_is_waited_for_once_with_one_warning(store, locked, monkeypatch):
    waited = []
    connect = sqlite3.connect

    def noting(path, *, timeout, **options):
        waited.append(timeout)
        return connect(path, timeout=timeout, **options)

    monkeypatch.setattr(sqlite3, "connect", noting)
    with pytest.warns(UserWarning, match="kept locked by another process for 0.2 sec"):
        assert store.load(KEYS) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.load(KEYS) is None
        assert not store.store(FEATURES)
    assert waited == [0.2, 0.1, 0.1]


def test_a_file_that_is_locked_no_more_is_used_again(store, locked):
    with pytest.warns(UserWarning, match="kept locked"):
        assert store.load(KEYS) is None
    locked.execute("ROLLBACK")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.load(KEYS) == FEATURES
        assert store.store({b"other": b"value"})
    locked.execute("BEGIN EXCLUSIVE")
    with pytest.warns(UserWarning, match="kept locked"):
        assert store.load(KEYS) is None


def test_a_file_that_can_be_read_but_not_written_costs_one_warning(store, locked):
    locked.execute("ROLLBACK")
    locked.execute("BEGIN IMMEDIATE")
    with pytest.warns(UserWarning, match="kept locked") as warned:
        for number in range(3):
            assert store.load(KEYS) == FEATURES
            assert not store.store({bytes([number]): b"value"})
    assert len(warned) == 1


def test_a_locked_file_costs_a_union_one_warning_and_no_features(store, locked):
    X = pd.DataFrame({"a": [None], "b": [None]}, dtype=object)
    for column in X:
        X.at[0, column] = np.full((9, 9, 3), 100, dtype=np.uint8)
    steps = [(name, ImageTransformer(size=(4, 4)), name) for name in X]
    with pytest.warns(UserWarning, match="kept locked") as warned:
        found = MultimodalFeatureUnion(steps, memory=store).fit_transform(X)
    assert len(warned) == 1
    expected = MultimodalFeatureUnion(steps).fit_transform(X)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def write_again_and_again(folder, name):
    own = {f"{name} {i}".encode(): name.encode() * 2000 for i in range(100)}
    store = FeatureCache(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for start in range(0, 100, 5):
            store.store(FEATURES)
            store.store(dict(list(own.items())[start : start + 5]))
            assert store.load(KEYS) == FEATURES
    return own


def test_processes_write_at_once(tmp_path):
    # From nothing: the file is made by several, too.
    written = Parallel(n_jobs=3)(
        delayed(write_again_and_again)(tmp_path, name) for name in "abc"
    )
    expected = FEATURES | written[0] | written[1] | written[2]
    assert FeatureCache(tmp_path).load(list(expected)) == expected
    assert len(FeatureCache(tmp_path)) == len(expected)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_a_killed_writer_leaves_all_that_was_written_before_it_and_no_half(tmp_path):
    code = """
import os, signal, sys
from sklearn_mm import (
    FeatureCache,
    ImageTransformer,
    MultimodalFeatureUnion,
    cache,
)
store = FeatureCache(sys.argv[1])
store.store({b"before": b"value"})
insert, done = cache._insert, []
def insert_or_die(*entry):
    insert(*entry)
    done.append(1)
    if len(done) == 50:
        os.kill(os.getpid(), signal.SIGKILL)
cache._insert = insert_or_die
store.store({bytes([i]): bytes(100_000) for i in range(100)})
"""
    run = subprocess.run([sys.executable, "-c", code, tmp_path])
    assert run.returncode == -signal.SIGKILL
    assert os.path.exists(tmp_path / "features-1.sqlite-journal")  # it was writing
    store = FeatureCache(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = store.load([b"before", *(bytes([i]) for i in range(100))])
        assert found == {b"before": b"value"}
        store.store(FEATURES)
        assert store.load(KEYS) == FEATURES


def test_a_cache_pickles_as_its_parameters(store):
    store.store(FEATURES)
    loaded = pickle.loads(pickle.dumps(store))
    assert (loaded.folder, loaded.max_bytes) == (store.folder, store.max_bytes)
    assert loaded.load(KEYS) == FEATURES
