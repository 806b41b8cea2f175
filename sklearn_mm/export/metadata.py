"""What a graph does not say: modalities, classes, target; as JSON within the graph."""

import json
from dataclasses import asdict, dataclass

import numpy as np

from sklearn_mm.blocks import KINDS
from sklearn_mm.persistence.errors import ModelFileError
from sklearn_mm.persistence.strict_json import read_json

# Among the metadata of the graph.
KEY = "sklearn_mm"
FORMAT = 1

TASKS = ("multiclass", "multilabel", "regression")
MISSING = ("token", "skip", "error")
LABEL_DTYPES = "biufUO"


@dataclass(frozen=True)
class GraphModality:
    """A modality, and how it enters the graph.

    Attributes
    ----------
    name, kind : str
        As in the features.
    token_shape : tuple of int
        Of one token.
    vocabulary_size : int or None
        For token ids.
    dtype : {"float32", "float64", "int64"}
        Of the values in the graph.
    values, lengths : str
        The inputs: padded with zeros (rows, steps, *token_shape), of one step or more;
        and the steps of each row (rows,), int64, of which 0 means missing.
    """

    name: str
    kind: str
    token_shape: tuple
    vocabulary_size: int | None
    dtype: str
    values: str
    lengths: str


@dataclass(frozen=True)
class Metadata:
    """What is known of an exported model.

    Attributes
    ----------
    estimator, version : str
        The class that was fitted, and the version of this package.
    task : {"multiclass", "multilabel", "regression"}
        What the outputs are.
    missing : {"token", "skip", "error"}
        What a missing modality is.
    modalities : list of GraphModality
        In order.
    classes : ndarray of shape (n_classes,), or None
        Of a classifier.
    target_shape : tuple of int
        Of one row's target, in a regression.
    n_features_in : int
        Columns of the flat view.
    feature_names_in : list of str, or None
        Where the model was fitted on a table with names.
    """

    estimator: str
    version: str
    task: str
    missing: str
    modalities: list
    classes: np.ndarray | None
    target_shape: tuple
    n_features_in: int
    feature_names_in: list | None


def describe(estimator):
    """Collect what the runtime must know of a fitted estimator: Metadata."""
    from sklearn_mm import __version__

    classes, task = getattr(estimator, "classes_", None), "regression"
    if classes is not None:
        task = "multilabel" if estimator.multilabel_ else "multiclass"
    names = getattr(estimator, "feature_names_in_", None)
    return Metadata(
        estimator=type(estimator).__name__,
        version=__version__,
        task=task,
        missing=estimator.missing,
        modalities=[
            GraphModality(
                name=name,
                kind=modality.kind,
                token_shape=tuple(map(int, modality.token_shape)),
                vocabulary_size=modality.vocabulary_size,
                dtype="int64" if modality.mean is None else modality.mean.dtype.name,
                values=f"values_{number}",
                lengths=f"lengths_{number}",
            )
            for number, (name, modality) in enumerate(estimator.modalities_in_.items())
        ],
        classes=classes,
        target_shape=tuple(getattr(estimator, "_target_shape", ())),
        n_features_in=int(estimator.n_features_in_),
        feature_names_in=None if names is None else list(map(str, names)),
    )


def to_json(metadata):
    """Write metadata as JSON: str.

    Raises
    ------
    TypeError
        If labels are neither text nor numbers.
    """
    document = {"format": FORMAT, **asdict(metadata)}
    classes = metadata.classes
    if classes is not None:
        labels = classes.tolist()
        is_fine = classes.dtype.kind in LABEL_DTYPES
        if classes.dtype.kind == "O":
            is_fine = all(isinstance(label, str) for label in labels)
        if not is_fine:
            raise TypeError(
                "labels must be text, numbers or booleans to be exported, found "
                f"{classes.dtype} such as {labels[0]!r}"
            )
        document["classes"] = {"dtype": classes.dtype.str, "labels": labels}
    return json.dumps(document, allow_nan=False)  # as ASCII, whatever names hold


def from_json(text, what):
    """Read metadata, with the type of every value checked.

    Parameters
    ----------
    text : str
        As :func:`to_json` gives it.
    what : str
        The file, for errors.

    Returns
    -------
    Metadata

    Raises
    ------
    ModelFileError
        If it is something else, or of a newer format.
    """
    document = read_json(text.encode("utf-8", "surrogatepass"), what)
    _check(isinstance(document, dict), what, "no object")
    number = document.pop("format", None)
    _check(type(number) is int and number >= 1, what, "format")
    if number > FORMAT:
        raise ModelFileError(
            f"{what} has the format {number}, and this version reads up to {FORMAT}: "
            "install a newer sklearn_mm"
        )
    fields = set(Metadata.__dataclass_fields__)
    _check(set(document) == fields, what, f"fields {sorted(fields ^ set(document))}")
    for name in ("estimator", "version"):
        _check(isinstance(document[name], str), what, name)
    _check(document["task"] in TASKS, what, "task")
    _check(document["missing"] in MISSING, what, "missing")
    _check(_are(document["target_shape"], int), what, "target_shape")
    _check(_is_count(document["n_features_in"]), what, "n_features_in")
    names = document["feature_names_in"]
    _check(names is None or _are(names, str), what, "feature_names_in")
    document["modalities"] = _read_modalities(document["modalities"], what)
    document["classes"] = _read_classes(document, what)
    document["target_shape"] = tuple(document["target_shape"])
    return Metadata(**document)


def _read_modalities(found, what):
    fields = set(GraphModality.__dataclass_fields__)
    is_list = isinstance(found, list) and found
    _check(is_list and all(isinstance(each, dict) for each in found), what, "no list")
    modalities = []
    for each in found:
        _check(set(each) == fields, what, "fields of a modality")
        for name in ("name", "values", "lengths"):
            _check(isinstance(each[name], str), what, name)
        _check(each["kind"] in KINDS, what, "kind")
        _check(_are(each["token_shape"], int), what, "token_shape")
        size = each["vocabulary_size"]
        is_tokens = each["kind"] == "tokens"
        _check(_is_count(size) if is_tokens else size is None, what, "vocabulary_size")
        dtypes = ("int64",) if is_tokens else ("float32", "float64")
        _check(each["dtype"] in dtypes, what, "dtype")
        shape = tuple(each["token_shape"])
        modalities.append(GraphModality(**{**each, "token_shape": shape}))
    names = {modality.name for modality in modalities}
    _check(len(names) == len(modalities), what, "names that stand twice")
    return modalities


def _read_classes(document, what):
    """Build the labels from their dtype, one of a closed list, and their values."""
    found = document["classes"]
    if document["task"] == "regression":
        _check(found is None, what, "classes")
        return None
    _check(isinstance(found, dict) and set(found) == {"dtype", "labels"}, what, "keys")
    dtype, labels = found["dtype"], found["labels"]
    _check(isinstance(dtype, str) and len(dtype) < 16, what, "dtype of the classes")
    _check(isinstance(labels, list) and len(labels) >= 1, what, "labels")
    kind = dtype.lstrip("<>|=")[:1]
    types = {"b": bool, "i": int, "u": int, "f": float, "U": str, "O": str}
    _check(kind in types and _are(labels, types[kind]), what, "labels")
    try:
        return np.array(labels, dtype=object if kind == "O" else np.dtype(dtype))
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{what}: labels that cannot be read: {error}") from error


def _are(values, kind):
    return isinstance(values, list) and all(type(value) is kind for value in values)


def _is_count(value):
    return type(value) is int and value >= 0


def _check(is_fine, what, where):
    if not is_fine:
        raise ModelFileError(f"{what} is not what export_onnx has written: {where}")
