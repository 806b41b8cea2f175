"""
Can the weights be trusted?
===========================

A token that is weighed is not always one that the prediction needs.
``FaithfulnessDisplay`` removes the tokens of each row, those of the largest weight
first, and predicts. The faster the probability falls, compared with a random order, the
more faithful are the weights. Here the text tells nothing of the class, since its rows
were shuffled, and the series tells it at a few of its steps. Left, in the order of the
attention; right, in that of the attributions by integrated gradients.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import FaithfulnessDisplay

X, y = make_multimodal_classification(
    300, modalities=["text", "series"], noise=0.0, random_state=0
)
X["text"] = X["text"].to_numpy()[np.random.default_rng(0).permutation(len(X))]
union = MultimodalFeatureUnion(
    [
        ("text", TextTransformer(), "text"),
        ("series", TimeSeriesTransformer(), "series"),
    ]
)
classifier = AttentionFusionClassifier(width=32, max_epochs=10, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = make_pipeline(union, classifier).fit(X_train, y_train)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True, layout="constrained")
for ax, order in zip(axes, ("attention", "attribution"), strict=True):
    FaithfulnessDisplay.from_estimator(
        model, X_test, order=order, random_state=0, ax=ax
    )
    ax.set_title(f"order of the {order}")
