"""What features are at the boundary between extraction and learning.

:class:`MultimodalFeatures` holds named blocks of tokens that share their samples. Like
the blocks it is an array-like for scikit-learn, with a flat 2-D view.
"""

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from sklearn_mm._flattened import remember_flat
from sklearn_mm._indexing import resolve_rows, row_slices
from sklearn_mm._numpy import FlatView
from sklearn_mm.blocks import FeatureBlock, refuse_large
from sklearn_mm.store import load_blocks, write_features


class MultimodalFeatures(FlatView):
    """Named blocks of features that share their samples.

    Parameters
    ----------
    blocks : mapping, or list of (name, block)
        A block is a :class:`FeatureBlock`, or a 2-D array or sparse matrix that is
        taken as a block of vectors.

    Raises
    ------
    ValueError
        If there is no block, a name stands twice, or the blocks have different
        numbers of samples.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_mm import FeatureBlock, MultimodalFeatures
    >>> words = FeatureBlock.from_samples(
    ...     [np.array([1, 2, 2]), None, np.array([3]), np.array([1])],
    ...     kind="tokens", vocabulary_size=4,
    ... )
    >>> X = MultimodalFeatures({"text": words, "table": np.ones((4, 2))})
    >>> X
    MultimodalFeatures(4 samples: text=tokens, table=vector)
    >>> X.shape
    (4, 6)
    >>> X_train, X_test = train_test_split(X, test_size=1, random_state=0)
    >>> X_train["text"].lengths
    array([1, 0, 3])
    """

    def __init__(self, blocks):
        pairs = list(blocks.items() if isinstance(blocks, Mapping) else blocks)
        names = [name for name, _ in pairs]
        if not names:
            raise ValueError("MultimodalFeatures needs at least one block, found none")
        if len(set(names)) < len(names):
            raise ValueError(f"names of modalities must differ, found {names}")
        self.blocks = {
            name: block
            if isinstance(block, FeatureBlock)
            else FeatureBlock.from_vectors(block)
            for name, block in pairs
        }
        lengths = {name: len(block) for name, block in self.blocks.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"every modality needs the same number of samples, found {lengths}"
            )

    @property
    def names(self):
        """Names of the modalities, in order: list of str."""
        return list(self.blocks)

    @property
    def shape(self):
        """``(n_samples, n_flat_features)``."""
        width = sum(block.n_flat_features for block in self.blocks.values())
        return (len(self), width)

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
        return sum(block.nbytes for block in self.blocks.values())

    def __len__(self):
        return len(next(iter(self.blocks.values())))

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        """Block of a modality by its name, or the features of some rows."""
        if isinstance(key, str):
            if key not in self.blocks:
                raise KeyError(f"no modality {key!r}; there are {self.names}")
            return self.blocks[key]
        rows = resolve_rows(key, len(self))
        return MultimodalFeatures(
            [(name, block[rows]) for name, block in self.blocks.items()]
        )

    def select(self, names):
        """Keep some modalities, in the given order.

        Parameters
        ----------
        names : list of str
            Which to keep.

        Returns
        -------
        MultimodalFeatures
        """
        return MultimodalFeatures([(name, self[name]) for name in names])

    def hide(self, names):
        """Make some modalities missing in every row.

        Unlike what ``select`` leaves, the result has all modalities and the same flat
        view, in which the hidden ones are NaN.

        Parameters
        ----------
        names : list of str
            Which to hide.

        Returns
        -------
        MultimodalFeatures
        """
        hidden = {name: self[name].emptied() for name in names}
        return MultimodalFeatures({**self.blocks, **hidden})

    def save(self, folder, *, overwrite=False):
        """Write the features into a folder, as NumPy files without pickles.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there. ``~`` is the home folder. One process at a time
            may write into it.
        overwrite : bool, default=False
            Whether to replace features that are there already. They stay until the
            new ones are complete.

        Raises
        ------
        FileExistsError
            If the folder holds features and ``overwrite`` is False.

        See Also
        --------
        load : Read them.
        MultimodalFeatureUnion.transform_to_disk : Write what has no room in memory.
        """
        chunks = (self[rows] for rows in row_slices(list(self.blocks.values())))
        write_features(folder, chunks, overwrite=overwrite)

    @classmethod
    def load(cls, folder, *, mmap_mode="r", verify=True):
        """Open the features in a folder.

        Parameters
        ----------
        folder : str or Path
            What ``save`` or ``MultimodalFeatureUnion.transform_to_disk`` has written.
        mmap_mode : {"r", None}, default="r"
            "r": values stay on disk and are read when they are used, also those of a
            slice of rows; other choices of rows are read into memory. A pickle then
            holds only where they are. None: all are read into memory.
        verify : bool, default=True
            Whether values are compared with the checksums that were written with them,
            piece by piece, when a process reads them for the first time. That reads
            the whole piece, of a mebibyte, and of a block that is used whole all of it.
            False leaves it out; indices of sparse rows are checked all the same.

        Returns
        -------
        MultimodalFeatures

        Raises
        ------
        FileNotFoundError
            If the folder holds no features, or none that were written to the end.
        ValueError
            If they are damaged, or written by a version with another format. Damaged
            values are noticed when they are read.

        Warns
        -----
        UserWarning
            If they were written by a version that wrote no checksums.
        """
        if mmap_mode not in ("r", None):
            raise ValueError(f"mmap_mode must be 'r' or None, found {mmap_mode!r}")
        features = cls(load_blocks(folder, verify=verify))
        return features if mmap_mode else features[np.arange(len(features))]

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("the flat view of MultimodalFeatures is always a copy")
        refuse_large(self.shape)
        flat = np.hstack([block.flat() for block in self.blocks.values()])
        remember_flat(flat, self.blocks)
        return flat if dtype is None else flat.astype(dtype, copy=False)

    def to_sparse(self):
        """Flat view as a CSR matrix, zeros for a missing sample.

        Returns
        -------
        scipy.sparse.csr_matrix of shape (n_samples, n_flat_features)
        """
        blocks = [block.to_sparse() for block in self.blocks.values()]
        return sparse.hstack(blocks, format="csr")

    def __repr__(self):
        kinds = ", ".join(f"{name}={block.kind}" for name, block in self.blocks.items())
        return f"MultimodalFeatures({len(self)} samples: {kinds})"

    def _repr_html_(self):
        """Show a table of the modalities in a notebook."""
        from sklearn_mm._html import features_table

        return features_table(self)
