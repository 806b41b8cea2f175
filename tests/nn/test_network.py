"""The fusion network: read-out, missing modalities, modality dropout and noise."""

import numpy as np
import pytest
import torch

from sklearn_mm.estimators.modality import Modality
from sklearn_mm.estimators.specs import RNNEncoder, VectorEncoder
from sklearn_mm.nn.fusion import AskingReadOut
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
        ("text", RNNEncoder(token_dropout=0.0).build(TOKENS, **SHAPE)),
    ]
    prior = np.log([0.2, 0.3, 0.5])
    options = {"n_layers": 1, "modality_dropout": 0.5, "auxiliary": True}
    options["modality_noise"] = 0.0
    network = FusionNetwork(
        encoders, prior, fusion="attention", missing="token", **SHAPE, **options
    )
    read_out = network.fusion.read_out
    torch.nn.init.normal_(read_out.query)
    for _, linear in read_out.questions:
        torch.nn.init.normal_(linear.weight, std=0.3)
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
    absent, _ = network.train()._hide(batch([1] * 400, [3] * 400))
    assert not absent.all(dim=0).any()
    # Half of the rows are thinned, and in these one of the two is hidden.
    assert ((absent.float().mean(dim=1) - 0.25).abs() < 0.07).all()


def test_half_of_the_rows_are_shown_whole(network):
    network.train().modality_dropout = 0.4
    absent, _ = network._hide(batch([1] * 4000, [3] * 4000))
    # In the others each is hidden by chance .8, and one is spared of both.
    whole = (~absent).all(dim=0).float().mean()
    assert abs(whole - (0.5 + 0.5 * 0.2**2)) < 0.03


def test_without_thinning_nothing_is_hidden(network):
    network.train().thinning = 0.0
    absent, noisy = network._hide(batch([1] * 40, [3] * 40))
    assert not (absent | noisy).any()


def test_heads_teach_their_encoders_as_far_as_a_modality_tells_something(network):
    inputs = batch([1] * 4, [3] * 4)
    network.modality_dropout = 0.0
    gradients = []
    for skill in (0.0, 0.06, 1.0):
        network.train().skill.alone = torch.tensor([-1.0, skill])
        network.zero_grad()
        _, own, _ = network(inputs)
        own.square().sum().backward()
        assert network.auxiliary_heads[0].head[2].weight.grad.norm() > 0
        gradients.append(network.encoders[0].layers[0].weight.grad.norm())
    # Of the prior's loss .02 tell nothing and .1 enough: .06 lies in the middle.
    none, half, full = gradients
    assert none == 0
    torch.testing.assert_close(half, full / 2)


def test_outside_of_training_heads_answer_only_where_they_are_judged(network):
    inputs = batch([1] * 4, [3] * 4)
    assert isinstance(network.eval()(inputs), torch.Tensor)
    network.judges_heads = True
    outputs, own, present = network(inputs)
    assert (len(outputs), own.shape[:2], present.all()) == (4, (2, 4), True)


@pytest.mark.parametrize(("together", "found"), [(0.5, 0.0), (0.7, 0.5), (0.95, 1.0)])
def test_what_all_tell_together_counts_as_found(network, together, found):
    network.skill.together = torch.tensor(together)
    assert network.found_share() == pytest.approx(found, abs=1e-6)
    assert network.taught_share() == 0.0


def test_the_read_out_looks_for_what_another_modality_asks(network):
    """One query for all would weigh the table's token alike beside any text."""
    fusion = network.fusion
    torch.manual_seed(1)
    holder, texts = torch.randn(1, 5, 8), torch.randn(2, 1, 8)
    encoded = [
        (holder.expand(2, -1, -1), torch.ones(2, 5, dtype=bool)),
        (texts, torch.ones(2, 1, dtype=bool)),
    ]
    fusion.layers = torch.nn.ModuleList()  # no token knows of another
    (first, second), _ = fusion(encoded)[1]
    ratios = torch.log(first / second)
    assert ratios.max() - ratios.min() > 0.1


def test_the_read_out_is_a_softmax_of_dot_products_with_what_sets_tokens_apart(network):
    read_out = network.fusion.read_out
    torch.manual_seed(1)
    tokens = torch.randn(1, 4, 8)
    masks = [torch.tensor([[True, False]]), torch.tensor([[True, True]])]
    normed = read_out.norm(tokens)[0, [0, 2, 3]]
    # The first modality has one token as it was encoded, so that is its sum.
    first, second = torch.randn(1, 2, 8), torch.randn(1, 2, 8)
    asked = read_out.questions[0](read_out.asking.norms[0](first[:, 0]))
    told = read_out.asking.norms[1](second[0]).mean(dim=0)  # its own query is zero yet
    queries = (read_out.query + asked + read_out.questions[1](told))[0].split(8)
    apart = normed - normed.mean(dim=0)
    keys = torch.stack([key / key.norm() for key in apart])
    of_each = torch.stack([(keys @ query).softmax(dim=0) for query in queries])
    expected = of_each.mean(dim=0)
    encoded = list(zip((first, second), masks, strict=True))
    fused, (of_first, of_second) = read_out(tokens, encoded)
    torch.testing.assert_close(of_first[0, 0], expected[0])
    assert of_first[0, 1] == 0
    torch.testing.assert_close(of_second[0], expected[1:])
    torch.testing.assert_close(fused[0], (of_each @ normed).flatten())


def test_at_first_two_queries_are_counted_against_each_other(network):
    first, second = network.direct.weight.split(8, dim=1)
    torch.testing.assert_close(first, -second)


def test_at_first_all_tokens_weigh_alike():
    read_out = AskingReadOut(2, 8)
    mask = torch.ones(1, 2, dtype=bool)
    encoded = [(torch.randn(1, 2, 8), mask) for _ in range(2)]
    _, weights = read_out(torch.randn(1, 4, 8), encoded)
    torch.testing.assert_close(torch.cat(weights, dim=1), torch.full((1, 4), 0.25))


def test_modality_dropout_leaves_the_only_modality_of_a_row(network):
    absent, _ = network.train()._hide(batch([0] * 50, [3] * 50))
    assert not absent.any()


def test_modality_noise_is_a_share_of_what_is_hidden(network):
    network.train().modality_noise = 0.25
    absent, noisy = network._hide(batch([1] * 2000, [3] * 2000))
    assert not (absent & noisy).any()
    assert not (absent | noisy).all(dim=0).any()
    share = noisy.sum() / (absent | noisy).sum()
    assert abs(share - 0.25) < 0.05


def test_what_a_row_lacks_is_never_noise(network):
    network.train().modality_noise = 1.0
    _, noisy = network._hide(batch([1, 0] * 200, [0, 3] * 200))
    assert not noisy.any()


def test_heads_of_single_modalities_do_not_learn_from_noise(network):
    network.train().modality_noise = 1.0
    _, _, there = network(batch([1] * 400, [3] * 400))
    assert there.any(dim=0).all()
    # In half of the rows both are drawn, and then one is spared.
    share = 1 - there.float().mean(dim=1)
    assert ((share - 0.25).abs() < 0.07).all()


def test_noise_reaches_the_outputs_in_training_only(network):
    inputs = batch([1] * 40, [3] * 40)
    before = network(inputs)
    network.modality_noise = 1.0
    torch.testing.assert_close(network(inputs), before)
    outputs, _, there = network.train()(inputs)
    spared = there.all(dim=0)
    assert 0 < spared.sum() < 40
    torch.testing.assert_close(outputs[spared], before[spared])
    assert (outputs[~spared] != before[~spared]).any(dim=1).all()


def test_a_linear_map_of_the_fused_vector_goes_past_the_hidden_layer(network):
    torch.nn.init.zeros_(network.head[3].weight)
    torch.nn.init.zeros_(network.head[3].bias)
    encoded, present = network.encode(batch([1, 1], [3, 2]))
    fused, _ = network.fusion(encoded)
    outputs = network.decide(encoded, present.any(dim=0))
    torch.testing.assert_close(outputs, fused @ network.direct.weight.T)
