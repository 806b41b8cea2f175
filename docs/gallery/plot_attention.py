"""
What a network looked at
========================

The read-out of an attention fusion estimator weighs the tokens of all modalities of a
row, and ``AttentionDisplay`` draws these weights over the cells: over the regions of
the image, the words, the time of the sound and the steps of the series. Below, the
weight of each modality over all rows that were held out, by class.

Here nothing mixes the tokens before they are weighed: neither the encoders nor the
fusion have layers of self-attention. With them, as is the default, every token has read
all others, and the weights within a modality are nearly equal.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    CNNEncoder,
    ImageTransformer,
    MultimodalFeatureUnion,
    SelfAttentionEncoder,
    TextTransformer,
    TimeSeriesTransformer,
    VectorEncoder,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import AttentionDisplay

X, y = make_multimodal_classification(
    300, n_classes=3, missing_rate=0.1, random_state=0
)
sound = AudioTransformer(sampling_rate=8000, n_fft=256, hop_length=64, n_mels=40)
union = MultimodalFeatureUnion(
    [
        ("image", ImageTransformer(size=(16, 16)), "image"),
        ("text", TextTransformer(), "text"),
        ("audio", sound, "audio"),
        ("series", TimeSeriesTransformer(), "series"),
        ("table", "passthrough", ["numbers_0", "numbers_1"]),
    ]
)
classifier = AttentionFusionClassifier(
    encoders=[
        ("image", CNNEncoder(channels=(16, 32))),
        ("text", SelfAttentionEncoder(n_layers=0, strides=())),
        ("audio", SelfAttentionEncoder(n_layers=0, strides=(2,))),
        ("series", SelfAttentionEncoder(n_layers=0, strides=(2,))),
        ("table", VectorEncoder(tokens="features")),
    ],
    n_layers=0,
    width=32,
    max_epochs=15,
    learning_rate=0.01,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = make_pipeline(union, classifier).fit(X_train, y_train)

complete = int(np.flatnonzero(X_test.notna().all(axis=1))[0])
figure, (above, below) = plt.subplots(
    2, 1, figsize=(12, 10), height_ratios=[2, 1], layout="constrained"
)
display = AttentionDisplay.from_estimator(
    model, X_test, y_test, sample=complete, ax=above
)
figure.suptitle(display.title, fontsize=14)
AttentionDisplay.from_estimator(model, X_test, y_test, ax=below)
below.set_title("all rows that were held out")
