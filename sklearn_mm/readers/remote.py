"""The content of URLs, within a time and a size."""

import threading
from collections import OrderedDict

from sklearn_mm.readers.limits import find_excess

# Bytes read at once; between two of them the time is looked at.
CHUNK = 2**18

# What was fetched to see whether it is in the cache of features is kept, so much of
# it, for who reads it next.
MAX_KEPT = 2**26
_kept = OrderedDict()
_keeping = threading.Lock()


def import_fsspec():
    """Import fsspec.

    Raises
    ------
    ImportError
        If it is not installed, with what to do.
    """
    try:
        import fsspec
    except ImportError as error:
        raise ImportError(
            "remote reads URLs by fsspec, which is not installed. Use pip install "
            "'sklearn-mm[remote]'; s3:// and the like need a library each, such as "
            "s3fs."
        ) from error
    return fsspec


def fetch(url, timeout, max_bytes, *, keep=False):
    """Fetch the content of a URL.

    Parameters
    ----------
    url : str
        As fsspec knows it: ``https://...``, ``s3://...``, ``zip://a.png::b.zip``.
    timeout : float or None
        Seconds after which it is given up.
    max_bytes : int or None
        More are refused, whatever the server says that there are.
    keep : bool, default=False
        Whether the next who fetches it, and does not keep it, is given this content.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If it cannot be had, is too large or takes too long.
    """
    import_fsspec()
    content = None if keep else _take_kept(url)
    if content is None or find_excess(len(content), max_bytes):
        content = _fetch(url, timeout, max_bytes)
    if keep:
        _keep(url, content)
    return content


def _fetch(url, timeout, max_bytes):
    """Fetch in a thread of its own, for a time."""
    outcome, stop = [], threading.Event()

    def run():
        try:
            outcome.append(_read(url, max_bytes, stop))
        except BaseException as error:  # handed on to the caller
            outcome.append(error)

    # A server that says nothing cannot be waited for with a limit in every library;
    # so one waits elsewhere, and is left behind.
    thread = threading.Thread(target=run, daemon=True, name="fetch")
    thread.start()
    thread.join(timeout)
    if not outcome:
        stop.set()
        raise ValueError(
            f"cannot fetch {url!r:.200}: it took longer than timeout={timeout:g} s"
        )
    (found,) = outcome
    if isinstance(found, BaseException):
        reason = str(found) or type(found).__name__
        raise ValueError(f"cannot fetch {url!r:.200}: {reason:.300}") from found
    return found


def _keep(url, content):
    with _keeping:
        _kept[url] = content
        _kept.move_to_end(url)
        while sum(map(len, _kept.values())) > MAX_KEPT:
            _kept.popitem(last=False)


def _take_kept(url):
    with _keeping:
        return _kept.pop(url, None)


def _read(url, max_bytes, stop):
    fs, path = import_fsspec().core.url_to_fs(url)
    parts, n_bytes = [], 0
    # Where a server names no size, it is streamed; so it is where it does.
    options = {"block_size": 0} if "http" in _protocols(fs) else {}
    with fs.open(path, "rb", **options) as file:
        _check_size(getattr(file, "size", None), max_bytes)
        while not stop.is_set():
            part = file.read(CHUNK)
            if not part:
                break
            parts.append(part)
            n_bytes += len(part)
            _check_size(n_bytes, max_bytes)
    if not n_bytes:
        raise ValueError("it is empty")
    return b"".join(parts)


def _protocols(fs):
    protocol = fs.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _check_size(n_bytes, max_bytes):
    problem = None if n_bytes is None else find_excess(n_bytes, max_bytes)
    if problem is not None:
        raise ValueError(problem.removeprefix("which "))
