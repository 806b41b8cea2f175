"""What the cells of a modality are, and where they stand in the table."""

import numpy as np
from sklearn.pipeline import Pipeline

from sklearn_mm._compat import _safe_indexing
from sklearn_mm.readers.table import check_table
from sklearn_mm.transformers import (
    AudioTransformer,
    ImageTransformer,
    PretrainedAudioTransformer,
    PretrainedImageTransformer,
    PretrainedTextTransformer,
    TextTransformer,
    TimeSeriesTransformer,
)

# What a modality is, by its transformer. All others are "table".
KINDS = {
    ImageTransformer: "image",
    AudioTransformer: "audio",
    TextTransformer: "text",
    TimeSeriesTransformer: "series",
    PretrainedImageTransformer: "image",
    PretrainedAudioTransformer: "audio",
    PretrainedTextTransformer: "text",
}


def as_pandas(owner, X):
    """Take a table in any container as a DataFrame.

    Parameters
    ----------
    owner : str
        Who asks, for messages.
    X : table of pandas, polars or pyarrow, or 2-D array
        The cells.

    Returns
    -------
    DataFrame
    """
    import pandas as pd

    X = check_table(owner, X)
    if isinstance(X, np.ndarray):
        return pd.DataFrame(X)
    return X if isinstance(X, pd.DataFrame) else X.to_pandas()


def select_columns(table, columns):
    """Select the columns of a modality, as a table even if it is a single one."""
    columns = [columns] if np.isscalar(columns) else columns
    return _safe_indexing(table, columns, axis=1)


def first_step(transformer):
    """Give what sees the cells: of a Pipeline its first step, else the transformer."""
    while isinstance(transformer, Pipeline):
        transformer = transformer[0]
    return transformer


def kind_of_cells(transformer, table, columns):
    """Tell what the cells of a modality are.

    Parameters
    ----------
    transformer : transformer
        Of the modality.
    table : DataFrame
        With its cells.
    columns : str, int or list of them
        Of the modality.

    Returns
    -------
    {"image", "audio", "text", "series", "table"}
    """
    cells = select_columns(table, columns)
    if any(getattr(dtype, "kind", "O") in "fiub" for dtype in cells.dtypes):
        return "table"  # a cell is one number of what the transformer takes
    for transformer_class, kind in KINDS.items():
        if isinstance(first_step(transformer), transformer_class):
            return kind
    return "table"
