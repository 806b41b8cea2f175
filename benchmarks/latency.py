"""Measure what ``pipeline.predict`` of one row costs beside decoding and the network.

A pipeline of a union (PNG files, texts, WAV files) and a classifier is fitted on a few
rows; then one row is predicted many times. Compared are, in turns:

- ``pipeline.predict``, as a user calls it on a table of one row;
- the cells alone: each cell to its tokens by its fitted transformer, without the union;
- the network alone: its forward pass over tensors that are ready.

The overhead is the first less the two others.

    python benchmarks/latency.py --calls 200
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import report
import soundfile
import torch
from PIL import Image
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.estimators.batches import FusionDataset

RATE = 16_000
WORDS = ["quick", "brown", "lazy", "red", "fox", "dog", "jumps", "sleeps"]


def make_cells(folder, n_rows):
    """Write images of 256 x 256 and recordings of one second; a table and a target."""
    rng = np.random.default_rng(0)
    rows = []
    for row in range(n_rows):
        image, sound = folder / f"{row}.png", folder / f"{row}.wav"
        pixels = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(image)
        soundfile.write(sound, 0.1 * rng.standard_normal(RATE), RATE)
        text = " ".join(rng.choice(WORDS, 20))
        rows.append({"image": str(image), "text": text, "audio": str(sound)})
    return pd.DataFrame(rows), rng.integers(0, 2, n_rows)


def make_pipeline_of_three():
    """Build the pipeline with default parameters, but few epochs."""
    union = MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(), "image"),
            ("text", TextTransformer(), "text"),
            ("audio", AudioTransformer(), "audio"),
        ]
    )
    return make_pipeline(union, AttentionFusionClassifier(max_epochs=2, random_state=0))


def measure(calls, n_calls):
    """Time every call in turns: DataFrame of (n_calls, names), milliseconds."""
    for call in calls.values():
        call()
    times = [
        {name: _time(call) for name, call in calls.items()} for _ in range(n_calls)
    ]
    return pd.DataFrame(times)


def _time(call):
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def main():
    """Fit, predict one row many times, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        X, y = make_cells(Path(folder), options.rows)
        pipeline = make_pipeline_of_three().fit(X, y)
        union, classifier = pipeline[0], pipeline[-1]
        row = X.iloc[[0]]
        batch, _ = FusionDataset(union.transform(row)).batch(np.array([0]))
        network = classifier.net_.module_.eval()

        @torch.inference_mode()
        def forward():
            return network(**batch)

        def decode():
            for _, transformer, column in union.transformers_:
                transformer.transform(row[column])

        calls = {
            "pipeline.predict": lambda: pipeline.predict(row),
            "cells alone": decode,
            "network alone": forward,
            "union.transform": lambda: union.transform(row),
        }
        features = union.transform(row)
        calls["classifier.predict"] = lambda: classifier.predict(features)
        times = measure(calls, options.calls)
        scores = forward().softmax(dim=1).numpy()
        equal = np.allclose(pipeline.predict_proba(row), scores, atol=1e-6)
    bare = times["cells alone"] + times["network alone"]
    times["overhead"] = times["pipeline.predict"] - bare
    table = times.quantile([0.5, 0.05, 0.95]).T.round(2)
    table.columns = ["median", "5 %", "95 %"]
    report.write(
        "latency",
        f"One row, {options.calls} calls in turns, {options.threads} threads, ms\n\n"
        f"{table.to_string()}\n\n"
        f"same probabilities as the bare network: {equal}",
    )


if __name__ == "__main__":
    main()
