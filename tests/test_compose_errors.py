"""MultimodalFeatureUnion: errors that say which modality, column and row."""

import io

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_mm import (
    AudioTransformer,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "caption": ["a red fox", None, "a red bird"],
            "age": [1.0, 2.0, 4.0],
            "height": [1.5, 1.7, np.nan],
        }
    )


@pytest.fixture
def union():
    return MultimodalFeatureUnion(
        [
            ("text", TextTransformer(min_frequency=1), "caption"),
            ("numbers", StandardScaler(), ["age", "height"]),
        ]
    )


def test_a_failed_fit_leaves_the_fitted_union_as_it_was(table, union):
    expected = np.asarray(union.fit_transform(table))
    broken = table.assign(age="old", more=1)
    with pytest.raises(ValueError, match="'numbers': column 'age', row 0.*found 'old'"):
        union.fit(broken)
    assert_array_equal(np.asarray(union.transform(table)), expected)
    assert union.n_features_in_ == 3


def test_transform_before_fit_is_an_error(table, union):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        union.transform(table)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("title", "asks for 'title', X has the columns .'caption', 'age'"),
        (["age", "title"], "asks for .'age', 'title'., X has the columns .'caption'"),
        ([7], "asks for .7., X has the columns .'caption'"),
    ],
)
def test_a_column_that_is_not_there_is_named_in_fit(table, columns, message):
    union = MultimodalFeatureUnion([("words", TextTransformer(), columns)])
    with pytest.raises(ValueError, match=f"modality 'words' {message}"):
        union.fit(table)


def test_columns_that_are_not_there_are_named_in_transform(table, union):
    union.fit(table)
    with pytest.raises(
        ValueError,
        match=r"'text' needs \['caption'\]; modality 'numbers' needs \['age'\]. Found",
    ):
        union.transform(table[["height"]])


def test_an_array_is_refused_where_names_were_fitted(table, union):
    with pytest.raises(ValueError, match="the columns .*'age'.* found a ndarray"):
        union.fit(table).transform(table.to_numpy())


def test_another_number_of_columns_is_refused():
    union = MultimodalFeatureUnion([("all", "passthrough", [0])]).fit(np.eye(3))
    with pytest.raises(ValueError, match="X has 2 features, but .* is expecting 3"):
        union.transform(np.ones((3, 2)))


def test_an_empty_table_is_refused(table, union):
    with pytest.raises(ValueError, match=r"0 sample.*required by Multimodal"):
        union.fit(table[:0])
    with pytest.raises(ValueError, match=r"0 sample.*required by Multimodal"):
        union.fit(table).transform(table[:0])


def test_a_series_is_not_a_table(table, union):
    with pytest.raises(ValueError, match=r"Expected 2D array.*X\.to_frame\(\)"):
        union.fit(table["age"])


def test_columns_of_one_name_are_refused(union):
    X = pd.DataFrame([[1.0, 2.0]], columns=["age", "age"])
    with pytest.raises(ValueError, match=r"several are called \['age'\]"):
        union.fit(X)


def test_a_lazy_frame_is_refused(table, union):
    with pytest.raises(TypeError, match=r"Use X\.collect\(\)"):
        union.fit(pl.from_pandas(table).lazy())


@pytest.mark.parametrize("column", ["age", 1])
def test_one_column_for_a_transformer_of_tables_is_explained(table, column):
    union = MultimodalFeatureUnion([("numbers", StandardScaler(), column)])
    with pytest.raises(ValueError, match="'numbers': .*put the column in a list"):
        union.fit(table)


def test_a_missing_file_is_named_with_modality_and_row(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "there.png")
    files = [str(tmp_path / name) for name in ("there.png", "there.png", "gone.png")]
    union = MultimodalFeatureUnion([("photo", ImageTransformer(), "file")])
    with pytest.raises(
        ValueError, match="modality 'photo': .*'file', row 2: .*gone.png.*no such file"
    ):
        union.fit(pd.DataFrame({"file": files}))


def test_the_index_of_a_broken_row_is_named_where_it_does_not_count_the_rows():
    X = pd.DataFrame({"file": [None, None, "gone.png"]}, index=["r5", "r9", "r7"])
    union = MultimodalFeatureUnion([("photo", ImageTransformer(), "file")])
    with pytest.raises(ValueError, match=r"'file', row 2 \(index r7\): "):
        union.fit(X)
    with pytest.raises(ValueError, match="'file', row 2: "):
        union.fit(X.reset_index())


@pytest.mark.parametrize("columns", ["photo", ["photo"]])
def test_an_image_that_cannot_be_loaded_is_named_or_missing(columns):
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(file, "PNG")
    broken = Image.open(io.BytesIO(file.getvalue()[:1000]))
    with Image.open(io.BytesIO(file.getvalue())) as closed:
        pass
    cells = np.empty(3, dtype=object)
    for row, cell in enumerate([Image.new("RGB", (4, 4)), broken, closed]):
        cells[row] = cell  # at once, NumPy may load them
    X = pd.DataFrame({"photo": pd.Series(cells)})
    union = MultimodalFeatureUnion([("image", ImageTransformer(), columns)])
    with pytest.raises(ValueError, match="row 1: cannot read the PIL image: .*trunc"):
        union.fit(X)
    with pytest.raises(ValueError, match="row 1: .*it is closed or damaged"):
        union.fit(X.iloc[[0, 2]].reset_index())
    union.set_params(image__on_error="missing")
    with pytest.warns(UserWarning, match="2 of 3 cells"):
        features = union.fit_transform(X)
    assert features["image"].missing.tolist() == [False, True, True]


def test_an_unreadable_file_is_named_with_modality_and_row_in_transform(tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    union = MultimodalFeatureUnion([("voice", AudioTransformer(), "file")])
    union.fit(pd.DataFrame({"file": [(np.zeros(800), 8000)]}))
    X = pd.DataFrame({"file": [None, tmp_path / "broken.wav"]})
    with pytest.raises(
        ValueError, match="modality 'voice': .*'file', row 1: cannot read .*broken.wav"
    ):
        union.transform(X)


def test_a_string_where_an_image_belongs_is_named_with_modality_and_row(table):
    union = MultimodalFeatureUnion([("photo", ImageTransformer(), "caption")])
    with pytest.raises(
        ValueError, match="modality 'photo': .*'caption', row 0: .*'a red fox'"
    ):
        union.fit(table)


@pytest.mark.parametrize(
    ("transformers", "error", "message"),
    [
        ([], ValueError, "must be a list of .name, transformer, columns., found"),
        ([("a", "passthrough")], ValueError, "each entry must be"),
        ([("a", "pass", [0])], TypeError, "'a' must be a transformer .*found 'pass'"),
        ([("a", "drop", [0]), ("a", "drop", [1])], ValueError, "not unique"),
        ([("a__b", "drop", [0])], ValueError, "must not contain __"),
        ([("remainder", "drop", [0])], ValueError, "conflict|remaining columns"),
        ([("a", "drop", [0])], ValueError, "no column is left"),
    ],
)
def test_wrong_transformers_are_refused(table, transformers, error, message):
    with pytest.raises(error, match=message):
        MultimodalFeatureUnion(transformers).fit(table)


def test_a_transformer_that_loses_rows_is_refused(table):
    shorter = FunctionTransformer(lambda X: X[1:])
    union = MultimodalFeatureUnion([("short", shorter, ["age"])])
    with pytest.raises(ValueError, match="'short': .*each of the 3 samples.*found 2"):
        union.fit(table)
