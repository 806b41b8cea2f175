"""CrossFitTransformer: the predictions of an estimator as features, out of fold."""

import warnings
from inspect import Parameter, signature

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.parallel import delayed
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    has_fit_parameter,
)

from sklearn_mm._compat import (
    _check_feature_names_in,
    _check_method_params,
    _raise_for_params,
    _safe_indexing,
)
from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.cache import cache_in_use, use_cache
from sklearn_mm.compose.columns import check_column_or_table
from sklearn_mm.compose.folds import split_rows
from sklearn_mm.compose.parallel import run_parallel
from sklearn_mm.compose.responses import (
    ClassResponse,
    make_response,
)
from sklearn_mm.compose.steps import for_transformer
from sklearn_mm.compose.target import (
    check_classes,
    check_numbers,
    choose_estimator,
    is_predictor,
    read_target,
)
from sklearn_mm.readers.identity import fingerprint_rows
from sklearn_mm.readers.table import missing_rows

# Of fewer rows it is no wonder that most were trained on.
MIN_ROWS_TO_WARN = 10


class TrainingRowsWarning(UserWarning):
    """Rows that an estimator was fitted on are transformed as if they were new.

    See Also
    --------
    CrossFitTransformer : Gives this warning.

    Examples
    --------
    To score a model on its training rows without it:

    >>> import warnings
    >>> from sklearn_mm import TrainingRowsWarning
    >>> warnings.simplefilter("ignore", TrainingRowsWarning)
    """


class CrossFitTransformer(TransformerMixin, BaseEstimator):
    """Turn cells into what an estimator predicts from them, out of fold in training.

    Stacked generalisation (Wolpert, 1992) as one step of a
    :class:`MultimodalFeatureUnion`: what a classical model knows of a modality, such as
    a linear model of TF-IDF, becomes a further modality, and a model after it learns
    how far to trust it.

    ``fit_transform(X, y)`` is not ``fit(X, y).transform(X)``. An estimator knows the
    targets of the rows that it was fitted on, so what it says of them promises more
    than it holds for others, and a model that learns from that trusts it too much.
    ``fit_transform`` therefore predicts each training row by an estimator that was
    fitted on other rows. Then one is fitted on all rows, for ``transform``. A Pipeline
    calls the right one of the two by itself.

    Parameters
    ----------
    estimator : classifier or regressor
        Or a pipeline that ends in one. It takes what the union hands this step: a 1-D
        column of cells or a table.
    regressor : regressor, default=None
        Takes the place of ``estimator``, which is then a classifier, where the target
        is numbers. None: ``estimator``, whatever the target is.
    task : {"auto", "classification", "regression"}, default="auto"
        What the target is, if ``regressor`` is given. "auto": classes are strings,
        booleans, categories, two or more columns of 0 and 1, two different whole
        numbers, or at most 30 that occur twice or more on average, such as ratings. All
        other numbers are numbers. Set it for counts, and for other whole numbers that
        could be both.
    cv : int, splitter or iterable of (train, test), default=5
        The folds of ``fit_transform``. An int is shuffled folds, stratified by class if
        there are classes, that keep groups together if there are groups; they are fewer
        where there are fewer rows, groups, or rows of the largest class. Others must
        predict each row once, so ``TimeSeriesSplit`` cannot be used.
    method : {"auto", "predict_proba", "decision_function"}, default="auto"
        What a classifier is asked for. "auto": ``predict_proba``, or
        ``decision_function`` if it has no other.
    n_jobs : int, default=None
        Fits that run at once, in processes, as in scikit-learn.
    random_state : int, RandomState instance or None, default=None
        Shuffles the folds of an int ``cv``. The estimator has its own.

    Attributes
    ----------
    estimator_ : estimator
        Fitted on all rows that are not missing; None if there were too few.
    classes_ : ndarray
        Of a classifier: the classes of y, or the names of its labels.
    n_features_in_ : int
        Columns of X; 1 if it is one column of cells.
    feature_names_in_ : ndarray of str
        Their names, where X is a table with names.

    See Also
    --------
    MultimodalFeatureUnion : Whose step it is.
    sklearn.ensemble.StackingClassifier : Stacks whole models, not those of modalities.
    sklearn.preprocessing.TargetEncoder : Cross-fits the mean target of categories.

    Notes
    -----
    **Output.** A float64 array. Of a classifier of two classes the log-odds
    log(p / (1 - p)) of the second, of more classes those of each, of labels those of
    each label, with p no less than 0.001 (``FLOOR``) and no more than 0.999. What
    ``decision_function`` gives stays as it is. A class that is unknown in a fold has
    the least log-odds there, -6.9. Of a regressor a column for each output, less the
    mean and over the standard deviation of the training target.

    **Missing.** In a column a cell that is ``None``, NaN, ``pd.NA`` or ``pd.NaT``, in a
    table a row of only these. Nothing is learned from them, and their features are NaN,
    which in a union is a missing modality. If all cells are missing in training, all
    features are NaN, then and later; also, with a warning, if the others are fewer than
    two or of one class.

    **Training rows in transform.** ``transform`` gives a
    :class:`TrainingRowsWarning` if ten or more rows are given and most of them are
    known from training. A model trained on these would trust them too much; a score
    of them is too good. Rows that stood in training more than once do not count, since
    new rows may well be equal to them.

    **Weights and groups.** ``sample_weight`` goes to the estimator's ``fit``, of a
    pipeline to that of its last step. With metadata routing, ask for both by
    ``set_fit_request(groups=True, sample_weight=True)``, and for the weights by that of
    the estimator, too.

    **Tags.** Its tag ``non_deterministic`` is set, though with a ``random_state`` it is
    not random: scikit-learn has no other for a ``fit_transform`` that does not equal
    ``transform``, and so its checks do not compare the two.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks, 5(2), 241-259.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_mm import CrossFitTransformer
    >>> words = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
    >>> texts = ["a good film", "a bad film", None, "good plot", "bad plot", "odd"] * 3
    >>> y = ["yes", "no", "no", "yes", "no", "no"] * 3
    >>> transformer = CrossFitTransformer(words, random_state=0)
    >>> transformer.fit_transform(texts, y).shape  # of each row by a fit on others
    (18, 1)
    >>> transformer.transform(["good", "bad", None]).round(1).ravel()
    array([ 3. , -3.9,  nan])
    >>> transformer.get_feature_names_out()
    array(['yes'], dtype=object)
    """

    def __init__(
        self,
        estimator,
        *,
        regressor=None,
        task="auto",
        cv=5,
        method="auto",
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.regressor = regressor
        self.task = task
        self.cv = cv
        self.method = method
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X, y=None, *, groups=None, sample_weight=None, **params):
        """Fit the estimator to all rows.

        For features to train another model on use ``fit_transform``.

        Parameters
        ----------
        X : column or table of n_samples rows
            The cells.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target, which is required.
        groups : array-like of shape (n_samples,), default=None
            Not used here; see ``fit_transform``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, for the estimator.
        **params : dict
            Other metadata, routed to the estimator.

        Returns
        -------
        self
        """
        _raise_for_params(params, self, "fit")
        with unchanged_on_failure(self):
            self._fit(X, y, groups, sample_weight, params, "fit")
        return self

    def fit_transform(self, X, y=None, *, groups=None, sample_weight=None, **params):
        """Predict each row by an estimator fitted on others, and fit one on all.

        Parameters
        ----------
        X : column or table of n_samples rows
            The cells.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target, which is required.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group are never predicted by an estimator that was fitted on
            others of it, if ``cv`` is an int or a splitter that takes groups.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, for the estimator.
        **params : dict
            Other metadata, routed to the estimator.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            Float64, NaN in rows that are missing.
        """
        _raise_for_params(params, self, "fit_transform")
        with unchanged_on_failure(self):
            return self._fit(X, y, groups, sample_weight, params, "fit_transform")

    def transform(self, X):
        """Predict by the estimator that was fitted on all rows.

        Parameters
        ----------
        X : column or table of n_samples rows
            The cells. Of a table with names, the columns that were fitted are taken by
            name, in any order and among others.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            Float64, NaN in rows that are missing.
        """
        check_is_fitted(self)
        X = check_column_or_table(self, X, reset=False)
        features = np.full((len(X), len(self._response.names)), np.nan)
        rows = np.flatnonzero(~missing_rows(X))
        if self.estimator_ is None or not len(rows):
            return features
        cells = X if len(rows) == len(X) else _safe_indexing(X, rows)
        self._warn_of_training_rows(cells)
        features[rows] = self._response.read(
            self.estimator_, for_transformer(cells, self.estimator_)
        )
        return features

    def get_feature_names_out(self, input_features=None):
        """Name the features: by class, label or output.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of X's columns. They are checked, but not used.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        return np.asarray(self._response.names, dtype=object)

    def get_metadata_routing(self):
        """Say that metadata goes to the fit of the estimator.

        Returns
        -------
        MetadataRouter
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        to_fit = MethodMapping()
        for caller in ("fit", "fit_transform"):
            to_fit.add(caller=caller, callee="fit")
        router.add(estimator=self.estimator, method_mapping=to_fit)
        if self.regressor is not None:
            router.add(regressor=self.regressor, method_mapping=to_fit)
        return router

    def _fit(self, X, y, groups, sample_weight, params, caller):
        """Fit to all rows; also give features out of fold, if fit_transform calls."""
        X = check_column_or_table(self, X, reset=True)
        target = read_target(type(self).__name__, y)
        check_consistent_length(X, target, groups, sample_weight)
        chosen = choose_estimator(self, target)
        params = self._fit_params(chosen, sample_weight, params, caller)
        check = check_classes if is_classifier(chosen) else check_numbers
        target = check(target, chosen)
        rows = self._rows_to_learn_from(X, target, is_classifier(chosen))
        weights = None if sample_weight is None else np.asarray(sample_weight)[rows]
        self._response = make_response(
            chosen, self.method, target, rows, weights, getattr(y, "columns", None)
        )
        vars(self).pop("classes_", None)
        if is_classifier(chosen):
            self.classes_ = self._response.classes
        self._known_rows = _unrepeated(fingerprint_rows(_take(X, rows)))
        splits = []
        if caller == "fit_transform" and len(rows):
            splits = split_rows(
                self.cv,
                X,
                target,
                groups,
                rows,
                stratify=is_classifier(chosen) and target.ndim == 1,
                random_state=self.random_state,
            )
        return self._fit_and_read(chosen, X, target, rows, splits, params)

    def _fit_and_read(self, chosen, X, y, rows, splits, params):
        """Fit to some rows and in the folds; give the features of the folds."""
        features = np.full((len(X), len(self._response.names)), np.nan)
        X, cache = for_transformer(X, chosen), cache_in_use()
        jobs = [(rows, None)] if len(rows) else []
        calls = (
            delayed(_fit_and_read)(
                clone(chosen), X, y, train, test, params, self._response, cache
            )
            for train, test in [*jobs, *splits]
        )
        doing = f"CrossFitTransformer fitted {type(chosen).__name__} in folds"
        fits = run_parallel(calls, self.n_jobs, doing)
        self.estimator_ = fits[0] if fits else None
        for (_, test), found in zip(splits, fits[1:], strict=True):
            features[test] = found
        return features

    def _fit_params(self, chosen, sample_weight, params, caller):
        """Say what the fit of the chosen estimator is given beside X and y."""
        if get_config()["enable_metadata_routing"]:
            if sample_weight is not None:
                params = {**params, "sample_weight": sample_weight}
            routed = process_routing(self, caller, **params)
            name = "regressor" if chosen is self.regressor else "estimator"
            return dict(routed[name].get("fit", {}))
        if sample_weight is None:
            return {}
        prefix, last = "", chosen
        while isinstance(last, Pipeline):
            step, last = last.steps[-1]
            prefix += f"{step}__"
        if not _takes_weights(last):
            raise ValueError(
                f"sample_weight was passed, but the fit of {last!r:.200} takes none"
            )
        return {f"{prefix}sample_weight": sample_weight}

    def _rows_to_learn_from(self, X, y, are_classes):
        """List the rows that are not missing; none if they teach nothing."""
        if are_classes and y.ndim == 1 and len(np.unique(y)) < 2:
            raise ValueError(
                f"y holds one class, {y[0]!r}: {type(self).__name__} needs at least two"
            )
        if len(X) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two rows, found n_samples=1"
            )
        rows = np.flatnonzero(~missing_rows(X))
        one_class = are_classes and y.ndim == 1 and len(np.unique(y[rows])) == 1
        if len(rows) == 1 or (len(rows) and one_class):
            of_class = f", of the class {y[rows[0]]!r}" if one_class else ""
            warnings.warn(
                f"only {len(rows)} of {len(X)} rows are not missing{of_class}: that is "
                f"too little to learn from, so {type(self).__name__} takes them as "
                "missing, too",
                UserWarning,
                stacklevel=4,
            )
            return rows[:0]
        return rows

    def _warn_of_training_rows(self, cells):
        if len(cells) < MIN_ROWS_TO_WARN:
            return
        n_known = int(np.isin(fingerprint_rows(cells), self._known_rows).sum())
        if 2 * n_known > len(cells):
            warnings.warn(
                f"{n_known} of {len(cells)} rows are training rows: what the estimator "
                "says of rows that it was fitted on is better than of others. For "
                "features to train a model on use fit_transform; scores of these rows "
                "are too good.",
                TrainingRowsWarning,
                stacklevel=4,  # scikit-learn wraps transform
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.string = True
        given = [self.estimator, self.regressor]
        tags.input_tags.allow_nan = all(
            get_tags(estimator).input_tags.allow_nan
            for estimator in given
            if is_predictor(estimator)
        )
        tags.transformer_tags.preserves_dtype = []
        # Said in the docstring, under Tags.
        tags.non_deterministic = True
        return tags


def _fit_and_read(estimator, X, y, train, test, params, response, cache):
    """Fit to some rows: the estimator, or what it says of other rows."""
    # No classifier can be fitted to one class, and what it would say is known.
    one_class = y.ndim == 1 and isinstance(response, ClassResponse)
    if test is not None and one_class and len(np.unique(y[train])) == 1:
        return response.read_one_class(y[train], len(test))
    with use_cache(cache):
        try:
            params = _check_method_params(X, params, indices=train)
            estimator.fit(_take(X, train), y[train], **params)
            return (
                estimator if test is None else response.read(estimator, _take(X, test))
            )
        except Exception as error:
            error.add_note(f"It was fitted on {len(train)} of {len(y)} rows.")
            raise


def _takes_weights(estimator):
    """Tell whether fit takes sample_weight, by name or as one of any parameters."""
    kinds = [each.kind for each in signature(estimator.fit).parameters.values()]
    return (
        has_fit_parameter(estimator, "sample_weight") or Parameter.VAR_KEYWORD in kinds
    )


def _take(X, rows):
    every = np.array_equal(rows, np.arange(len(X)))
    return X if every else _safe_indexing(X, rows)


def _unrepeated(fingerprints):
    """Keep those that occur once."""
    found, counts = np.unique(fingerprints, return_counts=True)
    return found[counts == 1]
