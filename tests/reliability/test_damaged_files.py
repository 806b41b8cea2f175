"""What is on disk, damaged at random: a crash would be that of another process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True])
def test_none_of_many_damages_of_a_store_is_a_crash(old):
    counts, found = damage(3000, "--seed=3", *(["--old"] if old else []))
    assert set(counts) <= {"refused", "same", *(["other"] if old else [])}, found
