"""A process that answers "run once" line by line, so that sides can take turns."""

import json
import sys


def serve(run):
    """Answer every line of arguments on stdin with a line of results on stdout.

    Parameters
    ----------
    run : callable
        Takes the arguments of a line (a JSON object) by name, and returns a dict.
    """
    # What libraries print must not come between the lines of results.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), file=answers, flush=True)
