"""What the transformers of one column share."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_mm._compat import for_container
from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.readers.column import check_column, is_missing


class CellTransformer(TransformerMixin, BaseEstimator):
    """Base of the transformers that turn one column of cells into a FeatureBlock.

    A subclass reads one cell (``_read_cell``), may learn from all of them
    (``_learn``), and joins them (``_to_block``). Missing cells never reach
    ``_read_cell``: they arrive in the other two as ``None``.
    """

    # Layouts of Column that the transformer understands.
    _layouts = ("cells", "numbers")

    def fit(self, X, y=None):
        """Learn from a column of cells.

        Parameters
        ----------
        X : list, Series, array or one-column table of n_samples cells
            The cells. A numeric 2-D array holds one cell a row.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X, y=None):
        """Learn from a column of cells and turn it into features.

        Parameters
        ----------
        X : list, Series, array or one-column table of n_samples cells
            The cells. A numeric 2-D array holds one cell a row.
        y : None
            Ignored.

        Returns
        -------
        FeatureBlock of n_samples
        """
        with unchanged_on_failure(self):
            self._check_parameters()
            column = check_column(self, X, reset=True)
            samples = self._read(column)
            self._learn(samples)
            return for_container(self, self._to_block(samples))

    def transform(self, X):
        """Turn a column of cells into features.

        Parameters
        ----------
        X : list, Series, array or one-column table of n_samples cells
            The cells. A numeric 2-D array holds one cell a row.

        Returns
        -------
        FeatureBlock of n_samples
        """
        check_is_fitted(self)
        column = check_column(self, X, reset=False)
        return for_container(self, self._to_block(self._read(column)))

    def _check_parameters(self):
        """Raise ValueError for parameters that cannot work; subclasses extend."""
        if self.on_error not in ("raise", "missing"):
            raise ValueError(
                f"on_error must be 'raise' or 'missing', found {self.on_error!r}"
            )

    def _learn(self, samples):
        """Learn from the samples of the training rows; most learn nothing."""

    def _read(self, column):
        """Read every cell: an array, or None where missing."""
        owner = type(self).__name__
        if column.layout not in self._layouts:
            raise ValueError(
                f"{owner} takes one column, found several ({column.name}). Give each "
                "column its own entry in the union."
            )
        samples, broken = [], []
        for row, (sample, error) in enumerate(self._read_cells(column.cells)):
            if error is not None:
                message = f"{owner}: {column.where(row)}: {error}"
                if self.on_error == "raise":
                    kind = TypeError if isinstance(error, TypeError) else ValueError
                    raise kind(message) from error
                broken.append(message)
            samples.append(sample)
        if broken:
            warnings.warn(
                f"{len(broken)} of {len(samples)} cells could not be read and count as "
                f"missing; the first: {broken[0]}",
                UserWarning,
                stacklevel=3,
            )
        return samples

    def _read_cells(self, cells):
        """Yield what each cell holds and the error that it raised, one being None."""
        n_threads = effective_n_jobs(getattr(self, "n_jobs", 1))
        verbose = getattr(self, "verbose", False)
        with ExitStack() as stack:
            outcomes = map(self._try_cell, cells)
            if n_threads > 1:
                pool = stack.enter_context(ThreadPoolExecutor(n_threads))
                outcomes = pool.map(self._try_cell, cells)
            if verbose:
                from tqdm import tqdm

                name = type(self).__name__
                outcomes = tqdm(outcomes, desc=name, total=len(cells), unit="cell")
            yield from outcomes

    def _try_cell(self, cell):
        """Read one cell: what it holds, None where missing, and the error, if any."""
        if is_missing(cell):
            return None, None
        try:
            return self._read_cell(cell), None
        except (OSError, ValueError, TypeError) as error:
            return None, error

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_features_in_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        # The output is a FeatureBlock, whose dtype is not that of the cells.
        tags.transformer_tags.preserves_dtype = []
        return tags
