"""Our sides: the estimator, in either precision; the loop over the same network."""

import sys
import time
from functools import partial

import numpy as np
import reference_loop
import seed_network
import seed_task
import torch
from peers.serve import serve

from sklearn_mm.estimators.training import build_network


def serve_estimator(train, test, precision="float32"):
    """Time ``fit`` and ``predict``, with all that they do."""
    features, unseen = map(seed_network.make_features, (train, test))
    warm_up(features, train)

    def run(seed, epochs, batch_size, n_layers):
        classifier = seed_network.make_classifier(
            n_layers=n_layers,
            max_epochs=epochs,
            batch_size=batch_size,
            random_state=seed,
        ).set_params(precision=precision)
        began = time.perf_counter()
        classifier.fit(features, train.y)
        fitted = time.perf_counter()
        predicted = classifier.predict(unseen)
        ended = time.perf_counter()
        network = classifier.net_.module_
        return result(began, fitted, ended, predicted == test.y, network)

    serve(run, ["torch"])


def serve_loop(train, test):
    """Time the loop, with the building of its network."""
    padded, unseen = map(reference_loop.PaddedTask, (train, test))
    classifier = warm_up(seed_network.make_features(train), train)

    def run(seed, epochs, batch_size, n_layers):
        torch.manual_seed(seed)
        began = time.perf_counter()
        classifier.set_params(n_layers=n_layers)
        network = build_network(**classifier._network_arguments())
        reference_loop.fit(
            network,
            padded,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=classifier.learning_rate,
            weight_decay=classifier.weight_decay,
            warm_up=classifier.warm_up,
        )
        fitted = time.perf_counter()
        predicted = reference_loop.predict(network, unseen).numpy()
        ended = time.perf_counter()
        return result(began, fitted, ended, predicted == test.y, network)

    serve(run, ["torch"])


def warm_up(features, task):
    """Fit on two batches: what is loaded or chosen once is not timed."""
    classifier = seed_network.make_classifier(
        n_layers=1, max_epochs=1, batch_size=32, random_state=0
    )
    classifier.fit(features[:64], task.y[:64]).predict(features[:64])
    return classifier


def result(began, fitted, ended, right, network):
    """Give what every side answers."""
    weights = [w for w in network.parameters() if w.requires_grad]
    return {
        "fit": fitted - began,
        "predict": ended - fitted,
        "accuracy": float(np.mean(right)),
        "parameters": sum(w.numel() for w in weights),
    }


if __name__ == "__main__":
    task, side = sys.argv[1:]
    serve_side = {
        "sklearn_mm": serve_estimator,
        "bfloat16": partial(serve_estimator, precision="bfloat16"),
        "loop": serve_loop,
    }[side]
    serve_side(*seed_task.load(task))
