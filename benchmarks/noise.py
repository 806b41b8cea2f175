"""Drown one modality in noise, and hold the fusion against models without it.

For each seed, one model is trained on all modalities of AV digits. In the test rows one
modality is then corrupted at full strength, and the accuracy is held against that of
the same model with the modality hidden, and that of the best model which was trained
without it: on the two others, or on one of them. The goal, for noise (in texts, typos),
is at most .02 below that model. The other corruptions of each kind stand below.

The models train on noise, ``modality_noise=0.5``, none of it of the kinds that are
tested here. Beside them stands one with the default, which does not.

    python benchmarks/noise.py --seeds 5

``--validation`` scores rows that are apart from the test, see
``av_digits.load_av_digits``.
"""

import argparse
import itertools

import joblib
import numpy as np
import pandas as pd
import report
import torch
from av_digits import MODALITIES, N_TEST, load_av_digits, make_features
from sklearn.pipeline import make_pipeline

from sklearn_mm import AttentionFusionClassifier
from sklearn_mm.inspection import robustness_curve

GOAL = -0.02  # of the difference between the corrupted and the best model without
NOISE = ("image: noise", "text: typos", "audio: noise")  # what it is set for
SUBSETS = [
    subset for size in (1, 2, 3) for subset in itertools.combinations(MODALITIES, size)
]


def run(seed, subset, trains_on_noise, n_train, validation):
    """Train on a subset; of all modalities, also measure what noise does."""
    torch.set_num_threads(1)
    X_train, y_train, X_test, y_test = load_av_digits(
        seed, n_train, validation=validation
    )
    union = make_features()
    train, test = union.fit_transform(X_train), union.transform(X_test)
    model = AttentionFusionClassifier(random_state=seed)
    if trains_on_noise:
        model.set_params(modality_noise=0.5)
    model.fit(train.select(subset), y_train)
    score = model.score(test.select(subset), y_test)
    if len(subset) < len(MODALITIES):
        return score, None
    curve = robustness_curve(
        make_pipeline(union, model), X_test, y_test, strengths=[1], random_state=seed
    )
    return score, curve.set_index(["modality", "corruption"])["score"]


def compare(of, seed):
    """Put what was measured with one seed side by side: a row for each corruption."""
    scores, unprepared = of[seed, MODALITIES, True][1], of[seed, MODALITIES, False][1]
    rows = {}
    for (modality, corruption), score in scores.items():
        if corruption == "missing":
            continue
        others = [subset for subset in SUBSETS if modality not in subset]
        best = max(of[seed, subset, True][0] for subset in others)
        rows[f"{modality}: {corruption}"] = {
            "corrupted": score,
            "hidden": scores[modality, "missing"],
            "best without": best,
            "difference": score - best,
            "modality_noise=0": unprepared[modality, corruption],
        }
    return pd.DataFrame.from_dict(
        {name: rows[name] for name in (*NOISE, *(n for n in rows if n not in NOISE))},
        orient="index",
    )


def main():
    """Run all seeds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--validation", action="store_true")
    options, seeds = report.parse_seeds(parser, n_rows=4000)
    models = [(MODALITIES, False), *((subset, True) for subset in reversed(SUBSETS))]
    runs = [(seed, *model) for model in models for seed in seeds]
    results = joblib.Parallel(n_jobs=2)(
        joblib.delayed(run)(*which, options.rows, options.validation) for which in runs
    )
    of = dict(zip(runs, results, strict=True))
    tables = [compare(of, seed) for seed in seeds]
    table = sum(tables) / len(tables)
    differences = np.array([t["difference"] for t in tables])
    if len(seeds) > 1:
        table["sd of difference"] = differences.std(axis=0, ddof=1)
    met = np.where(table["difference"] >= GOAL, "met", "missed")
    table["goal"] = np.where(table.index.isin(NOISE), met, "")
    clean, unprepared = (
        np.mean([of[seed, MODALITIES, trains][0] for seed in seeds])
        for trains in (True, False)
    )
    rows = "validation" if options.validation else "test"
    text = (
        f"AV digits, {options.rows} training and {N_TEST} {rows} rows: accuracy, "
        f"mean over the seeds {list(seeds)}, modality_noise=0.5.\nOn clean rows the "
        f"model of all modalities has {clean:.3f}, with modality_noise=0 "
        f"{unprepared:.3f}.\n"
        f"corrupted: one modality of the {rows} rows, at full strength. hidden: the "
        "same model without it.\nbest without: of the models that were trained without "
        f"it, chosen on the {rows} rows. goal: a difference of at least {GOAL}.\n"
        "modality_noise=0: the model that was not trained on noise, on the corrupted "
        "rows.\n\n"
    )
    report.write("noise", text + table.round(3).to_string())


if __name__ == "__main__":
    main()
