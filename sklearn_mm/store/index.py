"""What a folder of features holds: the file that is written last."""

import json

# Raise it when the files change.
FORMAT = 1

# Written last, so that a folder without it holds no features.
INDEX = "features.json"


def read_index(folder):
    """Read what the folder holds."""
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        found = (names[:5] or "nothing") if folder.is_dir() else "no such folder"
        raise FileNotFoundError(
            f"{folder} holds no features: expected {INDEX}, found {found}. It is "
            "written last: without it the writer was interrupted, or has not ended."
        ) from None
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    found = index.get("format") if isinstance(index, dict) else None
    if found != FORMAT:
        raise ValueError(
            f"{path}: found the format {found!r}, but this version of sklearn_mm "
            f"reads {FORMAT}. Write the features anew."
        )
    return index


def part_of(stem, part):
    """Name the file of one array of a modality."""
    return stem.with_name(f"{stem.name}-{part}.npy")
