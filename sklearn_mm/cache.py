"""A folder of features, so that each cell is encoded once."""

import sqlite3
import time
import warnings
import zlib
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from itertools import islice
from numbers import Integral
from pathlib import Path
from time import monotonic

# In the name of the file. Raise it when the file changes, or when between two releases
# a transformer computes other numbers: old entries are then not found any more.
FORMAT = 1

# Keys of one query, well below the variables that SQLite allows.
BATCH = 500
# Bytes written in one transaction, but for a single entry that is larger, and the share
# of the cache that they may be.
MAX_WRITE, WRITE_SHARE = 2**24, 1 / 4
# Share of the entries that are evicted at once, so that it is seldom needed.
EVICTED_SHARE = 1 / 10
# What an entry takes beside its value: key, checksum, time, and room in the pages.
OVERHEAD = 100
# Seconds by which the time of the last use may lag, since to note it is to write.
LAG = 60
# Seconds to wait for another process that writes, and to wait next where that was not
# enough: then it may be stopped, and every transformer would wait for it.
PATIENCE, IMPATIENCE = 5, 0.1
# Seconds in which what was locked is taken to be so still, and nothing is said again.
LOCKED_FOR = 60

# Two tables, since SQLite writes a whole row anew to note its use.
TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS cells (
    id INTEGER PRIMARY KEY, key BLOB UNIQUE, checksum INTEGER, used INTEGER
);
CREATE TABLE IF NOT EXISTS features (id INTEGER PRIMARY KEY, value BLOB);
COMMIT;
"""
INSERT_CELL = """
INSERT INTO cells (key, checksum, used) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET checksum = excluded.checksum, used = excluded.used
"""
INSERT_VALUE = """
INSERT OR REPLACE INTO features SELECT id, ? FROM cells WHERE key = ?
"""

# What is wrong around the file. After any other error the file itself is.
AROUND = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_TOOBIG,
}

# When each file was last found to be locked, in this process.
_locked = {}

_in_use = ContextVar("feature_cache", default=None)


class FeatureCache:
    """A folder in which ``MultimodalFeatureUnion`` keeps the features of cells.

    A cell is known by its content: of a file the path, size, inode and times, of
    bytes and arrays what they hold; together with the transformer, its parameters, and
    the versions of the libraries that compute. So folds, grid points, processes and
    later runs share it, whatever the order or the choice of their rows.

    Several processes may use one folder at once, on one machine: it should be on a
    local disk. It is one SQLite file of raw numbers, without pickles. An entry that is
    damaged is computed anew, with a warning; if the file is, it is begun anew. A disk
    that is full or cannot be written costs a warning and no fit, as does a file that
    another process keeps locked: after five seconds features are computed without it.

    Parameters
    ----------
    folder : str or Path
        Where to keep them; made on first use. ``~`` is the home folder.
    max_bytes : int, default=10_737_418_240
        Size above which the features that were not used for the longest time make
        room, to the minute. The default is 10 GiB.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_mm import FeatureCache, ImageTransformer, MultimodalFeatureUnion
    >>> X = np.array([["photo"]], dtype=object)
    >>> X[0, 0] = np.zeros((20, 30, 3), dtype=np.uint8)
    >>> folder = tempfile.TemporaryDirectory()
    >>> cache = FeatureCache(folder.name, max_bytes=10_000_000)
    >>> union = MultimodalFeatureUnion([("image", ImageTransformer(), 0)], memory=cache)
    >>> features = union.fit_transform(X)
    >>> len(cache)
    1
    >>> cache.clear()
    >>> len(cache)
    0
    >>> folder.cleanup()
    """

    def __init__(self, folder, *, max_bytes=10 * 2**30):
        self.folder = folder
        self.max_bytes = max_bytes

    def clear(self):
        """Forget everything.

        Raises
        ------
        OSError or sqlite3.Error
            If the file cannot be changed.
        """
        if not self._file.exists():
            return
        try:
            with self._connect() as connection:
                connection.execute("DELETE FROM features")
                connection.execute("DELETE FROM cells")
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._remove_file()

    def __len__(self):
        """Count the cells whose features are kept."""
        if not self._file.exists():
            return 0
        with self._connect() as connection:
            return connection.execute("SELECT count(*) FROM cells").fetchone()[0]

    def __bool__(self):
        return True  # an empty cache is one, too

    def __repr__(self):
        return f"FeatureCache({str(self.folder)!r}, max_bytes={self.max_bytes})"

    def load(self, keys):
        """Look up features.

        Parameters
        ----------
        keys : iterable of bytes
            Of the cells.

        Returns
        -------
        dict of bytes to bytes, or None
            The features that are there, by key. None, with a warning, where the cache
            cannot be used.
        """
        found, n_damaged = {}, 0
        try:
            with self._connect() as connection:
                now, stale = int(time.time()), []
                for batch in _batches(keys, BATCH):
                    for id_, key, checksum, used, value in _select(connection, batch):
                        if not _is_sound(key, checksum, used, value):
                            n_damaged += 1
                            continue
                        found[key] = value
                        if used < now - LAG:
                            stale.append((now, id_))
                _note_use(connection, stale)
        except (sqlite3.Error, OSError) as error:
            self._warn(error)
            return {} if _is_damage(error) else None
        if n_damaged:
            warnings.warn(
                f"{n_damaged} entries of {self!r} are damaged and are computed anew",
                UserWarning,
                stacklevel=2,
            )
        return found

    def store(self, features):
        """Keep features; others make room for them.

        Parameters
        ----------
        features : dict of bytes to bytes
            By key.

        Returns
        -------
        bool
            False, with a warning, where the cache cannot be used.
        """
        try:
            with self._connect() as connection:
                for entries in self._writes(features):
                    connection.execute("BEGIN IMMEDIATE")
                    self._make_room(connection, sum(map(_size, entries)))
                    for key, value in entries:
                        _insert(connection, key, value)
                    self._make_room(connection, 0)
                    connection.execute("COMMIT")
                    # Not where it was only read: who writes lets others read.
                    _locked.pop(self._file, None)
        except (sqlite3.Error, OSError) as error:
            self._warn(error)
            return _is_damage(error)
        return True

    @property
    def _file(self):
        return Path(self.folder).expanduser() / f"features-{FORMAT}.sqlite"

    @contextmanager
    def _connect(self):
        """Open the file for one use: no connection crosses a fork or a pickle."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        patience = IMPATIENCE if self._was_locked() else PATIENCE
        with closing(
            sqlite3.connect(self._file, timeout=patience, isolation_level=None)
        ) as connection:
            # Not waiting for the disk, only a crash of the whole machine can damage it.
            connection.execute("PRAGMA synchronous = OFF")
            if not connection.execute("PRAGMA schema_version").fetchone()[0]:
                connection.execute("PRAGMA auto_vacuum = FULL")
                connection.executescript(TABLES)
            yield connection

    def _was_locked(self):
        """Tell whether another process had locked the file a short while ago."""
        return monotonic() - _locked.get(self._file, -LOCKED_FOR) < LOCKED_FOR

    def _writes(self, features):
        """Yield lists of entries that are written at once."""
        largest = self.max_bytes * WRITE_SHARE
        limit, entries, total = min(MAX_WRITE, largest), [], 0
        for entry in features.items():
            if total + _size(entry) > limit and entries:
                yield entries
                entries, total = [], 0
            if _size(entry) <= largest:
                entries.append(entry)
                total += _size(entry)
        if entries:
            yield entries

    def _make_room(self, connection, n_bytes):
        """Evict what was not used for the longest time until there is room."""

        def pragma(name):
            return connection.execute(f"PRAGMA {name}").fetchone()[0]

        def taken():
            return (pragma("page_count") - pragma("freelist_count")) * page_size

        page_size = pragma("page_size")
        while taken() + n_bytes > self.max_bytes:
            (n_cells,) = connection.execute("SELECT count(*) FROM cells").fetchone()
            if not n_cells:
                return
            oldest = "SELECT id FROM cells ORDER BY used, id LIMIT ?"
            n_evicted = (1 + int(n_cells * EVICTED_SHARE),)
            for table in ("features", "cells"):
                connection.execute(
                    f"DELETE FROM {table} WHERE id IN ({oldest})", n_evicted
                )

    def _warn(self, error):
        """Warn that the cache cannot be used; of a damaged file make a new one."""
        if _is_damage(error):
            with suppress(OSError):
                self._remove_file()
            what = "is damaged and begun anew"
        elif _is_lock(error):
            is_known = self._was_locked()
            _locked[self._file] = monotonic()
            if is_known:
                return
            what = (
                f"was kept locked by another process for {PATIENCE} seconds, so "
                "features are computed without it, now and while it is locked"
            )
        else:
            what = "cannot be used, so features are computed without it"
        warnings.warn(f"{self!r} {what}: {error}", UserWarning, stacklevel=3)

    def _remove_file(self):
        for ending in ("", "-journal"):
            Path(f"{self._file}{ending}").unlink(missing_ok=True)


def check_memory(memory):
    """Take the parameter ``memory`` of the union as a cache.

    Parameters
    ----------
    memory : None, str, Path or FeatureCache
        What was given.

    Returns
    -------
    FeatureCache or None

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the cache's ``max_bytes`` is not an integer of at least 1.
    """
    if isinstance(memory, str | Path):
        memory = FeatureCache(memory)
    if memory is None:
        return None
    if not isinstance(memory, FeatureCache):
        raise TypeError(
            "memory must be None, a folder or a sklearn_mm.FeatureCache, found "
            f"{memory!r:.200}"
        )
    if not isinstance(memory.max_bytes, Integral) or memory.max_bytes < 1:
        raise ValueError(
            "max_bytes of a FeatureCache must be an integer of at least 1, found "
            f"{memory.max_bytes!r}"
        )
    return memory


@contextmanager
def use_cache(cache):
    """Let the transformers that run in this block keep features in a cache, or None."""
    token = _in_use.set(cache)
    try:
        yield
    finally:
        _in_use.reset(token)


def cache_in_use():
    """Get the cache of the block that runs, or None."""
    return _in_use.get()


def _batches(items, size):
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def _select(connection, keys):
    """Read (id, key, checksum, used, value) of the keys that are there."""
    return connection.execute(
        "SELECT id, key, checksum, used, value FROM cells JOIN features USING (id) "
        f"WHERE key IN ({', '.join('?' * len(keys))})",
        keys,
    ).fetchall()


def _note_use(connection, stale):
    """Set the time of the last use, (time, id) each."""
    if not stale:
        return
    try:
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * IMPATIENCE)}")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("UPDATE cells SET used = ? WHERE id = ?", stale)
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        return  # what cannot be written can still be read


def _insert(connection, key, value):
    """Write an entry, in place of one with the same key."""
    cell = (key, _checksum(key, value), int(time.time()))
    connection.execute(INSERT_CELL, cell)
    connection.execute(INSERT_VALUE, (value, key))


def _checksum(key, value):
    """Compute what tells a damaged entry; the key, since a page may be another's."""
    return zlib.crc32(value, zlib.crc32(key))


def _is_sound(key, checksum, used, value):
    """Tell whether an entry is what was written."""
    right_types = isinstance(value, bytes) and isinstance(used, int)
    return right_types and _checksum(key, value) == checksum


def _size(entry):
    return len(entry[1]) + OVERHEAD


def _is_lock(error):
    """Tell whether an error says that another process uses the file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _is_damage(error):
    """Tell whether an error says that the file is no sound cache."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    # The low byte is the code, the others say more.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF not in AROUND
