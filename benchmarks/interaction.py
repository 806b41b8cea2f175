"""Find out whether each fusion learns what no modality tells alone.

``make_multimodal_classification(interaction=1)``: the class is the parity of the codes
that the modalities show, so any fewer than all are at chance. Compared are the fusions,
the best single modality (of the test rows) and the late fusion of single modalities
(product of their probabilities), with the default parameters.

    python benchmarks/interaction.py --seeds 5
    python benchmarks/interaction.py --seeds 5 --modalities image text audio
"""

import argparse

import joblib
import numpy as np
import pandas as pd
import report
import torch
from sklearn.base import clone

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification

FUSIONS = ("attention", "cross", "bottleneck", "gated", "concat")
TRANSFORMERS = {
    "image": ImageTransformer(size=(16, 16)),
    "text": TextTransformer(),
    "audio": AudioTransformer(sampling_rate=8000),
}
N_TEST = 1000


def load_parity(seed, n_train, modalities):
    """Draw train and test, as features and labels of each."""
    X, y = make_multimodal_classification(
        n_train + N_TEST,
        modalities=modalities,
        noise=0.0,
        interaction=1.0,
        random_state=seed,
    )
    union = MultimodalFeatureUnion(
        [(name, clone(TRANSFORMERS[name]), name) for name in modalities]
    )
    train, test = union.fit_transform(X[:n_train]), union.transform(X[n_train:])
    return train, y[:n_train], test, y[n_train:]


def run(seed, n_train, modalities, fusion="attention", only=None):
    """Train one model, on all modalities or one: its log probabilities in the test."""
    torch.set_num_threads(1)
    train, y_train, test, _ = load_parity(seed, n_train, modalities)
    shown = modalities if only is None else [only]
    model = AttentionFusionClassifier(fusion=fusion, random_state=seed)
    model.fit(train.select(shown), y_train)
    return np.log(model.predict_proba(test.select(shown)))


def score(seed, n_train, modalities, fusions, fused, alone):
    """Compare what the models of a seed predict: a dict of accuracies."""
    _, _, _, y = load_parity(seed, n_train, modalities)

    def accuracy(log_probability):
        return np.mean(log_probability.argmax(axis=1) == y)

    scores = {
        f'fusion="{fusion}"': accuracy(predicted)
        for fusion, predicted in zip(fusions, fused, strict=True)
    }
    scores["best single modality"] = max(map(accuracy, alone))
    scores["late fusion"] = accuracy(sum(alone))
    return scores


def main():
    """Run all seeds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modalities", nargs="+", default=["image", "text"])
    parser.add_argument("--fusions", nargs="+", default=FUSIONS)
    options, seeds = report.parse_seeds(parser, n_rows=3000)
    data = options.rows, options.modalities
    kinds = [{"fusion": fusion} for fusion in options.fusions]
    kinds += [{"only": name} for name in options.modalities]
    predicted = joblib.Parallel(n_jobs=2)(
        joblib.delayed(run)(seed, *data, **kind) for seed in seeds for kind in kinds
    )
    scores = []
    for index, seed in enumerate(seeds):
        own = predicted[index * len(kinds) :][: len(kinds)]
        n = len(options.fusions)
        scores.append(score(seed, *data, options.fusions, own[:n], own[n:]))
    table = pd.DataFrame(scores).agg(["mean", "std", "min", "max"]).T
    text = (
        f"Parity of {', '.join(options.modalities)}; "
        f"{options.rows} training and {N_TEST} test rows, chance 0.5.\n"
        f"Test accuracy over the seeds {list(seeds)}, default parameters.\n\n"
    )
    report.write(
        f"interaction_{len(options.modalities)}", text + table.round(3).to_string()
    )


if __name__ == "__main__":
    main()
