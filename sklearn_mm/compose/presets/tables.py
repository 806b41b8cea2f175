"""Tables: numbers, categories, dates, names and condensed texts, boosted together."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
from sklearn.utils.validation import check_is_fitted

from sklearn_mm.compose.presets.cells import as_categories, as_numbers, as_texts
from sklearn_mm.compose.presets.outputs import PerOutputClassifier, PerOutputRegressor
from sklearn_mm.compose.presets.texts import Components, make_terms, split_names
from sklearn_mm.compose.target import are_classes
from sklearn_mm.transformers.dates import PARTS, DateTransformer

# Of fewer rows than this, trees are small and few.
FEW_ROWS = 1000

# Of more features than this, there are fewer trees.
MANY_FEATURES = 200

N_COMPONENTS = 60


def make_table_models(columns, n_rows, random_state):
    """Make boosted trees over columns of all kinds.

    Parameters
    ----------
    columns : dict of str to list
        Keys of the columns by kind: "category" (few values), "number", "date", "name"
        (many values that repeat); and under "text" a list of (key, TextColumn).
    n_rows : int
        How many rows there are.
    random_state : int, RandomState instance or None
        Of components, folds and trees.

    Returns
    -------
    classifier, regressor : Pipeline
    """
    categories = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )
    steps = [
        ("categories", _after(as_categories, categories), columns.get("category")),
        ("numbers", FunctionTransformer(as_numbers), columns.get("number")),
        ("dates", DateTransformer(), columns.get("date")),
        (
            "names",
            _after(as_categories, TargetMeans(random_state=random_state)),
            columns.get("name"),
        ),
    ]
    steps += _condense(columns.get("text", []), n_rows, random_state)
    steps = [step for step in steps if step[2]]
    joined = ColumnTransformer(steps, sparse_threshold=0)
    n_categories = len(columns.get("category") or [])
    settings = {
        "categorical_features": list(range(n_categories)) or None,
        "early_stopping": False,
        "random_state": random_state,
        **_sizes(n_rows, sum(_count_features(step) for step in steps)),
    }
    classifier = PerOutputClassifier(HistGradientBoostingClassifier(**settings))
    regressor = PerOutputRegressor(HistGradientBoostingRegressor(**settings))
    return (
        Pipeline([("columns", joined), ("boosting", classifier)]),
        Pipeline([("columns", joined), ("boosting", regressor)]),
    )


def _condense(texts, n_rows, random_state):
    """Make components of each column of long texts, and of all short ones together."""
    long = [[text] for text in texts if not text[1].is_short]
    short = [text for text in texts if text[1].is_short]
    steps = []
    for number, group in enumerate([*long, short] if short else long):
        keys = [key for key, _ in group]
        # Within the step the columns are these, by name or by their place.
        inner = [
            (key if isinstance(key, str) else place, column)
            for place, (key, column) in enumerate(group)
        ]
        terms = make_terms(inner, n_rows, letters=False)
        components = Components(N_COMPONENTS, random_state=random_state)
        condensed = Pipeline([("terms", terms), ("components", components)])
        steps.append((f"texts{number}", condensed, keys))
    return steps


def _count_features(step):
    """Count, roughly, what a step of the columns gives."""
    name, _, columns = step
    if name.startswith("texts"):
        return N_COMPONENTS
    return len(columns) * {"dates": len(PARTS), "names": 4}.get(name, 1)


def _sizes(n_rows, n_features):
    """Choose the size of the trees by rows and features."""
    if n_rows < FEW_ROWS:
        sizes = {
            "max_iter": 100,
            "max_leaf_nodes": 8,
            "min_samples_leaf": max(2, min(20, n_rows // 20)),
            "l2_regularization": 1.0,
        }
    else:
        # On validation rows of movies, seeds 0 to 2, R2 .464; 300 trees of 15 leaves
        # and no penalty had .458, and 350 slower trees .466 for 1.6 times the time.
        sizes = {
            "max_iter": 200,
            "max_leaf_nodes": 31,
            "max_features": 0.5,
            "l2_regularization": 5.0,
        }
    # Of many features fewer trees that learn faster: the time is that of both.
    share = min(1.0, MANY_FEATURES / n_features)
    sizes["max_iter"] = max(50, int(sizes["max_iter"] * share))
    return {**sizes, "learning_rate": min(0.2, 0.05 / share)}


def _after(function, transformer):
    return Pipeline([("cells", FunctionTransformer(function)), ("encode", transformer)])


class TargetMeans(TransformerMixin, BaseEstimator):
    """Encode lists of names by the mean target of each, and by how often it occurs.

    "Ethan Coen, Joel Coen" is two names, whose means are averaged; a missing cell is a
    name, too. Of numbers there is a mean for each output, of classes one for each, or
    for the second of two. Beside it stand the logarithms of how many other training
    rows have the names, that of the commonest and their mean, and the number of names.

    In ``fit_transform`` the mean of a row is that of other rows.

    Parameters
    ----------
    smooth : float, default=5.0
        Rows of the mean of all that are added to those of each name.
    random_state : int, RandomState instance or None, default=None
        Of the folds.
    """

    def __init__(self, *, smooth=5.0, random_state=None):
        self.smooth = smooth
        self.random_state = random_state

    def fit(self, X, y):
        """Learn the means; for features of the same rows use ``fit_transform``."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X, y):
        """Learn the means, and give each row those of other rows."""
        targets = _as_numbers_to_average(y)
        folds = []
        if len(targets) > 1:
            n_folds = min(5, len(targets))
            folds = KFold(n_folds, shuffle=True, random_state=self.random_state)
            folds = list(folds.split(targets))
        self.vectorizers_, self.deviations_, self.counts_, found = [], [], [], []
        for cells in np.asarray(X, dtype=object).T:
            vectorizer = CountVectorizer(analyzer=split_names, binary=True)
            names = vectorizer.fit_transform(as_texts(cells)).astype(np.float64)
            means = np.repeat(targets[:1], len(targets), axis=0)
            for kept, left in folds:
                centre, deviations = self._learn(names[kept], targets[kept])
                means[left] = centre + _average(names[left], deviations)
            self.centre_, deviations = self._learn(names, targets)
            counts = np.asarray(names.sum(axis=0)).ravel()
            found += [means, _tell_counts(names, counts - 1)]
            self.vectorizers_.append(vectorizer)
            self.deviations_.append(deviations)
            self.counts_.append(counts)
        return np.hstack(found)

    def transform(self, X):
        """Give means and counts: (n_samples, n_columns * (n_means + 3))."""
        check_is_fitted(self)
        found = []
        learned = zip(self.vectorizers_, self.deviations_, self.counts_, strict=True)
        for cells, (vectorizer, deviations, counts) in zip(
            np.asarray(X, dtype=object).T, learned, strict=True
        ):
            names = vectorizer.transform(as_texts(cells)).astype(np.float64)
            means = self.centre_ + _average(names, deviations)
            found += [means, _tell_counts(names, counts)]
        return np.hstack(found)

    def _learn(self, names, targets):
        """Give the mean of all, and what that of each name is more, shrunk."""
        centre = targets.mean(axis=0)
        counts = np.asarray(names.sum(axis=0)).ravel()
        return centre, names.T @ (targets - centre) / (counts + self.smooth)[:, None]


def _as_numbers_to_average(y):
    """Give numbers, or an indicator of each class: (n_samples, n_means)."""
    y = np.asarray(y)
    columns = []
    for output in [y] if y.ndim == 1 else y.T:
        if output.dtype.kind in "iuf" and not are_classes(output):
            columns.append(output[:, None])
            continue
        classes = np.unique(output)
        columns.append(output[:, None] == classes[len(classes) == 2 :])
    return np.hstack(columns).astype(np.float64)


def _average(names, values):
    """Average over the names of each row; of none that is known it is zero."""
    n_names = np.asarray(names.sum(axis=1))
    return (names @ values) / np.maximum(n_names, 1).reshape(-1, 1)


def _tell_counts(names, counts):
    """Tell how common the names of each row are, and how many: (n_samples, 3)."""
    logs = np.log1p(counts)
    commonest = names.multiply(logs).max(axis=1).toarray()
    n_names = np.asarray(names.sum(axis=1)).reshape(-1, 1)
    return np.hstack([commonest, _average(names, logs[:, None]), n_names])
