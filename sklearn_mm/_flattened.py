"""Whether numbers are a flat view, which has lost sequences, images and texts.

Some tools make arrays of all that they are given: samplers, bagging, chains. An
estimator after them sees one modality of numbers, as it sees any table, and would learn
from it without a word. So the last flat views are remembered by a digest of each row,
and tables carry the kinds of their modalities.
"""

import warnings
from collections import deque

import numpy as np

# The name under which a table of pandas carries the kinds of its modalities.
ATTRIBUTE = "sklearn_mm"

# Digests of the rows of the last flat views: (columns, kinds, digests).
_recent = deque(maxlen=8)
_N_COLUMNS = 16


def kinds_of(blocks):
    """Give by name the kinds of blocks that a flat view does not hold.

    Parameters
    ----------
    blocks : mapping of str to FeatureBlock
        The modalities.

    Returns
    -------
    dict of str to str
    """
    return {
        name: block.kind for name, block in blocks.items() if block.kind != "vector"
    }


def remember_flat(flat, blocks):
    """Remember that an array is the flat view of blocks.

    Parameters
    ----------
    flat : ndarray of shape (n_samples, n_flat_features)
        It is not kept, but a digest of each row.
    blocks : mapping of str to FeatureBlock
        The modalities.
    """
    kinds = kinds_of(blocks)
    if kinds and flat.size:
        _recent.append((flat.shape[1], kinds, _digests(flat)))


def warn_of_flattened(owner, X):
    """Warn where X has lost the modalities that a union gave.

    Parameters
    ----------
    owner : str
        Name of the estimator.
    X : array or table of shape (n_samples, n_features)
        What it is given.

    Returns
    -------
    bool
        Whether it warned.
    """
    kinds = _lost(X)
    if kinds:
        listed = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
        warnings.warn(
            f"{owner} is given one modality of numbers, the flat view of {listed}: "
            "what stands before it in the pipeline has made an array or a table of the "
            "features. Use MultimodalFeatureUnion right before it, with "
            "set_output(transform='default'); put samplers that choose rows before the "
            "union.",
            UserWarning,
            stacklevel=5,
        )
    return bool(kinds)


def _lost(X):
    if hasattr(X, "attrs") and ATTRIBUTE in X.attrs:
        return X.attrs[ATTRIBUTE]
    if hasattr(X, "columns") and hasattr(X, "to_numpy") and len(X):
        X = (X.iloc if hasattr(X, "iloc") else X)[[0, -1]].to_numpy()
    is_matrix = isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind == "f"
    if not is_matrix or not len(X):
        return None
    ends = _digests(X[[0, -1]])
    for width, kinds, digests in reversed(_recent):
        if width == X.shape[1] and np.isin(ends, digests).all():
            return kinds
    return None


def _digests(flat):
    """Digest some columns of each row: (n_samples,) of uint64."""
    places = np.linspace(0, flat.shape[1] - 1, min(_N_COLUMNS, flat.shape[1]))
    values = np.nan_to_num(flat[:, places.astype(int)].astype(np.float64), nan=np.pi)
    digests = np.zeros(len(flat), dtype=np.uint64)
    for column in values.T:
        # -0.0 is 0.0.
        digests = digests * np.uint64(6364136223846793005) + (column + 0.0).view("u8")
    return digests
