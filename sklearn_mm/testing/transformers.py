"""Checks of what turns cells into blocks of features."""

import numpy as np
from sklearn.utils import get_tags

from sklearn_mm.testing.outputs import (
    as_blocks,
    assert_same,
    assert_same_form,
    fitted,
    outputs,
    seeded,
    take,
)
from sklearn_mm.testing.samples import hide, missing_cells, modalities


def check_missing_cells(estimator, X, y):
    """Check that a missing cell becomes an empty sequence, and no other row notices."""
    model = fitted(estimator, X, y)
    expected = outputs(model, X)
    hidden, others = [0, 2], [1, *range(3, len(X))]
    for cell in missing_cells():
        for number, names in enumerate(modalities(model, X)):
            found = outputs(model, hide(X, hidden, names, cell))
            _assert_missing(list(found.items())[number], hidden, cell)
            assert_same(
                take(found, others),
                take(expected, others),
                f"{cell!r} in rows {hidden} changed other rows",
            )


def check_missing_cells_in_fit(estimator, X, y):
    """Check that a missing cell adds nothing to what is learned."""
    rest = np.arange(1, len(X))
    without = fitted(estimator, take(X, rest), None if y is None else y[rest])
    expected = outputs(without, take(X, rest))
    for cell in missing_cells():
        gappy = hide(X, [0], cell=cell)
        found = outputs(fitted(estimator, gappy, y), gappy)
        for modality in found.items():
            _assert_missing(modality, [0], cell)
        assert_same(
            take(found, rest),
            expected,
            f"fit learned something from {cell!r} in row 0",
        )


def check_all_cells_missing(estimator, X, y):
    """Check that a modality that is missing in all rows gives a block of its form."""
    model = fitted(estimator, X, y)
    expected = outputs(model, X)
    every = list(range(len(X)))
    for number, names in enumerate(modalities(model, X)):
        found = list(outputs(model, hide(X, every, names)).items())[number]
        _assert_missing(found, every, None)
        name, block = found
        what = f"of {name!r}, missing in all rows"
        assert_same_form(block, expected[name], what)


def check_all_cells_missing_in_fit(estimator, X, y):
    """Check that a modality that is missing in all rows of fit may come later."""
    every = list(range(len(X)))
    for number, names in enumerate(modalities(fitted(estimator, X, y), X)):
        nothing = hide(X, every, names)
        model = fitted(estimator, nothing, y)
        name, block = list(outputs(model, nothing).items())[number]
        _assert_missing((name, block), every, None)
        found = outputs(model, X)[name]
        assert_same_form(found, block, f"of {name!r}, which fit did not see")


def check_cells_unseen_in_fit(estimator, X, y):
    """Check that cells of other lengths and contents than in fit give the same form."""
    rows = np.arange(len(X) // 2)
    model = fitted(estimator, take(X, rows), None if y is None else y[rows])
    seen, found = outputs(model, take(X, rows)), outputs(model, X)
    for name, block in found.items():
        assert_same_form(block, seen[name], f"of {name!r}, for cells unseen in fit")


def check_fit_transform(estimator, X, y):
    """Check that ``fit_transform`` gives what ``transform`` gives after ``fit``.

    Only the same modalities, of the same form and missing in the same rows, where a tag
    says that it is ``non_deterministic``, as it is where training rows are transformed
    by what was learned from others.
    """
    if not hasattr(estimator, "fit_transform"):
        return
    found = as_blocks(seeded(estimator).fit_transform(X, y))
    expected = outputs(fitted(estimator, X, y), X)
    what = "fit_transform gives something else than fit and transform"
    if not get_tags(estimator).non_deterministic:
        assert_same(found, expected, what)
        return
    assert list(found) == list(expected), f"{what}: {list(found)}, {list(expected)}"
    for name, block in found.items():
        assert_same_form(block, expected[name], f"{what}, in {name!r}")
        same = block.missing == expected[name].missing
        assert same.all(), f"{what}: {name!r} is missing in other rows"


def check_feature_names(estimator, X, y):
    """Check that every column of the flat view has a name."""
    if not hasattr(estimator, "get_feature_names_out"):
        return
    model = fitted(estimator, X, y)
    width = sum(block.n_flat_features for block in outputs(model, X).values())
    names = list(model.get_feature_names_out())
    assert len(names) == width, (
        f"get_feature_names_out gives {len(names)} names for the {width} columns of "
        "the flat view"
    )
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, f"several features have the names {twice[:5]}"


def _assert_missing(modality, rows, cell):
    name, block = modality
    present = [row for row in rows if not block.missing[row]]
    assert not present, (
        f"{name!r}, row {present[0]}, is {cell!r} and has {block.lengths[present[0]]} "
        "tokens, expected none: a missing cell is an empty sequence in a FeatureBlock, "
        "or a row of NaN in an array"
    )
