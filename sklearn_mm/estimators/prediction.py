"""Run a trained network over rows, on every core."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from itertools import islice

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from sklearn_mm.estimators.threads import threads_for_prediction, use_threads


def predict_batches(net, dataset, n_threads="auto"):
    """Run a network over all rows of a dataset, in order.

    Where there are several cores and several batches, each core has a batch of its own:
    it is faster than to share every matrix product among all, which wait for each other
    at the end of each. What is predicted then depends on the number of cores no more
    than rounding does.

    Parameters
    ----------
    net : skorch.NeuralNet
        Trained.
    dataset : FusionDataset
        The rows.
    n_threads : int or "auto", default="auto"
        Of the estimator.

    Returns
    -------
    ndarray of shape (len(dataset), n_outputs), float32
    """
    batches = net.get_iterator(dataset, training=False)
    on_cpu = torch.device(net.device).type == "cpu"
    n_threads = threads_for_prediction(n_threads) if on_cpu else 1
    n_workers = min(n_threads, len(batches))
    if n_workers < 2:
        # A single batch is shared among all; else there is one thread anyhow.
        with use_threads(n_threads) if on_cpu else nullcontext():
            outputs = [_predict(net, batch) for batch in batches]
    else:
        limit = partial(_limit_threads, ThreadpoolController(), n_threads // n_workers)
        with ThreadPoolExecutor(n_workers, initializer=limit) as pool:
            outputs = list(_in_turn(pool, net, batches, n_ahead=2 * n_workers))
    return np.concatenate(outputs)


def _in_turn(pool, net, batches, n_ahead):
    """Yield the outputs of each batch; only a few batches are in memory at a time."""
    batches = iter(batches)
    pending = deque(pool.submit(_predict, net, b) for b in islice(batches, n_ahead))
    while pending:
        yield pending.popleft().result()
        pending.extend(pool.submit(_predict, net, b) for b in islice(batches, 1))


def _predict(net, batch):
    outputs = net.evaluation_step(batch, training=False)
    return outputs.cpu().numpy()


def _limit_threads(controller, n_threads):
    """Let the calling thread, and no other, compute with so many threads."""
    torch.get_num_threads()  # torch sets its own number at the first call in a thread
    controller.limit(limits=n_threads, user_api="openmp")
