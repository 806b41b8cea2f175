"""Time a default fit on a table of many columns, with one thread.

One long text, three short ones, four categories and fifteen numbers, of which some of
each kind tell something of two classes. ``make_multimodal_union`` chooses the features,
classical readings included, and the estimator has its default parameters. Seconds are
of the processor.

    python benchmarks/many_columns.py
    python benchmarks/many_columns.py --rows 600 --repeats 1
"""

import argparse
import time

import numpy as np
import pandas as pd
import report
import torch

from sklearn_mm import AttentionFusionClassifier, make_multimodal_union

N_TEST = 500
N_NUMBERS, N_CATEGORIES, N_WORDS = 15, 4, 400
SHORT = ["title", "place", "remark"]


def load_columns(n_rows, seed):
    """Draw a table of 23 columns and two classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n_rows)
    words = np.array([f"word{number}" for number in range(N_WORDS)])
    # Zipf's law; and a text of one class says some words more often.
    frequency = 1 / np.arange(1, N_WORDS + 1)
    by_class = [np.roll(frequency, 40), np.roll(frequency, 43)]
    by_class = [each / each.sum() for each in by_class]

    def text(label, n_words):
        return " ".join(rng.choice(words, n_words, p=by_class[label]))

    columns = {"story": [text(label, rng.integers(40, 120)) for label in y]}
    for name in SHORT:
        columns[name] = [text(label, rng.integers(3, 9)) for label in y]
    for number in range(N_CATEGORIES):
        level = rng.integers(0, 5, n_rows) + (number == 0) * y
        columns[f"category_{number}"] = np.array(list("abcdef"))[level]
    for number in range(N_NUMBERS):
        columns[f"number_{number}"] = rng.normal(size=n_rows) + 0.3 * (number < 3) * y
    return pd.DataFrame(columns), y


def run(seed, n_rows):
    """Fit once: seconds of the features and of the network, accuracy, epochs."""
    X, y = load_columns(n_rows + N_TEST, seed)
    start = time.process_time()
    union = make_multimodal_union(X[:n_rows], verbose=False)
    features = union.fit_transform(X[:n_rows], y[:n_rows])
    made = time.process_time()
    model = AttentionFusionClassifier(random_state=seed).fit(features, y[:n_rows])
    fitted = time.process_time()
    return {
        "features, s": made - start,
        "network, s": fitted - made,
        "both, s": fitted - start,
        "epochs": model.n_iter_,
        "accuracy": model.score(union.transform(X[n_rows:]), y[n_rows:]),
    }


def main():
    """Run the fits one after the other, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2400)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = pd.DataFrame([run(seed, options.rows) for seed in range(options.repeats)])
    text = (
        f"{options.rows} rows of one long text, {len(SHORT)} short ones, "
        f"{N_CATEGORIES} categories and {N_NUMBERS} numbers; {N_TEST} test rows; "
        "one thread.\nSeconds of the processor, over as many seeds as fits: "
        f"{options.repeats}.\n\n"
    )
    report.write(
        "many_columns", text + table.agg(["mean", "min", "max"]).T.round(2).to_string()
    )


if __name__ == "__main__":
    main()
