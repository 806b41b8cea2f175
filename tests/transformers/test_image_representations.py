import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from scipy.fft import dct
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mm import ImageTransformer

REPRESENTATIONS = {
    "pixels": {},
    "hog": {"pixels_per_cell": (4, 4), "cells_per_block": (1, 1)},
    "dct": {"n_coefficients": 10},
    "pca": {"n_components": 3, "random_state": 0},
}


@parametrize_with_checks(
    [
        ImageTransformer(size=(8, 8), representation=name, **parameters)
        for name, parameters in REPRESENTATIONS.items()
        if name != "pixels"
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def photos(n=6, height=20, width=30):
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (n, height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_missing_cells_become_empty_samples(representation, missing):
    cells = [photos()[0], missing, photos()[1]]
    block = ImageTransformer(
        size=(8, 8),
        representation=representation,
        **REPRESENTATIONS[representation],
    ).fit_transform(cells)
    assert block.lengths.tolist() == [1, 0, 1]


@pytest.mark.parametrize("representation", ["pixels", "hog", "dct"])
def test_column_of_only_missing_cells_has_the_width_of_any_other(representation):
    transformer = ImageTransformer(
        size=(8, 8),
        representation=representation,
        **REPRESENTATIONS[representation],
    )
    missing = transformer.fit_transform([None, None])
    assert missing.missing.all()
    assert missing.shape[1] == transformer.fit_transform(photos()).shape[1]


@pytest.mark.parametrize("mode", ["rgb", "gray"])
def test_hog_equals_scikit_image(mode):
    from skimage.feature import hog

    photo = photos(1, 32, 24)[0]
    block = ImageTransformer(
        size=(32, 24),
        mode=mode,
        representation="hog",
        orientations=6,
        pixels_per_cell=(8, 4),
        cells_per_block=(2, 3),
    ).fit_transform([photo])
    image = photo if mode == "rgb" else np.asarray(Image.fromarray(photo).convert("L"))
    reference = hog(
        image,
        orientations=6,
        pixels_per_cell=(8, 4),
        cells_per_block=(2, 3),
        channel_axis=-1 if mode == "rgb" else None,
    )
    assert block.kind == "vector"
    assert block.values.dtype == np.float32
    assert_allclose(block.values[0], reference, atol=1e-6)


def test_dct_keeps_the_lowest_frequencies_in_zigzag_order():
    photo = photos(1, 8, 8)[0]
    block = ImageTransformer(
        size=(8, 8), representation="dct", n_coefficients=6
    ).fit_transform([photo])
    expected = []
    for channel in np.moveaxis(photo / 255, -1, 0):
        spectrum = dct(dct(channel, axis=0, norm="ortho"), axis=1, norm="ortho")
        order = [(0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2)]
        expected += [spectrum[position] for position in order]
    assert block.values.dtype == np.float32
    assert_allclose(block.values[0], expected, atol=1e-5)


def test_all_coefficients_of_the_dct_keep_the_energy_of_the_image():
    photo = photos(1, 6, 8)[0]
    block = ImageTransformer(
        size=(6, 8), representation="dct", n_coefficients=48
    ).fit_transform([photo])
    energy = np.square(photo / 255).sum()
    assert np.square(block.values).sum() == pytest.approx(energy, rel=1e-5)


def test_pca_equals_scikit_learn_on_the_present_training_images():
    cells = photos(12, 5, 5)
    transformer = ImageTransformer(
        size=(5, 5), representation="pca", n_components=4, random_state=0
    ).fit([*cells[:10], None])
    rows = np.stack(cells).transpose(0, 3, 1, 2).reshape(12, -1) / 255
    reference = PCA(4).fit(rows[:10]).transform(rows)
    block = transformer.transform(cells)
    assert block.kind == "vector"
    assert block.values.dtype == np.float32
    assert_allclose(block.values, reference, atol=1e-4)


def test_pca_keeps_no_more_components_than_images():
    block = ImageTransformer(representation="pca").fit_transform(photos(5))
    assert block.shape == (5, 5)


def test_pca_of_one_image_says_what_it_needs():
    with pytest.raises(ValueError, match="at least 2 images, found n_samples = 1"):
        ImageTransformer(representation="pca").fit([photos()[0], None])


def test_images_are_missing_where_pca_saw_none_in_fit():
    transformer = ImageTransformer(representation="pca").fit([None, None])
    assert transformer.transform(photos()).missing.all()


def test_pca_leaves_the_global_generator_alone():
    # Large enough for the randomised solver.
    cells = photos(120, 16, 16)
    before = np.random.get_state()[1].copy()
    ImageTransformer(size=(16, 16), representation="pca", n_components=5).fit(cells)
    assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("mode", ["rgb", "gray"])
def test_each_column_of_the_flat_view_has_its_own_name(representation, mode):
    transformer = ImageTransformer(
        size=(8, 8),
        mode=mode,
        representation=representation,
        **REPRESENTATIONS[representation],
    )
    block = transformer.fit_transform(photos())
    names = transformer.get_feature_names_out()
    assert len(set(names)) == len(names) == block.n_flat_features


def test_name_of_a_pixel_says_where_it_is():
    image = np.zeros((2, 3, 3), dtype=np.uint8)
    image[1, 2, 1] = 255
    transformer = ImageTransformer(size=(2, 3))
    flat = np.asarray(transformer.fit_transform([image]))[0]
    assert transformer.get_feature_names_out()[flat > 0] == ["pixel_green_1_2"]


def test_name_of_a_coefficient_says_its_frequencies():
    stripes = np.tile([[1.0], [0.0]], (4, 8))  # varies down, not across
    transformer = ImageTransformer(
        size=(8, 8), mode="gray", representation="dct", n_coefficients=64
    )
    flat = np.asarray(transformer.fit_transform([stripes]))[0]
    names = transformer.get_feature_names_out()[np.abs(flat) > 0.1]
    assert len(names) > 1
    assert all(name.endswith("_0") for name in names)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_pickled_transformer_gives_the_same_features(representation):
    transformer = ImageTransformer(
        size=(8, 8),
        representation=representation,
        **REPRESENTATIONS[representation],
    ).fit(photos())
    loaded = pickle.loads(pickle.dumps(transformer))
    assert_array_equal(
        loaded.transform(photos()).values, transformer.transform(photos()).values
    )


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_set_output_gives_a_named_table(representation):
    column = pd.Series([*photos(4), None], index=list("abcde"))
    transformer = ImageTransformer(
        size=(8, 8),
        representation=representation,
        **REPRESENTATIONS[representation],
    ).set_output(transform="pandas")
    table = transformer.fit_transform(column)
    assert table.columns.tolist() == transformer.get_feature_names_out().tolist()
    assert table.index.tolist() == list("abcde")
    assert table.loc["e"].isna().all()
    assert table.loc["a":"d"].notna().all(axis=None)


@pytest.mark.parametrize(
    ("representation", "gain"), [("hog", 0.01), ("dct", -0.02), ("pca", -0.02)]
)
def test_handwritten_digits_are_told_apart_at_least_as_from_pixels(
    representation, gain
):
    X, y = load_digits(return_X_y=True)
    transformer = ImageTransformer(
        size=(16, 16),
        mode="gray",
        representation=representation,
        pixels_per_cell=(4, 4),
        n_coefficients=50,
        n_components=30,
        random_state=0,
    )
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    from_pixels, from_vectors = (
        cross_val_score(model, X[:600], y[:600], cv=3).mean()
        for model in (classifier, make_pipeline(transformer, classifier))
    )
    assert from_pixels > 0.8
    assert from_vectors > from_pixels + gain
