"""AttentionFusionClassifier: scikit-learn's contract, and what goes beyond it."""

import io

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import (
    AttentionFusionClassifier,
    CNNEncoder,
    FeatureBlock,
    MultimodalFeatures,
    RNNEncoder,
    VectorEncoder,
)


@parametrize_with_checks(
    [AttentionFusionClassifier(width=16, max_epochs=3, batch_size=32)]
)
def test_the_classifier_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


def small(**params):
    few = {"max_epochs": 6, "batch_size": 30, "learning_rate": 1e-2}
    params = {"width": 16, "n_heads": 2, "random_state": 0, **few, **params}
    return AttentionFusionClassifier(**params)


@pytest.fixture(scope="module")
def data():
    """Build 90 rows of four modalities that all show the class; some are missing."""
    rng = np.random.default_rng(0)
    y = np.array(["bird", "cat", "dog"])[np.arange(90) % 3]
    code = np.arange(90) % 3
    images = rng.integers(0, 60, (90, 3, 9, 9)).astype(np.uint8)
    for row in range(90):
        images[row, :, 3 * code[row] : 3 * code[row] + 3] += 150
    texts = [np.append(rng.integers(0, 9, 4), 9 + c).astype(np.int32) for c in code]
    clips = [rng.normal(c, 1, (rng.integers(3, 20), 4)).astype("f4") for c in code]
    texts = [None if row % 7 == 0 else text for row, text in enumerate(texts)]
    X = MultimodalFeatures(
        [
            ("image", FeatureBlock(images, np.arange(91), "image")),
            ("text", FeatureBlock.from_samples(texts, "tokens", vocabulary_size=12)),
            ("audio", FeatureBlock.from_samples(clips, "sequence")),
            ("table", rng.normal(code[:, None], 1, (90, 3))),
        ]
    )
    return X, y


@pytest.fixture(scope="module")
def fitted(data):
    return small().fit(*data)


def test_four_modalities_with_missing_cells_are_learned_together(data, fitted):
    assert fitted.score(*data) > 0.95


def test_labels_come_back_as_they_were_given(data, fitted):
    X, y = data
    assert_array_equal(fitted.classes_, ["bird", "cat", "dog"])
    assert set(fitted.predict(X)) <= set(y)


def test_probabilities_are_the_softmax_of_the_decision_function(data, fitted):
    X, _ = data
    scores = np.exp(fitted.decision_function(X).astype(np.float64))
    expected = scores / scores.sum(axis=1, keepdims=True)
    assert_allclose(fitted.predict_proba(X), expected, rtol=1e-4)


def test_decision_function_of_two_classes_is_the_log_odds():
    X, y = load_iris(return_X_y=True)
    X, y = X[y > 0], y[y > 0]
    classifier = small().fit(X, y)
    probability = classifier.predict_proba(X)
    expected = np.log(probability[:, 1] / probability[:, 0])
    assert_allclose(classifier.decision_function(X), expected, rtol=1e-2, atol=1e-4)


def test_the_same_random_state_gives_the_same_numbers(data, fitted):
    X, y = data
    again = small().fit(X, y)
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_another_random_state_gives_other_numbers(data, fitted):
    X, y = data
    other = small(random_state=1).fit(X, y)
    assert not np.array_equal(other.predict_proba(X), fitted.predict_proba(X))


def test_the_order_of_the_training_rows_does_not_matter(data, fitted):
    X, y = data
    order = np.random.default_rng(0).permutation(len(y))
    shuffled = small().fit(X[order], y[order])
    assert_array_equal(shuffled.predict_proba(X), fitted.predict_proba(X))


def test_global_random_states_are_untouched(data):
    X, y = data
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    small(max_epochs=1).fit(X, y).predict(X)
    assert (torch.rand(1), np.random.rand()) == expected


def test_a_prediction_does_not_depend_on_the_other_rows(data, fitted):
    X, _ = data
    together = fitted.predict_proba(X)
    alone = np.vstack([fitted.predict_proba(X[row]) for row in range(0, 90, 9)])
    assert_allclose(alone, together[::9], atol=1e-5)


def test_a_row_with_no_modality_gets_the_shares_of_the_training_rows(data):
    X, y = data
    keep = np.r_[0:45, 45:90:3]  # more birds than cats and dogs
    classifier = small(max_epochs=1).fit(X[keep], y[keep])
    nothing = MultimodalFeatures(
        [("table", FeatureBlock.from_vectors(np.full((2, 3), np.nan)))]
    )
    shares = [np.mean(y[keep] == label) for label in classifier.classes_]
    assert_allclose(classifier.predict_proba(nothing), [shares] * 2, rtol=1e-5)


def test_a_modality_that_the_table_lacks_counts_as_missing(data, fitted):
    X, y = data
    assert fitted.score(X.select(["image", "table"]), y) > 0.8


def test_the_order_of_the_modalities_at_prediction_does_not_matter(data, fitted):
    X, _ = data
    reordered = X.select(["table", "audio", "text", "image"])
    assert_array_equal(fitted.predict_proba(reordered), fitted.predict_proba(X))


def test_fitted_attributes_describe_what_was_seen(data, fitted):
    X, _ = data
    assert list(fitted.modalities_in_) == X.names
    assert fitted.modalities_in_["image"].token_shape == (3, 9, 9)
    assert fitted.n_features_in_ == X.shape[1]
    assert len(fitted.history_) == 6
    losses = fitted.history_[:, "train_loss"]
    assert min(losses) < losses[0]


def test_statistics_of_the_training_rows_stand_in_the_network(data, fitted):
    X, _ = data
    audio = fitted.modalities_in_["audio"]
    assert_allclose(audio.mean, X["audio"].values.mean(axis=0), rtol=1e-5)
    assert_allclose(audio.deviation, X["audio"].values.std(axis=0), rtol=1e-5)


def test_joblib_gives_back_the_same_predictions_bit_for_bit(data, fitted):
    X, _ = data
    file = io.BytesIO()
    joblib.dump(fitted, file)
    file.seek(0)
    loaded = joblib.load(file)
    assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


def test_encoders_are_named_by_modality_and_reached_as_parameters():
    classifier = small(encoders=[("text", RNNEncoder(cell="gru"))])
    assert classifier.get_params()["text__cell"] == "gru"
    changed = clone(classifier).set_params(text__cell="lstm")
    assert changed.encoders[0][1].cell == "lstm"
    assert classifier.encoders[0][1].cell == "gru"


def test_grid_search_reaches_an_encoder_and_runs_in_two_processes(data):
    X, y = data
    search = GridSearchCV(
        small(max_epochs=2, encoders=[("image", CNNEncoder())]),
        {"image__channels": [(4,), (8, 8)]},
        cv=2,
        n_jobs=2,
    ).fit(X, y)
    assert set(search.best_params_) == {"image__channels"}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_cross_validation_in_processes_equals_one_process(data):
    X, y = data
    alone = cross_val_score(small(max_epochs=3), X, y, cv=2)
    spread = cross_val_score(small(max_epochs=3), X, y, cv=2, n_jobs=2)
    assert_allclose(spread, alone)


def test_sample_weights_of_one_equal_none_exactly(data, fitted):
    X, y = data
    weighted = small().fit(X, y, sample_weight=np.ones(len(y)))
    assert_array_equal(weighted.predict_proba(X), fitted.predict_proba(X))


def test_a_weight_of_two_equals_the_row_twice(data):
    X, y = data
    weight = 1 + (np.arange(90) % 2)
    repeated = np.repeat(np.arange(90), weight)
    weighted = small(max_epochs=2).fit(X, y, sample_weight=weight)
    twice = small(max_epochs=2).fit(X[repeated], y[repeated])
    assert_array_equal(weighted.predict_proba(X), twice.predict_proba(X))


def test_fractional_weights_pull_predictions_to_the_heavy_class():
    X = np.random.default_rng(0).normal(size=(80, 2))
    y = np.arange(80) % 2
    weight = np.where(y == 1, 2.5, 0.3)
    classifier = small(max_epochs=20).fit(X, y, sample_weight=weight)
    assert classifier.predict_proba(X)[:, 1].mean() > 0.75


def test_balanced_class_weights_raise_the_rare_class():
    rng = np.random.default_rng(0)
    y = (np.arange(100) % 10 == 0).astype(int)
    X = rng.normal(size=(100, 2)) + y[:, None]
    plain = small(max_epochs=20).fit(X, y).predict(X).mean()
    balanced = small(max_epochs=20, class_weight="balanced").fit(X, y)
    assert balanced.predict(X).mean() > plain + 0.1


def test_balanced_class_weights_count_rows_by_their_sample_weights():
    X, y = np.zeros((200, 2)), np.repeat([0, 1], 100)
    weight = np.where(y == 1, 3.5, 1.0)
    classifier = small(class_weight="balanced").fit(X, y, sample_weight=weight)
    assert_allclose(classifier.predict_proba(X[:1]), [[0.5, 0.5]], atol=0.05)


def test_sparse_rows_are_learned_and_predicted_as_dense_ones_are():
    X, y = load_iris(return_X_y=True)
    classifier = small(max_epochs=15).fit(sparse.csr_matrix(X), y)
    assert classifier.score(X, y) > 0.9
    assert_allclose(
        classifier.predict_proba(sparse.csr_matrix(X)),
        classifier.predict_proba(X),
        atol=1e-6,
    )


def test_missing_numbers_are_learned_from():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), np.arange(200) % 2
    X[y == 1, 0] = np.nan  # only whether the number is there tells the class
    assert small(max_epochs=15).fit(X, y).score(X, y) == 1.0


@pytest.mark.slow  # there are 1,300 steps
@pytest.mark.parametrize(("n_rows", "n_epochs"), [(400, 6), (600, 5)])
def test_by_default_more_rows_are_passed_fewer_times(n_rows, n_epochs):
    X, y = np.zeros((n_rows, 1)), np.arange(n_rows) % 2
    classifier = small(max_epochs="auto", width=2, fusion="concat", batch_size=2)
    assert classifier.fit(X, y).n_iter_ == n_epochs  # about 1,300 steps of two rows


@pytest.mark.parametrize(("n_rows", "n_epochs"), [(20, 10), (990, 10), (1250, 12)])
def test_by_default_few_rows_are_not_passed_so_often_that_they_are_known_by_heart(
    n_rows, n_epochs
):
    X, y = np.zeros((n_rows, 1)), np.arange(n_rows) % 2
    classifier = small(max_epochs="auto", width=2, fusion="concat", batch_size=64)
    classifier.set_params(early_stopping=False)
    assert classifier.fit(X, y).n_iter_ == n_epochs  # a hundredth of the rows, or 10


def test_it_is_a_classifier_for_scikit_learn():
    assert is_classifier(AttentionFusionClassifier())


def test_a_failed_fit_leaves_a_fitted_model_as_it_was(data):
    X, y = data
    classifier = small(max_epochs=1).fit(X, y)
    expected = classifier.predict_proba(X)
    with pytest.raises(ValueError, match="at least two classes"):
        classifier.fit(X, np.zeros(90))
    assert_array_equal(classifier.predict_proba(X), expected)


def test_callbacks_and_net_params_reach_skorch(data):
    from skorch.callbacks import Callback

    epochs = []

    class Count(Callback):
        def on_epoch_end(self, net, **kwargs):
            epochs.append(net.lr)

    small(callbacks=[Count()], net_params={"max_epochs": 2, "lr": 0.5}).fit(*data)
    assert epochs == [0.5, 0.5]


def test_the_network_is_left_ready_to_predict(data):
    fitted = small(max_epochs=1).fit(*data)
    assert not any(module.training for module in fitted.net_.module_.modules())


def test_norms_and_biases_are_not_decayed():
    # The bias of the tokens of features is a matrix.
    encoder = VectorEncoder(tokens="features")
    fitted = small(max_epochs=1, encoders=[("features", encoder)])
    fitted.fit(*load_iris(return_X_y=True))
    decayed = {
        id(parameter)
        for group in fitted.net_.optimizer_.param_groups
        for parameter in group["params"]
        if group["weight_decay"]
    }
    for name, parameter in fitted.net_.module_.named_parameters():
        is_matrix = parameter.ndim > 1 and not name.split(".")[-1].startswith("bias")
        assert (id(parameter) in decayed) == is_matrix


def test_parameters_that_net_params_name_keep_their_rate_and_decay_as_the_others():
    named = {"optimizer__param_groups": [("head.*", {"lr": 1e-5})]}
    fitted = small(max_epochs=1, weight_decay=0.3, net_params=named)
    groups = fitted.fit(*load_iris(return_X_y=True)).net_.optimizer_.param_groups
    (head,) = [group for group in groups if group["initial_lr"] == 1e-5]
    assert head["weight_decay"] == 0.3
    assert len(head["params"]) == len(list(fitted.net_.module_.head.parameters()))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"width": 30, "n_heads": 4}, "multiple of n_heads"),
        ({"max_epochs": 2.5}, "max_epochs must be 'auto' or an integer .* found 2.5"),
        ({"width": 16.0}, "width must be an integer of at least 1, found 16.0"),
        ({"learning_rate": "a"}, "learning_rate must be above 0, found 'a'"),
        (
            {"dropout": 1.0},
            "dropout must be 'auto' or at least 0 and below 1, found 1.0",
        ),
        ({"max_epochs": 0}, "max_epochs must be 'auto' or an integer of at least 1"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"batch_size": 0}, "batch_size must be 'auto' or an integer of at least 1"),
        (
            {"encoders": [("txt", RNNEncoder())]},
            r"encoders are named for \['txt'\], .* Leave the encoders of other",
        ),
        ({"encoders": [("image", VectorEncoder())]}, "modality 'image': VectorEncoder"),
    ],
)
def test_parameters_that_cannot_work_are_refused_in_fit(data, params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(*data)


def test_an_encoder_of_a_modality_that_became_a_table_is_explained(data):
    X, y = data
    with pytest.raises(ValueError, match="whose set_output is the default"):
        small(encoders=[("image", CNNEncoder())]).fit(np.asarray(X["table"]), y)


def test_infinity_is_named_with_its_row_and_column(data):
    X, y = data
    table = np.asarray(X["table"]).copy()
    table[7, 2] = np.inf
    with pytest.raises(
        ValueError, match="'table', row 7, column 2: found infinity in a block"
    ):
        small().fit(MultimodalFeatures({"table": table}), y)


def test_rows_and_targets_of_unequal_number_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        small().fit(X, y[:-1])


def test_one_class_only_is_refused(data):
    X, _ = data
    with pytest.raises(ValueError, match="two classes, found 1 class: 7"):
        small().fit(X, np.full(90, 7))


def test_an_unknown_modality_is_refused_by_name(data, fitted):
    X, _ = data
    renamed = MultimodalFeatures([("photo", X["image"])])
    with pytest.raises(ValueError, match=r"\['photo'\] are unknown"):
        fitted.predict(renamed)


def test_a_modality_of_another_shape_is_refused(data, fitted):
    wider = MultimodalFeatures({"table": np.ones((2, 5))})
    with pytest.raises(ValueError, match=r"'table'.*token_shape \(5,\).*\(3,\)"):
        fitted.predict(wider)


def test_infinite_features_are_refused_by_modality_and_row(data, fitted):
    clip = np.ones((4, 4), dtype=np.float32)
    bad = clip.copy()
    bad[2, 1] = np.inf
    X = FeatureBlock.from_samples([clip, bad], "sequence")
    with pytest.raises(ValueError, match="modality 'audio', row 1"):
        fitted.predict(MultimodalFeatures({"audio": X}))


def test_predicting_before_fitting_is_refused(data):
    X, _ = data
    with pytest.raises(NotFittedError, match="not fitted"):
        small().predict(X)
