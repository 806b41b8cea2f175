"""What a trained net keeps: what predicts, and what trains it further."""

import torch
from skorch.callbacks import EarlyStopping, LRScheduler
from skorch.history import History


class EpochHistory(History):
    """A history that is pickled without its batches, which may outweigh the model."""

    def __reduce_ex__(self, protocol):
        epochs = [{**epoch, "batches": []} for epoch in self]
        return type(self), (), None, iter(epochs)


class Portable:
    """Mixin of a skorch net: its pickle loads where there is no GPU.

    skorch moves module, criterion and optimizer to the device that there is, but not
    what callbacks hold.
    """

    # By their beginnings, so ``callbacks_`` and ``criterion_`` too.
    cuda_dependent_attributes_ = ["callbacks", "criterion"]

    def __setstate__(self, state):
        if not is_available(state["device"]):
            state = {**state, "device": "cpu"}
        super().__setstate__(state)


def is_available(device):
    """Tell whether torch can compute on a device."""
    try:
        torch.empty(1, device=device)
    except (AssertionError, RuntimeError, NotImplementedError, ValueError):
        return False
    return True


def let_go(net, *, keep_moments):
    """Forget what only the training needed that is over now.

    Gradients, schedules and the weights that early stopping kept aside; they begin
    anew with the next training.

    Parameters
    ----------
    net : skorch.NeuralNet
        Trained.
    keep_moments : bool
        Whether the optimizer's moments stay, twice the size of the weights: those of
        ``partial_fit`` are gone on from, those at the end of a schedule are not.
    """
    net.train_split = None
    net.optimizer_.zero_grad(set_to_none=True)
    if not keep_moments:
        net.optimizer_.state.clear()
    for _, callback in net.callbacks_:
        if isinstance(callback, LRScheduler):
            callback.lr_scheduler_ = None  # it holds the optimizer
        elif isinstance(callback, EarlyStopping):
            callback.best_model_weights_ = None
