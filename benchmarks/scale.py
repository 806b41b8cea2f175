"""Measure time and peak memory as rows grow: to disk, one epoch from there, prediction.

Images of 16 x 16 pixels and clips of 0.1 seconds are generated chunk by chunk (the
seconds of which are not counted) and transformed to disk; a classifier is trained for
one epoch on what is there, and predicts it. Each step of each number of rows runs in a
process of its own, whose peak memory is what the system reports, with what Python and
the libraries take. Chunks and batches are equally large for all, so that only the
number of rows differs. For the fewest rows the features and the predictions are
compared with those made in memory.

    python benchmarks/scale.py --rows 1000 10000 100000
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import report

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatures,
    MultimodalFeatureUnion,
)
from sklearn_mm.datasets import make_multimodal_classification

STEPS = ("transform", "fit", "predict")
CHUNK = 1000
CLIP = 800  # samples, at 8,000 hertz


class Chunks:
    """Iterate over the table of n rows, generated in chunks, and time the generator."""

    def __init__(self, n_rows):
        self.starts = iter(range(0, n_rows, CHUNK))
        self.n_rows = n_rows
        self.labels = []
        self.seconds = 0.0

    def __iter__(self):
        return self

    def __next__(self):
        start = next(self.starts)
        begin = time.perf_counter()
        X, y = make_chunk(start, min(CHUNK, self.n_rows - start))
        self.labels.append(y)
        self.seconds += time.perf_counter() - begin
        return X


def make_chunk(start, n_rows):
    """Generate rows of the table from a start, and their classes."""
    X, y = make_multimodal_classification(
        n_rows, modalities=["image", "audio"], random_state=start
    )
    # The tone is in the last part for certain.
    X["audio"] = [(samples[-CLIP:], rate) for samples, rate in X["audio"]]
    return X, y


def make_union():
    """Fit a union to the first chunk: what it gives does not depend on the rows."""
    union = MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(16, 16)), "image"),
            ("audio", AudioTransformer(sampling_rate=8000, n_mels=40), "audio"),
        ]
    )
    return union.fit(make_chunk(0, CHUNK)[0])


def run_step(step, n_rows, folder):
    """Do one step: print its seconds, and megabytes before it and at the peak."""
    import sklearn_mm.estimators.training  # noqa: F401  not in the seconds

    if step == "compare":
        print(json.dumps({"equal": is_equal_in_memory(n_rows, folder)}))
        return
    if step == "transform":
        union, chunks = make_union(), Chunks(n_rows)
    else:
        features = MultimodalFeatures.load(folder / "features")
    if step == "fit":
        y = np.load(folder / "y.npy")
        # By default only the larger tables would hold rows out.
        model = AttentionFusionClassifier(
            max_epochs=1, batch_size=128, early_stopping=False, random_state=0
        )
    if step == "predict":
        model = joblib.load(folder / "model")
    before, start = peak(), time.perf_counter()
    if step == "transform":
        union.transform_to_disk(chunks, folder / "features", chunk_size=CHUNK)
        start += chunks.seconds
        np.save(folder / "y.npy", np.concatenate(chunks.labels))
    elif step == "fit":
        joblib.dump(model.fit(features, y), folder / "model")
    else:
        np.save(folder / "predicted.npy", model.predict_proba(features))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "before": before, "peak": peak()}))


def peak():
    """Tell the largest memory of this process so far, in megabytes (on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_new_process(step, n_rows, folder):
    """Run a step: the dict that it prints."""
    command = [sys.executable, __file__, "--step", step, "--folder", folder]
    command += ["--rows", str(n_rows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def is_equal_in_memory(n_rows, folder):
    """Tell whether features and predictions are those made in memory."""
    stored = MultimodalFeatures.load(folder / "features")
    features = make_union().transform(pd.concat(Chunks(n_rows), ignore_index=True))
    model = joblib.load(folder / "model")
    model.fit(features, np.load(folder / "y.npy"))
    predicted = model.predict_proba(features)
    return np.array_equal(predicted, np.load(folder / "predicted.npy")) and all(
        np.array_equal(stored[name].values, features[name].values)
        and np.array_equal(stored[name].offsets, features[name].offsets)
        for name in features.names
    )


def draw(table, path):
    """Plot seconds and peak memory over the rows."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for step in STEPS:
        part = table.loc[step]
        axes[0].loglog(part.index, part["seconds"], "o-", label=step)
        axes[1].semilogx(part.index, part["peak MB"], "o-", label=step)
    axes[0].set(xlabel="rows", ylabel="seconds")
    axes[1].set(xlabel="rows", ylabel="peak memory (MB)", ylim=(0, None))
    axes[0].legend()
    figure.savefig(path, dpi=120)


def describe(found):
    """Write the table of medians, and the ratios of the peaks of memory."""
    grouped = found.groupby(["step", "rows"], sort=False)
    table = grouped.median().sort_index().loc[list(STEPS)]
    rate = found["seconds"] / found["rows"] * 1e6
    rates = rate.groupby([found["step"], found["rows"]])
    table["us a row"] = rates.median()
    table["least"], table["most"] = rates.min(), rates.max()
    table = table.rename(columns={"before": "MB before", "peak": "peak MB"})
    lines = [table.round(1).to_string(), ""]
    sizes = sorted(set(found["rows"]))
    for few, many in zip(sizes, sizes[1:], strict=False):
        for step in STEPS:
            ratio = table["peak MB"][step, many] / table["peak MB"][step, few]
            lines.append(f"{step}: peak memory of {many} / {few} rows: {ratio:.2f}")
    return table, "\n".join(lines)


def main():
    """Measure all numbers of rows in turn, several times, and write table and plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--step", help="used by the script itself")
    parser.add_argument("--folder", type=Path, help="used by the script itself")
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.rows[0], options.folder)
        return
    results, equal = [], True
    for _ in range(options.repeats):
        for n_rows in options.rows:
            with tempfile.TemporaryDirectory() as folder:
                for step in STEPS:
                    result = in_new_process(step, n_rows, folder)
                    results.append({"rows": n_rows, "step": step, **result})
                if n_rows == min(options.rows):
                    equal &= in_new_process("compare", n_rows, folder)["equal"]
    table, text = describe(pd.DataFrame(results))
    report.write(
        "scale",
        f"Images of 16 x 16 and clips of 0.1 s; chunks of {CHUNK} rows, batches of "
        f"128;\nmedians of {options.repeats} interleaved repeats, least and most of "
        f"the microseconds a row.\n\n{text}\n\n"
        f"features and predictions equal those made in memory: {equal}",
    )
    draw(table, report.RESULTS / "scale.png")


if __name__ == "__main__":
    main()
