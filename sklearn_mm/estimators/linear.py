"""The linear model that the network begins with, fitted to all vectors of the rows."""

import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold

from sklearn_mm.estimators.batches import pad_block

# Vectors of more features are left to the network, which reads them a batch at a time.
MAX_FEATURES = 2048
# Numbers that a linear model is fitted to: of more, as many rows as give so many.
MAX_NUMBERS = 2_000_000
MIN_ROWS = 10

STRENGTHS = tuple(10.0**power for power in range(-4, 1))  # C of logistic regression
PENALTIES = np.logspace(-1, 5, 13)  # alpha of ridge regression
N_FOLDS = 3


def has_votes(modality):
    """Tell whether a linear model reads a :class:`Modality`."""
    return modality.kind == "vector" and modality.n_inputs <= MAX_FEATURES


def begin_with_linear_model(network, train, fit, seed):
    """Fit a linear model to the vectors of the training rows, and begin with it.

    Parameters
    ----------
    network : FusionNetwork
        Initialised; is left as it is without vectors, or with fewer than 10 rows.
    train : FusionDataset
        The training rows.
    fit : callable
        From inputs (n_rows, n_inputs), target, weights and a seed to coefficients
        (n_outputs, n_inputs) and intercepts (n_outputs,), or None.
    seed : int
        Of the rows that are taken where there are too many.
    """
    if not network.votes or len(train) < MIN_ROWS:
        return
    with torch.no_grad():
        inputs = {
            name: _inputs_of(train, name, votes)
            for name, votes in network.named_votes()
        }
    joined = np.concatenate(list(inputs.values()), axis=1)
    rows = np.arange(len(joined))
    n_most = max(1000, MAX_NUMBERS // joined.shape[1])
    if len(rows) > n_most:
        chosen = np.random.RandomState(seed).choice(len(rows), n_most, replace=False)
        rows = np.sort(chosen)
    target = train.target[rows].numpy()
    fitted = fit(joined[rows], target, train.weight[rows].double().numpy(), seed)
    if fitted is None:
        return
    coefficients, intercepts = fitted
    ends = np.cumsum([part.shape[1] for part in inputs.values()])[:-1]
    by_modality = np.split(coefficients, ends, axis=1)
    network.begin_with(dict(zip(inputs, by_modality, strict=True)), intercepts)


def _inputs_of(train, name, votes):
    """Give what is weighed of a modality: float64, zero in rows without it."""
    values, lengths = pad_block(train.features.blocks[name], train.rows)
    if not values.shape[1]:  # no row has it
        values = values.new_zeros(len(values), 1, *values.shape[2:])
    inputs = votes.inputs(values[:, 0]) * (lengths > 0)[:, None]
    return inputs.double().numpy()


def fit_classes(inputs, target, weight, seed, *, prior):
    """Fit multinomial logistic regression, its strength chosen by cross-validation.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, n_inputs)
        What is weighed.
    target : ndarray of int of shape (n_rows,)
        Class numbers.
    weight : ndarray of shape (n_rows,)
        Of the rows.
    seed : int
        Of the folds.
    prior : ndarray of shape (n_classes,)
        Logarithms of the classes' shares, for those that no row has.

    Returns
    -------
    coefficients : ndarray of shape (n_classes, n_inputs)
    intercepts : ndarray of shape (n_classes,)
        Or None instead of both if all rows have one class.
    """
    if len(np.unique(target)) < 2:
        return None
    strength = _choose_strength(inputs, target, weight, seed)
    model = _logistic(strength).fit(inputs, target, weight)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(coefficients) == 1:
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    all_coefficients = np.zeros((len(prior), inputs.shape[1]))
    all_coefficients[model.classes_] = coefficients
    level = (intercepts - prior[model.classes_]).mean()
    all_intercepts = prior + level
    all_intercepts[model.classes_] = intercepts
    return all_coefficients, all_intercepts


def fit_labels(inputs, target, weight, seed, *, prior):
    """Fit a logistic regression for each label; parameters as :func:`fit_classes`.

    A label that all rows have, or none, keeps its prior.
    """
    coefficients = np.zeros((len(prior), inputs.shape[1]))
    intercepts = np.array(prior, dtype=np.float64)
    for label, column in enumerate(target.T.astype(np.int64)):
        if len(np.unique(column)) == 2:
            strength = _choose_strength(inputs, column, weight, seed)
            model = _logistic(strength).fit(inputs, column, weight)
            coefficients[label] = model.coef_[0]
            intercepts[label] = model.intercept_[0]
    return coefficients, intercepts


def fit_numbers(inputs, target, weight, seed, *, quantile=None):
    """Fit ridge regression, its penalty chosen by leaving out each row in turn.

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
    coefficients : ndarray of shape (n_outputs, n_inputs)
    intercepts : ndarray of shape (n_outputs,)
    """
    model = RidgeCV(PENALTIES).fit(inputs, target.astype(np.float64), weight)
    coefficients = np.atleast_2d(model.coef_)
    intercepts = np.atleast_1d(model.intercept_)
    if quantile is not None:
        remainders = target - inputs @ coefficients.T - intercepts
        intercepts = intercepts + np.quantile(
            remainders, quantile, axis=0, weights=weight, method="inverted_cdf"
        )
    return coefficients, intercepts


def _choose_strength(inputs, target, weight, seed):
    """Choose C of the least loss on rows that are left out, in folds."""
    losses = np.zeros(len(STRENGTHS))
    folds = KFold(N_FOLDS, shuffle=True, random_state=seed)
    for kept, left in folds.split(inputs):
        if len(np.unique(target[kept])) < 2:
            continue
        model = _logistic(STRENGTHS[0]).set_params(warm_start=True)
        for index, strength in enumerate(STRENGTHS):
            model.set_params(C=strength)
            _quietly(model.fit, inputs[kept], target[kept], weight[kept])
            losses[index] += _log_loss(model, inputs[left], target[left], weight[left])
    return STRENGTHS[int(losses.argmin())]


def _log_loss(model, inputs, target, weight):
    """Sum the loss over the rows whose class the model knows."""
    places = np.searchsorted(model.classes_, target).clip(max=len(model.classes_) - 1)
    known = model.classes_[places] == target
    logarithms = model.predict_log_proba(inputs)[np.arange(len(target)), places]
    return -np.sum((logarithms * weight)[known])


def _logistic(strength):
    return LogisticRegression(C=strength, max_iter=500)


def _quietly(fit, *rows):
    # A model that has not converged is one to begin with, all the same.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit(*rows)
