"""Our sides: the estimator, in either precision; the loop over the same network."""

import sys
import time
from functools import partial

import numpy as np
import reference_loop
import seed_network
import seed_task
import torch
from peers.serve import serve, time_prediction

from sklearn_mm.estimators.training import build_network

N_WARM = 300  # rows that are predicted before the clock starts


def serve_estimator(train, test, precision="float32"):
    """Time ``fit`` and ``predict``, with all that they do."""
    features, unseen = map(seed_network.make_features, (train, test))

    def run(seed, epochs, batch_size, n_layers):
        make_classifier = partial(
            seed_network.make_classifier, n_layers=n_layers, batch_size=batch_size
        )
        # What is chosen or built once is not timed, on any side.
        warm = make_classifier(max_epochs=1, random_state=0)
        few = batch_size + 1
        warm.set_params(precision=precision).fit(features[:few], train.y[:few])
        warm.predict(unseen[:N_WARM])
        classifier = make_classifier(max_epochs=epochs, random_state=seed)
        classifier.set_params(precision=precision)
        began = time.perf_counter()
        classifier.fit(features, train.y)
        fit_seconds = time.perf_counter() - began
        seconds, predicted = time_prediction(partial(classifier.predict, unseen))
        network = classifier.net_.module_
        return result(fit_seconds, seconds, predicted == test.y, network)

    serve(run, ["torch"])


def serve_loop(train, test):
    """Time the loop, with the building of its network."""
    padded, unseen = map(reference_loop.PaddedTask, (train, test))
    few_unseen = reference_loop.PaddedTask(test.first(N_WARM))

    def run(seed, epochs, batch_size, n_layers):
        few = train.first(batch_size + 1)
        classifier = seed_network.make_classifier(
            n_layers=n_layers, max_epochs=1, batch_size=batch_size, random_state=0
        ).fit(seed_network.make_features(few), few.y)
        fit = partial(
            reference_loop.fit,
            batch_size=batch_size,
            learning_rate=classifier.learning_rate,
            weight_decay=classifier.weight_decay,
            warm_up=classifier.warm_up,
        )
        network = build_network(**classifier._network_arguments())
        fit(network, reference_loop.PaddedTask(few), epochs=1)
        reference_loop.predict(network, few_unseen)
        torch.manual_seed(seed)
        began = time.perf_counter()
        network = build_network(**classifier._network_arguments())
        fit(network, padded, epochs=epochs)
        fit_seconds = time.perf_counter() - began
        predict = partial(reference_loop.predict, network, unseen)
        seconds, predicted = time_prediction(predict)
        return result(fit_seconds, seconds, predicted.numpy() == test.y, network)

    serve(run, ["torch"])


def result(fit_seconds, predict_seconds, right, network):
    """Give what every side answers."""
    weights = [w for w in network.parameters() if w.requires_grad]
    return {
        "fit": fit_seconds,
        "predict": predict_seconds,
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
