"""The commands of the README, on a small table of the kind that it tells of."""

import re
import shlex
from pathlib import Path

import pandas as pd
import soundfile
from PIL import Image

from sklearn_mm.datasets import make_multimodal_classification

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```sh\n(sklearn-mm fit .*?)^```$", re.MULTILINE | re.DOTALL)


def write_pets(folder, name, n_rows, seed):
    """Write photos, recordings and a table with their paths."""
    X, y = make_multimodal_classification(
        n_rows,
        modalities=["image", "audio", "text", "numbers"],
        missing_rate=0.05,
        random_state=seed,
    )
    table = X.drop(columns=["image", "audio"])
    for kind, suffix in (("image", "png"), ("audio", "wav")):
        table[kind] = [
            None if cell is None else f"{name}_{row}.{suffix}"
            for row, cell in enumerate(X[kind])
        ]
    for row, (image, audio) in enumerate(zip(X["image"], X["audio"], strict=True)):
        if image is not None:
            Image.fromarray(image).save(folder / f"{name}_{row}.png")
        if audio is not None:
            soundfile.write(folder / f"{name}_{row}.wav", *audio)
    table["species"] = [("cat", "dog")[code] for code in y]
    table.to_csv(folder / f"{name}.csv", index=False)


def test_the_commands_of_the_readme_run_from_csv_to_report(tmp_path, call, monkeypatch):
    write_pets(tmp_path, "pets", 32, seed=0)
    write_pets(tmp_path, "more_pets", 12, seed=1)
    monkeypatch.chdir(tmp_path)
    block = BLOCK.search(README.read_text(encoding="utf-8"))[1]
    commands = [shlex.split(each) for each in block.replace("\\\n", " ").splitlines()]
    said = {}
    for program, verb, *others in commands:
        assert program == "sklearn-mm"
        ended = call(verb, *others)
        assert ended.status == 0, ended.err
        said[verb] = ended.out
    assert "image: image files -> ImageTransformer" in said["fit"]
    assert "accuracy" in said["evaluate"]
    assert "accuracy (8 rows held out)" in said["inspect"]
    predictions = pd.read_csv("predictions.csv")
    assert len(predictions) == 12
    assert set(predictions["prediction"]) <= {"cat", "dog"}
    page = Path("report.html").read_text(encoding="utf-8")
    assert "<audio" in page and "<img" in page
