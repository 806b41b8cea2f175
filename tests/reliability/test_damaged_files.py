"""What is on disk, damaged at random: a crash would be that of another process."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from store_damages import DAMAGES

from sklearn_mm import FeatureCache

SCRIPT = Path(__file__).with_name("store_damages.py")


def damage(n_damages, *options):
    """Count the outcomes of so many damages of a store."""
    command = [sys.executable, SCRIPT, str(n_damages), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    *found, counts = done.stdout.splitlines()
    return json.loads(counts), found


def test_no_damage_of_a_store_is_a_crash_or_another_number():
    counts, found = damage(100, "--seed=1")
    assert set(counts) <= {"refused", "same"}, found
    assert counts["refused"] > 80


def test_no_damage_of_a_store_without_checksums_is_a_crash():
    counts, found = damage(100, "--seed=2", "--old")
    assert set(counts) <= {"refused", "same", "other"}, found


def test_no_damage_of_a_cache_is_another_value(tmp_path):
    rng = np.random.default_rng(0)
    values = {bytes([i]) * 16: rng.bytes(500) for i in range(60)}
    FeatureCache(tmp_path).store(values)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for _ in range(60):
        damage = DAMAGES[rng.integers(len(DAMAGES))]
        path.write_bytes(damage(rng, whole, [whole[: 4096 * 2], b"other"]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = FeatureCache(tmp_path).load(values)
        assert found.items() <= values.items()
        path.unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True])
def test_none_of_many_damages_of_a_store_is_a_crash(old):
    counts, found = damage(3000, "--seed=3", *(["--old"] if old else []))
    assert set(counts) <= {"refused", "same", *(["other"] if old else [])}, found
