"""Arrow's columns and tables as those of pandas, whose cells keep their shape."""


def is_arrow(X):
    """Tell whether X is an array, a record batch or a table of pyarrow."""
    return type(X).__module__.partition(".")[0] == "pyarrow"


def to_pandas(X):
    """Take a column or table of pyarrow as one of pandas.

    Parameters
    ----------
    X : Array, ChunkedArray, RecordBatch or Table of pyarrow
        Any types. Tensors of a fixed shape, which pandas does not know, become arrays
        of that shape.

    Returns
    -------
    Series or DataFrame

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> images = np.zeros((2, 5, 4, 3), dtype=np.uint8)
    >>> tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(images)
    >>> to_pandas(tensors)[0].shape
    (5, 4, 3)
    """
    if not hasattr(X, "schema"):
        return _column_to_pandas(X)
    table = X.to_pandas()
    for place, field in enumerate(X.schema):
        if _is_tensor(field.type):
            column = _column_to_pandas(X.column(place))
            table[field.name] = column.set_axis(table.index)
    return table


def _is_tensor(kind):
    return type(kind).__name__ == "FixedShapeTensorType"


def _column_to_pandas(column):
    import pandas as pd

    if not _is_tensor(column.type):
        return column.to_pandas()
    shape, order = column.type.shape, column.type.permutation
    dtype = column.type.value_type.to_pandas_dtype()
    cells = []
    for chunk in getattr(column, "chunks", [column]):
        for cell in chunk.storage.to_pandas():
            if cell is not None:
                # Beside a missing one, pandas makes floats of all.
                cell = cell.astype(dtype, copy=False).reshape(shape)
                cell = cell if order is None else cell.transpose(order)
            cells.append(cell)
    return pd.Series(cells, dtype=object)
