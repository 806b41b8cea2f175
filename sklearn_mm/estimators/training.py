"""The wiring of skorch: from specs and rows to a trained network."""

import copy
import math
from contextlib import contextmanager
from functools import partial

import torch
from skorch.callbacks import EarlyStopping, GradientNormClipping
from skorch.helper import predefined_split
from torch.optim.lr_scheduler import LambdaLR

from sklearn_mm.estimators.averaging import WeightAveraging
from sklearn_mm.estimators.batches import BatchIterator
from sklearn_mm.estimators.checkpoints.callback import (
    TrainingCheckpoint,
)
from sklearn_mm.estimators.curriculum import Curriculum
from sklearn_mm.estimators.divergence import FiniteTraining, settle
from sklearn_mm.estimators.linear import make_votes
from sklearn_mm.estimators.net import FusionNet, Interrupted
from sklearn_mm.estimators.passthrough import (
    check_net_params,
    listed_callbacks,
    net_arguments,
    sets_the_rate,
)
from sklearn_mm.estimators.progress import EpochProgress, ValidationScore
from sklearn_mm.estimators.rates import BY_FORM, parameter_groups, reset_rates
from sklearn_mm.estimators.schedule import RateSchedule
from sklearn_mm.estimators.scores import adapted, warn_of_no_held_rows
from sklearn_mm.estimators.slim import EpochHistory, is_available, let_go
from sklearn_mm.estimators.specs.factory import build_encoder
from sklearn_mm.nn.members import FusionMembers
from sklearn_mm.nn.network import FusionNetwork

# Rows a batch in prediction: enough to fill matrix products, few enough to stay small.
PREDICTION_BATCH_SIZE = 64

# Epochs without a better one, before it stops: on some hundred rows the loss goes up
# and down while the rate is high, and falls again when the rate does.
SHORTEST_PATIENCE = 10


def build_network(modalities, encoders, prior, *, n_estimators=1, **options):
    """Build the network, or several, from what is known of the modalities.

    Parameters
    ----------
    modalities : dict of str to Modality
        In the order of the features.
    encoders : dict of str to encoder spec or callable
        One for each modality.
    prior : ndarray of shape (n_outputs,)
        What a row without any modality gets.
    n_estimators : int, default=1
        How many.
    **options
        ``voting``, a list of the modalities that a linear model reads; the others as in
        :class:`sklearn_mm.nn.network.FusionNetwork`.

    Returns
    -------
    FusionNetwork, or FusionMembers where there are several
    """
    members = [
        _build_member(modalities, encoders, prior, **options)
        for _ in range(n_estimators)
    ]
    return members[0] if n_estimators == 1 else FusionMembers(members)


def _build_member(
    modalities, encoders, prior, *, voting, width, n_heads, dropout, **options
):
    shared = {"width": width, "n_heads": n_heads, "dropout": dropout}
    built = []
    for name, modality in modalities.items():
        try:
            encoder = build_encoder(name, encoders[name], modality, **shared)
        except ValueError as error:
            raise ValueError(f"modality {name!r}: {error}") from error
        built.append((name, encoder))
    votes = {
        name: make_votes(modalities[name], n_outputs=len(prior), width=width)
        for name in voting
    }
    return FusionNetwork(built, prior, votes=votes, **shared, **options)


def adamw(groups, *, lr, weight_decay):
    """Build AdamW that decays matrices, but neither norms nor biases.

    What has a group by name stays in it: the biases, which may be matrices, or what a
    user's ``net_params`` name. The last group is the others; it is divided, and so are
    those of encoders that have a rate of their own.
    """
    *named, others = groups
    divided = [others, *(group for group in named if BY_FORM in group)]
    groups = [
        *(part for group in divided for part in _by_form(group, weight_decay)),
        *(group for group in named if BY_FORM not in group),
    ]
    return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay, fused=True)


def _by_form(group, weight_decay):
    """Divide a group into matrices, which decay, and vectors."""
    kept = {name: v for name, v in group.items() if name not in ("params", BY_FORM)}
    vectors = [p for p in group["params"] if p.ndim <= 1]
    matrices = [p for p in group["params"] if p.ndim > 1]
    return [
        {**kept, "params": matrices, "weight_decay": weight_decay},
        {**kept, "params": vectors, "weight_decay": 0.0},
    ]


def rate_factor(step, n_steps, warm_up, schedule):
    """Give the factor of the learning rate at a batch out of n_steps."""
    n_warm = round(warm_up * n_steps)
    if step < n_warm:
        return (step + 1) / n_warm
    done = min(1.0, (step - n_warm) / max(1, n_steps - n_warm))
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0 - done if schedule == "linear" else 1.0


def make_net(
    network,
    criterion,
    estimator,
    *,
    batch_size,
    n_batches,
    max_epochs,
    held=None,
    stops_early=False,
    constant_rate=False,
    checkpoint=None,
):
    """Wire the network for skorch.

    Parameters
    ----------
    network : dict
        Arguments of :func:`build_network`.
    criterion : callable
        Gives a module from predictions and targets to one loss a row.
    estimator : attention fusion estimator
        Whose parameters of training are taken.
    batch_size : int
        Rows a step.
    n_batches : int
        Steps an epoch.
    max_epochs : int
        Passes over the training rows.
    held : FusionDataset, default=None
        Rows to validate on after each epoch.
    stops_early : bool, default=False
        Whether to stop by the loss on them, and to restore the best weights.
    constant_rate : bool, default=False
        Whether to leave the schedule out, where the number of epochs is not known.
    checkpoint : Checkpoint, default=None
        In which the state of the training is kept.

    Returns
    -------
    FusionNet
    """
    net_params = check_net_params(estimator.net_params)
    criterion, arguments = net_arguments(net_params, criterion)
    listed = listed_callbacks(estimator, net_params)
    callbacks = [adapted(callback, estimator) for callback in listed]
    if held is None:
        warn_of_no_held_rows(callbacks)
    n_steps = None if constant_rate else max_epochs * n_batches
    params = {
        "optimizer": adamw,
        "optimizer__weight_decay": estimator.weight_decay,
        "optimizer__param_groups": parameter_groups(network, net_params),
        "lr": estimator.learning_rate,
        "max_epochs": max_epochs,
        "batch_size": batch_size,
        "iterator_train": BatchIterator,
        "iterator_train__shuffle": True,
        "iterator_valid": BatchIterator,
        "iterator_valid__batch_size": PREDICTION_BATCH_SIZE,
        "train_split": None,
        "device": resolve_device(estimator.device),
        # The table of epochs, on stdout; one level below stands the bar.
        "verbose": int(estimator.verbose >= 2),
        "auxiliary_weight": estimator.auxiliary_weight,
        "precision": estimator.precision,
        "history": EpochHistory(),
        "callbacks": [
            *_own_callbacks(estimator, n_steps, held, sets_the_rate(callbacks)),
            *callbacks,
            # After the user's, which may score the epoch that it ends.
            *(
                [("early_stopping", _stopping(estimator, max_epochs))]
                if stops_early
                else ()
            ),
            *_checkpointing(estimator, checkpoint),
        ],
        **{f"module__{name}": value for name, value in network.items()},
        **arguments,
    }
    return FusionNet(build_network, criterion, **params)


def _own_callbacks(estimator, n_steps, held, users_rate):
    """List the callbacks that the estimator's parameters ask for, in their order."""
    callbacks = [("finite", FiniteTraining())]
    if estimator.gradient_clipping is not None:
        clipping = GradientNormClipping(estimator.gradient_clipping)
        callbacks.append(("gradient_clipping", clipping))
    if n_steps is not None and not users_rate:
        # A partial, not a closure: the fitted net must pickle.
        factor = partial(
            rate_factor,
            n_steps=n_steps,
            warm_up=estimator.warm_up,
            schedule=estimator.schedule,
        )
        schedule = RateSchedule(LambdaLR, lr_lambda=factor, step_every="batch")
        callbacks.append(("schedule", schedule))
    if n_steps is not None:
        callbacks.append(("curriculum", Curriculum(n_steps)))
    if held is not None:
        callbacks.append(("valid_score", ValidationScore(estimator)))
    if estimator.verbose == 1:
        # Before early stopping, which keeps the last epoch from what comes after it.
        progress = EpochProgress(type(estimator).__name__)
        callbacks.append(("progress", progress))
    if estimator.averaging == "ema":
        # Before early stopping, which has the last word on the weights.
        callbacks.append(("averaging", WeightAveraging()))
    return callbacks


def _checkpointing(estimator, checkpoint):
    if checkpoint is None or checkpoint.file is None:
        return []
    kept = TrainingCheckpoint(checkpoint, estimator.checkpoint_every)
    return [("training_checkpoint", kept)]


def _stopping(estimator, max_epochs):
    patience = estimator.n_iter_no_change
    if patience == "auto":
        patience = max(SHORTEST_PATIENCE, max_epochs // 2)
    by_loss = estimator.scoring == "loss"
    return EarlyStopping(
        monitor="valid_loss" if by_loss else "valid_score",
        lower_is_better=by_loss,
        patience=patience,
        threshold=0.0,
        load_best=True,
        sink=print if estimator.verbose >= 2 else _silent,
    )


def _silent(message):
    """Take the place of print, where a fitted net must pickle."""


def run(net, train, held=None, n_epochs=None):
    """Train an initialized net, and let go of what only the training needed.

    Parameters
    ----------
    net : FusionNet
        To train further.
    train : FusionDataset
        The training rows.
    held : FusionDataset, default=None
        Rows to validate on after each epoch.
    n_epochs : int, default=None
        So many more, all at the net's own learning rate. None: as the net was made.
    """
    if n_epochs is not None:
        # Those of an earlier fit are at their end, or need rows to validate on.
        over = ("schedule", "valid_score", "early_stopping", "training_checkpoint")
        net.callbacks_ = [pair for pair in net.callbacks_ if pair[0] not in over]
        net.set_params(max_epochs=n_epochs)
        reset_rates(net)
    net.train_split = None if held is None else predefined_split(held)
    try:
        with _unchanged_on_failure(net):
            net.partial_fit(train, y=None)
            settle(net)
    except Interrupted:
        raise KeyboardInterrupt from None
    finally:
        for _, callback in net.callbacks_:
            if isinstance(callback, EpochProgress):
                callback.close()
    if "dur" not in net.history[-1]:
        net.history.pop()  # the epoch that Ctrl-C cut short
    let_go(net, keep_moments=n_epochs is not None)
    net.module_.eval()  # for whoever calls it by hand


@contextmanager
def _unchanged_on_failure(net):
    """Give a net its weights and its history back if the block raises."""
    states = [
        (part, copy.deepcopy(part.state_dict()))
        for part in (net.module_, net.optimizer_)
        if len(net.history)  # else there is nothing to lose
    ]
    n_epochs = len(net.history)
    try:
        yield
    except BaseException:
        for part, state in states:
            part.load_state_dict(state)
        del net.history[n_epochs:]
        net.module_.eval()
        raise


def resolve_device(device):
    """Choose a GPU where there is one for ``"auto"``, else what was asked for."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device is not None and not is_available(device):
        n_gpus = torch.cuda.device_count()
        raise ValueError(
            f"device={device!r} cannot be used here: torch finds {n_gpus} GPUs of "
            "CUDA. Use device='auto', which takes a GPU where there is one, or 'cpu'."
        )
    return device
