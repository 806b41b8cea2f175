"""One fit and its checkpoint: found or begun, kept, and forgotten at the end."""

import warnings
from contextlib import contextmanager

from sklearn_mm.estimators.interrupts import is_part_of_many_fits


class Checkpoint:
    """What a fit goes on from, and where it keeps its state.

    Parameters
    ----------
    file : CheckpointFile or None
        None keeps nothing.
    description : dict or None
        Of the fit.
    seed : int
        Of the fit. That of an earlier process, which drew it at random, wins.

    Attributes
    ----------
    found : (dict or None, dict)
        The state and its tensors, until they are used.
    was_cut : bool
        Whether Ctrl-C ended the training, so that another fit may go on.
    """

    def __init__(self, file, description, seed):
        self.file = file
        self.description = description
        self.found = (None, {}) if file is None else file.read()
        self.seed = seed if self.found[0] is None else self.found[0]["fit_seed"]
        self.was_cut = False

    def write(self, state, tensors):
        """Keep a state."""
        state = {**state, "fit": self.description, "fit_seed": self.seed}
        self.file.write(state, tensors)

    def finish(self):
        """Forget the state of a fit that has come to its end."""
        if self.file is not None and not self.was_cut:
            self.file.remove()


@contextmanager
def open_checkpoint(estimator, parts, seed, start=None):
    """Open the checkpoint of a fit, if it is to have one.

    Parameters
    ----------
    estimator : attention fusion estimator
        With its parameters.
    parts : dict of str to Rows, or None
        That are trained on, or only validated on.
    seed : int
        Drawn from the estimator's random state.
    start : dict of str to Tensor, default=None
        The weights that a warm start begins with.

    Yields
    ------
    Checkpoint
    """
    if estimator.checkpoint is None:
        yield Checkpoint(None, None, seed)
        return
    # These load torch, which is loaded with the first fit, not with the package.
    from sklearn_mm.estimators.checkpoints.files import CheckpointFile
    from sklearn_mm.estimators.checkpoints.identity import describe_fit, key_of

    told = None if estimator.random_state is None else seed
    description = describe_fit(estimator, parts, seed=told, start=start)
    file = CheckpointFile(estimator.checkpoint, key_of(description))
    if not file.acquire():
        warnings.warn(
            f"another fit of the same rows and parameters is under way with the "
            f"checkpoint {str(file.folder)!r}: this one keeps none",
            UserWarning,
            stacklevel=2,
        )
        yield Checkpoint(None, None, seed)
        return
    try:
        checkpoint = Checkpoint(file, description, seed)
        if checkpoint.found[0] is None and not is_part_of_many_fits():
            _warn_of_others(file, description)
        yield checkpoint
    finally:
        file.release()


def _warn_of_others(file, description):
    """Say that what is kept there is of another fit, and in what that differs."""
    from sklearn_mm.estimators.checkpoints.identity import differences

    others = file.others()
    if not others:
        return
    why = "it cannot be read"
    if others[0] is not None:
        why = differences(others[0], description) or "it is of another version"
    warnings.warn(
        f"checkpoint={str(file.folder)!r} holds {len(others)} unfinished fit(s), none "
        f"of them this one, which begins anew. In the latest, {why}. Fit with the same "
        "rows and parameters to go on from it, or delete its file",
        UserWarning,
        stacklevel=2,
    )
