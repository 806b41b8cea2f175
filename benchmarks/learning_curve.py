"""Hold default fits on few rows against a linear model of the same features.

Three small generated tables (``small_tables.py``). The union is what
``make_multimodal_union`` chooses, but for "views", whose three views are a modality
each. On its features, for each number of training rows: attention fusion, logistic
regression or ridge on the flat view, boosting on it, and attention fusion without the
classical readings. All have default parameters. The difference to the linear model is
paired by seed, with its standard error. ``seconds`` are of the processor, features
included.

    python benchmarks/learning_curve.py --seeds 5
    python benchmarks/learning_curve.py --tables views --rows 50 200
"""

import argparse
import time
import warnings

import joblib
import numpy as np
import pandas as pd
import report
import torch
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small_tables import SMALL_TABLES

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    MultimodalFeatureUnion,
    make_multimodal_union,
)

N_TEST = 1000
LINEAR = "linear model, flat view"


def make_features(table, X, classical):
    """Choose the transformers of a table."""
    if table != "views":
        return make_multimodal_union(X, classical=classical, verbose=False)
    views = pd.Series(X.columns).groupby(X.columns.str.split("_").str[0])
    return MultimodalFeatureUnion(
        [(name, StandardScaler(), list(columns)) for name, columns in views]
    )


def make_models(is_regression, seed):
    """Name the models that learn from the features."""
    linear = RidgeCV(np.logspace(-1, 4, 6))
    boosting, fusion = HistGradientBoostingRegressor, AttentionFusionRegressor
    if not is_regression:
        linear = LogisticRegression(max_iter=2000)
        boosting, fusion = HistGradientBoostingClassifier, AttentionFusionClassifier
    filled = SimpleImputer(add_indicator=True), StandardScaler()
    return {
        LINEAR: make_pipeline(*filled, linear),
        "boosting, flat view": make_pipeline(*filled, boosting(random_state=seed)),
        "attention fusion": fusion(random_state=seed),
    }


def run(table, n_rows, seed):
    """Score all models on the test rows of a seed: a line for each."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    X, y = SMALL_TABLES[table](n_rows + N_TEST, seed)
    lines = []
    for classical in (True, False):
        start = time.process_time()
        union = make_features(table, X[:n_rows], classical)
        train = union.fit_transform(X[:n_rows], y[:n_rows])
        test = union.transform(X[n_rows:])
        for_features = time.process_time() - start
        models = make_models(y.dtype.kind == "f", seed)
        if not classical:
            models = {"attention fusion, classical=False": models["attention fusion"]}
        for name, model in models.items():
            start = time.process_time()
            model.fit(train, y[:n_rows])
            seconds = for_features + time.process_time() - start
            score = model.score(test, y[n_rows:])
            lines.append((table, n_rows, name, seed, score, seconds))
        if table == "views":
            break
    return lines


def make_table(lines):
    """Summarise over the seeds, with paired differences to the linear model."""
    lines = pd.DataFrame(
        lines, columns=["table", "rows", "model", "seed", "score", "seconds"]
    )
    place = ["table", "rows", "seed"]
    linear = lines[lines["model"] == LINEAR].set_index(place)["score"]
    lines["to linear"] = (
        lines["score"] - linear.loc[pd.MultiIndex.from_frame(lines[place])].to_numpy()
    )
    groups = lines.groupby(["table", "rows", "model"], sort=False)
    table = groups[["score", "to linear", "seconds"]].mean()
    table.insert(2, "se", groups["to linear"].sem())
    return table.round({"score": 3, "to linear": 3, "se": 3, "seconds": 1})


def main():
    """Run all and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = list(SMALL_TABLES)
    parser.add_argument("--tables", nargs="+", choices=names, default=names)
    parser.add_argument("--rows", nargs="+", type=int, default=[50, 200, 500])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    results = joblib.Parallel(n_jobs=2)(
        joblib.delayed(run)(table, n_rows, seed)
        for table in options.tables
        for n_rows in options.rows
        for seed in range(options.seeds)
    )
    table = make_table([line for lines in results for line in lines])
    report.write(
        "learning_curve",
        f"Accuracy (stalls, views) or R2 (letters) on {N_TEST} test rows, mean of "
        f"{options.seeds} seeds.\n\n{table.to_string()}",
    )


if __name__ == "__main__":
    main()
