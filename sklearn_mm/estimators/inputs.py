"""What an estimator is given, as features and rows that can be trained on."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, validate_data

from sklearn_mm._flattened import warn_of_flattened
from sklearn_mm._indexing import row_slices
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.estimators.cells import cells_in, refuse_dates, warn_of_flat_names
from sklearn_mm.estimators.digests import in_dtype, row_digests, with_equal_dtypes
from sklearn_mm.features import MultimodalFeatures

# Name of the modality where X is a plain 2-D array or one block.
SINGLE_MODALITY = "features"

# Whole weights that sum to at most this many times the rows are rows repeated.
_MAX_REPETITION = 4


@dataclass(frozen=True)
class Rows:
    """Rows that are learned from, in the order of their content.

    Attributes
    ----------
    features : MultimodalFeatures
        Of all samples.
    numbers : ndarray of int of shape (n_rows,)
        Which samples; one may stand several times.
    y : ndarray of shape (n_samples, ...)
        Targets of all samples, as the user has them.
    weight : ndarray of shape (n_rows,), or None
        Of the rows.
    groups : ndarray of shape (n_rows,), or None
        Of the rows.
    """

    features: MultimodalFeatures
    numbers: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    groups: np.ndarray | None = None

    def __len__(self):
        return len(self.numbers)

    @property
    def target(self):
        """Targets of the rows: ndarray of shape (n_rows, ...)."""
        return self.y[self.numbers]


def check_features(estimator, X, *, reset):
    """Take X as MultimodalFeatures and check it against what was fitted.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or checked, and whose
        ``modalities_in_`` are what X must hold unless ``reset``.
    X : MultimodalFeatures, FeatureBlock, or {array, sparse matrix, table}
        A 2-D array is one modality of vectors, in which NaN is a missing number.
    reset : bool
        True in ``fit``.

    Returns
    -------
    MultimodalFeatures
        When not ``reset`` with the fitted modalities in their order; one that X has
        not is missing in every row.
    """
    if isinstance(X, FeatureBlock):
        X = MultimodalFeatures([(SINGLE_MODALITY, X)])
    if not isinstance(X, MultimodalFeatures):
        numbers, owner = _numbers(estimator, X, reset), type(estimator).__name__
        if reset and not warn_of_flattened(owner, X):
            warn_of_flat_names(owner, X)
        X = MultimodalFeatures([(SINGLE_MODALITY, FeatureBlock.from_vectors(numbers))])
    elif reset:
        validate_data(estimator, X, reset=True, skip_check_array=True)
    _check_values(type(estimator).__name__, X)
    return with_equal_dtypes(X) if reset else as_fitted(estimator, X)


def _numbers(estimator, X, reset):
    """Check that X is a 2-D array of numbers, and say what else it may be."""
    owner = type(estimator).__name__
    refuse_dates(owner, X)
    try:
        return validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
        )
    except (TypeError, ValueError) as error:
        advice = cells_in(X)
        if advice is None:
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{owner} takes features. {advice}. ({error})") from error


def _check_values(owner, features):
    """Refuse no rows, no numbers, and numbers that are not finite."""
    if not len(features):
        raise ValueError(
            f"Found features with 0 sample(s) while a minimum of 1 is required by "
            f"{owner}."
        )
    for name, block in features.blocks.items():
        if block.kind == "tokens":
            _check_ids(name, block)
        if block.values.dtype.kind != "f":
            continue
        for rows in row_slices([block]):
            _check_finite(name, block[rows], rows.start)


def _check_ids(name, block):
    """Refuse token ids that are not in the vocabulary, which are on disk perhaps."""
    try:
        block.check_ids()
    except ValueError as error:
        raise ValueError(f"modality {name!r}: {error}") from error


def _check_finite(name, block, first_row):
    """Refuse numbers that are not finite, in some of a modality's rows."""
    is_sparse = sparse.issparse(block.values)
    values = block.values.data if is_sparse else block.values
    # One pass: a sum is finite only where every number is (or it overflows).
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(values, dtype=np.float64)):
            return
    bad = np.isinf(values) if block.kind == "vector" else ~np.isfinite(values)
    if bad.any():
        where, found = "", "infinity" if block.kind == "vector" else "NaN or infinity"
        if not is_sparse:
            token, *place = np.argwhere(bad)[0].tolist()
            row = int(np.searchsorted(block.offsets, token, side="right")) - 1
            where = f", row {first_row + row}"
            where += f", column {place[0]}" if block.kind == "vector" else ""
        raise ValueError(
            f"modality {name!r}{where}: found {found} in a block of kind "
            f"{block.kind!r}. Clean it in its transformer, or make the row missing."
        )


def refuse_missing(features):
    """Raise ValueError with modality and row where a modality is missing.

    Parameters
    ----------
    features : MultimodalFeatures
        For an estimator with ``missing="error"``.
    """
    for name, block in features.blocks.items():
        if block.missing.any():
            raise ValueError(
                f"modality {name!r} is missing in row {int(block.missing.argmax())} "
                "and missing='error'. Use missing='token' to predict rows without it."
            )


def as_fitted(estimator, features):
    """Order the modalities as in fit, and check each block.

    Parameters
    ----------
    estimator : estimator
        With ``modalities_in_``.
    features : MultimodalFeatures
        Some or all of these modalities.

    Returns
    -------
    MultimodalFeatures
        All of them, those that ``features`` has not without tokens.
    """
    fitted = estimator.modalities_in_
    unknown = [name for name in features.names if name not in fitted]
    if unknown:
        raise ValueError(
            f"X has the modalities {features.names}, but {type(estimator).__name__} "
            f"was fitted on {list(fitted)}: {unknown} are unknown"
        )
    blocks = []
    for name, modality in fitted.items():
        if name not in features.blocks:
            blocks.append((name, _empty_block(modality, len(features))))
            continue
        block = features[name]
        for what in ("kind", "token_shape", "vocabulary_size"):
            found, expected = getattr(block, what), getattr(modality, what)
            if found != expected:
                raise ValueError(
                    f"modality {name!r} of X has {what} {found!r}, but "
                    f"{type(estimator).__name__} was fitted on {expected!r}"
                )
        if modality.mean is not None and block.values.dtype.itemsize >= 4:
            # In the precision of training, so that equal numbers are treated alike.
            block = in_dtype(block, modality.mean.dtype)
        blocks.append((name, block))
    return MultimodalFeatures(blocks)


def _empty_block(modality, n_samples):
    return FeatureBlock.from_samples(
        [None] * n_samples,
        modality.kind,
        token_shape=modality.token_shape,
        dtype=np.int32 if modality.kind == "tokens" else np.float32,
        vocabulary_size=modality.vocabulary_size,
    )


def check_weights(sample_weight, n_samples):
    """Check sample weights: ndarray of shape (n_samples,), float64, or None."""
    if sample_weight is None:
        return None
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.ndim == 0:
        weight = np.full(n_samples, float(weight))
    if weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must be 1-D with one weight for each of the {n_samples} "
            f"rows, found shape {weight.shape}"
        )
    if (weight < 0).any() or not (weight > 0).any():
        raise ValueError(
            "sample_weight must not be negative, and not zero for every row; found "
            f"weights from {weight.min()} to {weight.max()}"
        )
    return weight


def training_rows(features, target, weight):
    """Put the rows in the order of their content, and turn whole weights into rows.

    So neither the order in which the rows arrive changes what is learned, nor whether
    a row stands twice or once with a weight of two.

    Parameters
    ----------
    features : MultimodalFeatures
        Of n_samples.
    target : ndarray of shape (n_samples, ...)
        As numbers, equal where the targets are.
    weight : ndarray of shape (n_samples,), or None
        Rows of weight zero are left out.

    Returns
    -------
    rows : ndarray of int of shape (n_rows,)
        Into the features.
    weight : ndarray of shape (n_rows,), or None
        Weights that are not rows repeated, with a mean of one.
    """
    digests = row_digests(features, target).T
    if weight is None:
        return np.lexsort(digests), None
    rows = np.lexsort((weight, *digests))  # equal rows by their weights
    rows = rows[weight[rows] > 0]
    weight = weight[rows]
    whole = np.all(weight == np.floor(weight))
    if whole and weight.sum() <= _MAX_REPETITION * len(rows):
        return np.repeat(rows, weight.astype(np.int64)), None
    if np.all(weight == weight[0]):
        return rows, None
    return rows, weight / weight.mean()
