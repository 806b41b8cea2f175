"""A user's own module as the encoder of a modality."""

import io
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from torch import nn

from sklearn_mm import AttentionFusionClassifier, RNNEncoder, VectorEncoder

X, Y = load_iris(return_X_y=True)


class OneLinear(nn.Module):
    """A class whose constructor is a factory."""

    def __init__(self, modality, *, width, n_heads, dropout, times=1):
        super().__init__()
        self.linear = nn.Linear(modality.n_inputs, width)
        self.times = times

    def forward(self, values, lengths):
        tokens = self.linear(values.float() / 10)
        return tokens.repeat(1, self.times, 1), lengths * self.times


def make_linear(modality, *, width, n_heads, dropout):
    return OneLinear(modality, width=width, n_heads=n_heads, dropout=dropout)


class Spec:
    """An object with a method build, and no other manners of scikit-learn."""

    def build(self, modality, **shape):
        return OneLinear(modality, **shape)


FACTORIES = [make_linear, OneLinear, partial(OneLinear, times=3), Spec()]


def small(factory, **params):
    few = {"max_epochs": 6, "batch_size": 32, "learning_rate": 1e-2}
    params = {"width": 16, "n_heads": 2, "random_state": 0, **few, **params}
    return AttentionFusionClassifier([("features", factory)], **params)


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_factory_builds_the_encoder_that_is_trained(factory):
    classifier = small(factory).fit(X, Y)
    encoder = classifier.net_.module_.encoders[0]
    assert isinstance(encoder, OneLinear)
    assert classifier.score(X, Y) > 0.9


def test_a_factory_gets_the_modality_and_the_networks_parameters():
    seen = []

    def factory(modality, **shape):
        seen.append((modality, shape))
        return OneLinear(modality, **shape)

    small(factory, dropout=0.3, max_epochs=1).fit(X, Y)
    (modality, shape), *others = seen
    assert not others
    assert modality.kind == "vector"
    assert modality.token_shape == (4,)
    assert_allclose(modality.mean, X.mean(axis=0))
    assert shape == {"width": 16, "n_heads": 2, "dropout": 0.3}


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_fit_builds_a_new_module(factory):
    classifier = small(factory, max_epochs=1).fit(X, Y)
    first = classifier.net_.module_.encoders[0]
    classifier.fit(X, Y)
    assert classifier.net_.module_.encoders[0] is not first


@pytest.mark.parametrize("factory", FACTORIES)
def test_an_estimator_with_a_factory_is_cloned(factory):
    classifier = small(factory, max_epochs=2)
    copy = clone(classifier)
    assert copy.get_params()["features"].__class__ is factory.__class__
    expected = classifier.fit(X, Y).predict_proba(X)
    assert_array_equal(copy.fit(X, Y).predict_proba(X), expected)


@pytest.mark.parametrize("factory", FACTORIES)
def test_joblib_gives_back_the_predictions_of_an_importable_factory(factory):
    classifier = small(factory, max_epochs=2).fit(X, Y)
    file = io.BytesIO()
    joblib.dump(classifier, file)
    file.seek(0)
    loaded = joblib.load(file)
    assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
    assert_array_equal(loaded.fit(X, Y).predict(X), classifier.predict(X))


def test_grid_search_chooses_among_specs_and_factories():
    grid = {
        "encoders": [
            None,
            [("features", VectorEncoder(8))],
            [("features", make_linear)],
        ]
    }
    search = GridSearchCV(small(OneLinear, max_epochs=1), grid, cv=2)
    search.fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_set_params_replaces_an_encoder_by_a_factory():
    classifier = small(VectorEncoder()).set_params(features=make_linear)
    assert classifier.encoders == [("features", make_linear)]


class Returns(nn.Module):
    """A module that gives what it is told to, of a batch and a width."""

    def __init__(self, make, width):
        super().__init__()
        self.make, self.width = make, width

    def forward(self, values, lengths):
        return self.make(len(values), self.width, lengths)


WRONG = [
    (lambda n, w, _: torch.zeros(n, 1, w), r"found one Tensor of shape \(32, 1, 16\)"),
    (lambda n, w, _: None, "found NoneType"),
    (lambda n, w, le: (torch.zeros(n, 1, w), le, le), "found 3 tensors"),
    (lambda n, w, le: (torch.zeros(n, 1, w), 1), "found tuple"),
    (lambda n, w, le: (torch.zeros(n, w), le), r"found \(32, 16\) and \(32,\)"),
    (lambda n, w, le: (torch.zeros(n, 1, w + 1), le), r"found \(32, 1, 17\) and"),
    (lambda n, w, le: (torch.zeros(n + 1, 1, w), le), r"found \(33, 1, 16\) and"),
    (lambda n, w, le: (torch.zeros(n, 1, w), le[:, None]), r"and \(32, 1\)"),
    (lambda n, w, le: (torch.zeros(n, 1, w), le + 1), "1 steps .* from 2 to 2"),
    (lambda n, w, le: (torch.zeros(n, 1, w), 0 * le), "from 0 to 0"),
]


@pytest.mark.parametrize(("make", "found"), WRONG)
def test_what_a_module_returns_is_checked_against_what_is_needed(make, found):
    def factory(modality, *, width, n_heads, dropout):
        return Returns(make, width)

    message = rf"modality 'features': Returns must return \(tokens, lengths\).*{found}"
    with pytest.raises(ValueError, match=message):
        small(factory, batch_size=32).fit(X, Y)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (lambda modality, **shape: "net", "must return a torch.nn.Module, found str"),
        (lambda modality, **shape: OneLinear, "torch.nn.Module, found type"),
        ("rnn", "such as RNNEncoder.., or a callable .* found 'rnn'"),
        (RNNEncoder, r"found the class RNNEncoder .* Did you mean RNNEncoder\(\)"),
        (nn.Linear(4, 16), "found the module Linear .* every fit builds a new one"),
    ],
)
def test_what_is_no_encoder_is_refused_by_modality(encoder, message):
    with pytest.raises(ValueError, match=f"modality 'features': .*{message}"):
        small(encoder).fit(X, Y)
