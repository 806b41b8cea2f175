"""Cells that nobody expects, each among good ones."""

import warnings

import cells
import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from sklearn_mm import (
    DateTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)

KINDS = cells.kinds()
GOOD = {
    "image": np.asarray(cells.picture()),
    "text": "a red fox",
    "date": "2020-01-05",
    "number": 2.0,
}
STEPS = {
    "image": (ImageTransformer(size=(8, 8)), "cell"),
    "text": (TextTransformer(min_frequency=1), "cell"),
    "date": (DateTransformer(), "cell"),
    "number": (StandardScaler(), ["cell"]),
}
OWN = "image", "text"  # whose transformers have on_error


def column(*items):
    series = pd.Series([None] * len(items), dtype=object)
    for row, item in enumerate(items):
        series.at[row] = item
    return pd.DataFrame({"cell": series})


@pytest.fixture(scope="module")
def unions():
    """Fit a union of one step to good cells, by modality and on_error."""
    fitted = {}
    for modality, (step, columns) in STEPS.items():
        for on_error in ("raise", "missing") if modality in OWN else ("raise",):
            if modality in OWN:
                step = step.set_params(on_error=on_error)
            union = MultimodalFeatureUnion([(modality, step, columns)])
            fitted[modality, on_error] = union.fit(column(*[GOOD[modality]] * 3))
    return fitted


def transform(union, kind):
    """Transform the cell between two good ones: the block and the warnings."""
    good = GOOD[kind.modality]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        block = union.transform(column(good, kind.cell, good))[kind.modality]
    return block, warned


def outcome_of(block):
    row = np.asarray(block, dtype=np.float64)[1]
    if block.missing[1] or np.isnan(row).all():
        return "missing"
    return "value" if np.isfinite(row[~np.isnan(row)]).all() else "infinity"


def test_there_are_many_kinds_and_no_two_of_a_name():
    assert len({str(kind) for kind in KINDS}) == len(KINDS) >= 250


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_cell_is_a_value_or_an_error_that_says_where(unions, kind):
    union = unions[kind.modality, "raise"]
    expected = union.transform(column(*[GOOD[kind.modality]] * 2))[kind.modality]
    try:
        block, _ = transform(union, kind)
    except (TypeError, ValueError, RuntimeError) as error:
        assert type(error) is not RuntimeError or kind.modality == "number"
        assert kind.outcome in ("error", "either"), error
        message = str(error)
        assert f"modality '{kind.modality}'" in message
        if kind.modality != "number":
            assert "column 'cell'" in message and "row 1" in message
        return
    assert outcome_of(block) in (
        ("value", "missing") if kind.outcome == "either" else (kind.outcome,)
    )
    np.testing.assert_array_equal(np.asarray(block[[0, 2]]), np.asarray(expected))


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.modality in OWN], ids=str
)
def test_an_error_is_missing_if_asked_for_and_said_once(unions, kind):
    union = unions[kind.modality, "missing"]
    expected = union.transform(column(*[GOOD[kind.modality]] * 2))[kind.modality]
    block, warned = transform(union, kind)
    if kind.outcome == "error":
        assert outcome_of(block) == "missing"
        said = [str(w.message) for w in warned if "could not be read" in str(w.message)]
        assert len(said) == 1 and "1 of 3 cells" in said[0] and "row 1" in said[0]
    np.testing.assert_array_equal(np.asarray(block[[0, 2]]), np.asarray(expected))
