"""Blocks of features whose values stay on disk."""

from pathlib import Path

import numpy as np

from sklearn_mm._indexing import resolve_rows
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.store.arrays import StoredArray, StoredRows
from sklearn_mm.store.index import part_of, read_index


class StoredBlock(FeatureBlock):
    """A block whose values stay on disk.

    The file is mapped anew each time that ``values`` is read. So what has been read
    does not stay in memory, a pickle holds no values but where they are, and a slice of
    rows stays on disk, too. Other choices of rows are read into memory.

    Parameters
    ----------
    source : StoredArray or StoredRows
        Where the values are.
    offsets, kind, vocabulary_size
        As in :class:`FeatureBlock`.
    """

    def __init__(self, source, offsets, kind, *, vocabulary_size=None):
        self._source = source
        self.offsets = offsets
        self.kind = kind
        self.vocabulary_size = vocabulary_size
        self._check()

    @property
    def values(self):
        """Tokens of all samples: ``numpy.memmap``, or a CSR matrix of them."""
        return self._source.open()

    def __getitem__(self, key):
        rows = resolve_rows(key, len(self))
        if not isinstance(rows, slice):
            return super().__getitem__(rows)
        offsets = self.offsets[rows.start : rows.stop + 1]
        return StoredBlock(
            self._source.cut(offsets[0], offsets[-1]),
            offsets - offsets[0],
            self.kind,
            vocabulary_size=self.vocabulary_size,
        )


def load_blocks(folder):
    """Open the blocks in a folder: a list of (name, StoredBlock)."""
    folder = Path(folder).expanduser().absolute()
    index = read_index(folder)
    blocks = []
    for number, entry in enumerate(index["blocks"]):
        stem = folder / f"{index['files']}-{number}"
        offsets = np.array(StoredArray.find(part_of(stem, "offsets")).open())
        if entry["n_columns"] is None:
            source = StoredArray.find(part_of(stem, "values"))
        else:
            indices = StoredArray.find(part_of(stem, "indices"))
            indptr = StoredArray.find(part_of(stem, "indptr")).open()
            source = StoredRows(
                StoredArray.find(part_of(stem, "data")),
                indices,
                indptr.astype(indices.dtype),
                entry["n_columns"],
            )
        size = entry["vocabulary_size"]
        try:
            block = StoredBlock(source, offsets, entry["kind"], vocabulary_size=size)
        except ValueError as error:
            raise ValueError(
                f"modality {entry['name']!r} in {folder} is damaged: {error}"
            ) from error
        blocks.append((entry["name"], block))
    return blocks
