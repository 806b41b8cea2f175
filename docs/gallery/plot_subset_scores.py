"""
One model on every subset of its modalities
===========================================

A fitted model can do without modalities. :func:`~sklearn_mm.inspection.subset_scores`
hides them, in every combination, and scores what is left. Here four cells in ten show a
random class, in each modality alike. Where two modalities differ, nothing tells which
of them is wrong; three or four can outvote it.
"""

# %%
# Generate rows of an image, a text, a sound and two numbers, and hold half of them out.

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
from sklearn_mm.inspection import SubsetScoresDisplay

X, y = make_multimodal_classification(
    1000,
    modalities=["image", "text", "audio", "numbers"],
    n_classes=4,
    noise=0.4,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

# %%
# Train one model on all four modalities.

features = MultimodalFeatureUnion(
    [
        ("image", ImageTransformer(size=(16, 16)), "image"),
        ("text", TextTransformer(), "text"),
        ("audio", AudioTransformer(sampling_rate=8000, n_mels=32), "audio"),
        ("numbers", StandardScaler(), ["numbers_0", "numbers_1"]),
    ]
)
classifier = AttentionFusionClassifier(width=32, max_epochs=15, random_state=0)
model = make_pipeline(features, classifier).fit(X_train, y_train)

# %%
# Score it on the fifteen subsets. A column of the matrix is a subset.

SubsetScoresDisplay.from_estimator(model, X_test, y_test, scoring="accuracy")
