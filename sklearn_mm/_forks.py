"""What a forked child of a process that computed with torch must do without."""

import os
import sys

_computes = False


def will_compute():
    """Note that torch computes in this process, perhaps on several threads.

    Threads do not survive a fork, but torch's (OpenMP's) does not know it: a child
    that shares its work among them waits for ever. From now on children compute on one
    thread, as PyTorch's own ``DataLoader`` has its workers do. What is built on
    ``fork`` alone, without ``exec``, is concerned, such as ``gunicorn --preload``.
    """
    global _computes
    if not _computes and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_keep_one_thread)
    _computes = True


def _keep_one_thread():
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() > 1:
        torch.set_num_threads(1)
