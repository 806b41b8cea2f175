"""Predict with two torch threads, fork, and predict in the child, as servers do.

    python tests/reliability/forked.py [one]

Prints what came of the child: "equal", "other", "hangs". With ``one``, the parent takes
one thread before it forks.
"""

import os
import sys
import time

import numpy as np
import torch

from sklearn_mm import AttentionFusionClassifier, MultimodalFeatures

PATIENCE = 60  # seconds, of a machine that may be busy


def wait_for(child):
    """Wait for a process, but not for ever: its exit status, None if it hangs."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


def main():
    """Fork once."""
    torch.set_num_threads(2)
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    X = MultimodalFeatures({"a": rng.normal(size=(300, 8)) + y[:, None]})
    model = AttentionFusionClassifier(max_epochs=1, width=64, random_state=0).fit(X, y)
    expected = model.predict_proba(X)
    torch.mm(torch.ones(500, 500), torch.ones(500, 500))  # on both threads
    if "one" in sys.argv:
        torch.set_num_threads(1)
    child = os.fork()
    if not child:
        found = model.predict_proba(X)
        torch.mm(torch.ones(500, 500), torch.ones(500, 500))
        os._exit(0 if np.allclose(found, expected, atol=1e-6) else 3)
    print({0: "equal", 3: "other", None: "hangs"}.get(wait_for(child), "failed"))


if __name__ == "__main__":
    main()
