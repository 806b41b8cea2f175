"""Spec of the encoder of texts as bags of words and n-grams."""

from sklearn.base import BaseEstimator

from sklearn_mm.estimators.specs.checks import (
    check_integer,
    check_integers,
    check_kind,
    check_rate,
    check_share,
)

# The hash ends below 2**31 - 1.
MAX_BUCKETS = 2**31 - 1


class BagEncoder(BaseEstimator):
    """Bag of words and n-grams for texts: a fast baseline without recurrence.

    The mean of the embeddings of a text's words and n-grams, projected to one token:
    fastText (Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification")
    up to its hidden layer. Words far apart in a text do not meet.

    Parameters
    ----------
    embedding_size : int, default=32
        Of each word and n-gram.
    ngrams : tuple of int, default=(1, 2)
        Lengths of the n-grams, in token ids; 1 are the ids themselves. With
        ``(1, 3)`` there are single ids and triples, but no pairs.
    n_buckets : int, default=16384
        Embeddings that all n-grams of two and more share: each is hashed to one of
        them. Every training step costs time in proportion to it.
    token_dropout : float, default=0.2
        Share of the token ids that are replaced by the unknown token, id 0, in
        training, as in :class:`RNNEncoder`.
    learning_rate : float or None, default=None
        Of the encoder's weights. Warm-up and schedule scale it as they do the
        estimator's. None: the estimator's.

    Examples
    --------
    >>> from sklearn_mm import BagEncoder
    >>> BagEncoder(ngrams=(1, 2, 3))
    BagEncoder(ngrams=(1, 2, 3))
    """

    def __init__(
        self,
        embedding_size=32,
        *,
        ngrams=(1, 2),
        n_buckets=16384,
        token_dropout=0.2,
        learning_rate=None,
    ):
        self.embedding_size = embedding_size
        self.ngrams = ngrams
        self.n_buckets = n_buckets
        self.token_dropout = token_dropout
        self.learning_rate = learning_rate

    def build(self, modality, *, width, n_heads, dropout):
        """Build the torch module for a :class:`Modality` of kind "tokens"."""
        from sklearn_mm.nn import encoders

        check_kind(self, modality, ("tokens",))
        check_rate(self)
        check_integer(self, "embedding_size", minimum=1)
        check_integer(self, "n_buckets", minimum=1)
        check_integers(self, "ngrams", minimum=1)
        check_share(self, "token_dropout")
        if not self.ngrams or len(set(self.ngrams)) < len(self.ngrams):
            raise ValueError(
                "ngrams of BagEncoder must be at least one length, each of them once, "
                f"found {self.ngrams!r}"
            )
        if self.n_buckets > MAX_BUCKETS:
            raise ValueError(
                f"n_buckets of BagEncoder must be at most {MAX_BUCKETS}, found "
                f"{self.n_buckets}"
            )
        return encoders.BagEncoder(
            modality.vocabulary_size,
            embedding_size=self.embedding_size,
            ngrams=tuple(self.ngrams),
            n_buckets=self.n_buckets,
            token_dropout=self.token_dropout,
            width=width,
            dropout=dropout,
        )
