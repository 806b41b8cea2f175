"""
Does a network look at what it was asked for?
=============================================

In ``make_multimodal_lookup`` a text names one of four hues, and the class is whether
the square of that hue is hollow or filled. Neither the text nor the image alone tells
it, so a network has to look up in the image what the text asks for, and it is known
where.

Below, rows that were held out. The more weight a region of the image has by
``attention_weights``, the brighter it is, and a white line surrounds the square that
was asked for. The title counts, over all held-out rows, how often the heaviest region
of the image is the one with that square; by chance it is one of sixteen.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import make_multimodal_lookup
from sklearn_mm.inspection import attention_weights

X, y, places = make_multimodal_lookup(
    4000, holder="image", n_things=4, return_places=True, random_state=0
)
union = MultimodalFeatureUnion(
    [
        ("question", TextTransformer(), "question"),
        ("image", ImageTransformer(size=(32, 32)), "image"),
    ]
)
X_train, X_test, y_train, y_test, _, places = train_test_split(
    X, y, places, test_size=500, random_state=0
)
model = make_pipeline(union, AttentionFusionClassifier(random_state=0))
model.fit(X_train, y_train)

# Each image has a token for each region of 8 x 8 pixels, in which a square lies whole.
tokens = attention_weights(model, X_test, level="token")
tokens = tokens[tokens["modality"] == "image"]
heaviest = tokens.loc[tokens.groupby("sample")["weight"].idxmax()]
heaviest = heaviest.set_index("sample").loc[places.index]
found = (
    (heaviest["left"] <= places["left"])
    & (places["right"] <= heaviest["right"])
    & (heaviest["top"] <= places["top"])
    & (places["bottom"] <= heaviest["bottom"])
)

figure, axes = plt.subplots(2, 4, figsize=(12, 7.4), layout="constrained")
predicted = model.predict(X_test[:8])
for number, (ax, row) in enumerate(zip(axes.flat, X_test.index, strict=False)):
    own, place = tokens[tokens["sample"] == row], places.loc[row]
    shown = X_test.loc[row, "image"] / 255
    light = np.zeros(shown.shape[:2])
    boxes = own[["left", "top", "right", "bottom"]].to_numpy().astype(int)
    for (left, top, right, bottom), weight in zip(boxes, own["weight"], strict=True):
        light[top:bottom, left:right] = weight / own["weight"].max()
    ax.imshow(shown * (0.25 + 0.75 * light[:, :, None]))
    width, height = place["right"] - place["left"], place["bottom"] - place["top"]
    corner = place["left"] - 1, place["top"] - 1
    square = plt.Rectangle(corner, width + 1, height + 1, fill=False, color="white")
    square.set_clip_on(False)  # at the edge of the image, too
    ax.add_patch(square)
    names = ["hollow", "filled"]
    ax.set(
        title=f"asked for: {X_test.loc[row, 'question']}",
        xlabel=f"predicted {names[predicted[number]]}, is {names[y_test[number]]}",
        xticks=[],
        yticks=[],
    )
figure.suptitle(
    f"accuracy {model.score(X_test, y_test):.2f}; heaviest region of the image has "
    f"what was asked for: {found.mean():.2f} of the rows",
    fontsize=14,
)
