"""The parts of a tokenizer, from the tokenizers library."""

import os
import re
import string
import unicodedata
from collections import defaultdict
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sklearn_mm.blocks import FeatureBlock

# Written without spaces between words; U+30FC is the long vowel of the kana.
UNSPACED_SCRIPTS = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\u30FC\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
)

# The marks of ASCII that are Unicode's symbols, category S; the others are category P.
SYMBOLS = "$+<=>^`|~"
NO_MARKS = str.maketrans("", "", string.punctuation)

# From here on, scripts are written without spaces or have rules of their own.
FIRST_UNSPACED = "\u0e00"

# Their lower case depends on what follows, or is two characters: dotted I, Sigma.
IRREGULAR = ("\u0130", "\u03a3")


@lru_cache
def make_normalizer(lowercase):
    """Make what brings a text to one form: NFKC, plain spaces, lower case."""
    from tokenizers import Regex
    from tokenizers.normalizers import NFKC, Lowercase, Replace, Sequence

    steps = [
        Replace("\r\n", " "),
        # First, as they stand between a letter and its accent.
        Replace(Regex(_invisible()), ""),
        NFKC(),
        Replace(Regex(r"[\p{Cc}\u200B]"), " "),
    ]
    return Sequence([*steps, Lowercase()] if lowercase else steps)


def _invisible():
    r"""Give the pattern of characters that nobody sees, which are left out.

    Unicode's Default_Ignorable_Code_Point: direction marks, the byte order mark, soft
    hyphens, variation selectors, fillers. Some stay where they make a difference that
    can be seen: the selectors of emoji, the joiner between emoji (a family is one), the
    tags of flags, both joiners after a virama of Indic scripts, and the non-joiner
    between letters of cursive scripts (Persian has it within words). The space without
    width, U+200B, separates words of scripts that have no other space.
    """
    viramas = "".join(
        chr(code)
        for code in range(0x900, 0x12000)
        if unicodedata.combining(chr(code)) == 9
    )
    cursive = r"[\p{Arabic}\p{Syriac}\p{Mongolian}\p{Nko}\p{Mandaic}]"
    emoji = "[\\p{Extended_Pictographic}\ufe0f\U0001f3fb-\U0001f3ff]"
    tags = "\U000e0020-\U000e007f"
    return "|".join(
        [
            f"[\\p{{Default_Ignorable_Code_Point}}"
            f"&&[^\u200b-\u200d\ufe0e\ufe0f{tags}]]",
            f"(?<!{emoji})(?:(?<![0-9#*])[\ufe0e\ufe0f]|[\ufe0e\ufe0f](?!\u20e3))",
            "[\ufff9-\ufffb]",
            f"(?<![\U0001f3f4{tags}])[{tags}]+",
            f"(?<![{viramas}])(?:(?<!{cursive})\u200c|\u200c(?!{cursive}))",
            f"(?<![{viramas}])(?:(?<!{emoji})\u200d|\u200d(?!{emoji}))",
        ]
    )


def split_words(punctuation, alone=""):
    r"""Split at spaces, and around symbols, punctuation and the scripts ``alone``.

    ``\X`` is a character as a reader sees it, so that an emoji with its skin tone, or
    a letter with its vowel sign, stays whole.
    """
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import Sequence, Split, WhitespaceSplit

    steps = [WhitespaceSplit()]
    if punctuation == "drop":
        steps.append(Split(Regex(r"(?=\p{P})\X"), "removed"))
    marks = r"\p{P}" if punctuation == "split" else ""
    steps.append(Split(Regex(rf"(?=[\p{{S}}{marks}{alone}])\X"), "isolated"))
    return Sequence(steps)


def make_word_splitter(lowercase, punctuation):
    """Make the function that splits a text without spaces into its words.

    Parameters
    ----------
    lowercase : bool
        Whether words are brought to lower case.
    punctuation : {"split", "keep", "drop"}
        What becomes of punctuation.

    Returns
    -------
    callable
        From str to a list of str: the same as ``make_normalizer`` and then
        ``split_words``, but several times faster for letters and digits with the
        marks of ASCII, which is most text.
    """
    normalizer = make_normalizer(lowercase)
    pre_tokenizer = split_words(punctuation, UNSPACED_SCRIPTS)
    symbols = re.escape(SYMBOLS)
    pattern = {
        "split": r"[^\W_]+|[\W_]",
        "keep": rf"[^{symbols}]+|[{symbols}]",
        "drop": rf"[^\W_]+|[{symbols}]",
    }
    find_words = re.compile(pattern[punctuation]).findall

    def split(chunk):
        if _is_plain(chunk):
            return find_words(chunk.lower() if lowercase else chunk)
        chunk = normalizer.normalize_str(chunk)
        return [word for word, _ in pre_tokenizer.pre_tokenize_str(chunk)]

    return split


def _is_plain(chunk):
    """Tell whether Python's own rules for letters and digits are those of Unicode."""
    if chunk.isascii():
        return chunk.isprintable()
    letters = chunk.translate(NO_MARKS)
    return (
        letters.isalnum()
        and max(letters) < FIRST_UNSPACED
        and not any(letter in letters for letter in IRREGULAR)
        and unicodedata.is_normalized("NFKC", chunk)
    )


class Words(NamedTuple):
    """The words of many texts, each distinct word held once.

    Attributes
    ----------
    distinct : list of str
        The words, in the order in which they first occur.
    block : FeatureBlock of kind "tokens"
        The words of each text, as positions in ``distinct``.
    """

    distinct: list
    block: FeatureBlock

    @classmethod
    def from_tokens(cls, rows):
        """Take the words of each text, a list of str."""
        numbers, lengths = defaultdict(), []
        numbers.default_factory = numbers.__len__

        def count(row):
            lengths.append(len(row))
            return row

        tokens = chain.from_iterable(map(count, rows))
        values = np.fromiter(map(numbers.__getitem__, tokens), dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        size = max(1, len(numbers))
        block = FeatureBlock(values, offsets, "tokens", vocabulary_size=size)
        return cls(list(numbers), block)

    @classmethod
    def from_texts(cls, texts, split):
        """Split texts at spaces, and each distinct piece by a function."""
        pieces, texts = cls.from_tokens(text.split() for text in texts)
        words, pieces = cls.from_tokens(map(split, pieces))
        block = pieces[texts.values]
        offsets = block.offsets[texts.offsets]
        size = block.vocabulary_size
        return cls(
            words, FeatureBlock(block.values, offsets, "tokens", vocabulary_size=size)
        )

    def counts(self):
        """Count each word: a dict."""
        counts = np.bincount(self.block.values, minlength=len(self.distinct))
        return dict(zip(self.distinct, counts.tolist(), strict=True))


def is_function(tokenizer):
    """Tell whether a tokenizer is a function from str to a list of str."""
    # The tokenizers of the transformers package can be called, too.
    return callable(tokenizer) and not hasattr(tokenizer, "backend_tokenizer")


def check_tokenizer(tokenizer):
    """Raise ValueError for what is no tokenizer."""
    from tokenizers import Tokenizer

    if callable(tokenizer) or isinstance(tokenizer, Tokenizer):
        return
    if hasattr(tokenizer, "backend_tokenizer") or tokenizer in ("word", "bpe"):
        return
    if isinstance(tokenizer, str | os.PathLike) and Path(tokenizer).is_file():
        return
    raise ValueError(
        "tokenizer must be 'word', 'bpe', a callable from str to a list of str, a "
        "tokenizers.Tokenizer, or the path of an existing tokenizer.json, found "
        f"{tokenizer!r}"
    )


def copy_ready(tokenizer):
    """Copy a ready tokenizer, so that the settings of the user's stay as they are."""
    from tokenizers import Tokenizer

    if isinstance(tokenizer, str | os.PathLike):
        text = Path(tokenizer).read_text(encoding="utf-8")
        source = f"the file {tokenizer}"
    else:
        text = getattr(tokenizer, "backend_tokenizer", tokenizer).to_str()
        source = "the given tokenizer"
    try:
        copy = Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more precise
        raise ValueError(f"tokenizer: {source} cannot be read: {error}") from error
    copy.no_padding()
    copy.no_truncation()
    return copy


@contextmanager
def one_thread():
    """Keep the tokenizers library to one thread, unless the user has chosen.

    Its threads would multiply with those of ``n_jobs``, and a fork after their use
    prints a warning. The library reads its setting from the environment only.
    """
    name = "TOKENIZERS_PARALLELISM"
    if name in os.environ:
        yield
        return
    os.environ[name] = "false"
    try:
        yield
    finally:
        os.environ.pop(name, None)
