"""Time the first clip of a fresh process, with an empty cache of compiled code.

Each round starts two new interpreters, each with an empty ``NUMBA_CACHE_DIR``, that
import what they need and compute the log-mel features of one clip: by this package,
and by librosa, which compiles first.

    python benchmarks/first_clip.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import report
from timing import ratio

SIDES = {
    "sklearn_mm": (
        "import numpy as np\n"
        "from sklearn_mm import AudioTransformer\n"
        "AudioTransformer().fit_transform([np.ones(16000, dtype=np.float32)])\n"
    ),
    "librosa": (
        "import numpy as np, librosa\n"
        "librosa.power_to_db(librosa.feature.melspectrogram(\n"
        "    y=np.ones(16000, dtype=np.float32), sr=16000,\n"
        "    n_fft=400, hop_length=160, n_mels=64))\n"
    ),
}


def run(script):
    """Run a script in a new interpreter with an empty cache: its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", script], env=environment, check=True)
        return time.perf_counter() - start


def main():
    """Run all rounds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    rounds = [
        {name: run(script) for name, script in SIDES.items()}
        for _ in range(options.repeats)
    ]
    seconds = {name: np.array([taken[name] for taken in rounds]) for name in SIDES}
    lines = [
        f"First clip of a fresh process, imports included, no compiled code cached: "
        f"{options.repeats} rounds.",
        "",
        *(
            f"{name:12}{np.median(taken):6.2f} s "
            f"({taken.min():.2f} to {taken.max():.2f})"
            for name, taken in seconds.items()
        ),
        f"times as fast: {ratio(seconds['librosa'], seconds['sklearn_mm'])}",
    ]
    report.write("first_clip", "\n".join(lines))


if __name__ == "__main__":
    main()
