"""A bar over the epochs of training."""

from skorch.callbacks import Callback
from tqdm.auto import tqdm


class EpochProgress(Callback):
    """Show the epochs trained, of all, with the losses of the last one, on stderr.

    skorch's own bar counts the batches of one epoch, and starts anew for each.

    Parameters
    ----------
    description : str
        What stands before the bar.
    """

    def __init__(self, description):
        self.description = description

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        self.bar_ = tqdm(total=net.max_epochs, desc=self.description, unit="epoch")

    def on_epoch_end(self, net, **kwargs):
        """Count the epoch."""
        last = net.history[-1]
        losses = {
            name: f"{last[name]:.4f}"
            for name in ("train_loss", "valid_loss")
            if name in last
        }
        self.bar_.set_postfix(losses, refresh=False)
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        """Close the bar."""
        self.close()

    def close(self):
        """Close the bar and forget it, however training has ended."""
        if hasattr(self, "bar_"):
            self.bar_.close()
            del self.bar_

    def __getstate__(self):
        # A net may be pickled while it trains, by a checkpoint; a bar cannot be.
        return {name: value for name, value in vars(self).items() if name != "bar_"}
