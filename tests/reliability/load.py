"""Predict and fit again and again, and count what is left over.

    python tests/reliability/load.py N_PREDICTIONS N_FITS

Prints what has grown since the first rounds, as JSON: bytes of memory, handles of
files, threads.
"""

import gc
import json
import os
import sys
import threading
import warnings

import numpy as np
import pandas as pd
import torch
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)


def make_table(n=24):
    """Make a table of images, texts and numbers, and classes."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"text": ["a red fox", "two blue birds"] * (n // 2)})
    X["image"] = pd.Series([None] * n, dtype=object)
    for row in range(n):
        X.at[row, "image"] = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
    X["size"] = rng.normal(size=n)
    return X, np.arange(n) % 2


def make_pipe(**options):
    """Make a pipeline of three modalities, small and fast."""
    union = MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(8, 8)), "image"),
            ("text", TextTransformer(min_frequency=1), "text"),
            ("table", "passthrough", ["size"]),
        ]
    )
    small = {"max_epochs": 1, "width": 16, "random_state": 0, **options}
    return make_pipeline(union, AttentionFusionClassifier(**small))


def held():
    """Count what this process holds: [bytes, files, threads]."""
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    files = len(os.listdir("/proc/self/fd"))
    return [pages * os.sysconf("SC_PAGE_SIZE"), files, threading.active_count()]


def main(n_predictions, n_fits):
    """Count before and after, both after a tenth as many rounds."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    X, y = make_table()
    pipe = make_pipe().fit(X, y)
    growth = {}
    for name, call, n_rounds in (
        ("predictions", lambda: pipe.predict_proba(X), n_predictions),
        ("fits", lambda: make_pipe().fit(X, y), n_fits),
    ):
        for _ in range(max(2, n_rounds // 10)):
            call()
        before = held()
        for _ in range(n_rounds):
            call()
        growth[name] = [b - a for a, b in zip(before, held(), strict=True)]
    print(json.dumps(growth))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
