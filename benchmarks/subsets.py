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


def run(seed, n_train):
    """Score one seed: for each subset the fusion model and the subset's own."""
    torch.set_num_threads(1)
    X_train, y_train, X_test, y_test = load_av_digits(seed, n_train)
    union = make_features()
    train, test = union.fit_transform(X_train), union.transform(X_test)
    fusion = AttentionFusionClassifier(random_state=seed).fit(train, y_train)
    scores = []
    for subset in SUBSETS:
        own = fusion
        if len(subset) < len(MODALITIES):
            own = AttentionFusionClassifier(random_state=seed)
            own.fit(train.select(subset), y_train)
        shown = test.select(subset)
        scores.append((fusion.score(shown, y_test), own.score(shown, y_test)))
    return scores


def main():
    """Run all seeds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=4000)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    scores = joblib.Parallel(n_jobs=2)(
        joblib.delayed(run)(seed, options.rows) for seed in seeds
    )
    fusion, own = np.moveaxis(np.array(scores), -1, 0)  # (seeds, subsets) each
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
