"""Checks that a row is what it is, in whatever order, company and container."""

import numpy as np

from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.testing import containers
from sklearn_mm.testing.outputs import assert_same, fitted, outputs, take
from sklearn_mm.testing.samples import first_step, hide, modalities
from sklearn_mm.transformers.base import CellTransformer


def check_row_order(estimator, X, y):
    """Check that rows in another order give the same in that order."""
    model = fitted(estimator, X, y)
    order = np.random.default_rng(0).permutation(len(X))
    assert_same(
        outputs(model, take(X, order)),
        take(outputs(model, X), order),
        "rows in another order give something else",
    )


def check_one_row(estimator, X, y):
    """Check that a row alone gives the same as among others."""
    model = fitted(estimator, X, y)
    together = outputs(model, X)
    for row in sorted({0, len(X) // 2, len(X) - 1}):
        assert_same(
            outputs(model, take(X, [row])),
            take(together, [row]),
            f"row {row} alone gives something else than among others",
        )


def check_subset_of_rows(estimator, X, y):
    """Check that some of the rows, one of them twice, give the same as among all."""
    model = fitted(estimator, X, y)
    together = outputs(model, X)
    for rows in (np.r_[1 : len(X) : 2, 1], np.arange(len(X) // 2)):
        assert_same(
            outputs(model, take(X, rows)),
            take(together, rows),
            f"rows {rows.tolist()} give something else than among all",
        )


def check_order_of_modalities(estimator, X, y):
    """Check that modalities, or columns with names, are found in any order."""
    model = fitted(estimator, X, y)
    if isinstance(X, MultimodalFeatures):
        reordered = X.select(X.names[::-1])
    else:
        reordered = X[list(X.columns[::-1])]
    assert_same(
        outputs(model, reordered),
        outputs(model, X),
        "the order of the modalities or columns makes a difference",
    )


def check_unknown_modality(estimator, X, y):
    """Check that a modality or column of another name is refused by its name."""
    model = fitted(estimator, X, y)
    if isinstance(X, MultimodalFeatures):
        blocks = list(X.blocks.items())
        renamed = MultimodalFeatures([("renamed", blocks[0][1]), *blocks[1:]])
        name = "renamed"
    else:
        name = modalities(model, X)[0][0]
        renamed = X.rename(columns={name: "renamed"})
    message = None
    try:
        outputs(model, renamed)
    except Exception as error:
        message = str(error)
    assert message is not None, f"{name!r} does not fit, but no error was raised"
    assert str(name) in message, (
        f"the error should name {name!r}, which does not fit, found: {message}"
    )


def check_containers(estimator, X, y):
    """Check that a list, an array, and what pandas, polars and Arrow have are equal."""
    X = hide(X, [1])
    expected = outputs(fitted(estimator, X, y), X)
    if hasattr(X, "columns"):
        others = containers.tables(X)
    else:
        others = containers.columns_of_cells(X)
        # A union hands over bare columns; only ours must read tables of one, too.
        if isinstance(first_step(estimator), CellTransformer):
            others |= containers.tables_of_one_column(X)
    for what, container in others.items():
        found = outputs(fitted(estimator, container, y), container)
        assert_same(found, expected, f"{what} gives something else")
