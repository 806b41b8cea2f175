"""Cells as what scikit-learn learns from: strings, numbers, flat rows."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.times import numbers_of

# Stands for a text without words, so that each text has one.
EMPTY = "∅"

# What a string says of a number that is not there, in lower case.
NO_NUMBERS = ("", "na", "n/a", "nan", "null", "none", "?", "-")


def columns_of(X):
    """List the columns of a column or table: (name, cells)."""
    if hasattr(X, "columns"):
        return [(str(name), X[name]) for name in X.columns]
    if getattr(X, "ndim", 1) == 2:
        return [(str(place), X[:, place]) for place in range(X.shape[1])]
    return [(str(getattr(X, "name", None) or "x"), X)]


def as_texts(X):
    """Take one column as strings; what is missing or has no letter is ``EMPTY``.

    Parameters
    ----------
    X : list, Series, or array of n_samples cells
        Strings; what is none is written as one.

    Returns
    -------
    ndarray of object, shape (n_samples,)
    """
    ((_, cells),) = columns_of(X)
    texts = ["" if is_missing(cell) else str(cell) for cell in cells]
    found = np.empty(len(texts), dtype=object)
    found[:] = [text if text.strip() else EMPTY for text in texts]
    return found


def as_categories(X):
    """Take columns as strings, NaN where missing.

    Parameters
    ----------
    X : column or table of n_samples rows
        Strings, booleans, or other values that repeat.

    Returns
    -------
    ndarray of object, shape (n_samples, n_columns)
    """
    columns = [
        [np.nan if is_missing(cell) else str(cell) for cell in cells]
        for _, cells in columns_of(X)
    ]
    return np.array(columns, dtype=object).T


def as_numbers(X):
    """Take columns as numbers; strings may write them.

    Parameters
    ----------
    X : column or table of n_samples rows
        Numbers, or strings such as ``"1.5"``. Missing are also ``""``, ``"NA"`` and
        what else ``NO_NUMBERS`` lists.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_columns)

    Raises
    ------
    ValueError
        If a string is no number.
    """
    return np.column_stack([_numbers(name, cells) for name, cells in columns_of(X)])


def _numbers(name, cells):
    numbers = np.empty(len(cells))
    for row, cell in enumerate(cells):
        if is_missing(cell) or says_no_number(cell):
            numbers[row] = np.nan
            continue
        try:
            numbers[row] = float(cell)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"column {name!r}, row {row}: expected a number, found {cell!r:.80}. "
                "Make it missing (None), or the column a text."
            ) from error
    return numbers


def says_no_number(cell):
    """Tell whether a string says that a number is missing."""
    return isinstance(cell, str) and cell.strip().lower() in NO_NUMBERS


class Vectors(TransformerMixin, BaseEstimator):
    """Stack a column of vectors of one length; a row that is missing is NaN.

    Attributes
    ----------
    n_features_out_ : int
        The length, 1 if ``fit`` saw no vector.
    """

    def fit(self, X, y=None):
        """Learn the length from a column of 1-D arrays or lists of numbers."""
        _, vectors = self._read(X)
        present = [vector for vector in vectors if vector is not None]
        self.n_features_out_ = len(present[0]) if present else 1
        self.transform(X)  # refuses those of another length
        return self

    def transform(self, X):
        """Stack the vectors: (n_samples, length) of float64.

        Raises
        ------
        ValueError
            If one has another length.
        """
        check_is_fitted(self)
        name, vectors = self._read(X)
        rows = np.full((len(vectors), self.n_features_out_), np.nan)
        for row, vector in enumerate(vectors):
            if vector is None:
                continue
            if vector.shape != (self.n_features_out_,):
                raise ValueError(
                    f"column {name!r}, row {row}: expected a vector of the length "
                    f"{self.n_features_out_}, found the shape {vector.shape}. If these "
                    "are series, use TimeSeriesTransformer()."
                )
            rows[row] = vector
        return rows

    def get_feature_names_out(self, input_features=None):
        """Name the numbers by their place in the vector."""
        check_is_fitted(self)
        return np.array([f"x{i}" for i in range(self.n_features_out_)], dtype=object)

    def _read(self, X):
        ((name, cells),) = columns_of(X)
        return name, [None if is_missing(cell) else numbers_of(cell) for cell in cells]


def flat_view(block):
    """Give the flat view of a FeatureBlock, NaN where missing."""
    return np.asarray(block)
