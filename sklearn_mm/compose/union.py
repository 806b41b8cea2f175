"""MultimodalFeatureUnion: a table of cells into features, column by column."""

from dataclasses import replace
from numbers import Integral

from sklearn.base import TransformerMixin, clone
from sklearn.utils import Bunch, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, process_routing
from sklearn.utils.parallel import delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_mm._compat import (
    _BaseComposition,
    _check_feature_names_in,
    _get_output_config,
    _raise_for_params,
    _VisualBlock,
)
from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.cache import check_memory
from sklearn_mm.compose.chunks import transform_chunks
from sklearn_mm.compose.columns import (
    check_entries,
    check_present,
    plan_columns,
    take_columns,
)
from sklearn_mm.compose.names import name_features
from sklearn_mm.compose.output import (
    check_threshold,
    flatten,
    is_sparse_enough,
    join_table,
    locate_output,
)
from sklearn_mm.compose.parallel import run_parallel
from sklearn_mm.compose.steps import (
    Context,
    fit_transform_step,
    is_word,
    map_methods,
    transform_step,
)
from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.readers.table import check_table
from sklearn_mm.store import write_features


class MultimodalFeatureUnion(TransformerMixin, _BaseComposition):
    """Transform the columns of a table, each modality by its own transformer.

    It has the manners of :class:`sklearn.compose.ColumnTransformer`, but keeps the
    modalities apart: what it gives is :class:`MultimodalFeatures`, with one block of
    tokens for each transformer.

    Parameters
    ----------
    transformers : list of (str, transformer, columns)
        ``name`` is the modality's name and the prefix of its parameters.
        ``transformer`` is a transformer of this package, any other scikit-learn
        transformer, whose output is then one vector a row, ``"passthrough"`` or
        ``"drop"``. ``columns`` is a name or position (the transformer is then given
        one 1-D column), a list or slice of them or a boolean mask (then a table), or
        a callable that gives one of these for X.
    remainder : {"drop", "passthrough"} or transformer, default="drop"
        What becomes of the columns that none of the transformers names. Their modality
        is called ``"remainder"``.
    sparse_threshold : float or None, default=None
        None: the output is :class:`MultimodalFeatures`, which the estimators of this
        package need. A number from 0 to 1, for estimators of scikit-learn: it is one
        matrix, sparse if a transformer's output is (or counts of tokens) and less than
        this share of it is not zero, else dense. ``ColumnTransformer`` has 0.3. Missing
        numbers are NaN, the counts of a missing text zero.
    n_jobs : int, default=None
        Transformers that run at once, in processes, as in scikit-learn.
    verbose : bool, default=False
        Whether to print the time that each transformer took to fit.
    verbose_feature_names_out : bool, str or callable, default=True
        Whether features are named ``<modality>__<feature>``. Otherwise names stay
        as they are and must differ. A format string has ``{transformer_name}`` and
        ``{feature_name}``; a callable takes the two.
    memory : None, str, Path or FeatureCache, default=None
        A folder in which to keep what ``ImageTransformer``, ``AudioTransformer`` and
        the pretrained transformers make of each cell that is a path, bytes, an array
        of numbers or a text. It is then computed once for all folds, grid points,
        processes and later runs. The result is the same, that of pretrained models up
        to rounding. A transformer of your own is cached, too, if it has an attribute
        ``cache_version``: see the user guide. None computes every time.
    on_error : {"raise", "missing"}, default="raise"
        What becomes of cells that are no finite number, such as ``"abc"`` among
        heights, where a transformer without an ``on_error`` of its own refuses them: an
        error that names column and row, or NaN and one warning with the count.

    Attributes
    ----------
    transformers_ : list of (str, fitted transformer, columns)
        Of all that is not dropped and has columns. ``columns`` are names where X was a
        table with names, else positions.
    named_transformers_ : Bunch
        The fitted transformers by name.
    output_indices_ : dict of str to slice
        The columns of each modality in the flat view; of one that is dropped, none.
    sparse_output_ : bool
        Whether the output is a sparse matrix.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of str
        Their names, where X is a table with names.

    See Also
    --------
    make_multimodal_union : Choose a transformer for each column by its cells.
    CrossFitTransformer : What an estimator predicts, as a modality.
    FeatureCache : What ``memory`` may be, with a limit of its size.
    AttentionFusionClassifier : Learns from what this gives.

    Notes
    -----
    With ``set_output(transform="pandas")`` the result is the flat view as a DataFrame,
    for scikit-learn's own estimators; columns that are passed through, and what a
    transformer gives as a table, keep their dtypes. Before an estimator of this package
    leave the default: the flat view has lost the sequences.

    Dates that are passed through, or given to a transformer of scikit-learn that reads
    numbers, are seconds since 1970 in UTC, durations are seconds, whatever unit the
    table has; ``NaT`` is NaN. :class:`DateTransformer` has their parts.

    scikit-learn's encoders, scalers and imputers get NaN for every cell that is missing
    and no number, be it ``None``, ``pd.NA`` or null, unless they are told of ``None``.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_mm import MultimodalFeatureUnion, TextTransformer
    >>> X = pd.DataFrame({
    ...     "caption": ["a red fox", None, "two birds"],
    ...     "age": [1.0, 2.0, 4.0],
    ... })
    >>> union = MultimodalFeatureUnion([
    ...     ("text", TextTransformer(min_frequency=1), "caption"),
    ...     ("table", StandardScaler(), ["age"]),
    ... ])
    >>> features = union.fit_transform(X)
    >>> features
    MultimodalFeatures(3 samples: text=tokens, table=vector)
    >>> features["text"].lengths
    array([3, 0, 2])
    """

    def __init__(
        self,
        transformers,
        *,
        remainder="drop",
        sparse_threshold=None,
        n_jobs=None,
        verbose=False,
        verbose_feature_names_out=True,
        memory=None,
        on_error="raise",
    ):
        self.transformers = transformers
        self.remainder = remainder
        self.sparse_threshold = sparse_threshold
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_feature_names_out = verbose_feature_names_out
        self.memory = memory
        self.on_error = on_error

    # _BaseComposition reads and writes (name, transformer) pairs.
    @property
    def _pairs(self):
        try:
            return [(name, transformer) for name, transformer, _ in self.transformers]
        except (TypeError, ValueError):
            return self.transformers

    @_pairs.setter
    def _pairs(self, value):
        self.transformers = [
            (name, transformer, columns)
            for (name, transformer), (_, _, columns) in zip(
                value, self.transformers, strict=True
            )
        ]

    def get_params(self, deep=True):
        """Get parameters, those of the transformers included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the transformers' own parameters.

        Returns
        -------
        dict
        """
        return self._get_params("_pairs", deep=deep)

    def set_params(self, **params):
        """Set parameters, those of the transformers included.

        Parameters
        ----------
        **params : dict
            By name; ``<modality>__<parameter>`` for a transformer's.

        Returns
        -------
        self
        """
        self._set_params("_pairs", **params)
        return self

    def fit(self, X, y=None, **params):
        """Fit every transformer to its columns.

        Parameters
        ----------
        X : table of pandas, polars or pyarrow, or 2-D array or sparse matrix
            The cells: n_samples rows.
        y : array-like of shape (n_samples,), default=None
            For transformers that use it.
        **params : dict
            Metadata, routed to the transformers.

        Returns
        -------
        self
        """
        _raise_for_params(params, self, "fit")
        self.fit_transform(X, y, **params)
        return self

    def fit_transform(self, X, y=None, **params):
        """Fit every transformer to its columns and join what they give.

        Parameters
        ----------
        X : table of pandas, polars or pyarrow, or 2-D array or sparse matrix
            The cells: n_samples rows.
        y : array-like of shape (n_samples,), default=None
            For transformers that use it.
        **params : dict
            Metadata, routed to the transformers.

        Returns
        -------
        MultimodalFeatures of n_samples
            Or a matrix or table: see ``sparse_threshold`` and ``set_output``.
        """
        _raise_for_params(params, self, "fit_transform")
        with unchanged_on_failure(self):
            check_entries(self.transformers, self.remainder)
            X = check_table(type(self).__name__, X, accept_sparse=True)
            validate_data(self, X, reset=True, skip_check_array=True)
            check_threshold(self.sparse_threshold)
            self._validate_names([name for name, _ in self._pairs])
            names = getattr(self, "feature_names_in_", None)
            plan = plan_columns(self.transformers, self.remainder, X, names)
            routed = process_routing(self, "fit_transform", **params)
            context = self._context()
            calls = (
                delayed(fit_transform_step)(
                    name,
                    clone(transformer),
                    take_columns(X, columns),
                    y,
                    routed[name],
                    f"({i} of {len(plan)}) Processing {name}" if self.verbose else None,
                    context,
                )
                for i, (name, transformer, columns) in enumerate(plan, 1)
            )
            names = [name for name, _, _ in plan]
            fitted = run_parallel(
                calls, self.n_jobs, f"the modalities {names} were fitted"
            )
            self.transformers_ = [
                (name, transformer, columns)
                for (name, _, columns), (transformer, _) in zip(
                    plan, fitted, strict=True
                )
            ]
            parts = [part for _, part in fitted]
            self.output_indices_ = locate_output(self, parts)
            self.sparse_output_ = is_sparse_enough(parts, self.sparse_threshold)
            return self._join(parts, X)

    def transform(self, X, **params):
        """Transform the columns and join what the transformers give.

        Parameters
        ----------
        X : table of pandas, polars or pyarrow, or 2-D array or sparse matrix
            The cells: n_samples rows. Of a table with names, the columns that were
            fitted are taken by name, in any order and among others.
        **params : dict
            Metadata, routed to the transformers.

        Returns
        -------
        MultimodalFeatures of n_samples
            Or a matrix or table: see ``sparse_threshold`` and ``set_output``.
        """
        _raise_for_params(params, self, "transform")
        check_is_fitted(self)
        X = self._check_fitted_columns(X)
        return self._join(self._transform(X, params, self._context()), X)

    def _transform(self, X, params, context):
        """Transform the columns: a FeatureBlock or table of each modality."""
        routed = process_routing(self, "transform", **params)
        calls = (
            delayed(transform_step)(name, transformer, cells, routed[name], context)
            for name, transformer, cells in self._fitted_steps(X)
        )
        names = [name for name, _, _ in self.transformers_]
        doing = f"the modalities {names} were transformed"
        return run_parallel(calls, self.n_jobs, doing)

    def _fitted_steps(self, X):
        """Iterate over (modality, fitted transformer, its cells); X is checked now."""
        X = self._check_fitted_columns(X)
        return (
            (name, transformer, take_columns(X, columns))
            for name, transformer, columns in self.transformers_
        )

    def _transform_to_features(self, X):
        """Transform a table, whatever container is configured: MultimodalFeatures."""
        context = replace(self._context(), keeps_tables=False)
        return self._to_features(self._transform(X, {}, context))

    def _to_features(self, parts):
        names = [name for name, _, _ in self.transformers_]
        if not names:
            raise ValueError(
                "no column is left: every transformer is 'drop' or names no columns"
            )
        return MultimodalFeatures(list(zip(names, parts, strict=True)))

    def _context(self):
        """Gather what every step is told."""
        if self.on_error not in ("raise", "missing"):
            raise ValueError(
                f"on_error must be 'raise' or 'missing', found {self.on_error!r}"
            )
        return Context(
            type(self).__name__,
            check_memory(self.memory),
            self.on_error,
            keeps_tables=_get_output_config("transform", self)["dense"] != "default",
        )

    def _join(self, parts, X):
        """Join what the steps gave in the form that is configured."""
        container = _get_output_config("transform", self)["dense"]
        if container != "default":
            return join_table(self, container, parts, X)
        if self.sparse_threshold is not None:
            return flatten(parts, X.shape[0], is_sparse=self.sparse_output_)
        return self._to_features(parts)

    def transform_to_disk(self, X, folder, *, chunk_size=1000, overwrite=False):
        """Transform a large table, with the features of a few rows in memory.

        Nothing is learned: fit the union before, on as many rows as it needs to know
        its vocabularies and scales. The features are those of ``transform``: with a
        :class:`CrossFitTransformer` or another transformer that learns from y, such as
        ``TargetEncoder``, fit the union on other rows than those that a model is then
        trained on, or the features of these hold their targets.

        Parameters
        ----------
        X : table of n_samples rows, or iterator of tables
            As for ``transform``. A table whose cells are paths is small; where it has
            no room in memory either, an iterator gives one part after the other, such
            as ``pandas.read_csv(..., chunksize=1000)``.
        folder : str or Path
            Where to write. Made if it is not there; ``~`` is the home folder. One
            process at a time may write into it.
        chunk_size : int, default=1000
            Rows to transform at once.
        overwrite : bool, default=False
            Whether to replace features that the folder holds already. They stay until
            the new ones are complete.

        Returns
        -------
        MultimodalFeatures of n_samples
            Whose values stay on disk, as ``MultimodalFeatures.load(folder)`` gives.

        Raises
        ------
        FileExistsError
            If the folder holds features and ``overwrite`` is False.
        """
        check_is_fitted(self)
        if not isinstance(chunk_size, Integral) or chunk_size < 1:
            raise ValueError(
                f"chunk_size must be an integer of at least 1, found {chunk_size!r}"
            )
        chunks = transform_chunks(
            type(self).__name__, self._transform_to_features, X, chunk_size
        )
        write_features(folder, chunks, overwrite=overwrite)
        return MultimodalFeatures.load(folder)

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the flat view.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of X's columns, where they are not known from ``fit``.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        input_features = _check_feature_names_in(self, input_features)
        return name_features(
            self.transformers_,
            input_features,
            by_name=hasattr(self, "feature_names_in_"),
            verbose=self.verbose_feature_names_out,
        )

    def set_output(self, *, transform=None):
        """Choose what transform gives.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            "default": MultimodalFeatures. The others: the flat view as a table.
            None leaves it as it is.

        Returns
        -------
        self
        """
        return super().set_output(transform=transform)

    @property
    def named_transformers_(self):
        """Fitted transformers by name."""
        return Bunch(**{name: fitted for name, fitted, _ in self.transformers_})

    def __getitem__(self, name):
        """Fitted transformer of a modality."""
        if not hasattr(self, "transformers_"):
            raise TypeError(
                f"{type(self).__name__} is subscriptable after it is fitted"
            )
        try:
            return self.named_transformers_[name]
        except KeyError as error:
            raise KeyError(
                f"{name!r} is not a valid transformer name; there are "
                f"{list(self.named_transformers_)}"
            ) from error

    def get_metadata_routing(self):
        """Say which transformer asks for which metadata.

        Returns
        -------
        MetadataRouter
        """
        router = MetadataRouter(owner=self)
        steps = [(name, transformer) for name, transformer, _ in self.transformers]
        for name, step in [*steps, ("remainder", self.remainder)]:
            router.add(method_mapping=map_methods(step), **{name: step})
        return router

    def _check_fitted_columns(self, X):
        """Check that X has the fitted columns: by name in a table, else by number."""
        X = check_table(type(self).__name__, X, accept_sparse=True)
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            validate_data(self, X, reset=False, skip_check_array=True)
            return X
        if not hasattr(X, "columns"):
            raise ValueError(
                f"{type(self).__name__} was fitted on a table with the columns "
                f"{list(names)}, found a {type(X).__name__} without names"
            )
        check_present(self.transformers_, X)
        return X

    def _sk_visual_block_(self):
        entries = getattr(self, "transformers_", None)
        if entries is None:
            entries = list(self.transformers)
            if not is_word(self.remainder, "drop"):
                entries.append(("remainder", self.remainder, ""))
        names, transformers, columns = zip(*entries, strict=True)
        return _VisualBlock("parallel", transformers, names=names, name_details=columns)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "transformers_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        steps = [step for _, step in self._pairs] + [self.remainder]
        of_steps = [
            get_tags(step) for step in steps if hasattr(step, "__sklearn_tags__")
        ]
        tags.input_tags.sparse = all(each.input_tags.sparse for each in of_steps)
        # So is fit_transform not transform if that of a transformer is not.
        tags.non_deterministic = any(each.non_deterministic for each in of_steps)
        return tags
