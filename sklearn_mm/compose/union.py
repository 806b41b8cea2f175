"""MultimodalFeatureUnion: a table of cells into features, column by column."""

from numbers import Integral

from sklearn.base import TransformerMixin, clone
from sklearn.utils import Bunch, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, process_routing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_mm._compat import (
    _BaseComposition,
    _check_feature_names_in,
    _raise_for_params,
    _safe_indexing,
    _VisualBlock,
    for_container,
)
from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.cache import check_memory
from sklearn_mm.compose.chunks import transform_chunks
from sklearn_mm.compose.columns import check_entries, check_present, plan_columns
from sklearn_mm.compose.names import name_features
from sklearn_mm.compose.steps import (
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
    n_jobs : int, default=None
        Transformers that run at once, in processes, as in scikit-learn.
    verbose : bool, default=False
        Whether to print the time that each transformer took to fit.
    verbose_feature_names_out : bool, default=True
        Whether features are named ``<modality>__<feature>``. Otherwise names stay
        as they are and must differ.
    memory : None, str, Path or FeatureCache, default=None
        A folder in which to keep what ``ImageTransformer``, ``AudioTransformer`` and
        the pretrained transformers make of each cell that is a path, bytes, an array
        of numbers or a text. It is then computed once for all folds, grid points,
        processes and later runs. The result is the same, that of pretrained models up
        to rounding. A transformer of your own is cached, too, if it has an attribute
        ``cache_version``: see the user guide. None computes every time.

    Attributes
    ----------
    transformers_ : list of (str, fitted transformer, columns)
        ``columns`` are names where X was a table with names, else positions.
    named_transformers_ : Bunch
        The fitted transformers by name.
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
    for scikit-learn's own estimators. Before an estimator of this package leave the
    default: the flat view has lost the sequences.

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
        n_jobs=None,
        verbose=False,
        verbose_feature_names_out=True,
        memory=None,
    ):
        self.transformers = transformers
        self.remainder = remainder
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_feature_names_out = verbose_feature_names_out
        self.memory = memory

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
        X : table of pandas, polars or pyarrow, or array of shape (n_samples, n_columns)
            The cells.
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
        X : table of pandas, polars or pyarrow, or array of shape (n_samples, n_columns)
            The cells.
        y : array-like of shape (n_samples,), default=None
            For transformers that use it.
        **params : dict
            Metadata, routed to the transformers.

        Returns
        -------
        MultimodalFeatures of n_samples
        """
        _raise_for_params(params, self, "fit_transform")
        with unchanged_on_failure(self):
            X = check_table(type(self).__name__, X)
            validate_data(self, X, reset=True, skip_check_array=True)
            cache = check_memory(self.memory)
            check_entries(self.transformers, self.remainder)
            self._validate_names([name for name, _ in self._pairs])
            names = getattr(self, "feature_names_in_", None)
            plan = plan_columns(self.transformers, self.remainder, X, names)
            routed = process_routing(self, "fit_transform", **params)
            messages = [
                f"({i} of {len(plan)}) Processing {name}"
                for i, (name, _, _) in enumerate(plan, 1)
            ]
            fitted = Parallel(n_jobs=self.n_jobs)(
                delayed(fit_transform_step)(
                    name,
                    clone(transformer),
                    _safe_indexing(X, columns, axis=1),
                    y,
                    routed[name],
                    message if self.verbose else None,
                    cache,
                )
                for (name, transformer, columns), message in zip(
                    plan, messages, strict=True
                )
            )
            self.transformers_ = [
                (name, transformer, columns)
                for (name, _, columns), (transformer, _) in zip(
                    plan, fitted, strict=True
                )
            ]
            names = [name for name, _, _ in plan]
            blocks = [block for _, block in fitted]
            features = MultimodalFeatures(list(zip(names, blocks, strict=True)))
            return for_container(self, features)

    def transform(self, X, **params):
        """Transform the columns and join what the transformers give.

        Parameters
        ----------
        X : table of pandas, polars or pyarrow, or array of shape (n_samples, n_columns)
            The cells. Of a table with names, the columns that were fitted are taken by
            name, in any order and among others.
        **params : dict
            Metadata, routed to the transformers.

        Returns
        -------
        MultimodalFeatures of n_samples
        """
        _raise_for_params(params, self, "transform")
        check_is_fitted(self)
        return for_container(self, self._transform(X, params))

    def _transform(self, X, params):
        routed = process_routing(self, "transform", **params)
        cache = check_memory(self.memory)
        blocks = Parallel(n_jobs=self.n_jobs)(
            delayed(transform_step)(
                name,
                transformer,
                cells,
                routed[name],
                cache,
            )
            for name, transformer, cells in self._fitted_steps(X)
        )
        names = [name for name, _, _ in self.transformers_]
        return MultimodalFeatures(list(zip(names, blocks, strict=True)))

    def _fitted_steps(self, X):
        """Iterate over (modality, fitted transformer, its cells); X is checked now."""
        X = self._check_fitted_columns(check_table(type(self).__name__, X))
        return (
            (name, transformer, _safe_indexing(X, columns, axis=1))
            for name, transformer, columns in self.transformers_
        )

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
            type(self).__name__, lambda table: self._transform(table, {}), X, chunk_size
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
            prefixed=self.verbose_feature_names_out,
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
        # So is fit_transform not transform if that of a transformer is not.
        steps = [step for _, step in self._pairs] + [self.remainder]
        tags.non_deterministic = any(
            get_tags(step).non_deterministic
            for step in steps
            if hasattr(step, "__sklearn_tags__")
        )
        return tags
