"""What all tests share."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread():
    """Compute on one thread: for tiny models more threads only wait for each other."""
    import torch

    torch.set_num_threads(1)
