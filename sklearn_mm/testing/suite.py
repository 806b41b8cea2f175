"""The two public functions, and which checks an estimator gets."""

import re
from copy import deepcopy
from functools import partial

from sklearn import config_context

from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.testing import contract, predictors, rows, transformers
from sklearn_mm.testing.samples import check_data, is_predictor

# Characters of an estimator in the id of a test.
MAX_ID = 120

CHECKS = [
    contract.check_clone,
    contract.check_pickle,
    contract.check_refit,
    contract.check_fitted_state_is_untouched,
    contract.check_input_is_untouched,
    contract.check_global_random_states,
    contract.check_failed_fit,
    rows.check_row_order,
    rows.check_one_row,
    rows.check_subset_of_rows,
]
CHECKS_OF_SEVERAL_MODALITIES = [
    rows.check_order_of_modalities,
    rows.check_unknown_modality,
]
CHECKS_OF_CELLS = [rows.check_containers]
CHECKS_OF_TRANSFORMERS = [
    transformers.check_missing_cells,
    transformers.check_missing_cells_in_fit,
    transformers.check_all_cells_missing,
    transformers.check_all_cells_missing_in_fit,
    transformers.check_cells_unseen_in_fit,
    transformers.check_fit_transform,
    transformers.check_feature_names,
]
CHECKS_OF_PREDICTORS = [
    predictors.check_missing_cells,
    predictors.check_missing_cells_in_fit,
    predictors.check_all_cells_missing,
    predictors.check_all_cells_missing_in_fit,
    predictors.check_row_with_nothing,
    predictors.check_probabilities,
    predictors.check_sample_weights_of_one,
]
CHECKS_OF_FEATURES = [predictors.check_neighbour_of_another_length]


def check_multimodal_estimator(
    estimator, *, X=None, y=None, expected_failed_checks=None
):
    """Check what scikit-learn's ``check_estimator`` cannot, as it knows only 2-D input.

    Missing cells in fit and in prediction, a modality that is missing everywhere,
    unequal lengths, the order of rows and of columns, one row alone, all containers of
    a column, cloning, pickling, refitting, and that neither the input nor a fitted
    state nor a global random state is changed. Three kinds of estimators can be
    checked, and X says which it is:

    - a transformer of one column: X is a list of cells. It gives a
      :class:`FeatureBlock`, or a 2-D array in which a row of NaN is missing;
    - a classifier or regressor over :class:`MultimodalFeatures`: X is these. That of
      the suite has all five kinds;
    - whatever takes a table (:class:`MultimodalFeatureUnion`, a whole pipeline): X is a
      pandas table.

    It is no substitute for ``check_estimator``: run both. An estimator that refuses
    missing modalities, such as one with ``missing="error"``, fails.

    Parameters
    ----------
    estimator : estimator
        An instance; it is cloned, and not fitted itself. Where a ``random_state`` of
        it is None, the checks set one.
    X : list of cells, MultimodalFeatures, or DataFrame, default=None
        What the estimator can be fitted on: at least four rows that differ, and no
        missing cell, as the checks make their own. Not needed for the transformers of
        this package, pipelines that begin with one, and estimators over features.
    y : array-like of shape (n_samples,), default=None
        The target that goes with X. None: labels of three classes, or numbers.
    expected_failed_checks : dict of str to str, default=None
        Names of checks to leave out, and why.

    Raises
    ------
    AssertionError
        By the first check that fails.

    See Also
    --------
    parametrize_with_multimodal_checks : The same, a test for each check.

    Examples
    --------
    A transformer of one's own, which comes with its own cells:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.base import BaseEstimator, TransformerMixin
    >>> from sklearn.utils.validation import check_is_fitted
    >>> from sklearn_mm.testing import check_multimodal_estimator
    >>> class Length(TransformerMixin, BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         self.n_features_in_ = 1
    ...         return self
    ...     def transform(self, X):
    ...         check_is_fitted(self)
    ...         return np.array([[self.measure(cell)] for cell in X], dtype=float)
    ...     def measure(self, cell):
    ...         return np.nan if pd.isna(cell) else len(cell)
    >>> expected = {"check_pickle": "its class is not in a module"}
    >>> cells = ["a", "bb", "", "four"]
    >>> check_multimodal_estimator(Length(), X=cells, expected_failed_checks=expected)

    If it forgot that cells may be missing:

    >>> class Forgetful(Length):
    ...     def measure(self, cell):
    ...         return len(str(cell))
    >>> check_multimodal_estimator(
    ...     Forgetful(), X=cells, expected_failed_checks=expected
    ... )
    Traceback (most recent call last):
        ...
    AssertionError: check_missing_cells: Forgetful: ...
    """
    expected = expected_failed_checks or {}
    for check in _checks(estimator, X, y):
        if check.__name__ not in expected:
            check(estimator)


def parametrize_with_multimodal_checks(
    estimators, *, X=None, y=None, expected_failed_checks=None
):
    """Make a pytest test of each check of :func:`check_multimodal_estimator`.

    Parameters
    ----------
    estimators : list of estimators
        Instances.
    X : list of cells, MultimodalFeatures, or DataFrame, default=None
        What all of them can be fitted on; see :func:`check_multimodal_estimator`.
    y : array-like of shape (n_samples,), default=None
        The target that goes with X.
    expected_failed_checks : callable, default=None
        Gives for an estimator a dict of names of checks that may fail, and why; their
        tests are marked xfail.

    Returns
    -------
    pytest.mark.parametrize
        Decorator of a test function of ``estimator`` and ``check``.

    See Also
    --------
    sklearn.utils.estimator_checks.parametrize_with_checks : For what is 2-D.

    Examples
    --------
    >>> from sklearn_mm import TextTransformer
    >>> from sklearn_mm.testing import parametrize_with_multimodal_checks
    >>> @parametrize_with_multimodal_checks([
    ...     TextTransformer(), TextTransformer("bpe"),
    ... ])
    ... def test_my_estimators(estimator, check):
    ...     check(estimator)
    """
    import pytest

    cases = []
    for estimator in estimators:
        failing = expected_failed_checks(estimator) if expected_failed_checks else {}
        for check in _checks(estimator, X, y):
            reason = failing.get(check.__name__)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason)]
            cases.append(pytest.param(estimator, check, marks=marks))
    return pytest.mark.parametrize(("estimator", "check"), cases, ids=_id)


def _checks(estimator, X, y):
    """List the checks of an estimator, each a function of the estimator alone."""
    X, y = check_data(estimator, X, y)
    predicts = is_predictor(estimator)
    checks = CHECKS + (CHECKS_OF_PREDICTORS if predicts else CHECKS_OF_TRANSFORMERS)
    if not isinstance(X, list):
        checks = checks + CHECKS_OF_SEVERAL_MODALITIES
    of_features = isinstance(X, MultimodalFeatures)
    checks = checks + (CHECKS_OF_FEATURES if of_features else CHECKS_OF_CELLS)
    bound = [partial(_run, check, X=X, y=y) for check in checks]
    for of_estimator, check in zip(bound, checks, strict=True):
        of_estimator.__name__ = check.__name__
    return bound


def _run(check, estimator, *, X, y):
    """Run a check, and name it and the estimator where it fails."""
    where = f"{check.__name__}: {type(estimator).__name__}"
    try:
        # Copies, so that an estimator that writes into X fails in one check only.
        check(estimator, deepcopy(X), deepcopy(y))
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{where}: it raised {found}") from error


def _id(value):
    """Name a case as scikit-learn does: the estimator, then the check."""
    if isinstance(value, partial):
        return value.__name__
    with config_context(print_changed_only=True):
        name = re.sub(r"\s", "", str(value))
    return name if len(name) <= MAX_ID else f"{name[: MAX_ID - 3]}..."
