"""Time several ways of doing the same in turn, in one process and one thread."""

import time

import numpy as np
from threadpoolctl import threadpool_limits


def interleave(sides, repeats):
    """Time functions in turn, so that what else the machine does meets all of them.

    Parameters
    ----------
    sides : dict of callable
        By name. Each is called once before, unmeasured.
    repeats : int
        Rounds.

    Returns
    -------
    dict of ndarray of shape (repeats,)
        Seconds, by name.
    """
    seconds = {name: [] for name in sides}
    with threadpool_limits(1):
        for function in sides.values():
            function()
        for _ in range(repeats):
            for name, function in sides.items():
                start = time.perf_counter()
                function()
                seconds[name].append(time.perf_counter() - start)
    return {name: np.array(taken) for name, taken in seconds.items()}


def ratio(slow, fast):
    """Write how many times as fast: the median, and the range over the rounds."""
    times = slow / fast
    return f"{np.median(times):.2f} ({times.min():.2f} to {times.max():.2f})"
