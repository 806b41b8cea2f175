"""When modalities are hidden in training."""

from skorch.callbacks import Callback

# Shares of the training up to which all rows are shown whole, and from which on
# modalities are hidden as often as they ever are, if nothing has been found before.
WHOLE_UNTIL, THIN_FROM = 0.5, 0.75


class Curriculum(Callback):
    """Hide modalities once they are seen to tell something, or when it is time.

    Hidden modalities pull a network to what fewer than all tell. Where that is nothing,
    it learns these rows by heart and never finds what all tell together. So whole rows
    come first (an order of lessons, as in Bengio et al. 2009, "Curriculum Learning").

    Parameters
    ----------
    n_steps : int
        Batches of the whole training.
    """

    def __init__(self, n_steps):
        self.n_steps = n_steps

    def on_train_begin(self, net, **kwargs):
        """Count the batches from here."""
        self.n_done_ = 0

    def on_batch_begin(self, net, training=False, **kwargs):
        """Say how much of the rows is shown with less than all."""
        if training:
            timely = thinning_at(self.n_done_ / self.n_steps)
            for network in net.module_.members:
                network.thinning = max(timely, network.found_share())
            self.n_done_ += 1

    def on_epoch_end(self, net, **kwargs):
        """Learn from the rows that were held out what modalities tell."""
        for network in net.module_.members:
            network.skill.settle()

    def on_train_end(self, net, **kwargs):
        """Leave the network as it is for what trains it further."""
        for network in net.module_.members:
            network.thinning = 1.0
            network.skill.forget()


def thinning_at(done):
    """Give the share of hiding that is due at a share of the training."""
    return min(1.0, max(0.0, (done - WHOLE_UNTIL) / (THIN_FROM - WHOLE_UNTIL)))
