"""What a graph may hold, and the libraries that read it."""

import importlib
import os
from pathlib import Path

from sklearn_mm.persistence.errors import ModelFileError

# The operators that every runtime has.
DOMAINS = ("", "ai.onnx")

# Protobuf reads no more.
MAX_BYTES = 2**31 - 1


def import_extra(name):
    """Import a library of the extra ``onnx``, or say how to install it.

    Parameters
    ----------
    name : {"onnx", "onnxruntime"}
        Of the library.

    Returns
    -------
    module
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"ONNX graphs need {name}, which is not installed: "
            "pip install 'sklearn-mm[onnx]'"
        ) from error


def read_graph(path):
    """Read a graph and see that it is nothing but operators and numbers.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    content : bytes
        Of the file.
    metadata : dict of str to str
        Of the graph.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is too large, no graph, or has operators from elsewhere, functions or
        loops of its own, or weights in other files.
    """
    what = f"{str(path)!r}"
    size = os.path.getsize(path)
    if size > MAX_BYTES:
        raise ModelFileError(
            f"{what} has {size} bytes, more than the limit of {MAX_BYTES}"
        )
    content = Path(path).read_bytes()
    return content, _check_graph(content, what)


def _check_graph(content, what):
    """Check the bytes of a graph, and give its metadata."""
    onnx = import_extra("onnx")
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # a class of protobuf's, which differs by version
        raise ModelFileError(
            f"{what} is no ONNX graph, or is damaged or truncated: {error}"
        ) from error
    graph = model.graph
    foreign = {node.domain for node in graph.node if node.domain not in DOMAINS}
    foreign |= {each.domain for each in model.opset_import} - set(DOMAINS)
    if foreign or model.functions:
        raise ModelFileError(
            f"{what} has operators of its own, {sorted(foreign) or 'as functions'}: "
            "only those of ONNX are run"
        )
    tensors = list(graph.initializer)
    for attribute in (each for node in graph.node for each in node.attribute):
        if attribute.HasField("g") or attribute.graphs:
            raise ModelFileError(
                f"{what} has branches or loops, which export_onnx does not write"
            )
        tensors += [attribute.t, *attribute.tensors]
    if graph.sparse_initializer or any(
        tensor.external_data or tensor.data_location for tensor in tensors
    ):
        raise ModelFileError(
            f"{what} has weights elsewhere than in itself, which is refused"
        )
    return {each.key: each.value for each in model.metadata_props}
