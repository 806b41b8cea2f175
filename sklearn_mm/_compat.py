"""Everything taken from scikit-learn's private modules, in one place."""

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils._indexing import _get_column_indices
from sklearn.utils._metadata_requests import _raise_for_params
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils._set_output import _get_output_config
from sklearn.utils._user_interface import _print_elapsed_time
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_method_params,
    _check_y,
)

__all__ = [
    "_BaseComposition",
    "_VisualBlock",
    "_check_feature_names_in",
    "_check_method_params",
    "_check_y",
    "_get_column_indices",
    "_get_output_config",
    "_print_elapsed_time",
    "_raise_for_params",
    "_safe_indexing",
    "check_matplotlib_support",
    "for_container",
    "import_tree",
]


def import_tree():
    """Import what decision trees are made of, and the dtype of their nodes."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    return Tree, NODE_DTYPE


def for_container(estimator, features):
    """Flatten features where ``set_output`` asks for a table.

    scikit-learn wraps what ``transform`` returns, but builds a polars table by
    iterating over anything that is not a numpy array.

    Parameters
    ----------
    estimator : transformer
        Whose configuration is read.
    features : FeatureBlock or MultimodalFeatures
        What it is about to return.

    Returns
    -------
    FeatureBlock, MultimodalFeatures, or ndarray of shape (n_samples, n_flat_features)
    """
    config = _get_output_config("transform", estimator)
    return features if config["dense"] == "default" else np.asarray(features)
