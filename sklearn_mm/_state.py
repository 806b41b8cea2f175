"""What an estimator has learned, kept whole."""

from contextlib import contextmanager


@contextmanager
def unchanged_on_failure(estimator):
    """Give an estimator its earlier attributes back if the block raises.

    So a fit that fails, or is interrupted, leaves a fitted model as it was.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
