"""The suite catches transformers that are broken in one way each."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_mm import FeatureBlock
from sklearn_mm.testing import parametrize_with_multimodal_checks

CELLS = ["a bb ccc", "dddd", "ee", "f ggggg a", "hh i", "jjj ee bb a"]


class WordLengths(TransformerMixin, BaseEstimator):
    """The lengths of a text's words, over that of the longest in training."""

    def __init__(self, scale=1):
        self.scale = scale

    def fit(self, X, y=None):
        words = [len(word) for cell in X if not pd.isna(cell) for word in cell.split()]
        self.longest_ = max(words, default=1)
        return self

    def transform(self, X):
        check_is_fitted(self)
        samples = [None if pd.isna(cell) else self.measure(cell) for cell in X]
        return FeatureBlock.from_samples(
            samples, "sequence", token_shape=(1,), dtype=np.float32
        )

    def measure(self, cell):
        return np.array([[len(word)] for word in cell.split()]) / self.longest_


@parametrize_with_multimodal_checks([WordLengths()], X=CELLS)
def test_a_users_transformer_passes(estimator, check):
    check(estimator)


def test_a_transformer_that_scales_by_the_rows_beside_is_caught(is_caught):
    class Broken(WordLengths):
        def transform(self, X):
            block = super().transform(X)
            block.values = block.values / block.values.max()
            return block

    is_caught(Broken(), "check_one_row", "row 0 alone gives something else", X=CELLS)
    is_caught(
        Broken(), "check_subset_of_rows", "give something else than among all", X=CELLS
    )


def test_a_transformer_that_pads_to_the_longest_row_of_the_batch_is_caught(is_caught):
    class Broken(WordLengths):
        def transform(self, X):
            block = super().transform(X)
            padded = np.full((len(X), block.lengths.max()), np.nan, np.float32)
            for row in range(len(X)):
                padded[row, : block.lengths[row]] = block[row].values[:, 0]
            return padded

    is_caught(
        Broken(), "check_one_row", r"token_shape is \(3,\), expected \(4,\)", X=CELLS
    )


def test_a_transformer_that_knows_where_a_row_stands_is_caught(is_caught):
    class Broken(WordLengths):
        def transform(self, X):
            block = super().transform(X)
            block.values = block.values + np.repeat(np.arange(len(X)), block.lengths)[
                :, None
            ].astype(np.float32)
            return block

    is_caught(Broken(), "check_row_order", "rows in another order", X=CELLS)


def test_a_transformer_that_turns_missing_cells_into_zeros_is_caught(is_caught):
    class Broken(WordLengths):
        def transform(self, X):
            return super().transform(["" if pd.isna(cell) else cell for cell in X])

        def measure(self, cell):
            return super().measure(cell) if cell else np.zeros((1, 1))

    message = "row 0, is None and has 1 tokens, expected none"
    is_caught(Broken(), "check_missing_cells", message, X=CELLS)


@pytest.mark.parametrize("cell", [np.nan, pd.NA])
def test_a_transformer_that_knows_none_but_no_other_missing_cell_is_caught(
    is_caught, cell
):
    class Broken(WordLengths):
        def transform(self, X):
            if any(each is cell for each in X):
                raise TypeError(f"found {cell}")
            return super().transform(X)

    message = f"it raised TypeError: found {cell}"
    is_caught(Broken(), "check_missing_cells", message, X=CELLS)


def test_a_transformer_that_learns_from_missing_cells_is_caught(is_caught):
    class Broken(WordLengths):
        def fit(self, X, y=None):
            super().fit(X)
            self.longest_ += sum(map(bool, map(pd.isna, X)))
            return self

    is_caught(
        Broken(), "check_missing_cells_in_fit", "learned something from None", X=CELLS
    )


def test_a_transformer_that_gives_another_dtype_where_all_is_missing_is_caught(
    is_caught,
):
    class Broken(WordLengths):
        def transform(self, X):
            block = super().transform(X)
            if not block.missing.all():
                block.values = block.values.astype(np.float64)
            return block

    message = "the dtype is float32, expected float64"
    is_caught(Broken(), "check_all_cells_missing", message, X=CELLS)


def test_a_transformer_that_cannot_be_fitted_on_a_missing_modality_is_caught(is_caught):
    class Broken(WordLengths):
        def fit(self, X, y=None):
            self.longest_ = max(len(cell) for cell in X if not pd.isna(cell))
            return self

    is_caught(
        Broken(), "check_all_cells_missing_in_fit", "it raised ValueError", X=CELLS
    )


def test_a_transformer_that_knows_only_the_words_of_fit_is_caught(is_caught):
    class Broken(WordLengths):
        def fit(self, X, y=None):
            self.words_ = {w for c in X if not pd.isna(c) for w in c.split()}
            return super().fit(X)

        def measure(self, cell):
            if not self.words_.issuperset(cell.split()):
                raise KeyError(cell)
            return super().measure(cell)

    is_caught(Broken(), "check_cells_unseen_in_fit", "it raised KeyError", X=CELLS)


def test_a_transformer_whose_fit_transform_is_another_is_caught(is_caught):
    class Broken(WordLengths):
        def fit_transform(self, X, y=None):
            self.fit([cell[1:] if cell else cell for cell in X])
            return self.transform([cell[1:] if cell else cell for cell in X])

    is_caught(
        Broken(),
        "check_fit_transform",
        "something else than fit and transform",
        X=CELLS,
    )


class Tagged(WordLengths):
    """Transforms training rows in another way, and says so by its tag."""

    def fit_transform(self, X, y=None):
        block = self.fit(X, y).transform(X)
        block.values = block.values / 2
        return block

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


@parametrize_with_multimodal_checks([Tagged()], X=CELLS)
def test_a_transformer_whose_tag_says_that_fit_transform_is_another_passes(
    estimator, check
):
    check(estimator)


def test_of_a_transformer_with_the_tag_another_form_is_caught(is_caught):
    class Broken(Tagged):
        def fit_transform(self, X, y=None):
            return np.zeros((len(X), 7))

    is_caught(Broken(), "check_fit_transform", "kind is 'vector', expected", X=CELLS)


def test_of_a_transformer_with_the_tag_other_missing_rows_are_caught(is_caught):
    class Broken(Tagged):
        def fit_transform(self, X, y=None):
            self.fit(X, y)
            return self.transform([None, *X[1:]])

    is_caught(Broken(), "check_fit_transform", "missing in other rows", X=CELLS)


def test_a_transformer_with_too_few_feature_names_is_caught(is_caught):
    class Broken(WordLengths):
        def get_feature_names_out(self, input_features=None):
            return np.array(["length"], dtype=object)

    is_caught(Broken(), "check_feature_names", "1 names for the 3 columns", X=CELLS)


def test_a_transformer_that_writes_into_its_input_is_caught(is_caught):
    class Broken(WordLengths):
        def transform(self, X):
            X[0] = X[0] if pd.isna(X[0]) else X[0].upper()
            return super().transform(X)

    is_caught(Broken(), "check_input_is_untouched", "changed X, in 'row 0'", X=CELLS)


def test_a_transformer_that_learns_while_it_transforms_is_caught(is_caught):
    class Broken(WordLengths):
        def transform(self, X):
            block = super().transform(X)
            self.seen_ = len(X)
            return block

    message = r"changed the attributes \['seen_'\]"
    is_caught(Broken(), "check_fitted_state_is_untouched", message, X=CELLS)


def test_a_transformer_that_works_without_being_fitted_is_caught(is_caught):
    class Broken(WordLengths):
        longest_ = 5

        def fit(self, X, y=None):
            return self

        def __sklearn_is_fitted__(self):
            return True

    is_caught(Broken(), "check_clone", "gave results without being fitted", X=CELLS)


def test_a_transformer_that_changes_its_parameter_in_fit_is_caught(is_caught):
    class Broken(WordLengths):
        def fit(self, X, y=None):
            self.scale = 2
            return super().fit(X)

    is_caught(
        Broken(), "check_clone", r"fit changed the parameters \['scale'\]", X=CELLS
    )


class LosesInPickle(WordLengths):
    def __getstate__(self):
        return {**super().__getstate__(), "longest_": 1}


def test_a_transformer_that_loses_what_it_learned_in_pickling_is_caught(is_caught):
    is_caught(LosesInPickle(), "check_pickle", "after pickling it differs", X=CELLS)


def test_a_transformer_that_adds_up_over_several_fits_is_caught(is_caught):
    class Broken(WordLengths):
        def fit(self, X, y=None):
            before = getattr(self, "longest_", 0)
            super().fit(X)
            self.longest_ += before
            return self

    is_caught(Broken(), "check_refit", "after an earlier fit on fewer rows", X=CELLS)


def test_a_transformer_that_is_half_fitted_when_fit_fails_is_caught(is_caught):
    class Broken(WordLengths):
        def fit(self, X, y=None):
            self.longest_ = 1
            for cell in X:
                words = [] if pd.isna(cell) else cell.split()
                self.longest_ = max([self.longest_, *map(len, words)])
            return self

    cells = [*CELLS[:3], *CELLS[4:]]  # the longest word stands in the first half
    is_caught(Broken(), "check_failed_fit", "a cell of no known type", X=cells)


@pytest.mark.parametrize(
    ("container", "called"),
    [
        (np.ndarray, "an array of objects"),
        (pd.Series, "a pandas Series"),
        (pl.Series, "a polars Series"),
    ],
)
def test_a_transformer_that_reads_a_container_otherwise_is_caught(
    is_caught, container, called
):
    class Broken(WordLengths):
        def transform(self, X):
            X = list(X)[::-1] if isinstance(X, container) else X
            return super().transform(X)

    message = f"{called} gives something else"
    is_caught(Broken(), "check_containers", message, X=CELLS)
