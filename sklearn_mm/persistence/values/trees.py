"""Decision trees as arrays, and whether their nodes point into themselves.

scikit-learn follows the numbers in a tree without looking whether they lie within it,
so a tree that was made up would read, or loop, through any memory.
"""

import math

import numpy as np

from sklearn_mm._compat import import_tree
from sklearn_mm.persistence.errors import ModelFileError

# Of a tree, and of the classes of each.
MAX_OUTPUTS, MAX_CLASSES = 2**16, 2**24


def tree_state(tree, encoder):
    """Get what makes a compiled tree, of plain values.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        Built.
    encoder : Encoder
        Which pools the arrays of all trees.

    Returns
    -------
    dict
    """
    _, (n_features, n_classes, n_outputs), state = tree.__reduce__()
    return {
        "n_features": int(n_features),
        "n_classes": [int(n) for n in n_classes],
        "n_outputs": int(n_outputs),
        "max_depth": int(state["max_depth"]),
        "nodes": encoder.pool(state["nodes"]),
        "values": encoder.pool(state["values"]),
    }


def make_tree(node, decoder, where):
    """Make a tree of what `tree_state` gave."""
    Tree, node_dtype = import_tree()
    numbers = [
        decoder.part(node, name, int, where)
        for name in ("n_features", "n_outputs", "max_depth")
    ]
    n_features, n_outputs, max_depth = numbers
    n_classes = decoder.part(node, "n_classes", list, where)
    nodes, values = (decoder.decode(node.get(n), where) for n in ("nodes", "values"))
    is_fine = (
        len(n_classes) == n_outputs
        and 1 <= n_outputs <= MAX_OUTPUTS
        and all(type(n) is int and 1 <= n <= MAX_CLASSES for n in n_classes)
        and 0 <= n_features < 2**31
        and 0 <= max_depth < 2**31
        and isinstance(nodes, np.ndarray)
        and isinstance(values, np.ndarray)
        and nodes.dtype == node_dtype
        and values.dtype == np.float64
        and values.shape == (len(nodes), n_outputs, max(n_classes))
    )
    if not is_fine:
        raise ModelFileError(f"{where}: no tree of scikit-learn, or of another version")
    tree = Tree(n_features, np.array(n_classes, dtype=np.intp), n_outputs)
    state = {"max_depth": max_depth, "node_count": len(nodes)}
    tree.__setstate__({**state, "nodes": nodes, "values": values})
    return tree


def describe_records(dtype):
    """Describe the dtype of a structured array in plain values."""
    fields = [[name, *_field(dtype.fields[name])] for name in dtype.names]
    return {"fields": fields, "bytes": dtype.itemsize}


def _field(field):
    return field[0].str, field[1]


def make_records(described, where):
    """Make the dtype of a structured array of what `describe_records` gave."""
    try:
        fields, n_bytes = described["fields"], described["bytes"]
        names, formats, offsets = zip(*fields, strict=True)
        known = {"b", "i", "u", "f"}
        kinds = [np.dtype(each) for each in formats]
        if not all(kind.kind in known and len(str(kind)) < 9 for kind in kinds):
            raise ValueError(f"formats {formats!s:.80}")
        if math.prod((type(n_bytes) is int, *(type(n) is int for n in offsets))) != 1:
            raise ValueError("offsets that are no integers")
        spec = {"names": names, "formats": kinds, "offsets": offsets}
        return np.dtype({**spec, "itemsize": n_bytes})
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{where}: no records: {error}") from error


def check_estimator(estimator):
    """Refuse an estimator of scikit-learn of which a tree points out of itself.

    Parameters
    ----------
    estimator : estimator
        Just built; of those that it holds, only trees are looked at.

    Raises
    ------
    ModelFileError
        If a tree is not one, or asks for features that the estimator has not.
    """
    attributes = vars(estimator)
    n_features = attributes.get("n_features_in_")
    is_number = type(n_features) is int or isinstance(n_features, np.integer)
    if n_features is not None and not is_number:
        raise ModelFileError(
            f"n_features_in_ of {type(estimator).__name__} must be an integer, found "
            f"{n_features!r:.80}"
        )
    if hasattr(attributes.get("tree_"), "children_left"):  # no tree of neighbours
        _check_tree(estimator, attributes["tree_"], n_features)
    if "_predictors" in attributes:
        for stage in attributes["_predictors"]:
            for predictor in stage:
                _check_predictor(predictor, n_features)
    _check_ensemble(estimator, attributes, n_features)


def _check_tree(estimator, tree, n_features):
    if tree.n_features != n_features:
        _refuse(f"{type(estimator).__name__} of {n_features} features", tree.n_features)
    inner = tree.children_left != -1
    if len(inner) == 0:
        _refuse("a tree", "no node")
    _check_nodes(
        tree.children_left, tree.children_right, tree.feature, inner, n_features
    )


def _check_nodes(left, right, feature, inner, n_features):
    """Compare the children and features of inner nodes with what there is."""
    places, n_nodes = np.arange(len(inner))[inner], len(inner)
    for child in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        # A child stands after its parent, so there is no way in a circle.
        if ((child <= places) | (child >= n_nodes)).any():
            _refuse(f"a tree of {n_nodes} nodes", "a child that is none of them")
    found = feature[inner].astype(np.int64)
    if ((found < 0) | (found >= n_features)).any():
        _refuse(f"a tree of {n_features} features", "a split by none of them")


def _check_predictor(predictor, n_features):
    nodes = getattr(predictor, "nodes", None)
    if not isinstance(nodes, np.ndarray) or not len(nodes) or not nodes.dtype.names:
        _refuse("a tree of histograms", "no nodes")
    inner = nodes["is_leaf"] == 0
    parts = (nodes["left"], nodes["right"], nodes["feature_idx"])
    _check_nodes(*parts, inner, n_features)
    categorical = inner & (nodes["is_categorical"] != 0)
    for bits in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        if categorical.any() and (
            nodes["bitset_idx"][categorical].max() >= len(bits)
            or bits.shape[1:] != (8,)
        ):
            _refuse(f"{len(bits)} sets of categories", "a split by none of them")


def _check_ensemble(estimator, attributes, n_features):
    """Compare the features of trees with those of the forest, which checks X alone."""
    chosen = attributes.get("estimators_features_")
    members = attributes.get("estimators_", ())
    members = members.ravel() if isinstance(members, np.ndarray) else members
    if not isinstance(members, list | tuple | np.ndarray):
        return
    for place, member in enumerate(members):
        if not hasattr(member, "tree_") or n_features is None:
            continue
        expected = n_features if chosen is None else len(chosen[place])
        if member.tree_.n_features != expected:
            _refuse(
                f"{type(estimator).__name__} of {expected} features",
                f"a tree of {member.tree_.n_features}",
            )


def _refuse(expected, found):
    raise ModelFileError(
        f"the file holds a tree that is none: for {expected}, found {found}"
    )
