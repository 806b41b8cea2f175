"""A process that answers "run once" line by line, so that sides can take turns."""

import importlib.metadata
import json
import statistics
import sys
import time

N_PREDICTIONS = 5  # in a run: one takes half a second, too little to time once


def serve(run, packages):
    """Answer every line of arguments on stdin with a line of results on stdout.

    The first line comes unasked: the versions, when all is imported and read.

    Parameters
    ----------
    run : callable
        Takes the arguments of a line (a JSON object) by name, and returns a dict.
    packages : list of str
        Whose versions to tell.
    """
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in packages)
    # What libraries print must not come between the lines of results.
    answers, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(versions), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), file=answers, flush=True)


def time_prediction(predict):
    """Predict a few times: the median of the seconds, and what the last gave.

    Parameters
    ----------
    predict : callable
        Without arguments.

    Returns
    -------
    seconds : float
    predicted : object
    """
    seconds = []
    for _ in range(N_PREDICTIONS):
        began = time.perf_counter()
        predicted = predict()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), predicted
