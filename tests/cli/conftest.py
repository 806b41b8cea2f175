"""A table with photos, and a model that the command line has made of it."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sklearn_mm.cli.main import main

N_ROWS = 24
TINY = ["--no-classical", "--quiet"]
for _name in ("max_epochs=1", "width=8", "n_heads=2"):
    TINY += ["--param", f"classifier__{_name}"]
TINY += ["--param", "features__photo__size=(8, 8)"]


def make_pets(folder, n_rows=N_ROWS, seed=0):
    """Write photos below a folder; a table of their paths, texts and numbers."""
    rng = np.random.default_rng(seed)
    (folder / "photos").mkdir(exist_ok=True)
    dogs = np.arange(n_rows) % 2
    photos = []
    for row, dog in enumerate(dogs):
        pixels = rng.integers(0, 100, (9, 9, 3)) + 150 * dog
        photos.append(f"photos/{seed}_{row}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(folder / photos[-1])
    words = np.array([["meow", "purr", "soft"], ["woof", "bark", "loud"]])
    table = pd.DataFrame(
        {
            "photo": photos,
            "caption": [
                " ".join([*rng.choice(words[dog], 7), f"seen {row}"])
                for row, dog in enumerate(dogs)
            ],
            "height": rng.normal(30 + 20 * dogs, 5).round(1),
            "owner": np.repeat(np.arange(n_rows // 2), 2),
            "species": np.array(["cat", "dog"])[dogs],
        }
    )
    table.loc[3, "photo"] = table.loc[5, "caption"] = None
    table.loc[7, "height"] = None
    return table


@pytest.fixture(scope="session", name="make_pets")
def _make_pets():
    return make_pets


@pytest.fixture(scope="session")
def tiny():
    """Options of a fit that takes no time."""
    return TINY


@pytest.fixture
def call(capsys):
    """Run the command line: what it ended with, and what it said."""

    def run(*arguments):
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return SimpleNamespace(status=status, out=said.out, err=said.err)

    return run


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with pets.csv, new.csv, their photos, and pets.mm."""
    folder = tmp_path_factory.mktemp("pets")
    make_pets(folder).to_csv(folder / "pets.csv", index=False)
    make_pets(folder, 8, seed=1).to_csv(folder / "new.csv", index=False)
    fit = ["fit", f"{folder}/pets.csv", "--target", "species", *TINY]
    fit += ["--exclude", "owner", "--test-size", "0.25"]
    assert main([*fit, "--output", f"{folder}/pets.mm"]) == 0
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of that folder, to write into."""
    return shutil.copytree(made, tmp_path / "pets")
