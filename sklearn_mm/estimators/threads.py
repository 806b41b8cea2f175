"""With how many threads of the processor torch computes."""

import multiprocessing
from contextlib import contextmanager

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

# Floating-point operations of a forward pass over one batch from which on it is worth
# sharing. Below, threads wait for each other at the end of each operation for longer
# than they gain, and on a busy machine for far longer (benchmarks/threads.py: two are
# slower than one at 5e9, faster at 18e9).
LEAST_WORK = 1e10


def threads_for_training(n_threads, net, train):
    """Choose the threads of a training: all that torch has, or one if a step is small.

    By the size of the work alone, not by what else the machine does: sums that are
    shared otherwise differ in their last digit, and equal fits would not be equal.

    Parameters
    ----------
    n_threads : int or "auto"
        Of the estimator.
    net : FusionNet
        Initialized.
    train : FusionDataset
        The training rows.

    Returns
    -------
    int
    """
    n_available = threads_for_prediction(n_threads)
    if n_threads != "auto" or n_available == 1 or net.compile:
        return n_available
    if not hasattr(net, "work_"):
        net.work_ = count_operations(net, train)
    return n_available if net.work_ >= LEAST_WORK else 1


def threads_for_prediction(n_threads="auto"):
    """Choose the threads of a prediction: one in the workers of ``n_jobs``.

    Parameters
    ----------
    n_threads : int or "auto"
        Of the estimator.

    Returns
    -------
    int
    """
    if n_threads != "auto":
        return n_threads
    is_worker = multiprocessing.current_process().name != "MainProcess"
    return 1 if is_worker else torch.get_num_threads()


@contextmanager
def use_threads(n_threads):
    """Let torch compute with so many threads, and then with as many as before."""
    before = torch.get_num_threads()
    if n_threads == before:
        yield
        return
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def count_operations(net, train):
    """Count the products and sums of matrices in a forward pass over one batch.

    Parameters
    ----------
    net : FusionNet
        Initialized; is not changed.
    train : FusionDataset
        The training rows, of which some from all over are taken.

    Returns
    -------
    int
    """
    size = len(train) if net.batch_size == -1 else min(net.batch_size, len(train))
    inputs, _ = train.batch(np.linspace(0, len(train) - 1, size).astype(np.int64))
    counter = _Operations()
    net.module_.eval()
    with torch.random.fork_rng(devices=[]), torch.no_grad(), counter:
        net.infer(inputs)
    return counter.n_operations


class _Operations(TorchDispatchMode):
    """Count operations in this thread; torch's FlopCounterMode does so in all."""

    n_operations = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.n_operations += count(*args, **(kwargs or {}), out_val=result)
        return result
