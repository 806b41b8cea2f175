"""Trees of neighbours, which are built again from their points.

What is made of the same points is the same tree, and nothing of a file is followed.
"""

import numpy as np

from sklearn_mm.persistence.errors import ModelFileError

TREES = ("BallTree", "KDTree")
METRICS = {
    "ChebyshevDistance": "chebyshev",
    "EuclideanDistance": "euclidean",
    "ManhattanDistance": "manhattan",
    "MinkowskiDistance": "minkowski",
}


def is_neighbor_tree(value):
    """Tell whether a value is a tree of scikit-learn's over float64."""
    kind = type(value)
    return kind.__name__ in TREES and kind.__module__.startswith("sklearn.neighbors.")


def neighbor_state(tree, encoder, where):
    """Get what makes a tree of neighbours, of plain values."""
    data, *_, leaf_size = tree.__getstate__()[:5]
    metric = next(
        part for part in tree.__getstate__() if type(part).__name__.endswith("64")
    )
    name = METRICS.get(type(metric).__name__.removesuffix("64"))
    if name is None:
        encoder.refuse(tree, where, f"a tree of the metric {type(metric).__name__}")
    return {
        "class": type(tree).__name__,
        "leaf_size": int(leaf_size),
        "metric": name,
        "p": float(metric.__getstate__()[0]) if name == "minkowski" else None,
        "data": encoder.array(np.asarray(data), f"{where}.data"),
    }


def make_neighbor_tree(node, decoder, where):
    """Build the tree of which `neighbor_state` gave the points."""
    from sklearn import neighbors

    kind = decoder.part(node, "class", str, where)
    metric = decoder.part(node, "metric", str, where)
    leaf_size = decoder.part(node, "leaf_size", int, where)
    data, power = decoder.decode(node.get("data"), where), node.get("p")
    power = {} if power is None else {"p": power}
    if kind not in TREES or metric not in METRICS.values() or leaf_size < 1:
        raise ModelFileError(f"{where}: no tree of neighbours")
    try:
        return getattr(neighbors, kind)(data, leaf_size, metric=metric, **power)
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"{where}: no tree of neighbours: {error}") from error
