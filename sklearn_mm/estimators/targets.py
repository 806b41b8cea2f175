"""What an estimator is given to predict: read, or refused with the row."""

from numbers import Integral

import numpy as np
from scipy import sparse

from sklearn_mm.readers.column import is_missing

# np.bool is no Integral, and is one of these where rows came one by one.
_WHOLE = (Integral, np.bool_)


def refuse_missing_target(y):
    """Raise ValueError with the row where there is no target.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        As the user passed it.
    """
    if sparse.issparse(y):
        return
    cells = np.asarray(y)
    if cells.dtype.kind not in "fOmM" or cells.ndim not in (1, 2) or not len(cells):
        return
    if cells.dtype.kind == "O":  # pd.NA does not compare
        gone = np.frompyfunc(is_missing, 1, 1)(cells).astype(bool)
    else:
        gone = cells != cells  # NaN and NaT only
    by_row = gone.reshape(len(cells), -1).any(axis=1)
    if by_row.any():
        row = int(by_row.argmax())
        found = cells[row] if cells.ndim == 1 else cells[row].tolist()
        raise ValueError(
            f"Input y contains NaN or None: row {row} has no target, found {found!r}, "
            f"and {by_row.sum()} of {len(cells)} rows have none. Leave these rows out "
            "of X and y."
        )


def as_labels(y):
    """Give whole numbers and booleans that came as objects their own dtype.

    Parameters
    ----------
    y : ndarray or sparse matrix
        Labels, checked.

    Returns
    -------
    ndarray or sparse matrix
    """
    is_object = not sparse.issparse(y) and y.dtype.kind == "O"
    if is_object and all(isinstance(label, _WHOLE) for label in y.flat):
        return np.array(y.tolist())
    return y
