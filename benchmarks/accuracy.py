"""Hold every fusion against single modalities, late fusion and classical pipelines.

Real data: see ``accuracy_data.py``. The sides of sklearn_mm have default parameters.
"alone" is a model for each modality, and their late fusion; "enriched" is attention
over the modalities and the features of the classical pipelines (not for AV digits,
where these are behind); "classical" the pipelines of ``classical.py``, their late
fusion, and all of them stacked. "union" is what ``make_multimodal_union`` chooses, with
two rows: attention over all of it, and a linear model of its classical readings alone,
which shows what the network adds to them. "pretrained" is the same with the vectors of
frozen encoders (``pretrained.py``) and models of these as further modalities.

Each (model, seed, fold) that is done is a line or more in
``results/accuracy_<data>.csv``, at once: a run that was interrupted goes on from there,
and a run of other models, seeds or folds adds to it. The table is made of all lines
with the same ``--rows``. Delete the file when the code has changed.

    SKLEARN_MM_DATA=... python benchmarks/accuracy.py --data emoji --seeds 5
    SKLEARN_MM_DATA=... python benchmarks/accuracy.py --models attention --folds 1
"""

import argparse
import csv
import sys
import tempfile
import time
from functools import partial
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
import report
import sklearn
import torch
from accuracy_data import DATASETS, N_FOLDS
from classical import make_stack, split_training
from enriched import VECTORS, make_enriched_features
from pretrained import add_pretrained, find_missing
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    CrossFitTransformer,
    make_multimodal_union,
)

COLUMNS = ["rows", "model", "seed", "fold", "name", "score", "seconds"]
KEY = COLUMNS[:4]


class Fold(NamedTuple):
    """What a model is trained and tested on, and how."""

    data: str
    train: pd.DataFrame
    y: np.ndarray
    test: pd.DataFrame
    groups: np.ndarray | None
    n_classes: int | None  # None: regression
    seed: int
    memory: str


def fit_fusion(fusion, fold):
    """Train one model on all modalities."""
    train, test = _make_features(fold, DATASETS[fold.data].make_features())
    return {f'fusion="{fusion}"': _fit_predict(fold, train, test, fusion=fusion)}


def fit_union(fold):
    """Train one model on what ``make_multimodal_union`` makes of the table."""
    union = make_multimodal_union(fold.train, verbose=False)
    return _fit_union(fold, union, "make_multimodal_union")


def fit_pretrained(fold):
    """Train one model on the same and on what pretrained encoders make of cells."""
    union = make_multimodal_union(fold.train, verbose=False)
    return _fit_union(fold, add_pretrained(union), "pretrained encoders too")


def _fit_union(fold, union, name):
    """Train attention over a union, and a linear model of its readings alone."""
    readings = [
        key
        for key, step, _ in union.transformers
        if isinstance(_last(step), CrossFitTransformer)
    ]
    if fold.groups is None:
        train, test = _make_features(fold, union)
    else:
        with sklearn.config_context(enable_metadata_routing=True):
            _ask_for_groups(union)
            train, test = _make_features(fold, union, groups=fold.groups)
    stack = _make_linear_stack(fold).fit(_flat(train, readings), fold.y)
    return {
        f"{name}, linear stack": _predict(stack, _flat(test, readings), fold),
        f"{name}, attention": _fit_predict(fold, train, test),
    }


def _make_linear_stack(fold):
    """Make a linear model whose strength is chosen in folds of the training rows."""
    regression = fold.n_classes is None
    splits = split_training(fold.y, fold.groups, regression, fold.seed)
    filled = SimpleImputer(add_indicator=True), StandardScaler()
    if regression:
        return make_pipeline(*filled, RidgeCV(np.logspace(-1, 4, 6), cv=splits))
    model = make_pipeline(*filled, LogisticRegression(max_iter=1000))
    strengths = {"logisticregression__C": np.logspace(-4, 1, 6)}
    return GridSearchCV(model, strengths, scoring=_log_likelihood, cv=splits)


def _log_likelihood(model, X, y):
    """Average over the rows whose class the model knows: a fold may lack a rare one."""
    known = np.isin(y, model.classes_)
    places = np.searchsorted(model.classes_, y[known])
    return model.predict_log_proba(X[known])[np.arange(len(places)), places].mean()


def _flat(features, names):
    return np.asarray(features.select(names))


def _last(step):
    return step[-1] if isinstance(step, Pipeline) else step


def _ask_for_groups(union):
    """Let cross-fitted steps keep groups together, also at the end of a pipeline."""
    for _, step, _ in union.transformers:
        if isinstance(_last(step), CrossFitTransformer):
            _last(step).set_fit_request(groups=True)


def fit_enriched(fold):
    """Train one model on all modalities and the vectors of the classical pipelines."""
    union = make_enriched_features(fold.data, fold.seed)
    train, test = _make_features(fold, union)
    return {
        'fusion="attention", classical features too': _fit_predict(fold, train, test)
    }


def fit_alone(fold):
    """Train a model on each modality, and combine what they predict."""
    train, test = _make_features(fold, DATASETS[fold.data].make_features())
    predicted = {
        f"only {name}": _fit_predict(fold, train.select([name]), test.select([name]))
        for name in train.names
    }
    return predicted | _fuse_late(list(predicted.values()), fold, "")


def fit_classical(fold):
    """Train the classical pipelines and the stack of them."""
    regression = fold.n_classes is None
    splits = split_training(fold.y, fold.groups, regression, fold.seed)
    stack = make_stack(fold.data, regression, fold.seed, splits)
    stack.fit(fold.train, fold.y)
    predicted = {
        f"classical: {name}": _predict(model, fold.test, fold)
        for name, model in stack.named_estimators_.items()
    }
    fused = _fuse_late(list(predicted.values()), fold, "classical: ")
    stacked = _predict(stack, fold.test, fold)
    return predicted | fused | {"classical: stacked": stacked}


MODELS = {
    "alone": fit_alone,
    **{
        fusion: partial(fit_fusion, fusion)
        for fusion in ("attention", "bottleneck", "cross", "gated", "concat")
    },
    "union": fit_union,
    "pretrained": fit_pretrained,
    "enriched": fit_enriched,
    "classical": fit_classical,
}


def _make_features(fold, union, **metadata):
    """Fit the union on the training rows; cells that were read before are looked up."""
    union.set_params(memory=fold.memory)
    train = union.fit_transform(fold.train, fold.y, **metadata)
    return train, union.transform(fold.test)


def _fit_predict(fold, train, test, **parameters):
    regression = fold.n_classes is None
    kind = AttentionFusionRegressor if regression else AttentionFusionClassifier
    model = kind(random_state=fold.seed, **parameters).fit(train, fold.y)
    return _predict(model, test, fold)


def _predict(model, X, fold):
    """Predict numbers, or probabilities of all classes, also of those not trained."""
    if fold.n_classes is None:
        return model.predict(X)
    probabilities = np.zeros((len(X), fold.n_classes))
    # Not by model.classes_: a stack encodes the labels for its members.
    probabilities[:, np.unique(fold.y)] = model.predict_proba(X)
    return probabilities


def _fuse_late(predicted, fold, prefix):
    """Average predictions; multiply probabilities, too."""
    fused = {f"{prefix}late fusion, mean": np.mean(predicted, axis=0)}
    if fold.n_classes is not None:
        # No single model may rule a class out.
        product = np.prod(np.clip(predicted, 1e-4, 1), axis=0)
        product /= product.sum(axis=1, keepdims=True)
        fused[f"{prefix}late fusion, product"] = product
    return fused


def score(metric, y, predicted):
    """Score predictions of test rows by the metric of the data."""
    if metric == "R2":
        return r2_score(y, predicted)
    if metric == "AUC":
        return roc_auc_score(y, predicted[:, 1])
    if metric == "AUC one against rest":
        return roc_auc_score(y, predicted, multi_class="ovr")
    return accuracy_score(y, predicted.argmax(axis=1))


def run(data, n_rows, model, seed, fold, memory):
    """Do one task: the lines that it adds to the file."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    dataset = DATASETS[data]
    X, y, folds, groups = dataset.load(seed, n_rows)
    train, test = folds[fold]
    predicted = MODELS[model](
        Fold(
            data=data,
            train=X.iloc[train],
            y=y[train],
            test=X.iloc[test],
            groups=None if groups is None else groups[train],
            n_classes=None if dataset.metric == "R2" else int(y.max()) + 1,
            seed=seed,
            memory=memory,
        )
    )
    seconds = round(time.perf_counter() - start, 1)
    key = ("all" if n_rows is None else n_rows, model, seed, fold)
    return [
        (*key, name, round(score(dataset.metric, y[test], values), 5), seconds)
        for name, values in predicted.items()
    ]


def read_done(path):
    """Read the lines of earlier runs."""
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(path, dtype={"rows": str})


def run_all(data, options, path, memory):
    """Do all tasks of a data set that are not done, and note each as it comes."""
    rows = "all" if options.rows is None else str(options.rows)
    done = set(read_done(path)[KEY].itertuples(index=False, name=None))
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    n_folds = len(DATASETS[data].load(options.first_seed, options.rows).folds)
    tasks = [
        (model, seed, fold)
        for seed in seeds
        for fold in range(min(n_folds, options.folds))
        for model in options.models
        if (rows, model, seed, fold) not in done
        and (model != "enriched" or data in VECTORS)
        and (model != "pretrained" or data != "watch")  # it has no texts or images
    ]
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        results = joblib.Parallel(options.jobs, return_as="generator_unordered")(
            joblib.delayed(run)(data, options.rows, *task, memory) for task in tasks
        )
        for number, lines in enumerate(results, start=1):
            write_lines(path, lines)
            print(f"{data} {number}/{len(tasks)}: {lines}", file=sys.stderr)


def write_lines(path, lines):
    """Append lines to the file, and make it if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([COLUMNS, *lines] if is_new else lines)


def make_table(lines):
    """Summarise the lines of one number of rows: a row for each name.

    The difference to the classical row with the best mean is paired by seed, with the
    standard error of its mean.
    """
    lines = lines.sort_values(
        "model", key=lambda models: models.map(list(MODELS).index), kind="stable"
    )
    of_runs = lines.groupby("name", sort=False)["score"]
    of_seeds = lines.groupby(["name", "seed"], sort=False)["score"].mean()
    table = pd.DataFrame(
        {
            "mean": of_runs.mean(),
            "sd of seeds": of_seeds.groupby("name", sort=False).std(),
            "sd of runs": of_runs.std(),
            "least": of_runs.min(),
            "largest": of_runs.max(),
            "seeds": lines.groupby("name", sort=False)["seed"].nunique(),
            "runs": of_runs.size(),
        }
    )
    classical = table["mean"][table.index.str.startswith("classical")]
    if len(classical):
        by_seed = of_seeds.unstack("seed")
        difference = by_seed - by_seed.loc[classical.idxmax()]
        table.insert(1, "to best classical", difference.mean(axis=1))
        table.insert(2, "se", difference.sem(axis=1))
    return table.round(3)


def summarize(data, options, path):
    """Write the table of a data set, of all that its file holds."""
    rows = "all" if options.rows is None else str(options.rows)
    lines = read_done(path)
    lines = lines[lines["rows"] == rows]
    report.write(
        path.stem,
        f"{DATASETS[data].about}; rows: {rows}.\n"
        f"{DATASETS[data].metric} in the test, over seeds and folds; "
        "sd of seeds: of the means over folds. The difference to the best classical "
        "row is paired by seed.\n\n"
        f"{make_table(lines).to_string()}",
    )


def main():
    """Run what is not done, and write a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--folds", type=int, default=N_FOLDS, help="how many of the 5 folds are run"
    )
    parser.add_argument("--rows", type=int, help="fewer rows, drawn at random")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--memory", help="folder that keeps the features of cells")
    options = parser.parse_args()
    if "pretrained" in options.models and (missing := find_missing()):
        options.models.remove("pretrained")
        if not options.models:
            report.skip(missing)
        print(missing, file=sys.stderr)
    skipped = 0
    for data in options.data:
        path = report.RESULTS / f"accuracy_{data}.csv"
        try:
            with tempfile.TemporaryDirectory() as memory:
                run_all(data, options, path, options.memory or memory)
        except SystemExit:  # said why: the others go on
            skipped += 1
            continue
        summarize(data, options, path)
    if skipped == len(options.data):
        raise SystemExit(report.SKIPPED)


if __name__ == "__main__":
    main()
