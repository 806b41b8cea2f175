"""What is given to an estimator by mistake is named, with the cure."""

import datetime
import warnings
from collections import deque
from io import StringIO

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    CNNEncoder,
    FeatureBlock,
    ImageTransformer,
    MultimodalFeatureUnion,
    RNNEncoder,
    TextTransformer,
    TimeSeriesTransformer,
    VectorEncoder,
    _flattened,
)

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.arange(12) % 2
WORDS = ["red", "blue and green", "1.5"] * 4
PHOTOS = [np.full((6, 6, 3), n, np.uint8) for n in range(12)]
TABLE = pd.DataFrame({"photo": PHOTOS, "words": WORDS, "size": np.arange(12.0)})
BLOCK = FeatureBlock.from_vectors(X)


def small(kind=AttentionFusionClassifier, **params):
    return kind(width=8, n_heads=2, max_epochs=1, random_state=0, **params)


UNION = "put a MultimodalFeatureUnion, or what make_multimodal_union"
CELLS = {
    "table": (TABLE, f"column 'photo' holds cells, ndarray in row 0: {UNION}"),
    "table of words": (TABLE[["size", "words"]], "column 'words' .* str 'red' in row"),
    "numbers as text": (
        pd.DataFrame({"a": X[:, 0], "b": ["1.5"] * 7 + ["big"] + ["2"] * 4}),
        "column 'b' holds cells, str 'big' in row 7",
    ),
    "polars": (pl.DataFrame({"words": WORDS}), "column 'words' holds cells, str 'red'"),
    "arrow": (pa.table({"words": WORDS}), "column 'words' holds cells, str 'red'"),
    "words": (WORDS, "X holds cells, str 'red' in row 0"),
    "column": (TABLE["words"], "X is one column or row, str 'red' in row 0: take a"),
    "row": (TABLE.iloc[0], r"X is one column or row, .* table\.iloc\[\[0\]\]"),
    "bytes": (np.array([[b"GIF"]] * 12, object), "X holds cells, bytes b'GIF' in row"),
    "images": (PHOTOS, r"X has the shape \(12, 6, 6, 3\), as images or sequences"),
    "array of images": (np.stack(PHOTOS), r"X has the shape \(12, 6, 6, 3\), as"),
    "modalities": ([PHOTOS, WORDS], f"X holds cells, .*: {UNION}"),
    "dict of columns": ({"words": WORDS}, r"X is a dict: .* pandas\.DataFrame\(X\)"),
    "list of dicts": ([{"words": "red"}] * 12, "X holds cells, dict in row 0"),
    "list of blocks": ([BLOCK, BLOCK], r"X is a list of blocks: .* MultimodalFeatures"),
    "dict of blocks": ({"a": BLOCK}, r"a dict of blocks: hand over MultimodalFeatures"),
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_are_named_with_the_cure(name):
    cells, message = CELLS[name]
    with pytest.raises((TypeError, ValueError), match=message):
        small().fit(cells, Y)


def test_cells_in_prediction_are_named_with_the_cure():
    model = small().fit(pd.DataFrame(X, columns=list("abc")), Y)
    table = pd.DataFrame({"a": X[:, 0], "b": WORDS, "c": X[:, 1]})
    with pytest.raises(ValueError, match="column 'b' holds cells, str 'red' in row 0"):
        model.predict(table)


DAYS = pd.date_range("2020-01-01", periods=12)
DATES = {
    "frame": pd.DataFrame({"a": X[:, 0], "day": DAYS}),
    "zone": pd.DataFrame({"day": DAYS.tz_localize("UTC")}),
    "durations": pd.DataFrame({"day": DAYS - DAYS[0]}),
    "array": DAYS.to_numpy()[:, None],
    "polars": pl.DataFrame({"day": [datetime.date(2020, 1, 1)] * 12}),
    "arrow": pa.table({"day": [datetime.datetime(2020, 1, 1)] * 12}),
}


@pytest.mark.parametrize("name", DATES)
def test_dates_are_no_numbers(name):
    with pytest.raises(TypeError, match=f"has the dtype .*: {UNION}"):
        small().fit(DATES[name], Y)


@pytest.mark.parametrize("target", [DAYS, DAYS.to_numpy(), DAYS - DAYS[0]])
def test_dates_are_no_target_of_a_regressor(target):
    with pytest.raises(TypeError, match="y has the dtype .* numbers of one unit"):
        small(AttentionFusionRegressor).fit(X, target)


MISSING = {
    "None": ["a", "b", None] + ["a"] * 9,
    "NaN": np.array(["a", "b", np.nan] + ["a"] * 9, dtype=object),
    "pandas": pd.Series(["a", "b", None] + ["a"] * 9),
    "nullable": pd.Series([1, 0, None] + [1] * 9, dtype="Int64"),
    "categories": pd.Series(pd.Categorical(["a", "b", None] + ["a"] * 9)),
    "integers and None": [1, 0, None] + [1] * 9,
    "floats": [1.0, 0.0, np.nan] + [1.0] * 9,
    "booleans and None": [True, False, None] + [True] * 9,
    "labels": np.r_[np.zeros((2, 2)), [[np.nan, 1]], np.zeros((9, 2))],
}


@pytest.mark.parametrize("name", MISSING)
def test_a_row_without_a_label_is_named(name):
    with pytest.raises(ValueError, match="row 2 has no target, .* 1 of 12 rows have"):
        small().fit(X, MISSING[name])


def test_a_row_without_a_number_to_predict_is_named():
    with pytest.raises(ValueError, match="row 5 has no target, found .*nan"):
        small(AttentionFusionRegressor).fit(X, np.where(np.arange(12) == 5, np.nan, 1))


def union(transform):
    return MultimodalFeatureUnion(
        [
            ("photo", ImageTransformer(size=(4, 4)), "photo"),
            ("words", TextTransformer(min_frequency=1), "words"),
        ]
    ).set_output(transform=transform)


@pytest.fixture
def from_a_file(monkeypatch):
    """Read a table back, as another process does, which has made no flat view."""

    def from_a_file(table):
        monkeypatch.setattr(_flattened, "_recent", deque())
        if isinstance(table, pl.DataFrame):
            return pl.read_csv(StringIO(table.write_csv()))
        return pd.read_csv(StringIO(table.to_csv(index=False)))

    return from_a_file


@pytest.mark.parametrize("transform", ["pandas", "polars"])
def test_the_flat_view_of_a_union_is_warned_of_by_its_names(transform, from_a_file):
    table = from_a_file(union(transform).fit_transform(TABLE))
    with pytest.warns(UserWarning, match="48 columns such as 'photo__pixel_red_0_0'"):
        small().fit(table, Y)


def test_a_flat_view_is_warned_of_once():
    table = union("pandas").fit_transform(TABLE)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        small().fit(table, Y)
    assert sum("flat view" in str(each.message) for each in caught) == 1


def test_flat_sequences_are_warned_of_by_their_names(from_a_file):
    series = pd.DataFrame({"price": [np.arange(4.0) + n for n in range(12)]})
    step = TimeSeriesTransformer()
    flat = MultimodalFeatureUnion([("price", step, "price")])
    table = from_a_file(flat.set_output(transform="pandas").fit_transform(series))
    with pytest.warns(
        UserWarning, match="3 columns such as 'price__mean_0' are a flat"
    ):
        small().fit(table, Y)


@pytest.mark.parametrize(
    "names", [["mean_a", "std_a", "max_a"], ["w__mean_a", "w__max_a", "w__b"]]
)
def test_columns_of_the_users_are_not_taken_for_flat_ones(names):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small().fit(pd.DataFrame(X, columns=names), Y)


def test_encoders_may_be_a_dict():
    pairs = [("features", VectorEncoder(hidden_size=8))]
    expected = small(encoders=pairs).fit(X, Y).predict_proba(X)
    model = clone(small(encoders=dict(pairs))).fit(X, Y)
    assert (model.predict_proba(X) == expected).all()


def test_a_dict_of_encoders_is_searched_like_a_list():
    search = GridSearchCV(
        small(encoders={"features": VectorEncoder()}),
        {"features__hidden_size": [4, 6]},
        cv=2,
        error_score="raise",
    ).fit(X, Y)
    best = search.best_estimator_.encoders["features"].hidden_size
    assert best == search.best_params_["features__hidden_size"]


def test_an_encoder_of_a_dict_can_be_replaced():
    model = small(encoders={"features": VectorEncoder()})
    model.set_params(features=VectorEncoder(hidden_size=3), width=4)
    assert model.encoders["features"].hidden_size == 3
    assert model.get_params()["features__hidden_size"] == 3


@pytest.mark.parametrize(
    "encoders", [[CNNEncoder()], CNNEncoder(), [("image",)], "image", [CNNEncoder]]
)
def test_encoders_without_names_are_refused_with_the_form(encoders):
    with pytest.raises(ValueError, match=r"Did you mean encoders=\[\('image', "):
        small(encoders=encoders).fit(X, Y)


@pytest.mark.parametrize(
    ("parameter", "spec"),
    [("image__channels", "CNNEncoder"), ("text__cell", "RNNEncoder")],
)
def test_a_parameter_of_an_unnamed_encoder_says_how_to_name_it(parameter, spec):
    modality = parameter.partition("__")[0]
    message = rf"Name it first, as in encoders=\[\('{modality}', {spec}\(\)\)\]"
    with pytest.raises(ValueError, match=message):
        small(encoders=[("other", RNNEncoder())]).set_params(**{parameter: 1})


def search_over(grid):
    features = MultimodalFeatureUnion(
        [
            ("photo", ImageTransformer(size=(16, 16)), "photo"),
            ("size", "passthrough", ["size"]),
        ]
    )
    classifier = small(encoders=[("photo", CNNEncoder(channels=(4,)))])
    model = Pipeline([("union", features), ("classifier", classifier)])
    return GridSearchCV(model, grid, cv=2, error_score="raise")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("union__photo__representation", "hog"), ("union__photo", "drop")],
)
def test_a_search_that_changes_a_modality_is_told_to_change_encoders(parameter, value):
    with pytest.raises(ValueError, match="change encoders as well, in a list of two"):
        search_over({parameter: [value]}).fit(TABLE, Y)
    grids = [
        {"classifier__dropout": [0.0]},
        {parameter: [value], "classifier__encoders": [None]},
    ]
    search = search_over(grids).fit(TABLE, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


class Narrow(AttentionFusionClassifier):
    """A subclass that takes one parameter."""

    def __init__(self, width=8):
        super().__init__(width=width, n_heads=2, max_epochs=1, random_state=0)


class Forgetful(AttentionFusionClassifier):
    """A subclass that does not call the constructor of its parent."""

    def __init__(self, width=8):
        self.width = width


def test_a_subclass_may_take_fewer_parameters():
    model = clone(Narrow(width=4)).fit(X, Y)
    expected = AttentionFusionClassifier(
        width=4, n_heads=2, max_epochs=1, random_state=0
    ).fit(X, Y)
    assert model.get_params() == {"width": 4}
    assert (model.predict_proba(X) == expected.predict_proba(X)).all()


def test_a_subclass_without_the_parameters_says_what_is_missing():
    with pytest.raises(ValueError, match=r"no parameter 'fusion': .* call super\(\)"):
        Forgetful().fit(X, Y)
