"""What an epoch came to: the score on the rows held out, and a bar."""

import numpy as np
from skorch.callbacks import Callback
from tqdm.auto import tqdm

from sklearn_mm.estimators.prediction import predict_batches
from sklearn_mm.estimators.scores import HeldOutScore


class ValidationScore(Callback):
    """Record the score on the rows held out, as ``scoring`` of the estimator says.

    Parameters
    ----------
    estimator : attention fusion estimator
        What is trained; that knows its target already.
    """

    def __init__(self, estimator):
        self.score = HeldOutScore(estimator)

    def on_epoch_begin(self, net, **kwargs):
        """Forget the epoch before."""
        self.batches_ = []

    def on_batch_end(self, net, batch=None, training=False, y_pred=None, **kwargs):
        """Keep what was predicted of a batch that is not trained on."""
        if not training:
            (target, weight), outputs = batch[1], y_pred.detach()
            self.batches_.append(
                [part.cpu().numpy() for part in (target, outputs, weight)]
            )

    def on_epoch_end(self, net, dataset_valid=None, **kwargs):
        """Record the score in the history, as ``valid_score``."""
        if self.batches_:
            rows = map(np.concatenate, zip(*self.batches_, strict=True))
            score = self.score(dataset_valid, *rows)
            if score is not None:
                net.history.record("valid_score", score)
        self.batches_ = []


class EpochProgress(Callback):
    """Show the epochs trained, of all, with what the last one came to, on stderr.

    skorch's own bar counts the batches of one epoch, and starts anew for each.

    Parameters
    ----------
    description : str
        What stands before the bar.

    Attributes
    ----------
    linear_score : float or None
        Of the linear model that training began with, on the rows held out.
    """

    def __init__(self, description):
        self.description = description
        self.linear_score = None

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        self.bar_ = tqdm(total=net.max_epochs, desc=self.description, unit="epoch")

    def go_on(self, n_epochs):
        """Count the epochs that a process before this one has trained."""
        self.bar_.update(n_epochs)

    def on_epoch_end(self, net, **kwargs):
        """Count the epoch."""
        last = net.history[-1]
        came_to = {
            name: f"{last[name]:.4f}"
            for name in ("train_loss", "valid_loss", "valid_score")
            if name in last
        }
        if self.linear_score is not None:
            came_to["linear_score"] = f"{self.linear_score:.4f}"
        self.bar_.set_postfix(came_to, refresh=False)
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


def show_linear_score(net, held):
    """Let the bar name the score of the linear model that the network begins with.

    Parameters
    ----------
    net : FusionNet
        Initialised, and not trained yet. Without a bar nothing is computed.
    held : FusionDataset or None
        The rows held out.
    """
    callbacks = [callback for _, callback in net.callbacks_]
    bars = [each for each in callbacks if isinstance(each, EpochProgress)]
    scores = [each for each in callbacks if isinstance(each, ValidationScore)]
    if bars and scores and held is not None and net.module_.named_votes():
        outputs = predict_batches(net, held)
        target, weight = held.target.numpy(), held.weight.numpy()
        bars[0].linear_score = scores[0].score(held, target, outputs, weight)
