"""Attention, held against numpy and torch's own layers."""

import numpy as np
import torch

from sklearn_mm.nn.attention import (
    AttentionBlock,
    ReadOut,
    SinusoidalPositions,
    length_mask,
)


def test_length_mask_marks_the_first_steps_of_each_row():
    mask = length_mask(torch.tensor([2, 0, 3]), 3)
    assert mask.tolist() == [
        [True, True, False],
        [False, False, False],
        [True, True, True],
    ]


def test_read_out_equals_a_softmax_computed_by_hand():
    torch.manual_seed(0)
    read_out = ReadOut(4)
    torch.nn.init.normal_(read_out.query)
    tokens = torch.randn(2, 3, 4)
    mask = torch.tensor([[True, True, True], [True, False, False]])

    fused, weights = read_out(tokens, mask)

    key, bias = (p.detach().numpy() for p in read_out.key.parameters())
    query = read_out.query.detach().numpy()
    for row, n_tokens in enumerate([3, 1]):
        values = tokens[row, :n_tokens].numpy()
        scores = np.exp((values @ key.T + bias) @ query / np.sqrt(4))
        expected = scores / scores.sum()
        np.testing.assert_allclose(
            weights[row, :n_tokens].detach(), expected, rtol=1e-5
        )
        np.testing.assert_allclose(fused[row].detach(), expected @ values, rtol=1e-5)


def test_read_out_weights_sum_to_one_and_are_zero_on_padding():
    read_out = ReadOut(8)
    mask = length_mask(torch.tensor([1, 4]), 5)
    _, weights = read_out(torch.randn(2, 5, 8), mask)
    np.testing.assert_allclose(weights.sum(dim=1).detach(), 1.0, rtol=1e-6)
    assert (weights[~mask] == 0).all()


def test_attention_block_equals_torchs_pre_norm_transformer_layer():
    torch.manual_seed(0)
    block = AttentionBlock(8, n_heads=2, dropout=0.0).eval()
    reference = torch.nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    feedforward_norm, first, _, _, second = block.feedforward
    attention = block.attention
    projections = [attention.query, attention.key_value]
    pairs = {
        reference.self_attn.in_proj_weight: torch.cat([p.weight for p in projections]),
        reference.self_attn.in_proj_bias: torch.cat([p.bias for p in projections]),
        reference.self_attn.out_proj.weight: attention.project_out.weight,
        reference.self_attn.out_proj.bias: attention.project_out.bias,
        reference.norm1.weight: block.norm.weight,
        reference.norm2.weight: feedforward_norm.weight,
        reference.linear1.weight: first.weight,
        reference.linear1.bias: first.bias,
        reference.linear2.weight: second.weight,
        reference.linear2.bias: second.bias,
    }
    with torch.no_grad():
        for theirs, ours in pairs.items():
            theirs.copy_(ours)
    tokens = torch.randn(3, 5, 8)
    mask = length_mask(torch.tensor([5, 2, 4]), 5)

    found = block(tokens, mask)
    expected = reference(tokens, src_key_padding_mask=~mask)

    torch.testing.assert_close(found[mask], expected[mask])


def test_positions_reach_lengths_that_were_never_seen():
    positions = SinusoidalPositions(6)
    short, long = positions(torch.zeros(1, 4, 6)), positions(torch.zeros(1, 900, 6))
    torch.testing.assert_close(long[:, :4], short)
    assert len(torch.unique(long[0].detach(), dim=0)) == 900
