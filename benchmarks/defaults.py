"""Choose the defaults of how modalities are hidden and learned one by one.

Those are ``modality_dropout``, ``modality_noise`` and ``auxiliary_weight``.

Every setting is held against two tasks that pull them apart: AV digits, where each
modality tells something by itself and any may be missing, and parity, where none does.
Scored are rows that no other benchmark tests on, see ``av_digits.load_av_digits``.

    python benchmarks/defaults.py --seeds 2 --first-seed 500
"""

import argparse

import joblib
import pandas as pd
import report
import torch
from av_digits import load_av_digits, make_features
from interaction import load_parity
from subsets import SUBSETS

from sklearn_mm import AttentionFusionClassifier

NAMES = ["modality_dropout", "auxiliary_weight", "modality_noise"]
SETTINGS = [
    (0.0, 0.0, 0.0),
    (0.1, 0.0, 0.0),
    (0.3, 0.0, 0.0),
    (0.3, 0.3, 0.0),
    (0.1, 1.0, 0.0),
    (0.3, 1.0, 0.0),
    (0.3, 1.0, 0.25),
    (0.3, 1.0, 0.5),
]
N_VALIDATION = 1000


def run(seed, n_train, setting):
    """Score one setting on one seed: a dict of accuracies."""
    torch.set_num_threads(1)
    model = AttentionFusionClassifier(
        random_state=seed, **dict(zip(NAMES, setting, strict=True))
    )
    X_train, y_train, X_test, y_test = load_av_digits(
        seed, n_train, N_VALIDATION, validation=True
    )
    union = make_features()
    train, test = union.fit_transform(X_train), union.transform(X_test)
    model.fit(train, y_train)
    scores = {
        " + ".join(subset): model.score(test.select(subset), y_test)
        for subset in SUBSETS
    }
    train, y_train, test, y_test = load_parity(seed, n_train, ["image", "text"])
    scores["parity"] = model.fit(train, y_train).score(test, y_test)
    return scores


def main():
    """Run all settings and seeds and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options, seeds = report.parse_seeds(parser, n_rows=2000)
    runs = [(setting, seed) for setting in SETTINGS for seed in seeds]
    scores = joblib.Parallel(n_jobs=2)(
        joblib.delayed(run)(seed, options.rows, setting) for setting, seed in runs
    )
    index = pd.MultiIndex.from_tuples([setting for setting, _ in runs], names=NAMES)
    table = pd.DataFrame(scores, index=index).groupby(NAMES, sort=False)
    text = (
        f"{options.rows} training and {N_VALIDATION} validation rows of AV digits, by "
        "the modalities shown,\nand of the parity of image and text; accuracy, mean "
        f"over the seeds {list(seeds)}.\n\n"
    )
    report.write("defaults", text + table.mean().round(3).T.to_string())


if __name__ == "__main__":
    main()
