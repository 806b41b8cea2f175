"""Features on disk: a folder of NumPy files that is written and read in chunks."""

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import numpy as np
from scipy import sparse

from sklearn_mm._indexing import resolve_rows
from sklearn_mm.blocks import FeatureBlock

# Raise it when the files change.
FORMAT = 1

# Written last, so that a folder without it holds no features.
INDEX = "features.json"

# The other files: which writing, which modality, which array of it.
_OURS = re.compile(
    r"[0-9a-f]{32}(-\d+-(values|data|indices|indptr|offsets)\.(npy|wide)|\.json)"
)

# SciPy's row ends and column numbers are both int32 up to this many, else both int64.
_MAX_INT32 = np.iinfo(np.int32).max

# Bytes that are copied at once where an array gets a wider dtype.
_COPY_BYTES = 2**24


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


@dataclass(frozen=True)
class StoredArray:
    """A part of an array in a file."""

    path: Path
    dtype: np.dtype
    shape: tuple
    start: int  # in bytes

    @classmethod
    def find(cls, path):
        """Read where and what the array of a ``.npy`` file is."""
        try:
            with open(path, "rb") as file:
                np.lib.format.read_magic(file)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                start, size = file.tell(), os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            raise FileNotFoundError(_gone(path)) from None
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        expected = start + dtype.itemsize * int(np.prod(shape))
        if dtype.hasobject or size != expected:
            raise ValueError(
                f"{path} is damaged: found {size} bytes, expected {expected} for "
                f"{dtype} of shape {shape}"
            )
        return cls(path, dtype, shape, start)

    def open(self):
        """Map it into memory, read-only."""
        if 0 in self.shape:  # nothing cannot be mapped
            return np.empty(self.shape, self.dtype)
        try:
            return np.memmap(self.path, self.dtype, "r", self.start, self.shape)
        except FileNotFoundError:
            raise FileNotFoundError(_gone(self.path)) from None

    def cut(self, start, stop):
        """Keep some entries of the first axis: another StoredArray."""
        per_entry = self.dtype.itemsize * int(np.prod(self.shape[1:]))
        return replace(
            self,
            shape=(int(stop - start), *self.shape[1:]),
            start=self.start + int(start) * per_entry,
        )


@dataclass(frozen=True)
class StoredRows:
    """Rows of a CSR matrix in files; ``indptr`` is in memory."""

    data: StoredArray
    indices: StoredArray
    indptr: np.ndarray
    n_columns: int

    def open(self):
        """Map them into memory, read-only."""
        matrix = sparse.csr_matrix((len(self.indptr) - 1, self.n_columns))
        # One by one: the constructor would copy parts of larger arrays.
        matrix.data, matrix.indices = self.data.open(), self.indices.open()
        matrix.indptr = self.indptr
        return matrix

    def cut(self, start, stop):
        """Keep some rows: other StoredRows."""
        indptr = self.indptr[start : stop + 1]
        ends = indptr[0], indptr[-1]
        return replace(
            self,
            data=self.data.cut(*ends),
            indices=self.indices.cut(*ends),
            indptr=indptr - indptr[0],
        )


def load_blocks(folder):
    """Open the blocks in a folder: a list of (name, StoredBlock)."""
    folder = Path(folder).expanduser().absolute()
    index = _read_index(folder)
    blocks = []
    for number, entry in enumerate(index["blocks"]):
        stem = folder / f"{index['files']}-{number}"
        offsets = np.array(StoredArray.find(_part(stem, "offsets")).open())
        if entry["n_columns"] is None:
            source = StoredArray.find(_part(stem, "values"))
        else:
            indices = StoredArray.find(_part(stem, "indices"))
            indptr = StoredArray.find(_part(stem, "indptr")).open()
            source = StoredRows(
                StoredArray.find(_part(stem, "data")),
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


def write_features(folder, chunks, *, overwrite=False):
    """Write features of some rows after those of others.

    Parameters
    ----------
    folder : str or Path
        Where to; made if it is not there.
    chunks : iterable of MultimodalFeatures
        At least one, all of the same modalities. Only one is held at a time.
    overwrite : bool, default=False
        Whether features that are there already make room.

    Raises
    ------
    FileExistsError
        If there are some and ``overwrite`` is False.
    ValueError
        If the chunks do not fit together.
    """
    folder = Path(folder).expanduser()
    if (folder / INDEX).exists() and not overwrite:
        raise FileExistsError(
            f"{folder} holds features already. Set overwrite=True to replace them, or "
            "take another folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    name, writers = uuid4().hex, None
    try:
        for features in chunks:
            if writers is None:
                writers = [
                    _BlockWriter(modality, folder / f"{name}-{number}", block)
                    for number, (modality, block) in enumerate(features.blocks.items())
                ]
            _check_names(features, writers)
            for writer in writers:
                writer.append(features[writer.name])
        blocks = [writer.finish() for writer in writers]
        index = {"format": FORMAT, "files": name, "blocks": blocks}
        unseen = folder / f"{name}.json"
        unseen.write_text(json.dumps(index, indent=1), encoding="utf-8")
        os.replace(unseen, folder / INDEX)
    except BaseException:
        # Unless the index is in its place already, and names them.
        if not (folder / INDEX).exists() or name not in (folder / INDEX).read_text():
            for path in folder.glob(f"{name}*"):
                path.unlink()
        raise
    # What was overwritten, and what writers that were killed have left.
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and not path.name.startswith(name):
            path.unlink()


class _BlockWriter:
    """Writes one modality, chunk by chunk."""

    def __init__(self, name, stem, first):
        self.name = name
        self.kind = first.kind
        self.vocabulary_size = first.vocabulary_size
        self.is_sparse = sparse.issparse(first.values)
        parts = ("data", "indices", "indptr") if self.is_sparse else ("values",)
        self.arrays = {
            part: _ArrayWriter(_part(stem, part)) for part in (*parts, "offsets")
        }

    def append(self, block):
        self._check(block)
        arrays, values = self.arrays, block.values
        if self.is_sparse:
            # The rows of a matrix may begin and end within its arrays.
            start, stop = values.indptr[0], values.indptr[-1]
            arrays["data"].append(values.data[start:stop])
            arrays["indices"].append(values.indices[start:stop])
            arrays["indptr"].append_ends(values.indptr)
        else:
            arrays["values"].append(values)
        arrays["offsets"].append_ends(block.offsets)

    def finish(self):
        """Complete the files, and describe the block for the index."""
        if self.is_sparse and self.arrays["indptr"].end > _MAX_INT32:
            self.arrays["indices"].widen(np.dtype(np.int64))
        for array in self.arrays.values():
            array.finish()
        size = self.vocabulary_size
        return {
            "name": self.name,
            "kind": self.kind,
            "vocabulary_size": None if size is None else int(size),
            "n_columns": self.token_shape[0] if self.is_sparse else None,
        }

    def _check(self, block):
        """Refuse a chunk that cannot be joined to those before."""
        offsets = self.arrays["offsets"]
        if not offsets.end:
            self.token_shape = block.token_shape
        facts = {
            "kind": (block.kind, self.kind),
            "vocabulary_size": (block.vocabulary_size, self.vocabulary_size),
            "sparse values": (sparse.issparse(block.values), self.is_sparse),
        }
        if block.offsets[-1]:  # where all is missing, a transformer may not know it
            facts["token_shape"] = (block.token_shape, self.token_shape)
        for what, (found, expected) in facts.items():
            if found != expected:
                raise ValueError(
                    f"modality {self.name!r}: the rows from {offsets.length - 1} on "
                    f"have {what} {found!r}, those before have {expected!r}"
                )


class _ArrayWriter:
    """Appends to a ``.npy`` file; what begins it is completed at the end."""

    def __init__(self, path):
        self.path = path
        self.dtype = None
        self.shape = None  # of an entry
        self.length = 0  # entries
        self.end = 0  # the last number, of offsets

    def append(self, array):
        if array.dtype.hasobject:
            raise TypeError(
                f"found values of dtype {array.dtype}, expected numbers: objects are "
                "not written"
            )
        if not self.length and (self.dtype is None or len(array)):
            self.dtype, self.shape = array.dtype, array.shape[1:]
            with open(self.path, "wb") as file:
                self._write_header(file)
        wide = np.result_type(self.dtype, array.dtype)
        if len(array) and wide != self.dtype:
            self.widen(wide)
        with open(self.path, "ab") as file:
            file.write(np.ascontiguousarray(array, self.dtype))
        self.length += len(array)

    def append_ends(self, offsets):
        """Append offsets that go on from the last one."""
        if not self.length:
            self.append(np.zeros(1, np.int64))
        ends = offsets[1:].astype(np.int64) - offsets[0] + self.end
        self.append(ends)
        self.end = int(ends[-1]) if len(ends) else self.end

    def widen(self, dtype):
        """Write what is there anew, in a wider dtype."""
        if dtype == self.dtype:
            return
        self.finish()
        narrow = StoredArray.find(self.path)
        new = _ArrayWriter(self.path.with_suffix(".wide"))
        new.append(np.empty((0, *self.shape), dtype))
        step = max(1, _COPY_BYTES // max(1, dtype.itemsize * int(np.prod(self.shape))))
        for start in range(0, self.length, step):
            part = narrow.cut(start, min(start + step, self.length)).open()
            new.append(part.astype(dtype))
        os.replace(new.path, self.path)
        self.dtype = dtype

    def finish(self):
        with open(self.path, "r+b") as file:
            self._write_header(file)

    def _write_header(self, file):
        # NumPy leaves room in it for the first axis to grow.
        header = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": (self.length, *self.shape),
        }
        np.lib.format.write_array_header_1_0(file, header)


def _read_index(folder):
    """Read what the folder holds."""
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        found = (names[:5] or "nothing") if folder.is_dir() else "no such folder"
        raise FileNotFoundError(
            f"{folder} holds no features: expected {INDEX}, found {found}. It is "
            "written last: without it the writer was interrupted, or has not ended."
        ) from None
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    found = index.get("format") if isinstance(index, dict) else None
    if found != FORMAT:
        raise ValueError(
            f"{path}: found the format {found!r}, but this version of sklearn_mm "
            f"reads {FORMAT}. Write the features anew."
        )
    return index


def _check_names(features, writers):
    expected = [writer.name for writer in writers]
    if features.names != expected:
        raise ValueError(
            f"a chunk has the modalities {features.names}, those before {expected}"
        )


def _part(stem, part):
    return stem.with_name(f"{stem.name}-{part}.npy")


def _gone(path):
    return (
        f"{path} is not there: the features were removed, or written anew since they "
        "were loaded. Load them again."
    )
