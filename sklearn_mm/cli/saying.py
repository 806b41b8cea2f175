"""What the command line says on stderr: progress, warnings, errors."""

import sys
import warnings
from contextlib import contextmanager

from tqdm import tqdm

# Of the user's concern; the others are for who writes code.
SHOWN = (UserWarning, RuntimeWarning)


class CallError(Exception):
    """The command was called in a way that cannot work."""


def describe(error):
    """Say what went wrong in a sentence, with the notes that the error has.

    Parameters
    ----------
    error : Exception
        Any.

    Returns
    -------
    str
    """
    from sklearn_mm.readers.column import describe_error

    if isinstance(error, CallError):
        said = str(error)
    elif isinstance(error, OSError) and error.strerror and error.filename:
        said = f"{error.filename!r}: {error.strerror}"
    else:
        said = describe_error(error)
    return " ".join([said, *getattr(error, "__notes__", [])])


def say(text, options=None):
    """Say on stderr how far it is, unless ``options.quiet``."""
    if options is None or not options.quiet:
        tqdm.write(text, file=sys.stderr)


@contextmanager
def notes_on_stderr(program):
    """Say each different warning once, as a sentence, on stderr."""
    said = set()

    def show(message, category, filename, lineno, file=None, line=None):
        text = " ".join(str(message).split())
        # Each model of a pipeline counts the rows that it knows; one count will do.
        key = category if category.__name__ == "TrainingRowsWarning" else text
        if issubclass(category, SHOWN) and key not in said:
            said.add(key)
            say(f"{program}: note: {text}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
