"""
When did training go too far?
=============================

The loss on the training rows falls and falls. That on the held-out rows turns, and
early stopping goes back to the epoch where it did.
"""

import matplotlib.pyplot as plt
from sklearn.pipeline import Pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import TrainingHistoryDisplay

# %%
# Photos and texts, a third of which show the wrong class.

X, y = make_multimodal_classification(
    400, modalities=["image", "text"], n_classes=3, noise=0.35, random_state=0
)
union = MultimodalFeatureUnion(
    [
        ("image", ImageTransformer(size=(16, 16)), "image"),
        ("text", TextTransformer(), "text"),
    ]
)
classifier = AttentionFusionClassifier(
    width=32,
    max_epochs=40,
    early_stopping=True,
    validation_fraction=0.25,
    n_iter_no_change=8,
    random_state=0,
)
model = Pipeline([("features", union), ("classifier", classifier)]).fit(X, y)

# %%
# The training loss stands higher at first, since it is measured with dropout, with
# hidden modalities, and with the losses of the auxiliary heads.

_, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
TrainingHistoryDisplay.from_estimator(model, ax=ax)
