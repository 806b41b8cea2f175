"""The schedule of the learning rate, which gives way to the user's."""

import warnings

from skorch.callbacks import LRScheduler


class RateSchedule(LRScheduler):
    """Set the learning rate each batch, until somebody else sets it.

    Parameters
    ----------
    *args, **kwargs
        As in skorch's ``LRScheduler``.
    """

    def on_train_begin(self, net, **kwargs):
        """Begin the schedule."""
        super().on_train_begin(net, **kwargs)
        self.gives_way_ = False

    def on_batch_end(self, net, training, **kwargs):
        """Take the next step, if the rate is still what the last step made."""
        if not training or self.gives_way_:
            return
        rates = [group["lr"] for group in net.optimizer_.param_groups]
        if rates != self.lr_scheduler_.get_last_lr():
            self.gives_way_ = True
            warnings.warn(
                f"a callback has set the learning rate to {rates[0]:g}, so the "
                "schedule of the estimator ends here. Set schedule='constant' and "
                "warm_up=0 to leave the rate to the callback from the start.",
                UserWarning,
                stacklevel=2,
            )
            return
        super().on_batch_end(net, training, **kwargs)
