"""save, load and inspect: a model as one file."""

import os
from collections.abc import Mapping
from pathlib import Path

from sklearn_mm.persistence import card, manifest
from sklearn_mm.persistence.archive import ARRAYS, MAX_BYTES, Archive, write_archive
from sklearn_mm.persistence.errors import ModelFileError
from sklearn_mm.persistence.strict_json import read_json, write_json
from sklearn_mm.persistence.values.sklearn_types import name_of

MODEL, CARD, REPORT = "model.json", "README.md", "report.html"
PRETRAINED = ("reference", "inside")

# What Python and the libraries raise where values are not what they must be.
_OF_DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError),
    ValueError,
)

# Of a report or a card.
MAX_PAGE_BYTES = 2**28


def save(
    model,
    path,
    *,
    scores=None,
    notes=None,
    report=None,
    pretrained="reference",
    trusted=(),
):
    """Save a model as one file that holds numbers and no code.

    Everything of this package and of scikit-learn that predicts is kept: transformers,
    unions, estimators, and the pipelines, searches, stacks and calibrations that they
    stand in. What :func:`load` gives predicts the same, bit for bit.

    Parameters
    ----------
    model : estimator
        A transformer, union, classifier, regressor, or what wraps them.
    path : str or Path
        The file; ``~`` is the home folder. One that is there is replaced when the new
        one is complete.
    scores : dict of str to float, default=None
        For the card, such as ``{"accuracy on 2025": 0.91}``.
    notes : str, default=None
        For the card, in Markdown: what the model is for and what it is not for.
    report : str or Path, default=None
        What :func:`sklearn_mm.inspection.report` has written, to take along.
    pretrained : {"reference", "inside"}, default="reference"
        Whether the weights of pretrained encoders stay where they are, and the file
        holds their place and SHA-256, or come along.
    trusted : list or dict, default=()
        Classes and functions of your own that the model holds, such as a transformer
        or a tokenizer; :func:`load` needs them, too. They are kept by name, and a
        class by its attributes.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    UntrustedTypeError
        If the model holds something of a type that is in no list here, and not in
        ``trusted``. It is a ValueError and a TypeError.
    FileNotFoundError
        If there is no folder for the file.

    See Also
    --------
    load : Read it.
    inspect : What is in it.

    Notes
    -----
    The file is a zip: ``manifest.json`` (versions, and of each part its size and
    SHA-256), ``model.json`` (the model as a tree of plain values), numbers as
    safetensors, vocabularies and tokenizers as JSON, what is scikit-learn's alone as
    ``sklearn.skops``, and a card, ``README.md``. Not kept are the state of the
    optimizer, the losses of single batches, and the folders of caches (``memory``).

    Examples
    --------
    >>> import tempfile
    >>> import sklearn_mm
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = sklearn_mm.AttentionFusionClassifier(width=16, max_epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = sklearn_mm.save(model.fit(X, y), f"{folder}/iris.mm")
    ...     loaded = sklearn_mm.load(path)
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    from sklearn_mm.persistence.values.encode import Encoder
    from sklearn_mm.persistence.values.sklearn_parts import NAME, write_sklearn
    from sklearn_mm.persistence.values.tensors import write_arrays

    if not hasattr(model, "get_params"):
        raise TypeError(f"model must be an estimator, found {type(model).__name__}")
    if pretrained not in PRETRAINED:
        raise ValueError(
            f"pretrained must be one of {PRETRAINED}, found {pretrained!r}"
        )
    trusted = _by_name(trusted)
    encoder = Encoder(trusted, weights_inside=pretrained == "inside")
    tree = encoder.encode(model, type(model).__name__)
    whole = {"dtypes": encoder.finish(), "model": tree}
    members = {MODEL: write_json(whole), **encoder.documents}
    members[ARRAYS] = write_arrays(encoder.arrays)
    if encoder.sklearn:
        members[NAME] = write_sklearn(encoder.sklearn)
    if report is not None:
        members[REPORT] = _read_report(report)
    about = card.describe(model, scores)
    described = manifest.make_manifest(members, encoder.arrays, encoder, about, trusted)
    text = card.write_card(described, notes, report is not None).encode()
    described["members"][CARD] = {
        "sha256": manifest.digest(text),
        "bytes": len(text),
    }
    members[CARD] = text
    members[manifest.NAME] = manifest.write_manifest(described)
    path = Path(path).expanduser()
    write_archive(path, members)
    return path


def load(path, *, trusted=(), max_bytes=MAX_BYTES):
    """Load a model that :func:`save` has written.

    No code of the file is run, and nothing is imported by a name in it: it can be
    loaded from strangers. What they have taught the model is another matter. Sizes,
    checksums and types are checked before anything is built.

    Parameters
    ----------
    path : str or Path
        The file; ``~`` is the home folder. Large arrays stay in it until they are
        used, so replace the file rather than to write into it.
    trusted : list or dict, default=()
        Classes and functions that are neither of this package nor of scikit-learn, as
        they were given to ``save``. A dict gives them by the names that stand in the
        file, for those that have moved since.
    max_bytes : int, default=68719476736
        What the file may unpack to; 64 GiB.

    Returns
    -------
    estimator
        As it was saved. It computes where it was trained if that device is on this
        machine, else with ``device="auto"``, and a warning. Caches are not set
        (``memory=None``), nor is ``download``.

    Raises
    ------
    ModelFileError
        If the file is no model, damaged, changed since, beyond a limit, or of another
        format. It is a ValueError.
    UntrustedTypeError
        If it names a type that is in no list here, and not in ``trusted``.

    Warns
    -----
    UserWarning
        If it was saved with another version of scikit-learn.

    See Also
    --------
    save : Write it.
    inspect : What is in it.

    Examples
    --------
    >>> import tempfile
    >>> import sklearn_mm
    >>> transformer = sklearn_mm.TextTransformer().fit(["a red fox", "a bird"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = sklearn_mm.save(transformer, f"{folder}/words.mm")
    ...     sklearn_mm.load(path).transform(["a blue bird"]).values
    array([1, 0, 2], dtype=int32)
    """
    from sklearn_mm.persistence.values.decode import Decoder
    from sklearn_mm.persistence.values.learned import warn_of_devices
    from sklearn_mm.persistence.values.sklearn_parts import NAME, read_sklearn
    from sklearn_mm.persistence.values.tensors import read_arrays

    path, trusted = Path(path).expanduser(), _by_name(trusted)
    with Archive(path, max_bytes=max_bytes) as archive:
        described = manifest.read_manifest(archive)
        manifest.warn_of_versions(described)
        reader = _Reader(archive, described)
        arrays = read_arrays(reader.view(ARRAYS), ARRAYS)
        manifest.check_arrays(described, arrays, archive.what)
        whole = read_json(reader.read(MODEL), MODEL)
        if not isinstance(whole, dict) or set(whole) != {"dtypes", "model"}:
            raise ModelFileError(f"{MODEL} is no model")
        parts = read_sklearn(reader.read(NAME)) if NAME in archive.members else {}
        decoder = Decoder(
            arrays,
            whole["dtypes"],
            reader.document,
            reader.text,
            parts,
            reader.weights,
            trusted,
        )
        name = str(described["model"].get("class", "model"))
        try:
            model = decoder.decode(whole["model"], name)
        except ModelFileError:
            raise
        except _OF_DAMAGE as error:
            raise ModelFileError(
                f"{archive.what} holds what cannot be built: {error!r:.500}"
            ) from error
    if not hasattr(model, "get_params"):
        raise ModelFileError(
            f"{str(path)!r} holds no estimator, but a {type(model).__name__}"
        )
    warn_of_devices(decoder.other_devices)
    return model


def inspect(path, *, max_bytes=MAX_BYTES):
    """Tell what is in a file of :func:`save`, without building the model.

    Parameters
    ----------
    path : str or Path
        The file; ``~`` is the home folder.
    max_bytes : int, default=68719476736
        What the file may unpack to; 64 GiB.

    Returns
    -------
    dict
        What the manifest says: ``"format"``; ``"versions"`` of packages; ``"model"``,
        with its classes, modalities and scores; ``"privacy"``, what it holds of the
        training rows; ``"types"``, and ``"trusted"``, those that :func:`load` must be
        given; ``"pretrained"``; ``"members"`` and ``"arrays"`` with size, shape and
        SHA-256. And ``"card"``, the text of the model card. All has been compared
        with the checksums; who wrote the file they cannot tell.

    Raises
    ------
    ModelFileError
        If the file is no model, damaged, changed since, beyond a limit, or of another
        format. It is a ValueError.

    See Also
    --------
    sklearn_mm.inspection : What a model has learned.

    Examples
    --------
    >>> import tempfile
    >>> import sklearn_mm
    >>> transformer = sklearn_mm.TextTransformer().fit(["a red fox", "a bird"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = sklearn_mm.save(transformer, f"{folder}/words.mm")
    ...     found = sklearn_mm.inspect(path)
    >>> found["types"]
    ['sklearn_mm.TextTransformer']
    >>> found["privacy"]
    'Of the training rows this file holds: a vocabulary: words, or parts of words, ...'
    """
    with Archive(Path(path).expanduser(), max_bytes=max_bytes) as archive:
        described = manifest.read_manifest(archive)
        reader = _Reader(archive, described)
        for name in archive.members:
            if name not in (manifest.NAME, CARD):
                reader.view(name)
        text = reader.read(CARD) if CARD in archive.members else b""
    return described | {"card": text.decode("utf-8", "replace")}


class _Reader:
    """Read members of an archive whose SHA-256 are those of the manifest."""

    def __init__(self, archive, described):
        self.archive, self.described = archive, described

    def read(self, name):
        """Unpack a member: bytes."""
        content = self.archive.read(name)
        manifest.check_content(self.described, name, content, self.archive.what)
        return content

    def view(self, name):
        """Map a member that is stored: memoryview."""
        if name not in self.archive.members:
            raise ModelFileError(f"{self.archive.what} has no member {name!r}")
        content = self.archive.view(name)
        manifest.check_content(self.described, name, content, self.archive.what)
        return content

    def text(self, name):
        """Read a member that the tree names, as text."""
        if not isinstance(name, str) or not name.endswith(".json"):
            raise ModelFileError(f"{MODEL} names no document: {name!r:.80}")
        return self.read(name).decode("utf-8", "replace")

    def document(self, name):
        """Read a member that the tree names, as JSON."""
        if not isinstance(name, str) or not name.startswith("vocabularies/"):
            raise ModelFileError(f"{MODEL} names no vocabulary: {name!r:.80}")
        return read_json(self.read(name), name)

    def weights(self, number):
        """Read the files of a pretrained encoder: dict of str to bytes."""
        prefix = f"weights/{number}/"
        files = {
            name.removeprefix(prefix): self.read(name)
            for name in self.archive.members
            if name.startswith(prefix)
        }
        if not files or type(number) is not int:
            raise ModelFileError(f"{MODEL} names no weights: {number!r:.80}")
        return files


def _by_name(trusted):
    """Take what the user trusts as a dict by name."""
    named = dict(trusted) if isinstance(trusted, Mapping) else None
    if named is None:
        if isinstance(trusted, str) or callable(trusted):
            raise TypeError(
                "trusted must be a list of classes and functions, or a dict of them by "
                f"name, found {trusted!r:.200}"
            )
        trusted = list(trusted)
        named = {
            name_of(each) if hasattr(each, "__qualname__") else repr(each): each
            for each in trusted
        }
    for name, each in named.items():
        if not isinstance(name, str) or not callable(each):
            raise TypeError(
                "trusted must hold classes and functions themselves, not their names: "
                f"found {each!r:.200}"
            )
    return named


def _read_report(report):
    report = Path(report).expanduser()
    size = os.path.getsize(report)
    if size > MAX_PAGE_BYTES:
        raise ValueError(f"the report {str(report)!r} has {size} bytes, over the limit")
    content = report.read_bytes()
    if b"<html" not in content[:2000].lower():
        raise ValueError(
            f"report must be the page that inspection.report has written, found "
            f"{str(report)!r}, which is no HTML"
        )
    return content
