"""skorch's scoring callbacks, on labels and probabilities as the estimator has them."""

import copy
import warnings

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.metrics import check_scoring
from skorch.callbacks import BatchScoring, EpochScoring
from skorch.callbacks.scoring import ScoringBase, convert_sklearn_metric_function
from skorch.utils import to_numpy


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
