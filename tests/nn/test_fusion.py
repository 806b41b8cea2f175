"""Fusions: exact weights, and what padding and missing modalities may not change."""

import numpy as np
import pytest
import torch

from sklearn_mm.nn.attention import length_mask
from sklearn_mm.nn.fusion import FUSIONS, AskingReadOut

WEIGHTED = [name for name in FUSIONS if name != "concat"]


def build(name):
    torch.manual_seed(0)
    fusion = FUSIONS[name](3, width=8, n_layers=1, n_heads=2, dropout=0.0).eval()
    for parameter_name, parameter in fusion.named_parameters():
        if parameter_name.endswith("query"):
            torch.nn.init.normal_(parameter)
    return fusion


def encoded(*lengths_by_modality, n_steps=(2, 4, 1)):
    generator = torch.Generator().manual_seed(1)
    tokens = [torch.randn(3, steps, 8, generator=generator) for steps in n_steps]
    return [
        (part, length_mask(torch.tensor(lengths), part.shape[1]))
        for part, lengths in zip(tokens, lengths_by_modality, strict=True)
    ]


ALL = ([2, 1, 2], [4, 3, 1], [1, 1, 1])
SOME = ([2, 0, 0], [4, 3, 0], [0, 1, 1])


@pytest.mark.parametrize("lengths", [ALL, SOME])
@pytest.mark.parametrize("name", FUSIONS)
def test_weights_sum_to_one_in_each_row_and_are_zero_on_padding(name, lengths):
    inputs = encoded(*lengths)
    _, weights = build(name)(inputs)
    total = sum(part.sum(dim=1) for part in weights).detach()
    np.testing.assert_allclose(total, 1, atol=1e-6)
    for part, (_, mask) in zip(weights, inputs, strict=True):
        assert (part[~mask] == 0).all()


@pytest.mark.parametrize("lengths", [ALL, SOME])
@pytest.mark.parametrize("name", WEIGHTED)
def test_the_fused_vector_is_the_weighted_sum_of_the_tokens(name, lengths):
    fusion, seen = build(name), []
    norms = fusion.pooled.norms if name == "gated" else [fusion.read_out.norm]
    for norm in norms:
        norm.register_forward_hook(lambda *call: seen.append(call[2].detach().numpy()))
    fused, weights = fusion(encoded(*lengths))
    tokens = np.concatenate(seen, axis=1)
    by_hand = np.concatenate([part.detach().numpy() for part in weights], axis=1)
    expected = np.einsum("bt,btw->bw", by_hand, tokens)
    if name != "gated":  # of two queries, with the mean of their weights
        fused = fused.unflatten(1, (2, -1)).mean(dim=1)
    np.testing.assert_allclose(fused.detach(), expected, atol=1e-6)


def test_concat_gives_the_modalities_of_a_row_equal_shares():
    _, weights = build("concat")(encoded(*SOME))
    shares = np.column_stack([part.sum(dim=1).detach() for part in weights])
    expected = [[1 / 2, 1 / 2, 0], [0, 1 / 2, 1 / 2], [0, 0, 1]]
    np.testing.assert_allclose(shares, expected, atol=1e-6)


@pytest.mark.parametrize("name", FUSIONS)
def test_what_stands_in_the_padding_changes_nothing(name):
    fusion, inputs = build(name), encoded(*SOME)
    expected, _ = fusion(inputs)
    filled = [
        (tokens.masked_fill(~mask[..., None], 99.0), mask) for tokens, mask in inputs
    ]
    torch.testing.assert_close(fusion(filled)[0], expected)


@pytest.mark.parametrize("name", FUSIONS)
def test_a_row_that_lacks_modalities_leaves_gradients_finite(name):
    fusion, inputs = build(name), encoded(*SOME)
    fusion(inputs)[0].sum().backward()
    gradients = [p.grad for p in fusion.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", ["attention", "bottleneck", "cross"])
def test_the_tokens_of_one_modality_are_read_by_the_others(name):
    fusion, seen = build(name), []
    fusion.read_out.norm.register_forward_hook(lambda *call: seen.append(call[1][0]))
    inputs = encoded(*ALL)
    fusion(inputs)
    changed = [*inputs[:2], (inputs[2][0] + torch.randn(3, 1, 8), inputs[2][1])]
    fusion(changed)
    before, after = seen[0][:, :2], seen[1][:, :2]  # the first modality's tokens
    assert not torch.allclose(before[0], after[0])


def test_tokens_that_differ_by_rounding_only_weigh_alike():
    read_out = AskingReadOut(1, 8)
    torch.nn.init.normal_(read_out.query)
    tokens = torch.randn(1, 1, 8) + 1e-6 * torch.randn(1, 3, 8)
    _, (weights,) = read_out(tokens, [(tokens, torch.ones(1, 3, dtype=bool))])
    torch.testing.assert_close(weights, torch.full((1, 3), 1 / 3), atol=1e-2, rtol=0)
