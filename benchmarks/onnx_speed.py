"""Measure how fast an exported network predicts beside the one that torch runs.

Both predict the same features, which a union has made before: one row, and many. Sides
in turns, one thread. And what a fresh process takes until it has predicted one row:
imports, reading the model, the prediction.

    python benchmarks/onnx_speed.py --rows 1000 --repeats 15
"""

import argparse
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import report
import torch
from timing import interleave, ratio

import sklearn_mm
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.export import OnnxModel, export_onnx

CASES = {
    "numbers": ["numbers"],
    "text": ["text"],
    "image": ["image"],
    "series": ["series"],
    "all, and audio": ["numbers", "text", "image", "series", "audio"],
}
N_TRAIN = 200

START = """
import sys, numpy as np, sklearn_mm
X = sklearn_mm.MultimodalFeatures.load(sys.argv[1])
model = {read}(sys.argv[2])
model.predict_proba(X)
"""
READ = {"torch": "sklearn_mm.load", "onnx": "sklearn_mm.export.OnnxModel"}


def make_features(modalities, n_rows):
    """Make features of rows of which cells are missing, and their classes."""
    X, y = make_multimodal_classification(
        max(n_rows, N_TRAIN), modalities=modalities, missing_rate=0.1, random_state=0
    )
    steps = {
        "numbers": ("passthrough", ["numbers_0", "numbers_1"]),
        "text": (sklearn_mm.TextTransformer(), "text"),
        "image": (sklearn_mm.ImageTransformer(size=(16, 16)), "image"),
        "series": (sklearn_mm.TimeSeriesTransformer(), "series"),
        "audio": (sklearn_mm.AudioTransformer(sampling_rate=8000), "audio"),
    }
    union = sklearn_mm.MultimodalFeatureUnion(
        [(name, *steps[name]) for name in modalities]
    )
    return union.fit_transform(X, y), y


def start_seconds(side, features, model):
    """Time a fresh process from its start to its first prediction."""
    code = START.format(read=READ[side])
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, features, model], check=True)
    return time.perf_counter() - began


def compare(case, n_rows, repeats, folder):
    """Time both sides on one kind of rows: a list of table rows, and the start's."""
    X, y = make_features(CASES[case], n_rows)
    model = sklearn_mm.AttentionFusionClassifier(max_epochs=2, random_state=0)
    model.fit(X[:N_TRAIN], y[:N_TRAIN])
    path = export_onnx(model, folder / "model.onnx")
    exported, table = OnnxModel(path), []
    error = np.abs(exported.predict_proba(X) - model.predict_proba(X)).max()
    for rows in (1, n_rows):
        some = X[:rows]
        taken = interleave(
            {
                "torch": lambda some=some: model.predict_proba(some),
                "onnx": lambda some=some: exported.predict_proba(some),
            },
            repeats,
        )
        table.append(
            {
                "rows of": case,
                "rows": rows,
                "torch, ms": (1000 * np.median(taken["torch"])).round(2),
                "onnx, ms": (1000 * np.median(taken["onnx"])).round(2),
                "times as fast": ratio(taken["torch"], taken["onnx"]),
                "largest difference": f"{error:.1g}",
            }
        )
    X[:1].save(folder / "features", overwrite=True)
    files = {"torch": sklearn_mm.save(model, folder / "model.mm"), "onnx": path}
    return table, files


def main():
    """Compare on each kind of rows, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table, starts = [], {side: [] for side in READ}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in CASES:
            rows, files = compare(case, options.rows, options.repeats, folder)
            table += rows
        for _ in range(max(1, options.repeats // 3)):
            for side, path in files.items():
                taken = start_seconds(side, str(folder / "features"), str(path))
                starts[side].append(taken)
    torch_starts, onnx_starts = (np.array(starts[side]) for side in ("torch", "onnx"))
    report.write(
        "onnx_speed",
        "predict_proba of features that are ready, default parameters, one thread, "
        f"onnxruntime {version('onnxruntime')};\nmedians (smallest to largest) of "
        f"{options.repeats} interleaved repeats. The machine had other work: compare\n"
        "the sides, not the times.\n\n"
        f"{pd.DataFrame(table).to_string(index=False)}\n\n"
        "First prediction of a fresh process, of one row of all modalities, s: torch "
        f"{np.median(torch_starts):.2f},\nonnx {np.median(onnx_starts):.2f}, times as "
        f"fast {ratio(torch_starts, onnx_starts)}",
    )


if __name__ == "__main__":
    main()
