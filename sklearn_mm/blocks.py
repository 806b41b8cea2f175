"""The tokens of one modality.

Everything is a sequence of tokens, and a missing modality is an empty sequence.
:class:`FeatureBlock` holds the tokens of one modality for n samples without any
padding. It is an array-like that scikit-learn can split, shuffle, resample and pickle,
and has a flat 2-D view, so that any scikit-learn estimator can read it.
"""

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

from sklearn_mm._flattened import remember_flat
from sklearn_mm._indexing import resolve_rows
from sklearn_mm._numpy import FlatView
from sklearn_mm.readers.masks import fill_masked
from sklearn_mm.readers.times import without_times

KINDS = ("image", "tokens", "sequence", "set", "vector")

# Above this many numbers the dense flat view is refused rather than built: at
# 8 bytes each it would take 4 GB.
MAX_FLAT_NUMBERS = 500_000_000


class FeatureBlock(FlatView):
    r"""The tokens of one modality for n samples, without padding.

    Sample i owns ``values[offsets[i]:offsets[i + 1]]``; no tokens means missing.

    Parameters
    ----------
    values : ndarray of shape (total_tokens, \*token_shape), or CSR matrix
        All tokens, one sample after the other. May be a ``numpy.memmap``. A CSR
        matrix only for the kind ``"vector"``.
    offsets : ndarray of shape (n_samples + 1,), int64
        Where each sample begins and ends.
    kind : {"image", "tokens", "sequence", "set", "vector"}
        What a token is: an image ``(channels, height, width)``; an integer id
        ``()``; an ordered or an unordered vector ``(d,)``; or the single vector
        ``(d,)`` of its sample.
    vocabulary_size : int, default=None
        Number of distinct ids; needed for the kind ``"tokens"``.

    Raises
    ------
    ValueError
        If values, offsets and kind contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import FeatureBlock
    >>> block = FeatureBlock.from_samples(
    ...     [np.ones((3, 2)), None, np.zeros((1, 2))], kind="sequence"
    ... )
    >>> block
    FeatureBlock(3 samples, kind='sequence', token_shape=(2,), 4 tokens, 1 missing)
    >>> block[[2, 0]].lengths
    array([1, 3])
    >>> np.asarray(block).shape
    (3, 6)
    """

    def __init__(self, values, offsets, kind, *, vocabulary_size=None):
        self.values = values
        self.offsets = np.asarray(offsets, dtype=np.int64)
        self.kind = kind
        self.vocabulary_size = vocabulary_size
        self._check()

    @property
    def _form(self):
        """Values of which nothing but dtype and shape is used: they may be on disk."""
        return self.values

    def _take(self, tokens):
        """Get the values of some tokens by their numbers."""
        return self.values[tokens]

    def _check(self):
        dtype = getattr(self._form, "dtype", None)
        if getattr(dtype, "kind", "O") not in "fiub":
            found = type(self._form).__name__ if dtype is None else f"dtype {dtype}"
            raise TypeError(
                f"values: found {found}, expected numbers. Of dates make numbers "
                "first, such as by DateTransformer"
            )
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, found {self.kind!r}")
        total, offsets = self._form.shape[0], self.offsets
        if offsets.ndim != 1 or not len(offsets) or offsets[0] or offsets[-1] != total:
            raise ValueError(
                f"offsets must be 1-D, begin with 0 and end with the {total} tokens "
                f"of values, found shape {offsets.shape}"
            )
        if np.any(np.diff(offsets) < 0):
            raise ValueError("offsets must not decrease")
        n_axes = {"image": 3, "tokens": 0}.get(self.kind, 1)
        if len(self.token_shape) != n_axes:
            raise ValueError(
                f"a token of kind {self.kind!r} has {n_axes} axes, found values of "
                f"shape {self._form.shape}"
            )
        if self.kind == "tokens" and not self.vocabulary_size:
            raise ValueError("kind 'tokens' needs a vocabulary_size of at least 1")
        if self.kind == "vector" and np.any(np.diff(offsets) > 1):
            raise ValueError("kind 'vector' has at most one token a sample")
        if sparse.issparse(self._form) and self.kind != "vector":
            raise ValueError(f"kind {self.kind!r} cannot be sparse")
        if self.kind == "tokens" and not isinstance(self._form, np.memmap):
            self.check_ids()

    def check_ids(self):
        """Refuse token ids that the vocabulary does not have.

        The constructor does so, except where values are on disk and not yet read.

        Raises
        ------
        ValueError
            If an id is negative, or not below ``vocabulary_size``.
        """
        if self.kind != "tokens":
            return
        values = self.values
        if not len(values):
            return
        if values.dtype.kind not in "iu":
            raise ValueError(f"token ids must be integers, found {values.dtype}")
        wrong = values.min()
        if wrong >= 0:
            wrong = values.max()
            if wrong < self.vocabulary_size:
                return
        place = int(np.flatnonzero(values == wrong)[0])
        row = int(np.searchsorted(self.offsets, place, side="right")) - 1
        raise ValueError(
            f"token ids must be from 0 to {self.vocabulary_size - 1} "
            f"(vocabulary_size={self.vocabulary_size}), found {wrong} in row {row}"
        )

    @classmethod
    def _of_rows(cls, block, values, offsets):
        """Make a block of rows of a block, which needs no check."""
        part = object.__new__(cls)
        part.values, part.offsets = values, offsets
        part.kind, part.vocabulary_size = block.kind, block.vocabulary_size
        return part

    @classmethod
    def from_samples(
        cls, samples, kind, *, token_shape=None, dtype=None, vocabulary_size=None
    ):
        """Join one array of tokens per sample.

        Parameters
        ----------
        samples : list of ndarray of shape (n_tokens, *token_shape), or None
            ``None`` and an empty array mean missing.
        kind : str
            As in the constructor.
        token_shape : tuple of int, default=None
            Needed where every sample may be missing.
        dtype : dtype, default=None
            Of the values; None takes the samples' own.
        vocabulary_size : int, default=None
            As in the constructor.

        Returns
        -------
        FeatureBlock
        """
        present = [sample for sample in samples if sample is not None and len(sample)]
        if present:
            values = np.concatenate(present)
            values = values if dtype is None else values.astype(dtype, copy=False)
        else:
            values = np.empty((0, *(token_shape or ())), dtype=dtype or np.float32)
        lengths = [0 if sample is None else len(sample) for sample in samples]
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        return cls(values, offsets, kind, vocabulary_size=vocabulary_size)

    @classmethod
    def from_vectors(cls, X):
        """Take each row of a 2-D array as one vector; a row of only NaN as missing.

        Parameters
        ----------
        X : {ndarray, sparse matrix, table} of shape (n_samples, n_features)
            The rows. Dates are seconds since 1970 in UTC, durations are seconds. A
            sparse matrix is brought to its canonical form: indices sorted, each once,
            and no zeros stored.

        Returns
        -------
        FeatureBlock of kind "vector"
        """
        if sparse.issparse(X):
            X = _canonical(X)
            return cls(X, np.arange(X.shape[0] + 1), "vector")
        X = without_times(fill_masked(X))
        if hasattr(X, "columns") and hasattr(X, "dtypes"):
            X = check_array(X, ensure_all_finite=False, dtype="numeric")
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"expected a 2-D array of rows, found shape {X.shape}")
        if X.dtype.kind not in "fiub":
            X = X.astype(np.float64)
        present = np.ones(len(X), dtype=bool)
        if X.dtype.kind == "f" and X.shape[1]:
            present = ~np.isnan(X).all(axis=1)
        offsets = np.concatenate([[0], np.cumsum(present, dtype=np.int64)])
        return cls(X if present.all() else X[present], offsets, "vector")

    def emptied(self):
        """Keep the samples and the form of a token, but no token: all is missing.

        Returns
        -------
        FeatureBlock of n_samples
        """
        return FeatureBlock(
            self.values[:0],
            np.zeros_like(self.offsets),
            self.kind,
            vocabulary_size=self.vocabulary_size,
        )

    @property
    def token_shape(self):
        """Shape of one token."""
        return tuple(self._form.shape[1:])

    @property
    def lengths(self):
        """Tokens per sample: ndarray of shape (n_samples,), int64."""
        return np.diff(self.offsets)

    @property
    def missing(self):
        """Which samples have no token: ndarray of shape (n_samples,), bool."""
        return self.lengths == 0

    @property
    def n_flat_features(self):
        """Columns of the flat view."""
        if self.kind == "tokens":
            return self.vocabulary_size
        per_token = int(np.prod(self.token_shape))
        return 3 * per_token if self.kind in ("sequence", "set") else per_token

    @property
    def shape(self):
        """``(n_samples, n_flat_features)``."""
        return (len(self), self.n_flat_features)

    @property
    def ndim(self):
        """Always 2: the axes of the flat view."""
        return 2

    @property
    def size(self):
        """Numbers in the flat view."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self):
        """Bytes held."""
        values = self._form
        if sparse.issparse(values):
            held = values.data.nbytes + values.indices.nbytes + values.indptr.nbytes
        else:
            held = values.nbytes
        return held + self.offsets.nbytes

    def __len__(self):
        return len(self.offsets) - 1

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        rows = resolve_rows(key, len(self))
        if isinstance(rows, slice):
            offsets = self.offsets[rows.start : rows.stop + 1]
            values = self.values[offsets[0] : offsets[-1]]
            offsets = offsets - offsets[0]
        else:
            # Not from self.lengths, which are those of all samples.
            starts = self.offsets[rows]
            lengths = self.offsets[rows + 1] - starts
            offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
            starts = np.repeat(starts - offsets[:-1], lengths)
            values = self._take(starts + np.arange(offsets[-1]))
        return FeatureBlock._of_rows(self, values, offsets)

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("the flat view of a FeatureBlock is always a copy")
        flat = self.flat()
        remember_flat(flat, {self.kind: self})
        return flat if dtype is None else flat.astype(dtype, copy=False)

    def flat(self):
        """Build the dense flat view, NaN for a missing sample.

        Returns
        -------
        ndarray of shape (n_samples, n_flat_features)

        Raises
        ------
        ValueError
            If it would have no room in memory.
        """
        refuse_large(self.shape)
        if self.kind != "tokens":
            return self._flat(np.nan)
        flat = self.to_sparse().toarray()
        flat[self.missing] = np.nan
        return flat

    def _flat(self, of_missing):
        """Build the dense flat view, with a number for all of a missing sample."""
        tokens = self._present_rows()
        flat = np.full(self.shape, of_missing, dtype=tokens.dtype)
        flat[~self.missing] = tokens
        return flat

    def _present_rows(self):
        """Build the flat view of the samples that are there, a row each."""
        values = self.values
        if self.kind == "vector":
            values = values.toarray() if sparse.issparse(values) else values
            return values if values.dtype.kind == "f" else values.astype(np.float64)
        values = values.reshape(len(values), int(np.prod(self.token_shape)))
        values = values if values.dtype.kind == "f" else values.astype(np.float32)
        lengths = self.lengths[~self.missing]
        starts = self.offsets[:-1][~self.missing]
        if not len(starts):
            return np.empty((0, self.n_flat_features), dtype=values.dtype)
        if self.kind == "image" and len(values) == len(starts):
            return values
        count = lengths[:, None]
        mean = np.add.reduceat(values, starts, axis=0, dtype=np.float64) / count
        if self.kind == "image":
            return mean.astype(values.dtype)
        deviation = np.square(values - np.repeat(mean, lengths, axis=0))
        std = np.sqrt(np.add.reduceat(deviation, starts, axis=0) / count)
        largest = np.maximum.reduceat(values, starts, axis=0)
        return np.hstack([mean, std, largest]).astype(values.dtype)

    def to_sparse(self):
        """Flat view as a CSR matrix, zeros for what is missing.

        Returns
        -------
        scipy.sparse.csr_matrix of shape (n_samples, n_flat_features)
            For tokens: how often each id occurs in the sample.
        """
        if self.kind == "tokens":
            self.check_ids()
            rows = np.repeat(np.arange(len(self)), self.lengths)
            ones = np.ones(len(self.values), dtype=np.float32)
            counts = sparse.coo_matrix((ones, (rows, self.values)), shape=self.shape)
            return counts.tocsr()
        if sparse.issparse(self.values):
            values = self.values.tocsr()
            starts = values.indptr[self.offsets]  # a missing row has none
            parts = (_nan_to_zero(values.data), values.indices.copy(), starts)
            return sparse.csr_matrix(parts, shape=self.shape)
        return sparse.csr_matrix(_nan_to_zero(self._flat(0)))

    def __repr__(self):
        return (
            f"FeatureBlock({len(self)} samples, kind={self.kind!r}, token_shape="
            f"{self.token_shape}, {self._form.shape[0]} tokens, "
            f"{int(self.missing.sum())} missing)"
        )


def _canonical(X):
    """Copy a sparse matrix to CSR of one form, if it has another."""
    found = X.tocsr()
    if not found.has_canonical_format or not np.all(found.data):
        found = found.copy() if found is X else found
        found.sum_duplicates()
        found.eliminate_zeros()
    return found


def _nan_to_zero(values):
    return np.where(np.isnan(values), values.dtype.type(0), values)


def refuse_large(shape):
    """Raise ValueError where a dense flat view would have no room."""
    if shape[0] * shape[1] > MAX_FLAT_NUMBERS:
        raise ValueError(
            f"the dense flat view would be {shape[0]} x {shape[1]} numbers, above the "
            f"limit of {MAX_FLAT_NUMBERS}. Use .to_sparse(), or "
            "MultimodalFeatureUnion(sparse_threshold=0.3) before an estimator of "
            "scikit-learn, or lower vocabulary_size or the image size."
        )
