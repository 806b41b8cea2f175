"""Run the scripts of the gallery and keep the figure that each of them makes.

``python docs/gallery/build.py`` runs all, ``... build.py reliability`` runs
``plot_reliability.py``. The pictures are ``docs/images/gallery_<name>.png``.
"""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

FOLDER = Path(__file__).parent
IMAGES = FOLDER.parent / "images"

WIDTH = 1000  # pixels of a picture


def build(name):
    """Run one script and save its current figure.

    Parameters
    ----------
    name : str
        Of ``plot_<name>.py``.

    Returns
    -------
    Path
        Of the picture.
    """
    plt.close("all")
    runpy.run_path(str(FOLDER / f"plot_{name}.py"), run_name="__main__")
    figure = plt.gcf()
    picture = IMAGES / f"gallery_{name}.png"
    figure.savefig(picture, dpi=WIDTH / figure.get_size_inches()[0])
    return picture


if __name__ == "__main__":
    scripts = sorted(FOLDER.glob("plot_*.py"))
    everything = [script.stem.removeprefix("plot_") for script in scripts]
    for script_name in sys.argv[1:] or everything:
        print(build(script_name))
