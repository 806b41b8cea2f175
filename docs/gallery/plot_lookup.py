"""
Does a network look at what it was asked for?
=============================================

In ``make_multimodal_lookup`` a text names one of eight things, a series shows all of
them, one a step, each with a number, and the class is the sign of the number of the
thing that was named. Neither the text nor the series alone tells it, so a network has
to look up in the series what the text asks for, and it is known where.

Below, rows that were held out. On the left a line is a row, ordered by the step that it
was asked for, and each step is as dark as its weight by ``attention_weights``; a circle
surrounds what was asked for. On the right, how much weight that step has, and the
largest that any other step of the row has.
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
from sklearn_mm.datasets import make_multimodal_lookup
from sklearn_mm.inspection import attention_weights

X, y, places = make_multimodal_lookup(
    4500, holder="series", n_things=8, return_places=True, random_state=0
)
union = MultimodalFeatureUnion(
    [
        ("question", TextTransformer(min_frequency=1), "question"),
        ("series", TimeSeriesTransformer(time_axis=0), "series"),
    ]
)
X_train, X_test, y_train, y_test, _, places = train_test_split(
    X, y, places, test_size=500, random_state=0
)
model = make_pipeline(union, AttentionFusionClassifier(random_state=0))
model.fit(X_train, y_train)

# Each step is a token. Rows by steps, of the weight that the whole series has.
tokens = attention_weights(model, X_test, level="token")
tokens = tokens[tokens["modality"] == "series"]
weights = tokens.pivot(index="sample", columns="token", values="weight")
weights = weights.loc[X_test.index].to_numpy()
asked = places["start"].to_numpy(dtype=int)
rows = np.arange(len(weights))
on_asked = weights[rows, asked]
others = weights.copy()
others[rows, asked] = 0
found = on_asked > others.max(axis=1)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 5.5), width_ratios=[1, 1.3], layout="constrained"
)
shown = np.sort(np.random.default_rng(0).choice(rows, 32, replace=False))
shown = shown[np.argsort(asked[shown], kind="stable")]
image = left.imshow(weights[shown], cmap="Greys", vmin=0, vmax=1, aspect="auto")
left.scatter(
    asked[shown],
    np.arange(len(shown)),
    s=90,
    facecolors="none",
    edgecolors="tab:orange",
)
left.set(xlabel="step of the series", ylabel="32 rows that were held out", yticks=[])
figure.colorbar(image, ax=left, label="weight")

bins = np.linspace(0, 1, 41)
right.hist(on_asked, bins, color="tab:orange", alpha=0.8, label="step asked for")
right.hist(
    others.max(axis=1), bins, color="tab:gray", alpha=0.8, label="largest of the others"
)
right.set(xlabel="weight", ylabel=f"of {len(rows)} rows that were held out")
right.legend()
figure.suptitle(
    f"accuracy {model.score(X_test, y_test):.3f}; the step that was asked for has the "
    f"largest weight in {found.mean():.1%} of the rows"
)
