"""Measure training and prediction against a plain loop, Keras and pytorch-widedeep.

The task is that of ``seed_task.py``. Each side is a process in its own environment that
stays alive and runs once when it is asked to, so the sides take turns, and imports and
the reading of the data are outside the clock. So is what is traced, chosen or built
once: every run first trains on a batch and one row more, and predicts 300 rows. Timed
are a whole ``fit`` and a whole ``predict``, of peers in batches of 256 rows: of five
in succession the median, since one is short. A repeat has a seed of its own; the rows
are the same in all.

``loop`` trains the network that sklearn_mm builds, by hand (``reference_loop.py``);
``bfloat16`` is sklearn_mm with that ``precision``, which is not its default.
Peers that ``peers/install.sh`` has not installed are left out.

    python benchmarks/training_speed.py --rows 2000 --repeats 5
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import report
import seed_task

HERE = Path(__file__).resolve().parent
SIDES = {  # name: (environment of peers/install.sh, script, arguments)
    "sklearn_mm": (None, "sklearn_mm_sides.py", ["sklearn_mm"]),
    "loop": (None, "sklearn_mm_sides.py", ["loop"]),
    "bfloat16": (None, "sklearn_mm_sides.py", ["bfloat16"]),
    "keras": ("keras", "keras_seed.py", []),
    "widedeep": ("widedeep", "widedeep_seed.py", []),
}


class Side:
    """A process that runs once when asked to.

    Parameters
    ----------
    python : Path
        Interpreter of its environment.
    script : str
        In ``peers``.
    arguments : list of str
        Of the script.
    threads : int
        What it may use.
    """

    def __init__(self, python, script, arguments, threads):
        limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [str(python), str(HERE / "peers" / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                **dict.fromkeys(limits, str(threads)),
                "PYTHONPATH": paths,  # to seed_task.py and its neighbours
            },
            text=True,
        )

    def run(self, **arguments):
        """Run once, and give what it answers."""
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        """Wait for what it says next."""
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.process.args} ended without an answer")
        return json.loads(answer)

    def close(self):
        """Let the process end."""
        self.process.stdin.close()
        self.process.wait()


def start_sides(names, environments, task, threads):
    """Start every side whose environment is there: dict of str to (Side, versions).

    All are ready when it returns: none imports while another is on the clock.
    """
    sides = {}
    for name in names:
        environment, script, arguments = SIDES[name]
        python = Path(sys.executable)
        if environment is not None:
            python = environments / environment / "bin" / "python"
        if python.exists():
            sides[name] = Side(python, script, [task, *arguments], threads)
        else:
            print(f"{name} is left out: no {python}", file=sys.stderr)
    return {name: (side, side.answer()) for name, side in sides.items()}


def summarize(runs, options):
    """Write the tables: speeds, and the ratios of each repeat."""
    runs["epoch_s"] = runs["fit"] / options.epochs
    runs["rows_per_s"] = seed_task.N_TEST / runs["predict"]
    tables = []
    for column, digits in (("epoch_s", 2), ("rows_per_s", 0), ("accuracy", 3)):
        spread = runs.groupby("side", sort=False)[column]
        table = spread.agg(["median", "min", "max"])
        if column == "accuracy":
            table = spread.agg(["mean", "std", "min", "max"])
        tables.append(f"{column}\n{table.round(digits).to_string()}")
    for column, title in (
        (
            "fit",
            "training time over that of sklearn_mm (above 1: ours is faster)",
        ),
        ("predict", "prediction time over that of sklearn_mm"),
    ):
        times = runs.pivot(index="repeat", columns="side", values=column)
        ratios = times.drop(columns="sklearn_mm").div(times["sklearn_mm"], axis=0)
        table = ratios.agg(["median", "min", "max"]).T
        tables.append(f"{title}\n{table.round(2).to_string()}")
    sides = runs.groupby("side", sort=False)[["parameters", "versions"]].first()
    tables.append(f"trainable parameters, versions\n{sides.to_string(header=False)}")
    return "\n\n".join(tables)


def main():
    """Let the sides take turns, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--layers", type=int, default=0, choices=(0, 1), help="of self-attention"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--environments", type=Path, default=HERE / ".peers")
    options = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/task.npz"
        train = seed_task.make_task(options.rows, seed=0)
        seed_task.save(path, train, seed_task.make_task(seed_task.N_TEST, seed=1))
        sides = start_sides(options.sides, options.environments, path, options.threads)
        for repeat in range(options.repeats):
            for name, (side, versions) in sides.items():
                run = side.run(
                    seed=repeat,
                    epochs=options.epochs,
                    batch_size=options.batch_size,
                    n_layers=options.layers,
                )
                run = {"side": name, "repeat": repeat, **run, "versions": versions}
                runs.append(run)
                print(run, file=sys.stderr)
        for side, _ in sides.values():
            side.close()
    text = (
        f"{options.rows} training and {seed_task.N_TEST} test rows, {options.epochs} "
        f"epochs, batch {options.batch_size}, {options.threads} threads each side, "
        f"{options.layers} layers of self-attention before the read-out, "
        f"{options.repeats} repeats in turns\n\n"
    )
    text += summarize(pd.DataFrame(runs), options)
    report.write(f"training_speed_{options.layers}", text)


if __name__ == "__main__":
    main()
