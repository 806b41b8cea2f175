from pathlib import Path

import pytest

from sklearn_mm.datasets import get_data_home
from sklearn_mm.datasets._home import find_in_homes


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """A folder of the environment and one of the cache, nothing in either."""
    environment, cache = tmp_path / "environment", tmp_path / "cache"
    environment.mkdir()
    cache.mkdir()
    monkeypatch.setenv("SKLEARN_MM_DATA", str(environment))
    monkeypatch.setattr("pooch.os_cache", lambda name: cache)
    return environment, cache


def test_the_parameter_comes_before_the_environment(homes, tmp_path):
    assert get_data_home(tmp_path / "mine") == tmp_path / "mine"


def test_the_environment_comes_before_the_cache(homes):
    assert get_data_home() == homes[0]


def test_the_cache_is_taken_where_the_environment_names_nothing(homes, monkeypatch):
    for unset in (
        lambda: monkeypatch.setenv("SKLEARN_MM_DATA", ""),
        lambda: monkeypatch.delenv("SKLEARN_MM_DATA"),
    ):
        unset()
        assert get_data_home() == homes[1]


def test_a_read_only_folder_of_the_environment_is_read_but_not_written(homes):
    environment, cache = homes
    (environment / "data.npz").touch()
    environment.chmod(0o555)

    assert get_data_home() == cache
    assert find_in_homes("data.npz") == environment / "data.npz"
    environment.chmod(0o755)


def test_a_file_is_found_in_the_cache_where_the_environment_has_none(homes):
    (homes[1] / "data.npz").touch()

    assert find_in_homes("data.npz") == homes[1] / "data.npz"


def test_only_the_folder_of_the_parameter_is_searched(homes, tmp_path):
    (homes[0] / "data.npz").touch()

    assert find_in_homes("data.npz", tmp_path) is None


def test_a_relative_folder_and_the_users_home_become_absolute(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert get_data_home("here") == tmp_path / "here"
    if Path.home() == tmp_path:  # Windows reads another variable
        assert get_data_home("~/data") == tmp_path / "data"
