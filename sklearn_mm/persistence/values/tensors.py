"""Arrays in the format of safetensors, which may stay where they are in the file.

The library writes them. It reads whole files only, and not from within a zip, so the
header, which is JSON, is read and checked here.
"""

import math

import numpy as np

from sklearn_mm.persistence.errors import ModelFileError
from sklearn_mm.persistence.strict_json import read_json

DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I8": np.dtype(np.int8),
    "U16": np.dtype(np.uint16),
    "I16": np.dtype(np.int16),
    "F16": np.dtype(np.float16),
    "U32": np.dtype(np.uint32),
    "I32": np.dtype(np.int32),
    "F32": np.dtype(np.float32),
    "U64": np.dtype(np.uint64),
    "I64": np.dtype(np.int64),
    "F64": np.dtype(np.float64),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}

# Arrays from here on stay in the file until they are used.
MAPPED_FROM = 2**20


def write_arrays(arrays):
    """Write arrays: bytes.

    Parameters
    ----------
    arrays : dict of str to ndarray
        C-contiguous, of the dtypes above.

    Returns
    -------
    bytes
    """
    from safetensors.numpy import save

    return save(arrays)


def read_arrays(content, name):
    """Give arrays as views of their bytes, small ones as copies.

    Parameters
    ----------
    content : memoryview
        Of the member.
    name : str
        Of the member, for errors.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ModelFileError
        If header and bytes contradict each other.
    """
    if len(content) < 8:
        raise ModelFileError(f"{name} has {len(content)} bytes and so no header")
    n_header = int.from_bytes(content[:8], "little")
    if n_header > len(content) - 8:
        raise ModelFileError(
            f"{name}: the header would have {n_header} bytes, but all has "
            f"{len(content)}"
        )
    header = read_json(content[8 : 8 + n_header], f"the header of {name}")
    if not isinstance(header, dict):
        raise ModelFileError(f"{name}: the header is no object")
    header.pop("__metadata__", None)
    body, found = content[8 + n_header :], {}
    spans = {key: _check_entry(name, key, entry) for key, entry in header.items()}
    end = 0
    for key, (dtype, shape, start, stop) in sorted(
        spans.items(), key=lambda item: item[1][2:]
    ):
        if start != end or stop > len(body):
            raise ModelFileError(
                f"{name}: the array {key!r} claims the bytes {start} to {stop}, "
                f"expected from {end} and at most to {len(body)}"
            )
        found[key], end = _view(body[start:stop], dtype, shape), stop
    if end != len(body):
        raise ModelFileError(f"{name}: {len(body) - end} bytes belong to no array")
    return found


def _check_entry(name, key, entry):
    """Check what the header says of an array, before its room is taken."""
    where = f"{name}: the array {key!r:.200}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ModelFileError(f"{where} is not described by dtype, shape and offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ModelFileError(f"{where} has the unknown dtype {dtype!r:.40}")
    for numbers, least in ((shape, 0), (offsets, 2)):
        if (
            not isinstance(numbers, list)
            or not all(type(number) is int and number >= 0 for number in numbers)
            or len(numbers) < least
        ):
            raise ModelFileError(
                f"{where} has {numbers!r:.80} where integers of at least 0 belong"
            )
    if len(offsets) != 2 or len(shape) > 32:
        raise ModelFileError(f"{where} has {len(shape)} axes, {len(offsets)} offsets")
    start, stop = offsets
    n_bytes = math.prod(shape) * DTYPES[dtype].itemsize
    if n_bytes != stop - start:
        raise ModelFileError(
            f"{where} of shape {tuple(shape)!s:.80} and dtype {dtype} needs {n_bytes} "
            f"bytes, found {stop - start}"
        )
    return DTYPES[dtype], tuple(shape), start, stop


def _view(content, dtype, shape):
    array = np.frombuffer(content, dtype=dtype).reshape(shape)
    is_mapped = array.nbytes >= MAPPED_FROM and array.flags.aligned
    return array if is_mapped and array.flags.writeable else array.copy()
