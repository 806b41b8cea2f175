"""Tables: numbers, categories, dates, names and condensed texts, boosted together."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, TargetEncoder

from sklearn_mm.compose.presets.cells import as_categories, as_numbers
from sklearn_mm.compose.presets.outputs import PerOutputClassifier, PerOutputRegressor
from sklearn_mm.compose.presets.texts import Components, make_terms
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
    return len(columns) * (len(PARTS) if name == "dates" else 1)


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
        sizes = {"max_iter": 300, "max_leaf_nodes": 15, "max_features": 0.5}
    # Of many features fewer trees that learn faster: the time is that of both.
    share = min(1.0, MANY_FEATURES / n_features)
    sizes["max_iter"] = max(50, int(sizes["max_iter"] * share))
    return {**sizes, "learning_rate": min(0.2, 0.05 / share)}


def _after(function, transformer):
    return Pipeline([("cells", FunctionTransformer(function)), ("encode", transformer)])


class TargetMeans(TransformerMixin, BaseEstimator):
    """Encode names by the mean target of their rows, of each output.

    :class:`sklearn.preprocessing.TargetEncoder` for targets of several outputs, too. In
    ``fit_transform`` the mean of a row is that of other rows.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Of the folds.
    """

    def __init__(self, *, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        """Learn the means; for features of the same rows use ``fit_transform``."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X, y):
        """Learn the means, and give each row those of other rows."""
        y = np.asarray(y)
        outputs = [y] if y.ndim == 1 else list(y.T)
        self.encoders_ = [self._make_encoder(output) for output in outputs]
        found = [
            encoder.fit_transform(X, output)
            for encoder, output in zip(self.encoders_, outputs, strict=True)
        ]
        return np.hstack(found)

    def transform(self, X):
        """Give the means of the names: (n_samples, n_columns * n_means)."""
        return np.hstack([encoder.transform(X) for encoder in self.encoders_])

    def _make_encoder(self, y):
        classes, counts = np.unique(y, return_counts=True)
        is_number = y.dtype.kind in "iuf" and not are_classes(y)
        kind = "binary" if len(classes) <= 2 else "multiclass"
        splits = min(5, len(y))
        folds = KFold(splits, shuffle=True, random_state=self.random_state)
        if not is_number and counts.max() >= splits:
            folds = StratifiedKFold(
                splits, shuffle=True, random_state=self.random_state
            )
        return TargetEncoder(target_type="continuous" if is_number else kind, cv=folds)
