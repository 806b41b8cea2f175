"""Attention rollout, against matrices over all tokens made by torch's attention."""

import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_mm.nn.fusion import FUSIONS, N_BOTTLENECKS
from sklearn_mm.nn.rollout import roll_out

SIZES, WIDTH, HEADS = (2, 3, 4), 8, 2


@pytest.fixture
def encoded():
    generator = torch.Generator().manual_seed(0)
    masks = [torch.ones(5, size, dtype=torch.bool) for size in SIZES]
    masks[1][2, 1:] = False
    masks[2][3] = False
    return [
        (torch.randn(5, size, WIDTH, generator=generator), mask)
        for size, mask in zip(SIZES, masks, strict=True)
    ]


def make_fusion(kind, n_layers):
    torch.manual_seed(1)
    fusion = FUSIONS[kind](
        len(SIZES), width=WIDTH, n_layers=n_layers, n_heads=HEADS, dropout=0.0
    )
    for parameter in fusion.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return fusion.eval()


def torchs_weights(block, tokens, context, mask):
    """Mean weights of torch's module with the parameters of one of our blocks."""
    ours = block.attention
    theirs = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(
            torch.cat([ours.query.weight, ours.key_value.weight])
        )
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
    return theirs(tokens, context, context, key_padding_mask=~mask)[1]


def eye(size):
    return torch.eye(size).expand(5, -1, -1)


def of_all_tokens(fusion, encoded):
    tokens = torch.cat([part for part, _ in encoded], dim=1)
    mask = torch.cat([mask for _, mask in encoded], dim=1)
    flow = eye(sum(SIZES))
    for layer in fusion.layers:
        normed = layer.norm(tokens)
        read = torchs_weights(layer, normed, normed, mask)
        flow = (0.5 * eye(sum(SIZES)) + 0.5 * read) @ flow
        tokens = layer(tokens, mask)
    return flow


def of_others(fusion, encoded):
    parts, masks = map(list, zip(*encoded, strict=True))
    starts = [0, 2, 5, 9]
    flow = eye(sum(SIZES))
    for layer in fusion.layers:
        step, read = 0.5 * eye(sum(SIZES)).clone(), []
        for i, block in enumerate(layer):
            nothing = fusion.nothing.expand(5, 1, -1)
            others = [j for j in range(3) if j != i]
            context = torch.cat([nothing, *(parts[j] for j in others)], dim=1)
            mask = torch.cat(
                [torch.ones(5, 1, dtype=bool), *(masks[j] for j in others)], 1
            )
            weights = torchs_weights(
                block, block.norm(parts[i]), block.context_norm(context), mask
            )
            columns = [c for j in others for c in range(starts[j], starts[j + 1])]
            step[:, starts[i] : starts[i + 1], columns] = 0.5 * weights[..., 1:]
            read.append(block(parts[i], context, mask))
        flow, parts = step @ flow, read
    return flow


def of_bottleneck(fusion, encoded):
    """Flow from the tokens to bottleneck and tokens, each one layer after the other."""
    parts, masks = map(list, zip(*encoded, strict=True))
    shared = fusion.bottleneck.expand(5, -1, -1)
    n, starts = N_BOTTLENECKS, [0, 2, 5, 9]
    flow = torch.cat([torch.zeros(5, n, sum(SIZES)), eye(sum(SIZES))], dim=1)
    for layer in fusion.layers:
        step = torch.zeros(5, n + sum(SIZES), n + sum(SIZES))
        written = []
        for i, block in enumerate(layer):
            tokens = torch.cat([shared, parts[i]], dim=1)
            mask = torch.cat([torch.ones(5, n, dtype=bool), masks[i]], dim=1)
            normed = block.norm(tokens)
            weights = torchs_weights(block, normed, normed, mask)
            mixed = 0.5 * eye(tokens.shape[1]) + 0.5 * weights
            places = [*range(n), *range(n + starts[i], n + starts[i + 1])]
            rows = torch.tensor(places)
            mixed = torch.cat([mixed[:, :n] / len(layer), mixed[:, n:]], dim=1)
            step[:, rows[:, None], rows[None]] += mixed
            tokens = block(tokens, mask)
            written.append(tokens[:, :n])
            parts[i] = tokens[:, n:]
        shared = torch.stack(written).mean(dim=0)
        flow = step @ flow
    return flow[:, n:]


@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize(
    ("kind", "flow_by_hand"),
    [
        ("attention", of_all_tokens),
        ("cross", of_others),
        ("bottleneck", of_bottleneck),
    ],
)
def test_rollout_is_the_product_of_half_identity_and_half_attention(
    kind, flow_by_hand, n_layers, encoded
):
    fusion = make_fusion(kind, n_layers)
    with torch.no_grad():
        read_out = torch.cat(fusion(encoded)[1], dim=1)
        expected = (read_out[:, None] @ flow_by_hand(fusion, encoded)).squeeze(1)
        found = torch.cat(roll_out(fusion, encoded), dim=1)
    expected = expected / expected.sum(dim=1, keepdim=True)
    assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", FUSIONS)
def test_rolled_out_weights_of_a_row_sum_to_one(kind, encoded):
    with torch.no_grad():
        weights = torch.cat(roll_out(make_fusion(kind, 1), encoded), dim=1)
    assert_allclose(weights.sum(dim=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", FUSIONS)
def test_rolled_out_weights_of_padding_are_zero(kind, encoded):
    with torch.no_grad():
        weights = torch.cat(roll_out(make_fusion(kind, 2), encoded), dim=1)
    mask = torch.cat([mask for _, mask in encoded], dim=1)
    assert (weights[~mask] == 0).all()


@pytest.mark.parametrize("kind", ["gated", "concat"])
def test_without_layers_between_the_rollout_is_the_read_out(kind, encoded):
    fusion = make_fusion(kind, 1)
    with torch.no_grad():
        found = torch.cat(roll_out(fusion, encoded), dim=1)
        read_out = torch.cat(fusion(encoded)[1], dim=1)
    assert_allclose(found, read_out, atol=1e-6)
