"""make_multimodal_union: what is chosen for which cells, and what is said about it.

Most of it without the classical models, which stand in test_infer_classical.py and in
compose/test_presets.py.
"""

import datetime
import io
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_mm import (
    AudioTransformer,
    DateTransformer,
    ImageTransformer,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm import make_multimodal_union as make_union_with_models

make_multimodal_union = partial(make_union_with_models, classical=False)

SECOND = np.zeros(8000, dtype=np.float32)
PIXELS = np.zeros((5, 4, 3), dtype=np.uint8)


def as_cells(cells):
    """Put cells, which may be arrays, into the column "it" of a table."""
    column = pd.Series(range(len(cells)), dtype=object)
    for row, cell in enumerate(cells):
        column.iat[row] = cell
    return pd.DataFrame({"it": column})


def chosen_for(cells):
    """Name the transformer that a column of cells gets, and fit the union to it."""
    union = make_multimodal_union(as_cells(cells), verbose=False)
    union.fit(as_cells(cells))
    ((_, transformer, _),) = union.transformers
    last = transformer[-1] if isinstance(transformer, Pipeline) else transformer
    return type(last)


def image_bytes(format="PNG"):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, format)
    return file.getvalue()


def sound_bytes(format="WAV"):
    file = io.BytesIO()
    soundfile.write(file, SECOND, 8000, format=format)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Make files whose names say little about what they are."""
    (tmp_path / "photo").write_bytes(image_bytes())
    (tmp_path / "photo.jpg").write_bytes(image_bytes("JPEG"))
    (tmp_path / "clip").write_bytes(sound_bytes("FLAC"))
    (tmp_path / "clip.wav").write_bytes(sound_bytes())
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("some notes")
    return tmp_path


# What is chosen


@pytest.mark.parametrize("name", ["photo", "photo.jpg"])
@pytest.mark.parametrize("kind", [str, Path])
def test_image_files_are_images(folder, name, kind):
    assert chosen_for([kind(folder / name), None]) is ImageTransformer


@pytest.mark.parametrize("name", ["clip", "clip.wav"])
@pytest.mark.parametrize("kind", [str, Path])
def test_sound_files_are_sound(folder, name, kind):
    assert chosen_for([None, kind(folder / name)]) is AudioTransformer


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_bytes_of_an_image_file_are_images(format):
    assert chosen_for([image_bytes(format)]) is ImageTransformer


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
def test_bytes_of_a_sound_file_are_sound(format):
    assert chosen_for([sound_bytes(format)]) is AudioTransformer


@pytest.mark.parametrize(
    "cell",
    [
        Image.new("L", (4, 5)),
        PIXELS,
        PIXELS[:, :, :1] / 255,
        np.zeros((5, 4, 4), dtype=np.float32),
        PIXELS[:, :, 0],
    ],
    ids=["PIL", "rgb", "gray floats", "rgba floats", "gray bytes"],
)
def test_pixels_are_images(cell):
    assert chosen_for([cell, None, cell]) is ImageTransformer


@pytest.mark.parametrize(
    "cell",
    [
        (SECOND, 8000),
        [SECOND.tolist(), 8000.0],
        {"array": SECOND, "sampling_rate": 8000, "path": None},
    ],
    ids=["pair", "lists", "dict"],
)
def test_samples_with_a_rate_are_sound(cell):
    assert chosen_for([cell, None]) is AudioTransformer


@pytest.mark.parametrize(
    "cell",
    [
        np.arange(5.0),
        np.arange(5, dtype=np.uint8),
        np.zeros((5, 2)),
        [1, 2.5, 3],
        [1.0, 2.0],
        [[1, 2], [3, 4], [5, 6]],
        pd.Series([1.0, 2.0]),
        pd.DataFrame({"open": [1.0, 2.0], "close": [2.0, 1.0]}),
        pl.Series([1.0, 2.0]),
        pl.Series([1.0, None, 2.0]),
        [1.0, None, 2.0],
        [1.0, pd.NA, *range(20)],
    ],
    ids=str,
)
def test_arrays_and_lists_of_numbers_are_series(cell):
    assert chosen_for([None, cell]) is TimeSeriesTransformer


def test_strings_are_texts():
    assert chosen_for(["a red fox", None, "a bird", ""]) is TextTransformer


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"it": [1, 2, 1]}),
        pd.DataFrame({"it": [1.5, np.nan, 2.5]}),
        pd.DataFrame({"it": pd.array([1, None, 3], dtype="Int64")}),
        pd.DataFrame({"it": [1, 2.5, None]}, dtype=object),
        pl.DataFrame({"it": [1, None, 3]}),
    ],
    ids=["int", "float", "nullable", "object", "polars"],
)
def test_numbers_are_scaled(X):
    union = make_multimodal_union(X, verbose=False)
    ((name, transformer, columns),) = union.transformers
    assert (name, type(transformer), columns) == ("table", StandardScaler, ["it"])
    assert_allclose(np.nanmean(union.fit_transform(X)), 0, atol=1e-12)


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"it": [True, False, True]}),
        pd.DataFrame({"it": [True, None, False]}),
        pd.DataFrame({"it": pd.array([True, None, False], dtype="boolean")}),
        pd.DataFrame({"it": pd.Categorical(list("abc"))}),
        pd.DataFrame({"it": pd.Categorical([1, 2, 3])}),
        pl.DataFrame({"it": pl.Series(list("abc"), dtype=pl.Categorical)}),
        pl.DataFrame({"it": pl.Series(list("abc"), dtype=pl.Enum(list("abc")))}),
        pd.DataFrame({"it": ["red", "blue", None] * 3}),
    ],
    ids=["bool", "object", "nullable", "pandas", "ints", "polars", "Enum", "repeated"],
)
def test_categories_are_encoded(X):
    union = make_multimodal_union(X, verbose=False)
    ((name, transformer, columns),) = union.transformers
    assert (name, type(transformer), columns) == ("categories", OneHotEncoder, ["it"])
    assert_array_equal(np.asarray(union.fit_transform(X)).sum(axis=1), 1)


def test_a_category_that_was_not_seen_is_ignored():
    X = pd.DataFrame({"it": ["red", "blue"] * 3})
    union = make_multimodal_union(X, verbose=False).fit(X)
    flat = np.asarray(union.transform(pd.DataFrame({"it": ["green"]})))
    assert_array_equal(flat, [[0, 0]])


@pytest.mark.parametrize(
    ("n_different", "expected"), [(30, OneHotEncoder), (31, TextTransformer)]
)
def test_many_different_strings_are_texts_though_they_repeat(n_different, expected):
    words = [f"word{i % n_different}" for i in range(1000)]
    assert chosen_for(words) is expected


def test_strings_are_counted_in_the_whole_column():
    rare = [f"word{i % 40}" for i in range(80)]
    assert chosen_for(["common"] * 500 + rare + ["common"] * 1000) is TextTransformer


def test_forms_of_one_kind_may_be_mixed(folder):
    cells = [str(folder / "photo"), PIXELS, image_bytes(), folder / "photo.jpg"]
    assert chosen_for(cells) is ImageTransformer


@pytest.mark.parametrize(
    "cells",
    [
        pd.to_datetime(["2020-01-01", None]),
        pd.to_datetime(["2020-01-01", None]).astype("datetime64[s]"),
        pd.to_datetime(["2020-01-01", None]).tz_localize("Europe/Vienna"),
        [datetime.date(2020, 1, 1), None],
        [None, datetime.datetime(2020, 1, 1, 12)],
        [np.datetime64("2020-01-01"), None],
        ["2020-01-05", None, "2021-01-05"],
        ["2020-01-05T10:00:00", "2020-01-05 10:00:00.5+01:00"],
    ],
    ids=range(8),
)
def test_dates_become_numbers(cells):
    X = pd.DataFrame({"it": cells})
    union = make_multimodal_union(X, verbose=False)
    ((name, transformer, columns),) = union.transformers
    assert (name, type(transformer), columns) == ("dates", DateTransformer, ["it"])
    assert union.fit_transform(X)["dates"].token_shape == (9,)


def test_a_text_with_a_date_in_it_is_a_text():
    assert chosen_for(["2020-01-05", "on 2020-01-05"]) is TextTransformer


def test_strings_that_are_numbers_are_scaled():
    X = pd.DataFrame({"it": ["1.5", "-2e3", None, "NA", "7"]})
    union = make_multimodal_union(X, verbose=False)
    ((name, _, columns),) = union.transformers
    assert (name, columns) == ("numbers", ["it"])
    found = np.asarray(union.fit_transform(X)).ravel()
    expected = StandardScaler().fit_transform([[1.5], [-2e3], [np.nan], [np.nan], [7]])
    assert_allclose(found, expected.ravel())


def test_vectors_of_one_length_are_vectors():
    cells = list(np.random.default_rng(0).normal(size=(9, 16)).astype(np.float32))
    X = as_cells([*cells, None])
    union = make_multimodal_union(X, verbose=False)
    block = union.fit_transform(X)["it"]
    assert (block.kind, block.token_shape) == ("vector", (16,))
    assert_allclose(block.values, StandardScaler().fit_transform(cells), rtol=1e-5)
    assert block.lengths[-1] == 0


@pytest.mark.parametrize(
    "cells",
    [
        list(np.random.default_rng(0).normal(size=(9, 15))),
        list(np.random.default_rng(0).normal(size=(9, 40)).cumsum(axis=1)),
        [np.random.default_rng(i).normal(size=20 + i % 2) for i in range(9)],
        list(np.ones((9, 20))),
    ],
    ids=["short", "neighbours go together", "unequal", "constant"],
)
def test_other_1d_arrays_are_series(cells):
    assert chosen_for(cells) is TimeSeriesTransformer


@pytest.mark.parametrize("n_rows", [20, 40])
def test_ids_are_left_out_and_texts_are_not(n_rows):
    X = pd.DataFrame({"id": [f"A-{i}" for i in range(n_rows)]})
    X["word"] = ["".join("abcdefghij"[int(d)] for d in str(i)) for i in range(n_rows)]
    ((name, _, _),) = make_multimodal_union(X, verbose=False).transformers
    assert name == "word"


def test_columns_of_short_texts_are_one_modality():
    X = pd.DataFrame(
        {
            "title": [f"a fox and a {word}" for word in "abcd"],
            "review": [f"it is as good as it can be for a {word}" for word in "abcd"],
            "name": ["Ann Lee", "Bob Ray", "Cy Fox", None],
        }
    )
    union = make_multimodal_union(X, verbose=False)
    assert [(name, columns) for name, _, columns in union.transformers] == [
        ("texts", ["title", "name"]),
        ("review", "review"),
    ]
    assert union.fit_transform(X)["texts"].lengths[0] == 7


def test_a_text_may_end_like_a_file():
    texts = ["see fox.png", "a bird", "a fox", "a dog and a cat"]
    assert chosen_for(texts) is TextTransformer


def test_lost_and_broken_files_are_left_to_the_transformer(folder):
    photo = str(folder / "photo")
    X = pd.DataFrame({"it": [photo, str(folder / "broken.png"), "gone.jpg", photo]})
    union = make_multimodal_union(X, verbose=False)
    union.set_params(it__on_error="missing")
    with pytest.warns(UserWarning, match="2 of 4 cells could not be read"):
        features = union.fit_transform(X)
    assert_array_equal(features["it"].lengths, [1, 0, 0, 1])


def test_the_few_cells_of_a_nearly_empty_column_are_found():
    cells = np.full(5000, None)
    cells[3777] = (SECOND, 8000)
    assert chosen_for(cells) is AudioTransformer


def test_the_whole_column_is_looked_at_and_not_only_its_head():
    with pytest.raises(ValueError, match="found .* numbers .* and .* texts"):
        make_multimodal_union(as_cells([1.0] * 500 + ["a fox"] * 500), verbose=False)


# The union


@pytest.fixture
def table(folder):
    return pd.DataFrame(
        {
            "age": [30.0, 41.0, 52.0, np.nan],
            "photo": [str(folder / "photo")] * 4,
            "caption": ["a fox", "a bird", None, "the fox"],
            "likes": [3, 1, 4, 1],
            "colour": ["red", "blue", "red", "blue"],
            "clip": [folder / "clip", None, folder / "clip.wav", None],
        }
    )


def test_numbers_are_one_modality_and_every_other_column_is_its_own(table):
    union = make_multimodal_union(table, verbose=False)
    assert [(name, columns) for name, _, columns in union.transformers] == [
        ("table", ["age", "likes"]),
        ("photo", "photo"),
        ("caption", "caption"),
        ("categories", ["colour"]),
        ("clip", "clip"),
    ]


def test_the_union_fits_the_table_that_was_looked_at(table):
    features = make_multimodal_union(table, verbose=False).fit_transform(table)
    kinds = {name: block.kind for name, block in features.blocks.items()}
    assert kinds == {
        "table": "vector",
        "photo": "image",
        "caption": "tokens",
        "categories": "vector",
        "clip": "sequence",
    }


def test_n_jobs_is_that_of_the_union(table):
    assert make_multimodal_union(table, n_jobs=2, verbose=False).n_jobs == 2


def test_an_array_without_names_is_taken_by_position(table):
    union = make_multimodal_union(table.to_numpy(dtype=object), verbose=False)
    assert [(name, columns) for name, _, columns in union.transformers] == [
        ("table", [0, 3]),
        ("x1", 1),
        ("x2", 2),
        ("categories", [4]),
        ("x5", 5),
    ]


@pytest.mark.parametrize(
    "convert", [pl.from_pandas, pa.Table.from_pandas], ids=["polars", "pyarrow"]
)
def test_tables_of_every_library_give_the_same_union(table, convert):
    table["clip"] = [None if clip is None else str(clip) for clip in table["clip"]]
    table["series"] = [[1.0, 2.0], None, [3.0], [1.0, 2.0, 3.0]]
    table["channels"] = [[[1.0, 2.0], [3.0, 4.0]], None, [[5.0, 6.0]], None]
    expected = make_multimodal_union(table, verbose=False)
    union = make_multimodal_union(convert(table), verbose=False)
    assert str(union.transformers) == str(expected.transformers)


def test_names_that_cannot_prefix_parameters_are_changed():
    texts = ["a fox that went out on a cold night", "a bird that did not want to go"]
    names = ["table", "unit__price", "_end_", "n_jobs", "x_", "x", "__"]
    X = pd.DataFrame(dict.fromkeys(names, texts)).assign(age=[1.0, 2.0])
    union = make_multimodal_union(X, verbose=False)
    assert [name for name, *_ in union.transformers] == [
        "table2",
        "unit_price",
        "end",
        "n_jobs2",
        "x",
        "x2",
        "column",
        "table",
    ]
    union.set_params(**{f"{name}__on_error": "missing" for name in ("end", "x2")})


def test_the_table_stays_as_it_is(table):
    before = table.copy(deep=True)
    make_multimodal_union(table, verbose=False)
    pd.testing.assert_frame_equal(table, before)


# What it says


def test_a_line_for_each_column_says_what_was_found_and_chosen(table, capsys):
    make_multimodal_union(table.assign(day=pd.Timestamp("2020-01-01"), empty=None))
    assert capsys.readouterr().out.splitlines() == [
        "age: numbers -> StandardScaler, in modality 'table'",
        "photo: image files -> ImageTransformer(size=(16, 16), mode='gray')",
        "caption: short texts -> TextTransformer",
        "likes: numbers -> StandardScaler, in modality 'table'",
        "colour: 2 different strings -> OneHotEncoder, in modality 'categories'",
        "clip: sound files -> AudioTransformer(sampling_rate=8000)",
        "day: dates -> DateTransformer, in modality 'dates'",
        "empty: no values -> left out",
    ]


def test_verbose_false_says_nothing(table, capsys):
    make_multimodal_union(table, verbose=False)
    assert capsys.readouterr().out == ""


def test_many_columns_that_are_alike_share_a_line(capsys):
    make_multimodal_union(np.ones((3, 784)))
    assert capsys.readouterr().out == (
        "column 0 to column 783: numbers -> StandardScaler, in modality 'table'\n"
    )


def test_1d_arrays_are_series_and_how_to_take_them_for_sound_is_said(capsys):
    X = as_cells([SECOND, SECOND[:4000]])
    union = make_multimodal_union(X)
    assert "if they are sound, set AudioTransformer(" in capsys.readouterr().out
    union.set_params(it=AudioTransformer(sampling_rate=8000, hop_length=80))
    # A frame every 80 samples, one more than fit.
    assert_array_equal(union.fit_transform(X)["it"].lengths, [101, 51])


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ([f"A{i}" for i in range(20)], "ids, different in each row"),
        (pd.to_timedelta([1, 2], unit="s"), "durations"),
        ([datetime.time(1), datetime.time(2, 30)], "times of day"),
        ([None, np.nan], "no values"),
    ],
)
def test_columns_that_no_transformer_takes_are_left_out(column, found, capsys):
    union = make_multimodal_union(pd.DataFrame({"it": column, "age": 1}))
    assert capsys.readouterr().out.startswith(f"it: {found} -> left out")
    assert [columns for *_, columns in union.transformers] == [["age"]]


# Errors


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ([1.5, "a fox"], r"1 numbers \(row 0: 1.5\) and 1 texts \(row 1: 'a fox'\)"),
        ([None, True, 2.5], r"1 booleans \(row 1: True\) and 1 numbers \(row 2: 2.5\)"),
        ([PIXELS, (SECOND, 8000)], "1 arrays .* and 1 samples with their rate"),
        ([["a", "b"], ["c"]], r"2 objects of type list \(row 0: list\)"),
        ([{"a": 1}], "1 objects of type dict"),
        ([b"no file"], r"1 bytes \(row 0: b'no file'\)"),
        ([np.zeros((3, 8, 9))], r"1 arrays of shape \(3, 8, 9\)"),
        ([1j, 2j], "2 objects of type complex"),
        ([[1.0, "a"]], "1 objects of type list"),
    ],
    ids=range(9),
)
def test_a_column_that_is_not_understood_is_described(cells, found):
    with pytest.raises(ValueError, match=f"column 'it': cannot infer .* found {found}"):
        make_multimodal_union(as_cells(cells), verbose=False)


def test_numbers_and_words_that_are_rare_are_texts():
    assert chosen_for(["1.5", "2", "three"]) is TextTransformer


def test_names_of_lost_files_are_not_taken_for_texts():
    with pytest.raises(
        ValueError, match=r"2 names of files that do not exist \(row 0: 'fox.png'\)"
    ):
        make_multimodal_union(as_cells(["fox.png", "b.wav", "a fox"]), verbose=False)


def test_a_path_that_does_not_exist_is_not_taken_for_a_text(tmp_path):
    with pytest.raises(ValueError, match="do not exist .*Paths begin at the working"):
        make_multimodal_union(as_cells([tmp_path / "fox"]), verbose=False)


def test_files_of_other_kinds_are_not_taken_for_texts(folder):
    with pytest.raises(
        ValueError, match="1 names of files that are neither image nor sound"
    ):
        make_multimodal_union(as_cells([str(folder / "notes.txt")]), verbose=False)


def test_a_table_of_which_nothing_is_left_is_refused():
    with pytest.raises(ValueError, match="no column is left"):
        make_multimodal_union(as_cells([None, None]), verbose=False)


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="0 sample.*make_multimodal_union"):
        make_multimodal_union(pd.DataFrame({"it": []}), verbose=False)


def test_single_words_that_are_mostly_new_are_read_by_their_letters(capsys):
    words = ["seven", "sven", "sevn", "eight", "eigt", "eght", "nine", "nie", "nine"]
    union = make_multimodal_union(pd.DataFrame({"word": words}), classical=False)
    assert "word: single words, 8 different -> TextTransformer of letters" in (
        capsys.readouterr().out
    )
    features = union.fit_transform(pd.DataFrame({"word": words}))
    assert features["word"].lengths.tolist() == [len(word) for word in words]


def test_single_words_that_come_again_are_read_as_words():
    words = [f"town{letter}" for letter in "abcdefghijklmnopqrstuvwxyzäöüßéèç"] * 3
    union = make_multimodal_union(pd.DataFrame({"town": words}), classical=False)
    assert set(union.fit_transform(pd.DataFrame({"town": words}))["town"].lengths) == {
        1
    }


def test_single_words_joined_with_other_short_texts_are_read_as_words():
    X = pd.DataFrame(
        {
            "word": ["seven", "sven", "sevn", "eight", "eigt", "eght"],
            "note": ["a red fox", "two red foxes", "an owl", "no owl", "a fox", "owls"],
        }
    )
    union = make_multimodal_union(X, classical=False)
    assert union.fit_transform(X)["texts"].lengths.max() < 6
