"""What a folder of features holds: the file that is written last."""

import json
import re
import stat
import zlib

import numpy as np

from sklearn_mm.blocks import KINDS

# Raise it when the files change. Format 1 had no checksums.
FORMAT, OLDEST = 2, 1

# Written last, so that a folder without it holds no features.
INDEX = "features.json"

# Bytes above which it is not read: with its checksums it is of a hundred thousandth of
# the size of the features.
MOST_BYTES = 2**28

_FIELDS = {"format", "files", "blocks"}
_FIELDS_OF_BLOCK = {"name", "kind", "vocabulary_size", "n_columns"}
_NAME_OF_FILES = re.compile("[0-9a-f]{32}")


def to_text(name, blocks):
    """Describe features for the index.

    Parameters
    ----------
    name : str
        What the names of their files begin with.
    blocks : list of dict
        Of each modality its form and, by array, the checksums.

    Returns
    -------
    str
    """
    index = {"format": FORMAT, "files": name, "blocks": blocks}
    return json.dumps({**index, "checksum": _checksum(index)}, indent=1)


def read_index(folder):
    """Read what the folder holds.

    Parameters
    ----------
    folder : Path
        Of the features.

    Returns
    -------
    dict
        Whose entries are what the writer can have written.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is damaged, or of another format.
    """
    path = folder / INDEX
    index = _parse(folder, path)
    found = index.get("format") if isinstance(index, dict) else None
    if type(found) is not int or not OLDEST <= found <= FORMAT:
        raise ValueError(
            f"{path}: found the format {found!r:.50}, but this version of sklearn_mm "
            f"reads {OLDEST} and {FORMAT}. Write the features anew."
        )
    has_sums = found > OLDEST
    _check_fields(path, index, _FIELDS | ({"checksum"} if has_sums else set()))
    if has_sums:
        expected = index.pop("checksum")
        if _checksum(index) != expected:
            raise _damaged(
                path, "content", "other than its checksum", "what was written"
            )
    name, blocks = index["files"], index["blocks"]
    if not isinstance(name, str) or not _NAME_OF_FILES.fullmatch(name):
        raise _damaged(path, "files", name, "32 hexadecimal digits")
    if not isinstance(blocks, list) or not blocks:
        raise _damaged(path, "blocks", blocks, "a list of at least one")
    for block in blocks:
        _check_block(path, block, has_sums)
    names = [block["name"] for block in blocks]
    if len(set(names)) < len(names):
        raise _damaged(path, "name", names, "a name for each modality")
    return index


def _parse(folder, path):
    """Read the JSON."""
    try:
        size = check_place(path)
        if size > MOST_BYTES:
            raise ValueError(f"found {size} bytes, expected at most {MOST_BYTES}")
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        found = (names[:5] or "nothing") if folder.is_dir() else "no such folder"
        raise FileNotFoundError(
            f"{folder} holds no features: expected {INDEX}, found {found}. It is "
            "written last: without it the writer was interrupted, or has not ended."
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def check_place(path):
    """Refuse what is no file of the folder itself; give the size of what is.

    Parameters
    ----------
    path : Path
        A file of the folder.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is something else, or a link to another folder.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for ever
        raise ValueError("it is no regular file")
    if path.resolve().parent != path.parent.resolve():
        raise ValueError(
            f"it is a link to {path.resolve()}, outside of the folder. Features are "
            "read from their own folder only: put the file itself there."
        )
    return status.st_size


def _check_block(path, block, has_sums):
    """Check what is said of one modality, and turn its checksums into numbers."""
    fields = _FIELDS_OF_BLOCK | ({"checksums"} if has_sums else set())
    _check_fields(path, block, fields)
    if not isinstance(block["name"], str):
        raise _damaged(path, "name", block["name"], "a string")
    if not isinstance(block["kind"], str) or block["kind"] not in KINDS:
        raise _damaged(path, "kind", block["kind"], f"one of {KINDS}")
    for field, least in (("vocabulary_size", 1), ("n_columns", 0)):
        size = block[field]
        if size is not None and (type(size) is not int or not least <= size < 2**63):
            raise _damaged(path, field, size, f"null or an integer from {least} on")
    if not has_sums:
        return
    parts = parts_of(block)
    _check_fields(path, block["checksums"], set(parts))
    for part, digits in block["checksums"].items():
        try:
            sums = np.frombuffer(bytes.fromhex(digits), dtype=">u4")
        except (ValueError, TypeError):
            raise _damaged(path, part, digits, "hexadecimal checksums") from None
        block["checksums"][part] = sums


def _check_fields(path, found, expected):
    if not isinstance(found, dict) or set(found) != expected:
        found = sorted(found) if isinstance(found, dict) else found
        raise _damaged(path, "fields", found, sorted(expected))


def _damaged(path, what, found, expected):
    """Give the error for a damaged index."""
    return ValueError(
        f"{path} is damaged: {what}: found {found!r:.200}, expected {expected}. Write "
        "the features anew."
    )


def _checksum(index):
    """Compute the checksum of the content, however it is written."""
    return zlib.crc32(json.dumps(index, sort_keys=True).encode())


def parts_of(block):
    """List the arrays of a modality that the index describes."""
    is_sparse = block["n_columns"] is not None
    return (*(("data", "indices", "indptr") if is_sparse else ("values",)), "offsets")


def part_of(stem, part):
    """Name the file of one array of a modality."""
    return stem.with_name(f"{stem.name}-{part}.npy")
