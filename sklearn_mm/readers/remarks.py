"""What is to be said of a cell that could be read, but not quite as it stands.

A reader notes it; the transformer warns once for all cells of which the same is noted.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_notes = ContextVar("notes", default=None)


@dataclass(frozen=True)
class Remark:
    """What is noted of a cell.

    Attributes
    ----------
    kind : str
        The same words for all cells that it befalls, such as "were cut short".
    detail : str
        What was found in this cell.
    """

    kind: str
    detail: str


@dataclass(frozen=True)
class Remarked:
    """What came of a cell, with remarks.

    Attributes
    ----------
    result : object
        A sample, None or an error.
    remarks : tuple of Remark
        At least one.
    """

    result: object
    remarks: tuple


def note(kind, detail):
    """Note something of the cell that is being read; nowhere, where nobody listens.

    Parameters
    ----------
    kind : str
        What befell the cell, in words that follow "3 of 10 cells".
    detail : str
        What was found in it, and what can be done.

    Examples
    --------
    >>> from sklearn_mm.readers.remarks import note, noted
    >>> with noted() as remarks:
    ...     note("are long", "9 steps")
    >>> remarks
    [Remark(kind='are long', detail='9 steps')]
    """
    notes = _notes.get()
    if notes is not None:
        notes.append(Remark(kind, detail))


@contextmanager
def noted():
    """Collect what is noted within the block, in this thread.

    Yields
    ------
    list of Remark
    """
    notes = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def with_remarks(result, remarks):
    """Join a result and its remarks, if there are any.

    Parameters
    ----------
    result : object
        What came of a cell.
    remarks : sequence of Remark
        What was noted of it.

    Returns
    -------
    object or Remarked
    """
    return Remarked(result, tuple(remarks)) if remarks else result


def without_remarks(outcome):
    """Take a result and its remarks apart.

    Parameters
    ----------
    outcome : object or Remarked
        As of :func:`with_remarks`.

    Returns
    -------
    result : object
    remarks : tuple of Remark
    """
    if isinstance(outcome, Remarked):
        return outcome.result, outcome.remarks
    return outcome, ()
