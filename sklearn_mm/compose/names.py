"""What the features of a union are called."""

import numpy as np

from sklearn_mm.compose.columns import name_columns


def name_features(transformers, input_features, *, by_name, prefixed):
    """Name the columns of the flat view.

    Parameters
    ----------
    transformers : list of (str, fitted transformer, columns)
        Of a union.
    input_features : ndarray of str
        Names of X's columns.
    by_name : bool
        Whether ``columns`` are names, and not positions.
    prefixed : bool
        Whether features are named ``<modality>__<feature>``.

    Returns
    -------
    ndarray of str

    Raises
    ------
    AttributeError
        If a transformer does not name its features.
    ValueError
        If two features share a name.
    """
    named = []
    for name, transformer, columns in transformers:
        if not hasattr(transformer, "get_feature_names_out"):
            raise AttributeError(
                f"transformer {name!r} ({type(transformer).__name__}) has no "
                "get_feature_names_out"
            )
        own = name_columns(columns, input_features, by_name)
        features = transformer.get_feature_names_out(own)
        prefix = f"{name}__" if prefixed else ""
        named += [f"{prefix}{feature}" for feature in features]
    check_differ(named)
    return np.asarray(named, dtype=object)


def check_differ(names):
    """Raise ValueError where two features share a name."""
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})[:5]
        raise ValueError(
            f"features share a name: {twice}. Set verbose_feature_names_out=True."
        )
