"""Running steps in processes of which one may be killed."""

from concurrent.futures import BrokenExecutor

from sklearn.utils.parallel import Parallel


def run_parallel(calls, n_jobs, doing):
    """Run calls at once.

    Parameters
    ----------
    calls : iterable of delayed calls
        As of ``sklearn.utils.parallel.delayed``.
    n_jobs : int or None
        How many, as in scikit-learn.
    doing : str
        What they do, for the error.

    Returns
    -------
    list
        What each gave.

    Raises
    ------
    RuntimeError
        If a process was killed.
    """
    try:
        return Parallel(n_jobs=n_jobs)(calls)
    except BrokenExecutor as error:
        raise RuntimeError(
            f"a worker process was killed while {doing} with n_jobs={n_jobs}. Most "
            "often memory ran out: each worker holds its cells and its features. Take "
            "fewer jobs, or n_jobs=None, which runs all in this process, shows the "
            "step at which it ends, and needs the least memory."
        ) from error
