"""The read-out attention of a fitted estimator."""

import numpy as np
from sklearn.pipeline import Pipeline


def attention_weights(estimator, X):
    """Weigh the modalities of each row as the head of the network sees them.

    The read-out is softmax dot-product attention over the tokens of all modalities
    (Vaswani et al. 2017), and the head sees exactly the sum of the tokens by these
    weights. A modality that a row lacks has the weight of its absent token.

    Parameters
    ----------
    estimator : fitted attention fusion estimator, or Pipeline that ends in one
        The model.
    X : as in the estimator's ``predict``
        Of n_samples.

    Returns
    -------
    DataFrame of shape (n_samples, n_modalities)
        Columns are modalities; each row sums to one. Its index is that of X, if X is a
        pandas table.

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
    """
    import pandas as pd

    index = X.index if isinstance(X, pd.DataFrame) else None
    if isinstance(estimator, Pipeline):
        X = estimator[:-1].transform(X)
        estimator = estimator[-1]
    batches = [
        np.column_stack([weights.sum(axis=1) for weights in by_modality.values()])
        for by_modality in estimator._attend(X)
    ]
    return pd.DataFrame(
        np.concatenate(batches), columns=list(estimator.modalities_in_), index=index
    )
