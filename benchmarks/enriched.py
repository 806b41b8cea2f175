"""Unions of ``accuracy.py`` with classical features as further modalities.

What the classical pipelines learn from, as vectors beside the raw cells: any
transformer of scikit-learn is a member of a union.
"""

from accuracy_data import DATASETS, MOVIE_TEXTS
from classical_features import (
    ALL_SENSORS,
    make_hog_and_colours,
    make_movie_terms,
    make_ngrams,
    make_window_statistics,
)
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

N_COMPONENTS = 60


def _condense(terms, seed):
    return make_pipeline(terms, TruncatedSVD(N_COMPONENTS, random_state=seed))


def _movie_vectors(seed):
    return [("terms", _condense(make_movie_terms(), seed), MOVIE_TEXTS)]


def _watch_vectors(seed):
    statistics = make_pipeline(make_window_statistics(ALL_SENSORS), StandardScaler())
    return [("statistics", statistics, list(ALL_SENSORS))]


def _emoji_vectors(seed):
    components = PCA(N_COMPONENTS, random_state=seed)
    hog = make_pipeline(make_hog_and_colours(), components)
    ngrams = make_ngrams("name", words=(1, 2), letters=(2, 5))
    return [("hog", hog, ["image"]), ("n-grams", _condense(ngrams, seed), ["name"])]


def _review_vectors(seed):
    texts = ["Review Text", "Title"]
    ngrams = make_union(*(make_ngrams(column, min_df=2) for column in texts))
    return [("n-grams", _condense(ngrams, seed), texts)]


VECTORS = {
    "movies": _movie_vectors,
    "watch": _watch_vectors,
    "emoji": _emoji_vectors,
    "reviews": _review_vectors,
}


def make_enriched_features(data, seed):
    """Build the union of a data set with its vectors.

    Parameters
    ----------
    data : str
        Key of ``VECTORS``.
    seed : int
        Of the components.

    Returns
    -------
    MultimodalFeatureUnion
    """
    union = DATASETS[data].make_features()
    return union.set_params(transformers=[*union.transformers, *VECTORS[data](seed)])
