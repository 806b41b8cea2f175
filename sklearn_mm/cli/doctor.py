"""sklearn-mm doctor: versions, devices, threads and optional parts."""

import importlib.metadata
import os
import platform

import sklearn_mm

SUMMARY = "show versions, devices, threads, and which optional parts are installed"

DESCRIPTION = """\
Show what the package stands on, where it computes, and which optional parts are
installed, with the command that installs the others. It ends with 1 if a package
that is always needed is missing or too old."""

EPILOG = """\
examples:
  sklearn-mm doctor
  sklearn-mm doctor > about_this_machine.txt"""

# The extras of pyproject.toml that add something for users.
EXTRAS = {
    "plots": "plots, and the report",
    "frames": "Parquet files, tables of polars and pyarrow",
    "media": "m4a, AAC, WMA, WebM",
    "finance": "fetch_stocknet",
    "remote": "cells that are URLs",
    "pretrained": "models that others have trained",
    "onnx": "models in ONNX files",
    "attribution": "token_attributions",
    "conformal": "prediction_sets, prediction_intervals",
    "speech": "the speech of the demo",
    "serve": "the server of docs/serving.md",
}


def add_arguments(parser):
    """Add what `doctor` takes to its parser: nothing."""


def run(options):
    """Look, print, and refuse what cannot work."""
    needed, extras = find_packages()
    faults = [f"{name} {state}" for name, state, is_good in needed if not is_good]
    sections = [
        ("Versions", [*_versions(), *(f"{name} {state}" for name, state, _ in needed)]),
        ("Devices", _devices()),
        ("Threads", _threads()),
        ("Optional parts", _optional(extras)),
    ]
    for title, lines in sections:
        print(f"{title}\n" + "\n".join(f"  {line}" for line in lines) + "\n")
    if faults:
        raise ValueError(
            f"needed packages are missing or too old: {'; '.join(faults)}. Install "
            "them: pip install --upgrade sklearn-mm"
        )
    print("All that is always needed is there.")


def find_packages():
    """Look up the packages that are needed, always and by each extra.

    Returns
    -------
    needed : list of (name, state, is_good)
        Of those that are always needed. ``state`` is the version, and what is wrong.
    extras : dict of str to list of (name, state, is_good)
        By the name of the extra.
    """
    from packaging.requirements import Requirement

    try:
        written = importlib.metadata.requires("sklearn-mm") or []
    except importlib.metadata.PackageNotFoundError:
        written = []  # on the path, but not installed
    needed, extras = [], {}
    for requirement in map(Requirement, written):
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            needed.append(_look_up(requirement))
            continue
        for extra in EXTRAS:
            if marker.evaluate({"extra": extra}):
                extras.setdefault(extra, []).append(_look_up(requirement))
    return needed, extras


def _look_up(requirement):
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return requirement.name, "is not installed", False
    if requirement.specifier.contains(version, prereleases=True):
        return requirement.name, version, True
    return requirement.name, f"{version}, needed is {requirement.specifier}", False


def _versions():
    return [
        f"sklearn_mm {sklearn_mm.__version__}",
        f"Python {platform.python_version()}, {platform.platform()}",
    ]


def _devices():
    import torch

    lines = [f"CPU: {platform.processor() or platform.machine()}"]
    for number in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(number)
        size = found.total_memory / 2**30
        lines.append(f"cuda:{number}: {found.name}, {size:.0f} GiB")
    if torch.backends.mps.is_available():
        lines.append("mps: Apple GPU")
    if len(lines) == 1:
        lines.append(f"no GPU that torch {torch.__version__} can use")
    chosen = "cuda" if torch.cuda.is_available() else "cpu"
    return [*lines, f"device='auto' computes on {chosen}"]


def _threads():
    import joblib
    import torch

    lines = [
        f"{os.cpu_count()} cores, {joblib.cpu_count()} of them for this process",
        f"torch computes on {torch.get_num_threads()} threads",
    ]
    if hasattr(os, "getloadavg"):
        lines.append(f"load of the last minute: {os.getloadavg()[0]:.1f}")
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        if name in os.environ:
            lines.append(f"{name}={os.environ[name]}")
    return lines


def _optional(extras):
    if not extras:
        return ["unknown: the package is on the path, but was not installed by pip"]
    lines = []
    for extra, what in EXTRAS.items():
        found = extras.get(extra, [])
        lacking = [f"{name} {state}" for name, state, is_good in found if not is_good]
        if not found:
            state = "unknown to the installed version"
        elif lacking:
            state = f"{'; '.join(lacking)}: pip install 'sklearn-mm[{extra}]'"
        else:
            state = ", ".join(f"{name} {state}" for name, state, _ in found)
        lines.append(f"{extra} ({what}): {state}")
    return lines
