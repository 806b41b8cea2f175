"""Decoded sound, in the forms that libraries hand it out, as an array and its rate."""

from collections.abc import Mapping

import numpy as np

from sklearn_mm.readers.nested import to_array


def as_clip(cell, time_axis=None):
    """Take what holds samples with their rate as a pair of both.

    Parameters
    ----------
    cell : object
        A ``{"array", "sampling_rate"}`` dict, whose samples may be lists; an object
        with ``get_all_samples()``, as the decoders of torchcodec and of data sets; or
        what that gives, with ``data`` of shape ``(n_channels, n_samples)`` and
        ``sample_rate``.
    time_axis : {None, 0, 1}, default=None
        On which axis of an array of two its reader expects the samples: None and 0
        the first.

    Returns
    -------
    (ndarray, float), or the cell itself
        With the samples on that axis, where the cell says which one they are on.

    Examples
    --------
    >>> as_clip({"array": [0.0, 0.5], "sampling_rate": 8000})
    (array([0. , 0.5]), 8000)
    """
    if callable(getattr(cell, "get_all_samples", None)):
        cell = cell.get_all_samples()
    if hasattr(cell, "sample_rate") and hasattr(cell, "data"):
        samples = to_array(cell.data)
        if samples is None:
            raise TypeError(
                f"found a {type(cell).__name__} whose data is no array of samples"
            )
        samples = samples if time_axis == 1 else samples.T
        return samples, float(cell.sample_rate)
    if isinstance(cell, Mapping) and {"array", "sampling_rate"} <= cell.keys():
        array = cell["array"]
        if isinstance(array, np.ndarray) and array.dtype.kind != "O":
            return cell
        array = to_array(array)
        return cell if array is None else (array, cell["sampling_rate"])
    return cell
