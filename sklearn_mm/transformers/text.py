"""Texts in any script, as token ids."""

import warnings
from collections import Counter
from collections.abc import Iterable
from numbers import Integral

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.readers.text import join_columns, read_text
from sklearn_mm.transformers.base import CellTransformer
from sklearn_mm.transformers.tokenization import (
    UNSPACED_SCRIPTS,
    Words,
    check_tokenizer,
    copy_ready,
    is_function,
    make_normalizer,
    make_word_splitter,
    one_thread,
    split_words,
)

UNKNOWN = "[UNK]"
PUNCTUATION = ("split", "keep", "drop")

# Texts encoded at a time: an encoding is far larger than the ids kept of it.
BATCH = 1000


class TextTransformer(CellTransformer):
    r"""Turn a column of texts into sequences of token ids.

    The vocabulary is learned in ``fit``; the same texts give the same vocabulary in
    whatever order the rows come.

    Parameters
    ----------
    tokenizer : {"word", "bpe"}, callable, tokenizers.Tokenizer or path, default="word"
        How a text becomes tokens:

        - ``"word"``: what stands between spaces. Han, kana, Thai, Lao, Khmer and
          Burmese are written without spaces and are split into single characters
          (with their vowel signs and other marks). Ids follow the frequency in the
          training rows, then the alphabet.
        - ``"bpe"``: parts of words, learned by byte-pair encoding [1]_ of characters.
          A part that begins a word begins with ``"▁"``; unspaced scripts are not
          split beforehand, so frequent words of them become tokens. Ids follow the
          order in which the parts were learned.
        - a callable from str to a list of str, whose vocabulary is learned as that of
          ``"word"``. To pickle the transformer it must be importable: no lambda.
        - a ready ``tokenizers.Tokenizer``, an object that holds one as
          ``backend_tokenizer`` (those of the transformers package), or the path of a
          ``tokenizer.json``: used as it is, with its own vocabulary, except that it
          neither adds special tokens nor pads nor truncates.
    lowercase : bool, default=True
        Whether upper and lower case are the same. Not for a ready tokenizer.
    punctuation : {"split", "keep", "drop"}, default="split"
        What becomes of punctuation (Unicode category P): each mark is a token of its
        own, stays attached to its word, or is removed, which separates words as a
        space does. Only for ``"word"`` and ``"bpe"``. Symbols (category S: emoji,
        currency, mathematics) are always tokens of their own.
    vocabulary_size : int, default=30000
        The most tokens in a learned vocabulary, the unknown token included. Of words
        the most frequent are kept.
    min_frequency : int or "auto", default="auto"
        How often a word, or for ``"bpe"`` a character or a pair to join, must occur in
        the training rows. "auto": words once, since a rare word may tell much, and the
        encoders learn the unknown token by their ``token_dropout``; for ``"bpe"``
        twice, since whatever is joined once is a whole word.
    max_tokens : int or None, default=256
        Longer texts are cut: the first tokens are kept, and one warning has the count.
        None keeps all.
    on_error : {"raise", "missing"}, default="raise"
        What becomes of a cell that is no text: an error that names its row, or a
        missing sample and one warning with the count.

    Attributes
    ----------
    vocabulary_ : dict
        The id of each token. In a learned vocabulary id 0 is ``"[UNK]"``, the unknown
        token.
    tokenizer_ : tokenizers.Tokenizer or callable
        What splits a text.
    errors_ : dict of int to str
        Of the last column that was read, by row, why cells could not be read; with
        ``on_error="missing"`` these count as missing.
    n_features_in_ : int
        Columns seen in ``fit``.
    feature_names_in_ : ndarray of str
        Their names, where X had names.

    See Also
    --------
    sklearn.feature_extraction.text.CountVectorizer : Counts of words, their order lost.

    Notes
    -----
    A cell is a string; a number is read as its text, so 1917 and 1917.0 are
    ``"1917"``. Of several columns, or of a row of numbers, the texts are joined by a
    space and the missing ones left out. Text is brought to the Unicode form NFKC, where
    full-width letters and ligatures become plain ones; control characters and the space
    without width separate words. Characters that nobody sees are left out, such as
    direction marks, the byte order mark, soft hyphens and variation selectors of
    letters; those of emoji stay, and joiners where they change what is seen: between
    emoji, after a virama, and the non-joiner between letters of cursive scripts.
    Missing cells (``None``, NaN, ``pd.NA``), empty texts, and texts without any token
    (only spaces, or only dropped punctuation) become empty sequences. A text of only
    unknown words becomes a sequence of unknown tokens.

    The output is a :class:`FeatureBlock` of the kind ``"tokens"`` with int32 ids; its
    flat view counts the tokens.

    References
    ----------
    .. [1] R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words
       with Subword Units", ACL 2016.

    Examples
    --------
    >>> from sklearn_mm import TextTransformer
    >>> texts = ["The cat, the dog.", None, "貓和狗", "a cat 😀"]
    >>> transformer = TextTransformer()
    >>> block = transformer.fit_transform(texts)
    >>> block
    FeatureBlock(4 samples, kind='tokens', token_shape=(), 12 tokens, 1 missing)
    >>> transformer.tokenize(texts)[0]
    ['the', 'cat', ',', 'the', 'dog', '.']
    >>> transformer.tokenize(texts)[2]
    ['貓', '和', '狗']
    >>> transformer.transform(["the lion"]).values
    array([2, 0], dtype=int32)
    """

    def __init__(
        self,
        tokenizer="word",
        *,
        lowercase=True,
        punctuation="split",
        vocabulary_size=30_000,
        min_frequency="auto",
        max_tokens=256,
        on_error="raise",
    ):
        self.tokenizer = tokenizer
        self.lowercase = lowercase
        self.punctuation = punctuation
        self.vocabulary_size = vocabulary_size
        self.min_frequency = min_frequency
        self.max_tokens = max_tokens
        self.on_error = on_error

    def tokenize(self, X):
        """Split texts into the tokens whose ids ``transform`` gives.

        Parameters
        ----------
        X : list, Series, array or table of n_samples texts
            As in ``transform``.

        Returns
        -------
        list of n_samples lists of str
            Aligned with the ids, so cut at ``max_tokens``; empty where missing. An
            unknown token is given as it stands in the text.
        """
        check_is_fitted(self)
        samples = super()._read(self._take(X, reset=False))
        if is_function(self.tokenizer):
            tokens = [sample or [] for sample in samples]
        else:
            encodings = self._encode(samples)
            tokens = map(_tokens_as_read, encodings, samples)
        return [list(row[: self.max_tokens]) for row in tokens]

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the flat view: ``count_<token>`` for each id.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Checked against the fitted columns, otherwise unused.

        Returns
        -------
        ndarray of str, of shape (vocabulary size,)
        """
        OneToOneFeatureMixin.get_feature_names_out(self, input_features)  # checks it
        # The ids of a ready tokenizer may leave gaps, which need names too.
        names = [f"count_[{i}]" for i in range(self._n_ids())]
        for token, i in self.vocabulary_.items():
            names[i] = f"count_{token}"
        return np.asarray(names, dtype=object)

    def _check_parameters(self):
        super()._check_parameters()
        check_tokenizer(self.tokenizer)
        if self.punctuation not in PUNCTUATION:
            raise ValueError(
                f"punctuation must be one of {PUNCTUATION}, found {self.punctuation!r}"
            )
        smallest = {"vocabulary_size": 2, "min_frequency": 1, "max_tokens": 1}
        for name, least in smallest.items():
            value = getattr(self, name)
            if (name, value) in (("max_tokens", None), ("min_frequency", "auto")):
                continue
            if not isinstance(value, Integral) or value < least:
                raise ValueError(
                    f"{name} must be an int of at least {least}, found {value!r}"
                )

    def _take(self, X, *, reset):
        """Take X as a column; the cells of a row of several columns are one text."""
        return join_columns(super()._take(X, reset=reset))

    def _read(self, column):
        """Read texts, and split them where it is not the library that does so."""
        texts = super()._read(column)
        if is_function(self.tokenizer):
            return Words.from_tokens(tokens or [] for tokens in texts)
        if self.tokenizer == "word":
            split = make_word_splitter(self.lowercase, self.punctuation)
            return Words.from_texts((text or "" for text in texts), split)
        return texts

    def _read_cell(self, cell):
        """Read a text; where the tokenizer is a callable, the tokens of it."""
        text = read_text(cell)
        if text is not None and is_function(self.tokenizer):
            text = self.tokenizer(make_normalizer(self.lowercase).normalize_str(text))
            return _check_tokens(text)
        return text

    def _learn(self, samples):
        if isinstance(samples, Words):
            frequent = _most_frequent(samples.counts(), self._min_frequency())
            self.vocabulary_ = self._index(frequent)
            is_word = self.tokenizer == "word"
            self.tokenizer_ = self._word_tokenizer() if is_word else self.tokenizer
            any_token = bool(samples.distinct)
        else:
            present = [sample for sample in samples if sample is not None]
            with one_thread():
                self.tokenizer_ = self._fitted_tokenizer(present)
            ids = self.tokenizer_.get_vocab()
            self.vocabulary_ = dict(sorted(ids.items(), key=lambda item: item[1]))
            any_token = bool(present)
        if any_token and len(self.vocabulary_) == 1:
            warnings.warn(
                f"no token occurs min_frequency={self._min_frequency()} times in the "
                "training rows: every token is unknown. Lower min_frequency.",
                UserWarning,
                stacklevel=4,
            )

    def _fitted_tokenizer(self, texts):
        """Learn parts of words, or copy a ready tokenizer."""
        if self.tokenizer == "bpe":
            return self._learn_parts(texts)
        return copy_ready(self.tokenizer)

    def _word_tokenizer(self):
        """Make the tokenizer of the library that gives the same ids."""
        from tokenizers import Tokenizer, models

        tokenizer = Tokenizer(models.WordLevel(self.vocabulary_, unk_token=UNKNOWN))
        tokenizer.normalizer = make_normalizer(self.lowercase)
        tokenizer.pre_tokenizer = split_words(self.punctuation, UNSPACED_SCRIPTS)
        return tokenizer

    def _learn_parts(self, texts):
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
        tokenizer.normalizer = make_normalizer(self.lowercase)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [split_words(self.punctuation), pre_tokenizers.Metaspace(split=False)]
        )
        # The characters are chosen here: where the trainer has to leave some out,
        # which of equally frequent ones it drops is left to chance.
        counts = Counter()
        pieces = Words.from_tokens(text.split() for text in texts)
        for piece, count in pieces.counts().items():
            piece = tokenizer.normalizer.normalize_str(piece)
            for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(piece):
                for character in word:
                    counts[character] += count
        alphabet = _most_frequent(counts, self._min_frequency())
        alphabet = alphabet[: self.vocabulary_size - 1]
        trainer = trainers.BpeTrainer(
            vocab_size=self.vocabulary_size,
            min_frequency=self._min_frequency(),
            special_tokens=[UNKNOWN],
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return tokenizer

    def _min_frequency(self):
        if self.min_frequency != "auto":
            return self.min_frequency
        return 2 if self.tokenizer == "bpe" else 1

    def _index(self, tokens):
        """Give each token an id; the unknown token has 0."""
        tokens = [token for token in tokens if token != UNKNOWN]
        tokens = [UNKNOWN, *tokens[: self.vocabulary_size - 1]]
        return {token: i for i, token in enumerate(tokens)}

    def _n_ids(self):
        return max(self.vocabulary_.values()) + 1

    def _to_block(self, samples):
        if isinstance(samples, Words):
            ids = [self.vocabulary_.get(word, 0) for word in samples.distinct]
            values = np.array(ids, dtype=np.int32)[samples.block.values]
            offsets = samples.block.offsets
        elif self.tokenizer == "bpe":
            # No part reaches across a space, so each distinct piece is encoded once.
            pieces, texts = Words.from_tokens((text or "").split() for text in samples)
            parts = self._encode_ids(pieces)[texts.values]
            values, offsets = parts.values, parts.offsets[texts.offsets]
        else:
            block = self._encode_ids(samples)
            values, offsets = block.values, block.offsets
        self._warn_of_cut(np.diff(offsets))
        values, offsets = _cut(values, offsets, self.max_tokens)
        return FeatureBlock(values, offsets, "tokens", vocabulary_size=self._n_ids())

    def _warn_of_cut(self, lengths):
        """Warn once with the count of texts that have more than max_tokens tokens."""
        n_cut = 0 if self.max_tokens is None else int((lengths > self.max_tokens).sum())
        if n_cut:
            warnings.warn(
                f"{n_cut} of {len(lengths)} texts have more than "
                f"max_tokens={self.max_tokens} tokens and are cut, the longest has "
                f"{lengths.max()}. Raise max_tokens; None keeps all.",
                UserWarning,
                stacklevel=4,
            )

    def _encode_ids(self, texts):
        """Encode each text as its ids: a FeatureBlock."""
        rows = ([] if e is None else e.ids for e in self._encode(texts))
        return FeatureBlock.from_samples(
            [np.asarray(row, dtype=np.int32) for row in rows],
            "tokens",
            dtype=np.int32,
            vocabulary_size=self._n_ids(),
        )

    def _encode(self, texts):
        """Yield the ``tokenizers.Encoding`` of each text, None where missing."""
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            present = [text for text in batch if text is not None]
            with one_thread():
                encodings = iter(
                    self.tokenizer_.encode_batch(present, add_special_tokens=False)
                )
            for text in batch:
                yield None if text is None else next(encodings)


def _check_tokens(found):
    """Take what a callable gave for a text as a list of str."""
    is_list = isinstance(found, Iterable) and not isinstance(found, str | bytes)
    tokens = list(found) if is_list else None
    if tokens is None or not all(isinstance(token, str) for token in tokens):
        raise TypeError(
            "tokenizer must turn a str into a list of str, found "
            f"{found if tokens is None else tokens!r}"
        )
    return tokens


def _tokens_as_read(encoding, text):
    """Give the tokens of an encoding, an unknown one as it stands in the text."""
    if encoding is None:
        return []
    return [
        text[start:end] if token == UNKNOWN else token
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)
    ]


def _most_frequent(counts, min_frequency):
    """Sort what is frequent enough by frequency, then by alphabet."""
    frequent = [token for token, count in counts.items() if count >= min_frequency]
    return sorted(sorted(frequent), key=counts.get, reverse=True)


def _cut(values, offsets, max_tokens):
    """Keep the first tokens of each text."""
    lengths = np.diff(offsets)
    if max_tokens is None or not np.any(lengths > max_tokens):
        return values, offsets
    position = np.arange(len(values)) - np.repeat(offsets[:-1], lengths)
    cut = np.minimum(lengths, max_tokens)
    return values[position < max_tokens], np.concatenate([[0], np.cumsum(cut)])
