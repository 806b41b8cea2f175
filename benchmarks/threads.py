"""Measure what a second thread gains in training, by the size of a step.

Networks of growing size are trained on the same rows with one thread and with two, in
turns, each round one after the other. Compared are the wall time and the time of the
processor, two threads as a multiple of one; and how many operations a forward pass over
one batch has, by which ``n_threads="auto"`` chooses. Prediction of the same rows, where
each thread has a batch of its own, stands beside it.

    python benchmarks/threads.py --repeats 5

The ratios depend on what else the machine does, so the load is written down, too:
``--busy 2`` keeps so many processors busy meanwhile.
"""

import argparse
import os
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import report
import torch

from sklearn_mm import AttentionFusionClassifier, FeatureBlock, MultimodalFeatures
from sklearn_mm.estimators import threads
from sklearn_mm.estimators.batches import FusionDataset

# Rows, side of the images, tokens of the series, width, rows a batch.
SIZES = {
    "numbers": (128, 0, 0, 32, 16),
    "small": (64, 8, 4, 32, 8),
    "images of 16": (32, 16, 16, 64, 16),
    "images of 32": (32, 32, 32, 64, 16),
    "images of 64": (32, 64, 64, 64, 32),
    "images of 96": (32, 96, 64, 96, 32),
    "images of 128": (64, 128, 128, 128, 64),
    "images of 192": (64, 192, 128, 128, 64),
}


def make_rows(n_rows, side, n_steps):
    """Make rows of numbers, and of images and series if they have a size."""
    rng = np.random.default_rng(0)
    blocks = [("table", FeatureBlock.from_vectors(rng.normal(size=(n_rows, 16))))]
    if side:
        images = rng.integers(0, 256, (n_rows, 3, side, side), dtype=np.uint8)
        blocks.append(("image", FeatureBlock(images, np.arange(n_rows + 1), "image")))
        steps = [rng.normal(size=(n_steps, 8)).astype("f4") for _ in range(n_rows)]
        blocks.append(("series", FeatureBlock.from_samples(steps, "sequence")))
    return MultimodalFeatures(blocks), rng.integers(0, 2, n_rows)


def timed(function):
    """Run a function: wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(size, repeats):
    """Time one size with one thread and two, in turns: a row of the table."""
    n_rows, side, n_steps, width, batch_size = size
    X, y = make_rows(n_rows, side, n_steps)
    models = {
        n: AttentionFusionClassifier(
            width=width,
            batch_size=batch_size,
            max_epochs=1,
            early_stopping=False,
            random_state=0,
            n_threads=n,
        )
        for n in (1, 2)
    }
    fits, predictions = {1: [], 2: []}, {1: [], 2: []}
    for number in range(repeats + 1):
        for n, model in models.items():
            fit = timed(lambda model=model: model.fit(X, y))
            predict = timed(lambda model=model: model.predict(X))
            if number:  # the first warms up
                fits[n].append(fit)
                predictions[n].append(predict)
    net = models[1].net_
    work = threads.count_operations(net, FusionDataset(X))
    fit = np.array(fits[2]) / np.array(fits[1])
    predict = np.array(predictions[2]) / np.array(predictions[1])
    return {
        "million operations": round(work / 1e6, 1),
        "auto": "all" if work >= threads.LEAST_WORK else "one",
        "fit, wall": _spread(fit[:, 0]),
        "fit, processor": _spread(fit[:, 1]),
        "predict, wall": _spread(predict[:, 0]),
    }


def _spread(ratios):
    return f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"


def main():
    """Measure all sizes and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=SIZES)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    torch.set_num_threads(2)
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(options.busy)
    ]
    try:
        table = pd.DataFrame(
            {name: measure(SIZES[name], options.repeats) for name in options.sizes}
        ).T
    finally:
        for other in others:
            other.kill()
            other.wait()
    load = os.getloadavg()[0]
    report.write(
        "threads" if not options.busy else f"threads_busy_{options.busy}",
        "Two threads as a multiple of one: median of the rounds (least to most)\n"
        f"{options.busy} processes kept busy by this script; the load of the machine "
        f"at the end: {load:.1f}\n\n{table.to_string()}",
    )


if __name__ == "__main__":
    main()
