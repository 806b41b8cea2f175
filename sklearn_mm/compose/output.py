"""What a union gives: features by modality, one flat matrix, or a table."""

from numbers import Real

import numpy as np
from scipy import sparse

from sklearn_mm._flattened import ATTRIBUTE, kinds_of
from sklearn_mm.blocks import FeatureBlock, refuse_large
from sklearn_mm.compose.names import check_differ, prefixed_names


def check_threshold(value):
    """Refuse what is no ``sparse_threshold``."""
    is_share = isinstance(value, Real) and not isinstance(value, bool)
    if value is not None and not (is_share and 0 <= value <= 1):
        raise ValueError(
            f"sparse_threshold must be None or between 0 and 1, found {value!r}"
        )


def is_sparse_enough(blocks, threshold):
    """Tell whether the flat matrix of blocks is to be sparse.

    Parameters
    ----------
    blocks : list of FeatureBlock
        Of the training rows.
    threshold : float
        Below this share of numbers that are not zero, it is, as in
        :class:`sklearn.compose.ColumnTransformer`.

    Returns
    -------
    bool
        False where no block is sparse by itself. Token counts are.
    """
    counts, total = 0, 0
    any_sparse = False
    for block in blocks:
        total += block.size
        if block.kind == "tokens":
            any_sparse = True
            counts += len(block.values)
        elif sparse.issparse(block.values):
            any_sparse = True
            counts += block.values.nnz
        else:
            counts += block.size
    return any_sparse and counts / max(1, total) < threshold


def flatten(blocks, n_rows, *, is_sparse):
    """Join blocks to one flat matrix.

    Parameters
    ----------
    blocks : list of FeatureBlock
        Of the same rows.
    n_rows : int
        How many.
    is_sparse : bool
        Whether as CSR matrix, with the same numbers.

    Returns
    -------
    ndarray or csr_matrix of shape (n_rows, n_flat_features)
        Missing vectors, series and images are NaN, the counts of a missing text zero.
    """
    if is_sparse:
        parts = [_to_sparse(block) for block in blocks]
        return sparse.hstack(parts, format="csr")
    refuse_large((n_rows, sum(block.n_flat_features for block in blocks)))
    parts = [
        block.to_sparse().toarray() if block.kind == "tokens" else _to_dense(block)
        for block in blocks
    ]
    return np.hstack(parts) if parts else np.empty((n_rows, 0))


def _to_sparse(block):
    if block.kind == "tokens":
        return block.to_sparse()
    if sparse.issparse(block.values) and not block.missing.any():
        return block.values
    return sparse.csr_matrix(_to_dense(block))


def _to_dense(block):
    values = block.values
    is_whole = block.kind == "vector" and not block.missing.any()
    if not is_whole:
        return block.flat()
    return values.toarray() if sparse.issparse(values) else values


def join_table(container, parts, X, *, verbose_names, names_of):
    """Join what the steps of a union gave to one table.

    Parameters
    ----------
    container : {"pandas", "polars"}
        Of which library.
    parts : list of (str, FeatureBlock or table)
        By modality. The columns of tables keep their dtypes.
    X : table or array of n_samples rows
        Whose index a table of pandas gets.
    verbose_names : bool, str or callable
        As ``verbose_feature_names_out`` of the union.
    names_of : callable
        From the name of a modality to the names of its features, or None where its
        transformer does not name them.

    Returns
    -------
    table of n_samples rows

    Raises
    ------
    ValueError
        If two features share a name.
    """
    tables, names = [], []
    for name, part in parts:
        is_block = isinstance(part, FeatureBlock)
        own = names_of(name)
        if own is None and is_block:
            own = [f"x{i}" for i in range(part.n_flat_features)]
        own = list(part.columns) if own is None else own
        names.append(prefixed_names(name, own, verbose_names))
        if is_block:
            refuse_large(part.shape)
            part = _to_dense(part)
        tables.append(part)
    check_differ([name for some in names for name in some], verbose_names)
    if container == "polars":
        return _join_polars(tables, names, X)
    table = _join_pandas(tables, names, X)
    kinds = kinds_of({name: p for name, p in parts if isinstance(p, FeatureBlock)})
    if kinds:
        table.attrs[ATTRIBUTE] = kinds
    return table


def _join_pandas(tables, names, X):
    import pandas as pd

    index = X.index if hasattr(X, "iloc") else pd.RangeIndex(X.shape[0])
    frames = []
    for table, columns in zip(tables, names, strict=True):
        if hasattr(table, "to_pandas"):  # polars, or pyarrow
            table = table.to_pandas()
        if hasattr(table, "iloc"):
            table = table.set_axis(columns, axis=1).set_axis(index, axis=0)
        else:
            table = pd.DataFrame(table, columns=columns, index=index)
        frames.append(table)
    return pd.concat(frames, axis=1) if frames else pd.DataFrame(index=index)


def _join_polars(tables, names, X):
    import polars as pl

    frames = []
    for table, columns in zip(tables, names, strict=True):
        if hasattr(table, "iloc"):
            table = pl.from_pandas(table.reset_index(drop=True))
        elif not hasattr(table, "columns"):
            table = pl.DataFrame(table, schema=list(columns), orient="row")
        frames.append(table.rename(dict(zip(table.columns, columns, strict=True))))
    return pl.concat(frames, how="horizontal") if frames else pl.DataFrame()
