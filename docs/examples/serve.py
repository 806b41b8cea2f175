"""A server of one screen: rows in, predictions with what they stand on out.

To run it, with `pip install 'sklearn-mm[serve]'`::

    SKLEARN_MM_MODEL=pets.mm OMP_NUM_THREADS=1 uvicorn --factory serve:make_app
"""

import base64
import json
import os
from typing import Any

import pandas as pd
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sklearn.pipeline import Pipeline

import sklearn_mm
from sklearn_mm.inspection import attention_weights

MAX_ROWS = 64  # of a request
MAX_BYTES = 32 * 2**20  # of a request; transformers have max_bytes and max_pixels


class Rows(BaseModel):
    """Rows of cells by column; images and sounds in base64, missing ones left out."""

    rows: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_ROWS)


class BadCells(ValueError):
    """Cells that cannot be read: a list of row, column and reason."""


class Predictor:
    """A model as `sklearn-mm fit` writes it: a union, and an estimator."""

    def __init__(self, path):
        model = sklearn_mm.load(path)
        self.features, self.last = model[:-1], model[-1]
        self.columns, self.files = list(model[0].feature_names_in_), set()
        for _, step, columns in model[0].transformers_:
            step = step[0] if isinstance(step, Pipeline) else step
            if hasattr(step, "root"):  # it reads files: a cell is never taken as a path
                self.files |= {columns} if isinstance(columns, str) else set(columns)

    def __call__(self, rows):
        """Predict rows: a dict for each."""
        table = self.to_table(rows)
        try:
            features = self.features.transform(table)
        except Exception as error:
            raise BadCells(self.find_bad(table)) from error
        answers = [
            {
                "missing": [n for n in features.names if features[n].missing[row]],
                "attention": weights,
            }
            for row, weights in enumerate(
                attention_weights(self.last, features).to_dict("records")
            )
        ]
        if not hasattr(self.last, "classes_"):
            for answer, number in zip(
                answers, self.last.predict(features).tolist(), strict=True
            ):
                answer["prediction"] = number
            return answers
        labels = self.last.classes_.tolist()
        for answer, shares in zip(
            answers, self.last.predict_proba(features).tolist(), strict=True
        ):
            by_label = zip(map(str, labels), shares, strict=True)
            answer["prediction"] = labels[shares.index(max(shares))]
            answer["probabilities"] = dict(by_label)
        return answers

    def to_table(self, rows):
        """Decode the cells: a table with a column for each that was fitted."""
        bad, cells = [], {name: [None] * len(rows) for name in self.columns}
        for number, row in enumerate(rows):
            for name, cell in row.items():
                if name not in cells:
                    bad.append((number, name, f"no such column; found {self.columns}"))
                    continue
                if name in self.files and not isinstance(cell, bytes | None):
                    try:
                        cell = base64.b64decode(cell, validate=True)
                    except (TypeError, ValueError) as error:
                        bad.append((number, name, f"expected base64: {error}"))
                cells[name][number] = cell
        if bad:
            raise BadCells(bad)
        return pd.DataFrame(cells, dtype=object)

    def find_bad(self, table):
        """Try each cell of the rows that fail: list of (row, column, reason)."""
        bad = []
        for row in range(len(table)):
            if self.reason(table.iloc[[row]]) is None:
                continue
            for name in self.columns:
                alone = {each: [None] for each in self.columns}
                alone[name] = [table[name].iloc[row]]
                reason = self.reason(pd.DataFrame(alone, dtype=object))
                bad += [(row, name, reason)] if reason else []
        return bad

    def reason(self, table):
        """Say why a table cannot be read; None if it can."""
        try:
            self.features.transform(table)
        except Exception as error:
            return str(error).partition("row 0: ")[2] or str(error)


def make_app(path=None):
    """Load a model and build the app around it."""
    predict = Predictor(path or os.environ["SKLEARN_MM_MODEL"])
    app = FastAPI(title="sklearn_mm")

    @app.middleware("http")
    async def limit_size(request, call_next):
        length = request.headers.get("content-length")
        if request.method == "POST" and length is None:
            return JSONResponse({"detail": "Content-Length is needed"}, 411)
        if int(length or 0) > MAX_BYTES:
            return JSONResponse({"detail": f"more than {MAX_BYTES} bytes"}, 413)
        return await call_next(request)

    @app.exception_handler(BadCells)
    def say_which(request, error):
        names = ("row", "column", "reason")
        detail = [dict(zip(names, each, strict=True)) for each in error.args[0]]
        return JSONResponse({"detail": detail}, 422 if detail else 500)

    @app.get("/")
    def about():
        return {"columns": predict.columns, "files": sorted(predict.files)}

    @app.post("/predict")
    def predict_rows(body: Rows):  # in a thread, since it is no coroutine
        return {"rows": predict(body.rows)}

    @app.post("/predict/files")
    async def predict_files(request: Request):
        """One row: a file for each image or sound, the other cells as JSON, `cells`."""
        async with request.form() as form:
            try:
                row = dict(json.loads(form.get("cells", "{}")))
            except (TypeError, ValueError) as error:
                raise BadCells([(0, "cells", f"expected an object: {error}")]) from None
            files = {name: part for name, part in form.items() if name != "cells"}
            for name, part in files.items():
                row[name] = part if isinstance(part, str) else await part.read()
        return {"rows": await run_in_threadpool(predict, [row])}

    return app
