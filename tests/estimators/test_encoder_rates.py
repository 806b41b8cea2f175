"""Encoders that learn at a rate of their own."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from skorch.callbacks import Callback

import sklearn_mm
from sklearn_mm import (
    AttentionFusionClassifier,
    FeatureBlock,
    MultimodalFeatures,
    RNNEncoder,
    VectorEncoder,
)
from sklearn_mm.estimators.batches import FusionDataset

RNG = np.random.default_rng(0)
Y = np.arange(24) % 2
X = MultimodalFeatures(
    {
        "text": FeatureBlock.from_samples(
            [RNG.integers(0, 9, 3, dtype=np.int32) for _ in Y],
            "tokens",
            vocabulary_size=9,
        ),
        "table": FeatureBlock.from_vectors(RNG.normal(size=(24, 3))),
    }
)


def small(spec=None, **params):
    encoders = None if spec is None else [("text", spec)]
    few = {"max_epochs": 3, "width": 8, "n_heads": 2, "random_state": 0}
    return AttentionFusionClassifier(encoders, **{**few, **params})


def tiny_rnn(**params):
    return RNNEncoder(hidden_size=4, embedding_size=4, token_dropout=0, **params)


def rates_by_name(net):
    """Give the rate that each parameter of a net begins with, and its decay."""
    names = {id(p): name for name, p in net.module_.named_parameters()}
    return {
        names[id(p)]: (group["initial_lr"], group["weight_decay"])
        for group in net.optimizer_.param_groups
        for p in group["params"]
    }


class Begin(Callback):
    """Copies the network that training begins with."""

    def __init__(self):
        self.modules = []

    def on_train_begin(self, net, **kwargs):
        self.modules.append(copy.deepcopy(net.module_))


def test_two_rates_train_as_two_groups_of_a_plain_loop_do():
    begin = Begin()
    quiet = {"dropout": 0, "modality_dropout": 0, "auxiliary_weight": 0}
    plain = {"schedule": "constant", "warm_up": 0, "averaging": None}
    model = small(
        tiny_rnn(learning_rate=1e-2),
        learning_rate=1e-3,
        batch_size=24,
        weight_decay=0.0,
        gradient_clipping=None,
        early_stopping=False,
        n_estimators=1,
        callbacks=[begin],
        **quiet,
        **plain,
    ).fit(X, Y)

    module = begin.modules[0].train()
    encoder = list(module.encoders[0].parameters())
    own = {id(p) for p in encoder}
    others = [p for p in module.parameters() if id(p) not in own]
    optimizer = torch.optim.AdamW(
        [{"params": encoder, "lr": 1e-2}, {"params": others, "lr": 1e-3}],
        weight_decay=0.0,
    )
    batch = FusionDataset(X).batch(np.arange(24))[0]["batch"]
    for _ in range(3):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(batch), torch.tensor(Y))
        loss.backward()
        optimizer.step()
    found = model.net_.module_.state_dict()
    for name, expected in module.named_parameters():
        torch.testing.assert_close(found[name], expected.data, atol=2e-5, rtol=1e-4)


def test_only_the_weights_of_the_encoder_have_its_rate():
    net = small(tiny_rnn(learning_rate=1e-2), learning_rate=1e-4).fit(X, Y).net_
    for name, (rate, _) in rates_by_name(net).items():
        assert rate == (1e-2 if name.startswith("encoders.0.") else 1e-4), name


def test_each_of_several_members_has_the_rate():
    model = small(tiny_rnn(learning_rate=1e-2), learning_rate=1e-4, n_estimators=2)
    for name, (rate, _) in rates_by_name(model.fit(X, Y).net_).items():
        assert rate == (1e-2 if ".encoders.0." in name else 1e-4), name


def test_norms_and_biases_of_the_encoder_are_not_decayed_either():
    spec = VectorEncoder(tokens="features", learning_rate=1e-2)
    model = small(weight_decay=0.3).set_params(encoders=[("table", spec)])
    net = model.fit(X, Y).net_
    parameters = dict(net.module_.named_parameters())
    for name, (_, decay) in rates_by_name(net).items():
        is_bias = name.split(".")[-1].startswith("bias")
        is_matrix = parameters[name].ndim > 1 and not is_bias
        assert decay == (0.3 if is_matrix else 0.0), name


class Rates(Callback):
    def __init__(self):
        self.seen = set()

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            rates = {group["lr"] for group in net.optimizer_.param_groups}
            self.seen.add(tuple(sorted(rates)))


def test_the_schedule_scales_all_rates_alike():
    rates = Rates()
    small(
        tiny_rnn(learning_rate=1e-2),
        learning_rate=1e-3,
        warm_up=0.4,
        batch_size=8,
        callbacks=[rates],
    ).fit(X, Y)
    assert len(rates.seen) > 4
    for slow, fast in rates.seen:
        assert fast == pytest.approx(10 * slow)


def test_what_is_trained_further_keeps_its_rates():
    model = small(tiny_rnn(learning_rate=1e-2), learning_rate=1e-3).fit(X, Y)
    model.partial_fit(X, Y)
    rates = {group["lr"] for group in model.net_.optimizer_.param_groups}
    assert rates == {1e-2, 1e-3}


def test_a_search_reaches_the_rate():
    pipeline = Pipeline([("classifier", small(tiny_rnn(), max_epochs=1))])
    grid = {"classifier__text__learning_rate": [None, 1e-2]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_clone_has_the_rate():
    copied = clone(small(tiny_rnn(learning_rate=1e-2)))
    assert copied.get_params()["text__learning_rate"] == 1e-2


def test_a_file_keeps_the_rate(tmp_path):
    model = small(tiny_rnn(learning_rate=1e-2), max_epochs=1).fit(X, Y)
    loaded = sklearn_mm.load(sklearn_mm.save(model, tmp_path / "m.mm"))
    assert loaded.get_params()["text__learning_rate"] == 1e-2
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_groups_of_the_user_and_an_own_rate_are_not_mixed():
    named = {"optimizer__param_groups": [("head.*", {"lr": 1e-5})]}
    model = small(tiny_rnn(learning_rate=1e-2), net_params=named)
    with pytest.raises(ValueError, match=r"\['text'\] have a learning_rate .* Leave"):
        model.fit(X, Y)


def test_another_optimizer_takes_the_rates_too():
    named = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}
    model = small(tiny_rnn(learning_rate=1e-2), learning_rate=1e-3, net_params=named)
    rates = {rate for rate, _ in rates_by_name(model.fit(X, Y).net_).values()}
    assert rates == {1e-2, 1e-3}
