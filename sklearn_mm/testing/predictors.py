"""Checks of what predicts from several modalities, or from cells."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import has_fit_parameter

from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.testing.outputs import (
    TOLERANCE,
    assert_finite,
    assert_same,
    fitted,
    outputs,
    seeded,
    take,
)
from sklearn_mm.testing.samples import hide, missing_cells, modalities

# How much longer a neighbour becomes.
TIMES = 5


def check_missing_cells(estimator, X, y):
    """Check that a row without a modality is predicted, and no other row notices."""
    model = fitted(estimator, X, y)
    expected = outputs(model, X)
    every = np.arange(len(X))
    hidden, others = every[::3], every[every % 3 > 0]
    kinds = [None] if isinstance(X, MultimodalFeatures) else missing_cells()
    for cell in kinds:
        for names in modalities(model, X):
            gappy = hide(X, hidden, names, cell)
            found = outputs(model, gappy)
            what = f"with {_called(names)} missing in every third row"
            assert_finite(found, what)
            assert_same(
                take(found, others),
                take(expected, others),
                f"{what}, predictions of the others changed",
            )
            assert_same(
                outputs(model, take(gappy, hidden)),
                take(found, hidden),
                f"{what}, these rows alone give something else",
            )


def check_missing_cells_in_fit(estimator, X, y):
    """Check that rows with gaps, and one with nothing, can be trained on."""
    kinds = [None] if isinstance(X, MultimodalFeatures) else missing_cells()
    parts = modalities(fitted(estimator, X, y), X)
    for cell in kinds:
        gappy = hide(X, [0], cell=cell)
        for number, names in enumerate(parts, 1):
            gappy = hide(gappy, range(number, len(X), len(parts) + 1), names, cell)
        model = fitted(estimator, gappy, y)
        assert_finite(outputs(model, gappy), "trained and tested on rows with gaps")
        assert_finite(outputs(model, X), "trained on rows with gaps")


def check_all_cells_missing(estimator, X, y):
    """Check that a modality may be missing in all rows, or not be there at all."""
    model = fitted(estimator, X, y)
    for names in modalities(model, X):
        found = outputs(model, hide(X, range(len(X)), names))
        what = f"with {_called(names)} missing in all rows"
        assert_finite(found, what)
        if isinstance(X, MultimodalFeatures) and len(X.names) > 1:
            rest = X.select([name for name in X.names if name not in names])
            assert_same(
                outputs(model, rest),
                found,
                f"without {_called(names)} it gives something else than {what}",
            )


def check_all_cells_missing_in_fit(estimator, X, y):
    """Check that a modality that is missing in all training rows may come later."""
    for names in modalities(fitted(estimator, X, y), X):
        nothing = hide(X, range(len(X)), names)
        model = fitted(estimator, nothing, y)
        what = f"trained with {_called(names)} missing in all rows"
        assert_finite(outputs(model, nothing), what)
        assert_finite(outputs(model, X), f"{what} and tested with it")


def check_row_with_nothing(estimator, X, y):
    """Check that a row with nothing gets the classes' shares, or a usual target."""
    model = fitted(estimator, X, y)
    nothing = hide(take(X, [0, 1, 2]), [0, 1, 2])
    found = outputs(model, nothing)
    assert_finite(found, "in rows with nothing")
    if "predict_proba" in found and y.ndim == 1:
        _, counts = np.unique(y, return_counts=True)
        shares = np.tile(counts / counts.sum(), (3, 1))
        what = "rows with nothing have other probabilities than the classes' shares"
        assert_same(found, {"predict_proba": shares}, what)
        return
    (name, predicted), *_ = found.items()
    assert_same(
        found, {name: predicted[[0, 0, 0]]}, "rows with nothing are not predicted alike"
    )
    if not is_classifier(estimator):
        low, high = y.min(axis=0), y.max(axis=0)
        slack = TOLERANCE * np.maximum(abs(low), abs(high))
        assert np.all((low - slack <= predicted) & (predicted <= high + slack)), (
            f"a row with nothing is predicted as {predicted[0]}, outside the training "
            f"targets {low} to {high}"
        )


def check_probabilities(estimator, X, y):
    """Check that probabilities sum to one, and the label is that of the largest."""
    if not hasattr(estimator, "predict_proba"):
        return
    model = fitted(estimator, X, y)
    gappy = hide(X, range(0, len(X), 2), modalities(model, X)[0])
    probability = np.asarray(model.predict_proba(gappy))
    assert_finite({"predict_proba": probability}, "in rows with gaps")
    assert np.all((probability >= 0) & (probability <= 1)), (
        f"probabilities reach from {probability.min()} to {probability.max()}"
    )
    if y.ndim > 1:
        return
    assert probability.shape == (len(X), len(model.classes_)), (
        f"predict_proba has the shape {probability.shape}, expected "
        f"{(len(X), len(model.classes_))}"
    )
    sums = probability.sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    assert abs(sums[worst] - 1) < TOLERANCE, (
        f"the probabilities of row {worst} sum to {sums[worst]:.6g}"
    )
    label = np.asarray(model.predict(gappy))
    chosen = np.searchsorted(model.classes_, label)
    short = probability.max(axis=1) - probability[np.arange(len(label)), chosen]
    worst = int(short.argmax())
    assert short[worst] < TOLERANCE, (
        f"row {worst} is predicted as {label[worst]!r}, which is not its most probable "
        "class"
    )


def check_sample_weights_of_one(estimator, X, y):
    """Check that weights of one are no weights."""
    if not has_fit_parameter(estimator, "sample_weight"):
        return
    weighted = seeded(estimator).fit(X, y, sample_weight=np.ones(len(X)))
    assert_same(
        outputs(weighted, X),
        outputs(fitted(estimator, X, y), X),
        "sample_weight of ones gives something else than none",
    )


def check_neighbour_of_another_length(estimator, X, y):
    """Check that a row far longer than in training is predicted, and has no effect."""
    model = fitted(estimator, X, y)
    longer = MultimodalFeatures(
        [(name, _lengthen(block)) for name, block in X.blocks.items()]
    )
    found, expected = outputs(model, longer), outputs(model, X)
    assert_finite(found, f"where row 0 is {TIMES} times as long as in training")
    others = np.arange(1, len(X))
    assert_same(
        take(found, others),
        take(expected, others),
        "predictions depend on how long another row is: mask the padding",
    )


def _lengthen(block):
    """Repeat the tokens of row 0, where a sample can have more than one."""
    if block.kind == "vector":
        return block
    samples = [block[row].values for row in range(len(block))]
    samples[0] = np.concatenate([samples[0]] * TIMES)
    return FeatureBlock.from_samples(
        samples,
        block.kind,
        token_shape=block.token_shape,
        vocabulary_size=block.vocabulary_size,
    )


def _called(names):
    return "the cells" if names is None else f"{', '.join(map(repr, names))}"
