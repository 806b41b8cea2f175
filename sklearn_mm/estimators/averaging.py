"""The model as an average of the weights along the training."""

import torch
from skorch.callbacks import Callback
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAveraging(Callback):
    """Keep an exponential moving average of the weights, and end with it.

    Validation, and so early stopping, sees the average (Izmailov et al. 2018; Morales-
    Brotons et al. 2024); training goes on from the weights themselves.
    """

    def __init__(self, decay=0.99):
        self.decay = decay

    def on_train_begin(self, net, **kwargs):
        """Begin with the weights as they are."""
        self.average_ = [p.detach().clone() for p in net.module_.parameters()]
        self.n_batches_ = 0

    def on_batch_end(self, net, training=False, **kwargs):
        """Move the average towards the weights, faster at first."""
        if not training:
            return
        self.n_batches_ += 1
        decay = min(self.decay, self.n_batches_ / (self.n_batches_ + 10))
        update = get_ema_multi_avg_fn(decay)
        weights = [p.detach() for p in net.module_.parameters()]
        update(self.average_, weights, self.n_batches_)

    def on_epoch_begin(self, net, **kwargs):
        """Go on from the weights."""
        if hasattr(self, "weights_"):
            self._load(net, self.weights_)
            del self.weights_

    def on_batch_begin(self, net, training=False, **kwargs):
        """Put the average in the weights' place for validation."""
        if not training and not hasattr(self, "weights_"):
            self.weights_ = [p.detach().clone() for p in net.module_.parameters()]
            self._load(net, self.average_)

    def on_train_end(self, net, **kwargs):
        """Leave the average, or what early stopping has restored of it."""
        if hasattr(self, "weights_"):
            del self.weights_
        else:
            self._load(net, self.average_)
        del self.average_

    def _load(self, net, values):
        with torch.no_grad():
            for parameter, value in zip(net.module_.parameters(), values, strict=True):
                parameter.copy_(value)
