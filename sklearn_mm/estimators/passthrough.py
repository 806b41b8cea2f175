"""What a user hands on to skorch: checked by name, and put into this net's terms."""

import difflib
import inspect
from functools import partial

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import LRScheduler

from sklearn_mm.estimators.batches import BatchIterator, FusionDataset
from sklearn_mm.estimators.criterion import RowLoss
from sklearn_mm.estimators.inputs import Rows

# Parameters of skorch's net that have no effect here, or would break something.
_INSTEAD = {
    "module": "Name an encoder: encoders=[('image', my_module_class)].",
    "dataset": "Give fit a MultimodalFeatures or an array.",
    "predict_nonlinearity": "predict_proba ends in softmax, or sigmoid if multilabel.",
    "warm_start": "Set warm_start of the estimator.",
    "history": "Read history_ after fit.",
    "initialized_": "Use warm_start=True to go on from a fit.",
    "virtual_params_": "Use the parameters by their names.",
}

_OF_ITERATORS = {
    "num_workers": "Batches are whole slices of arrays, cut faster than sent.",
    "shuffle": "What is not trained on keeps its order.",
    "drop_last": "Only iterator_train__drop_last may leave rows out.",
}
# What each takes, and values that ask for what is done anyhow.
_TAKEN = {
    "iterator_train": ("batch_size", "drop_last", "shuffle"),
    "iterator_valid": ("batch_size",),
}
_WITHOUT_EFFECT = {"num_workers": 0, "drop_last": False, "shuffle": False}

_OWN = ("auxiliary_weight", "precision")
_PREFIXES = (
    "module",
    "criterion",
    "optimizer",
    "iterator_train",
    "iterator_valid",
    "callbacks",
    "compile",
)


def check_net_params(net_params):
    """Refuse by name what skorch does not know, or what cannot work here.

    Parameters
    ----------
    net_params : dict or None
        As the user passed it.

    Returns
    -------
    dict
        A copy.

    Raises
    ------
    ValueError
        With what to use instead.
    """
    if net_params is None:
        return {}
    if not hasattr(net_params, "items"):
        raise ValueError(
            "net_params must be a dict of arguments of skorch.NeuralNet, found "
            f"{type(net_params).__name__}"
        )
    known = [*inspect.signature(NeuralNet.__init__).parameters, *_OWN]
    known = [name for name in known if name not in ("self", "kwargs", *_INSTEAD)]
    for name, value in net_params.items():
        if name in _INSTEAD:
            _refuse(name, value, _INSTEAD[name])
        prefix, is_nested, _ = name.partition("__")
        if prefix in _TAKEN:
            _check_iterator(name, value)
        elif name not in known and not (is_nested and prefix in _PREFIXES):
            nested = [f"{part}__{each}" for part in _TAKEN for each in _TAKEN[part]]
            close = difflib.get_close_matches(name, known + nested, n=1)
            guess = f"Did you mean {close[0]!r}? " if close else ""
            raise ValueError(
                f"net_params has {name!r}, which is no argument of skorch.NeuralNet. "
                f"{guess}It takes {known}, and <part>__<argument> for the parts "
                f"{list(_PREFIXES)}."
            )
    return dict(net_params)


def _check_iterator(name, value):
    """Refuse what is no iterator of this package, or no argument of it."""
    iterator, _, argument = name.partition("__")
    if not argument:
        if not (isinstance(value, type) and issubclass(value, BatchIterator)):
            _refuse(name, value, "Batches are cut by the package, see batch_size.")
        return
    if argument in _TAKEN[iterator]:
        return
    if argument in _WITHOUT_EFFECT and value == _WITHOUT_EFFECT[argument]:
        return
    advice = _OF_ITERATORS.get(
        argument, "Batches are no DataLoader's: they take batch_size and drop_last."
    )
    _refuse(name, value, advice)


def _says_what_is_done(name):
    """Tell whether an argument of batches asked for what they do without it."""
    prefix, _, argument = name.partition("__")
    return argument in _WITHOUT_EFFECT and argument not in _TAKEN.get(
        prefix, (argument,)
    )


def _refuse(name, value, advice):
    raise ValueError(f"net_params cannot have {name}={value!r} here. {advice}")


def net_arguments(net_params, criterion):
    """Make what the net is given of what the user named, and the criterion.

    Parameters
    ----------
    net_params : dict
        As :func:`check_net_params` gives it.
    criterion : callable
        The estimator's own.

    Returns
    -------
    criterion : callable
        The user's, if there is one, row by row.
    arguments : dict
        The others, without what is taken care of elsewhere.
    """
    handled = ("criterion", "train_split", "callbacks")
    arguments = {
        name: value
        for name, value in net_params.items()
        if name not in handled and not _says_what_is_done(name)
    }
    if "criterion" in net_params:
        return partial(RowLoss, net_params["criterion"]), arguments
    for name in arguments:
        if name.startswith("criterion__"):
            _refuse(
                name,
                arguments[name],
                "The loss of the estimator has no such parameter: name the criterion "
                "as well, such as 'criterion': torch.nn.CrossEntropyLoss.",
            )
    return criterion, arguments


def batch_plan(net_params, batch_size, n_rows):
    """Tell how many rows a batch has, and how many batches an epoch.

    Parameters
    ----------
    net_params : dict
        Whose sizes win.
    batch_size : int
        The estimator's.
    n_rows : int
        That are trained on.

    Returns
    -------
    batch_size, n_batches : int
    """
    batch_size = net_params.get("batch_size", batch_size)
    batch_size = net_params.get("iterator_train__batch_size", batch_size)
    batch_size = n_rows if batch_size == -1 else batch_size
    if net_params.get("iterator_train__drop_last", False):
        return batch_size, max(1, n_rows // batch_size)
    return batch_size, -(-n_rows // batch_size)


def split_by_user(estimator, split, train, groups=None):
    """Split the training rows as ``train_split`` of ``net_params`` says.

    Parameters
    ----------
    estimator : attention fusion estimator
        That knows modalities and target already.
    split : callable or None
        As in skorch: gives two datasets from one and its targets. None: all are
        trained on.
    train : FusionDataset
        The rows.
    groups : ndarray of shape (len(train),), default=None
        Of the rows, for a split that takes groups.

    Returns
    -------
    train, held : FusionDataset, or None for ``held``

    Raises
    ------
    ValueError
        If split is not callable, or gives what holds no features and targets.
    """
    if split is None:
        return train, None
    if not callable(split):
        _refuse("train_split", split, "Use skorch.dataset.ValidSplit(5), or None.")
    takes_groups = "groups" in inspect.signature(split).parameters
    more = {"groups": groups} if takes_groups and groups is not None else {}
    parts = split(train, train.target.numpy(), **more)
    return tuple(_as_fusion_dataset(estimator, part) for part in parts)


def _as_fusion_dataset(estimator, dataset):
    if dataset is None or isinstance(dataset, FusionDataset):
        return dataset
    if isinstance(dataset, torch.utils.data.Subset):
        whole = _as_fusion_dataset(estimator, dataset.dataset)
        places = np.asarray(dataset.indices)
        return FusionDataset(
            whole.features,
            whole.rows[places],
            whole.target[places],
            whole.weight[places],
        )
    X, y = getattr(dataset, "X", None), getattr(dataset, "y", None)
    if isinstance(dataset, tuple) and len(dataset) == 2:
        X, y = dataset
    if X is None or y is None:
        _refuse(
            "train_split",
            type(dataset).__name__,
            "What it gives must hold features and targets: "
            "predefined_split(skorch.dataset.Dataset(features, y)).",
        )
    features, y, _ = estimator._check_rows(X, y, None, reset=False)
    rows = Rows(features, np.arange(len(features)), y, None)
    return estimator._dataset(rows, slice(None))


def listed_callbacks(estimator, net_params):
    """List the user's callbacks: those of the estimator, then those of net_params."""
    more = net_params.get("callbacks") or ()
    if isinstance(more, str):
        _refuse("callbacks", more, "Leave callbacks out to have none of your own.")
    return [*(estimator.callbacks or ()), *more]


def sets_the_rate(callbacks):
    """Tell whether one of the user's callbacks is a schedule of the learning rate."""
    kinds = [c[1] if isinstance(c, tuple | list) else c for c in callbacks]
    return any(
        isinstance(kind, LRScheduler)
        or (isinstance(kind, type) and issubclass(kind, LRScheduler))
        for kind in kinds
    )
