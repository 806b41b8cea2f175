"""What a file says of itself, and whether it is true."""

import hashlib
import platform
import warnings
from importlib import metadata

from sklearn_mm.persistence.archive import ARRAYS
from sklearn_mm.persistence.errors import ModelFileError
from sklearn_mm.persistence.strict_json import read_json, write_json
from sklearn_mm.persistence.values.registry import what_it_holds

NAME = "manifest.json"

# Of what is written. Raise it when a reader of the format before would misread it.
FORMAT = 1
# The oldest that is read. Files of each are among the tests.
OLDEST_FORMAT = 1

# Whose versions are noted, and of those in the second list, compared.
PACKAGES = (
    *("sklearn-mm", "scikit-learn", "numpy", "scipy", "torch", "skorch", "tokenizers"),
    *("skops", "safetensors"),
)
COMPARED = ("scikit-learn",)

_LIST_OF_TEXT = ("types", "trusted", "keeps", "left_out")


def make_manifest(members, arrays, encoder, about, trusted):
    """Describe a file.

    Parameters
    ----------
    members : dict of str to bytes
        All but the manifest.
    arrays : dict of str to ndarray
        Those of the member of arrays.
    encoder : Encoder
        That has encoded the model.
    about : dict
        What the model is, from :func:`sklearn_mm.persistence.card.describe`.
    trusted : dict of str to type or function
        What the user trusted.

    Returns
    -------
    dict
    """
    kept = sorted({what_it_holds(name) for name in encoder.classes} - {""})
    held = "; ".join(kept) if kept else "nothing that tells of single rows"
    return {
        "format": FORMAT,
        "versions": versions(),
        "model": about,
        "privacy": f"Of the training rows this file holds: {held}.",
        "keeps": kept,
        "left_out": encoder.left_out,
        "types": sorted(encoder.classes),
        "trusted": sorted(trusted),
        "pretrained": encoder.pretrained,
        "members": {
            name: {"sha256": digest(content), "bytes": len(content)}
            for name, content in sorted(members.items())
        },
        "arrays": {
            name: {
                "sha256": digest(array),
                "dtype": array.dtype.name,
                "shape": list(array.shape),
            }
            for name, array in sorted(arrays.items())
        },
    }


def versions():
    """Look up the versions of Python and of the packages that compute."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    import sklearn_mm

    return found | {"sklearn-mm": sklearn_mm.__version__}


def digest(content):
    """Compute the SHA-256 of bytes or of an array, in hexadecimal."""
    if hasattr(content, "reshape"):
        content = memoryview(content.reshape(-1).view("u1"))
    return hashlib.sha256(content).hexdigest()


def write_manifest(manifest):
    """Write a manifest: bytes."""
    return write_json(manifest)


def read_manifest(archive):
    """Read the manifest of an archive, and compare all members with it.

    Parameters
    ----------
    archive : Archive
        Opened.

    Returns
    -------
    dict

    Raises
    ------
    ModelFileError
        If the format is another, or a member is not what the manifest says.
    """
    manifest = read_json(archive.read(NAME), NAME)
    _check_format(manifest, archive.what)
    _check_form(manifest)
    said, found = set(manifest["members"]), set(archive.members) - {NAME}
    if said != found:
        raise ModelFileError(
            f"{archive.what}: the manifest and the archive differ in the members "
            f"{sorted(said ^ found)}"
        )
    for name, entry in manifest["members"].items():
        size = archive.members[name].file_size
        if entry["bytes"] != size:
            raise ModelFileError(
                f"{archive.what}: member {name!r} has {size} bytes, but the manifest "
                f"says {entry['bytes']}"
            )
    return manifest


def _check_format(manifest, what):
    number = manifest.get("format") if isinstance(manifest, dict) else None
    if type(number) is not int:
        raise ModelFileError(
            f"{what}: the format must be an integer, found {number!r:.80}: it is no "
            "model file, or damaged"
        )
    if number > FORMAT:
        raise ModelFileError(
            f"{what} has the format {number}, but this version of sklearn_mm reads up "
            f"to {FORMAT}: the file is newer. Install the version that wrote it: "
            f"{_writer(manifest)}, or a newer one"
        )
    if number < OLDEST_FORMAT:
        raise ModelFileError(
            f"{what} has the format {number}, but this version of sklearn_mm reads "
            f"from {OLDEST_FORMAT} on: the file is older. Load it by the version that "
            f"wrote it ({_writer(manifest)}), and save it anew"
        )


def _writer(manifest):
    written_by = manifest.get("versions")
    version = written_by.get("sklearn-mm") if isinstance(written_by, dict) else None
    return f"sklearn_mm {version!s:.40}"


def _check_form(manifest):
    """Refuse what is not of the form that `make_manifest` gives."""

    def check(is_fine, what):
        if not is_fine:
            raise ModelFileError(f"{NAME}: {what} is missing or of another form")

    check(isinstance(manifest.get("versions"), dict), "versions")
    check(isinstance(manifest.get("model"), dict), "model")
    check(isinstance(manifest.get("privacy"), str), "privacy")
    for name in _LIST_OF_TEXT:
        texts = manifest.get(name)
        is_list = isinstance(texts, list)
        check(is_list and all(isinstance(text, str) for text in texts), name)
    pretrained = manifest.get("pretrained")
    is_list = isinstance(pretrained, list)
    check(is_list and all(isinstance(each, dict) for each in pretrained), "pretrained")
    for name, keys in (
        ("members", {"sha256": str, "bytes": int}),
        ("arrays", {"sha256": str, "dtype": str, "shape": list}),
    ):
        entries = manifest.get(name)
        check(isinstance(entries, dict), name)
        for key, entry in entries.items():
            is_fine = isinstance(entry, dict) and set(entry) == set(keys)
            is_fine = is_fine and all(type(entry[k]) is t for k, t in keys.items())
            check(is_fine, f"{name}: {key!r:.80}")


def check_content(manifest, name, content, what):
    """Refuse a member of which the SHA-256 is not what the manifest says."""
    if digest(content) != manifest["members"][name]["sha256"]:
        raise ModelFileError(
            f"{what}: member {name!r} is not what was written: its SHA-256 differs "
            "from that in the manifest"
        )


def check_arrays(manifest, arrays, what):
    """Refuse arrays that are not those which the manifest lists, each for itself."""
    if set(arrays) != set(manifest["arrays"]):
        odd = sorted(set(arrays) ^ set(manifest["arrays"]))
        raise ModelFileError(f"{what}: manifest and {ARRAYS} differ in {odd[:3]}")
    for name, array in arrays.items():
        entry = manifest["arrays"][name]
        form = {"dtype": array.dtype.name, "shape": list(array.shape)}
        if {key: entry[key] for key in form} != form:
            raise ModelFileError(
                f"{what}: the array {name!r} has {form}, but the manifest says "
                f"{entry['dtype']} and {entry['shape']}"
            )
        if digest(array) != entry["sha256"]:
            raise ModelFileError(
                f"{what}: the array {name!r} is not what was written there: its "
                "SHA-256 differs from that in the manifest"
            )


def warn_of_versions(manifest):
    """Say once where scikit-learn is of another version than in the file."""
    now = versions()
    for package in COMPARED:
        then = str(manifest["versions"].get(package))
        if then.split(".")[:2] != now[package].split(".")[:2]:
            warnings.warn(
                f"the model was saved with {package} {then:.40}, and is loaded with "
                f"{now[package]}: its steps may compute something else, or fail. "
                "Install that version, or fit anew",
                UserWarning,
                stacklevel=3,
            )
