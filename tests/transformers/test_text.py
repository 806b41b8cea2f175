import os
import pickle
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from sklearn_mm import TextTransformer

ENGLISH = [
    "The cat sat on the mat, the dog did not.",
    "A dog and a cat: two friends!",
    "Two mats (one red, one blue) and 12 dogs",
]


@parametrize_with_checks(
    [
        TextTransformer(),
        TextTransformer(min_frequency=1, max_tokens=3),
        TextTransformer(punctuation="drop"),
        TextTransformer(punctuation="keep", min_frequency=1),
        TextTransformer("bpe", vocabulary_size=50),
        TextTransformer(str.split, min_frequency=1),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def words_of(text, **parameters):
    parameters = {"min_frequency": 1} | parameters
    return TextTransformer(**parameters).fit([text]).tokenize([text])[0]


def ready_tokenizer():
    """Build a tokenizer with special tokens and an unknown token that is not 0."""
    vocabulary = {"[CLS]": 0, "[SEP]": 1, "hello": 2, "world": 3, "<unk>": 7}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 1), ("[CLS]", 0))
    tokenizer.enable_padding(length=9)
    tokenizer.enable_truncation(1)
    return tokenizer


class LikeTransformers:
    """Has what a tokenizer of the transformers package has: a backend, and a call."""

    def __init__(self, backend):
        self.backend_tokenizer = backend

    def __call__(self, text):
        raise AssertionError("the backend is to be used")


# The output


def test_the_output_is_a_block_of_int32_ids():
    block = TextTransformer(min_frequency=1).fit_transform(["b a b", "a b c"])
    assert block.kind == "tokens"
    assert block.values.dtype == np.int32
    assert_array_equal(block.offsets, [0, 3, 6])
    assert_array_equal(block.values, [1, 2, 1, 2, 1, 3])


def test_the_vocabulary_size_of_the_block_counts_the_unknown_token():
    transformer = TextTransformer(min_frequency=1)
    assert transformer.fit_transform(["a b", "c"]).vocabulary_size == 4
    assert transformer.transform(["c"]).vocabulary_size == 4


def test_counts_equal_those_of_count_vectorizer():
    transformer = TextTransformer(punctuation="drop", min_frequency=1)
    counts = transformer.fit_transform(ENGLISH).to_sparse().toarray()
    reference = CountVectorizer(token_pattern=r"\w+")
    expected = reference.fit_transform(ENGLISH).toarray()
    columns = [transformer.vocabulary_[w] for w in reference.get_feature_names_out()]
    assert_array_equal(counts[:, columns], expected)
    assert counts.sum() == expected.sum()


def test_feature_names_are_counts_in_the_order_of_the_ids():
    transformer = TextTransformer(min_frequency=1).fit(["b a b"])
    names = transformer.get_feature_names_out()
    assert names.tolist() == ["count_[UNK]", "count_b", "count_a"]


def test_set_output_gives_a_table_of_counts():
    transformer = TextTransformer(min_frequency=1).set_output(transform="pandas")
    table = transformer.fit_transform(pd.Series(["b a b", None], index=[7, 8]))
    assert table.loc[7].to_dict() == {"count_[UNK]": 0, "count_b": 2, "count_a": 1}
    assert table.loc[8].isna().all()


def test_it_feeds_a_classifier_in_a_pipeline():
    texts = ["good film", "very good", "bad film", "very bad"] * 3
    model = make_pipeline(TextTransformer(), LogisticRegression())
    model.fit(texts, [1, 1, 0, 0] * 3)
    assert_array_equal(model.predict(["good good", "a bad one"]), [1, 0])


@pytest.mark.parametrize("punctuation", ["split", "keep", "drop"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_words_are_those_of_the_tokenizers_library(punctuation, lowercase):
    # Every character of the scripts that are split without the library, and others
    # that are composed, decomposed, invisible, or written without spaces.
    characters = [chr(code) for code in range(0x0E80)]
    characters += (
        "\u1e9e\u2014\u2026\u2028\u200b\u200d\u20ac\u2160\u212b一あアー가ᄀﬁＡ１😀🏽"
    )
    texts = [f"A{c}B{c}. {c} ,{c}e{c}\u0301 x{c}" for c in characters]
    transformer = TextTransformer(
        punctuation=punctuation,
        lowercase=lowercase,
        min_frequency=1,
        vocabulary_size=10**6,
    ).fit(texts)
    encodings = transformer.tokenizer_.encode_batch(texts)
    for sample, encoding in zip(transformer.transform(texts), encodings, strict=True):
        assert sample.values.tolist() == encoding.ids


# The vocabulary


def test_ids_follow_the_frequency_and_then_the_alphabet():
    transformer = TextTransformer(min_frequency=1).fit(["c b a b", "d b", "a e"])
    expected = {"[UNK]": 0, "b": 1, "a": 2, "c": 3, "d": 4, "e": 5}
    assert transformer.vocabulary_ == expected
    assert list(transformer.vocabulary_) == list(expected)


@pytest.mark.parametrize("tokenizer", ["word", "bpe", str.split])
@pytest.mark.parametrize("parallelism", ["true", "false"])
def test_the_order_of_rows_does_not_change_the_vocabulary(
    tokenizer, parallelism, monkeypatch
):
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", parallelism)
    rng = np.random.default_rng(0)
    # Many words of equal frequency, so that ties have to be broken.
    letters = np.array(list("abcdefgh貓狗魚é"))
    texts = [
        " ".join("".join(rng.choice(letters, 3)) for _ in "12345") for _ in "x" * 99
    ]
    transformer = TextTransformer(tokenizer, min_frequency=1, vocabulary_size=60)
    vocabulary = transformer.fit(texts).vocabulary_
    assert len(vocabulary) == 60
    for seed in range(3):
        random.Random(seed).shuffle(texts)
        assert clone(transformer).fit(texts).vocabulary_ == vocabulary


@pytest.mark.parametrize("tokenizer", ["word", str.split])
def test_vocabulary_size_keeps_the_most_frequent_words(tokenizer):
    transformer = TextTransformer(tokenizer, vocabulary_size=3, min_frequency=1)
    transformer.fit(["a a a b b c"])
    assert transformer.vocabulary_ == {"[UNK]": 0, "a": 1, "b": 2}


@pytest.mark.parametrize("tokenizer", ["word", str.split])
def test_min_frequency_leaves_out_rarer_words(tokenizer):
    transformer = TextTransformer(tokenizer, min_frequency=2).fit(["a b", "a c c"])
    assert transformer.vocabulary_ == {"[UNK]": 0, "a": 1, "c": 2}


@pytest.mark.parametrize(("tokenizer", "least"), [("word", 1), ("bpe", 2)])
def test_by_default_words_count_from_once_and_parts_of_words_from_twice(
    tokenizer, least
):
    chosen, named = (
        TextTransformer(tokenizer, min_frequency=n).fit(["b a c", "a c dd c"])
        for n in ("auto", least)
    )
    assert chosen.vocabulary_ == named.vocabulary_
    assert ("b" in chosen.vocabulary_) == (least == 1)


def test_unknown_words_become_id_zero_and_are_not_missing():
    transformer = TextTransformer(min_frequency=1).fit(["a b"])
    block = transformer.transform(["x y", "a x"])
    assert_array_equal(block.values, [0, 0, 1, 0])
    assert not block.missing.any()


def test_unk_as_a_word_of_the_texts_is_the_unknown_token():
    transformer = TextTransformer(punctuation="keep", lowercase=False)
    block = transformer.fit_transform(["[UNK] [UNK] [UNK] a a"])
    assert transformer.vocabulary_ == {"[UNK]": 0, "a": 1}
    assert_array_equal(block.values, [0, 0, 0, 1, 1])


@pytest.mark.parametrize("tokenizer", ["word", "bpe", str.split])
def test_without_any_text_only_the_unknown_token_is_learned(tokenizer):
    transformer = TextTransformer(tokenizer)
    block = transformer.fit_transform([None, "", float("nan")])
    assert transformer.vocabulary_ == {"[UNK]": 0}
    assert block.missing.all()
    assert set(transformer.transform(["hello"]).values) == {0}


def test_a_vocabulary_of_nothing_frequent_warns():
    with pytest.warns(UserWarning, match="no token occurs min_frequency=5 times"):
        TextTransformer(min_frequency=5).fit(["a b", "a"])


def test_max_tokens_keeps_the_first():
    transformer = TextTransformer(min_frequency=1, max_tokens=2)
    block = transformer.fit_transform(["a b c d", "a"])
    assert_array_equal(block.lengths, [2, 1])
    assert transformer.tokenize(["c d a b"]) == [["c", "d"]]


# Words, punctuation, scripts


@pytest.mark.parametrize(
    ("punctuation", "expected"),
    [
        ("split", ["don", "'", "t", "stop", ",", "well", "-", "known", "!", "!"]),
        ("keep", ["don't", "stop,", "well-known!!"]),
        ("drop", ["don", "t", "stop", "well", "known"]),
    ],
)
def test_punctuation(punctuation, expected):
    assert words_of("Don't stop, well-known!!", punctuation=punctuation) == expected


@pytest.mark.parametrize("text", ["«¿مرحبا؟»", "“नमस्ते।”", "「你好。」"])
def test_punctuation_of_any_script_is_dropped(text):
    dropped = words_of(text, punctuation="drop")
    assert "".join(dropped) in {"مرحبا", "नमस्ते", "你好"}


@pytest.mark.parametrize("punctuation", ["split", "keep", "drop"])
def test_symbols_are_tokens_of_their_own(punctuation):
    words = words_of("great😀 5€ a+b", punctuation=punctuation)
    assert words == ["great", "😀", "5", "€", "a", "+", "b"]


@pytest.mark.parametrize("emoji", ["👩‍🚀", "👍🏽", "🇩🇪", "❤️", "👨‍👩‍👧"])
def test_an_emoji_of_several_code_points_stays_whole(emoji):
    assert len(emoji) > 1
    assert words_of(f"so {emoji}{emoji}") == ["so", emoji, emoji]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我喜歡iPhone手機", ["我", "喜", "歡", "iphone", "手", "機"]),
        ("ひらカタコーヒー", list("ひらカタコーヒー")),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("ສະບາຍດີ", ["ສ", "ະ", "ບ", "າ", "ຍ", "ດີ"]),
        ("សាខ្មែរ", ["សា", "ខ្", "មែ", "រ"]),
        ("မန္တ", ["မ", "န္", "တ"]),
    ],
)
def test_unspaced_scripts_are_split_into_characters_with_their_marks(text, expected):
    assert words_of(text) == expected


@pytest.mark.parametrize("text", ["नमस्ते दुनिया", "привет мир", "안녕 세상", "سلام دنیا"])
def test_spaced_scripts_are_split_at_spaces(text):
    assert words_of(text) == text.split()


def test_lowercase_joins_the_two_cases():
    assert words_of("Öl öl ÉTÉ") == ["öl", "öl", "été"]
    assert words_of("Öl öl", lowercase=False) == ["Öl", "öl"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("e\u0301te\u0301", "été"),
        ("ﬁsh", "fish"),
    ],
)
def test_compatible_forms_are_the_same_text(one, other):
    block = TextTransformer(min_frequency=1).fit_transform([one, other])
    assert_array_equal(block[0].values, block[1].values)


def test_invisible_characters_do_not_hide_words():
    words = words_of("\ufeffone\u200btwo\x00three soft\u00adly")
    assert words == ["one", "two", "three", "softly"]


# Cells


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (1917, "1917"),
        (1917.0, "1917"),
        (np.int64(-3), "-3"),
        (np.float32(0.1), "0.1"),
        (True, "True"),
        (np.str_("abc"), "abc"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_are_read_as_their_text(cell, text):
    transformer = TextTransformer(punctuation="keep", lowercase=False, min_frequency=1)
    assert transformer.fit([text]).tokenize([cell]) == [[text]]


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        (b"abc", r"found bytes. Decode it first"),
        (["a", "b"], r"found list. Join its words first"),
        ({"a": 1}, "found dict"),
        (np.ones(2), "found ndarray"),
        (Path("a.txt"), "found PosixPath|found WindowsPath"),
        (("a", "b"), "found tuple"),
    ],
)
def test_a_cell_that_is_no_text_raises_with_its_row(cell, found):
    with pytest.raises(TypeError, match=f"row 1: expected text, {found}"):
        TextTransformer().fit(["good", cell])


def test_half_a_surrogate_pair_raises_with_its_row():
    with pytest.raises(ValueError, match="row 1: .*surrogates not allowed"):
        TextTransformer().fit(["good", "bad \ud83d"])


def test_broken_cells_become_missing_where_asked():
    transformer = TextTransformer(on_error="missing", min_frequency=1)
    with pytest.warns(UserWarning, match="1 of 2 cells could not be read"):
        block = transformer.fit_transform(["good", b"bad"])
    assert_array_equal(block.missing, [False, True])


@pytest.mark.parametrize("cell", [None, float("nan"), pd.NA, "", " \t\n\u3000"])
def test_missing_and_empty_cells_become_empty_sequences(cell):
    block = TextTransformer(min_frequency=1).fit_transform(["a", cell])
    assert_array_equal(block.lengths, [1, 0])


def test_a_text_of_dropped_punctuation_becomes_missing():
    transformer = TextTransformer(punctuation="drop", min_frequency=1)
    assert_array_equal(transformer.fit_transform(["a", "?!"]).missing, [False, True])


def test_several_columns_are_joined_and_missing_cells_left_out():
    table = pd.DataFrame(
        {
            "title": ["Alien", None, None],
            "year": [1979, 1982, None],
            "by": ["r", "s", None],
        }
    )
    transformer = TextTransformer(min_frequency=1)
    block = transformer.fit_transform(table)
    words = [["alien", "1979", "r"], ["1982", "s"], []]
    assert transformer.tokenize(table) == words
    assert_array_equal(block.missing, [False, False, True])


def test_a_broken_cell_among_several_columns_names_its_row():
    table = pd.DataFrame({"title": ["a", "b"], "text": ["c", b"d"]})
    with pytest.raises(TypeError, match="column 'title, text', row 1: .*found bytes"):
        TextTransformer().fit(table)


def test_a_row_of_numbers_is_the_text_of_its_numbers():
    X = np.array([[1917.0, 0.5], [np.nan, 3.0], [np.nan, np.nan]])
    transformer = TextTransformer(punctuation="keep", min_frequency=1).fit(X)
    assert transformer.tokenize(X) == [["1917", "0.5"], ["3"], []]


# Byte-pair encoding


def test_bpe_joins_the_pairs_of_the_paper():
    # Sennrich et al. (2016), section 3.2: the first two merges are e s and es t.
    counts = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    texts = [word for word, count in counts.items() for _ in range(count)]
    characters = set("".join(counts)) | {"▁", "[UNK]"}
    transformer = TextTransformer("bpe", vocabulary_size=len(characters) + 2)
    vocabulary = transformer.fit(texts).vocabulary_
    assert list(vocabulary)[-2:] == ["es", "est"]
    assert set(vocabulary) == characters | {"es", "est"}


def test_bpe_tokens_join_to_the_text_again():
    transformer = TextTransformer("bpe", min_frequency=1, vocabulary_size=60)
    tokens = transformer.fit(ENGLISH).tokenize(["the red dog sat on two mats"])[0]
    assert "".join(tokens).replace("▁", " ") == " the red dog sat on two mats"


def test_bpe_learns_words_of_unspaced_scripts():
    texts = ["我的手機壞了", "買手機", "這手機好", "手機"] * 3
    assert "手機" in TextTransformer("bpe").fit(texts).tokenize(["新手機"])[0]


def test_bpe_gives_unseen_characters_as_unknown():
    transformer = TextTransformer("bpe").fit(["abab abab"])
    block = transformer.transform(["ab猫ω"])
    assert (block.values == 0).sum() == 2
    assert transformer.tokenize(["ab猫ω"])[0][-2:] == ["猫", "ω"]


def test_bpe_keeps_to_the_vocabulary_size_and_the_most_frequent_characters():
    texts = ["".join(chr(0x4E00 + i) * (3 + i % 2) for i in range(100))]
    transformer = TextTransformer("bpe", vocabulary_size=21).fit(texts)
    # The marker "▁" occurs once, so the 20 are the first of those that occur 4 times.
    expected = {"[UNK]", *(chr(0x4E00 + i) for i in range(1, 41, 2))}
    assert set(transformer.vocabulary_) == expected


def test_bpe_splits_punctuation_as_words_do():
    transformer = TextTransformer("bpe").fit(["so, so, so, so,"] * 3)
    assert transformer.tokenize(["so,so"]) == [["▁so", "▁,", "▁so"]]


# A callable and a ready tokenizer


def test_a_callable_splits_the_normalised_text():
    transformer = TextTransformer(lambda text: text.split("-"), min_frequency=1)
    block = transformer.fit_transform(["B-Ａ-b", None])
    assert transformer.vocabulary_ == {"[UNK]": 0, "b": 1, "a": 2}
    assert_array_equal(block.values, [1, 2, 1])
    assert_array_equal(block.missing, [False, True])
    assert transformer.tokenize(["a-x"]) == [["a", "x"]]


def test_a_callable_that_gives_no_strings_raises_with_the_row():
    with pytest.raises(TypeError, match="row 0: tokenizer must turn a str into a list"):
        TextTransformer(lambda text: [1, 2]).fit(["a"])


@pytest.mark.parametrize("form", ["object", "backend", "path", "string"])
def test_a_ready_tokenizer_is_used_with_its_own_ids(form, tmp_path):
    tokenizer = ready_tokenizer()
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    forms = {"backend": LikeTransformers(tokenizer), "path": path, "string": str(path)}
    transformer = TextTransformer(forms.get(form, tokenizer), min_frequency=99)
    block = transformer.fit_transform(["hello big world", None])
    assert_array_equal(block.values, [2, 7, 3])
    assert_array_equal(block.lengths, [3, 0])
    assert transformer.tokenize(["world big"]) == [["world", "<unk>"]]


def test_ids_that_a_ready_tokenizer_leaves_out_have_a_column_each():
    transformer = TextTransformer(ready_tokenizer()).fit(["hello"])
    names = transformer.get_feature_names_out().tolist()
    assert names[2:5] == ["count_hello", "count_world", "count_[4]"]
    assert len(names) == 8 == transformer.transform(["hello"]).vocabulary_size


def test_the_users_tokenizer_stays_as_it_was():
    tokenizer = ready_tokenizer()
    before = tokenizer.to_str()
    TextTransformer(tokenizer).fit_transform(["hello hello"])
    assert tokenizer.to_str() == before


def test_a_file_that_holds_no_tokenizer_raises(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match="the file .*tokenizer.json cannot be read"):
        TextTransformer(path).fit(["a"])


# Manners


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tokenizer": "words"}, "'word', 'bpe', a callable .*, found 'words'"),
        ({"tokenizer": 3}, "tokenizer must be .* found 3"),
        ({"tokenizer": "no/such/tokenizer.json"}, "existing tokenizer.json, found"),
        ({"punctuation": "remove"}, r"one of \('split', 'keep', 'drop'\), found"),
        ({"vocabulary_size": 1}, "vocabulary_size must be an int of at least 2"),
        ({"min_frequency": 0}, "min_frequency must be an int of at least 1, found 0"),
        ({"max_tokens": 0}, "max_tokens must be an int of at least 1, found 0"),
        ({"max_tokens": 2.5}, "max_tokens must be an int .* found 2.5"),
    ],
)
def test_parameters_that_cannot_work_raise(parameters, message):
    with pytest.raises(ValueError, match=message):
        TextTransformer(**parameters).fit(["a"])


TOKENIZERS = {
    "word": "word",
    "bpe": "bpe",
    "callable": str.split,
    "ready": ready_tokenizer(),
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_pickled_transformer_gives_the_same_ids(name):
    transformer = TextTransformer(TOKENIZERS[name], min_frequency=1).fit(ENGLISH)
    again = pickle.loads(pickle.dumps(transformer))
    block, expected = again.transform(ENGLISH), transformer.transform(ENGLISH)
    assert_array_equal(block.values, expected.values)
    assert_array_equal(block.offsets, expected.offsets)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_clone_learns_the_same(name):
    transformer = TextTransformer(TOKENIZERS[name], min_frequency=1)
    vocabulary = transformer.fit(ENGLISH).vocabulary_
    copy = clone(transformer)
    assert not hasattr(copy, "vocabulary_")
    assert copy.fit(ENGLISH).vocabulary_ == vocabulary


@pytest.mark.parametrize("tokenizer", ["word", "bpe"])
def test_tokens_and_ids_are_aligned(tokenizer):
    transformer = TextTransformer(tokenizer, max_tokens=4).fit(ENGLISH)
    texts = ["the Dog's 猫", "", "a cat and a dog"]
    block = transformer.transform(texts)
    for ids, tokens in zip(block, transformer.tokenize(texts), strict=True):
        known = transformer.vocabulary_
        assert_array_equal(ids.values, [known.get(token, 0) for token in tokens])


def test_an_unknown_token_is_given_as_it_stands_in_the_text():
    transformer = TextTransformer(min_frequency=1).fit(["the cat"])
    assert transformer.tokenize(["The ＬＩＯＮ sat"]) == [["the", "ＬＩＯＮ", "sat"]]


def test_tokenize_before_fit_raises():
    with pytest.raises(ValueError, match="not fitted yet"):
        TextTransformer().tokenize(["a"])


@pytest.mark.parametrize("setting", [None, "true"])
def test_the_environment_is_left_as_it_was(setting, monkeypatch):
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    if setting is not None:
        monkeypatch.setenv("TOKENIZERS_PARALLELISM", setting)
    TextTransformer().fit_transform(ENGLISH)
    assert os.environ.get("TOKENIZERS_PARALLELISM") == setting
