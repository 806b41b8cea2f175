"""What every benchmark writes beside its table: versions and machine."""

import importlib.metadata
import os
import platform
import sys
from datetime import date
from pathlib import Path

RESULTS = Path(
    os.environ.get("SKLEARN_MM_BENCHMARK_RESULTS", Path(__file__).parent / "results")
)
SKIPPED = 77  # exit status of a script that lacks what it needs, as in automake
PACKAGES = ("scikit-learn", "torch", "skorch", "numpy", "scipy")


def machine():
    """Describe the machine and the versions in a line or two."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.split(":")[1].strip() for line in lines if "model name" in line]
        cpu = names[0] if names else cpu
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in PACKAGES)
    return (
        f"{cpu}, {os.cpu_count()} cores; {platform.system()}, "
        f"Python {platform.python_version()}\n{versions}"
    )


def parse_seeds(parser, n_rows):
    """Read the options of a comparison of accuracies.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        With what else the script takes.
    n_rows : int
        Training rows by default.

    Returns
    -------
    options : argparse.Namespace
        With ``rows``.
    seeds : range
    """
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=n_rows)
    options = parser.parse_args()
    return options, range(options.first_seed, options.first_seed + options.seeds)


def write(name, text):
    """Write ``results/<name>.txt``: the command, the machine, the text; and print it.

    Parameters
    ----------
    name : str
        Of the file.
    text : str
        What was found.
    """
    command = f"python benchmarks/{Path(sys.argv[0]).name} {' '.join(sys.argv[1:])}"
    whole = f"$ {command.strip()}\n{date.today()}, {machine()}\n\n{text}\n"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(whole)
    print(whole)


def skip(reason):
    """End the script, since something is missing that it needs.

    Parameters
    ----------
    reason : str
        What is missing and how to get it.

    Raises
    ------
    SystemExit
        Always, with the status ``SKIPPED``.
    """
    print(reason, file=sys.stderr)
    raise SystemExit(SKIPPED)
