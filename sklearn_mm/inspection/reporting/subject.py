"""The model and the rows of a report, with what is computed of them once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklearn_mm._compat import _safe_indexing
from sklearn_mm.compose import MultimodalFeatureUnion
from sklearn_mm.estimators.base import BaseAttentionFusion
from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.inspection.kinds import as_pandas
from sklearn_mm.inspection.outputs import found_model
from sklearn_mm.inspection.scoring import split_features

NO_CELLS = (
    "It needs the cells themselves: a Pipeline that begins with a "
    "MultimodalFeatureUnion, and the table."
)
NO_FEATURES = (
    "It needs to tell the modalities apart: a Pipeline with a MultimodalFeatureUnion, "
    "whose set_output is the default, or MultimodalFeatures as X."
)
NO_ATTENTION = (
    "It needs the read-out of an AttentionFusionClassifier or AttentionFusionRegressor."
)


@dataclass
class Subject:
    """What a report is about.

    Attributes
    ----------
    estimator : fitted estimator
        As it was passed; of a search the best one.
    X : table, MultimodalFeatures or array of n_samples
        The rows.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    n_examples, max_rows, scoring, seed : int, int, str or None, int
        As in :func:`sklearn_mm.inspection.report`.
    """

    estimator: object
    X: object
    y: np.ndarray
    n_examples: int
    max_rows: int
    scoring: object
    seed: int

    def __post_init__(self):
        self.estimator = found_model(self.estimator)
        check_is_fitted(self.estimator)
        check_consistent_length(self.X, self.y)
        if self.y.ndim == 2 and self.y.shape[1] == 1:
            self.y = self.y[:, 0]
        try:
            self.model, self.features = split_features(self.estimator, self.X)
        except TypeError:
            self.model, self.features = self.estimator, None

    def __len__(self):
        return len(self.y)

    @cached_property
    def union(self):
        """The fitted union that sees the cells, or None."""
        begins = isinstance(self.estimator, Pipeline) and self.estimator[0]
        is_raw = not isinstance(self.X, MultimodalFeatures)
        return begins if is_raw and isinstance(begins, MultimodalFeatureUnion) else None

    @cached_property
    def table(self):
        """The cells as a DataFrame, or None."""
        return None if self.union is None else as_pandas("report", self.X)

    @cached_property
    def inputs(self):
        """What ``model`` takes: the features, else X itself."""
        return self.X if self.features is None else self.features

    @property
    def final(self):
        """The estimator at the end."""
        last = self.estimator
        while isinstance(last, Pipeline):
            last = last[-1]
        return last

    @property
    def reads_attention(self):
        """Whether the final estimator is one whose attention can be read."""
        steps = len(self.model) if isinstance(self.model, Pipeline) else 1
        return isinstance(self.final, BaseAttentionFusion) and steps == 1

    @cached_property
    def is_classifier(self):
        """Whether there are classes to predict."""
        return is_classifier(self.estimator)

    @property
    def quantile(self):
        """The quantile that is predicted, None where it is the mean or the like."""
        if getattr(self.final, "loss", None) != "quantile":
            return None
        return getattr(self.final, "quantile", getattr(self.final, "alpha", None))

    @property
    def has_one_output(self):
        """Whether y is one label or number a row."""
        return self.y.ndim == 1

    @cached_property
    def predicted(self):
        """Predictions of the rows."""
        return np.reshape(self.model.predict(self.inputs), self.y.shape)

    @cached_property
    def probabilities(self):
        """Probabilities (n_samples, n_classes), or None where there are none."""
        if not self.is_classifier or not hasattr(self.model, "predict_proba"):
            return None
        found = self.model.predict_proba(self.inputs)
        return None if isinstance(found, list) else np.asarray(found)

    @property
    def index(self):
        """What the caller calls the rows."""
        index = getattr(self.X, "index", None)
        return index if isinstance(index, pd.Index) else pd.RangeIndex(len(self))

    def sample(self):
        """Draw the rows of the slow sections: sorted numbers, at most ``max_rows``."""
        rows = check_random_state(self.seed).permutation(len(self))[: self.max_rows]
        return np.sort(rows)

    def sampled(self, X):
        """Take the rows of :meth:`sample` from X, and from y."""
        rows = self.sample()
        return _safe_indexing(X, rows), self.y[rows]

    def describe_sample(self):
        """Say how many rows the slow sections are about."""
        if len(self) <= self.max_rows:
            return f"All {len(self):,} rows."
        return f"{self.max_rows:,} of the {len(self):,} rows, drawn at random."
