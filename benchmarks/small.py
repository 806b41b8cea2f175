"""Run every benchmark at a small size, to see that it works: ``make bench``.

The results go to ``build/benchmarks``, and say nothing. A script that lacks data says
what to install and is skipped; one that is not in the table has its default size.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import report

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "build" / "benchmarks"
ARGUMENTS = {
    "accuracy": "--rows 300 --seeds 1 --folds 1 --data movies emoji "
    "--models attention union pretrained enriched classical",
    "audio_features": "--rows 20 --repeats 2",
    "cache": "--rows 60 --repeats 1",
    "checksums": "--megabytes 8 --repeats 1",
    "defaults": "--rows 60 --seeds 1",
    "first_clip": "--repeats 1",
    "finance": "--rows 300 --epochs 1",
    "fuzz": "--inputs 200",
    "image_resizing": "--rows 10 --repeats 2",
    "interaction": "--rows 100 --seeds 1",
    "latency": "--rows 32 --calls 10",
    "learning_curve": "--rows 30 --seeds 1",
    "lookup": "--rows 100 --seeds 1",
    "many_columns": "--rows 100 --repeats 1",
    "noise": "--rows 100 --seeds 1",
    "length_buckets": "--rows 64 --repeats 2",
    "onnx_speed": "--rows 40 --repeats 1",
    "scale": "--rows 50 100 --repeats 1",
    "serving_latency": "--rows 32 --calls 10",
    "subsets": "--rows 60 --seeds 1",
    "threads": "--repeats 1 --sizes numbers small",
    "tokenizing": "--rows 500 --repeats 2",
    "training_speed": "--rows 100 --epochs 1 --repeats 1",
}


def run(script):
    """Run one script: how it ended."""
    arguments = ARGUMENTS.get(script.stem, "").split()
    print(f"\n== {script.name} {' '.join(arguments)}", flush=True)
    start = time.perf_counter()
    # Anew: accuracy.py would go on from an earlier run.
    for old in RESULTS.glob(f"{script.stem}*.csv"):
        old.unlink()
    status = subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**os.environ, "SKLEARN_MM_BENCHMARK_RESULTS": str(RESULTS)},
    ).returncode
    ended = {0: "ran", report.SKIPPED: "skipped"}.get(status, "FAILED")
    return f"{ended} in {time.perf_counter() - start:.0f} s"


def main():
    """Run all, and list how each ended."""
    scripts = [
        path
        for path in sorted(HERE.glob("*.py"))
        if path != Path(__file__).resolve() and "__main__" in path.read_text()
    ]
    RESULTS.mkdir(parents=True, exist_ok=True)
    ended = {script.name: run(script) for script in scripts}
    print("\n" + "\n".join(f"{name}: {how}" for name, how in ended.items()))
    if any(how.startswith("FAILED") for how in ended.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
