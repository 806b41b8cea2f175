"""Rows that hold several images or sounds."""


class Several(tuple):
    """The cells of several columns, which are one modality."""


def read_each(cells, read, what):
    """Read the cells of one row, and say which of several cannot be read.

    Parameters
    ----------
    cells : list
        Of one row.
    read : callable
        Takes one of them.
    what : str
        What one is called.

    Returns
    -------
    list
        What ``read`` gave, without None.

    Raises
    ------
    TypeError or ValueError
        As ``read`` raised it; of several, with the place of the cell.
    """
    found = []
    for place, cell in enumerate(cells, 1):
        try:
            found.append(read(cell))
        except (TypeError, ValueError) as error:
            if len(cells) == 1:
                raise
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{what} {place} of {len(cells)}: {error}") from error
    return [each for each in found if each is not None]
