"""
What each modality adds
=======================

Shapley values share the accuracy that a model gains over guessing fairly among its
modalities; permutation and ablation ask what is lost when one of them is shuffled among
the rows or hidden. Here the numbers repeat what the text says. The model can do without
either, so ablation finds no loss in both, where Shapley values give each its share.
"""

# %%
# Generate an image, a text and a sound, of which four cells in ten show a random class,
# and numbers that tell what the text tells.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import ModalityImportanceDisplay

n_rows = 1000
X, y = make_multimodal_classification(
    n_rows, modalities=["image", "audio"], n_classes=4, noise=0.4, random_state=0
)
told, tells = make_multimodal_classification(
    4 * n_rows, modalities=["text", "numbers"], n_classes=4, noise=0, random_state=1
)
rng = np.random.default_rng(0)
code = np.where(rng.random(n_rows) < 0.4, rng.integers(4, size=n_rows), y)
rows = np.array([rng.choice(np.flatnonzero(tells == k)) for k in code])
for column in told:
    X[column] = told[column].to_numpy()[rows]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

# %%
# Train a model on all four.

features = MultimodalFeatureUnion(
    [
        ("image", ImageTransformer(size=(16, 16)), "image"),
        ("audio", AudioTransformer(sampling_rate=8000, n_mels=32), "audio"),
        ("text", TextTransformer(), "text"),
        ("numbers", StandardScaler(), ["numbers_0", "numbers_1"]),
    ]
)
classifier = AttentionFusionClassifier(width=32, max_epochs=15, random_state=0)
model = make_pipeline(features, classifier).fit(X_train, y_train)

# %%
# Measure the importance in three ways. Lines are intervals of 95 % over the test rows.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", sharex=True)
for ax, method in zip(axes, ["shapley", "permutation", "ablation"], strict=True):
    ModalityImportanceDisplay.from_estimator(
        model,
        X_test,
        y_test,
        method=method,
        scoring="accuracy",
        n_bootstraps=100,
        random_state=0,
        ax=ax,
    )
