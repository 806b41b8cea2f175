"""Arrays in files, mapped into memory when they are used."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import sparse


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


def _gone(path):
    return (
        f"{path} is not there: the features were removed, or written anew since they "
        "were loaded. Load them again."
    )
