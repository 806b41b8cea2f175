"""Writing features into a folder, chunk by chunk."""

import os
import re
import zlib
from pathlib import Path
from uuid import uuid4

import numpy as np
from scipy import sparse

from sklearn_mm.store.arrays import StoredArray
from sklearn_mm.store.checks import Checksums
from sklearn_mm.store.index import INDEX, part_of, to_text

# The other files: which writing, which modality, which array of it.
_OURS = re.compile(
    r"[0-9a-f]{32}(-\d+-(values|data|indices|indptr|offsets)\.(npy|wide)|\.json)"
)

# SciPy's row ends and column numbers are both int32 up to this many, else both int64.
_MAX_INT32 = np.iinfo(np.int32).max

# Bytes that are copied at once where an array gets a wider dtype.
_COPY_BYTES = 2**24


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
        unseen = folder / f"{name}.json"
        unseen.write_text(to_text(name, blocks), encoding="utf-8")
        os.replace(unseen, folder / INDEX)
    except BaseException as error:
        # Unless the index is in its place already, and names them.
        if not _is_named(folder / INDEX, name):
            for path in folder.glob(f"{name}*"):
                path.unlink()
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(folder)  # such as that of a full disk
        raise
    # What was overwritten, and what writers that were killed have left.
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and not path.name.startswith(name):
            path.unlink()


def _is_named(index, name):
    """Tell whether an index, which may be anything, names the files of a writing."""
    try:
        return name.encode() in index.read_bytes()
    except OSError:
        return False


class _BlockWriter:
    """Writes one modality, chunk by chunk."""

    def __init__(self, name, stem, first):
        self.name = name
        self.kind = first.kind
        self.vocabulary_size = first.vocabulary_size
        self.is_sparse = sparse.issparse(first.values)
        parts = ("data", "indices", "indptr") if self.is_sparse else ("values",)
        self.arrays = {
            part: _ArrayWriter(part_of(stem, part)) for part in (*parts, "offsets")
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
        sums = {part: array.finish() for part, array in self.arrays.items()}
        size = self.vocabulary_size
        return {
            "name": self.name,
            "kind": self.kind,
            "vocabulary_size": None if size is None else int(size),
            "n_columns": int(self.token_shape[0]) if self.is_sparse else None,
            "checksums": {
                part: np.array(s, ">u4").tobytes().hex() for part, s in sums.items()
            },
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
        self.sums = Checksums()

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
        content = np.ascontiguousarray(array, self.dtype).reshape(-1).view(np.uint8)
        with open(self.path, "ab") as file:
            file.write(content)
        self.sums.update(content)
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
        self.dtype, self.sums = dtype, new.sums

    def finish(self):
        """Complete what begins the file; list its checksum and those of the pieces."""
        with open(self.path, "r+b") as file:
            self._write_header(file)
            end = file.tell()
            file.seek(0)
            return [zlib.crc32(file.read(end)), *self.sums.get()]

    def _write_header(self, file):
        # NumPy leaves room in it for the first axis to grow.
        header = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": (self.length, *self.shape),
        }
        np.lib.format.write_array_header_1_0(file, header)


def _check_names(features, writers):
    expected = [writer.name for writer in writers]
    if features.names != expected:
        raise ValueError(
            f"a chunk has the modalities {features.names}, those before {expected}"
        )
