"""Blocks of features whose values stay on disk."""

import warnings
from pathlib import Path

import numpy as np

from sklearn_mm._indexing import resolve_rows
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.store.arrays import StoredArray, StoredRows
from sklearn_mm.store.index import OLDEST, part_of, parts_of, read_index


class StoredBlock(FeatureBlock):
    """A block whose values stay on disk.

    The file is mapped anew each time that ``values`` is read. So what has been read
    does not stay in memory, a pickle holds no values but where they are, and a slice of
    rows stays on disk, too. Other choices of rows are read into memory. What is read
    for the first time in a process is compared with its checksums before.

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

    @property
    def _form(self):
        return self._source.map()

    def _take(self, tokens):
        return self._source.take(tokens)

    def check_ids(self):
        """Do nothing: token ids are checked as they are read."""

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


def load_blocks(folder, *, verify=True):
    """Open the blocks in a folder.

    Parameters
    ----------
    folder : str or Path
        Where they are.
    verify : bool, default=True
        Whether what is read is compared with its checksums.

    Returns
    -------
    list of (str, StoredBlock)
        By the name of the modality.
    """
    folder = Path(folder).expanduser().absolute()
    index = read_index(folder)
    if verify and index["format"] == OLDEST:
        warnings.warn(
            f"the features in {folder} were written without checksums, so damaged "
            "numbers are not noticed. Save them anew, or pass verify=False.",
            UserWarning,
            stacklevel=3,
        )
    blocks = []
    for number, entry in enumerate(index["blocks"]):
        stem = folder / f"{index['files']}-{number}"
        try:
            block = _load_block(stem, entry, verify)
        except ValueError as error:
            raise ValueError(
                f"modality {entry['name']!r:.200} in {folder} is damaged: {error}"
            ) from error
        blocks.append((entry["name"], block))
    return blocks


def _load_block(stem, entry, verify):
    """Open one modality."""
    sums = entry.get("checksums", {}) if verify else {}
    kind, size, n_columns = entry["kind"], entry["vocabulary_size"], entry["n_columns"]
    limits = {"indices": n_columns, "values": size if kind == "tokens" else None}
    arrays = {}
    for part in parts_of(entry):
        path, limit = part_of(stem, part), limits.get(part)
        arrays[part] = StoredArray.find(path, sums.get(part), limit=limit)
    kinds = {"offsets": "i", "indptr": "i", "indices": "i", "data": "biufc"}
    if kind == "tokens":
        kinds["values"] = "iu"
    for part, array in arrays.items():
        fits = array.dtype.kind in kinds.get(part, array.dtype.kind)
        if not fits or (part != "values" and len(array.shape) != 1):
            raise ValueError(
                f"{array.path} is damaged: found {array.dtype} of shape {array.shape}"
            )
    offsets = np.array(arrays["offsets"].open(), dtype=np.int64)
    source = arrays["values"] if n_columns is None else _rows_of(arrays, n_columns)
    return StoredBlock(source, offsets, kind, vocabulary_size=size)


def _rows_of(arrays, n_columns):
    """Join the arrays of a sparse matrix, which must fit: C++ does not look."""
    data, indices = arrays["data"], arrays["indices"]
    if indices.dtype not in (np.int32, np.int64) or not indices.dtype.isnative:
        raise ValueError(
            f"{indices.path} is damaged: found {indices.dtype}, expected int32 or int64"
        )
    indptr = np.array(arrays["indptr"].open(), dtype=np.int64)
    n, largest = indices.shape[0], np.iinfo(indices.dtype).max
    ends = (0, data.shape[0])
    if (
        not len(indptr)
        or (indptr[0], indptr[-1]) != ends
        or np.any(np.diff(indptr) < 0)
        or n != data.shape[0]
        or max(n, n_columns) > largest
    ):
        raise ValueError(
            f"{arrays['indptr'].path} is damaged: its rows, of {n_columns} columns, do "
            f"not divide {data.shape[0]} numbers and {n} indices"
        )
    return StoredRows(data, indices, indptr.astype(indices.dtype), n_columns)
