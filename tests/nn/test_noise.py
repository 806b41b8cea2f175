"""Noise in the place of a modality: what is replaced, and by what."""

import numpy as np
import pytest
import torch

from sklearn_mm.nn.noise import replace_by_noise

N_ROWS = 3000


@pytest.fixture(autouse=True)
def seed():
    """Draw the same noise in every run, and leave torch's random state as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def every_row(n_rows=N_ROWS):
    return torch.ones(n_rows, dtype=torch.bool)


def test_only_tokens_of_noisy_rows_change():
    values = torch.randn(4, 3, 2)
    lengths = torch.tensor([3, 2, 3, 1])
    noisy = torch.tensor([False, True, False, True])
    before = values.clone()
    noise = replace_by_noise(values, lengths, noisy)
    same = (noise == before).all(dim=2)
    expected = [[True] * 3, [False, False, True], [True] * 3, [False, True, True]]
    assert same.tolist() == expected
    torch.testing.assert_close(values, before, rtol=0, atol=0)


def test_without_noisy_rows_values_are_the_same_object():
    values = torch.randn(4, 3, 2)
    assert replace_by_noise(values, torch.full((4,), 3), ~every_row(4)) is values


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
def test_shape_and_dtype_stay(dtype):
    values = (200 * torch.rand(5, 2, 3, 4, 4)).to(dtype)
    noise = replace_by_noise(values, torch.full((5,), 2), every_row(5))
    assert noise.shape == values.shape
    assert noise.dtype == dtype


def test_ids_are_drawn_as_often_as_they_occur():
    ids = torch.tensor([[7, 7, 7, 9]]).repeat(N_ROWS, 1)
    noise = replace_by_noise(ids, torch.full((N_ROWS,), 4), every_row())
    assert noise.dtype == torch.int64
    assert noise.unique().tolist() == [7, 9]
    assert abs((noise == 7).float().mean() - 0.75) < 0.02


def test_padding_is_never_drawn():
    ids = torch.zeros(N_ROWS, 5, dtype=torch.int64)
    ids[:, :2] = 3
    noise = replace_by_noise(ids, torch.full((N_ROWS,), 2), every_row())
    torch.testing.assert_close(noise, ids, rtol=0, atol=0)


def two_level_noise():
    """Make noise from numbers of two levels, 10 -+ 4.

    What each number was is known then: a feature of a row shows two levels again.
    """
    values = 10 + 4 * (2 * torch.randint(2, (N_ROWS, 60, 3)) - 1.0)
    values[..., 1] *= 100  # a feature of another unit
    noise = replace_by_noise(values, torch.full((N_ROWS,), 60), every_row())
    noise[..., 1] /= 100
    return noise


def test_numbers_of_a_feature_in_a_row_are_moved_alike():
    noise = two_level_noise()
    low, high = noise.amin(dim=1, keepdim=True), noise.amax(dim=1, keepdim=True)
    assert (torch.minimum(noise - low, high - noise) < 1e-3).all()


def test_a_row_is_moved_as_a_whole_and_each_feature_by_itself():
    noise = two_level_noise()
    offsets = ((noise.amin(dim=1) + noise.amax(dim=1)) / 2 - 10) / 4
    assert abs(offsets.mean()) < 0.15
    # Normal numbers of deviation 2, of the row, and of deviation 1, of its features.
    covariance = torch.as_tensor(np.cov(offsets.T.numpy()))
    expected = torch.full((3, 3), 4.0) + torch.eye(3)
    torch.testing.assert_close(covariance.float(), expected, rtol=0, atol=0.4)


def test_numbers_of_a_row_are_spread_alike_and_by_small_numbers_often():
    noise = two_level_noise()
    spread = (noise.amax(dim=1) - noise.amin(dim=1)) / 8
    assert (spread.amax(dim=1) - spread.amin(dim=1)).max() < 1e-3
    # Twice the square of a uniform number: a quarter is below an eighth.
    assert abs(spread.mean() - 2 / 3) < 0.05
    assert abs((spread < 1 / 8).float().mean() - 0.25) < 0.05
    assert spread.max() < 2.1


def test_features_of_noise_are_independent():
    one = torch.randn(N_ROWS, 50, 1)
    values = torch.cat([one, one], dim=2)  # alike in every token
    noise = replace_by_noise(values, torch.full((N_ROWS,), 50), every_row())
    within_rows = (noise - noise.mean(dim=1, keepdim=True)).flatten(0, 1)
    assert abs(np.corrcoef(within_rows.T.numpy())[0, 1]) < 0.05


def test_levels_of_pixels_saturate_and_do_not_wrap_around():
    values = 255 * torch.randint(2, (N_ROWS, 1, 1, 5, 5)).to(torch.uint8)
    noise = replace_by_noise(values, torch.ones(N_ROWS), every_row()).flatten(1)
    # Mean and deviation are 127.5: with an offset of 1 + spread deviations all is
    # white. The offset is normal; its variance is 4 for the row and 1 for the colour.
    # The mean over spreads of P(sqrt(5) z >= 1 + spread) is .236.
    for end in (0, 255):
        assert abs((noise == end).all(dim=1).float().mean() - 0.236) < 0.02


def test_a_feature_that_is_missing_everywhere_stays_missing():
    values = torch.randn(N_ROWS, 1, 2)
    values[..., 1] = torch.nan
    values[: N_ROWS // 2, 0, 0] = torch.nan
    noise = replace_by_noise(values, torch.ones(N_ROWS), every_row())
    missing = noise.isnan().float().mean(dim=(0, 1))
    assert missing[1] == 1
    assert abs(missing[0] - 0.5) < 0.05
