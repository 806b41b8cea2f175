"""One fitted pipeline under load: many threads, processes and calls."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed
from load import make_pipe, make_table
from numpy.testing import assert_array_equal

SCRIPT = Path(__file__).with_name("load.py")
ON_LINUX = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")


@pytest.fixture(scope="module")
def fitted():
    X, y = make_table()
    pipe = make_pipe().fit(X, y)
    return pipe, X, pipe.predict_proba(X)


def test_eight_threads_predict_as_one_does(fitted):
    pipe, X, expected = fitted
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: pipe.predict_proba(X), range(16)))
    for found in answers:
        assert_array_equal(found, expected)


def test_threads_with_other_rows_do_not_mix_them(fitted):
    pipe, X, expected = fitted
    rows = [np.arange(i, i + 4) for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda r: pipe.predict_proba(X.iloc[r]), rows))
    for row, found in zip(rows, answers, strict=True):
        np.testing.assert_allclose(found, expected[row], atol=1e-6)


def predict(path, X):
    return joblib.load(path).predict_proba(X)


def test_four_processes_predict_as_one_does(fitted, tmp_path):
    pipe, X, expected = fitted
    joblib.dump(pipe, tmp_path / "pipe")
    calls = (delayed(predict)(tmp_path / "pipe", X) for _ in range(8))
    for found in Parallel(n_jobs=4)(calls):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def growth_of(n_predictions, n_fits):
    command = [sys.executable, SCRIPT, str(n_predictions), str(n_fits)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@ON_LINUX
def test_predictions_and_fits_leave_no_files_and_threads_behind():
    for n_bytes, n_files, n_threads in growth_of(20, 3).values():
        assert n_bytes < 50e6 and n_files <= 0 and n_threads <= 0


@ON_LINUX
@pytest.mark.slow
def test_ten_thousand_predictions_and_a_hundred_fits_leave_nothing_behind():
    for n_bytes, n_files, n_threads in growth_of(10_000, 100).values():
        assert n_bytes < 50e6 and n_files <= 0 and n_threads <= 0
