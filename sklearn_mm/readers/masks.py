"""Arrays whose cells may be masked, and arrays with named fields."""

import numpy as np


def fill_masked(X):
    """Take a masked array as one in which what was masked is missing.

    Parameters
    ----------
    X : object
        Any that is no masked array is given back as it is, and so is one of more than
        two axes: each of its items is a cell, with a mask of its own.

    Returns
    -------
    object
        Of a masked array an ndarray, with NaN where numbers were masked, ``NaT`` where
        dates were, and else None; where nothing was, of the same type.

    Examples
    --------
    >>> fill_masked(np.ma.array([1, 2], mask=[False, True]))
    array([ 1., nan])
    """
    if not isinstance(X, np.ma.MaskedArray) or X.ndim > 2:
        return X
    if not np.ma.is_masked(X):
        return X.data
    if X.dtype.kind in "fiub":
        return X.astype(np.float64).filled(np.nan)
    if X.dtype.kind in "mM":
        return X.filled(np.array("NaT", dtype=X.dtype))
    cells = X.data.astype(object)
    cells[np.ma.getmaskarray(X)] = None
    return cells


def fields_to_table(X):
    """Take a structured array as a table with a column for each field.

    Parameters
    ----------
    X : ndarray with fields, of shape (n_samples,)
        It may be masked, or a record array.

    Returns
    -------
    DataFrame of n_samples rows

    Raises
    ------
    ValueError
        If it has more than one axis.
    """
    import pandas as pd

    if X.ndim != 1:
        raise ValueError(
            f"an array with the fields {list(X.dtype.names)} must have one axis, found "
            f"the shape {X.shape}"
        )
    columns = {}
    for name in X.dtype.names:
        cells = fill_masked(X[name])
        columns[name] = list(cells) if cells.ndim > 1 else np.asarray(cells)
    return pd.DataFrame(columns)
