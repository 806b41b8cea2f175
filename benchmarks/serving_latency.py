"""Measure what a request of one row takes beside ``pipeline.predict`` of it.

The pipeline of ``latency.py`` (an image, a text, a sound) is saved, and served by
``docs/examples/serve.py`` in a process of its own, on loopback. In turns are timed:

- ``pipeline.predict`` on a table of one row, whose cells are the bytes of the files;
- the app's own call in this process: probabilities, missing modalities and attention;
- a request of JSON, with base64 cells, and one of files, over one kept connection.

Each row is another one than the last.

    python benchmarks/serving_latency.py --calls 200
"""

import argparse
import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import report
from latency import make_cells, make_pipeline_of_three, measure

import sklearn_mm

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
FILES = ("image", "audio")
TIMEOUT = 300  # seconds until the server answers


def start_server(model, threads):
    """Start the app in a process: it, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*(sys.executable, "-m", "uvicorn", "--factory", "serve:make_app")]
    command += ["--port", str(port), "--log-level", "error"]
    environment = {
        **os.environ,
        "SKLEARN_MM_MODEL": str(model),
        "OMP_NUM_THREADS": str(threads),
    }
    return subprocess.Popen(command, env=environment, cwd=EXAMPLES), port


def wait_for(client, server):
    """Wait until the server answers."""
    import httpx2

    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            return client.get("/").raise_for_status()
        except httpx2.ConnectError:
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")


def make_calls(client, pipeline, predictor, X):
    """Make the sides that are compared: each call predicts the next row."""
    rows = X.to_dict("records")
    in_json = [
        row | {name: base64.b64encode(row[name]).decode() for name in FILES}
        for row in rows
    ]
    turns = {}

    def next_row(side):
        turns[side] = (turns.get(side, -1) + 1) % len(rows)
        return turns[side]

    def predict():
        row = next_row("predict")
        return pipeline.predict(X.iloc[[row]])

    def post_json():
        body = {"rows": [in_json[next_row("json")]]}
        return client.post("/predict", json=body).raise_for_status()

    def post_files():
        row = rows[next_row("files")]
        files = {name: (name, row[name]) for name in FILES}
        data = {"cells": json.dumps({"text": row["text"]})}
        return client.post("/predict/files", files=files, data=data).raise_for_status()

    return {
        "pipeline.predict": predict,
        "the app, in this process": lambda: predictor([rows[next_row("app")]]),
        "request of JSON": post_json,
        "request of files": post_files,
    }


def main():
    """Fit, serve, ask many times, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    try:
        import fastapi  # noqa: F401
        import httpx2
        import uvicorn  # noqa: F401
    except ImportError as error:
        report.skip(f"{error}: pip install 'sklearn-mm[serve]'")
    sys.path.insert(0, str(EXAMPLES))
    import torch
    from serve import Predictor

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        X, y = make_cells(Path(folder), options.rows)
        for name in FILES:
            X[name] = [Path(path).read_bytes() for path in X[name]]
        pipeline = make_pipeline_of_three().fit(X, y)
        model = sklearn_mm.save(pipeline, Path(folder) / "model.mm")
        server, port = start_server(model, options.threads)
        try:
            url = f"http://127.0.0.1:{port}"
            with httpx2.Client(base_url=url, timeout=TIMEOUT) as client:
                wait_for(client, server)
                calls = make_calls(client, pipeline, Predictor(model), X)
                times = measure(calls, options.calls)
                answer = calls["request of JSON"]().json()["rows"][0]
        finally:
            server.terminate()
            server.wait()
    row = (options.calls + 1) % len(X)
    expected = pipeline.predict_proba(X.iloc[[row]])[0]
    equal = np.allclose(list(answer["probabilities"].values()), expected, rtol=1e-5)
    table = times.quantile([0.5, 0.95]).T
    table.columns = ["median", "95 %"]
    table["beside predict"] = table["median"] / table["median"].iloc[0]
    report.write(
        "serving_latency",
        f"One row, {options.calls} calls in turns, {options.threads} torch thread(s), "
        f"ms\n\n{table.round(2).to_string()}\n\n"
        f"same probabilities as the pipeline: {equal}\n"
        f"load of the machine at the end: {os.getloadavg()[0]:.1f}",
    )


if __name__ == "__main__":
    main()
