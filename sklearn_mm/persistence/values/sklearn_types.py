"""The types and functions of other libraries that a model file may hold.

Estimators of scikit-learn 1.8 to 1.9, by their modules, and what these hold inside.
Nothing is imported by a name in a file: it is looked up here first. Birch is not among
them, which is a web of nodes that point at each other.
"""

import importlib

import numpy as np

ESTIMATORS = {
    "calibration": (
        "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration "
        "_TemperatureScaling"
    ),
    "cluster._affinity_propagation": "AffinityPropagation",
    "cluster._agglomerative": "AgglomerativeClustering FeatureAgglomeration",
    "cluster._bicluster": "SpectralBiclustering SpectralCoclustering",
    "cluster._bisect_k_means": "BisectingKMeans",
    "cluster._dbscan": "DBSCAN",
    "cluster._hdbscan.hdbscan": "HDBSCAN",
    "cluster._kmeans": "KMeans MiniBatchKMeans",
    "cluster._mean_shift": "MeanShift",
    "cluster._optics": "OPTICS",
    "cluster._spectral": "SpectralClustering",
    "compose._column_transformer": "ColumnTransformer make_column_selector",
    "compose._target": "TransformedTargetRegressor",
    "covariance._elliptic_envelope": "EllipticEnvelope",
    "covariance._empirical_covariance": "EmpiricalCovariance",
    "covariance._graph_lasso": "GraphicalLasso GraphicalLassoCV",
    "covariance._robust_covariance": "MinCovDet",
    "covariance._shrunk_covariance": "LedoitWolf OAS ShrunkCovariance",
    "cross_decomposition._pls": "CCA PLSCanonical PLSRegression PLSSVD",
    "decomposition._dict_learning": (
        "DictionaryLearning MiniBatchDictionaryLearning SparseCoder"
    ),
    "decomposition._factor_analysis": "FactorAnalysis",
    "decomposition._fastica": "FastICA",
    "decomposition._incremental_pca": "IncrementalPCA",
    "decomposition._kernel_pca": "KernelPCA",
    "decomposition._lda": "LatentDirichletAllocation",
    "decomposition._nmf": "MiniBatchNMF NMF",
    "decomposition._pca": "PCA",
    "decomposition._sparse_pca": "MiniBatchSparsePCA SparsePCA",
    "decomposition._truncated_svd": "TruncatedSVD",
    "discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "dummy": "DummyClassifier DummyRegressor",
    "ensemble._bagging": "BaggingClassifier BaggingRegressor",
    "ensemble._forest": (
        "ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier "
        "RandomForestRegressor RandomTreesEmbedding"
    ),
    "ensemble._gb": "GradientBoostingClassifier GradientBoostingRegressor",
    "ensemble._hist_gradient_boosting.binning": "_BinMapper",
    "ensemble._hist_gradient_boosting.gradient_boosting": (
        "HistGradientBoostingClassifier HistGradientBoostingRegressor"
    ),
    "ensemble._iforest": "IsolationForest",
    "ensemble._stacking": "StackingClassifier StackingRegressor",
    "ensemble._voting": "VotingClassifier VotingRegressor",
    "ensemble._weight_boosting": "AdaBoostClassifier AdaBoostRegressor",
    "feature_extraction._dict_vectorizer": "DictVectorizer",
    "feature_extraction._hash": "FeatureHasher",
    "feature_extraction.image": "PatchExtractor",
    "feature_extraction.text": (
        "CountVectorizer HashingVectorizer TfidfTransformer TfidfVectorizer"
    ),
    "feature_selection._from_model": "SelectFromModel",
    "feature_selection._rfe": "RFE RFECV",
    "feature_selection._sequential": "SequentialFeatureSelector",
    "feature_selection._univariate_selection": (
        "GenericUnivariateSelect SelectFdr SelectFpr SelectFwe SelectKBest "
        "SelectPercentile"
    ),
    "feature_selection._variance_threshold": "VarianceThreshold",
    "frozen._frozen": "FrozenEstimator",
    "gaussian_process._gpc": (
        "GaussianProcessClassifier _BinaryGaussianProcessClassifierLaplace"
    ),
    "gaussian_process.kernels": (
        "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern "
        "PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel"
    ),
    "gaussian_process._gpr": "GaussianProcessRegressor",
    "impute._base": "MissingIndicator SimpleImputer",
    "impute._knn": "KNNImputer",
    "isotonic": "IsotonicRegression",
    "kernel_approximation": (
        "AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler "
        "SkewedChi2Sampler"
    ),
    "kernel_ridge": "KernelRidge",
    "linear_model._base": "LinearRegression",
    "linear_model._bayes": "ARDRegression BayesianRidge",
    "linear_model._coordinate_descent": (
        "ElasticNet ElasticNetCV Lasso LassoCV MultiTaskElasticNet "
        "MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV"
    ),
    "linear_model._glm.glm": "GammaRegressor PoissonRegressor TweedieRegressor",
    "linear_model._huber": "HuberRegressor",
    "linear_model._least_angle": "Lars LarsCV LassoLars LassoLarsCV LassoLarsIC",
    "linear_model._logistic": "LogisticRegression LogisticRegressionCV",
    "linear_model._omp": "OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV",
    "linear_model._passive_aggressive": (
        "PassiveAggressiveClassifier PassiveAggressiveRegressor"
    ),
    "linear_model._perceptron": "Perceptron",
    "linear_model._quantile": "QuantileRegressor",
    "linear_model._ransac": "RANSACRegressor",
    "linear_model._ridge": (
        "Ridge RidgeCV RidgeClassifier RidgeClassifierCV _IdentityClassifier "
        "_IdentityRegressor _RidgeGCV"
    ),
    "linear_model._stochastic_gradient": "SGDClassifier SGDOneClassSVM SGDRegressor",
    "linear_model._theil_sen": "TheilSenRegressor",
    "manifold._classical_mds": "ClassicalMDS",
    "manifold._isomap": "Isomap",
    "manifold._locally_linear": "LocallyLinearEmbedding",
    "manifold._mds": "MDS",
    "manifold._spectral_embedding": "SpectralEmbedding",
    "manifold._t_sne": "TSNE",
    "metrics._scorer": "_CurveScorer _MultimetricScorer _PassthroughScorer _Scorer",
    "mixture._bayesian_mixture": "BayesianGaussianMixture",
    "mixture._gaussian_mixture": "GaussianMixture",
    "model_selection._classification_threshold": (
        "FixedThresholdClassifier TunedThresholdClassifierCV"
    ),
    "model_selection._search": "GridSearchCV RandomizedSearchCV",
    "model_selection._search_successive_halving": (
        "HalvingGridSearchCV HalvingRandomSearchCV"
    ),
    "model_selection._split": (
        "BaseShuffleSplit GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut "
        "LeaveOneOut LeavePGroupsOut LeavePOut PredefinedSplit RepeatedKFold "
        "RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold "
        "StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit"
    ),
    "multiclass": (
        "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor"
    ),
    "multioutput": (
        "ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain"
    ),
    "naive_bayes": "BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB",
    "neighbors._classification": "KNeighborsClassifier RadiusNeighborsClassifier",
    "neighbors._graph": "KNeighborsTransformer RadiusNeighborsTransformer",
    "neighbors._kde": "KernelDensity",
    "neighbors._lof": "LocalOutlierFactor",
    "neighbors._nca": "NeighborhoodComponentsAnalysis",
    "neighbors._nearest_centroid": "NearestCentroid",
    "neighbors._regression": "KNeighborsRegressor RadiusNeighborsRegressor",
    "neighbors._unsupervised": "NearestNeighbors",
    "neural_network._multilayer_perceptron": "MLPClassifier MLPRegressor",
    "neural_network._rbm": "BernoulliRBM",
    "neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
    "pipeline": "FeatureUnion Pipeline",
    "preprocessing._data": (
        "Binarizer KernelCenterer MaxAbsScaler MinMaxScaler Normalizer "
        "PowerTransformer QuantileTransformer RobustScaler StandardScaler"
    ),
    "preprocessing._discretization": "KBinsDiscretizer",
    "preprocessing._encoders": "OneHotEncoder OrdinalEncoder",
    "preprocessing._function_transformer": "FunctionTransformer",
    "preprocessing._label": "LabelBinarizer LabelEncoder MultiLabelBinarizer",
    "preprocessing._polynomial": "PolynomialFeatures",
    "preprocessing._target_encoder": "TargetEncoder",
    "random_projection": "GaussianRandomProjection SparseRandomProjection",
    "semi_supervised._label_propagation": "LabelPropagation LabelSpreading",
    "semi_supervised._self_training": "SelfTrainingClassifier",
    "svm._classes": "LinearSVC LinearSVR NuSVC NuSVR OneClassSVM SVC SVR",
    "tree._classes": (
        "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier "
        "ExtraTreeRegressor"
    ),
    "utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
}

# What is not made of Python alone, and what belongs to it. Written by skops, and there
# alone: {module: names}.
INNER = {
    "_loss._loss": (
        "CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss "
        "CyHalfMultinomialLoss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss "
        "CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss"
    ),
    "_loss.link": (
        "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit"
    ),
    "_loss.loss": (
        "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss "
        "HalfMultinomialLoss HalfPoissonLoss HalfSquaredError HalfTweedieLoss "
        "HalfTweedieLossIdentity HuberLoss PinballLoss"
    ),
    "linear_model._sgd_fast": (
        "EpsilonInsensitive Hinge Huber Log ModifiedHuber SquaredEpsilonInsensitive "
        "SquaredHinge SquaredLoss"
    ),
}

# Trees, for which skops does not vouch: their numbers are followed without a look. They
# are written as arrays, and checked.
PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
TREE = "sklearn.tree._tree.Tree"

# Whose vocabularies are written as JSON, and so not by skops.
WITH_VOCABULARY = {
    "sklearn.feature_extraction._dict_vectorizer.DictVectorizer",
    "sklearn.feature_extraction.text.CountVectorizer",
    "sklearn.feature_extraction.text.TfidfVectorizer",
}

FUNCTIONS = {
    "sklearn.feature_selection": (
        "chi2 f_classif f_regression mutual_info_classif mutual_info_regression "
        "r_regression"
    ),
    "sklearn.metrics": (
        "accuracy_score adjusted_mutual_info_score adjusted_rand_score "
        "average_precision_score balanced_accuracy_score brier_score_loss "
        "cohen_kappa_score completeness_score d2_absolute_error_score d2_brier_score "
        "d2_log_loss_score d2_pinball_score d2_tweedie_score explained_variance_score "
        "f1_score fbeta_score fowlkes_mallows_score hamming_loss hinge_loss "
        "homogeneity_score jaccard_score label_ranking_loss log_loss "
        "matthews_corrcoef max_error mean_absolute_error "
        "mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss "
        "mean_poisson_deviance mean_squared_error mean_squared_log_error "
        "mean_tweedie_deviance median_absolute_error mutual_info_score ndcg_score "
        "normalized_mutual_info_score precision_score r2_score rand_score "
        "recall_score roc_auc_score root_mean_squared_error "
        "root_mean_squared_log_error top_k_accuracy_score v_measure_score "
        "zero_one_loss"
    ),
    "sklearn.utils.validation": "check_array",
    "sklearn.metrics._scorer": "negative_likelihood_ratio positive_likelihood_ratio",
    "numpy": "mean median min max sum",
}

SCALAR_TYPES = (
    *(np.float16, np.float32, np.float64, np.bool_, np.str_),
    *(np.int8, np.int16, np.int32, np.int64),
    *(np.uint8, np.uint16, np.uint32, np.uint64),
)
PLAIN_TYPES = (bool, int, float, str, list, dict, tuple)
OPTIMIZERS = "torch.optim Adagrad Adam AdamW Adamax NAdam RAdam RMSprop SGD"


def _spell_out(by_module, root=""):
    return {
        f"{root}{module}.{name}": (f"{root}{module}", name)
        for module, names in by_module.items()
        for name in names.split()
    }


# By the names that stand in files: where to find them.
SKLEARN = _spell_out(ESTIMATORS, "sklearn.")
SKLEARN |= {name: tuple(name.rsplit(".", 1)) for name in (PREDICTOR, TREE)}
SKLEARN_INNER = _spell_out(INNER, "sklearn.")
_FUNCTIONS = _spell_out(FUNCTIONS)
_TYPES = {
    **{f"builtins.{kind.__name__}": kind for kind in PLAIN_TYPES},
    # NumPy 2 calls bool what was bool_ before.
    **{f"numpy.{kind.__name__.rstrip('_')}": kind for kind in SCALAR_TYPES},
}


def name_of(kind):
    """Name a class or a function by its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def find(place):
    """Import what stands in one of the lists here, (module, name)."""
    module, name = place
    return getattr(importlib.import_module(module), name)


def name_type(kind):
    """Name a type that is a value, such as ``np.float64``; None if it is not known."""
    known = {each: name for name, each in _TYPES.items()}
    if kind in known:
        return known[kind]
    module, *names = OPTIMIZERS.split()
    is_known = kind.__module__.startswith(module) and kind.__name__ in names
    return f"{module}.{kind.__name__}" if is_known else None


def find_type(name):
    """Find a type by what :func:`name_type` says; None if it is not known."""
    if name in _TYPES:
        return _TYPES[name]
    module, *names = OPTIMIZERS.split()
    known = [f"{module}.{each}" for each in names]
    return find((module, name.rpartition(".")[2])) if name in known else None


def name_function(function):
    """Name a function of NumPy or scikit-learn; None if it is not known."""
    if isinstance(function, np.ufunc):
        name = f"numpy.{function.__name__}"
        return name if find_function(name) is function else None
    for name, place in _FUNCTIONS.items():
        if place[1] == getattr(function, "__name__", None):
            found = find_function(name)
            if found is function:
                return name
    return None


def find_function(name):
    """Find a function by what :func:`name_function` says; None if not known."""
    if name in _FUNCTIONS:
        module, attribute = _FUNCTIONS[name]
        return getattr(importlib.import_module(module), attribute, None)
    root, _, attribute = name.partition(".")
    found = getattr(np, attribute, None) if root == "numpy" else None
    return found if isinstance(found, np.ufunc) else None
