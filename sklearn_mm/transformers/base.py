"""What the transformers of one column share."""

import warnings
from concurrent.futures import ThreadPoolExecutor

from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_mm._compat import for_container
from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.readers.column import check_column, describe_error, is_missing
from sklearn_mm.readers.identity import add_cell
from sklearn_mm.readers.remarks import noted, with_remarks, without_remarks
from sklearn_mm.transformers.recall import Tried, complete, recall, show_progress


class CellTransformer(TransformerMixin, BaseEstimator):
    """Base of the transformers that turn one column of cells into a FeatureBlock.

    A subclass reads one cell (``_read_cell``), may learn from all of them
    (``_learn``), and joins them (``_to_block``). Missing cells never reach
    ``_read_cell``: they arrive in the other two as ``None``.

    What ``_to_block`` makes of a cell can be cached where ``_beside_cells`` is set:
    then it must not depend on the other cells, nor, where ``_is_final`` says so, on
    anything learned. What is learned from the tokens of all cells comes after that
    (``_learn_from_block``, ``_project``).
    """

    # Layouts of Column that the transformer understands.
    _layouts = ("cells", "numbers")

    # Parameters that do not change the tokens which _to_block makes of a cell. None:
    # these are not cached.
    _beside_cells = None

    # Libraries that compute; another version of them may compute other numbers.
    _libraries = (
        "librosa",
        "numpy",
        "pillow",
        "scikit-image",
        "scipy",
        "soundfile",
        "soxr",
        "torch",
    )

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
            self._load()
            column = self._take(X, reset=True)
            known, column = recall(self, column)
            samples = self._read(column)
            self._learn(samples)
            block = complete(self._to_block(samples), known)
            self._learn_from_block(block)
            return for_container(self, self._project(block))

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
        column = self._take(X, reset=False)
        known, column = recall(self, column)
        samples = self._read(column)
        block = complete(self._to_block(samples), known)
        return for_container(self, self._project(block))

    def _check_parameters(self):
        """Raise ValueError for parameters that cannot work; subclasses extend."""
        if self.on_error not in ("raise", "missing"):
            raise ValueError(
                f"on_error must be 'raise' or 'missing', found {self.on_error!r}"
            )

    def _load(self):
        """Make ready what needs no cell, such as a model; most need nothing."""

    def _take(self, X, *, reset):
        """Take X as a column of cells."""
        return check_column(self, X, reset=reset)

    def _learn(self, samples):
        """Learn from the samples of the training rows; most learn nothing."""

    def _learn_from_block(self, block):
        """Learn from the tokens of the training rows; most learn nothing."""

    def _project(self, block):
        """Apply what was learned from the tokens."""
        return block

    def _recipe(self):
        """Get by name all that turns a cell into tokens; None if it has no plain name.

        What changes nothing in the tokens is left out, so that the cache finds them.
        """
        if self._beside_cells is None:
            return None
        parameters = self.get_params(deep=False).items()
        return {name: v for name, v in parameters if name not in self._beside_cells}

    def _add_cell(self, digest, cell):
        """Add what a cell is to a digest; tell whether it is known by its content."""
        return add_cell(digest, cell)

    def _is_final(self, sample):
        """Tell whether the tokens of a sample depend on nothing that is learned."""
        return True

    def _read(self, column):
        """Read every cell: an array, or None where missing."""
        owner = type(self).__name__
        if column.layout not in self._layouts:
            raise ValueError(
                f"{owner} takes one column, found several ({column.name}). Give each "
                "column its own entry in the union."
            )
        samples, errors, remarked = [], {}, {}
        outcomes = show_progress(
            self, self._read_cells(column.cells), len(column.cells)
        )
        for row, outcome in enumerate(outcomes):
            sample, remarks = without_remarks(outcome)
            if isinstance(sample, Exception):
                reason = describe_error(sample)
                if self.on_error == "raise":
                    kind = TypeError if isinstance(sample, TypeError) else ValueError
                    raise kind(f"{owner}: {column.where(row)}: {reason}") from sample
                errors[row], sample = reason, None
            for remark in remarks:
                remarked.setdefault(remark.kind, {})[row] = remark.detail
            samples.append(sample)
        unread = {"could not be read and count as missing": errors} if errors else {}
        for kind, details in (unread | remarked).items():
            row = next(iter(details))
            warnings.warn(
                f"{len(details)} of {len(samples)} cells {kind}; the first: {owner}: "
                f"{column.where(row)}: {details[row]}",
                UserWarning,
                stacklevel=3,
            )
        self.errors_ = errors
        return samples

    def _read_cells(self, cells):
        """Yield of each cell an array, None where missing, or why it cannot be read."""
        n_threads = effective_n_jobs(getattr(self, "n_jobs", 1))
        if n_threads == 1:
            yield from map(self._try_cell, cells)
            return
        pool = ThreadPoolExecutor(n_threads)
        try:
            yield from pool.map(self._try_cell, cells)
        finally:  # reached early where a broken cell is an error
            pool.shutdown(cancel_futures=True)

    def _try_cell(self, cell):
        """Read one cell: an array, None where missing, or why it cannot be read.

        Whatever goes wrong is the cell's: libraries that read files, and objects of
        others, raise errors of many kinds.
        """
        if isinstance(cell, Tried):
            return cell.result
        with noted() as remarks:
            try:
                sample = None if is_missing(cell) else self._read_cell(cell)
            except Exception as error:
                sample = error
        return with_remarks(sample, remarks)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_features_in_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        # The output is a FeatureBlock, whose dtype is not that of the cells.
        tags.transformer_tags.preserves_dtype = []
        return tags
