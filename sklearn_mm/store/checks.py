"""Checksums of what is written, and checks of what is read, piece by piece."""

import os
import zlib
from dataclasses import dataclass, field

import numpy as np

# Bytes of a piece: what is read, and compared with a checksum, for a single row.
PIECE_BYTES = 2**20

# Of files that were checked by this process, by what they are: which pieces were.
_checked = {}
# Files to know; then all are forgotten, which costs to check them again.
_MOST_FILES = 1000


class Checksums:
    """CRC-32 of each piece of bytes that are written one after the other."""

    def __init__(self):
        self.whole = []
        self.last, self.n_bytes = 0, 0  # of the piece that is not yet full

    def update(self, content):
        """Go on with bytes.

        Parameters
        ----------
        content : bytes-like
            What is written.
        """
        content = memoryview(content).cast("B")
        while len(content):
            part = content[: PIECE_BYTES - self.n_bytes]
            content = content[len(part) :]
            self.last = zlib.crc32(part, self.last)
            self.n_bytes += len(part)
            if self.n_bytes == PIECE_BYTES:
                self.whole.append(self.last)
                self.last, self.n_bytes = 0, 0

    def get(self):
        """Get what was computed: list of int."""
        return self.whole + [self.last] * bool(self.n_bytes)


@dataclass(frozen=True)
class FileChecks:
    """What the numbers in a file are checked for when they are read.

    Parameters
    ----------
    begin, end : int
        Where in the file they are, in bytes.
    sums : ndarray of uint32, default=None
        The CRC-32 of each piece of them. None: not known.
    dtype : numpy.dtype, default=None
        Of the numbers; needed with ``limit``.
    limit : int, default=None
        What they must be at least 0 and less than. They would be used as places in
        memory by code that does not look.
    """

    begin: int
    end: int
    sums: np.ndarray | None = field(default=None, repr=False)
    dtype: np.dtype | None = None
    limit: int | None = None

    @staticmethod
    def count(n_bytes):
        """Count the pieces of so many bytes."""
        return -(-n_bytes // PIECE_BYTES)

    def check(self, path, starts, stops):
        """Check the pieces that hold some bytes, unless this process has done so.

        Parameters
        ----------
        path : Path
            The file.
        starts, stops : int, or ndarray of int of shape (n,)
            Of each stretch of bytes, as places in the file.

        Raises
        ------
        ValueError
            If they are not what was written.
        """
        if self.sums is None and self.limit is None:
            return
        done = self._done(path)
        if done.all():
            return
        pieces = np.flatnonzero(self._touched(starts, stops, len(done)) & ~done)
        if not len(pieces):
            return
        with open(path, "rb") as file:
            for piece in pieces.tolist():
                start = self.begin + piece * PIECE_BYTES
                file.seek(start)
                content = file.read(min(PIECE_BYTES, self.end - start))
                self._check_piece(path, piece, start, content)
                done[piece] = True

    def _done(self, path):
        """Get which pieces were checked: ndarray of bool, to be changed."""
        stat = os.stat(path)
        what = stat.st_ino, stat.st_size, stat.st_mtime_ns
        key = (str(path), *what, self.begin, self.sums is None, self.limit)
        if key not in _checked:
            if len(_checked) >= _MOST_FILES:
                _checked.clear()
            n_pieces = self.count(self.end - self.begin)
            return _checked.setdefault(key, np.zeros(n_pieces, dtype=bool))
        return _checked[key]

    def _touched(self, starts, stops, n_pieces):
        """Tell of each piece whether one of the stretches reaches into it."""
        starts, stops = np.atleast_1d(starts), np.atleast_1d(stops)
        some = stops > starts
        first = (starts[some] - self.begin) // PIECE_BYTES
        last = (stops[some] - 1 - self.begin) // PIECE_BYTES
        steps = np.zeros(n_pieces + 1, dtype=np.int64)
        np.add.at(steps, first, 1)
        np.add.at(steps, last + 1, -1)
        return np.cumsum(steps[:-1]) > 0

    def _check_piece(self, path, piece, start, content):
        where = f"{path} is damaged: bytes {start} to {start + len(content)}"
        if self.sums is not None:
            found, expected = zlib.crc32(content), int(self.sums[piece])
            if found != expected:
                raise ValueError(
                    f"{where} have the checksum {found:08x}, those written had "
                    f"{expected:08x}. Write the features anew."
                )
        if self.limit is not None:
            numbers = np.frombuffer(content, self.dtype)
            low, high = numbers.min(), numbers.max()
            if low < 0 or high >= self.limit:
                found = low if low < 0 else high
                raise ValueError(
                    f"{where} hold the index {found}, expected 0 to {self.limit - 1}. "
                    "Write the features anew."
                )
