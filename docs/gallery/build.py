"""Run the scripts of the gallery and save their pictures.

``python docs/gallery/build.py`` runs all of them, ``build.py attention`` only
``plot_attention.py``. The last figure of a script becomes
``docs/images/gallery_<name>.png``, about 1000 pixels wide.
"""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
IMAGES = HERE.parent / "images"
WIDTH = 1000  # pixels


def build(name):
    """Run one script and save its figure."""
    try:
        runpy.run_path(str(HERE / f"plot_{name}.py"), run_name="__main__")
    except SystemExit as reason:  # its data is not there; it has said so
        print(f"{name}: {reason}")
        return
    figure = plt.gcf()
    path = IMAGES / f"gallery_{name}.png"
    figure.savefig(path, dpi=WIDTH / figure.get_figwidth())
    plt.close("all")
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    everything = sorted(p.stem.removeprefix("plot_") for p in HERE.glob("plot_*.py"))
    for script in sys.argv[1:] or everything:
        build(script)
