"""What a notebook shows of MultimodalFeatures."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from scipy import sparse

from sklearn_mm import FeatureBlock, MultimodalFeatures


class Table(HTMLParser):
    """Read the cells, the images and every tag of a table."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags, self.images, self.open = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "img":
            self.images.append(dict(attrs))
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def pixels_of(image):
    """Decode the picture in an ``<img>``: ndarray of its pixels."""
    kind, data = image["src"].split(",", 1)
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.fixture
def features():
    words = [np.arange(n) for n in (2, 9, 4)] + [None]
    photos = np.random.default_rng(0).integers(0, 256, (4, 3, 20, 30)).astype(np.uint8)
    return MultimodalFeatures(
        {
            "text": FeatureBlock.from_samples(words, "tokens", vocabulary_size=2000),
            "photo": FeatureBlock(photos, np.arange(5), "image"),
            "table": sparse.csr_matrix(np.eye(4)),
        }
    )


def test_each_modality_has_a_row_with_its_kind_shape_lengths_and_missing_share(
    features,
):
    head, text, photo, table = Table(features._repr_html_()).rows
    assert head[:5] == [
        "modality",
        "kind",
        "token",
        "tokens a row (min / median / max)",
        "missing",
    ]
    assert text[:5] == ["text", "tokens", "one of 2,000 ids", "2 / 4 / 9", "25.0%"]
    assert photo[:5] == ["photo", "image", "uint8, 3 × 20 × 30", "1", "0.0%"]
    assert table[:5] == ["table", "vector", "float64, 4", "1", "0.0%"]


def test_the_size_is_that_of_the_block(features):
    _, _, photo, _ = Table(features._repr_html_()).rows
    assert photo[5] == "7.24 kB"  # 4 * 3 * 20 * 30 bytes and five offsets of 8
    assert f"4 rows, {features.nbytes / 1000:.3g} kB" in features._repr_html_()


def test_thumbnails_show_the_images_of_the_first_rows():
    photos = np.zeros((3, 3, 8, 8), dtype=np.uint8)
    photos[0, 0], photos[1, 1], photos[2, 2] = 250, 251, 252
    block = FeatureBlock(photos, [0, 1, 1, 2, 3], "image")
    images = Table(MultimodalFeatures({"photo": block})._repr_html_()).images
    assert [image["alt"] for image in images] == [f"photo, row {i}" for i in (0, 2, 3)]
    shown = [pixels_of(image) for image in images]
    assert {picture.shape for picture in shown} == {(40, 40, 3)}
    assert [picture[5, 5].tolist() for picture in shown] == [
        [250, 0, 0],
        [0, 251, 0],
        [0, 0, 252],
    ]


def test_there_are_four_small_thumbnails_at_most():
    photos = np.zeros((30, 3, 100, 50), dtype=np.uint8)
    block = FeatureBlock(photos, np.arange(31), "image")
    images = Table(MultimodalFeatures({"photo": block})._repr_html_()).images
    assert [pixels_of(image).shape for image in images] == [(40, 20, 3)] * 4


def test_numbers_are_stretched_over_all_greys():
    photo = np.linspace(-2, 2, 1600, dtype=np.float32).reshape(1, 1, 40, 40)
    photo[0, 0, 0, 1] = np.nan
    block = FeatureBlock(photo, [0, 1], "image")
    (image,) = Table(MultimodalFeatures({"photo": block})._repr_html_()).images
    shown = pixels_of(image)
    assert (shown[0, 0], shown[-1, -1], shown[0, 1]) == (0, 255, 127)


@pytest.mark.parametrize("n_channels", [2, 4])
def test_other_channels_than_colours_are_averaged(n_channels):
    photo = np.zeros((1, n_channels, 40, 40), dtype=np.uint8)
    photo[0, 0] = 100
    block = FeatureBlock(photo, [0, 1], "image")
    (image,) = Table(MultimodalFeatures({"photo": block})._repr_html_()).images
    assert_array_equal(pixels_of(image), np.full((40, 40), 100 // n_channels))


def test_names_are_escaped():
    name = '<script>alert("a")</script>&'
    photo = FeatureBlock(np.zeros((1, 3, 4, 4), dtype=np.uint8), [0, 1], "image")
    table = Table(MultimodalFeatures({name: photo})._repr_html_())
    assert "script" not in table.tags
    assert table.rows[1][0] == name
    assert table.images[0]["alt"] == f"{name}, row 0"


def test_nothing_is_loaded_and_no_colour_is_fixed(features):
    html = features._repr_html_()
    style = re.search("<style>(.*)</style>", html, re.DOTALL)[1]
    assert "script" not in Table(html).tags
    assert not re.search(r"https?:|url\(|@import|<link", html)
    assert not re.search(r"#[0-9a-f]{3}|rgba?\(|white|black", style)


def test_no_rows_and_missing_everywhere_are_shown_too(features):
    empty = Table(features[:0]._repr_html_()).rows[2]
    assert empty[3:5] == ["none", "none"]
    nothing = Table(features[[3]]._repr_html_()).rows[1]
    assert nothing[3:5] == ["none", "100.0%"]


def test_features_on_disk_are_shown_alike(features, tmp_path):
    features.save(tmp_path / "features")
    html = MultimodalFeatures.load(tmp_path / "features")._repr_html_()
    assert html == features._repr_html_()
