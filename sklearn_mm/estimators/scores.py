"""Scores of rows held out, on labels and probabilities as the estimator has them."""

import copy
import difflib
import inspect
import warnings

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.metrics import (
    accuracy_score,
    check_scoring,
    get_scorer_names,
    r2_score,
)
from skorch.callbacks import BatchScoring, EpochScoring
from skorch.callbacks.scoring import ScoringBase, convert_sklearn_metric_function
from skorch.utils import to_numpy


def check_scorer(scoring):
    """Refuse what is no score.

    Parameters
    ----------
    scoring : "loss", str, callable or None
        As the user passed it.

    Raises
    ------
    ValueError
        With the names that are near.
    """
    if scoring is None or scoring == "loss":
        return
    found, expected = repr(scoring), "'loss', None, a name of scikit-learn's scores"
    if isinstance(scoring, str):
        if scoring in get_scorer_names():
            return
        near = difflib.get_close_matches(scoring, get_scorer_names(), n=3)
        found += f". Did you mean {' or '.join(map(repr, near))}?" if near else ""
        expected += " (sklearn.metrics.get_scorer_names())"
    elif callable(scoring):
        if not getattr(scoring, "__module__", "").startswith("sklearn.metrics._") or (
            hasattr(scoring, "_score_func")
        ):
            return
        found += ", a metric: sklearn.metrics.make_scorer makes a score of it"
    raise ValueError(
        f"scoring must be {expected}, or a callable (estimator, X, y), found {found}"
    )


class HeldOutScore:
    """Score what the network gives for rows held out.

    Parameters
    ----------
    estimator : attention fusion estimator
        That knows its target already. Its ``scoring`` counts; "loss" and None are the
        accuracy, or the R² score.
    """

    def __init__(self, estimator):
        self.scoring = estimator.scoring
        self.by_default = self.scoring in (None, "loss")
        self.metric = accuracy_score if is_classifier(estimator) else r2_score
        self.decoder = None if self.by_default else Decoder(estimator)

    def __call__(self, dataset, target, outputs, weight):
        """Score outputs of the network: a float, None where that is not defined.

        Parameters
        ----------
        dataset : FusionDataset
            The rows, for a callable of the user's.
        target, outputs, weight : ndarray of shape (n_rows, ...)
            As the net has them.
        """
        if not self.by_default:
            return self._by_scorer(dataset, target, outputs, weight)
        if self.metric is accuracy_score:
            outputs = outputs > 0 if target.ndim == 2 else outputs.argmax(axis=1)
        elif len(target) < 2 and self.scoring == "loss":
            return None  # the R² score of a single row
        score = float(self.metric(target, outputs, sample_weight=weight))
        return score if self.scoring == "loss" else self._defined(score, len(target))

    def _by_scorer(self, dataset, target, outputs, weight):
        predicted = self.decoder.predictor(outputs)
        try:
            scorer = check_scoring(predicted, self.scoring)
            weighed = {} if (weight == weight[0]).all() else {"sample_weight": weight}
            if weighed and not _takes_weights(scorer):
                raise ValueError(
                    "it takes no sample_weight, and the rows have weights. Choose "
                    "another, or leave the weights of these rows out"
                )
            score = scorer(predicted, dataset, self.decoder.target(target), **weighed)
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"scoring={self.scoring!r} cannot score the {len(target)} rows held "
                f"out: {error}"
            ) from error
        return self._defined(score, len(target))

    def _defined(self, score, n_rows):
        """Refuse a score by which no epoch is the best."""
        if np.ndim(score) or not score == score:
            raise ValueError(
                f"scoring={self.scoring!r} gives {score!r} for the {n_rows} rows held "
                "out, expected a number. Some scores need rows of every class: hold "
                "out more of them (validation_fraction), or choose another score."
            )
        return float(score)


def _takes_weights(scorer):
    """Tell whether a scorer can weigh the rows."""
    function = getattr(scorer, "_score_func", scorer)
    return "sample_weight" in inspect.signature(function).parameters


def adapted(callback, estimator):
    """Copy a callback; one that scores is put into the estimator's terms.

    Parameters
    ----------
    callback : skorch callback, class of one, or (str, either)
        The user's.
    estimator : attention fusion estimator
        That knows its target already.

    Returns
    -------
    skorch callback, class of one, or (str, either)
        A shallow copy: what a callback holds, such as a file, is not copied.
    """
    if isinstance(callback, tuple | list):
        name, callback = callback
        return name, adapted(callback, estimator)
    callback = copy.copy(callback)
    if not isinstance(callback, ScoringBase):
        return callback
    if isinstance(callback, BatchScoring) and not callback.use_caching:
        raise ValueError(
            "BatchScoring with use_caching=False would cut its batches anew, which "
            "cannot be done here. Leave use_caching out, or use EpochScoring."
        )
    named = copy.copy(callback).initialize()
    callback.name = named.name_
    callback.scoring = EstimatorScore(named.scoring_, Decoder(estimator))
    if callback.target_extractor is to_numpy:
        callback.target_extractor = _target
    return callback


def warn_of_no_held_rows(callbacks):
    """Warn of what scores rows held out, where there are none.

    Parameters
    ----------
    callbacks : list of skorch callbacks, or (str, callback)
        As :func:`adapted` gives them.
    """
    for callback in callbacks:
        callback = callback[1] if isinstance(callback, tuple | list) else callback
        if isinstance(callback, EpochScoring | BatchScoring) and not callback.on_train:
            warnings.warn(
                f"the callback of {callback.name!r} scores rows held out, and there "
                "are none: set early_stopping=True, pass a train_split in net_params, "
                "or give the callback on_train=True",
                UserWarning,
                stacklevel=2,
            )


def _target(target_and_weight):
    """Take the target of a batch from the net's pair."""
    return to_numpy(target_and_weight[0])


class Decoder:
    """From numbers of the network back to the user's target.

    Parameters
    ----------
    estimator : attention fusion estimator
        That knows its target. It is not kept: a net must pickle without it.
    """

    def __init__(self, estimator):
        self.classes = getattr(estimator, "classes_", None)
        self.multilabel = getattr(estimator, "multilabel_", False)
        if not is_classifier(estimator):
            self.mean, self.scale = estimator.target_mean_, estimator.target_scale_
            self.is_flat = not estimator._target_shape

    def target(self, numbers):
        """Decode encoded targets."""
        if self.classes is None:
            values = numbers * self.scale + self.mean
            return values[:, 0] if self.is_flat else values
        return numbers.astype(np.int64) if self.multilabel else self.classes[numbers]

    def predictor(self, outputs):
        """Wrap the network's outputs as a fitted estimator."""
        if self.classes is None:
            return _Predicted(self.target(outputs))
        return _Classified(outputs, self.classes, self.multilabel)


class _OfNet:
    """What has not the predictor has the net."""

    def __getattr__(self, name):
        if name == "net" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.net, name)


class _Predicted(_OfNet, RegressorMixin, BaseEstimator):
    """What a regressor predicts for rows that it is not shown."""

    def __init__(self, predicted=None):
        self.predicted = predicted
        self.fitted_ = True

    def fit(self, X, y=None):
        """Be fitted already."""
        return self

    def predict(self, X):
        """Give the predictions, whatever X is."""
        return self.predicted


class _Classified(_OfNet, ClassifierMixin, BaseEstimator):
    """What a classifier predicts for rows that it is not shown."""

    def __init__(self, outputs=None, classes=None, multilabel=False):
        self.outputs = outputs
        self.classes = classes
        self.multilabel = multilabel
        self.classes_ = classes

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X, y=None):
        """Be fitted already."""
        return self

    def predict(self, X):
        """Give the labels, whatever X is."""
        if self.multilabel:
            return (self.outputs > 0).astype(np.int64)
        return self.classes_[self.outputs.argmax(axis=1)]

    def predict_proba(self, X):
        """Give the probabilities, whatever X is."""
        return expit(self.outputs) if self.multilabel else softmax(self.outputs, axis=1)

    def decision_function(self, X):
        """Give the scores, whatever X is."""
        if self.multilabel or len(self.classes_) > 2:
            return self.outputs
        return self.outputs[:, 1] - self.outputs[:, 0]


class EstimatorScore:
    """A scoring that sees labels and predictions as the estimator has them.

    A function (net, X, y) sees what else the net has, such as its history, too.

    Parameters
    ----------
    scoring : str, scikit-learn scorer, callable or None
        As skorch's scoring callbacks take it.
    decoder : Decoder
        Of the estimator.
    """

    def __init__(self, scoring, decoder):
        self.scoring = convert_sklearn_metric_function(scoring)
        self.decoder = decoder

    def __call__(self, net, X, y=None):
        """Score what the net gives for X, a batch or a dataset of its own."""
        if y is None:
            y = to_numpy(X.target)  # nothing was kept of the epoch
        outputs = [_fused(part) for part in net.forward_iter(X)]
        predicted = self.decoder.predictor(np.concatenate(outputs))
        predicted.net = net
        scorer = check_scoring(predicted, self.scoring)
        return scorer(predicted, X, self.decoder.target(y))


def _fused(outputs):
    """Take the outputs of the fusion, without those of single modalities."""
    return to_numpy(outputs[0] if isinstance(outputs, tuple | list) else outputs)
