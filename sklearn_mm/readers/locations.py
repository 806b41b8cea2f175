"""Where the content of a cell is: at a path, in bytes, in an open file, at a URL."""

import base64
import binascii
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit
from urllib.request import url2pathname

import numpy as np

from sklearn_mm.readers.column import describe_path, is_missing
from sklearn_mm.readers.limits import MAX_BYTES, TIMEOUT, find_excess, find_problem
from sklearn_mm.readers.signatures import N_BYTES, tell_kind

# A scheme of one letter would be a drive of Windows.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[^;,]*)*)(;base64)?,")
_BASE64_HEAD = re.compile(rb"[A-Za-z0-9+/_-]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}\s*\Z")

# Shorter texts are not taken for files in base64.
MIN_BASE64 = 64

# Two rows may hold the same open file, and be read at once.
_reading = threading.Lock()


@dataclass(frozen=True)
class Places:
    """Where the files that cells name may be.

    Attributes
    ----------
    root : str, Path or None
        Folder, or URL, where relative paths begin; None is the working folder.
    remote : bool or tuple of str
        Whether a cell may be a URL, and of which schemes; True is all of fsspec's.
    timeout : float
        Seconds for the file of one URL.
    max_bytes : int or None
        That one file may hold.
    keep : bool
        Whether what is fetched is kept for who reads it next.
    """

    root: object = None
    remote: object = False
    timeout: float = TIMEOUT
    max_bytes: int | None = MAX_BYTES
    keep: bool = False

    @classmethod
    def of(cls, owner):
        """Take them from the parameters of a transformer, as far as it has them."""
        names = ("root", "remote", "timeout", "max_bytes")
        return cls(**{n: getattr(owner, n) for n in names if hasattr(owner, n)})

    def check(self):
        """Raise ValueError for what cannot work, ImportError where fsspec is needed."""
        if self.root is not None and not is_url(str(self.root)):
            problem = None if os.path.isdir(self.root) else "which is no folder"
            if problem:
                raise ValueError(f"root={str(self.root)!r}, {problem}")
        if not isinstance(self.remote, bool):
            schemes = self.remote
            if isinstance(schemes, str) or not all(isinstance(s, str) for s in schemes):
                raise ValueError(
                    "remote must be True, False or a tuple of schemes such as "
                    f"('https', 's3'), found {schemes!r}"
                )
        for name, value in (("timeout", self.timeout), ("max_bytes", self.max_bytes)):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and not (is_number and value > 0):
                raise ValueError(f"{name} must be a positive number, found {value!r}")
        if self.remote:
            from sklearn_mm.readers.remote import import_fsspec

            import_fsspec()


HERE = Places()


@dataclass(frozen=True)
class File:
    """The file that a cell names or holds: one of ``path`` and ``content`` is None.

    Attributes
    ----------
    path : str or None
        Of a file that is there.
    content : bytes or None
        Of the file.
    name : str
        For messages: the path or URL in quotes, or ``"in 300 bytes"``.
    """

    path: str | None
    content: bytes | None
    name: str


def find_file(cell, places=HERE, expected="expected a file"):
    """Find the file that a cell names or holds.

    Parameters
    ----------
    cell : object
        A path (str or ``os.PathLike``), a ``file://`` URL, or where ``places.remote``
        says so any other; the content, as bytes, bytearray, memoryview, ``np.void`` or
        a buffer of Arrow, as a ``data:`` URI, or as base64 of a file whose kind its
        first bytes tell, both also as bytes, which are never a path; an
        object with ``read()`` or ``read_bytes()``; ``{"bytes": ..., "path": ...}``,
        either of which may be None. An open file is read from its beginning and left
        where it stood.
    places : Places, default=HERE
        Where files may be.
    expected : str, default="expected a file"
        The begin of messages.

    Returns
    -------
    File or None
        None where the cell is nothing of that, or a struct that holds nothing.

    Raises
    ------
    ValueError
        If there is no such file, or it may not be read.

    Examples
    --------
    >>> find_file("data:text/plain,abc").content
    b'abc'
    >>> find_file({"bytes": b"abc", "path": None}).name
    'in 3 bytes'
    """
    struct = as_struct(cell)
    if struct is not None:
        return _find_in_struct(struct, places, expected)
    if isinstance(cell, str):
        return _find_by_name(cell, places, expected)
    if is_content(cell):
        return _find_in_bytes(_as_bytes(cell), places, expected)
    if isinstance(cell, os.PathLike):
        # zipfile.Path and the paths of clouds say how they are read, not where.
        return _find_by_path(cell, places, expected)
    if hasattr(cell, "read_bytes"):
        return _held(_call(cell, cell.read_bytes), places)
    if can_be_read(cell):
        return _held(_read_all(cell, places.max_bytes), places)
    return None


def _find_in_struct(struct, places, expected):
    for name in ("bytes", "path"):
        held = struct.get(name)
        if is_missing(held):
            continue
        if name == "bytes" and isinstance(held, list | np.ndarray):
            held = _join_bytes(held)
        if name == "path" and isinstance(held, bytes):
            held = os.fsdecode(held)
        file = find_file(held, places, expected)
        if file is None:
            raise TypeError(
                f"{expected}; found a struct whose {name!r} is a {type(held).__name__}"
            )
        return file
    return None


def _join_bytes(numbers):
    """Take numbers of 0 to 255, as JSON and lists of Arrow hold bytes, as bytes."""
    if isinstance(numbers, np.ndarray) and numbers.dtype != np.uint8:
        return numbers
    try:
        return bytes(numbers)
    except (TypeError, ValueError):
        return numbers  # to be refused by its type


def _as_bytes(cell):
    if isinstance(cell, bytes):
        return cell
    return cell.tobytes() if isinstance(cell, np.void) else bytes(cell)


def _find_in_bytes(content, places, expected):
    """Find what bytes hold: a file, or its letters.

    They are never a path: what a server is sent must not name its files.
    """
    head = content[:MIN_BASE64]
    is_text = head.startswith(b"data:") or _BASE64_HEAD.fullmatch(head)
    if is_text and tell_kind(head[:N_BYTES]) is None:
        text = content.decode("latin-1")
        if media_type(text) is not None or decode_base64(text) is not None:
            return _find_by_name(text, places, expected)
    return _held(content, places)


def resolve(cell, places=HERE, expected="expected a file"):
    """Take a cell as the path or the content of its file, or as it is.

    Parameters
    ----------
    cell, places, expected
        As of :func:`find_file`.

    Returns
    -------
    str, bytes, None, or the cell itself
        None where the cell is a struct that holds nothing. Of a file whose name is not
        UTF-8 its content.
    """
    file = find_file(cell, places, expected)
    if file is None:
        return cell if as_struct(cell) is None else None
    if file.path is None:
        return file.content
    if not _is_utf_8(file.path):  # libraries in C refuse such names
        with open(file.path, "rb") as opened:
            return opened.read()
    is_path = isinstance(cell, str | Path) and os.fspath(cell) == file.path
    return cell if is_path else file.path


def _is_utf_8(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def as_struct(cell):
    """Take ``{"bytes", "path"}``, as Arrow and data sets hold files, as a mapping.

    Returns
    -------
    Mapping or None
        None where a cell is none, or holds the "array" that was decoded.
    """
    if isinstance(cell, np.void) and cell.dtype.names:
        cell = {name: cell[name] for name in cell.dtype.names}
    elif hasattr(cell, "_asdict"):
        cell = cell._asdict()
    if not isinstance(cell, Mapping) or cell.get("array") is not None:
        return None
    return cell if "bytes" in cell or "path" in cell else None


def is_content(cell):
    """Tell whether a cell is the content of a file, as bytes."""
    if isinstance(cell, np.void):
        return cell.dtype.names is None
    if isinstance(cell, memoryview):
        return cell.ndim == 1 and cell.format in ("B", "b", "c")
    if hasattr(cell, "to_pybytes"):  # a buffer of Arrow
        return True
    return isinstance(cell, bytes | bytearray)


def can_be_read(cell):
    """Tell whether a cell is an open file, or else gives its content."""
    return callable(getattr(cell, "read", None)) and not isinstance(cell, type)


def is_url(text):
    """Tell whether a string begins like a URL, but for ``data:``."""
    return _URL.match(text) is not None


def split_url(url):
    """Give the schemes of a URL, and the path of what it names.

    Examples
    --------
    >>> split_url("zip://a/b.png::https://host/c.zip")
    (['zip', 'https'], 'a/b.png')
    """
    parts = url.split("::")
    schemes = [part.partition("://")[0].lower() for part in parts]
    first = urlsplit(parts[0])
    return schemes, unquote((first.netloc if len(parts) > 1 else "") + first.path)


def media_type(text):
    """Give the media type of a ``data:`` URI; None where a string is none."""
    match = _DATA_URI.match(text)
    return None if match is None else match[1] or "text/plain"


def decode_base64(text):
    """Decode a file in base64; None where a string is none, or none that is known."""
    head = text[:MIN_BASE64]
    if len(text) < MIN_BASE64 or re.fullmatch(r"[A-Za-z0-9+/_-]+", head) is None:
        return None
    try:
        start = base64.b64decode(head, altchars="-_" if _is_url_safe(head) else None)
        if tell_kind(start[:N_BYTES]) is None:
            return None
        text = "".join(text.split())
        if not _BASE64.match(text):
            return None
        text = text.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None


def _is_url_safe(text):
    return "-" in text or "_" in text


def _find_by_name(text, places, expected):
    """Find what a string names, or holds in letters."""
    if text.startswith("data:"):
        match = _DATA_URI.match(text)
        if match is not None:
            return _held(_decode_data(text[match.end() :], match[3]), places)
    content = decode_base64(text)
    if content is not None:
        return _held(content, places)
    return _find_by_path(text, places, expected)


def _find_by_path(cell, places, expected):
    path = os.fsdecode(os.fspath(cell))
    joined = join_root(path, places.root)
    if is_url(joined):
        if joined[:7].lower() == "file://":
            joined = url2pathname(unquote_path(joined))
        else:
            return _fetch(joined, places, expected)
    problem = find_problem(joined, places.max_bytes)
    if problem is not None:
        shown = describe_path(cell, joined, problem)
        raise ValueError(f"{expected}; found {shown}")
    return File(joined, None, f"{joined!r:.200}")


def unquote_path(url):
    """Give the path of a ``file://`` URL."""
    return unquote(urlsplit(url).path)


def join_root(path, root):
    """Let a relative path begin at a root; ``..`` may leave it.

    Parameters
    ----------
    path : str
        Absolute ones, and URLs, stay as they are.
    root : str, Path or None
        A folder, the URL of one, or that of an archive: ``"zip://::photos.zip"``.

    Returns
    -------
    str

    Examples
    --------
    >>> join_root("a.png", "/photos"), join_root("/b.png", "/photos")
    ('/photos/a.png', '/b.png')
    >>> join_root("a.png", "zip://::s3://bucket/photos.zip")
    'zip://a.png::s3://bucket/photos.zip'
    """
    if root is None or os.path.isabs(path) or is_url(path):
        return path
    root = os.fsdecode(os.fspath(root))
    if not is_url(root):
        return os.path.join(root, path)
    folder, chained, archive = root.partition("::")
    separator = "" if folder.endswith("/") else "/"
    return f"{folder}{separator}{path}{chained}{archive}"


def _fetch(url, places, expected):
    schemes, _ = split_url(url)
    is_allowed = places.remote is True or (
        places.remote and not set(schemes) - {s.lower() for s in places.remote}
    )
    if not is_allowed:
        raise ValueError(
            f"{expected}; found the URL {url!r:.200}, and remote={places.remote!r}. "
            "remote=True reads URLs, by fsspec (extra 'remote')"
        )
    from sklearn_mm.readers.remote import fetch

    content = fetch(url, places.timeout, places.max_bytes, keep=places.keep)
    return File(None, content, f"{url!r:.200}")


def _held(content, places):
    """Take the content that a cell holds."""
    if not isinstance(content, bytes):
        content = bytes(content)
    problem = find_excess(len(content), places.max_bytes)
    if problem is not None:
        raise ValueError(f"found the content of a file, {problem}")
    return File(None, content, f"in {len(content)} bytes")


def _decode_data(text, is_base64):
    content = unquote_to_bytes(text)
    if not is_base64:
        return content
    try:
        content = b"".join(content.split()).rstrip(b"=")
        content = content.translate(bytes.maketrans(b"-_", b"+/"))
        return base64.b64decode(content + b"=" * (-len(content) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"found a data: URI whose base64 is broken: {error}") from None


def _read_all(file, max_bytes):
    """Read an open file from its beginning, and leave it where it stood."""
    if hasattr(file, "getbuffer") and not getattr(file, "closed", False):
        return bytes(file.getbuffer())  # of BytesIO: without moving in it
    with _reading:
        return _call(file, lambda: _read_and_return(file, max_bytes))


def _read_and_return(file, max_bytes):
    can_seek = getattr(file, "seekable", lambda: hasattr(file, "seek"))()
    place = file.tell() if can_seek else None
    if can_seek:
        file.seek(0)
    try:
        if max_bytes is None:
            return file.read()
        # One more, so that an excess is seen.
        return file.read(max_bytes + 1)
    finally:
        if can_seek:
            file.seek(place)


def _call(cell, read):
    """Have an object give its content, which must be bytes."""
    try:
        content = read()
    except Exception as error:  # it may be anything's own
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"found a {type(cell).__name__} that cannot be read: {reason:.300}"
        ) from error
    if isinstance(content, str):
        raise ValueError(
            f"found a {type(cell).__name__} of text. Open files in binary mode ('rb')"
        )
    if not isinstance(content, bytes | bytearray | memoryview):
        raise TypeError(
            f"found a {type(cell).__name__} that gives {type(content).__name__} "
            "instead of bytes"
        )
    if not content:
        raise ValueError(
            f"found a {type(cell).__name__} without content, or read to its end"
        )
    return content
