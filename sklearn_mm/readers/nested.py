"""Numbers in any nesting of lists, arrays and tensors, as one array."""

from array import array
from numbers import Number

import numpy as np


def to_array(cell):
    """Take a cell as an array of numbers, if it is one or can become one.

    Parameters
    ----------
    cell : object
        Nested lists and tuples, as Arrow and polars give them, too; an ``array`` or
        memoryview; or what has ``__array__``, ``__array_interface__`` or
        ``__dlpack__``. Of a tensor with gradients the values count.

    Returns
    -------
    ndarray or None
        None for anything else, such as lists of strings. A masked array stays one.

    Raises
    ------
    ValueError
        If rows of numbers are of unequal length.

    Examples
    --------
    >>> to_array([[1, 2], (3, 4)]).shape, to_array(["a", "b"]) is None
    ((2, 2), True)
    """
    if isinstance(cell, np.ma.MaskedArray) and cell.dtype.kind != "O":
        return cell
    if isinstance(cell, np.ndarray) and cell.dtype.kind != "O":
        return np.asarray(cell)  # matrices and the like count their axes otherwise
    if hasattr(cell, "detach") and hasattr(cell, "cpu"):
        return _tensor_to_array(cell.detach().cpu())
    plain = to_lists(cell)
    if isinstance(plain, list):
        return _stack(plain)
    if _gives_array(cell):
        values = np.asarray(cell)
    elif hasattr(cell, "__dlpack__"):
        values = np.from_dlpack(cell)
    else:
        return None
    return values if values.dtype.kind in "fiubc" else None


def to_lists(cell):
    """Turn containers of cells, such as lists of Arrow and polars, into lists.

    Parameters
    ----------
    cell : object
        Any.

    Returns
    -------
    list, or the cell itself
        Of a tuple, an array of objects and a Series a list of its items, which stay as
        they are.
    """
    if isinstance(cell, np.ndarray):
        return list(cell) if cell.dtype.kind == "O" and cell.ndim else cell
    if isinstance(cell, list | tuple) and not hasattr(cell, "_fields"):
        return list(cell)
    is_series = hasattr(cell, "name") and hasattr(cell, "dtype")
    if is_series and hasattr(cell, "to_list"):
        return cell.to_list()
    return cell


def _tensor_to_array(tensor):
    if getattr(tensor, "is_sparse", False):
        tensor = tensor.to_dense()
    try:
        return np.asarray(tensor)
    except TypeError:  # of a type that NumPy has not, such as bfloat16
        return np.asarray(tensor.float())


def _without_objects(values):
    """Take numbers that NumPy knows only as objects, such as decimals, as floats."""
    if values.dtype.kind != "O":
        return values
    try:
        return values.astype(np.float64)
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"found a number that no float holds: {error}") from error


def _gives_array(cell):
    if isinstance(cell, memoryview | array):
        return True
    names = ("__array__", "__array_interface__", "__array_struct__")
    return any(hasattr(cell, name) for name in names) and not isinstance(cell, type)


def _stack(items):
    """Stack nested lists of numbers; None where there is anything else."""
    if all(isinstance(item, Number) or item is np.ma.masked for item in items):
        if not items:
            return None
        mask = [item is np.ma.masked for item in items]
        if not any(mask):
            return _without_objects(np.asarray(items))
        items = [0 if gone else item for gone, item in zip(mask, items, strict=True)]
        return np.ma.array(items, mask=mask)
    parts = []
    for item in items:
        part = None if isinstance(item, str | bytes) else to_array(item)
        if part is None:
            return None
        parts.append(part)
    shapes = sorted({part.shape for part in parts})
    if len(shapes) > 1:
        shown = " and ".join(map(str, shapes[:3]))
        raise ValueError(f"found rows of unequal length: of shapes {shown}")
    masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
    return np.ma.stack(parts) if masked else np.stack(parts)
