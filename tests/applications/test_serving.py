"""The server of docs/serving.md, on loopback, beside the pipeline that it serves."""

import asyncio
import base64
import importlib.util
import io
import json
import socket
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_mm
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import attention_weights

NEEDS = "needs the extra: pip install 'sklearn-mm[serve]'"
for _name in ("fastapi", "httpx2", "python_multipart", "uvicorn"):
    pytest.importorskip(_name, reason=f"{_name} is not installed; {NEEDS}")

import httpx2  # noqa: E402
import uvicorn  # noqa: E402

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "serve.py"


def encode_image(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def encode_sound(clip):
    file = io.BytesIO()
    soundfile.write(file, *clip, format="WAV")
    return file.getvalue()


@pytest.fixture(scope="module")
def table():
    """Rows whose images and sounds are the bytes of files; some cells are missing."""
    X, y = make_multimodal_classification(
        24,
        modalities=["image", "audio", "text", "numbers"],
        missing_rate=0.2,
        random_state=0,
    )
    for name, encode in (("image", encode_image), ("audio", encode_sound)):
        X[name] = [None if cell is None else encode(cell) for cell in X[name]]
    return X.assign(y=np.array(["no", "yes"])[y])


@pytest.fixture(scope="module")
def pipeline(table):
    union = sklearn_mm.MultimodalFeatureUnion(
        [
            ("image", sklearn_mm.ImageTransformer(size=(8, 8)), "image"),
            ("audio", sklearn_mm.AudioTransformer(sampling_rate=8000), "audio"),
            ("text", sklearn_mm.TextTransformer(), "text"),
            ("table", StandardScaler(), ["numbers_0", "numbers_1"]),
        ]
    )
    classifier = sklearn_mm.AttentionFusionClassifier(
        max_epochs=2, width=8, n_heads=2, random_state=0
    )
    return make_pipeline(union, classifier).fit(table.drop(columns="y"), table["y"])


@pytest.fixture(scope="module")
def serve():
    spec = importlib.util.spec_from_file_location("serve", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def url(pipeline, serve, tmp_path_factory):
    """Where the server listens: a free port of this machine."""
    path = sklearn_mm.save(pipeline, tmp_path_factory.mktemp("served") / "model.mm")
    server = uvicorn.Server(uvicorn.Config(serve.make_app(path), log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def client(url):
    with httpx2.Client(base_url=url, timeout=120) as client:
        yield client


def to_json(row):
    """Write a row as JSON has it: bytes in base64, nothing for what is missing."""
    cells = row.drop("y").dropna().to_dict()
    return {
        name: base64.b64encode(cell).decode() if isinstance(cell, bytes) else cell
        for name, cell in cells.items()
    }


def to_rows(table):
    return [to_json(row) for _, row in table.iterrows()]


def check_answers(answers, pipeline, X):
    """Compare what the server said with what the pipeline says."""
    shares = pd.DataFrame([each["probabilities"] for each in answers])
    np.testing.assert_allclose(shares, pipeline.predict_proba(X), rtol=1e-5)
    assert [each["prediction"] for each in answers] == pipeline.predict(X).tolist()
    weights = pd.DataFrame([each["attention"] for each in answers])
    np.testing.assert_allclose(weights, attention_weights(pipeline, X), rtol=1e-5)


def test_rows_of_json_are_predicted_as_by_the_pipeline(client, pipeline, table):
    answer = client.post("/predict", json={"rows": to_rows(table)})
    assert answer.status_code == 200
    check_answers(answer.json()["rows"], pipeline, table)


def test_the_modalities_that_a_row_lacks_are_named(client, table):
    answer = client.post("/predict", json={"rows": to_rows(table)}).json()["rows"]
    names = ["image", "audio", "text"]
    expected = [[n for n in names if row[n] is None] for _, row in table.iterrows()]
    found = [[n for n in each["missing"] if n != "table"] for each in answer]
    assert found == expected
    both = table[["numbers_0", "numbers_1"]].isna().all(axis=1)
    assert [("table" in each["missing"]) for each in answer] == both.tolist()


def test_uploaded_files_are_predicted_as_by_the_pipeline(client, pipeline, table):
    row = table.dropna().iloc[0]
    files = {name: (f"{name}.bin", row[name]) for name in ("image", "audio")}
    cells = {name: row[name] for name in ("text", "numbers_0", "numbers_1")}
    answer = client.post(
        "/predict/files", files=files, data={"cells": json.dumps(cells)}
    )
    assert answer.status_code == 200
    check_answers(answer.json()["rows"], pipeline, table.loc[[row.name]])


def test_200_requests_at_once_are_answered_as_one_would_be(client, url, table):
    rows = to_rows(table)
    alone = [client.post("/predict", json={"rows": [row]}).json() for row in rows]

    async def ask_at_once():
        async with httpx2.AsyncClient(
            base_url=url, timeout=300, limits=httpx2.Limits(max_connections=200)
        ) as many:
            asked = [
                many.post("/predict", json={"rows": [rows[number % len(rows)]]})
                for number in range(200)
            ]
            return await asyncio.gather(*asked)

    answers = asyncio.run(ask_at_once())
    assert [answer.status_code for answer in answers] == [200] * 200
    found = [answer.json() for answer in answers]
    assert found == [alone[number % len(rows)] for number in range(200)]


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("image", "no base64!", "expected base64"),
        ("image", base64.b64encode(b"no image").decode(), "cannot read the image"),
        ("audio", base64.b64encode(b"no sound").decode(), "cannot read the sound"),
        ("text", ["red", "fox"], "expected text, found list"),
        ("numbers_0", "tall", "expected a number, found 'tall'"),
        ("colour", "red", "no such column"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(client, table, column, cell, reason):
    rows = to_rows(table.head(3))
    rows[1][column] = cell
    answer = client.post("/predict", json={"rows": rows})
    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert (fault["row"], fault["column"]) == (1, column)
    assert reason in fault["reason"]


def test_several_bad_cells_are_all_named(client, table):
    rows = to_rows(table.head(4))
    rows[0]["numbers_0"], rows[3]["text"], rows[3]["numbers_1"] = "a", [], "b"
    faults = client.post("/predict", json={"rows": rows}).json()["detail"]
    found = [(fault["row"], fault["column"]) for fault in faults]
    assert found == [(0, "numbers_0"), (3, "text"), (3, "numbers_1")]


def test_a_bad_upload_is_named(client):
    answer = client.post("/predict/files", files={"image": ("a.png", b"no image")})
    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert (fault["row"], fault["column"]) == (0, "image")
    answer = client.post("/predict/files", data={"cells": "{"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["column"] == "cells"


@pytest.mark.parametrize("form", [str, lambda path: {"path": str(path)}])
def test_a_path_in_a_request_is_not_opened(client, tmp_path, form):
    path = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(path)
    answer = client.post("/predict", json={"rows": [{"image": form(path)}]})
    assert answer.status_code == 422
    assert "expected base64" in answer.json()["detail"][0]["reason"]


def test_requests_beyond_the_limits_are_refused(client, serve, table):
    rows = [to_json(table.iloc[0])] * (serve.MAX_ROWS + 1)
    assert client.post("/predict", json={"rows": rows}).status_code == 422
    large = client.post("/predict", content=b" " * (serve.MAX_BYTES + 1))
    assert large.status_code == 413
    unknown = client.post("/predict", content=iter([b"{", b"}"]))
    assert unknown.status_code == 411


def test_the_columns_can_be_asked_for(client):
    assert client.get("/").json() == {
        "columns": ["image", "audio", "text", "numbers_0", "numbers_1"],
        "files": ["audio", "image"],
    }
