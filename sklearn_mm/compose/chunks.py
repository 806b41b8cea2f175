"""A large table, some rows after the others."""

from sklearn_mm._compat import _safe_indexing
from sklearn_mm.readers.table import check_table


def transform_chunks(owner, transform, X, chunk_size):
    """Yield the features of some rows after those of others.

    Parameters
    ----------
    owner : str
        Name of the estimator, for messages.
    transform : callable
        From a table to its features.
    X : table of n_samples rows, or iterator of tables
        The cells.
    chunk_size : int
        Rows to transform at once.

    Yields
    ------
    MultimodalFeatures

    Raises
    ------
    ValueError
        If X is an iterator that gives nothing.
    """
    n_rows = 0
    for table in X if hasattr(X, "__next__") else [X]:
        table = check_table(owner, table, accept_sparse=True)
        for start in range(0, table.shape[0], chunk_size):
            rows = slice(start, min(start + chunk_size, table.shape[0]))
            try:
                features = transform(_safe_indexing(table, rows))
            except Exception as error:
                error.add_note(f"Rows are counted from row {n_rows} of X.")
                raise
            yield features
            n_rows += len(features)
    if not n_rows:
        raise ValueError("X is an iterator of tables, but it gave none")
