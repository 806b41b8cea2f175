"""JSON that is checked before and while it is read."""

import json
import re

import numpy as np

from sklearn_mm.persistence.errors import ModelFileError

# Deeper nesting than this is no model, and would exhaust the stack.
MAX_DEPTH = 200

# Bytes of one document.
MAX_BYTES = 2**28

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def write_json(value):
    """Write plain values as UTF-8; NaN and infinity have no JSON.

    Parameters
    ----------
    value : None, bool, int, float, str, list or dict
        Nested.

    Returns
    -------
    bytes
    """
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode("utf-8", "surrogatepass")
    _check_size(text, "the model")
    return text


def read_json(text, name):
    """Read a document, with its size and depth checked first.

    Parameters
    ----------
    text : bytes
        UTF-8.
    name : str
        Of the document, for errors.

    Returns
    -------
    dict, list, str, int, float, bool or None

    Raises
    ------
    ModelFileError
        If it is too large or too deep, no JSON, has a key twice, or NaN.
    """
    _check_size(text, name)

    def refuse(constant):
        raise ModelFileError(f"{name}: {constant} is no number of JSON")

    def unique(pairs):
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ModelFileError(f"{name}: the key {twice!r:.80} stands there twice")
        return found

    try:
        text = bytes(text).decode("utf-8", "surrogatepass")
        return json.loads(text, parse_constant=refuse, object_pairs_hook=unique)
    except ModelFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{name} is no valid JSON: {error}") from error


def _check_size(text, name):
    """Refuse what is too long or too deep, without parsing it."""
    if len(text) > MAX_BYTES:
        raise ModelFileError(
            f"{name} has {len(text)} bytes of JSON, more than the limit of {MAX_BYTES}"
        )
    outside = np.frombuffer(_STRING.sub(b"", bytes(text)), dtype=np.uint8)
    opened = (outside == ord("[")) | (outside == ord("{"))
    closed = (outside == ord("]")) | (outside == ord("}"))
    depth = np.cumsum(opened.astype(np.int8) - closed, dtype=np.int64)
    if depth.max(initial=0) > MAX_DEPTH:
        raise ModelFileError(
            f"{name} is nested {depth.max()} deep, more than the limit of {MAX_DEPTH}"
        )
