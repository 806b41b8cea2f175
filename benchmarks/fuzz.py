"""Try many damaged inputs on each reader, and on stores: ``make fuzz``.

Two ways for the readers: mutations of whole files and texts, which know nothing of the
code; and atheris, if it is installed, which looks for inputs that reach other lines of
the readers. Stores are damaged in a process of their own. The table says how many
inputs were tried and what came of them; findings are kept in
``tests/reliability/findings``.

    python benchmarks/fuzz.py --inputs 20000
    python benchmarks/fuzz.py --targets sound text --ways atheris --record fuzz-atheris
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import report

TESTS = Path(__file__).resolve().parent.parent / "tests" / "reliability"
sys.path.insert(0, str(TESTS))

# Of the inputs given, the share that is tried on a store, where each is a folder.
STORE_SHARE = 0.15

ATHERIS = """
import sys
sys.path.insert(0, sys.argv[4])
import atheris
with atheris.instrument_imports(include=["sklearn_mm"]):
    import sklearn_mm.readers.images, sklearn_mm.readers.sound
    import sklearn_mm.transformers.text, sklearn_mm.transformers.dates
import json
from collections import Counter
import fuzzing
name, n_inputs, corpus, counts = sys.argv[1], int(sys.argv[2]), sys.argv[3], Counter()
def one(data):
    counts[fuzzing.note(name, data, counts, keep=True)] += 1
    if counts.total() % n_inputs == 0:
        print(json.dumps(counts), flush=True)
atheris.Setup(["fuzz", f"-runs={n_inputs}", "-max_len=20000", corpus], one)
atheris.Fuzz()
"""


def by_atheris(name, n_inputs):
    """Let atheris look for inputs: how many had each outcome."""
    import fuzzing

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(fuzzing.seeds_of(name)):
            (Path(corpus) / str(number)).write_bytes(seed)
        command = [sys.executable, "-c", ATHERIS, name, str(n_inputs), corpus, TESTS]
        done = subprocess.run(command, capture_output=True, text=True)
    counts = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(counts[-1]) if counts else {f"ended by {done.returncode}": 1}


def on_stores(n_damages):
    """Damage stores, with checksums and without: the outcomes of each."""
    for name, options in (("store", []), ("store without checksums", ["--old"])):
        script = TESTS / "store_damages.py"
        command = [sys.executable, script, str(n_damages), *options]
        done = subprocess.run(command, capture_output=True, text=True)
        crashed = {f"ended by {done.returncode}": 1}
        counts = done.stdout.splitlines()[-1:] if not done.returncode else []
        yield name, json.loads(counts[0]) if counts else crashed


def main():
    """Fuzz all, and write the table."""
    import fuzzing

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    names = [*fuzzing.TARGETS, "store"]
    parser.add_argument("--targets", nargs="+", choices=names, default=names)
    ways = ["mutations", "atheris"]
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways)
    parser.add_argument("--record", default="fuzz", help="name of the file of results")
    options = parser.parse_args()
    lines = []
    head = f"{'target':24} {'how':10} {'inputs':>8}: what came of them"

    def note(name, how, counts, start):
        found = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(counts.items()))
        seconds = time.perf_counter() - start
        total = sum(counts.values())
        lines.append(f"{name:24} {how:10} {total:>8,}: {found} ({seconds:.0f} s)")
        report.write(options.record, "\n".join([head, *lines]))

    readers = [name for name in options.targets if name in fuzzing.TARGETS]
    for name in readers if "mutations" in options.ways else ():
        start = time.perf_counter()
        counts = fuzzing.fuzz(name, options.inputs, options.seed, keep=True)
        note(name, "mutations", counts, start)
    by_coverage = "atheris" in options.ways
    for name in readers if by_coverage and find_spec("atheris") else ():
        start = time.perf_counter()
        note(name, "atheris", by_atheris(name, options.inputs), start)
    if "store" in options.targets:
        start = time.perf_counter()
        for name, counts in on_stores(max(10, int(STORE_SHARE * options.inputs))):
            note(name, "damages", counts, start)
            start = time.perf_counter()
    if by_coverage and not find_spec("atheris"):
        lines.append("atheris is not installed: pip install 'sklearn-mm[fuzz]'")
        report.write(options.record, "\n".join([head, *lines]))


if __name__ == "__main__":
    main()
