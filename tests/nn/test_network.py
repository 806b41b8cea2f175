"""The fusion network: read-out, missing modalities, modality dropout and noise."""

import numpy as np
import pytest
import torch

from sklearn_mm.estimators.modality import Modality
from sklearn_mm.estimators.specs import RNNEncoder, VectorEncoder
from sklearn_mm.nn.network import FusionNetwork

ZERO, ONE = np.zeros(2, dtype=np.float32), np.ones(2, dtype=np.float32)
VECTOR = Modality("vector", (2,), None, ZERO, ONE, np.array([], dtype=int))
TOKENS = Modality("tokens", (), 9)
SHAPE = {"width": 8, "n_heads": 2, "dropout": 0.0}


@pytest.fixture
def network():
    torch.manual_seed(0)
    encoders = [
        ("table", VectorEncoder().build(VECTOR, **SHAPE)),
        ("text", RNNEncoder().build(TOKENS, **SHAPE)),
    ]
    prior = np.log([0.2, 0.3, 0.5])
    options = {"n_layers": 1, "modality_dropout": 0.5, "auxiliary": True}
    options["modality_noise"] = 0.0
    network = FusionNetwork(
        encoders, prior, fusion="attention", missing="token", **SHAPE, **options
    )
    torch.nn.init.normal_(network.fusion.read_out.read_out.query)
    return network.eval()


def batch(table_lengths, text_lengths):
    generator = torch.Generator().manual_seed(1)
    n_rows = len(table_lengths)
    table = torch.randn(n_rows, 1, 2, generator=generator)
    text = torch.randint(0, 9, (n_rows, max(text_lengths)), generator=generator)
    return {
        "table": (table, torch.tensor(table_lengths)),
        "text": (text, torch.tensor(text_lengths)),
    }


def test_a_row_with_no_modality_gets_the_prior(network):
    outputs = network(batch([1, 0], [3, 0]))
    np.testing.assert_allclose(outputs[1].exp().detach(), [0.2, 0.3, 0.5], rtol=1e-6)


def test_attention_weights_of_a_row_sum_to_one_over_all_modalities(network):
    encoded, _ = network.encode(batch([1, 0, 1], [3, 4, 0]))
    weights = network.attend(encoded)
    total = sum(weight.sum(dim=1) for weight in weights)
    np.testing.assert_allclose(total.detach(), 1.0, atol=1e-6)


def test_what_the_values_of_a_missing_modality_are_has_no_effect(network):
    inputs = batch([0, 1], [3, 4])
    expected = network(inputs)
    inputs["table"][0][0] = torch.nan
    torch.testing.assert_close(network(inputs), expected)


def test_an_absent_modality_counts_as_its_own_token_not_as_zeros(network):
    inputs = batch([0], [3])
    expected = network(inputs)
    with torch.no_grad():
        network.absent_tokens[0] *= -50.0
    assert not torch.allclose(network(inputs), expected)


def test_a_modality_absent_from_the_whole_batch_is_no_special_case(network):
    outputs = network(batch([1, 1], [0, 0]))
    both = network(batch([1, 1], [0, 2]))
    torch.testing.assert_close(outputs[0], both[0])


def test_modality_dropout_hides_some_but_never_the_last_modality(network):
    network.train()
    lengths = torch.stack(network._training_lengths(batch([1] * 400, [3] * 400)))
    hidden = (lengths == 0).float().mean(dim=1)
    assert (lengths > 0).any(dim=0).all()
    assert ((hidden > 0.25) & (hidden < 0.5)).all()


def test_modality_dropout_leaves_the_only_modality_of_a_row(network):
    network.train()
    lengths = torch.stack(network._training_lengths(batch([0] * 50, [3] * 50)))
    assert (lengths[1] == 3).all()


def test_modality_noise_replaces_some_but_never_the_last_modality(network):
    network.train().modality_noise = 0.5
    lengths = torch.stack(network._training_lengths(batch([1] * 400, [3] * 400)))
    noisy = network._training_noise(lengths)
    assert not (noisy & (lengths == 0)).any()
    assert ((lengths > 0) & ~noisy).any(dim=0).all()
    both = (lengths > 0).all(dim=0)
    share = noisy[:, both].float().mean(dim=1)
    assert ((share > 0.25) & (share < 0.5)).all()


def test_heads_of_single_modalities_do_not_learn_from_noise(network):
    network.train().modality_noise = 0.9
    network.modality_dropout = 0.0
    _, _, there = network(batch([1] * 100, [3] * 100))
    # Both are drawn by chance .81, and then one is spared: each is noise by chance
    # .9 - .81 / 2.
    share = 1 - there.float().mean(dim=1)
    assert ((share - 0.495).abs() < 0.2).all()
    assert there.any(dim=0).all()


def test_noise_reaches_the_outputs_in_training_only(network):
    network.modality_dropout, inputs = 0.0, batch([1] * 20, [3] * 20)
    before = network(inputs)
    network.modality_noise = 0.5
    torch.testing.assert_close(network(inputs), before)
    outputs, _, there = network.train()(inputs)
    spared = there.all(dim=0)
    assert 0 < spared.sum() < 20
    torch.testing.assert_close(outputs[spared], before[spared])
    assert (outputs[~spared] != before[~spared]).any(dim=1).all()
