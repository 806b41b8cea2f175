"""Encoders: what padding, order and missing numbers may and may not change."""

import numpy as np
import pytest
import torch

from sklearn_mm import (
    CNNEncoder,
    RNNEncoder,
    SelfAttentionEncoder,
    SetEncoder,
    VectorEncoder,
)
from sklearn_mm.estimators.modality import Modality
from sklearn_mm.nn.encoders import Standardize

ONES = np.ones(3, dtype=np.float32)
SEQUENCE = Modality("sequence", (3,), None, 0 * ONES, ONES, np.array([], dtype=int))
TOKENS = Modality("tokens", (), 20)
IMAGE = Modality("image", (3, 12, 10), None, 0 * ONES, ONES)
SET = Modality("set", (3,), None, 0 * ONES, ONES)
SHAPE = {"width": 8, "n_heads": 2, "dropout": 0.1}

CASES = [
    (CNNEncoder(channels=(4, 8)), IMAGE),
    (CNNEncoder(channels=(4, 8), residual=True), IMAGE),
    (RNNEncoder(), TOKENS),
    (RNNEncoder(cell="gru", n_layers=2, attention=False), TOKENS),
    (RNNEncoder(bidirectional=False), SEQUENCE),
    (SelfAttentionEncoder(), SEQUENCE),
    (SelfAttentionEncoder(strides=(), n_layers=2), TOKENS),
    (SelfAttentionEncoder(strides=(3,), kernel_size=7), SEQUENCE),
    (SetEncoder(), SET),
]


def values_of(modality, n_rows, n_steps):
    generator = torch.Generator().manual_seed(0)
    if modality.kind == "tokens":
        return torch.randint(0, 20, (n_rows, n_steps), generator=generator)
    return torch.randn(n_rows, n_steps, *modality.token_shape, generator=generator)


def build(spec, modality):
    torch.manual_seed(0)
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


def test_an_image_becomes_a_grid_of_tokens():
    encoder = build(CNNEncoder(channels=(4, 8), grid=3), IMAGE)
    tokens, lengths = encoder(values_of(IMAGE, 1, 2), torch.tensor([2]))
    assert lengths.tolist() == [2 * 9]
    assert tokens.shape == (1, 18, 8)


def test_a_set_encoder_does_not_see_the_order_of_its_tokens():
    encoder = build(SetEncoder(), SET)
    values, order = values_of(SET, 1, 5), torch.tensor([3, 0, 4, 1, 2])
    tokens, _ = encoder(values, torch.tensor([5]))
    shuffled, _ = encoder(values[:, order], torch.tensor([5]))
    torch.testing.assert_close(shuffled, tokens[:, order])


def test_a_recurrent_encoder_equals_torchs_own_run_over_one_row():
    encoder = build(RNNEncoder(attention=False), TOKENS)
    values = values_of(TOKENS, 1, 6)
    states, _ = encoder.recurrent(encoder.embed(values))
    tokens, _ = encoder(values, torch.tensor([6]))
    torch.testing.assert_close(tokens, encoder.project(states))


def test_standardize_clips_what_is_far_out_and_takes_nan_as_the_mean():
    standardize = Standardize(np.array([1.0]), np.array([2.0]))
    values = torch.tensor([[3.0], [1e9], [torch.nan]], dtype=torch.float64)
    assert standardize(values).ravel().tolist() == [1.0, 10.0, 0.0]


def test_standardize_keeps_the_precision_of_large_float64_values():
    base = 1.7e9  # seconds since 1970: float32 resolves only 128 s here
    standardize = Standardize(np.array([base]), np.array([10.0]))
    found = standardize(torch.tensor([[base + 5.0]], dtype=torch.float64))
    assert found.item() == 0.5


def test_a_missing_number_is_an_input_of_its_own():
    vector = Modality("vector", (3,), None, 0 * ONES, ONES, np.array([1]))
    encoder = build(VectorEncoder(), vector)
    known = torch.tensor([[[1.0, 0.0, 2.0]]])
    missing = torch.tensor([[[1.0, torch.nan, 2.0]]])
    lengths = torch.tensor([1])
    assert not torch.equal(encoder(known, lengths)[0], encoder(missing, lengths)[0])


@pytest.mark.parametrize(
    ("spec", "modality", "message"),
    [
        (CNNEncoder(), TOKENS, "Did you mean RNNEncoder"),
        (RNNEncoder(), IMAGE, "Did you mean CNNEncoder"),
        (RNNEncoder(cell="rnn"), TOKENS, "'lstm' or 'gru', found 'rnn'"),
        (CNNEncoder(kernel_size=4), IMAGE, "must be odd, found 4"),
        (CNNEncoder(channels=()), IMAGE, "at least one stage"),
    ],
)
def test_a_spec_that_cannot_be_built_says_what_to_change(spec, modality, message):
    with pytest.raises(ValueError, match=message):
        spec.build(modality, **SHAPE)
