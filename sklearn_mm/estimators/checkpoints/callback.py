"""When the state of a training is kept, and how it is gone on from."""

import time
import warnings
from itertools import islice

from skorch.callbacks import Callback

from sklearn_mm.estimators.checkpoints.frozen import freeze, thaw
from sklearn_mm.estimators.checkpoints.state import (
    StateReader,
    random_states,
    restore,
    set_random_states,
)
from sklearn_mm.estimators.progress import EpochProgress


class TrainingCheckpoint(Callback):
    """Keep the state of a training in a file, and begin with the one that is there.

    The last of the callbacks: it keeps what the others have made of an epoch.

    Parameters
    ----------
    checkpoint : Checkpoint
        Whose file it is.
    every : "epoch" or float
        Keep it at the end of each epoch, or at the first batch after so many minutes.
    """

    def __init__(self, checkpoint, every):
        self.checkpoint = checkpoint
        self.every = every

    def on_train_begin(self, net, **kwargs):
        """Begin where the state that was found was taken."""
        self.reader_ = StateReader(net)
        self.written_ = time.monotonic()
        self.fails_, self.warned_ = False, set()
        self.n_batches_ = 0
        # The batches of the current epoch that a process before has done.
        self.n_before_ = 0
        state, tensors = self.checkpoint.found
        if state is not None:
            restore(net, state, tensors, whole_epochs_only=True)
            self.n_before_ = state["n_batches"]
            for _, callback in net.callbacks_:
                if isinstance(callback, EpochProgress):
                    callback.go_on(len(net.history))
        if not self.n_before_:
            self.checkpoint.found = None, {}

    def on_epoch_begin(self, net, **kwargs):
        """Note how the order of the batches is drawn."""
        self.drawn_from_ = random_states(net.device)
        self.n_batches_ = 0
        if self.n_before_:
            state, tensors = self.checkpoint.found
            self.checkpoint.found = None, {}
            restore(net, state, tensors, whole_epochs_only=False)
            self.drawn_from_ = thaw(state["drawn_from"], tensors)

    def rest_of(self, batches, device):
        """Leave out the batches of an epoch that have been trained on.

        Parameters
        ----------
        batches : iterable
            Of the training rows; their order is drawn when they are asked for.
        device : str
            Of the net.

        Returns
        -------
        rest : iterable
        n_before : int
            How many are left out.
        """
        n_before, self.n_before_ = self.n_before_, 0
        self.n_batches_ = n_before
        if not n_before:
            return batches, 0
        return self._skip(batches, n_before, device), n_before

    def _skip(self, batches, n_before, device):
        now = random_states(device)
        set_random_states(self.drawn_from_, device)
        batches = iter(batches)
        for _ in islice(batches, n_before):
            pass
        set_random_states(now, device)
        yield from batches

    def n_left(self, net):
        """Count the epochs that are left to train."""
        return max(0, net.max_epochs - len(net.history))

    def on_batch_end(self, net, training=False, **kwargs):
        """Keep the state if it is time."""
        if not training:
            return
        self.n_batches_ += 1
        if self.every != "epoch":
            minutes = (time.monotonic() - self.written_) / 60
            if minutes >= self.every:
                self._write(net, in_epoch=True)

    def on_epoch_end(self, net, **kwargs):
        """Keep the state of a whole epoch."""
        if self.every == "epoch":
            self._write(net, in_epoch=False)

    def _write(self, net, *, in_epoch):
        state, tensors = self.reader_.read(net, skip=(self,), in_epoch=in_epoch)
        state["n_whole"] = len(net.history) - in_epoch
        state["n_batches"] = self.n_batches_ if in_epoch else 0
        state["drawn_from"] = freeze(self.drawn_from_, tensors)
        try:
            self.checkpoint.write(state, tensors)
        except OSError as error:
            if not self.fails_:
                warnings.warn(
                    f"the checkpoint could not be written after epoch "
                    f"{state['n_whole']}, and training goes on without: {error}",
                    UserWarning,
                    stacklevel=2,
                )
            self.fails_ = True
        self._warn_of_lost()
        self.written_ = time.monotonic()

    def _warn_of_lost(self):
        """Say once what would begin anew after a kill."""
        lost, self.reader_.lost = self.reader_.lost, {}
        new = set(lost) - self.warned_
        self.warned_ |= new
        if new:
            listed = ", ".join(f"{n}.{a} ({lost[n, a]})" for n, a in sorted(new))
            warnings.warn(
                f"a checkpoint cannot keep {listed}: if this fit is killed, that "
                "begins anew. Keep numbers, strings, arrays and tensors there, or "
                "give it state_dict and load_state_dict",
                UserWarning,
                stacklevel=2,
            )

    def __getstate__(self):
        # What belongs to the training is over, and a file to this machine.
        return {"checkpoint": None, "every": self.every}


def checkpoint_of(net):
    """Find the checkpoint among the callbacks of a net: TrainingCheckpoint or None."""
    for _, callback in net.callbacks_:
        if isinstance(callback, TrainingCheckpoint):
            return callback
    return None
