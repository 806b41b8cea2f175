"""Hold one fusion model against models made for each subset of modalities.

For each seed, one model is trained on all modalities of AV digits and tested on each of
the seven subsets; and for each subset a model with the same parameters is trained and
tested on that subset alone.

    python benchmarks/subsets.py --seeds 5
"""

import argparse
import itertools

import joblib
import numpy as np
import pandas as pd
import report
import torch
from av_digits import MODALITIES, N_TEST, load_av_digits, make_features

from sklearn_mm import AttentionFusionClassifier

SUBSETS = [
    list(subset)
    for size in (1, 2, 3)
    for subset in itertools.combinations(MODALITIES, size)
]


def run(seed, subset, n_train):
    """Train on a subset of the modalities: the accuracy on it and on its subsets."""
    torch.set_num_threads(1)
    X_train, y_train, X_test, y_test = load_av_digits(seed, n_train)
    union = make_features()
    train, test = union.fit_transform(X_train), union.transform(X_test)
    model = AttentionFusionClassifier(random_state=seed)
    model.fit(train.select(subset), y_train)
    return {
        tuple(shown): model.score(test.select(shown), y_test)
        for shown in SUBSETS
        if set(shown) <= set(subset)
    }


def main():
    """Run all seeds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options, seeds = report.parse_seeds(parser, n_rows=4000)
    runs = [(seed, subset) for subset in reversed(SUBSETS) for seed in seeds]
    scores = joblib.Parallel(n_jobs=2)(
        joblib.delayed(run)(seed, subset, options.rows) for seed, subset in runs
    )
    of = {(seed, *subset): s for (seed, subset), s in zip(runs, scores, strict=True)}
    fusion = [[of[seed, *MODALITIES][tuple(s)] for s in SUBSETS] for seed in seeds]
    own = [[of[seed, *subset][tuple(subset)] for subset in SUBSETS] for seed in seeds]
    fusion, own = np.array(fusion), np.array(own)
    columns = {"fusion": fusion, "own model": own, "difference": fusion - own}
    table = pd.DataFrame(
        {name: values.mean(axis=0) for name, values in columns.items()}
        | {f"sd of {n}": values.std(axis=0, ddof=1) for n, values in columns.items()},
        index=[" + ".join(subset) for subset in SUBSETS],
    )
    text = (
        f"AV digits, {options.rows} training and {N_TEST} test rows: test accuracy, "
        f"mean and deviation over the seeds {list(seeds)}, default parameters.\n"
        "fusion: one model trained on all three. own model: trained on that subset.\n\n"
    )
    report.write("subsets", text + table.round(3).to_string())


if __name__ == "__main__":
    main()
