"""The wiring of skorch: from specs and rows to a trained network."""

import math
from functools import partial

import torch
from skorch import NeuralNet
from skorch.callbacks import GradientNormClipping, LRScheduler
from torch.optim.lr_scheduler import LambdaLR

from sklearn_mm.estimators.batches import BatchIterator
from sklearn_mm.nn.network import FusionNetwork

# Rows a batch in prediction, where no gradients need memory.
PREDICTION_BATCH_SIZE = 256


class FusionNet(NeuralNet):
    """skorch's net with a loss for each row, weighted, and one for each modality.

    Parameters
    ----------
    *args, **kwargs
        As in skorch's ``NeuralNet``.
    auxiliary_weight : float, default=0.0
        Of the mean loss of the modalities' own heads beside the loss of the fusion.
    """

    def __init__(self, *args, auxiliary_weight=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.auxiliary_weight = auxiliary_weight

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Average the rows' losses times their weights."""
        target, weight = y_true
        if not isinstance(y_pred, tuple):
            return (self.criterion_(y_pred, target) * weight).mean()
        outputs, own_outputs, present = y_pred
        loss = (self.criterion_(outputs, target) * weight).mean()
        for own, there in zip(own_outputs, present, strict=True):
            own_loss = (self.criterion_(own, target) * weight * there).mean()
            loss = loss + self.auxiliary_weight / len(present) * own_loss
        return loss


def build_network(modalities, encoders, prior, *, width, n_heads, dropout, **options):
    """Build the network from what is known of the modalities.

    Parameters
    ----------
    modalities : dict of str to Modality
        In the order of the features.
    encoders : dict of str to encoder spec
        One for each modality.
    prior : ndarray of shape (n_outputs,)
        What a row without any modality gets.
    width, n_heads, dropout, **options
        As in :class:`sklearn_mm.nn.network.FusionNetwork`.

    Returns
    -------
    FusionNetwork
    """
    shared = {"width": width, "n_heads": n_heads, "dropout": dropout}
    built = []
    for name, modality in modalities.items():
        try:
            built.append((name, encoders[name].build(modality, **shared)))
        except ValueError as error:
            raise ValueError(f"modality {name!r}: {error}") from error
    return FusionNetwork(built, prior, **shared, **options)


def adamw(groups, *, lr, weight_decay):
    """Build AdamW that decays matrices, but neither norms nor biases."""
    parameters = [parameter for group in groups for parameter in group["params"]]
    decayed = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, fused=True)


def warm_up_then_cosine(step, n_steps, warm_up=0.1):
    """Give the factor of the learning rate at a batch out of n_steps."""
    n_warm = max(1, round(warm_up * n_steps))
    if step < n_warm:
        return (step + 1) / n_warm
    done = min(1.0, (step - n_warm) / max(1, n_steps - n_warm))
    return 0.5 * (1 + math.cos(math.pi * done))


def make_net(
    network, criterion, *, n_rows, max_epochs, batch_size, learning_rate, **options
):
    """Wire the network for skorch.

    Parameters
    ----------
    network : dict
        Arguments of :func:`build_network`.
    criterion : callable
        Gives a module from predictions and targets to one loss a row.
    n_rows : int
        Training rows, for the schedule.
    max_epochs, batch_size, learning_rate
        As in the estimator.
    **options
        ``weight_decay``, ``auxiliary_weight``, ``device``, ``verbose``, ``callbacks``
        as in the estimator, and ``net_params``: more arguments of skorch's net, which
        win.

    Returns
    -------
    FusionNet
    """
    n_steps = max_epochs * -(-n_rows // batch_size)
    # A partial, not a closure: the fitted net must pickle.
    factor = partial(warm_up_then_cosine, n_steps=n_steps)
    schedule = LRScheduler(LambdaLR, lr_lambda=factor, step_every="batch")
    callbacks = [
        ("gradient_clipping", GradientNormClipping(1.0)),
        ("schedule", schedule),
        *(options["callbacks"] or ()),
    ]
    params = {
        "optimizer": adamw,
        "optimizer__weight_decay": options["weight_decay"],
        "lr": learning_rate,
        "max_epochs": max_epochs,
        "batch_size": batch_size,
        "iterator_train": BatchIterator,
        "iterator_train__shuffle": True,
        "iterator_valid": BatchIterator,
        "iterator_valid__batch_size": PREDICTION_BATCH_SIZE,
        "train_split": None,
        "device": options["device"],
        "verbose": options["verbose"],
        "auxiliary_weight": options["auxiliary_weight"],
        "callbacks": callbacks,
        **{f"module__{name}": value for name, value in network.items()},
        **(options["net_params"] or {}),
    }
    return FusionNet(build_network, criterion, **params)


def resolve_device(device):
    """Choose a GPU where there is one for ``"auto"``, else what was asked for."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"
