"""Texts: n-grams of words, letters and names, and a linear model."""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mm.compose.presets.cells import as_texts
from sklearn_mm.compose.presets.outputs import PerOutputClassifier
from sklearn_mm.transformers.tokenization import make_word_splitter

# With this many rows, what stands in one of them is left out.
MANY_ROWS = 2000

# The most n-grams of a kind.
MAX_TERMS = 100_000

WORD_NGRAMS, LETTER_NGRAMS = (1, 2), (1, 4)

# Texts of fewer words, by the median, are short: names, titles, tags.
SHORT = 8


@dataclass(frozen=True)
class TextColumn:
    """What is known of a column of texts.

    Attributes
    ----------
    n_words : float
        Median words of a text.
    are_names : bool
        Whether they are names, or lists of names, and not prose.
    """

    n_words: float
    are_names: bool = False

    @property
    def is_short(self):
        """Whether the texts are short."""
        return self.n_words < SHORT


def make_text_models(columns, n_rows):
    """Make linear models of the n-grams of texts.

    Parameters
    ----------
    columns : list of (key, TextColumn)
        The columns; a key of None is the only one, given as a column.
    n_rows : int
        How many texts there are.

    Returns
    -------
    classifier, regressor : Pipeline
    """
    terms = make_terms(columns, n_rows)
    shrinking = _shrinking(columns)
    linear = LogisticRegression(C=6 / shrinking, max_iter=1000)
    return (
        Pipeline([("terms", terms), ("linear", PerOutputClassifier(linear))]),
        Pipeline([("terms", terms), ("linear", Ridge(alpha=shrinking))]),
    )


def _shrinking(columns):
    """Say how much to shrink the weights of the n-grams of some columns."""
    # Each kind of n-grams is a vector of length one, so that more need more shrinking.
    n_kinds = sum(len(_kinds(column, letters=True)) for _, column in columns)
    return max(2.0, 1.5 * n_kinds)


def make_count_models(columns, n_rows):
    """Make models that differ from those of :func:`make_text_models`.

    Of classes naive Bayes, which weighs each n-gram by itself, in the complement form,
    which bears rare classes (Rennie et al., 2003). It has no counterpart for numbers;
    of these ridge regression on words without letters.

    Parameters
    ----------
    columns, n_rows
        As for :func:`make_text_models`.

    Returns
    -------
    classifier, regressor : Pipeline

    References
    ----------
    Rennie, J., Shih, L., Teevan, J. and Karger, D. (2003). Tackling the poor
    assumptions of naive Bayes text classifiers. ICML.
    """
    bayes = PerOutputClassifier(ComplementNB(alpha=0.3))
    words = make_terms(columns, n_rows, letters=False)
    return (
        Pipeline([("terms", make_terms(columns, n_rows)), ("bayes", bayes)]),
        Pipeline([("terms", words), ("linear", Ridge(alpha=_shrinking(columns)))]),
    )


def make_terms(columns, n_rows, *, letters=True):
    """Make a transformer of text columns into a sparse matrix of weights of n-grams.

    Parameters
    ----------
    columns : list of (key, TextColumn)
        As for :func:`make_text_models`.
    n_rows : int
        How many texts there are.
    letters : bool, default=True
        Whether to take the letters of short texts, too.

    Returns
    -------
    Pipeline or ColumnTransformer
    """
    made = [(key, _make_ngrams(column, n_rows, letters)) for key, column in columns]
    if len(made) == 1 and made[0][0] is None:
        return made[0][1]
    steps = [(f"text{i}", ngrams, key) for i, (key, ngrams) in enumerate(made)]
    return ColumnTransformer(steps, sparse_threshold=1.0)


def _kinds(column, letters):
    """List the kinds of n-grams that serve a column."""
    kinds = ["words"]
    # Letters tell what a rare word is; on prose they are slow, and made it worse.
    if column.is_short and letters:
        kinds.append("letters")
    if column.are_names:
        kinds.append("names")
    return kinds


def _make_ngrams(column, n_rows, letters):
    settings = {
        "sublinear_tf": True,
        "min_df": 2 if n_rows >= MANY_ROWS else 1,
        "max_features": MAX_TERMS,
    }
    own = {
        "words": {
            "tokenizer": split_words,
            "token_pattern": None,
            "ngram_range": WORD_NGRAMS,
        },
        "letters": {"analyzer": "char_wb", "ngram_range": LETTER_NGRAMS},
        "names": {"analyzer": split_names},
    }
    kinds = [
        (kind, TfidfVectorizer(**own[kind], **settings))
        for kind in _kinds(column, letters)
    ]
    texts = ("texts", FunctionTransformer(as_texts))
    return Pipeline([texts, ("ngrams", FeatureUnion(kinds))])


def split_names(text):
    """Split a list of names: "Ethan Coen, Joel Coen (script)" is two.

    Examples
    --------
    >>> split_names("Ethan Coen, Joel Coen (script)")
    ['ethan coen', 'joel coen']
    """
    names = re.split(r"[,;|/]\s*", re.sub(r"\([^)]*\)", "", text.lower()))
    return [name for name in map(str.strip, names) if name] or [text]


@lru_cache(maxsize=1)
def _splitter():
    return make_word_splitter(lowercase=True, punctuation="split")


def split_words(text):
    """Split a text into words as :class:`TextTransformer` does.

    Examples
    --------
    >>> split_words("the cat's 貓和")
    ['the', 'cat', "'", 's', '貓', '和']
    """
    split = _splitter()
    return [word for chunk in text.split() for word in split(chunk)]


class Components(TransformerMixin, BaseEstimator):
    """Condense a matrix to a few numbers, or leave it where it has few.

    Parameters
    ----------
    n_components : int, default=60
        The most numbers a row.
    random_state : int, RandomState instance or None, default=None
        Of :class:`sklearn.decomposition.TruncatedSVD`.
    """

    def __init__(self, n_components=60, *, random_state=None):
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn the components of a dense or sparse matrix."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X, y=None):
        """Learn the components, and give those of each row: (n_samples, n)."""
        self.n_features_in_ = X.shape[1]
        self.svd_ = None
        if min(X.shape) <= self.n_components:
            return _dense(X)
        self.svd_ = TruncatedSVD(self.n_components, random_state=self.random_state)
        return self.svd_.fit_transform(X)

    def transform(self, X):
        """Give the components of each row."""
        return _dense(X) if self.svd_ is None else self.svd_.transform(X)


def _dense(X):
    return X.toarray() if hasattr(X, "toarray") else np.asarray(X)
