"""Training that leaves the numbers: noticed, and taken back."""

import copy
import warnings

import torch
from skorch.callbacks import Callback, EarlyStopping


class Diverged(Exception):
    """A loss or a weight that is not a number, or a loss in training that is infinite.

    Parameters
    ----------
    what : str
        What was found.
    """


class FiniteTraining(Callback):
    """Stop where loss or weights are no numbers any more, and keep the last that were.

    Attributes
    ----------
    good_ : dict or None
        State of the module after the last epoch that was whole; None before.
    n_good_ : int
        Epochs in the history then.
    found_ : str or None
        What was found that is not finite.
    """

    def on_train_begin(self, net, **kwargs):
        """Begin without a state to go back to."""
        self.good_, self.n_good_, self.found_ = None, len(net.history), None
        self.n_before_ = len(net.history)

    def on_batch_end(self, net, training=False, loss=None, **kwargs):
        """Look at the loss; that of held-out rows may be large, but is a number."""
        value = loss.item()
        if value != value or (training and abs(value) == float("inf")):
            rows = "training rows" if training else "rows held out"
            self._stop(f"the loss of the {rows} became {value}")

    def on_epoch_end(self, net, **kwargs):
        """Look at the weights, and keep them."""
        if not _are_finite(net.module_):
            self._stop("weights became NaN or infinite")
        self.good_, self.n_good_ = _averaged_state(net), len(net.history)

    def _stop(self, found):
        self.found_ = found
        raise Diverged(found)

    def __getstate__(self):
        # The state is for this training only.
        return {k: v for k, v in vars(self).items() if k != "good_"}


def settle(net):
    """Give a net that diverged its last good state, and warn; else do nothing.

    Parameters
    ----------
    net : skorch.NeuralNet
        After training, with :class:`FiniteTraining` among its callbacks.

    Raises
    ------
    ValueError
        If there was no good epoch in this training.
    """
    guards = [c for _, c in net.callbacks_ if isinstance(c, FiniteTraining)]
    for guard in guards:
        found, good = guard.found_, guard.good_
        guard.good_ = guard.found_ = None
        if found is None:
            continue
        n_good = guard.n_good_ - guard.n_before_
        cure = (
            f"Lower learning_rate, which is {net.lr:g}, or set gradient_clipping; very "
            "large targets, weights or a criterion of your own can do it, too."
        )
        where = f"{found} in epoch {n_good + 1}"
        if not n_good:
            raise ValueError(f"{where}, and there is no model: {cure}")
        if not (_was_restored(net) and _are_finite(net.module_)):
            net.module_.load_state_dict(good)
        del net.history[guard.n_good_ :]
        before = "epoch" if n_good == 1 else f"{n_good} epochs"
        warnings.warn(
            f"{where}: the model is what the {before} before made. {cure}",
            UserWarning,
            stacklevel=2,
        )


def _was_restored(net):
    """Tell whether early stopping has put the best weights in place."""
    return any(
        isinstance(callback, EarlyStopping)
        and getattr(callback, "best_model_weights_", None) is not None
        for _, callback in net.callbacks_
    )


def _averaged_state(net):
    """Copy what the model would be if training ended here."""
    state = copy.deepcopy(net.module_.state_dict())
    for _, callback in net.callbacks_:
        average = getattr(callback, "average_", None)
        if average is not None:
            names = [name for name, _ in net.module_.named_parameters()]
            pairs = zip(names, average, strict=True)
            state.update({name: value.clone() for name, value in pairs})
    return state


def _are_finite(module):
    return all(bool(torch.isfinite(p).all()) for p in module.parameters())
