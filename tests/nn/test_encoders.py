"""Encoders: what padding, order and missing numbers may and may not change."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, max_pool2d

from sklearn_mm import (
    BagEncoder,
    CNNEncoder,
    RNNEncoder,
    SelfAttentionEncoder,
    SetEncoder,
)
from sklearn_mm.estimators.modality import Modality
from sklearn_mm.nn.attention import SinusoidalPositions
from sklearn_mm.nn.encoders import Standardize, TokenEmbedding, images
from sklearn_mm.nn.encoders.images import (
    CellProjection,
    HalvingPool,
    ResidualBlock,
    cell_colours,
    randomly_shifted,
)
from sklearn_mm.nn.encoders.sequences import TimeConvolution

ONES = np.ones(3, dtype=np.float32)
SEQUENCE = Modality("sequence", (3,), None, 0 * ONES, ONES, np.array([], dtype=int))
TOKENS = Modality("tokens", (), 20)
IMAGE = Modality("image", (3, 12, 10), None, 0 * ONES, ONES)
SET = Modality("set", (3,), None, 0 * ONES, ONES)
SHAPE = {"width": 8, "n_heads": 2, "dropout": 0.0}

CASES = [
    (BagEncoder(), TOKENS),
    (BagEncoder(ngrams=(2, 5), n_buckets=7), TOKENS),
    (CNNEncoder(channels=(4, 8)), IMAGE),
    (CNNEncoder(channels=(4, 8), residual=True), IMAGE),
    (CNNEncoder(channels=(4, 8), grid=20), IMAGE),
    (RNNEncoder(), TOKENS),
    (RNNEncoder(cell="gru", n_layers=2, attention=False), TOKENS),
    (RNNEncoder(bidirectional=False), SEQUENCE),
    (SelfAttentionEncoder(), SEQUENCE),
    (SelfAttentionEncoder(strides=(), n_layers=2), TOKENS),
    (SelfAttentionEncoder(strides=(3,), kernel_size=7), SEQUENCE),
    (SelfAttentionEncoder(strides=(2, 1, 4), kernel_size=1), SEQUENCE),
    (SetEncoder(), SET),
    (SetEncoder(n_layers=0), TOKENS),
]


def values_of(modality, n_rows, n_steps):
    generator = torch.Generator().manual_seed(0)
    if modality.kind == "tokens":
        return torch.randint(0, 20, (n_rows, n_steps), generator=generator)
    return torch.randn(n_rows, n_steps, *modality.token_shape, generator=generator)


def build(spec, modality, seed=0):
    torch.manual_seed(seed)
    return spec.build(modality, **SHAPE).eval()


@pytest.mark.parametrize(("spec", "modality"), CASES)
def test_tokens_of_a_row_are_the_same_alone_and_beside_a_longer_row(spec, modality):
    encoder = build(spec, modality)
    values = values_of(modality, 2, 9)
    together, lengths = encoder(values, torch.tensor([4, 9]))
    alone, alone_lengths = encoder(values[:1, :4], torch.tensor([4]))
    assert lengths[0] == alone_lengths[0]
    torch.testing.assert_close(
        together[0, : lengths[0]], alone[0, : lengths[0]], atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize(("spec", "modality"), CASES)
def test_tokens_of_a_row_are_the_same_at_another_place_in_the_batch(spec, modality):
    encoder = build(spec, modality)
    values, lengths = values_of(modality, 3, 9), torch.tensor([4, 9, 6])
    order = torch.tensor([2, 0, 1])
    tokens, steps = encoder(values, lengths)
    moved, moved_steps = encoder(values[order], lengths[order])
    assert moved_steps.tolist() == steps[order].tolist()
    inside = torch.arange(tokens.shape[1]) < moved_steps[:, None]
    torch.testing.assert_close(
        moved[inside], tokens[order][inside], atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize(("spec", "modality"), CASES)
def test_an_encoder_takes_an_odd_width(spec, modality):
    shape = {"width": 9, "n_heads": 3, "dropout": 0.0}
    tokens, _ = spec.build(modality, **shape)(
        values_of(modality, 2, 5), torch.tensor([5, 2])
    )
    assert tokens.shape[2] == 9
    assert tokens.isfinite().all()


@pytest.mark.parametrize(("spec", "modality"), CASES)
def test_an_encoder_gives_tokens_of_the_common_width(spec, modality):
    tokens, lengths = build(spec, modality)(
        values_of(modality, 3, 5), torch.tensor([5, 1, 3])
    )
    assert tokens.shape[0] == 3
    assert tokens.shape[2] == 8
    assert tokens.shape[1] == lengths.max()


def test_strides_shorten_a_sequence():
    encoder = build(SelfAttentionEncoder(strides=(2, 2)), SEQUENCE)
    _, lengths = encoder(values_of(SEQUENCE, 2, 9), torch.tensor([9, 1]))
    assert lengths.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("typical_length", "n_tokens"), [(0, 9), (31, 9), (32, 5), (63, 5), (64, 3)]
)
def test_strides_follow_the_usual_length_of_a_row(typical_length, n_tokens):
    modality = replace(SEQUENCE, typical_length=typical_length)
    _, lengths = build(SelfAttentionEncoder(), modality)(
        values_of(SEQUENCE, 1, 9), torch.tensor([9])
    )
    assert lengths.tolist() == [n_tokens]


def test_a_step_reaches_its_token_past_the_convolutions():
    encoder = build(SelfAttentionEncoder(0, strides=(2, 1), statistics=False), SEQUENCE)
    with torch.no_grad():
        for convolution, norm in zip(encoder.convolutions, encoder.norms, strict=True):
            convolution.weight.zero_()
            norm.bias.zero_()
            convolution.bias.zero_()
        encoder.positions.scale.zero_()
    steps = values_of(SEQUENCE, 1, 7)
    tokens, _ = encoder(steps, torch.tensor([7]))
    first, second = (shortcut.weight for shortcut in encoder.shortcuts)
    expected = encoder.embed(steps)[:, ::2] @ (second @ first).T
    torch.testing.assert_close(tokens, layer_norm(expected, expected.shape[2:]))


def test_what_the_whole_sequence_tells_is_added_alike_to_each_of_its_tokens():
    encoder = build(SelfAttentionEncoder(), SEQUENCE).eval()
    steps, lengths = values_of(SEQUENCE, 1, 7), torch.tensor([7])
    with_context, _ = encoder(steps, lengths)
    context = encoder.context(encoder.embed(steps), lengths)
    encoder.context = None
    without, _ = encoder(steps, lengths)
    expected = context[:, None].expand_as(without)
    torch.testing.assert_close(with_context - without, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("stride", "n_steps"), [(1, 9), (2, 9), (3, 10), (2, 1)])
def test_steps_are_convolved_as_torch_does_along_one_axis(stride, n_steps):
    torch.manual_seed(0)
    convolution = TimeConvolution(3, 8, 5, stride, padding=2)
    steps = torch.randn(4, n_steps, 3)
    ours = convolution(steps)
    ours.square().sum().backward()
    gradient = convolution.weight.grad.clone()
    convolution.zero_grad()
    reference = nn.Conv1d.forward(convolution, steps.transpose(1, 2)).transpose(1, 2)
    reference.square().sum().backward()
    torch.testing.assert_close(ours, reference)
    torch.testing.assert_close(gradient, convolution.weight.grad)


def test_an_image_becomes_a_grid_of_tokens():
    encoder = build(CNNEncoder(channels=(4, 8), grid=3), IMAGE)
    tokens, lengths = encoder(values_of(IMAGE, 1, 2), torch.tensor([2]))
    assert lengths.tolist() == [2 * 9]
    assert tokens.shape == (1, 18, 8)


def test_a_grid_finer_than_the_last_map_has_its_cells_only():
    encoder = build(CNNEncoder(channels=(4, 8), grid=20), IMAGE)
    _, lengths = encoder(values_of(IMAGE, 1, 1), torch.tensor([1]))
    assert lengths.tolist() == [6 * 5]  # 12 x 10 pixels, halved once


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("side", [1, 2, 3])
def test_tiny_images_are_told_apart_through_more_stages_than_they_have_pixels(
    side, residual
):
    modality = Modality("image", (3, side, side), None, 0 * ONES, ONES)
    spec = CNNEncoder(channels=(8, 8, 8), residual=residual)
    images, one = values_of(modality, 8, 1), torch.tensor([1])
    deviations = []
    for seed in range(20):  # what a single draw of the weights gives differs a lot
        encoder = build(spec, modality, seed).train()  # where torch's norms want more
        encoded = [encoder(image[None], one) for image in images]
        assert all(lengths.tolist() == [1] for _, lengths in encoded)
        tokens = torch.cat([tokens for tokens, _ in encoded])
        assert tokens.isfinite().all()
        deviations.append(tokens.std(dim=0).mean().item())
    assert np.mean(deviations) > 0.1  # of values that are one deviation apart


def test_each_cell_has_a_matrix_of_its_own_and_its_colours_one_for_all():
    project = CellProjection(3, 4, 2, 8, dropout=0.5).eval()
    maps = torch.randn(5, 2, 3, 4)  # a row less than the grid has
    colours = torch.randn(5, 2, 3, 4)  # mean and deviation of two
    tokens = project(maps, colours)
    for row in range(2):
        for column in range(3):
            projected = maps[:, row, column] @ project.weight[row, column]
            projected = projected + colours[:, row, column] @ project.colours.weight.T
            expected = layer_norm(projected, (8,))
            assert torch.allclose(tokens[:, row, column], expected, atol=1e-6)


def test_the_colours_of_a_cell_are_their_mean_and_deviation_in_it():
    images = torch.randn(2, 3, 8, 12)
    found = cell_colours(images, 2, 3)
    cell = images[:, :, 4:8, 4:8].flatten(2)
    torch.testing.assert_close(found[:, :3, 1, 1], cell.mean(dim=2))
    deviation = cell.std(dim=2, correction=0)
    torch.testing.assert_close(found[:, 3:, 1, 1], deviation, atol=1e-5, rtol=1e-5)


def test_an_even_image_leaves_gradients_finite():
    images = torch.ones(1, 3, 8, 8, requires_grad=True)
    cell_colours(images, 2, 2).sum().backward()
    assert images.grad.isfinite().all()


def test_images_are_moved_by_every_number_of_pixels_up_to_the_share_and_no_more():
    images = torch.zeros(500, 20, 10, 2)
    images[:, 7, 5] = 1
    torch.manual_seed(0)
    moved = randomly_shifted(images, 0.1)  # by two pixels of 20, one of 10
    assert moved.shape == images.shape
    assert (moved.sum(dim=(1, 2, 3)) == 2).all()
    rows, columns = moved[..., 0].nonzero()[:, 1:].T
    assert set(rows.tolist()) == {5, 6, 7, 8, 9}
    assert set(columns.tolist()) == {4, 5, 6}


def test_images_are_moved_in_training_only():
    encoder = build(CNNEncoder(channels=(4, 8), max_shift=0.2), IMAGE)
    values, lengths = values_of(IMAGE, 30, 1), torch.ones(30, dtype=torch.int64)
    tokens, again = (encoder(values, lengths)[0] for _ in range(2))
    assert torch.equal(tokens, again)
    moved = encoder.train()(values, lengths)[0]
    assert (moved != tokens).any(dim=(1, 2)).sum() > 20


def test_images_too_small_to_be_moved_stay_where_they_are():
    encoder = build(CNNEncoder(channels=(4,), max_shift=0.04), IMAGE)
    values, lengths = values_of(IMAGE, 5, 1), torch.ones(5, dtype=torch.int64)
    tokens = encoder(values, lengths)[0]
    assert torch.equal(encoder.train()(values, lengths)[0], tokens)


@pytest.mark.parametrize("together", [1, 2, 3])
def test_images_a_few_at_a_time_are_encoded_as_all_at_once(monkeypatch, together):
    encoder = build(CNNEncoder(channels=(4, 8), max_shift=0), IMAGE)
    values, lengths = values_of(IMAGE, 4, 2), torch.tensor([1, 2, 1, 2])
    results = []
    for n_images in (100, together):
        monkeypatch.setattr(images, "CHUNK_NUMBERS", n_images * 12 * 10 * 4)
        encoder.zero_grad()
        tokens, _ = encoder(values, lengths)
        (tokens * torch.arange(8)).sum().backward()
        gradients = [p.grad.clone() for p in encoder.parameters()]
        results.append((tokens.detach(), gradients))
    torch.testing.assert_close(results[1], results[0], rtol=1e-4, atol=1e-4)


def test_images_are_convolved_in_chunks_of_the_size_that_is_set(monkeypatch):
    sizes = []

    def convolve(chunk):
        sizes.append(len(chunk))
        return chunk

    monkeypatch.setattr(images, "CHUNK_NUMBERS", 3 * 6 * 5 * 4)
    batch = torch.randn(7, 2, 6, 5)
    assert torch.equal(images.in_chunks(convolve, batch, n_channels=4), batch)
    images.in_chunks(convolve, batch[:1], n_channels=1000)  # larger than a chunk
    assert sizes == [3, 3, 1, 1]


@pytest.mark.parametrize("shape", [(4, 6), (5, 6), (4, 7), (1, 1), (3, 3)])
@pytest.mark.parametrize("with_gradient", [True, False])
def test_halving_keeps_the_largest_of_four_pixels(shape, with_gradient):
    maps = torch.randn(3, 2, *shape)
    with torch.set_grad_enabled(with_gradient):
        halved = HalvingPool()(maps)
    assert torch.equal(halved, max_pool2d(maps, 2, ceil_mode=True))


def test_a_residual_block_adds_to_what_it_is_given():
    block = ResidualBlock(4, 3)
    torch.nn.init.zeros_(block.body[-1].weight)  # the branch then gives nothing
    maps = torch.rand(2, 4, 5, 5)
    torch.testing.assert_close(block(maps), maps)


def test_positions_reach_lengths_that_training_did_not_see():
    encoder = build(SelfAttentionEncoder(strides=()), SEQUENCE)
    tokens, lengths = encoder(values_of(SEQUENCE, 1, 3000), torch.tensor([3000]))
    assert tokens.shape == (1, 3000, 8)
    assert lengths.tolist() == [3000]
    # A step far out has the code of the formula (Vaswani et al. 2017).
    positions = SinusoidalPositions(8)
    code = positions(torch.zeros(1, 3000, 8))[0, 2999] / positions.scale
    angles = 2999 / 10_000 ** (np.arange(0, 8, 2) / 8)
    expected = np.concatenate([np.sin(angles), np.cos(angles)])
    np.testing.assert_allclose(code.detach(), expected, atol=1e-3)


def test_a_set_encoder_does_not_see_the_order_of_its_tokens():
    encoder = build(SetEncoder(), SET)
    values, order = values_of(SET, 1, 5), torch.tensor([3, 0, 4, 1, 2])
    tokens, _ = encoder(values, torch.tensor([5]))
    shuffled, _ = encoder(values[:, order], torch.tensor([5]))
    torch.testing.assert_close(shuffled, tokens[:, order])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_recurrent_encoder_equals_torchs_own_over_packed_rows(cell, bidirectional):
    spec = RNNEncoder(cell, n_layers=2, bidirectional=bidirectional, attention=False)
    encoder = build(spec, TOKENS).eval()
    reference = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](
        64, 64, 2, batch_first=True, bidirectional=bidirectional
    )
    for number, directions in enumerate(encoder.layers):
        for direction, suffix in zip(directions, ("", "_reverse"), strict=False):
            for name, weight in direction.named_parameters():
                name = name.replace("_l0", f"_l{number}{suffix}")
                getattr(reference, name).data.copy_(weight)
    values, lengths = values_of(TOKENS, 3, 6), torch.tensor([6, 1, 4])
    packed = nn.utils.rnn.pack_padded_sequence(
        encoder.embed(values), lengths, batch_first=True, enforce_sorted=False
    )
    states, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], True)
    tokens, _ = encoder(values, lengths)
    for row, length in enumerate(lengths):
        past = encoder.shortcut(encoder.embed(values))[row, :length]
        expected = encoder.norm(encoder.project(states)[row, :length] + past)
        torch.testing.assert_close(tokens[row, :length], expected)


def test_a_share_of_the_tokens_is_forgotten_in_training_only():
    torch.manual_seed(0)
    embed = TokenEmbedding(20, 4, token_dropout=0.3)
    ids = torch.randint(1, 20, (100, 100))
    of_unknown = embed.weight[0]
    forgotten = (embed(ids) == of_unknown).all(dim=2)
    assert abs(forgotten.float().mean() - 0.3) < 0.02
    assert torch.equal(embed.eval()(ids), embed.weight[ids])


def test_a_row_never_forgets_all_its_words():
    torch.manual_seed(0)
    embed = TokenEmbedding(20, 4, token_dropout=0.9)
    ids = torch.randint(1, 20, (500, 3))
    ids[:, 1:] *= torch.randint(0, 2, (500, 2))  # some unknown, or padding
    known = (embed(ids) != embed.weight[0]).any(dim=2)
    assert known.any(dim=1).all()
    assert not (known & (ids == 0)).any()


@pytest.mark.parametrize(
    "spec", [BagEncoder, RNNEncoder, SelfAttentionEncoder, SetEncoder]
)
def test_texts_are_encoded_with_some_tokens_unknown_in_training(spec):
    values, lengths = torch.randint(1, 20, (50, 6)), torch.full((50,), 6)
    for share in (0.0, 0.5):
        encoder = build(spec(token_dropout=share), TOKENS)
        tokens, _ = encoder(values, lengths)
        changed = (encoder.train()(values, lengths)[0] != tokens).any(dim=(1, 2))
        assert (changed.sum() > 40) == (share > 0)


def test_standardize_clips_what_is_far_out_and_takes_nan_as_the_mean():
    standardize = Standardize(np.array([1.0]), np.array([2.0]))
    values = torch.tensor([[3.0], [1e9], [torch.nan]], dtype=torch.float64)
    assert standardize(values).ravel().tolist() == [1.0, 10.0, 0.0]


def test_standardize_keeps_the_precision_of_large_float64_values():
    base = 1.7e9  # seconds since 1970: float32 resolves only 128 s here
    standardize = Standardize(np.array([base]), np.array([10.0]))
    found = standardize(torch.tensor([[base + 5.0]], dtype=torch.float64))
    assert found.item() == 0.5
