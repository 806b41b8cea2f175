"""Encoders: what of the input each of their tokens stands for."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from sklearn_mm import (
    BagEncoder,
    CNNEncoder,
    RNNEncoder,
    SelfAttentionEncoder,
    SetEncoder,
    VectorEncoder,
)
from sklearn_mm.estimators.modality import Modality

ONES, NONE = np.ones(3, dtype=np.float32), np.array([], dtype=int)
SEQUENCE = Modality("sequence", (3,), None, 0 * ONES, ONES, NONE)
VECTOR = Modality("vector", (3,), None, 0 * ONES, ONES, NONE)
TOKENS = Modality("tokens", (), 20)
IMAGE = Modality("image", (3, 22, 9), None, 0 * ONES, ONES)
SHAPE = {"width": 8, "n_heads": 2, "dropout": 0.0}

CASES = [
    (BagEncoder(), TOKENS, 7),
    (CNNEncoder(channels=(4, 8)), IMAGE, 1),
    (CNNEncoder(channels=(4, 8, 8), grid=3), IMAGE, 2),
    (CNNEncoder(channels=(4,), grid=50), IMAGE, 1),
    (RNNEncoder(), TOKENS, 7),
    (SelfAttentionEncoder(), SEQUENCE, 1),
    (SelfAttentionEncoder(), SEQUENCE, 8),
    (SelfAttentionEncoder(), SEQUENCE, 9),
    (SelfAttentionEncoder(strides=()), TOKENS, 7),
    (SelfAttentionEncoder(strides=(3, 2), kernel_size=1), SEQUENCE, 20),
    (SetEncoder(), SEQUENCE, 7),
    (VectorEncoder(), VECTOR, 1),
    (VectorEncoder(tokens="features"), VECTOR, 1),
]


def build(spec, modality):
    torch.manual_seed(0)
    return spec.build(modality, **SHAPE).eval()


@pytest.mark.parametrize(("spec", "modality", "n_steps"), CASES)
def test_there_is_a_span_for_each_token(spec, modality, n_steps):
    encoder = build(spec, modality)
    values = torch.ones(1, n_steps, *modality.token_shape)
    values = values.long() if modality.kind == "tokens" else values
    _, lengths = encoder(values, torch.tensor([n_steps]))
    spans = encoder.spans(n_steps, modality.token_shape)
    assert {len(span) for span in spans.values()} == {int(lengths)}


@pytest.mark.parametrize("strides", [(), (2, 2), (3,), (2, 1, 4)])
@pytest.mark.parametrize("n_steps", [1, 6, 17])
def test_spans_of_a_sequence_follow_each_other_from_end_to_end(strides, n_steps):
    encoder = build(SelfAttentionEncoder(strides=strides), SEQUENCE)
    spans = encoder.spans(n_steps, (3,))
    assert spans["start"][0] == 0
    assert spans["end"][-1] == n_steps
    assert spans["start"][1:] == spans["end"][:-1]


@pytest.mark.parametrize("strides", [(2, 2), (3,), (2, 1, 4)])
def test_a_strided_token_stands_around_the_step_that_it_is_computed_from(strides):
    # With kernels of one step and nothing else a token is made from one step only.
    spec = SelfAttentionEncoder(0, strides=strides, kernel_size=1, statistics=False)
    encoder = build(spec, SEQUENCE)
    values = torch.randn(1, 17, 3, requires_grad=True)
    tokens, _ = encoder(values, torch.tensor([17]))
    spans = encoder.spans(17, (3,))
    for token, (start, end) in enumerate(
        zip(spans["start"], spans["end"], strict=True)
    ):
        chosen = tokens[0, token] @ torch.arange(8.0)
        (gradient,) = torch.autograd.grad(chosen, values, retain_graph=True)
        (step,) = gradient[0].abs().sum(dim=1).nonzero().ravel().tolist()
        assert start <= step < end
        assert end - step <= np.prod(strides) or end == 17
        assert step - start <= np.prod(strides) / 2


@pytest.mark.parametrize(
    ("channels", "grid"), [((4, 8), 4), ((4, 8, 8), 4), ((4,), 5), ((4, 8, 8), 2)]
)
def test_a_box_holds_the_pixels_that_are_pooled_into_its_cell(channels, grid):
    encoder = build(CNNEncoder(channels=channels, grid=grid), IMAGE)
    spans = encoder.spans(1, IMAGE.token_shape)
    pixels = torch.ones(1, 1, 22, 9, requires_grad=True)
    maps = pixels
    for _ in channels[1:]:  # the mean in the place of the maximum, to see all
        maps = functional.avg_pool2d(maps, 2, ceil_mode=True)
    size = [min(side, grid) for side in maps.shape[2:]]
    cells = functional.adaptive_avg_pool2d(maps, size).ravel()
    for number, cell in enumerate(cells):
        (gradient,) = torch.autograd.grad(cell, pixels, retain_graph=True)
        rows, columns = (gradient[0, 0] > 0).nonzero(as_tuple=True)
        assert spans["top"][number] == rows.min()
        assert spans["bottom"][number] == rows.max() + 1
        assert spans["left"][number] == columns.min()
        assert spans["right"][number] == columns.max() + 1


def test_tokens_of_several_images_say_which_image_they_are_of():
    encoder = build(CNNEncoder(channels=(4, 8), grid=2), IMAGE)
    spans = encoder.spans(3, IMAGE.token_shape)
    assert spans["start"] == [0] * 4 + [1] * 4 + [2] * 4
    assert spans["left"][:4] == spans["left"][4:8]


def test_tokens_of_features_say_which_feature_they_are_of():
    encoder = build(VectorEncoder(tokens="features"), VECTOR)
    assert encoder.spans(1, (3,))["feature"] == [0, 1, 2]


def test_the_token_of_a_bag_stands_for_the_whole_text():
    spans = build(BagEncoder(), TOKENS).spans(7, ())
    assert (spans["start"], spans["end"]) == ([0], [7])
