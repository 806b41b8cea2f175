"""The read-out attention of a fitted estimator."""

import numpy as np

from sklearn_mm.inspection.tokens import inspect_model, token_table

LEVELS = ("modality", "token")
METHODS = ("read_out", "rollout")


def attention_weights(estimator, X, *, level="modality", method="read_out"):
    """Weigh the modalities, or the tokens, of each row as the head sees them.

    The read-out is softmax dot-product attention over the tokens of all modalities
    (Vaswani et al. 2017), and the head sees exactly the sum of the tokens by these
    weights. A modality that a row lacks has the weight of its absent token.

    Before that, tokens have read each other, by attention too, and what one modality
    asks of another may be looked up there. Attention rollout (Abnar & Zuidema 2020)
    follows the weights back through these layers.

    Parameters
    ----------
    estimator : fitted attention fusion estimator, or Pipeline that ends in one
        The model. Words, times and names of features are known where the step before
        the estimator is a :class:`MultimodalFeatureUnion`.
    X : as in the estimator's ``predict``
        Of n_samples.
    level : {"modality", "token"}, default="modality"
        What is weighed. A token is one that the encoder of its modality made: a cell of
        an image's last map, a word's state, some steps of a sound.
    method : {"read_out", "rollout"}, default="read_out"
        The weights of the read-out, or these carried back to the tokens as they were
        before they read each other: a token that is read then has a part of the weight
        of its reader. With ``fusion="gated"`` and ``"concat"`` these are the same.

    Returns
    -------
    DataFrame
        For ``"modality"`` of shape (n_samples, n_modalities): columns are modalities,
        each row sums to one, and its index is that of X, if X is a pandas table.

        For ``"token"`` a row for each token, and the weights of a sample sum to one:

        - sample: the row of X, by its index if X is a pandas table, else by number;
        - modality, token: its name, and the number of the token within it;
        - label: the word or words that the token stands for, or the name of the
          feature; ``"(absent)"`` for the token of a modality that the row lacks;
          empty where nothing is known;
        - start, end: where in the modality the token stands, end not included. Steps;
          for sound whose transformer is known seconds, to within half a frame; for
          images the number of the image in the row;
        - left, top, right, bottom: for images the pixels, of the transformed image,
          that the token stands for, right and bottom not included;
        - weight.

        Places are NaN where there are none: for absent tokens, and for encoders of
        your own that have no method ``spans``.

    Raises
    ------
    ValueError
        If ``level`` or ``method`` is unknown.
    TypeError
        If the estimator is no attention fusion estimator.

    See Also
    --------
    AttentionDisplay : Draws them.
    token_attributions : What each token did to the prediction.
    faithfulness_curve : Whether what is weighed is what counts.

    Notes
    -----
    Encoders let tokens read their neighbours, and the fusion lets all tokens read each
    other, before they are weighed. So a token may carry what stands elsewhere. The
    rollout counts each layer half as what a token was, half as what it read, whatever
    the layer makes of both: it tells where to look, not how much each token did.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures
    >>> from sklearn_mm.inspection import attention_weights
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40) % 2
    >>> X = MultimodalFeatures({
    ...     "signal": rng.normal(size=(40, 2)) + 2 * y[:, None],
    ...     "noise": rng.normal(size=(40, 2)),
    ... })
    >>> classifier = AttentionFusionClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> weights = attention_weights(classifier, X)
    >>> weights.shape, bool(np.allclose(weights.sum(axis=1), 1))
    ((40, 2), True)
    >>> tokens = attention_weights(classifier, X, level="token")
    >>> tokens.loc[:1, ["sample", "modality", "token"]].values.tolist()
    [[0, 'signal', 0], [0, 'noise', 0]]
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {LEVELS}, found {level!r}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, found {method!r}")
    model = inspect_model(estimator, X, read_cells=level == "token")
    weigh = token_weights if level == "token" else modality_weights
    return weigh(model, method)


def modality_weights(model, method="read_out"):
    """Sum the weights of each modality: DataFrame of (n_samples, n_modalities)."""
    import pandas as pd

    batches = [
        np.column_stack([weights.sum(axis=1) for weights in by_modality])
        for by_modality, _, _ in _weighed_batches(model, method)
    ]
    return pd.DataFrame(
        np.concatenate(batches), columns=model.features.names, index=model.index
    )


def token_weights(model, method="read_out"):
    """Lay the weights of all tokens out: DataFrame of a row for each."""
    return token_table(model, _weighed_batches(model, method), "weight")


def _weighed_batches(model, method):
    """Yield weights and masks of each modality, and which of them the rows have."""
    import torch

    for encoded, present in model.encoded_batches():
        with torch.no_grad():
            weights = model.network.attend(encoded, method=method)
        yield (
            [weight.cpu().numpy() for weight in weights],
            [mask.cpu().numpy() for _, mask in encoded],
            present.cpu().numpy(),
        )
