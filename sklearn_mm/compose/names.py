"""What the features of a union are called."""

from collections import Counter

import numpy as np

from sklearn_mm.compose.columns import name_columns


def name_features(transformers, input_features, *, by_name, verbose):
    """Name the columns of the flat view.

    Parameters
    ----------
    transformers : list of (str, fitted transformer, columns)
        Of a union.
    input_features : ndarray of str
        Names of X's columns.
    by_name : bool
        Whether ``columns`` are names, and not positions.
    verbose : bool, str or callable
        As ``verbose_feature_names_out`` of the union.

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
    for entry in transformers:
        name, transformer, _ = entry
        features = names_of(entry, input_features, by_name)
        if features is None:
            raise AttributeError(
                f"Transformer {name} (type {type(transformer).__name__}) does not "
                "provide get_feature_names_out"
            )
        named += prefixed_names(name, features, verbose)
    check_differ(named, verbose)
    return np.asarray(named, dtype=object)


def names_of(entry, input_features, by_name):
    """Name the features of one (name, fitted transformer, columns) by themselves.

    Parameters
    ----------
    entry, input_features, by_name
        As in :func:`name_features`.

    Returns
    -------
    ndarray of str, or None
        None if the transformer does not name them.
    """
    _, transformer, columns = entry
    if not hasattr(transformer, "get_feature_names_out"):
        return None
    return transformer.get_feature_names_out(
        name_columns(columns, input_features, by_name)
    )


def prefixed_names(name, features, verbose):
    """Name the features of a modality in the whole.

    Parameters
    ----------
    name : str
        Of the modality.
    features : iterable of str
        Names that its transformer gave.
    verbose : bool, str or callable
        As ``verbose_feature_names_out`` of the union.

    Returns
    -------
    list of str

    Raises
    ------
    TypeError
        If it is none of these.

    Examples
    --------
    >>> prefixed_names("table", ["age"], True)
    ['table__age']
    >>> prefixed_names("table", ["age"], "{feature_name}-{transformer_name}")
    ['age-table']
    """
    if isinstance(verbose, bool | np.bool_):
        return [
            f"{name}__{feature}" if verbose else str(feature) for feature in features
        ]
    if isinstance(verbose, str):
        return [
            verbose.format(transformer_name=name, feature_name=feature)
            for feature in features
        ]
    if callable(verbose):
        return [str(verbose(name, feature)) for feature in features]
    raise TypeError(
        "verbose_feature_names_out must be True, False, a format string such as "
        "'{feature_name}__{transformer_name}', or a callable from (modality, feature) "
        f"to a name, found {verbose!r}"
    )


def check_differ(names, verbose):
    """Raise ValueError where two features share a name that is not the user's own."""
    if isinstance(verbose, bool | np.bool_) and len(set(names)) < len(names):
        counts = Counter(names)
        twice = sorted(str(name) for name, count in counts.items() if count > 1)
        more = ", ..." if len(twice) > 5 else ""
        listed = f"{str(twice[:5])[:-1]}{more}]"
        raise ValueError(
            f"features share a name. Output feature names: {listed} are not unique. "
            "Please set verbose_feature_names_out=True to add prefixes to feature names"
        )
