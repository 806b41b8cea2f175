"""What each token did to a prediction, by integrated gradients."""

from numbers import Integral

import numpy as np

from sklearn_mm.inspection.outputs import (
    chosen_outputs,
    temperatures,
    to_predictions,
)
from sklearn_mm.inspection.tokens import inspect_model, token_table

# Rows times steps of integration that go through the fusion at once.
INTERNAL_BATCH_SIZE = 512


def token_attributions(estimator, X, *, target=None, n_steps=50):
    r"""Divide each prediction among the tokens, by integrated gradients.

    Integrated gradients (Sundararajan et al. 2017), by Captum, from the tokens
    :math:`t'` that say nothing to those of the row, :math:`t`:

    .. math::

        a_i = (t_i - t'_i) \cdot \int_0^1
        \frac{\partial f}{\partial t_i}\big(t' + s (t - t')\big) \, ds .

    The tokens are those that the encoders hand to the fusion, so that words and pixels
    share one definition; :math:`t'` is the learned token of an absent modality in the
    place of every token of it. The attributions of a row sum to
    :math:`f(t) - f(t')` (completeness).

    Parameters
    ----------
    estimator : fitted attention fusion estimator, or Pipeline that ends in one
        The model.
    X : as in the estimator's ``predict``
        Of n_samples.
    target : label, array-like of n_samples labels, or int, default=None
        What is explained. Of a classifier the probability of this class, None for the
        one that is predicted; of a regressor its prediction. Where there are several
        labels or outputs, the number of one of them, which is then needed.
    n_steps : int, default=50
        Points of the Gauss-Legendre quadrature. More are nearer to completeness.

    Returns
    -------
    DataFrame of a row for each token
        The columns of ``attention_weights(..., level="token")`` with ``attribution``
        in the place of ``weight``: probability, or the unit of the regressor's target.
        What speaks against the target is negative. Zero for a token of an absent
        modality, and in a row that has none.

    Raises
    ------
    ImportError
        If Captum is not installed.
    ValueError
        If ``target`` or ``n_steps`` is not one that there can be.

    See Also
    --------
    attention_weights : What the head was shown.
    faithfulness_curve : Whether what has large attributions is what counts.

    Notes
    -----
    The path is steep where it leaves the baseline, whose tokens are small, so the sums
    miss the change of the prediction by a little. Raise ``n_steps`` where that counts.

    References
    ----------
    M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML
    2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures
    >>> from sklearn_mm.inspection import token_attributions
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = MultimodalFeatures({
    ...     "signal": rng.normal(size=(40, 2)) + 2 * y[:, None],
    ...     "noise": rng.normal(size=(40, 2)),
    ... })
    >>> classifier = AttentionFusionClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> table = token_attributions(classifier, X)
    >>> size = table["attribution"].abs().groupby(table["modality"]).mean()
    >>> bool(size["signal"] > size["noise"])
    True
    """
    model = inspect_model(estimator, X, read_cells=True)
    return token_table(model, attributed_batches(model, target, n_steps), "attribution")


def attributed_batches(model, target, n_steps):
    """Yield attributions and masks of each modality, and which of them the rows have.

    Parameters
    ----------
    model : Inspected
        The estimator and its rows.
    target, n_steps
        As in :func:`token_attributions`.

    Yields
    ------
    list of ndarray (batch, steps), list of ndarray (batch, steps), ndarray
    """
    if not isinstance(n_steps, Integral) or n_steps < 1:
        raise ValueError(f"n_steps must be an integer of at least 1, found {n_steps!r}")
    chosen = chosen_outputs(model.estimator, target, len(model.features))
    divisors = temperatures(model.estimator, model.features)
    row = 0
    for encoded, present in model.encoded_batches():
        rows = slice(row, row + present.shape[1])
        explained = None if chosen is None else chosen[rows]
        yield (
            attribute(model, encoded, present, explained, divisors[rows], n_steps),
            [mask.cpu().numpy() for _, mask in encoded],
            present.cpu().numpy(),
        )
        row = rows.stop


def attribute(model, encoded, present, chosen, divisors, n_steps):
    """Attribute the chosen outputs of a batch to its tokens.

    Parameters
    ----------
    model : Inspected
        Whose network is explained.
    encoded, present
        What the network's ``encode`` gives.
    chosen : ndarray of int of shape (batch,), or None
        The output to explain in each row; None for the predicted class.
    divisors : ndarray of shape (batch, 1)
        The temperature of each row.
    n_steps : int
        Of integration.

    Returns
    -------
    list of ndarray of shape (batch, steps)
        For each modality.
    """
    import torch

    integrated_gradients = _import_integrated_gradients()
    network, n_modalities = model.network, len(encoded)
    tokens, masks = map(tuple, zip(*encoded, strict=True))
    has_evidence = present.any(dim=0)
    with torch.no_grad():
        blank = tuple(network.without_content(encoded))
        if chosen is None:
            chosen = network.decide(encoded, has_evidence).argmax(dim=1)
    chosen = torch.as_tensor(chosen, device=has_evidence.device)
    divisors = torch.as_tensor(divisors, device=has_evidence.device)

    def explained(*inputs):
        tokens, masks = inputs[:n_modalities], inputs[n_modalities:-3]
        has_evidence, chosen, divisors = inputs[-3:]
        outputs = network.decide(list(zip(tokens, masks, strict=True)), has_evidence)
        predicted = to_predictions(model.estimator, outputs / divisors)
        return predicted.gather(1, chosen[:, None]).squeeze(1)

    attributions = integrated_gradients(explained).attribute(
        tokens,
        baselines=blank,
        additional_forward_args=(*masks, has_evidence, chosen, divisors),
        n_steps=n_steps,
        internal_batch_size=max(INTERNAL_BATCH_SIZE, len(has_evidence)),
    )
    return [
        np.where(mask.cpu().numpy(), part.detach().sum(dim=2).cpu().numpy(), 0.0)
        for part, mask in zip(attributions, masks, strict=True)
    ]


def _import_integrated_gradients():
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise ImportError(
            "attributions need Captum. Install it with: pip install "
            "'sklearn-mm[attribution]'"
        ) from error
    return IntegratedGradients
