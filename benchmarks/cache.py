"""Time the feature part of a grid search without, with a new and with a filled cache.

AV digits, as files (PNG, WAV) and as arrays in memory; a 5-fold GridSearchCV over 4
settings of naive Bayes. The feature part is what the union takes, in fit and in
transform. "new" begins with an empty folder, so that it computes every cell once, and
stores it; "filled" begins with what "new" has left.

    SKLEARN_MM_DATA=... python benchmarks/cache.py
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import report
import soundfile
from av_digits import load_av_digits, make_features
from PIL import Image
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from sklearn_mm import MultimodalFeatureUnion

GRID = {"gaussiannb__var_smoothing": [1e-4, 1e-3, 1e-2, 1e-1]}
SIDES = ("without", "new", "filled")


class TimedUnion(MultimodalFeatureUnion):
    """A union that adds up the seconds it took, over all of its clones."""

    seconds = 0.0

    def fit_transform(self, X, y=None, **params):
        """Time fit_transform."""
        return self._timed(super().fit_transform, X, y, **params)

    def transform(self, X, **params):
        """Time transform."""
        return self._timed(super().transform, X, **params)

    def _timed(self, method, *args, **params):
        start = time.perf_counter()
        result = method(*args, **params)
        TimedUnion.seconds += time.perf_counter() - start
        return result


def write_files(X, folder):
    """Write images and sounds as files, and give the table of their paths."""
    X = X.copy()
    for row, (image, (samples, rate)) in enumerate(
        zip(X["image"], X["audio"], strict=True)
    ):
        Image.fromarray(image).save(folder / f"{row}.png")
        soundfile.write(folder / f"{row}.wav", samples, rate, subtype="FLOAT")
    for column, ending in (("image", "png"), ("audio", "wav")):
        X[column] = [str(folder / f"{row}.{ending}") for row in range(len(X))]
    return X


def search(X, y, memory):
    """Search once: the seconds of the feature part, and the scores."""
    TimedUnion.seconds = 0.0
    union = TimedUnion(make_features().transformers, memory=memory)
    model = make_pipeline(union, GaussianNB())
    found = GridSearchCV(model, GRID, cv=5, refit=False, error_score="raise").fit(X, y)
    return TimedUnion.seconds, found.cv_results_["mean_test_score"]


def compare(X, y):
    """Search on each side in turn: the seconds of each, and whether scores agree."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [search(X, y, memory) for memory in (None, Path(folder), Path(folder))]
    seconds, scores = zip(*runs, strict=True)
    return seconds, all(np.array_equal(score, scores[0]) for score in scores)


def main():
    """Compare on files and on arrays, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    arrays, y, _, _ = load_av_digits(0, options.rows, 10)
    rows, equal = {}, True
    with tempfile.TemporaryDirectory() as folder:
        tables = {"files": write_files(arrays, Path(folder)), "arrays": arrays}
        seconds = {name: [] for name in tables}
        for _ in range(options.repeats):
            for name, X in tables.items():
                taken, same = compare(X, y)
                seconds[name].append(taken)
                equal = equal and same
    for name, taken in seconds.items():
        taken = np.array(taken)  # (repeats, sides)
        rows[name] = dict(zip(SIDES, np.median(taken, axis=0).round(2), strict=True))
        for side in ("without", "new"):
            ratios = taken[:, SIDES.index(side)] / taken[:, SIDES.index("filled")]
            low, middle, high = np.quantile(ratios, [0, 0.5, 1])
            rows[name][f"{side} / filled"] = f"{middle:.1f} ({low:.1f} to {high:.1f})"
    report.write(
        "cache",
        f"AV digits, {options.rows} rows, 5 folds, 4 settings: seconds of the feature "
        f"part, median of {options.repeats} interleaved repeats;\nratios: median "
        "(least to largest).\n\n"
        f"{pd.DataFrame(rows).T.to_string()}\n\nscores equal: {equal}",
    )


if __name__ == "__main__":
    main()
