"""Find out whether attention learns to look up what another modality asks for.

``make_multimodal_lookup``: a text names one of the things that a series, a sound or an
image holds, and the class is the property of that thing, so each modality alone is at
chance. Compared are the fusions, the best single modality (of the test rows) and the
late fusion of single modalities (product of their probabilities), with the default
parameters.

For each fusion also: in which share of the test rows the heaviest token of the holder
stands on the thing that was asked for (``pointing``), and which share of the tokens
does so, which is what tokens drawn at random would have (``by chance``). The weights
are those of the read-out; a network may also look up in the layers before it.

    python benchmarks/lookup.py --seeds 5
    python benchmarks/lookup.py --seeds 5 --holder series --things 24 --rows 8000
    python benchmarks/lookup.py --seeds 5 --holder image --things 4
"""

import argparse

import joblib
import numpy as np
import pandas as pd
import report
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_lookup
from sklearn_mm.inspection import attention_weights

FUSIONS = ("attention", "cross", "bottleneck", "gated", "concat")
TRANSFORMERS = {
    "question": TextTransformer(min_frequency=1),
    # Each of 24 steps has 25 numbers: a step is a row all the same.
    "series": TimeSeriesTransformer(time_axis=0),
    "audio": AudioTransformer(sampling_rate=8000),
    "image": ImageTransformer(size=(32, 32)),
}
AXES = {
    "series": [("start", "end")],
    "audio": [("start", "end")],
    "image": [("left", "right"), ("top", "bottom")],
}
N_TEST = 1000


def load_lookup(seed, n_train, holder, n_things):
    """Draw cells, labels and places, of which the last N_TEST rows are the test's."""
    return make_multimodal_lookup(
        n_train + N_TEST,
        holder=holder,
        n_things=n_things,
        return_places=True,
        random_state=seed,
    )


def run(seed, n_train, holder, n_things, fusion="attention", only=None):
    """Train one model, on both modalities or one.

    Its log probabilities in the test, and how often it points at what was asked for and
    would by chance; None for one modality.
    """
    torch.set_num_threads(1)
    X, y, places = load_lookup(seed, n_train, holder, n_things)
    shown = ["question", holder] if only is None else [only]
    union = MultimodalFeatureUnion(
        [(name, clone(TRANSFORMERS[name]), name) for name in shown]
    )
    model = make_pipeline(
        union, AttentionFusionClassifier(fusion=fusion, random_state=seed)
    ).fit(X[:n_train], y[:n_train])
    predicted = np.log(model.predict_proba(X[n_train:]))
    if only is not None:
        return predicted, None
    return predicted, pointing(model, X[n_train:], places, holder)


def pointing(model, X, places, holder):
    """Measure how often the heaviest token of the holder is on the place, and chance.

    A token is on the place if it contains the middle of the place or the reverse.
    """
    tokens = attention_weights(model, X, level="token")
    tokens = tokens[tokens["modality"] == holder].reset_index(drop=True)
    place = places.loc[tokens["sample"]].reset_index(drop=True)
    on_place = np.ones(len(tokens), dtype=bool)
    for start, end in AXES[holder]:
        on_place &= _contains(tokens, place, start, end) | _contains(
            place, tokens, start, end
        )
    heaviest = tokens.groupby("sample")["weight"].idxmax()
    return {"pointing": on_place[heaviest].mean(), "by chance": on_place.mean()}


def _contains(outer, inner, start, end):
    """Tell of each row whether the middle of one stretch lies in another."""
    middle = (inner[start] + inner[end]) / 2
    return (outer[start] <= middle) & (middle < outer[end])


def score(seed, data, fusions, fused, alone):
    """Compare what the models of a seed predict: a dict of numbers."""
    _, y, _ = load_lookup(seed, *data)

    def accuracy(log_probability):
        return np.mean(log_probability.argmax(axis=1) == y[-N_TEST:])

    scores = {}
    for fusion, (predicted, pointed) in zip(fusions, fused, strict=True):
        scores[f'fusion="{fusion}"'] = accuracy(predicted)
        scores |= {f"  {fusion}, {what}": share for what, share in pointed.items()}
    alone = [predicted for predicted, _ in alone]
    scores["best single modality"] = max(map(accuracy, alone))
    scores["late fusion"] = accuracy(sum(alone))
    return scores


def main():
    """Run all seeds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--holder", choices=list(AXES), default="series")
    parser.add_argument("--things", type=int, default=8)
    parser.add_argument("--fusions", nargs="+", default=FUSIONS, choices=FUSIONS)
    options, seeds = report.parse_seeds(parser, n_rows=4000)
    data = options.rows, options.holder, options.things
    kinds = [{"fusion": fusion} for fusion in options.fusions]
    kinds += [{"only": name} for name in ("question", options.holder)]
    found = joblib.Parallel(n_jobs=2)(
        joblib.delayed(run)(seed, *data, **kind) for seed in seeds for kind in kinds
    )
    scores = []
    for index, seed in enumerate(seeds):
        own = found[index * len(kinds) :][: len(kinds)]
        n = len(options.fusions)
        scores.append(score(seed, data, options.fusions, own[:n], own[n:]))
    table = pd.DataFrame(scores).agg(["mean", "std", "min", "max"]).T
    text = (
        f"A text asks for one of {options.things} things that the {options.holder} "
        f"holds;\n{options.rows} training and {N_TEST} test rows, chance 0.5.\n"
        f"Test accuracy over the seeds {list(seeds)}, default parameters, and below "
        "each fusion\nthe share of rows whose heaviest token of the holder stands on "
        "what was asked for.\n\n"
    )
    report.write(
        f"lookup_{options.holder}_{options.things}", text + table.round(3).to_string()
    )


if __name__ == "__main__":
    main()
