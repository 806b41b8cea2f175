"""The main job on real files: ``python -m sklearn_mm.demo --output demo_output``.

Handwritten digits (PNG files), spoken digits (WAV files) and number words, each so
degraded that none suffices, are classified by each modality alone and by all of them.
Needs no network.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    CNNEncoder,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import load_digits_multimodal
from sklearn_mm.inspection import attention_weights, report

DEGRADATION = {"image_noise": 0.5, "audio_snr": 0.0, "typo_rate": 0.4}

TRANSFORMERS = [
    ("image", ImageTransformer(size=(16, 16), mode="gray"), "image"),
    ("text", TextTransformer("bpe"), "text"),
    ("audio", AudioTransformer(sampling_rate=8000, n_fft=256, n_mels=40), "audio"),
]

GRID = {
    "features__text__vocabulary_size": [100, 1000],
    "classifier__learning_rate": [1e-3, 3e-3],
}


def make_model(modalities):
    """Build the pipeline over some of the modalities."""
    transformers = [entry for entry in TRANSFORMERS if entry[0] in modalities]
    encoders = [("image", CNNEncoder(channels=(16, 32, 64)))]
    classifier = AttentionFusionClassifier(
        encoders=encoders if "image" in modalities else None,
        max_epochs=15,
        batch_size=32,
        random_state=0,
    )
    features = MultimodalFeatureUnion(transformers)
    return Pipeline([("features", features), ("classifier", classifier)])


def compare(X, y, bar):
    """Cross-validate each modality alone and their fusion: a table of accuracies."""
    names = [name for name, _, _ in TRANSFORMERS]
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    table = {}
    for modalities in [*([name] for name in names), names]:
        label = " + ".join(modalities)
        bar.set_description(f"Cross-validating {label}")
        # One fold in each process: two processes fill two cores.
        table[label] = cross_val_score(make_model(modalities), X, y, cv=folds, n_jobs=2)
        bar.update(len(table[label]))
    return pd.DataFrame(table).rename_axis("fold").T


def search(X, y, bar):
    """Search a parameter of the union and one of the classifier together."""
    bar.set_description("Grid search")
    model = make_model([name for name, _, _ in TRANSFORMERS])
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    found = GridSearchCV(model, GRID, cv=folds, n_jobs=2).fit(X, y)
    bar.update(len(found.cv_results_["params"]) * folds.get_n_splits() + 1)
    return found


def check_round_trip(model, X, folder):
    """Load the model in a new process and compare its predictions bit for bit."""
    joblib.dump(model, folder / "model.joblib")
    X.to_pickle(folder / "rows.pkl")
    code = (
        "import sys, joblib, numpy, pandas; folder = sys.argv[1]\n"
        "model = joblib.load(folder + '/model.joblib')\n"
        "rows = pandas.read_pickle(folder + '/rows.pkl')\n"
        "numpy.save(folder + '/probabilities.npy', model.predict_proba(rows))"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)
    found = np.load(folder / "probabilities.npy")
    return bool(np.array_equal(found, model.predict_proba(X)))


def plot(model, X, y, table, folder):
    """Draw the accuracies, the confusion matrix and the attention per modality."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    means = table.mean(axis=1)
    axes[0].barh(means.index, means, xerr=table.std(axis=1), color="tab:blue")
    axes[0].invert_yaxis()
    axes[0].set(title="Accuracy, 5 folds", xlim=(0, 1))
    ConfusionMatrixDisplay.from_estimator(model, X, y, ax=axes[1], colorbar=False)
    axes[1].set_title("Fusion, held-out rows")
    weights = attention_weights(model, X)
    by_class = weights.groupby(y).mean()
    by_class.plot.bar(stacked=True, ax=axes[2], rot=0, width=0.8)
    axes[2].set(title="Attention per modality", xlabel="digit", ylim=(0, 1))
    figure.savefig(folder / "demo.png", dpi=110)
    plt.close(figure)


def main(arguments=None):
    """Run the demo and write its table, plots, model and report into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("demo_output"))
    parser.add_argument("--n-samples", type=int, default=900)
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()

    X, y = load_digits_multimodal(n_samples=options.n_samples, **DEGRADATION)
    n_fits = 5 * (len(TRANSFORMERS) + 1) + 2 * 4 + 1
    with tqdm(total=n_fits, unit="fit") as bar:
        table = compare(X, y, bar)
        rows = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
        X_train, X_test, y_train, y_test = rows
        found = search(X_train, y_train, bar)
        bar.set_description("Done")

    best = found.best_estimator_
    same = check_round_trip(best, X_test, options.output)
    plot(best, X_test, y_test, table, options.output)
    table.to_csv(options.output / "accuracies.csv")
    page = report(
        best,
        X_test,
        y_test,
        options.output / "report.html",
        title="Degraded digits, held-out rows",
        random_state=8,  # draws words of several scripts
    )
    summary = pd.DataFrame({"accuracy": table.mean(axis=1), "sd": table.std(axis=1)})
    single, fusion = summary["accuracy"].iloc[:-1].max(), summary["accuracy"].iloc[-1]
    print(f"\n{summary.round(3).to_string()}\n")
    print(
        f"fusion above the best single modality: {100 * (fusion - single):.1f} points"
    )
    print(f"grid search chose {found.best_params_}")
    print(f"held-out accuracy of the chosen model: {best.score(X_test, y_test):.3f}")
    print(f"a new process predicts the same, bit for bit: {same}")
    print(f"table, plots and model: {options.output.resolve()}")
    print(f"report, to open in a browser: {page.resolve()}")
    print(f"{time.perf_counter() - start:.0f} seconds")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
