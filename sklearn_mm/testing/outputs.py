"""What a fitted estimator says, and whether it says the same twice."""

import io
import pickle
import sys
from types import FunctionType

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.testing.samples import is_predictor

# Of numbers that may differ by rounding: sums in another order, other batches.
TOLERANCE = 1e-5

PREDICTIONS = ("predict_proba", "decision_function", "predict")


def seeded(estimator):
    """Clone an estimator, with a seed wherever its random_state is None."""
    estimator = clone(estimator)
    parameters = estimator.get_params(deep=True)
    seeds = {
        name: 0
        for name, value in parameters.items()
        if value is None and name.split("__")[-1] == "random_state"
    }
    return estimator.set_params(**seeds) if seeds else estimator


def fitted(estimator, X, y):
    """Fit a seeded clone."""
    return seeded(estimator).fit(X, y)


def outputs(estimator, X):
    """Ask a fitted estimator about X.

    Returns
    -------
    dict of str to FeatureBlock or ndarray
        Of a transformer the block of each modality; of a classifier its probabilities,
        or decision function; of a regressor its predictions.
    """
    if is_predictor(estimator):
        name = next(name for name in PREDICTIONS if hasattr(estimator, name))
        found = {name: np.asarray(getattr(estimator, name)(X))}
    else:
        found = as_blocks(estimator.transform(X))
    for name, result in found.items():
        assert len(result) == len(X), (
            f"{name!r} gave {len(result)} rows for the {len(X)} of X"
        )
    return found


def as_blocks(result):
    """Take what a transformer gave as named blocks."""
    if isinstance(result, MultimodalFeatures):
        return dict(result.blocks)
    if not isinstance(result, FeatureBlock):
        result = FeatureBlock.from_vectors(result)
    return {"transform": result}


def take(X, rows):
    """Cut rows out of X, or out of outputs."""
    if isinstance(X, dict):
        return {name: result[rows] for name, result in X.items()}
    return _safe_indexing(X, rows)


def assert_same(found, expected, what):
    """Assert that outputs are equal up to rounding.

    Parameters
    ----------
    found, expected : dict of str to FeatureBlock or ndarray
        Outputs.
    what : str
        What differs if they are not: the beginning of the message.
    """
    assert list(found) == list(expected), (
        f"{what}: found the modalities {list(found)}, expected {list(expected)}"
    )
    for name, result in found.items():
        if isinstance(result, FeatureBlock):
            _assert_same_block(result, expected[name], f"{what}, in {name!r}")
        else:
            _assert_close(result, expected[name], f"{what}, in {name!r}")


def assert_same_form(block, expected, what):
    """Assert that two blocks can stand in each other's place."""
    for attribute in ("kind", "token_shape", "vocabulary_size"):
        found, wanted = getattr(block, attribute), getattr(expected, attribute)
        assert found == wanted, f"{what}: {attribute} is {found!r}, expected {wanted!r}"
    found, wanted = block.values.dtype, expected.values.dtype
    assert found == wanted, f"{what}: the dtype is {found}, expected {wanted}"


def _assert_same_block(block, expected, what):
    assert_same_form(block, expected, what)
    differ = np.flatnonzero(block.lengths != expected.lengths)
    assert not len(differ), (
        f"{what}: row {differ[0]} has {block.lengths[differ[0]]} tokens, expected "
        f"{expected.lengths[differ[0]]}"
    )
    values, wanted = block.values, expected.values
    if not isinstance(values, np.ndarray):
        values, wanted = values.toarray(), wanted.toarray()
    _assert_close(values, wanted, f"{what}, token by token")


def _assert_close(found, expected, what):
    assert found.shape == expected.shape, (
        f"{what}: found the shape {found.shape}, expected {expected.shape}"
    )
    if found.dtype.kind not in "fiub":
        same = found == expected
    else:
        found, expected = found.astype(float), expected.astype(float)
        same = np.isclose(
            found, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
        )
    if not same.all():
        place = tuple(int(i) for i in np.argwhere(~same)[0])
        raise AssertionError(
            f"{what}: {np.sum(~same)} of {same.size} values differ, the first at "
            f"{place}: found {found[place]}, expected {expected[place]}"
        )


def assert_finite(found, what):
    """Assert that predictions are numbers."""
    for name, result in found.items():
        if result.dtype.kind != "f":
            continue
        rows = np.flatnonzero(~np.isfinite(result.reshape(len(result), -1)).all(axis=1))
        assert not len(rows), f"{what}: {name} is {result[rows[0]]} in row {rows[0]}"


def fingerprint(value):
    """Give bytes that change with the content of an object."""
    file = io.BytesIO()
    _StatePickler(file).dump(value)
    return file.getvalue()


class _StatePickler(pickle.Pickler):
    """Pickle all state, but not whether a torch module is set to train or evaluate.

    Whoever uses the module sets that. Functions and classes that have no name to be
    found by count as themselves.
    """

    def reducer_override(self, value):
        """Take the attributes of a torch module, and the module of a skorch net."""
        torch, skorch = sys.modules.get("torch"), sys.modules.get("skorch")
        if torch is not None and isinstance(value, torch.Tensor):
            if value.layout != torch.strided or value.is_quantized:
                return NotImplemented
            # Pickle notes the address of the numbers, which a copy does not share.
            content = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            form = [str(value.dtype), tuple(value.shape), value.requires_grad]
            return list, (), None, iter([*form, content.numpy().tobytes()])
        if torch is not None and isinstance(value, torch.nn.Module):
            state = {k: v for k, v in value.__getstate__().items() if k != "training"}
            return dict, (), None, None, iter(state.items())
        if skorch is not None and isinstance(value, skorch.NeuralNet):
            return list, (), None, iter([value.module_, value.history])
        is_local = "<" in getattr(value, "__qualname__", "")
        if isinstance(value, FunctionType | type) and is_local:
            # Pickle cannot find it by its name, and clone keeps it as it is.
            return str, (f"{value.__module__}.{value.__qualname__} {id(value)}",)
        return NotImplemented
