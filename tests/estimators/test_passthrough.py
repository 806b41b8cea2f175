"""What a user hands on to skorch works, or is refused by name."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.metrics import accuracy_score, make_scorer, recall_score, roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedShuffleSplit
from skorch.callbacks import (
    BatchScoring,
    Callback,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
)
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import predefined_split
from torch import nn

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    FeatureBlock,
    MultimodalFeatures,
)
from sklearn_mm.estimators.batches import BatchIterator, FusionDataset
from sklearn_mm.estimators.passthrough import batch_plan

X, Y = load_iris(return_X_y=True)
X, Y = X[::2], Y[::2]  # 25 rows of each class
NAMES = np.array(["ash", "birch", "cedar"])[Y]


def small(**params):
    params = {"width": 8, "n_heads": 2, "max_epochs": 2, "batch_size": 25, **params}
    return AttentionFusionClassifier(random_state=0, **params)


class Rates(Callback):
    """Keep the learning rate of each batch."""

    def on_train_begin(self, net, **kwargs):
        self.rates = []

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            self.rates.append(net.optimizer_.param_groups[0]["lr"])


class Rows(Callback):
    """Count the rows of an epoch."""

    def on_train_begin(self, net, **kwargs):
        self.counts = {True: 0, False: 0}

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        self.counts[training] += len(batch[1][0])


def callback_of(model, kind):
    return dict(model.net_.callbacks_)[kind.__name__]


def rows_by_split(split, **params):
    model = small(net_params={"train_split": split}, callbacks=[Rows()], max_epochs=1)
    model.set_params(**params).fit(X, NAMES)
    assert "valid_loss" in model.history_[-1]
    counts = callback_of(model, Rows).counts
    return counts[True], counts[False]


SPLITS = {
    "folds": (ValidSplit(3), (50, 25)),
    "share": (ValidSplit(0.2, stratified=True, random_state=0), (60, 15)),
    "splitter": (ValidSplit(StratifiedShuffleSplit(1, test_size=9), True), (66, 9)),
    "rows of its own": (predefined_split(Dataset(X[:5], NAMES[:5])), (75, 5)),
    "a pair": (predefined_split((X[:5], NAMES[:5])), (75, 5)),
}


@pytest.mark.parametrize("name", SPLITS)
def test_a_split_of_skorch_holds_its_rows_out(name):
    split, expected = SPLITS[name]
    assert rows_by_split(split) == expected


def test_features_of_several_modalities_may_be_the_rows_to_validate_on():
    features = MultimodalFeatures(
        {"a": FeatureBlock.from_vectors(X), "b": FeatureBlock.from_vectors(X[:, :2])}
    )
    split = predefined_split(Dataset(features[:10], NAMES[:10]))
    model = small(net_params={"train_split": split}, callbacks=[Rows()], max_epochs=1)
    model.fit(features, NAMES)
    assert callback_of(model, Rows).counts == {True: 75, False: 10}


def test_early_stopping_takes_the_rows_of_a_split_of_skorch():
    split, expected = SPLITS["folds"]
    assert rows_by_split(split, early_stopping=True) == expected
    model = small(net_params={"train_split": split}, early_stopping=True).fit(X, Y)
    assert "early_stopping" in dict(model.net_.callbacks_)
    assert "valid_score" in model.history_[-1]


def test_a_split_of_skorch_sees_the_groups():
    groups = np.repeat(np.arange(5), 15)
    split = ValidSplit(GroupKFold(5))
    model = small(net_params={"train_split": split}, callbacks=[Rows()], max_epochs=1)
    model.fit(X, Y, groups=groups)
    assert callback_of(model, Rows).counts == {True: 60, False: 15}


def test_partial_fit_validates_on_the_rows_of_a_split():
    split = predefined_split(Dataset(X[:5], Y[:5]))
    model = small(net_params={"train_split": split})
    model.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y)
    assert len(model.history_[:, "valid_loss"]) == 2


def test_the_loss_of_a_split_is_that_of_the_predictions():
    split = predefined_split(Dataset(X[:9], Y[:9]))
    model = small(net_params={"train_split": split}).fit(X, Y)
    probability = model.predict_proba(X[:9])
    expected = -np.log(probability[np.arange(9), Y[:9]]).mean()
    assert_allclose(model.history_[-1, "valid_loss"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (3, r"train_split=3 here\. Use skorch\.dataset\.ValidSplit"),
        (predefined_split([1, 2]), "must hold features and targets: predefined_split"),
    ],
)
def test_a_split_that_cannot_work_is_refused(split, message):
    with pytest.raises(ValueError, match=message):
        small(net_params={"train_split": split}).fit(X, Y)


def test_early_stopping_without_rows_to_validate_on_is_refused():
    with pytest.raises(ValueError, match="needs rows to validate on, and train_split"):
        small(net_params={"train_split": None}, early_stopping=True).fit(X, Y)


def reference_loss(smoothing):
    """Cross-entropy as the paper of label smoothing has it, row by row."""

    class Smoothed(nn.Module):
        def forward(self, outputs, target):
            logs = outputs.log_softmax(dim=1)
            own = -logs[torch.arange(len(target)), target]
            return (1 - smoothing) * own - smoothing * logs.mean(dim=1)

    return Smoothed


@pytest.mark.parametrize(
    "criterion",
    [
        {"criterion": nn.CrossEntropyLoss(label_smoothing=0.2)},
        {"criterion": nn.CrossEntropyLoss, "criterion__label_smoothing": 0.2},
        {"criterion": nn.CrossEntropyLoss(label_smoothing=0.2, reduction="none")},
        {
            "criterion": nn.CrossEntropyLoss,
            "criterion__label_smoothing": 0.2,
            "criterion__reduction": "mean",
        },
    ],
)
def test_a_criterion_is_taken_row_by_row(criterion):
    weight = np.linspace(0.5, 1.5, len(Y))
    found = small(net_params=criterion).fit(X, Y, sample_weight=weight)
    expected = small(net_params={"criterion": reference_loss(0.2)})
    expected.fit(X, Y, sample_weight=weight)
    assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-4)
    plain = small().fit(X, Y, sample_weight=weight)
    assert np.abs(found.predict_proba(X) - plain.predict_proba(X)).max() > 1e-3


def test_the_criterion_of_the_default_named_is_the_default():
    named = small(net_params={"criterion": nn.CrossEntropyLoss}).fit(X, Y)
    assert_array_equal(named.predict_proba(X), small().fit(X, Y).predict_proba(X))


def test_a_criterion_of_several_outputs_is_averaged_over_them():
    params = {"width": 8, "n_heads": 2, "max_epochs": 2, "random_state": 0}
    named = AttentionFusionRegressor(**params, net_params={"criterion": nn.MSELoss})
    default = AttentionFusionRegressor(**params)
    assert_allclose(
        named.fit(X[:, 2:], X[:, :2]).predict(X[:, 2:]),
        default.fit(X[:, 2:], X[:, :2]).predict(X[:, 2:]),
        rtol=1e-5,
    )


def test_a_criterion_of_labels_is_averaged_over_them():
    features, labels = make_multilabel_classification(60, 5, n_classes=3)
    named = small(net_params={"criterion": nn.BCEWithLogitsLoss}).fit(features, labels)
    default = small().fit(features, labels)
    assert_allclose(
        named.predict_proba(features), default.predict_proba(features), atol=1e-5
    )


class Total(nn.Module):
    """A criterion that gives one number."""

    def forward(self, outputs, target):
        return outputs.square().mean()


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ({"criterion": nn.CrossEntropyLoss(reduction="sum")}, "reduction='sum': the"),
        (
            {"criterion": nn.CrossEntropyLoss, "criterion__reduction": "sum"},
            "with reduction='sum': the losses of rows are weighed",
        ),
        ({"criterion__label_smoothing": 0.1}, "name the criterion as well, such as"),
        ({"criterion": nn.BCEWithLogitsLoss}, r"does not take outputs \(25, 3\) and"),
        ({"criterion": Total}, r"loss of shape \(\) for .*, expected one for each row"),
        (
            {"criterion": nn.CrossEntropyLoss(), "criterion__label_smoothing": 0.1},
            "is built already. Pass its class, CrossEntropyLoss",
        ),
    ],
)
def test_a_criterion_that_cannot_work_is_refused(criterion, message):
    with pytest.raises(ValueError, match=message):
        small(net_params=criterion).fit(X, Y)


def held_scores(scoring, y=NAMES, **how):
    """Score with skorch on rows of the user's, and give these and the model, too."""
    rows = np.r_[0:75:3]
    split = predefined_split(Dataset(X[rows], y[rows]))
    callback = EpochScoring(scoring, **how)
    model = small(net_params={"train_split": split}, callbacks=[callback]).fit(X, y)
    name = how.get("name") or (scoring if isinstance(scoring, str) else None)
    return model, X[rows], y[rows], model.history_[-1, name] if name else None


def test_a_metric_by_name_sees_the_estimators_labels():
    model, tested, labels, found = held_scores("accuracy")
    assert_allclose(found, model.score(tested, labels))
    assert "accuracy_best" in model.history_[-1]


def test_a_metric_of_probabilities_sees_the_estimators():
    model, tested, labels, found = held_scores("roc_auc_ovr")
    expected = roc_auc_score(labels, model.predict_proba(tested), multi_class="ovr")
    assert_allclose(found, expected)


def test_the_roc_auc_of_two_classes_is_scored():
    y = np.where(Y == 1, "yes", "no")
    model, tested, labels, found = held_scores("roc_auc", y)
    expected = roc_auc_score(labels == "yes", model.predict_proba(tested)[:, 1])
    assert_allclose(found, expected)


def test_a_scorer_may_name_a_label():
    # Without pos_label, scikit-learn 1.8 asks for a class of its default, 1.
    scorer = make_scorer(
        recall_score, labels=["cedar"], average="macro", pos_label=None
    )
    model, tested, labels, found = held_scores(scorer, name="recall")
    is_cedar = labels == "cedar"
    assert_allclose(found, (model.predict(tested)[is_cedar] == "cedar").mean())


def test_a_function_of_the_net_sees_its_history_and_the_labels():
    def score(net, X, y):
        assert net.history[-1]["epoch"] == len(net.history)
        return accuracy_score(y, net.predict(X))

    model, tested, labels, found = held_scores(score, name="own")
    assert_allclose(found, model.score(tested, labels))


def test_a_metric_of_numbers_is_in_the_targets_units():
    split = predefined_split(Dataset(X[:20, 1:], 100 * X[:20, 0]))
    model = AttentionFusionRegressor(
        width=8,
        n_heads=2,
        max_epochs=2,
        net_params={"train_split": split},
        callbacks=[EpochScoring("neg_mean_absolute_error", lower_is_better=False)],
    ).fit(X[:, 1:], 100 * X[:, 0])
    model.net_.module_.count_learned(1.0)  # as when the epoch was scored
    expected = -np.abs(model.predict(X[:20, 1:]) - 100 * X[:20, 0]).mean()
    found = model.history_[-1, "neg_mean_absolute_error"]
    assert_allclose(found, expected, rtol=1e-5)


def test_several_labels_are_scored():
    features, labels = make_multilabel_classification(60, 5, n_classes=3)
    split = predefined_split(Dataset(features[:20], labels[:20]))
    scoring = EpochScoring("f1_micro", lower_is_better=False)
    model = small(net_params={"train_split": split}, callbacks=[scoring])
    assert 0 <= model.fit(features, labels).history_[-1, "f1_micro"] <= 1


@pytest.mark.parametrize("use_caching", [True, False])
def test_training_rows_are_scored(use_caching):
    callback = EpochScoring("accuracy", on_train=True, use_caching=use_caching)
    model = small(callbacks=[callback], dropout=0.0).fit(X, NAMES)
    assert len(model.history_[:, "accuracy"]) == 2


def test_without_a_cache_the_training_rows_are_scored_by_the_model():
    callback = EpochScoring("accuracy", on_train=True, use_caching=False)
    model = small(callbacks=[callback]).fit(X, NAMES)
    assert_allclose(model.history_[-1, "accuracy"], model.score(X, NAMES))


def test_batches_are_scored():
    model = small(callbacks=[BatchScoring("accuracy", on_train=True)]).fit(X, NAMES)
    scores = model.history_[-1, "batches", :, "accuracy"]
    assert_allclose(model.history_[-1, "accuracy"], np.mean(scores))


def test_batches_that_would_be_cut_anew_are_refused():
    callback = BatchScoring("accuracy", use_caching=False)
    with pytest.raises(ValueError, match="Leave use_caching out, or use EpochScoring"):
        small(callbacks=[callback]).fit(X, Y)


def test_scores_of_no_rows_are_warned_of():
    with pytest.warns(UserWarning, match="'accuracy' scores rows held out, and there"):
        small(callbacks=[EpochScoring("accuracy")]).fit(X, Y)


def test_a_score_stops_the_training():
    callbacks = [
        EpochScoring("accuracy", lower_is_better=False),
        EarlyStopping("accuracy", patience=2, threshold=9.0, lower_is_better=False),
    ]
    split = predefined_split(Dataset(X, Y))
    model = small(
        net_params={"train_split": split}, callbacks=callbacks, max_epochs=9
    ).fit(X, Y)
    assert model.n_iter_ == 3


def test_the_last_epoch_before_early_stopping_is_scored():
    model = small(
        early_stopping=True,
        n_iter_no_change=1,
        learning_rate=1e-9,  # nothing is learned, so the loss may stay or rise
        callbacks=[EpochScoring("accuracy")],
        max_epochs=20,
    ).fit(X, Y)
    assert len(model.history_[:, "accuracy"]) == model.n_iter_


SCHEDULES = {
    "steps": LRScheduler("StepLR", step_size=1, gamma=0.1),
    "named": ("mine", LRScheduler("StepLR", step_size=1, gamma=0.1)),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_of_the_users_takes_the_place_of_ours(name):
    model = small(callbacks=[SCHEDULES[name], Rates()], max_epochs=3).fit(X, Y)
    rates = callback_of(model, Rates).rates
    assert_allclose(rates, np.repeat([2e-3, 2e-4, 2e-5], 3))


def test_a_plateau_lowers_the_rate():
    plateau = LRScheduler(
        "ReduceLROnPlateau", monitor="train_loss", patience=0, threshold=9.0, factor=0.5
    )
    model = small(callbacks=[plateau, Rates()], max_epochs=3).fit(X, Y)
    assert_allclose(callback_of(model, Rates).rates, np.repeat([2e-3, 1e-3, 5e-4], 3))


class Halve(Callback):
    """Set the rate by hand."""

    def on_epoch_end(self, net, **kwargs):
        for group in net.optimizer_.param_groups:
            group["lr"] = 1e-5


def test_a_rate_that_a_callback_sets_is_kept_and_said():
    with pytest.warns(UserWarning, match="set the learning rate to 1e-05, so the"):
        model = small(callbacks=[Halve(), Rates()], max_epochs=3).fit(X, Y)
    rates = callback_of(model, Rates).rates
    assert rates[3:] == [1e-5] * 6
    assert rates[2] > 1e-3


def test_our_schedule_ends_at_the_epochs_that_net_params_name():
    model = small(
        net_params={"max_epochs": 4, "batch_size": 15}, callbacks=[Rates()]
    ).fit(X, Y)
    rates = callback_of(model, Rates).rates
    assert len(rates) == 20
    assert rates[-1] < 0.02 * max(rates)


def test_callbacks_in_net_params_come_to_ours():
    model = small(net_params={"callbacks": [Rates()]}, early_stopping=True).fit(X, Y)
    names = dict(model.net_.callbacks_)
    assert {"Rates", "early_stopping", "schedule"} <= set(names)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({}, (10, 8)),
        ({"batch_size": 20}, (20, 4)),
        ({"batch_size": -1}, (75, 1)),
        ({"batch_size": 20, "iterator_train__batch_size": 5}, (5, 15)),
        ({"iterator_train__drop_last": True}, (10, 7)),
    ],
)
def test_batches_are_counted_as_skorch_cuts_them(sizes, expected):
    assert batch_plan(sizes, 10, 75) == expected


def test_the_rows_that_fill_no_batch_can_be_left_out():
    model = small(
        batch_size=20, net_params={"iterator_train__drop_last": True}, max_epochs=1
    ).fit(X, Y)
    sizes = model.history_[-1, "batches", :, "train_batch_size"]
    assert sizes == [20, 20, 20]


def test_other_rows_are_left_out_each_time():
    features = MultimodalFeatures({"a": FeatureBlock.from_vectors(X)})
    dataset = FusionDataset(features, target=torch.arange(len(X)))
    iterator = BatchIterator(dataset, 70, shuffle=True, drop_last=True)
    seen = [next(iter(iterator))[1][0].tolist() for _ in range(4)]
    assert len(iterator) == 1
    assert len({tuple(sorted(rows)) for rows in seen}) > 1


def test_leaving_out_every_row_is_refused():
    with pytest.raises(ValueError, match="drop_last leaves no batch: found 75 rows"):
        small(batch_size=80, net_params={"iterator_train__drop_last": True}).fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("iterator_train__num_workers", 2, "num_workers=2 here. Batches are whole"),
        ("iterator_valid__num_workers", 2, "num_workers=2 here. Batches are whole"),
        ("iterator_train__pin_memory", True, "they take batch_size and drop_last"),
        ("iterator_train", torch.utils.data.DataLoader, "see batch_size"),
        ("iterator_valid__shuffle", True, "not trained on keeps its order"),
        ("iterator_valid__drop_last", True, "may leave rows out"),
        ("module", nn.Linear, "Name an encoder: encoders="),
        ("dataset", Dataset, "Give fit a MultimodalFeatures"),
        ("predict_nonlinearity", None, "predict_proba ends in softmax"),
        ("warm_start", True, "Set warm_start of the estimator"),
        ("callbacks", "disable", "Leave callbacks out"),
        ("batchsize", 8, "Did you mean 'batch_size'"),
        ("momentum", 0.9, "no argument of skorch.NeuralNet"),
        ("iterator_train_batch_size", 8, "mean 'iterator_train__batch_size'"),
    ],
)
def test_what_cannot_be_handed_on_is_refused_by_name(name, value, message):
    with pytest.raises(ValueError, match=message) as caught:
        small(net_params={name: value}).fit(X, Y)
    assert name in str(caught.value)


def test_net_params_that_are_no_dict_are_refused():
    with pytest.raises(ValueError, match="must be a dict of arguments .*, found list"):
        small(net_params=[("lr", 1)]).fit(X, Y)


def test_what_skorch_does_without_is_taken():
    handed = {
        "iterator_train__num_workers": 0,
        "iterator_train__shuffle": False,
        "iterator_valid__shuffle": False,
        "iterator_valid__drop_last": False,
        "optimizer": torch.optim.SGD,
        "optimizer__momentum": 0.9,
        "iterator_valid__batch_size": 8,
        "lr": 0.1,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small(net_params=handed).fit(X, Y)
    assert type(model.net_.optimizer_) is torch.optim.SGD
    assert model.net_.optimizer_.param_groups[0]["momentum"] == 0.9
