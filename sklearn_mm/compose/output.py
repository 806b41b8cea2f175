"""What a union gives: features by modality, one flat matrix, or a table."""

from numbers import Real

import numpy as np
from scipy import sparse

from sklearn_mm._compat import _check_feature_names_in
from sklearn_mm._flattened import ATTRIBUTE, kinds_of, remember_flat
from sklearn_mm.blocks import FeatureBlock, refuse_large
from sklearn_mm.compose.names import check_differ, names_of, prefixed_names


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
    blocks : list of FeatureBlock or table
        Of the training rows. Tables count as dense.
    threshold : float or None
        Below this share of numbers that are not zero, it is, as in
        :class:`sklearn.compose.ColumnTransformer`. None: never.

    Returns
    -------
    bool
        False where no block is sparse by itself. Token counts are.
    """
    if threshold is None:
        return False
    stored = [_n_stored(block) for block in blocks]
    if all(count is None for count in stored):
        return False
    sizes = [block.shape[0] * block.shape[1] for block in blocks]
    n_stored = sum(
        size if count is None else count
        for size, count in zip(sizes, stored, strict=True)
    )
    return n_stored / max(1, sum(sizes)) < threshold


def _n_stored(block):
    """Count the numbers that a sparse block stores; None if it is dense."""
    if getattr(block, "kind", None) == "tokens":
        return len(block.values)
    values = getattr(block, "values", None)
    return values.nnz if sparse.issparse(values) else None


def locate_output(union, parts):
    """Say where in the flat view each modality is.

    Parameters
    ----------
    union : MultimodalFeatureUnion
        Whose steps are fitted.
    parts : list of FeatureBlock or table
        What they gave.

    Returns
    -------
    dict of str to slice
        Of one that is dropped, or has no columns, an empty slice.
    """
    names = [name for name, _, _ in union.transformers_]
    all_names = [*names, *(name for name, *_ in union.transformers), "remainder"]
    found, start = dict.fromkeys(all_names, slice(0, 0)), 0
    for name, part in zip(names, parts, strict=True):
        found[name] = slice(start, start + part.shape[1])
        start += part.shape[1]
    return found


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


def join_table(union, container, parts, X):
    """Join what the steps of a union gave to one table.

    Parameters
    ----------
    union : MultimodalFeatureUnion
        Whose steps are fitted.
    container : {"pandas", "polars"}
        Of which library.
    parts : list of FeatureBlock or table
        Of each step. The columns of tables keep their dtypes.
    X : table or array of n_samples rows
        Whose index a table of pandas gets.

    Returns
    -------
    table of n_samples rows

    Raises
    ------
    ValueError
        If two features share a name.
    """
    verbose = union.verbose_feature_names_out
    input_features = _check_feature_names_in(union, None)
    by_name = hasattr(union, "feature_names_in_")
    tables, names, blocks = [], [], {}
    for entry, part in zip(union.transformers_, parts, strict=True):
        own = names_of(entry, input_features, by_name)
        if isinstance(part, FeatureBlock):
            blocks[entry[0]] = part
            own = [f"x{i}" for i in range(part.shape[1])] if own is None else own
            refuse_large(part.shape)
            part = _to_dense(part)
        own = part.columns if own is None else own
        names.append(prefixed_names(entry[0], own, verbose))
        tables.append(part)
    check_differ([name for some in names for name in some], verbose)
    if container == "polars":  # which has no place for a mark
        if len(blocks) == len(parts):
            remember_flat(np.hstack(tables), blocks)
        return _join_polars(tables, names)
    table = _join_pandas(tables, names, X)
    kinds = kinds_of(blocks)
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


def _join_polars(tables, names):
    import polars as pl

    frames = []
    for table, columns in zip(tables, names, strict=True):
        if hasattr(table, "iloc"):
            table = pl.from_pandas(table.reset_index(drop=True))
        elif not hasattr(table, "columns"):
            table = pl.DataFrame(table, schema=list(columns), orient="row")
        frames.append(table.rename(dict(zip(table.columns, columns, strict=True))))
    return pl.concat(frames, how="horizontal") if frames else pl.DataFrame()
