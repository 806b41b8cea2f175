"""What make_multimodal_union leaves out, or doubts, and says so."""

import uuid
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_mm import DateTransformer, make_multimodal_union

N_ROWS = 40


def kept(columns, **kwargs):
    """List the columns that a union of these and an age takes, and what is warned."""
    X = pd.DataFrame({**columns, "age": np.arange(N_ROWS) % 7 + 0.5})
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        union = make_multimodal_union(X, classical=False, verbose=False, **kwargs)
    taken = []
    for _, _, names in union.transformers:
        taken += [names] if isinstance(names, str) else names
    return set(taken) - {"age"}, [str(warning.message) for warning in found]


def letters(row):
    return "".join("abcdefghij"[int(digit)] for digit in str(row))


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("code", [f"A-{row}" for row in range(N_ROWS)]),
        ("row", np.arange(N_ROWS)),
        ("n", np.arange(1, N_ROWS + 1)[::-1]),
        ("customer_id", np.random.default_rng(0).permutation(N_ROWS) * 37 + 5),
        ("userId", pd.array([*range(100, 100 + N_ROWS - 1), None], dtype="Int64")),
        ("Unnamed: 0", np.arange(7, 7 + N_ROWS)),
        ("number", [f"{row:05d}" for row in range(N_ROWS)]),
        ("order", [str(row) for row in range(N_ROWS)]),
        ("key", [str(uuid.UUID(int=row**9)) for row in range(N_ROWS)]),
    ],
)
def test_ids_are_left_out_with_a_warning(name, cells):
    names, messages = kept({name: cells})
    assert not names
    (message,) = messages
    assert f"left out: {name!r} (ids, different in each row)" in message


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("year", np.arange(1980, 1980 + N_ROWS)),
        ("step", np.arange(N_ROWS)),
        ("height", np.random.default_rng(0).permutation(900)[:N_ROWS]),
        ("paid", np.arange(N_ROWS) % 9),
        ("id", np.arange(N_ROWS) % 9),
        ("x", np.arange(N_ROWS) / 2),
        ("word", [letters(row) for row in range(N_ROWS)]),
        ("price", [f"{row}.5" for row in range(N_ROWS)]),
    ],
)
def test_what_is_no_id_is_kept_without_a_warning(name, cells):
    names, messages = kept({name: cells})
    assert names == {name}
    assert not messages


def test_a_few_rows_are_no_ids_but_by_their_name():
    X = pd.DataFrame({"n": range(6), "a_id": range(6), "z": [1.0] * 6})
    with pytest.warns(UserWarning, match="left out: 'a_id' "):
        union = make_multimodal_union(X, classical=False, verbose=False)
    assert union.transformers[0][2] == ["n", "z"]


def test_long_integers_that_differ_are_numbers_with_a_warning():
    cells = np.random.default_rng(0).permutation(90_000)[:N_ROWS] + 10_000
    names, messages = kept({"account": cells})
    assert names == {"account"}
    assert "may be ids: 'account' (integers, different in each row)" in messages[0]


@pytest.mark.parametrize(
    "form",
    ["%d/%m/%Y", "%m-%d-%y", "%d.%m.%Y %H:%M", "%Y/%m/%d", "%b %d, %Y", "%a %d %B %Y"],
)
def test_dates_in_other_forms_are_left_out_with_the_cure(form):
    days = pd.date_range("2020-01-05", periods=N_ROWS, freq="31h").strftime(form)
    names, messages = kept({"when": days})
    assert not names
    assert "left out: 'when' (dates such as" in messages[0]
    assert "pandas.to_datetime" in messages[0]


def test_dates_in_iso_form_are_dates():
    days = pd.date_range("2020-01-05", periods=N_ROWS).strftime("%Y-%m-%d")
    X = pd.DataFrame({"when": days})
    union = make_multimodal_union(X, classical=False, verbose=False)
    assert isinstance(union.transformers[0][1], DateTransformer)


def test_periods_are_dates():
    X = pd.DataFrame({"month": pd.period_range("2020-01", periods=4, freq="M")})
    union = make_multimodal_union(X, classical=False, verbose=False)
    assert isinstance(union.transformers[0][1], DateTransformer)
    assert np.isfinite(np.asarray(union.fit_transform(X))).all()


def test_all_that_is_left_out_is_one_warning():
    _, messages = kept(
        {
            "id": np.arange(N_ROWS),
            "when": pd.date_range("2020", periods=N_ROWS).strftime("%d/%m/%Y"),
            "span": pd.to_timedelta(np.arange(N_ROWS), unit="h"),
            "empty": None,
        }
    )
    (message,) = messages
    for name in ("id", "when", "span"):
        assert f"'{name}' (" in message
    assert "empty" not in message


def test_ids_of_polars_are_ids():
    X = pl.DataFrame({"id": range(N_ROWS), "age": [1.5, 2.5] * (N_ROWS // 2)})
    with pytest.warns(UserWarning, match="left out: 'id' "):
        union = make_multimodal_union(X, classical=False, verbose=False)
    assert union.transformers[0][2] == ["age"]
