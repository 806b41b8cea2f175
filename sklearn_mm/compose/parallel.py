"""Running steps in processes of which one may be killed."""

from concurrent.futures import BrokenExecutor

from joblib import effective_n_jobs
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
    if effective_n_jobs(n_jobs) == 1:
        # Nothing is to be carried to another process: a quarter of a millisecond less
        # for one row of five modalities.
        return [call.__wrapped__(*args, **kwargs) for call, args, kwargs in calls]
    try:
        return Parallel(n_jobs=n_jobs)(calls)
    except BrokenExecutor as error:
        raise RuntimeError(
            f"a worker process was killed while {doing} with n_jobs={n_jobs}. Most "
            "often memory ran out: each worker holds its cells and its features. Take "
            "fewer jobs, or n_jobs=None, which runs all in this process, shows the "
            "step at which it ends, and needs the least memory."
        ) from error
