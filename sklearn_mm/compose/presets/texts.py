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
    linear = LogisticRegression(C=3, max_iter=1000)
    terms = make_terms(columns, n_rows)
    return (
        Pipeline([("terms", terms), ("linear", PerOutputClassifier(linear))]),
        Pipeline([("terms", terms), ("linear", Ridge(alpha=3))]),
    )


def make_terms(columns, n_rows):
    """Make a transformer of text columns into a sparse matrix of weights of n-grams.

    Parameters
    ----------
    columns : list of (key, TextColumn)
        As for :func:`make_text_models`.
    n_rows : int
        How many texts there are.

    Returns
    -------
    Pipeline or ColumnTransformer
    """
    made = [(key, _make_ngrams(column, n_rows)) for key, column in columns]
    if len(made) == 1 and made[0][0] is None:
        return made[0][1]
    steps = [(f"text{i}", ngrams, key) for i, (key, ngrams) in enumerate(made)]
    return ColumnTransformer(steps, sparse_threshold=1.0)


def _make_ngrams(column, n_rows):
    settings = {
        "sublinear_tf": True,
        "min_df": 2 if n_rows >= MANY_ROWS else 1,
        "max_features": MAX_TERMS,
    }
    kinds = []
    if column.are_names:
        kinds.append(("names", TfidfVectorizer(analyzer=split_names, **settings)))
    else:
        words = TfidfVectorizer(
            tokenizer=split_words,
            token_pattern=None,
            ngram_range=WORD_NGRAMS,
            **settings,
        )
        kinds.append(("words", words))
    # Letters tell what a rare word is; on prose they are slow, and made it worse.
    if not column.are_names and column.is_short:
        letters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=LETTER_NGRAMS, **settings
        )
        kinds.append(("letters", letters))
    ngrams = FeatureUnion(kinds) if len(kinds) > 1 else kinds[0][1]
    return Pipeline([("texts", FunctionTransformer(as_texts)), ("ngrams", ngrams)])


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
