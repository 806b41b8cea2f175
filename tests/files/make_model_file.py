"""Make the model file of this format, and what it predicts: run from the root, once.

A file of each format stays here, made by the version that first wrote it. Tests read
them by every later version.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline

import sklearn_mm
from sklearn_mm.persistence.manifest import FORMAT

N_ROWS, N_SHOWN = 24, 8


def make_rows():
    """Make texts, photos, series and numbers, and their classes."""
    rng = np.random.RandomState(0)
    y = rng.randint(0, 2, N_ROWS)
    X = np.empty((N_ROWS, 4), dtype=object)
    for row, label in enumerate(y):
        words = rng.choice(["red", "fox", "blue", "bird"], 4)
        X[row, 0] = " ".join([*words, ("good", "bad")[label]])
        X[row, 1] = (rng.rand(6, 6, 3) * 255).astype(np.uint8)
        X[row, 2] = np.round(np.cumsum(rng.randn(6, 1) + label, axis=0), 3)
        X[row, 3] = round(float(rng.randn() + label), 3)
    X[3, 0] = X[5, 1] = None
    return X, np.array(["no", "yes"])[y]


def make_model():
    """Make a small model of many parts."""
    forest = RandomForestClassifier(3, max_depth=2, random_state=0)
    union = sklearn_mm.MultimodalFeatureUnion(
        [
            ("text", sklearn_mm.TextTransformer(), 0),
            ("image", sklearn_mm.ImageTransformer(size=(6, 6)), 1),
            ("series", sklearn_mm.TimeSeriesTransformer(), 2),
            ("number", "passthrough", [3]),
            (
                "forest",
                sklearn_mm.CrossFitTransformer(forest, cv=2, random_state=0),
                [3],
            ),
        ]
    )
    classifier = sklearn_mm.AttentionFusionClassifier(
        [
            ("text", sklearn_mm.RNNEncoder(embedding_size=8, hidden_size=8)),
            ("image", sklearn_mm.CNNEncoder(channels=(4,), grid=2)),
        ],
        width=8,
        n_heads=2,
        max_epochs=3,
        calibration="temperature",
        validation_fraction=0.25,
        random_state=0,
    )
    return make_pipeline(union, classifier)


def main():
    """Write both files."""
    X, y = make_rows()
    model = make_model().fit(X, y)
    place = Path(__file__).with_name(f"model-format-{FORMAT}.mm")
    sklearn_mm.save(model, place, notes="Made to test that its format is read.")
    shown = X[:N_SHOWN]
    rows = [
        [text, None if photo is None else photo.tolist(), series.tolist(), number]
        for text, photo, series, number in shown
    ]
    expected = {
        "rows": rows,
        "predicted": model.predict(shown).tolist(),
        "probabilities": model.predict_proba(shown).tolist(),
    }
    place.with_suffix(".json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
