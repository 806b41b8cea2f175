"""Many images to one size: Pillow and scikit-image are the references."""

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.datasets import load_sample_image

from sklearn_mm import ImageTransformer
from sklearn_mm.transformers.resizing import resize_images


def photo(height, width, n_channels=3, seed=0):
    """Cut a part out of a photo."""
    flower = load_sample_image("flower.jpg")
    top, left = np.random.default_rng(seed).integers(0, 60, 2)
    return flower[top : top + height, left : left + width, :n_channels]


def by_pillow(image, size):
    image = image[:, :, 0] if image.shape[2] == 1 else image
    resized = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.moveaxis(np.asarray(resized).reshape(*size, -1), -1, 0)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("size", [(64, 64), (31, 17), (1, 1), (200, 90), (100, 301)])
def test_each_image_equals_pillow_within_one_level(n_channels, size):
    shapes = [(100, 120), (97, 131), (100, 120), (1, 1), (300, 40), (64, 64), (97, 131)]
    images = [
        np.ascontiguousarray(photo(*shape, n_channels, seed=seed))
        for seed, shape in enumerate(shapes)
    ]
    resized = resize_images(images, size, n_channels)
    assert resized.dtype == np.uint8
    for image, result in zip(images, resized, strict=True):
        assert_allclose(result.astype(int), by_pillow(image, size), atol=1)


def test_mean_distance_to_scikit_image_is_below_one_level():
    from skimage.transform import resize

    images = [photo(256, 256, seed=seed) for seed in range(4)]
    resized = resize_images(images, (64, 64), 3)
    for image, result in zip(images, resized, strict=True):
        # The filters differ: a triangle here, a Gaussian there.
        reference = resize(image, (64, 64), anti_aliasing=True) * 255
        assert np.abs(np.moveaxis(result, 0, -1) - reference).mean() < 1


@pytest.mark.parametrize("n_channels", [1, 3])
def test_what_becomes_of_an_image_does_not_depend_on_the_others(n_channels):
    images = [photo(90, 90, n_channels, seed=seed) for seed in range(50)]
    together = resize_images(images, (64, 48), n_channels)
    for i in (0, 17, 49):
        alone = resize_images(images[i : i + 1], (64, 48), n_channels)
        assert_array_equal(alone[0], together[i])


def test_gray_images_beside_colour_ones_are_repeated():
    gray, colour = photo(40, 40, 1), photo(40, 40)
    resized = resize_images([gray, colour, gray], (20, 20), 3)
    expected = resize_images([gray], (20, 20), 1)
    assert_array_equal(resized[0], expected[0].repeat(3, axis=0))
    assert_array_equal(resized[2], resized[0])


def test_no_image_gives_an_empty_array_of_the_size():
    assert resize_images([], (3, 4), 3).shape == (0, 3, 3, 4)


def test_small_large_and_same_sized_images_of_one_column_equal_pillow():
    images = [photo(h, w) for h, w in [(50, 60), (32, 32), (300, 320), (50, 60)]]
    block = ImageTransformer(size=(32, 32)).fit_transform(images)
    for image, result in zip(images, block.values, strict=True):
        assert_allclose(result.astype(int), by_pillow(image, (32, 32)), atol=1)


def large_photo():
    """Make a photo of 1920 x 1280 with fine detail: three parts, noise, stripes."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(load_sample_image("china.jpg"))
    pixels = np.asarray(image.resize((1920, 1280), Image.Resampling.LANCZOS))
    pixels = pixels + rng.normal(0, 8, (1280, 1920, 3))
    pixels[:400, :400] = rng.integers(0, 256, (400, 400, 3))
    pixels[:400, 400:800] = 255 * (np.arange(400) % 4 < 2)[:, None]
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("mode", ["rgb", "gray"])
@pytest.mark.parametrize("size", [(32, 32), (64, 64), (64, 40)])
def test_jpeg_at_a_reduced_scale_is_within_five_levels(mode, size):
    file = io.BytesIO()
    Image.fromarray(large_photo()).save(file, "JPEG", quality=90)
    reduced, full = (
        ImageTransformer(size=size, mode=mode).fit_transform([cell]).values.astype(int)
        for cell in (file.getvalue(), np.asarray(Image.open(file).convert("RGB")))
    )
    difference = np.abs(reduced - full)
    assert 0 < difference.mean() < 0.6
    assert difference.max() <= 5
