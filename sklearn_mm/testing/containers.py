"""The containers in which a column or a table may arrive."""

from numbers import Number

import numpy as np


def columns_of_cells(cells):
    """Give the same cells in each 1-D container that is installed and can hold them.

    Parameters
    ----------
    cells : list
        The cells.

    Returns
    -------
    dict of str to container
        What it is, and the cells in it.
    """
    import pandas as pd

    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return {
        "an array of objects": array,
        "a pandas Series": pd.Series(cells),
        "a pandas Series of objects": pd.Series(cells, dtype=object),
        **_made(_polars_series, "a polars Series", cells),
    }


def tables_of_one_column(cells):
    """Give the same cells as tables of one column, and as an Arrow array.

    Parameters
    ----------
    cells : list
        The cells.

    Returns
    -------
    dict of str to container
        What it is, and the cells in it.
    """
    import pandas as pd

    table = pd.DataFrame({"cell": pd.Series(cells, dtype=object)})
    return {
        "a pandas DataFrame": table,
        **_made(_arrow_array, "a pyarrow Array", cells),
        **tables(table),
    }


def tables(table):
    """Give a pandas table as one of polars and of pyarrow, where they can hold it.

    Parameters
    ----------
    table : DataFrame
        Of pandas.

    Returns
    -------
    dict of str to container
        What it is, and the table in it.
    """
    return {
        **_made(_polars_table, "a polars DataFrame", table),
        **_made(_arrow_table, "a pyarrow Table", table),
    }


def _made(make, what, cells):
    """Make a container: it by its name, or nothing where it cannot be made."""
    try:
        return {what: make(cells)}
    except Exception:  # not installed, or it refuses the cells, each in its own way
        return {}


def _polars_series(cells):
    import polars as pl

    # Polars turns an array into a list only where no cell is missing.
    flat = [
        cell.tolist() if isinstance(cell, np.ndarray) and cell.ndim == 1 else cell
        for cell in cells
    ]
    if all(cell is None or isinstance(cell, _ARROW_TYPES) for cell in flat):
        return pl.Series(flat)
    return pl.Series(list(cells), dtype=pl.Object)


_ARROW_TYPES = (str, bytes, Number, list)


def _polars_table(table):
    import polars as pl

    return pl.DataFrame(
        {name: _polars_series(_nulls(table[name])) for name in table.columns}
    )


def _arrow_array(cells):
    import pyarrow as pa

    return pa.array(cells)


def _arrow_table(table):
    import pyarrow as pa

    return pa.table({name: pa.array(_nulls(table[name])) for name in table.columns})


def _nulls(column):
    """List the cells of a column of pandas, with None where one is missing."""
    return [
        None if gone else cell for cell, gone in zip(column, column.isna(), strict=True)
    ]
