"""How texts are split: into words, parts of words, and by tokenizers of the user."""

import pytest
from numpy.testing import assert_array_equal
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from sklearn_mm import TextTransformer

ENGLISH = [
    "The cat sat on the mat, the dog did not.",
    "A dog and a cat: two friends!",
    "Two mats (one red, one blue) and 12 dogs",
]


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


@pytest.mark.parametrize("tokenizer", ["word", "bpe", str.split])
@pytest.mark.parametrize(
    "code",
    # Direction marks and isolates, byte order mark, soft hyphen, joiners, variation
    # selectors, fillers, tags, shorthand and musical controls, annotation marks.
    [0x200F, 0x200E, 0x61C, 0x202B, 0x2067, 0x2069, 0xFEFF, 0xAD, 0x200C, 0x200D]
    + [0x2060, 0x2063, 0xFE0F, 0xE0101, 0x34F, 0x115F, 0x3164, 0xFFA0, 0x180E, 0x180B]
    + [0xE0041, 0xE0001, 0x1BCA0, 0x1D173, 0xFFF9, 0x206F],
)
def test_a_character_that_nobody_sees_changes_no_word(tokenizer, code):
    mark = chr(code)
    transformer = TextTransformer(tokenizer, min_frequency=1).fit(["word", "été", "a"])
    texts = ["word", mark + "word", "word" + mark, f"wo{mark}rd", f"e{mark}\u0301té"]
    plain, *marked, accent = transformer.transform(texts)
    assert 0 not in plain.values
    for sample in marked:
        assert_array_equal(sample.values, plain.values)
    assert_array_equal(accent.values, transformer.transform(["été"]).values)


@pytest.mark.parametrize(
    "character",
    [
        "👨\u200d👩\u200d👧",  # a family
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England
    ],
)
def test_an_emoji_of_several_characters_is_one_word(character):
    assert words_of(f"a{character}b") == ["a", character, "b"]


@pytest.mark.parametrize("word", ["می\u200cخواهم", "क्\u200dष", "क्\u200cष", "ක්\u200dෂ"])
def test_joiners_stay_where_they_change_what_is_seen(word):
    assert words_of(word) == [word]


def test_a_text_of_characters_that_nobody_sees_is_missing():
    for tokenizer in ("word", "bpe", str.split):
        transformer = TextTransformer(tokenizer, min_frequency=1).fit(["a b"])
        assert_array_equal(transformer.transform(["\u200f\ufeff\u00ad"]).lengths, [0])


def test_lines_end_alike_on_every_system():
    def split(text):
        return text.split(" ")

    transformer = TextTransformer(split, min_frequency=1)
    unix, windows = transformer.fit_transform(["one\ntwo", "one\r\ntwo"])
    assert_array_equal(unix.values, windows.values)


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


@pytest.mark.parametrize(
    "text",
    [
        "the cat, the\tcat:  the\u2028dogs\u00a0sat!",
        "naïve x\u0301 \u0301y\u00b4z ｆｕｌｌ　ｗｉｄｔｈ",
        "新手機 อะไร 👍🏽so\u200bft\x00ly İst",
    ],
)
def test_bpe_ids_are_those_of_the_library_for_the_whole_text(text):
    transformer = TextTransformer("bpe", min_frequency=1, max_tokens=None)
    transformer.fit([*ENGLISH, text[: len(text) // 2]])
    expected = transformer.tokenizer_.encode(text, add_special_tokens=False).ids
    _, block = transformer.transform([ENGLISH[0], text])
    assert_array_equal(block.values, expected)


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
