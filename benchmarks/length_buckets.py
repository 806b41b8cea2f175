"""Measure what it saves to put texts of like length into batches together.

Texts of 35 tokens, of 10 to 60, and of 3 to 256 (log-normal): one in ten tokens tells
the class. Sides: batches as sklearn_mm makes them, and at random. Each repeat has data
and a seed of its own; both sides train and test on the same.

    python benchmarks/length_buckets.py --repeats 5
"""

import argparse
import time
from unittest.mock import patch

import numpy as np
import pandas as pd
import report
import torch
from timing import ratio

from sklearn_mm import AttentionFusionClassifier, FeatureBlock, MultimodalFeatures
from sklearn_mm.estimators import batches

N_TEST = 1000
VOCABULARY_SIZE = 2000
LENGTHS = {
    "35": lambda rng, n: np.full(n, 35),
    "10 to 60": lambda rng, n: rng.integers(10, 61, n),
    "3 to 256": lambda rng, n: np.exp(rng.normal(3.2, 1, n)).clip(3, 256).astype(int),
}


def make_texts(rng, lengths):
    """Draw texts as ids, 30 of which tell each class."""
    y = rng.integers(0, 2, len(lengths))
    texts = [
        np.where(
            rng.random(length) < 0.1,
            rng.integers(0, 30, length) + 30 * label,
            rng.integers(60, VOCABULARY_SIZE, length),
        )
        for length, label in zip(lengths, y, strict=True)
    ]
    block = FeatureBlock.from_samples(texts, "tokens", vocabulary_size=VOCABULARY_SIZE)
    return MultimodalFeatures({"text": block}), y


def run(lengths, n_rows, seed, n_together):
    """Train and test: seconds an epoch, and accuracy."""
    rng = np.random.default_rng(seed)
    X, y = make_texts(rng, LENGTHS[lengths](rng, n_rows))
    X_test, y_test = make_texts(rng, LENGTHS[lengths](rng, N_TEST))
    model = AttentionFusionClassifier(max_epochs=8, random_state=seed)
    with patch.object(batches, "N_BATCHES_TOGETHER", n_together):
        start = time.perf_counter()
        model.fit(X, y)
    seconds = time.perf_counter() - start
    return seconds / model.max_epochs, model.score(X_test, y_test)


def main():
    """Compare on each kind of lengths, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for lengths in LENGTHS:
        found = {"together": [], "random": []}
        for seed in range(options.repeats):
            for side, n_together in (("together", 16), ("random", 1)):
                found[side].append(run(lengths, options.rows, seed, n_together))
        (ours, accuracy), (random, at_random) = (
            np.array(found[side]).T for side in ("together", "random")
        )
        rows.append(
            {
                "tokens": lengths,
                "random, s an epoch": np.median(random).round(2),
                "together, s an epoch": np.median(ours).round(2),
                "times as fast": ratio(random, ours),
                "accuracy, random": at_random.mean().round(3),
                "together": accuracy.mean().round(3),
                "sd of the difference": np.std(accuracy - at_random, ddof=1).round(3),
            }
        )
    text = (
        f"{options.rows} training and {N_TEST} test texts, 8 epochs, one thread, "
        f"default parameters; medians (smallest\nto largest) of {options.repeats} "
        f"interleaved repeats.\n\n{pd.DataFrame(rows).to_string(index=False)}"
    )
    report.write("length_buckets", text)


if __name__ == "__main__":
    main()
