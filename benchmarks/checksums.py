"""Time what the checksums of a store cost, and which function could compute them.

A store of one block of vectors is written and read; each figure is the median of
repeats in one process, with the file in the system's memory, so the cost beside a disk
is less. "first" is the first read of a process, which compares the checksums, "next"
each later one, "one row" the first read of a single row.

    python benchmarks/checksums.py
"""

import argparse
import hashlib
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
import report

from sklearn_mm import MultimodalFeatures
from sklearn_mm.store import checks

FUNCTIONS = {
    "zlib.crc32": zlib.crc32,
    "zlib.adler32": zlib.adler32,
    "hashlib.blake2b": hashlib.blake2b,
    "hashlib.sha256": hashlib.sha256,
}


def seconds(call):
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def speeds(content, repeats):
    """Give the speed of each function on pieces of a store, in GB/s."""
    view, step = memoryview(content), checks.PIECE_BYTES
    pieces = [view[start : start + step] for start in range(0, len(view), step)]
    return {
        name: len(view)
        / 1e9
        / np.median(
            [
                seconds(lambda f=f: [f(piece) for piece in pieces])
                for _ in range(repeats)
            ]
        )
        for name, f in FUNCTIONS.items()
    }


def total(folder, verify, rows):
    """Open features and add up some of their rows."""
    block = MultimodalFeatures.load(folder, verify=verify)["a"]
    return block[rows].values.sum()


def reads(X, folder, repeats):
    """Time reading with and without checks: median seconds by what is read."""
    MultimodalFeatures({"a": X}).save(folder)
    times = {}
    for _ in range(repeats):
        for verify in (True, False):
            for name, rows, forget in (
                ("first", slice(None), True),
                ("next", slice(None), False),
                ("one row", np.array([len(X) // 2]), True),
            ):
                if forget:
                    checks._checked.clear()
                key = name, "checked" if verify else "unchecked"
                taken = seconds(lambda v=verify, r=rows: total(folder, v, r))
                times.setdefault(key, []).append(taken)
    return {key: np.median(taken) for key, taken in times.items()}


def main():
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    n_rows = options.megabytes * 10**6 // (4 * 256)
    X = np.random.default_rng(0).standard_normal((n_rows, 256), dtype=np.float32)
    lines = [f"{options.megabytes} MB, {n_rows} rows, median of {options.repeats}", ""]
    lines += [
        f"{name:16} {speed:6.2f} GB/s"
        for name, speed in speeds(X.tobytes()[: 10**8], options.repeats).items()
    ]
    lines.append("")
    with tempfile.TemporaryDirectory() as folder:
        for (what, how), taken in reads(X, Path(folder), options.repeats).items():
            lines.append(f"{what:8} {how:10} {1000 * taken:9.2f} ms")
    report.write("checksums", "\n".join(lines))


if __name__ == "__main__":
    main()
