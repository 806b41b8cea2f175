"""
How a model falls as cells get worse
====================================

:func:`~sklearn_mm.inspection.robustness_curve` corrupts the cells of one modality at
a time, from strength 0, as they are, to 1, where next to nothing is left of them. The
curve "missing" removes cells instead: where another curve ends below it, a spoiled cell
misleads the model more than none would.
"""

# %%
# Generate rows of an image, a text and a sound, and hold half of them out.

from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import RobustnessDisplay

X, y = make_multimodal_classification(
    1000,
    modalities=["image", "text", "audio"],
    n_classes=4,
    noise=0.3,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

# %%
# Train a model on clean cells.

features = MultimodalFeatureUnion(
    [
        ("image", ImageTransformer(size=(16, 16)), "image"),
        ("text", TextTransformer(), "text"),
        ("audio", AudioTransformer(sampling_rate=8000, n_mels=32), "audio"),
    ]
)
classifier = AttentionFusionClassifier(width=32, max_epochs=15, random_state=0)
model = make_pipeline(features, classifier).fit(X_train, y_train)

# %%
# A panel for each modality, a line for each corruption of its kind.

RobustnessDisplay.from_estimator(
    model, X_test, y_test, scoring="accuracy", random_state=0
)
