"""Whether the tokens that are weighed most are those that the prediction needs."""

from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import Bunch, check_random_state

from sklearn_mm.inspection.attribution import attribute
from sklearn_mm.inspection.outputs import (
    has_one_output,
    temperatures,
    to_predictions,
)
from sklearn_mm.inspection.tokens import inspect_model

ORDERS = ("attention", "attribution")


def faithfulness_curve(
    estimator,
    X,
    y=None,
    *,
    order="attention",
    n_shares=11,
    n_repeats=5,
    n_steps=50,
    random_state=None,
):
    """Remove the tokens of each row in an order, and at random, and predict.

    The deletion test of Samek et al. 2017, on the tokens that the encoders hand to the
    fusion. A removed token is masked in the fusion, so that the attention over those
    that are left is the model's own. If the order is faithful, what comes first is
    what counts: the prediction falls faster than in random order.

    Parameters
    ----------
    estimator : fitted attention fusion estimator, or Pipeline that ends in one
        The model.
    X : as in the estimator's ``predict``
        Of n_samples, best such as were not trained on.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Targets. Of a classifier None takes what it predicts of the whole rows. A
        regressor needs them.
    order : {"attention", "attribution"}, default="attention"
        What is removed first: the token of the largest weight, as
        :func:`attention_weights` gives it, or of the largest attribution to the
        probability of the class in y, as :func:`token_attributions` gives it; for a
        regressor of the largest absolute attribution. What is equal is in random order.
    n_shares : int, default=11
        Shares of a row's tokens, evenly spaced from none to all, that are removed.
    n_repeats : int, default=5
        Random orders to average.
    n_steps : int, default=50
        Of integration, for ``"attribution"``.
    random_state : int, RandomState instance or None, default=None
        Of the random orders.

    Returns
    -------
    Bunch
        With the attributes:

        - shares: ndarray of shape (n_shares,), from 0 to 1;
        - ordered, random: ndarray of shape (n_samples, n_shares), float64. Of a
          classifier the probability of the class; of several labels the mean of
          theirs. Of a regressor 1 minus the squared error over the variance of y,
          whose mean over the rows is the R² score, the mean over the outputs;
        - area: ndarray of shape (n_samples,), that between ``random`` and
          ``ordered``. Its mean is above zero for an order better than random;
        - order, metric: str.

    Raises
    ------
    ValueError
        If a parameter is not one that there can be, or a regressor has no y, or one
        that does not vary.

    See Also
    --------
    FaithfulnessDisplay : Draws the curves.

    Notes
    -----
    Tokens of absent modalities are not removed: they hold nothing of the row. A row of
    which all is removed gets the prior, as one that has nothing. Networks do not see
    half a photo in training, and a token has read its neighbours before it is removed;
    both hold for the random order, too. That is why the difference counts.

    References
    ----------
    W. Samek, A. Binder, G. Montavon, S. Lapuschkin, K.-R. Müller, "Evaluating the
    Visualization of What a Deep Neural Network Has Learned", IEEE Transactions on
    Neural Networks and Learning Systems, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures
    >>> from sklearn_mm.inspection import faithfulness_curve
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = MultimodalFeatures({
    ...     "signal": rng.normal(size=(40, 2)) + 2 * y[:, None],
    ...     "noise": rng.normal(size=(40, 2)),
    ... })
    >>> classifier = AttentionFusionClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> curve = faithfulness_curve(classifier, X, n_shares=3, random_state=0)
    >>> curve.shares, curve.ordered.shape, curve.metric
    (array([0. , 0.5, 1. ]), (40, 3), 'probability of the predicted class')
    """
    from scipy.integrate import trapezoid

    for name, value, least in (("n_shares", n_shares, 2), ("n_repeats", n_repeats, 1)):
        if not isinstance(value, Integral) or value < least:
            raise ValueError(
                f"{name} must be an integer of at least {least}, found {value!r}"
            )
    model = inspect_model(estimator, X)
    _check_order(model.estimator, order)
    measure = _Measure(model.estimator, y, len(model.features))
    rng = check_random_state(random_state)
    shares = np.linspace(0, 1, n_shares)
    divisors = temperatures(model.estimator, model.features)
    ordered, random, row = [], [], 0
    for encoded, present in model.encoded_batches():
        rows = slice(row, row + present.shape[1])
        removal = _Removal(model.network, encoded, present, divisors[rows])
        target = measure.target(removal.whole(), rows)
        importance = np.zeros(removal.removable.shape)
        at_random = []
        for _ in range(n_repeats):
            outputs = removal.curve(_ranks(importance, rng), shares)
            at_random.append(measure(outputs, target))
        random.append(np.mean(at_random, axis=0))
        importance = _importance(model, removal, present, order, target, n_steps)
        outputs = removal.curve(_ranks(importance, rng), shares)
        ordered.append(measure(outputs, target))
        row = rows.stop
    ordered, random = np.concatenate(ordered), np.concatenate(random)
    return Bunch(
        shares=shares,
        ordered=ordered,
        random=random,
        area=trapezoid(random - ordered, shares, axis=1),
        order=order,
        metric=measure.name,
    )


def _check_order(estimator, order):
    if order not in ORDERS:
        raise ValueError(f"order must be one of {ORDERS}, found {order!r}")
    if order == "attribution" and not has_one_output(estimator):
        raise ValueError(
            "order='attribution' is for one label or output, since each has "
            f"attributions of its own; {type(estimator).__name__} was fitted on "
            f"{len(estimator.prior_)}. Use order='attention'."
        )


def _importance(model, removal, present, order, target, n_steps):
    """Score the tokens of a batch: ndarray of (batch, all steps)."""
    import torch

    encoded, divisors = removal.encoded, removal.divisors
    if order == "attention":
        with torch.no_grad():
            weights = model.network.attend(encoded)
        return torch.cat(weights, dim=1).cpu().numpy()
    classifies = is_classifier(model.estimator)
    chosen = target if classifies else np.zeros(len(target), dtype=np.int64)
    parts = np.hstack(attribute(model, encoded, present, chosen, divisors, n_steps))
    return parts if classifies else np.abs(parts)


def _ranks(importance, rng):
    """Give each token its number in the order of importance, ties at random."""
    order = np.lexsort((rng.random_sample(importance.shape), -importance), axis=1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(order.shape[1])[None], axis=1)
    return ranks


class _Removal:
    """Predict a batch without some of its tokens.

    Attributes
    ----------
    encoded : list of (Tensor, Tensor)
        The tokens of each modality and their mask.
    divisors : ndarray of shape (batch, 1)
        The temperature of each row.
    removable : ndarray of bool of shape (batch, all steps)
        The tokens of the modalities that a row has, all modalities side by side.
    """

    def __init__(self, network, encoded, present, divisors):
        self.network = network
        self.encoded = encoded
        self.divisors = divisors
        self.removable = np.hstack(
            [
                (mask & there[:, None]).cpu().numpy()
                for (_, mask), there in zip(encoded, present, strict=True)
            ]
        )

    def curve(self, ranks, shares):
        """Remove each share: ndarray of shape (len(shares), batch, n_outputs)."""
        # Ranks count the padding, too; those of tokens that can be removed come first.
        ranks = np.where(self.removable, ranks, ranks.shape[1])
        ranks = ranks.argsort(axis=1).argsort(axis=1)
        n_tokens = self.removable.sum(axis=1, keepdims=True)
        removed = [ranks < np.floor(share * n_tokens + 0.5) for share in shares]
        return np.stack([self._predict(self.removable & part) for part in removed])

    def whole(self):
        """Remove nothing: ndarray of shape (batch, n_outputs)."""
        return self._predict(np.zeros_like(self.removable))

    def _predict(self, removed):
        import torch

        device = self.encoded[0][0].device
        has_evidence = (self.removable & ~removed).any(axis=1)
        # Attention over nothing is not a number. Such rows get the prior instead.
        kept = torch.as_tensor(~removed | ~has_evidence[:, None], device=device)
        sizes = [mask.shape[1] for _, mask in self.encoded]
        left = [
            (tokens, mask & part)
            for (tokens, mask), part in zip(
                self.encoded, kept.split(sizes, dim=1), strict=True
            )
        ]
        with torch.no_grad():
            evidence = torch.as_tensor(has_evidence, device=device)
            outputs = self.network.decide(left, evidence).cpu().numpy()
        # The prior is a prediction as it is.
        return outputs / np.where(has_evidence[:, None], self.divisors, 1)


class _Measure:
    """How good the predictions of a batch are, row by row.

    Parameters
    ----------
    estimator : fitted attention fusion estimator
        Which knows its target.
    y : array-like or None
        Of all rows; None takes what is predicted.
    n_rows : int
        Rows of X.
    """

    def __init__(self, estimator, y, n_rows):
        self.estimator, self.y = estimator, None
        if y is None:
            if not is_classifier(estimator):
                raise ValueError(
                    "a regressor needs y: its curve is the R² score. Pass y."
                )
            self.name = "probability of the predicted class"
            return
        y = estimator._check_target(y)
        if len(y) != n_rows:
            raise ValueError(f"y must have the {n_rows} rows of X, found {len(y)}")
        if is_classifier(estimator):
            self.name = "probability of the true class"
            self.y = y if estimator.multilabel_ else estimator._class_numbers(y)
            return
        self.name = "R² score"
        self.y = y.reshape(len(y), -1)
        self.variance = self.y.var(axis=0)
        if not self.variance.all():
            raise ValueError("y does not vary, so there is no R² score to follow")

    def target(self, outputs, rows):
        """Give what is to be predicted of a batch, by its outputs if y is None."""
        if self.y is not None:
            return self.y[rows]
        if self.estimator.multilabel_:
            return outputs > 0
        return outputs.argmax(axis=1)

    def __call__(self, outputs, target):
        """Turn (n_shares, batch, n_outputs) into (batch, n_shares), float64."""
        import torch

        n_shares, n_rows, n_outputs = outputs.shape
        outputs = torch.from_numpy(outputs).double().reshape(-1, n_outputs)
        predicted = to_predictions(self.estimator, outputs).numpy()
        predicted = predicted.reshape(n_shares, n_rows, n_outputs)
        if not is_classifier(self.estimator):
            error = (predicted - target) ** 2 / self.variance
            return 1 - error.mean(axis=2).T
        if self.estimator.multilabel_:
            right = np.where(target.astype(bool), predicted, 1 - predicted)
            return right.mean(axis=2).T
        return predicted[:, np.arange(n_rows), target].T
