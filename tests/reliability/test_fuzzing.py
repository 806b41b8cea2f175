"""A short slice of what ``make fuzz`` tries, and what it has found before."""

import fuzzing
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sklearn_mm import (
    DateTransformer,
    FeatureBlock,
    ImageTransformer,
    MultimodalFeatures,
    MultimodalFeatureUnion,
    TextTransformer,
)

FINDINGS = sorted(fuzzing.FINDINGS.glob("*"))
SLICE = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("name", fuzzing.TARGETS)
def test_what_is_mutated_is_a_value_before(name):
    outcomes = {fuzzing.try_one(name, seed) for seed in fuzzing.seeds_of(name)}
    assert "value" in outcomes
    assert outcomes <= (
        {"value"} if name in ("image", "sound") else {"value", "refused"}
    )


@pytest.mark.parametrize("name", fuzzing.TARGETS)
def test_mutated_inputs_are_values_or_refused(name):
    assert set(fuzzing.fuzz(name, 200, seed=1)) <= {"value", "refused"}


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_what_was_found_before_is_a_value_or_refused(path):
    name, _ = path.name.split("-")
    assert fuzzing.try_one(name, path.read_bytes()) in ("value", "refused")


# ---- tables and parameters ----

TEXTS = st.one_of(st.none(), st.text(max_size=20))
NUMBERS = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=False))
DATES = st.one_of(st.none(), st.dates(), st.datetimes())
ROWS = st.lists(st.tuples(TEXTS, NUMBERS, DATES), min_size=1, max_size=8)


@SLICE
@given(rows=ROWS, max_tokens=st.integers(1, 9))
def test_any_table_is_features_of_its_rows_or_refused(rows, max_tokens):
    X = pd.DataFrame(rows, columns=["text", "number", "date"]).astype(object)
    text = TextTransformer(max_tokens=max_tokens, min_frequency=1)
    union = MultimodalFeatureUnion(
        [
            ("text", text, "text"),
            ("number", "passthrough", ["number"]),
            ("date", DateTransformer(), "date"),
        ]
    )
    try:
        features = union.fit_transform(X)
    except ValueError as error:
        assert "modality" in str(error)
        return
    assert len(features) == len(X)
    assert features["text"].lengths.max() <= max_tokens
    found = np.asarray(features["number"])[:, 0]
    expected = [np.nan if n is None else n for n in X["number"]]
    np.testing.assert_array_equal(found, np.array(expected, dtype=float))
    again = union.transform(X)
    found, expected = np.asarray(again["date"]), np.asarray(features["date"])
    np.testing.assert_array_equal(found, expected)


@SLICE
@given(
    rows=st.lists(
        st.lists(st.floats(-1e6, 1e6, width=32), max_size=5), min_size=1, max_size=9
    ),
    chunk=st.integers(1, 4),
)
def test_any_features_are_on_disk_what_they_are_in_memory(
    rows, chunk, tmp_path_factory
):
    samples = [np.array(row, dtype=np.float32).reshape(-1, 1) for row in rows]
    block = FeatureBlock.from_samples(samples, "sequence", token_shape=(1,))
    folder = tmp_path_factory.mktemp("any")
    MultimodalFeatures({"a": block}).save(folder)
    found = MultimodalFeatures.load(folder)["a"]
    np.testing.assert_array_equal(found.offsets, block.offsets)
    np.testing.assert_array_equal(found[::chunk].values, block[::chunk].values)


@SLICE
@given(
    size=st.tuples(st.integers(-1, 9), st.integers(-1, 9)),
    representation=st.sampled_from(["pixels", "hog", "dct", "none"]),
    mode=st.sampled_from(["rgb", "gray", "other"]),
)
def test_any_parameters_of_images_are_features_or_refused(size, representation, mode):
    images = [np.full((7, 5, 3), level, np.uint8) for level in (0, 90)]
    step = ImageTransformer(size=size, representation=representation, mode=mode)
    try:
        block = step.fit_transform(images)
    except ValueError as error:
        assert str(error)
        return
    assert len(block) == 2 and np.isfinite(np.asarray(block)).all()
