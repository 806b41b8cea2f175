"""
Is the model as often right as it is sure?
==========================================

Many cells of this table show a wrong class and a quarter of them are missing. A
classifier that learns such noise by heart is far too sure of itself. With
``calibration="temperature"`` it learns how sure it may be of each pattern of
modalities, on a quarter of the rows, which it does not train on.
"""

import matplotlib.pyplot as plt
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import ReliabilityDisplay

# %%
# Four classes, three modalities. 500 rows to learn from, 4,000 to look at.

X, y = make_multimodal_classification(
    4_500,
    modalities=["text", "series", "numbers"],
    n_classes=4,
    noise=0.35,
    missing_rate=0.25,
    random_state=0,
)
X_train, y_train, X_test, y_test = X[:500], y[:500], X[500:], y[500:]

union = MultimodalFeatureUnion(
    [
        ("text", TextTransformer(), "text"),
        ("series", TimeSeriesTransformer(), "series"),
        ("table", "passthrough", ["numbers_0", "numbers_1"]),
    ]
)
classifier = AttentionFusionClassifier(
    width=32,
    max_epochs=20,
    dropout=0.0,
    modality_dropout=0.1,
    validation_fraction=0.25,
    random_state=0,
)
plain = Pipeline([("features", union), ("classifier", classifier)])
calibrated = clone(plain).set_params(classifier__calibration="temperature")

# %%
# Below the diagonal the model is too sure of itself. Each point stands for an eighth of
# the rows of its line.

figure, axes = plt.subplots(
    1, 2, figsize=(11, 5.2), sharex=True, sharey=True, layout="constrained"
)
titles = ["calibration=None", 'calibration="temperature"']
for model, title, ax in zip([plain, calibrated], titles, axes, strict=True):
    model.fit(X_train, y_train)
    ReliabilityDisplay.from_estimator(
        model,
        X_test,
        y_test,
        n_bins=8,
        strategy="quantile",
        max_patterns=4,
        name=title,
        ax=ax,
    )
axes[1].set_ylabel("")
print(calibrated[-1].temperatures_)
