"""Temperatures of a fitted classifier, one for each pattern of present modalities.

A network that is shown less is not overconfident by as much as one that is shown all.
So the scores of a row are divided by the temperature of the modalities that it has.
"""

from itertools import chain, combinations

import numpy as np
from scipy.optimize import minimize_scalar

# Up to so many modalities each subset is a pattern: 31 passes over the held-out rows.
MAX_MODALITIES = 5
MAX_PATTERNS = 2**MAX_MODALITIES - 1

# Deviation of the logarithm of a temperature around what it shrinks to.
PRIOR_DEVIATION = 0.5

# Of the logarithm of a temperature: from 0.05 to 20.
_BOUNDS = (-3.0, 3.0)


def present_modalities(features):
    """Tell which modalities each row has.

    Parameters
    ----------
    features : MultimodalFeatures
        Of n_samples.

    Returns
    -------
    ndarray of bool of shape (n_samples, n_modalities)
    """
    return np.column_stack([~block.missing for block in features.blocks.values()])


def patterns_to_learn(present):
    """List the patterns of modalities that get a temperature of their own.

    Parameters
    ----------
    present : ndarray of bool of shape (n_rows, n_modalities)
        Of the held-out rows.

    Returns
    -------
    list of tuple of int
        Up to five modalities all subsets; of more, the at most 31 patterns that are
        most frequent among the rows. Never the empty one.
    """
    n_modalities = present.shape[1]
    if n_modalities <= MAX_MODALITIES:
        sizes = range(1, n_modalities + 1)
        return list(chain(*(combinations(range(n_modalities), k) for k in sizes)))
    patterns, counts = np.unique(
        present[present.any(axis=1)], axis=0, return_counts=True
    )
    most = np.argsort(-counts, kind="stable")[:MAX_PATTERNS]
    return [tuple(np.flatnonzero(patterns[i]).tolist()) for i in most]


def see_under_patterns(held, forward, *, complete_only=False):
    """Show the network the held-out rows as if they had fewer modalities than they do.

    So a pattern that no training row has gets a temperature, too.

    Parameters
    ----------
    held : FusionDataset
        The held-out rows.
    forward : callable
        From features, rows and the names of the modalities that are shown to outputs.
    complete_only : bool, default=False
        Whether only the pattern of all modalities counts.

    Returns
    -------
    dict of tuple of str to (rows, outputs)
        For each pattern the rows that have its modalities, as numbers of held-out rows,
        and what the network gives for them, shown just these.
    """
    names = held.features.names
    present = present_modalities(held.features)[held.rows]
    everything = [tuple(range(len(names)))]
    views = {}
    for pattern in everything if complete_only else patterns_to_learn(present):
        able = np.flatnonzero(present[:, pattern].all(axis=1))
        if len(able):
            shown = tuple(names[modality] for modality in pattern)
            views[shown] = able, forward(held.features, held.rows[able], list(shown))
    return views


def fit_temperature(outputs, target, weight, around=1.0):
    """Find the temperature under which the targets are most likely.

    It minimises the weighted sum of the rows' negative log-likelihoods (Guo et al.
    2017) and, so that few rows or rows that are all predicted right do not drive it to
    an extreme, the squared distance of its logarithm from that of ``around``, which is
    half that square over a variance of 0.5 ** 2.

    Parameters
    ----------
    outputs : ndarray of shape (n_rows, n_classes)
        Scores of the network.
    target : ndarray of shape (n_rows,), or (n_rows, n_labels)
        Class numbers, or an indicator.
    weight : ndarray of shape (n_rows,)
        Of each row.
    around : float, default=1.0
        What the temperature shrinks to; without rows it is that.

    Returns
    -------
    float
        From 0.05 to 20.
    """
    outputs = outputs.astype(np.float64)
    center = np.log(around)

    def loss(log_temperature):
        scaled = outputs * np.exp(-log_temperature)
        distance = (log_temperature - center) / PRIOR_DEVIATION
        return weight @ negative_log_likelihood(scaled, target) + distance**2 / 2

    found = minimize_scalar(loss, bounds=_BOUNDS, method="bounded")
    return float(np.exp(found.x))


def negative_log_likelihood(scores, target):
    """Compare scores with class numbers, or with an indicator: (n_rows,)."""
    if target.ndim == 2:  # multilabel: the mean over the labels, as in training
        return np.mean(np.logaddexp(0, scores) - target * scores, axis=1)
    highest = scores.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(scores - highest).sum(axis=1)) + highest[:, 0]
    return log_sum - scores[np.arange(len(scores)), target]


def learn_temperatures(views, target, weight):
    """Learn the shared temperature, and around it that of each pattern.

    Parameters
    ----------
    views : dict of tuple of str to (rows, outputs)
        For each pattern the held-out rows that were seen under it, as numbers into
        target and weight, and what the network gave for them.
    target, weight : ndarray
        Of the held-out rows, as in :func:`fit_temperature`.

    Returns
    -------
    shared : float
        Of all views together, a row with the weight one in all of them.
    temperatures : dict of tuple of str to float
    """
    n_views = np.zeros(len(target))
    for rows, _ in views.values():
        n_views[rows] += 1
    rows = np.concatenate([rows for rows, _ in views.values()])
    outputs = np.concatenate([outputs for _, outputs in views.values()])
    shared = fit_temperature(outputs, target[rows], (weight / n_views.clip(1))[rows])
    temperatures = {
        pattern: fit_temperature(outputs, target[rows], weight[rows], shared)
        for pattern, (rows, outputs) in views.items()
    }
    return shared, temperatures


def temperature_of_rows(features, temperatures, shared):
    """Look up the temperature of each row.

    Parameters
    ----------
    features : MultimodalFeatures
        Of n_samples.
    temperatures : dict of tuple of str to float
        Of the patterns that were learned.
    shared : float
        Of all others. Rows with no modality have 1: they get the prior as it is.

    Returns
    -------
    ndarray of shape (n_samples, 1), float32
    """
    names = np.array(features.names, dtype=object)
    patterns, of_row = np.unique(
        present_modalities(features), axis=0, return_inverse=True
    )
    by_pattern = [
        temperatures.get(tuple(names[pattern]), shared) if pattern.any() else 1.0
        for pattern in patterns
    ]
    return np.array(by_pattern, dtype=np.float32)[of_row.reshape(-1), None]
