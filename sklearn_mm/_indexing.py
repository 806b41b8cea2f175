"""Row keys, in every form that scikit-learn uses."""

import numpy as np


def resolve_rows(key, n_samples):
    """Turn any key that scikit-learn uses on axis 0 into a slice or row numbers.

    Parameters
    ----------
    key : int, slice, array-like of int or bool, or tuple ``(rows, ...)``
        What stands between the brackets.
    n_samples : int
        How many rows there are.

    Returns
    -------
    slice with step 1, or ndarray of int64
    """
    if isinstance(key, tuple):
        whole = (Ellipsis, slice(None))
        if len(key) != 2 or not any(key[1] is w or key[1] == w for w in whole):
            raise IndexError(
                f"samples are indexed on axis 0 only: found the key {key!r}, expected "
                "rows or (rows, ...)"
            )
        key = key[0]
    if isinstance(key, slice):
        start, stop, step = key.indices(n_samples)
        if step == 1:
            return slice(start, max(start, stop))
        return np.arange(start, stop, step, dtype=np.int64)
    rows = np.asarray(key)
    if rows.ndim == 0 and rows.dtype.kind in "iu":
        rows = rows.reshape(1)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iub"):
        raise IndexError(
            "rows are an int, a slice, or a 1-D array of int or bool: found "
            f"{type(key).__name__} of dtype {rows.dtype} and shape {rows.shape}"
        )
    if rows.dtype.kind == "b":
        if len(rows) != n_samples:
            raise IndexError(
                f"a boolean mask needs one value a row: found {len(rows)} values for "
                f"{n_samples} rows"
            )
        return np.flatnonzero(rows)
    rows = rows.astype(np.int64)
    if rows.size and (rows.min() < -n_samples or rows.max() >= n_samples):
        wrong = rows.max() if rows.max() >= n_samples else rows.min()
        raise IndexError(f"row {wrong} is outside {n_samples} rows")
    return np.where(rows < 0, rows + n_samples, rows)


def row_slices(blocks, n_bytes=2**24):
    """Cut the rows into slices, each of about so many bytes in all blocks together.

    Parameters
    ----------
    blocks : list of FeatureBlock
        Of the same rows.
    n_bytes : int, default=2**24
        A slice has more only where a single row has.

    Yields
    ------
    slice
        At least one, the first from row 0, the last up to the last row.
    """
    n_rows = len(blocks[0])
    ends = np.zeros(n_rows + 1)  # bytes up to the end of each row
    for block in blocks:
        ends += block.offsets * (block.nbytes / max(1, block.offsets[-1]))
    start = 0
    while True:
        stop = np.searchsorted(ends, ends[start] + n_bytes, side="right") - 1
        stop = min(n_rows, max(int(stop), start + 1))
        yield slice(start, stop)
        start = stop
        if start >= n_rows:
            return
