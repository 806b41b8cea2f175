"""The classical pipelines of ``accuracy.py``: the best that we could build of each.

For each data set a list of (name, pipeline) that read a table; ``make_stack`` puts a
linear model on what they predict for rows they were not trained on.
"""

import sys
from functools import partial

import numpy as np
from accuracy_data import MOVIE_NUMBERS, REVIEW_CATEGORIES, REVIEW_NUMBERS
from classical_features import (
    ALL_SENSORS,
    make_components,
    make_hog_and_colours,
    make_mfcc_statistics,
    make_movie_terms,
    make_ngrams,
    make_smooth_pixels,
    make_spectrogram,
    make_window_statistics,
)
from scipy.special import logit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC

N_INNER = 5


def make_digit_models(seed):
    letters = make_ngrams("text", words=None, letters=(1, 4))
    return [
        ("image, PCA, SVM", make_pipeline(make_smooth_pixels(), _svm(3))),
        ("text, n-grams", make_pipeline(letters, _logistic(10))),
        ("audio, log-mel, SVM", make_pipeline(make_spectrogram(), _svm(3))),
        ("audio, MFCC", make_pipeline(make_mfcc_statistics(), _logistic(0.1))),
    ]


def make_movie_models(seed):
    # Ranks for the linear model, and whether a number is missing.
    ranks = make_pipeline(
        QuantileTransformer(n_quantiles=100, output_distribution="normal"),
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
    )
    linear = make_column_transformer((ranks, MOVIE_NUMBERS))
    directed = make_components(
        make_movie_terms(), MOVIE_NUMBERS, 60, ["Director", "Genre"]
    )
    boosting = partial(
        HistGradientBoostingRegressor,
        max_iter=300,
        learning_rate=0.05,
        random_state=seed,
    )
    numbers = make_column_transformer(("passthrough", MOVIE_NUMBERS))
    both = make_union(make_movie_terms(), linear)
    return [
        ("numbers, boosting", make_pipeline(numbers, boosting(max_iter=100))),
        ("text, TF-IDF, ridge", make_pipeline(make_movie_terms(), Ridge(3))),
        ("all, ridge", make_pipeline(both, Ridge(3))),
        ("all, boosting", make_pipeline(directed, boosting())),
        *_skrub(HistGradientBoostingRegressor(random_state=seed)),
    ]


def make_watch_models(seed):
    def trees():
        return ExtraTreesClassifier(500, random_state=seed)

    every = make_window_statistics(ALL_SENSORS)
    alone = [
        (f"{name}, trees", make_pipeline(make_window_statistics([name]), trees()))
        for name in ALL_SENSORS
    ]
    return [
        *alone,
        ("all, trees", make_pipeline(every, trees())),
        ("all, SVM", make_pipeline(every, StandardScaler(), _svm(10))),
        ("all, linear", make_pipeline(every, StandardScaler(), _logistic(0.1))),
    ]


def make_emoji_models(seed):
    ngrams = make_ngrams("name", words=(1, 2), letters=(2, 5))
    return [
        ("image, HOG + colour, SVM", make_pipeline(make_hog_and_colours(), _svm(10))),
        ("name, n-grams", make_pipeline(ngrams, _logistic(30))),
    ]


def make_review_models(seed):
    def words(column):
        return make_ngrams(column, min_df=2)

    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = make_column_transformer(
        (StandardScaler(), REVIEW_NUMBERS), (categories, REVIEW_CATEGORIES)
    )
    boosting = partial(HistGradientBoostingClassifier, random_state=seed)
    condensed = make_components(
        make_union(words("Review Text"), words("Title")), REVIEW_NUMBERS, 100
    )
    every = make_union(words("Review Text"), words("Title"), numbers)
    return [
        ("numbers, boosting", make_pipeline(numbers, boosting(max_iter=50))),
        ("review, TF-IDF", make_pipeline(words("Review Text"), _logistic(3))),
        ("title, TF-IDF", make_pipeline(words("Title"), _logistic(1))),
        ("all, TF-IDF", make_pipeline(every, _logistic(3))),
        ("all, boosting", make_pipeline(condensed, boosting(learning_rate=0.05))),
        *_skrub(boosting()),
    ]


CLASSICAL = {
    "av_digits": make_digit_models,
    "movies": make_movie_models,
    "watch": make_watch_models,
    "emoji": make_emoji_models,
    "reviews": make_review_models,
    "rating": make_review_models,
}


def make_stack(data, regression, seed, splits):
    """Stack all pipelines of a data set.

    Parameters
    ----------
    data : str
        Key of ``CLASSICAL``.
    regression : bool
        Whether the target is a number.
    seed : int
        Of all models.
    splits : list of (ndarray, ndarray)
        Of the training rows, by :func:`split_training`.

    Returns
    -------
    StackingRegressor or StackingClassifier
    """
    models = CLASSICAL[data](seed)
    if regression:
        return StackingRegressor(models, RidgeCV(np.logspace(-1, 4, 6)), cv=splits)
    final = make_pipeline(FunctionTransformer(_to_scores), _logistic(0.1))
    return StackingClassifier(models, final, cv=splits, stack_method="predict_proba")


def split_training(y, groups, regression, seed):
    """Split training rows as the test is split from them: with groups, by these."""
    if groups is not None:
        splits = GroupKFold(N_INNER, shuffle=True, random_state=seed)
    elif regression:
        splits = KFold(N_INNER, shuffle=True, random_state=seed)
    else:
        splits = StratifiedKFold(N_INNER, shuffle=True, random_state=seed)
    return list(splits.split(y, y, groups))


def _to_scores(probabilities):
    return logit(np.clip(probabilities, 1e-3, 1 - 1e-3))


def _svm(C):
    """Make a support vector machine with the radial kernel, and probabilities."""
    return CalibratedClassifierCV(SVC(C=C), cv=3, ensemble=False)


def _logistic(C):
    return LogisticRegression(C=C, max_iter=2000)


def _skrub(learner):
    """Give skrub's pipeline, or nothing and a word where skrub is not installed."""
    try:
        from skrub import tabular_pipeline
    except ImportError:
        print("skrub is left out: pip install --no-deps skrub", file=sys.stderr)
        return []
    return [("skrub", tabular_pipeline(learner))]
