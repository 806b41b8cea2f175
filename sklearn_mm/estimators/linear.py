"""The linear model of all numbers and words that the network begins with."""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold

from sklearn_mm.estimators.batches import pad_block
from sklearn_mm.estimators.prediction import predict_batches
from sklearn_mm.nn.encoders import Standardize
from sklearn_mm.nn.votes import WORD_SCALE, VectorVotes, WordVotes

# Numbers that a linear model is fitted to: of more, as many rows as give so many, or
# all rows without the widest modalities.
MAX_NUMBERS = 2_000_000
MIN_CHOSEN_ROWS = 1000

# Vectors whose widths differ by less are taken alike: to compare costs as much again.
WIDER = 4

# C of logistic regression, 1 / alpha of ridge regression.
STRENGTHS = tuple(10.0**power for power in range(-4, 2))
N_FOLDS = 3

# Of what the network has learned beyond the linear model.
SHARES = np.linspace(0, 1, 21).tolist()


def make_votes(modality, *, n_outputs, width):
    """Make what holds the linear model of a :class:`Modality`.

    Parameters
    ----------
    modality : Modality
        Of vectors or token ids.
    n_outputs, width : int
        Of the network.

    Returns
    -------
    Votes
    """
    shared = {"n_outputs": n_outputs, "width": width}
    if modality.kind == "tokens":
        return WordVotes(modality.vocabulary_size, **shared)
    standardize = Standardize(modality.mean, modality.deviation)
    return VectorVotes(standardize, modality.n_inputs, modality.may_miss, **shared)


class LinearFit(NamedTuple):
    """A fitted linear model."""

    coefficients: np.ndarray  # (n_outputs, n_inputs)
    intercepts: np.ndarray  # (n_outputs,)
    loss: float  # by unit of weight, of rows that were left out


class Design(NamedTuple):
    """What a linear model reads."""

    voting: list  # (modality, Votes)
    scales: list  # what the inputs of each are multiplied by
    places: np.ndarray  # the training rows


def begin_with_linear_model(network, train, fit, seed, in_order=False):
    """Fit a linear model to the training rows, and let the network begin with it.

    Of several designs that with the least loss in cross-validation is taken.

    Parameters
    ----------
    network : FusionNetwork
        Initialised; is left as it is if none of its modalities votes.
    train : FusionDataset
        The training rows.
    fit : callable
        From inputs (n_rows, n_inputs), target, weights and a seed to a
        :class:`LinearFit`, or None.
    seed : int
        Of the folds, and of the rows that are taken where there are too many.
    in_order : bool, default=False
        Whether the strength is chosen in folds of neighbours in the order of X, as it
        should where that is an order in time and neighbours share much of their target:
        else a row is predicted by those that share it, and the weakest penalty wins.
    """
    voting = network.named_votes()
    best, coefficients = None, {}
    for design in list_designs(voting, len(train), seed):
        fitted = _fit_design(design, train, fit, seed, in_order)
        if fitted is None:
            return
        if best is None or fitted.loss < best.loss:
            best, coefficients = fitted, _split(fitted.coefficients, design)
    if best is not None:
        zeros = {name: np.zeros(votes.weight.shape) for name, votes in voting}
        network.begin_with(zeros | coefficients, best.intercepts)


def list_designs(voting, n_rows, seed):
    """List what the linear model may read.

    It is all modalities alike; where a vector is several times as wide as another, all
    such that each vector varies as much as the narrowest as a whole (block scaling,
    Westerhuis, Kourti and MacGregor 1998), so that many numbers do not bury few; and
    where only a part of the rows can be taken of these, all rows without the widest.

    Parameters
    ----------
    voting : list of (str, Votes)
        Names and votes of modalities.
    n_rows : int
        Of the training.
    seed : int
        Of the rows that are drawn.

    Returns
    -------
    list of Design
        Without any modality there is none.
    """
    if not voting:
        return []
    widths = [_width(votes) for _, votes in voting]
    narrowest = min(filter(None, widths), default=1)
    scales = [(narrowest / width) ** 0.5 if width else 1.0 for width in widths]
    places = _choose_places(n_rows, sum(widths), seed)
    designs = [Design(voting, [1.0] * len(voting), places)]
    if max(widths) >= WIDER * narrowest:
        designs.append(Design(voting, scales, places))
    kept = np.argsort(widths, kind="stable")
    while len(kept) and n_rows * sum(widths[i] for i in kept) > MAX_NUMBERS:
        kept = kept[:-1]
    kept = sorted(kept)
    if len(places) < n_rows and any(widths[i] for i in kept):
        designs.append(
            Design(
                [voting[i] for i in kept], [scales[i] for i in kept], np.arange(n_rows)
            )
        )
    return designs


def _width(votes):
    """Give how many numbers a vector has; zero for words, which are sparse."""
    return votes.weight.shape[1] if isinstance(votes, VectorVotes) else 0


def _fit_design(design, train, fit, seed, in_order):
    """Fit a linear model to what a design names."""
    places = design.places
    if in_order:
        places = places[np.argsort(train.rows[places], kind="stable")]
    rows = train.rows[places]
    with torch.no_grad():
        parts = [
            scale * _inputs_of(train.features.blocks[name], rows, votes)
            for (name, votes), scale in zip(design.voting, design.scales, strict=True)
        ]
    if any(map(sparse.issparse, parts)):
        inputs = sparse.hstack(parts, format="csr")
    else:
        inputs = np.concatenate(parts, axis=1)
    weight = train.weight[places].double().numpy()
    folds = None if in_order else seed
    return fit(inputs, train.target[places].numpy(), weight, folds)


def _split(coefficients, design):
    """Give the coefficients of each modality, of inputs that are not scaled."""
    ends = np.cumsum([votes.weight.shape[1] for _, votes in design.voting])[:-1]
    parts = np.split(coefficients, ends, axis=1)
    return {
        name: scale * part
        for (name, _), scale, part in zip(
            design.voting, design.scales, parts, strict=True
        )
    }


def weigh_against_linear_model(net, held):
    """Choose how far a trained network is followed beyond the model it began with.

    Where the network has learned its training rows by heart, rows that were held out
    tell that less of it, or nothing, is better. Its outputs go in a straight line from
    the linear model's to its own, and the loss along a line is convex.

    Parameters
    ----------
    net : FusionNet
        Trained.
    held : FusionDataset or None
        Rows that were not trained on; without any, all of it counts.
    """
    network = net.module_
    if held is None or not network.named_votes():
        return
    outputs = []
    for share in (0.0, 1.0):
        network.count_learned(share)
        outputs.append(torch.as_tensor(predict_batches(net, held), device=net.device))
    first, learned = outputs
    target, weight = held.target.to(net.device), held.weight.to(net.device)
    with torch.no_grad():
        losses = [
            (net.criterion_(torch.lerp(first, learned, share), target) * weight).mean()
            for share in SHARES
        ]
    network.count_learned(SHARES[int(torch.stack(losses).argmin())])


def _choose_places(n_rows, n_numbers, seed):
    """Choose the training rows that the linear model is fitted to."""
    n_most = max(MIN_CHOSEN_ROWS, MAX_NUMBERS // max(1, n_numbers))
    if n_rows <= n_most:
        return np.arange(n_rows)
    draw = np.random.RandomState(seed).choice
    return np.sort(draw(n_rows, n_most, replace=False))


def _inputs_of(block, rows, votes):
    """Give what is weighed of a modality, in float64; zero in rows without it."""
    values, lengths = pad_block(block, rows)
    if isinstance(votes, WordVotes):
        return WORD_SCALE * _count(values, lengths, votes.weight.shape[1])
    if not values.shape[1]:  # no row has it
        values = values.new_zeros(len(values), 1, *values.shape[2:])
    device = votes.weight.device
    inputs = votes.inputs(values[:, 0].to(device)) * (lengths > 0).to(device)[:, None]
    return inputs.double().cpu().numpy()


def _count(values, lengths, vocabulary_size):
    """Count the ids of each row: sparse (n_rows, vocabulary_size)."""
    inside = torch.arange(values.shape[1]) < lengths[:, None]
    ids = values[inside].numpy()
    row = np.repeat(np.arange(len(values)), lengths.numpy())
    shape = len(values), vocabulary_size
    return sparse.csr_matrix((np.ones(len(ids)), (row, ids)), shape=shape)


def fit_classes(inputs, target, weight, seed, *, prior):
    """Fit multinomial logistic regression, its strength chosen by cross-validation.

    Parameters
    ----------
    inputs : {ndarray, csr_matrix} of shape (n_rows, n_inputs)
        What is weighed.
    target : ndarray of int of shape (n_rows,)
        Class numbers.
    weight : ndarray of shape (n_rows,)
        Of the rows.
    seed : int or None
        Of the folds; None: each is of neighbouring rows.
    prior : ndarray of shape (n_classes,)
        Logarithms of the classes' shares, for those that no row has.

    Returns
    -------
    LinearFit or None
        None if all rows have one class.
    """
    if len(np.unique(target)) < 2:
        return None
    model, loss = _fit_best(_logistic, _log_loss, inputs, target, weight, seed)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(coefficients) == 1:
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    all_coefficients = np.zeros((len(prior), inputs.shape[1]))
    all_coefficients[model.classes_] = coefficients
    level = (intercepts - prior[model.classes_]).mean()
    all_intercepts = prior + level
    all_intercepts[model.classes_] = intercepts
    return LinearFit(all_coefficients, all_intercepts, loss)


def fit_labels(inputs, target, weight, seed, *, prior):
    """Fit a logistic regression for each label; parameters as :func:`fit_classes`.

    A label that all rows have, or none, keeps its prior.
    """
    coefficients = np.zeros((len(prior), inputs.shape[1]))
    intercepts = np.array(prior, dtype=np.float64)
    losses = 0.0
    for label, column in enumerate(target.T.astype(np.int64)):
        if len(np.unique(column)) == 2:
            model, loss = _fit_best(_logistic, _log_loss, inputs, column, weight, seed)
            coefficients[label] = model.coef_[0]
            intercepts[label] = model.intercept_[0]
            losses += loss
    return LinearFit(coefficients, intercepts, losses)


def fit_numbers(inputs, target, weight, seed, *, quantile=None):
    """Fit ridge regression, its strength chosen by cross-validation.

    Parameters
    ----------
    inputs, weight, seed
        As in :func:`fit_classes`.
    target : ndarray of shape (n_rows, n_outputs)
        Standardised.
    quantile : float, default=None
        Below which the remainders lie in this share of the rows. None: their mean is
        zero.

    Returns
    -------
    LinearFit
    """
    target = target.astype(np.float64)
    model, loss = _fit_best(_ridge, _squared_error, inputs, target, weight, seed)
    coefficients = np.atleast_2d(model.coef_)
    intercepts = np.atleast_1d(model.intercept_)
    if quantile is not None:
        remainders = target - inputs @ coefficients.T - intercepts
        intercepts = intercepts + weighted_quantile(remainders, quantile, weight)
    return LinearFit(coefficients, intercepts, loss)


def weighted_quantile(values, share, weight):
    """Give of each column the least value up to which a share of the weight lies.

    As ``numpy.quantile(values, share, axis=0, weights=weight, method="inverted_cdf")``
    of NumPy 2.
    """
    order = np.argsort(values, axis=0, kind="stable")
    reached = np.cumsum(weight[order], axis=0, dtype=np.float64)
    first = np.argmax(reached / reached[-1] >= share, axis=0)
    columns = np.arange(values.shape[1])
    return values[order[first, columns], columns]


def _fit_best(make, loss_of, inputs, target, weight, seed):
    """Fit with the strength that has the least loss on rows left out, in folds.

    Returns the model, and that loss by unit of weight.
    """
    losses = np.zeros(len(STRENGTHS))
    shuffles = seed is not None
    folds = KFold(min(N_FOLDS, len(target)), shuffle=shuffles, random_state=seed)
    for kept, left in folds.split(target):
        if target.ndim == 1 and len(np.unique(target[kept])) < 2:
            continue
        for index, strength in enumerate(STRENGTHS):
            model = _fitted(make(strength), inputs[kept], target[kept], weight[kept])
            losses[index] += loss_of(model, inputs[left], target[left], weight[left])
    best = STRENGTHS[int(losses.argmin())]
    return _fitted(make(best), inputs, target, weight), losses.min() / weight.sum()


def _log_loss(model, inputs, target, weight):
    """Sum the loss over the rows whose class the model knows."""
    places = np.searchsorted(model.classes_, target).clip(max=len(model.classes_) - 1)
    known = model.classes_[places] == target
    logarithms = model.predict_log_proba(inputs)[np.arange(len(target)), places]
    return -np.sum((logarithms * weight)[known])


def _squared_error(model, inputs, target, weight):
    predicted = model.predict(inputs).reshape(target.shape)
    return np.sum(np.square(predicted - target).T * weight)


def _logistic(strength):
    return LogisticRegression(C=strength, max_iter=200)


def _ridge(strength):
    return Ridge(1 / strength)


def _fitted(model, inputs, target, weight):
    # A model that has not converged is one to begin with, all the same.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(inputs, target, weight)
