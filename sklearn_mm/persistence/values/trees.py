"""Whether the nodes of decision trees point into themselves.

scikit-learn follows the numbers in a tree without looking whether they lie within it,
so a tree that was made up would read, or loop, through any memory.
"""

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_mm.persistence.errors import ModelFileError


def check_trees(objects):
    """Refuse trees that point out of themselves, in all that objects hold.

    Parameters
    ----------
    objects : dict, list or object
        Estimators of scikit-learn among them.

    Raises
    ------
    ModelFileError
        If a tree is not one, or asks for features that its estimator has not.
    """
    left, seen = [objects], set()
    while left:
        each = left.pop()
        if isinstance(each, list | tuple | set):
            left += each
        elif isinstance(each, dict):
            left += each.values()
        elif isinstance(each, np.ndarray) and each.dtype.kind == "O":
            left += each.ravel().tolist()
        elif isinstance(each, BaseEstimator) and id(each) not in seen:
            seen.add(id(each))
            _check_estimator(each)
            left += vars(each).values()


def _check_estimator(estimator):
    attributes = vars(estimator)
    n_features = attributes.get("n_features_in_")
    is_number = type(n_features) is int or isinstance(n_features, np.integer)
    if n_features is not None and not is_number:
        raise ModelFileError(
            f"n_features_in_ of {type(estimator).__name__} must be an integer, found "
            f"{n_features!r:.80}"
        )
    if "tree_" in attributes:
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
