"""Arrays in files, mapped into memory when they are used."""

import math
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import sparse

from sklearn_mm.store.checks import FileChecks
from sklearn_mm.store.index import check_place

# What may be in a block: no objects, no records, no raw memory.
KINDS_OF_NUMBERS = "biufcmMSU"


@dataclass(frozen=True)
class StoredArray:
    """A part of an array in a file."""

    path: Path
    dtype: np.dtype
    shape: tuple
    start: int  # in bytes
    checks: FileChecks | None = None

    @classmethod
    def find(cls, path, sums=None, *, limit=None):
        """Read where and what the array of a ``.npy`` file is.

        Parameters
        ----------
        path : Path
            The file.
        sums : ndarray of uint32, default=None
            The checksum of what begins the file, and of each piece of the numbers.
        limit : int, default=None
            What the numbers must be less than.

        Returns
        -------
        StoredArray

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not whole.
        """
        try:
            check_place(path)
            with open(path, "rb") as file:
                version = np.lib.format.read_magic(file)
                header = _read_header(file, version)
                start, size = file.tell(), os.fstat(file.fileno()).st_size
                file.seek(0)
                crc = zlib.crc32(file.read(start))
        except FileNotFoundError:
            raise FileNotFoundError(_gone(path)) from None
        except OSError:
            raise
        except Exception as error:  # of whatever kind, for any bytes may be there
            raise ValueError(f"{path} is damaged: {error}") from error
        shape, in_columns, dtype = header
        n_bytes = dtype.itemsize * math.prod(shape)
        is_plain = dtype.kind in KINDS_OF_NUMBERS and not dtype.hasobject
        if not is_plain or in_columns or not shape or size != start + n_bytes:
            raise ValueError(
                f"{path} is damaged: found {size} bytes, expected {start + n_bytes} "
                f"for {dtype} of shape {shape}{' in columns' if in_columns else ''}"
            )
        if sums is not None:
            cls._check_sums(path, sums, crc, n_bytes)
            sums = sums[1:]
        checks = FileChecks(start, start + n_bytes, sums, dtype, limit)
        return cls(path, dtype, shape, start, checks)

    @staticmethod
    def _check_sums(path, sums, header, n_bytes):
        n_pieces = FileChecks.count(n_bytes)
        if len(sums) != 1 + n_pieces or header != sums[0]:
            raise ValueError(
                f"{path} is damaged: its beginning and its {n_pieces} pieces are not "
                f"what {len(sums)} checksums were written of. Write the features anew."
            )

    @property
    def _per_entry(self):
        return self.dtype.itemsize * math.prod(self.shape[1:])

    def open(self):
        """Check all of it, and map it into memory, read-only: ``numpy.memmap``."""
        self.check(np.array([0]), np.array([self.shape[0]]))
        return self.map()

    def map(self):
        """Map it into memory, read-only, whatever it holds.

        Nothing but its dtype and shape is to be used, or what was checked before.
        """
        if 0 in self.shape or not self.dtype.itemsize:  # nothing cannot be mapped
            return np.empty(self.shape, self.dtype)
        try:
            return np.memmap(self.path, self.dtype, "r", self.start, self.shape)
        except FileNotFoundError:
            raise FileNotFoundError(_gone(self.path)) from None
        except ValueError as error:  # cut short since it was found
            raise ValueError(f"{self.path} is damaged: {error}") from error

    def check(self, starts, stops):
        """Check some entries of the first axis.

        Parameters
        ----------
        starts, stops : ndarray of int of shape (n,)
            Of each stretch of entries.
        """
        if self.checks is None:
            return
        starts, stops = (  # int64, since those of sparse rows may be int32
            self.start + np.asarray(entries, np.int64) * self._per_entry
            for entries in (starts, stops)
        )
        try:
            self.checks.check(self.path, starts, stops)
        except FileNotFoundError:
            raise FileNotFoundError(_gone(self.path)) from None

    def take(self, entries):
        """Read some entries of the first axis: ndarray."""
        self.check(entries, entries + 1)
        return self.map()[entries]

    def cut(self, start, stop):
        """Keep some entries of the first axis: another StoredArray."""
        return replace(
            self,
            shape=(int(stop - start), *self.shape[1:]),
            start=self.start + int(start) * self._per_entry,
        )


@dataclass(frozen=True)
class StoredRows:
    """Rows of a CSR matrix in files; ``indptr`` is in memory."""

    data: StoredArray
    indices: StoredArray
    indptr: np.ndarray
    n_columns: int

    def open(self):
        """Check all of them, and map them into memory, read-only: CSR matrix."""
        return self._join(self.data.open(), self.indices.open())

    def map(self):
        """Map them into memory, whatever they hold; as of StoredArray."""
        return self._join(self.data.map(), self.indices.map())

    def _join(self, data, indices):
        matrix = sparse.csr_matrix((len(self.indptr) - 1, self.n_columns))
        # One by one: the constructor would copy parts of larger arrays.
        matrix.data, matrix.indices, matrix.indptr = data, indices, self.indptr
        return matrix

    def take(self, rows):
        """Read some rows: CSR matrix."""
        for array in (self.data, self.indices):
            array.check(self.indptr[rows], self.indptr[rows + 1])
        return self.map()[rows]

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


def _read_header(file, version):
    """Read (shape, whether in columns, dtype) of a ``.npy`` file."""
    if version != (1, 0):
        raise ValueError(f"found version {version} of the format, expected (1, 0)")
    return np.lib.format.read_array_header_1_0(file)


def _gone(path):
    return (
        f"{path} is not there: the features were removed, or written anew since they "
        "were loaded. Load them again."
    )
