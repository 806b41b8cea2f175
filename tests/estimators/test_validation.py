"""Which rows are validated on, and by what score training stops."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.metrics import (
    balanced_accuracy_score,
    log_loss,
    make_scorer,
    mean_absolute_error,
    roc_auc_score,
    zero_one_loss,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.inspection import TrainingHistoryDisplay

X, Y = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)
PLACES = RNG.permutation(len(X))
TRAIN, VALID = PLACES[:90], PLACES[90:]
NOISY = np.where(RNG.random(len(Y)) < 0.3, RNG.integers(0, 3, len(Y)), Y)
OWN = {"X_val": X[VALID], "y_val": NOISY[VALID]}


def small(kind=AttentionFusionClassifier, **params):
    params = {"width": 8, "n_heads": 2, "max_epochs": 5, "batch_size": 16, **params}
    return kind(random_state=0, **params)


def whole(model):
    """Let a model predict what the best epoch did, not nearer to its linear start."""
    model.net_.module_.count_learned(1.0)
    return model


class SeeRows(Callback):
    """Note which rows are trained on and validated on."""

    seen = None

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        SeeRows.seen = sorted(dataset_train.rows), sorted(dataset_valid.rows)


def probabilities(model, X):
    """Predict in double precision, where rows sum to one more exactly."""
    return softmax(whole(model).decision_function(X).astype(np.float64), axis=1)


def test_own_rows_are_what_the_best_epoch_is_chosen_by():
    model = small(callbacks=[SeeRows()]).fit(X[TRAIN], NOISY[TRAIN], **OWN)
    losses = model.history_[:, "valid_loss"]
    found = log_loss(OWN["y_val"], probabilities(model, OWN["X_val"]))
    assert_allclose(found, min(losses), rtol=1e-5)
    assert SeeRows.seen == (list(range(90)), list(range(60)))


def test_own_rows_do_what_a_predefined_split_does():
    split = predefined_split(Dataset(OWN["X_val"], OWN["y_val"]))
    expected = small(early_stopping=True, net_params={"train_split": split})
    expected.fit(X[TRAIN], NOISY[TRAIN])
    model = small().fit(X[TRAIN], NOISY[TRAIN], **OWN)
    assert_allclose(
        model.predict_proba(X), expected.predict_proba(X), rtol=1e-4, atol=1e-6
    )


def test_own_rows_have_weights():
    weight = RNG.uniform(0, 3, len(VALID))
    model = small().fit(X[TRAIN], NOISY[TRAIN], **OWN, sample_weight_val=weight)
    found = probabilities(model, OWN["X_val"])
    found = log_loss(OWN["y_val"], found, sample_weight=weight)
    assert_allclose(found, min(model.history_[:, "valid_loss"]), rtol=1e-5)


def test_own_rows_learn_the_temperature_without_early_stopping():
    params = {"early_stopping": False, "calibration": "temperature"}
    model = small(**params).fit(X[TRAIN], NOISY[TRAIN], **OWN)
    assert model.history_[0, "batches", :, "train_batch_size"] == [16] * 5 + [10]
    assert model.n_iter_ == 5
    assert model.shared_temperature_ != 1.0


def test_a_regressor_takes_own_rows():
    model = small(AttentionFusionRegressor, scoring="neg_mean_absolute_error")
    y = 100 * X[:, 0]
    model.fit(X[TRAIN, 1:], y[TRAIN], X_val=X[VALID, 1:], y_val=y[VALID])
    found = mean_absolute_error(y[VALID], whole(model).predict(X[VALID, 1:]))
    assert_allclose(-found, max(model.history_[:, "valid_score"]), rtol=1e-5)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_a_pipeline_transforms_own_rows_by_metadata_routing(routing):
    texts = np.array(["red", "blue", "green leaf"], dtype=object)[NOISY]
    table = np.column_stack([texts, X.astype(object)])
    union = MultimodalFeatureUnion(
        [("text", TextTransformer(), 0), ("table", StandardScaler(), [1, 2, 3, 4])]
    )
    classifier = small().set_fit_request(X_val=True, y_val=True)
    model = make_pipeline(union, classifier, transform_input=["X_val"])
    model.fit(table[TRAIN], Y[TRAIN], X_val=table[VALID], y_val=Y[VALID])
    features = union.fit_transform(table[TRAIN])
    expected = small().fit(
        features, Y[TRAIN], X_val=union.transform(table[VALID]), y_val=Y[VALID]
    )
    assert_array_equal(
        model.predict_proba(table), expected.predict_proba(union.transform(table))
    )
    columns = ("train_loss", "valid_loss", "valid_score")
    assert model[-1].history_[:, columns] == expected.history_[:, columns]


@pytest.mark.parametrize(
    ("passed", "message"),
    [
        ({"X_val": X}, "X_val is passed, and y_val is not"),
        ({"y_val": Y}, "y_val is passed, and X_val is not"),
        ({"sample_weight_val": Y}, "sample_weight_val is passed, and X_val is not"),
        ({"X_val": X, "y_val": Y[:9]}, "X_val, y_val: .*inconsistent numbers"),
        ({"X_val": X, "y_val": Y + 2}, r"X_val, y_val: y has the labels \[.*3.*4"),
        ({"X_val": X[:, :2], "y_val": Y}, "X_val, y_val: X has 2 features"),
        ({"X_val": X, "y_val": np.eye(3)[Y]}, r"y_val has shape \(150, 3\), but y has"),
        ({"X_val": X, "y_val": np.where(Y, Y, np.nan)}, "y_val: Input y contains NaN"),
    ],
)
def test_own_rows_that_cannot_be_used_are_named(passed, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X, Y, **passed)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"early_stopping": False}, "nothing would use them with early_stopping=False"),
        ({"net_params": {"train_split": None}}, "has a train_split, too"),
    ],
)
def test_own_rows_that_nothing_uses_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(X, Y, X_val=X, y_val=Y)


LAST = {"early_stopping": True, "validation_split": "last", "callbacks": [SeeRows()]}


def test_the_last_rows_are_held_out_where_they_are_in_order_of_time():
    small(**LAST, validation_fraction=0.2).fit(X[PLACES], Y[PLACES])
    assert SeeRows.seen == (list(range(120)), list(range(120, 150)))


def test_of_groups_those_that_begin_last_are_held_out():
    groups = np.repeat(["c", "a", "d", "b", "a"], 30)
    small(**LAST, validation_fraction=0.25).fit(X[PLACES], Y[PLACES], groups=groups)
    assert SeeRows.seen[1] == list(range(90, 120))


def test_rows_that_weights_leave_out_are_not_the_last():
    weight = np.r_[np.ones(140), np.zeros(10)]
    small(**LAST, validation_fraction=0.1).fit(X[PLACES], Y[PLACES], weight)
    assert SeeRows.seen[1] == list(range(126, 140))


def test_early_stopping_goes_by_a_score_of_scikit_learn():
    labels = (NOISY == 1).astype(int)
    model = small(scoring="roc_auc", max_epochs=12, n_iter_no_change=3)
    model.fit(X[TRAIN], labels[TRAIN], X_val=X[VALID], y_val=labels[VALID])
    scores = np.array(model.history_[:, "valid_score"])
    found = roc_auc_score(labels[VALID], whole(model).predict_proba(X[VALID])[:, 1])
    assert_allclose(found, scores.max(), rtol=1e-6)
    assert len(scores) in (12, scores.argmax() + 1 + 3)
    assert scores.argmax() != np.argmin(model.history_[:, "valid_loss"])
    assert TrainingHistoryDisplay.from_estimator(model).best_epoch == (
        scores.argmax() + 1
    )


def test_a_score_that_is_a_loss_counts_the_other_way_round():
    model = small(scoring="neg_log_loss").fit(X[TRAIN], NOISY[TRAIN], **OWN)
    expected = small().fit(X[TRAIN], NOISY[TRAIN], **OWN)
    assert_allclose(
        model.history_[:, "valid_score"],
        -np.array(expected.history_[:, "valid_loss"]),
        rtol=1e-5,
    )
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize(
    "scoring",
    [
        make_scorer(zero_one_loss, greater_is_better=False),
        lambda estimator, X, y: (estimator.predict(X) == y).mean(),
        None,
    ],
)
def test_scorers_and_functions_are_taken_too(scoring):
    model = small(scoring=scoring).fit(X[TRAIN], NOISY[TRAIN], **OWN)
    best = max(model.history_[:, "valid_score"])
    right = whole(model).score(OWN["X_val"], OWN["y_val"])
    assert_allclose(right, best + (best < 0), rtol=1e-6)


def test_scores_weigh_the_rows():
    weight = np.where(OWN["y_val"] == 0, 1.5, 0.5)
    model = small(scoring="balanced_accuracy")
    model.fit(X[TRAIN], NOISY[TRAIN], **OWN, sample_weight_val=weight)
    found = balanced_accuracy_score(
        OWN["y_val"], whole(model).predict(OWN["X_val"]), sample_weight=weight
    )
    assert_allclose(found, max(model.history_[:, "valid_score"]))


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ("roc_auk", "scoring must be 'loss', None, a name.*Did you mean 'roc_auc"),
        (["f1"], r"or a callable \(estimator, X, y\), found \['f1'\]"),
        (roc_auc_score, "a metric: sklearn.metrics.make_scorer makes a score of it"),
        ("roc_auc", "scoring='roc_auc' cannot score the 60 rows held out: multi_class"),
        ("r2", "scoring='r2' gives nan for|cannot score"),
    ],
)
def test_what_cannot_score_is_named(scoring, message):
    labels = NOISY if scoring != "r2" else np.array(["a", "b", "c"])[NOISY]
    with pytest.raises(ValueError, match=message):
        small(scoring=scoring).fit(
            X[TRAIN], labels[TRAIN], X_val=X[VALID], y_val=labels[VALID]
        )


@pytest.mark.filterwarnings("ignore:Only one class is present")
def test_a_score_that_is_no_number_is_an_error_that_says_why():
    labels = (Y == 0).astype(int)
    with pytest.raises(ValueError, match="gives nan for the 50 rows held out.*class"):
        small(scoring="roc_auc").fit(X, labels, X_val=X[50:100], y_val=labels[50:100])


def test_a_score_that_cannot_weigh_rows_is_an_error():
    def right(estimator, X, y):
        return (estimator.predict(X) == y).mean()

    weight = RNG.uniform(1, 2, len(VALID))
    with pytest.raises(ValueError, match="takes no sample_weight, and the rows have"):
        small(scoring=right).fit(
            X[TRAIN], NOISY[TRAIN], **OWN, sample_weight_val=weight
        )
