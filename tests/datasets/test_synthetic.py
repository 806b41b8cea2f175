import itertools

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm.datasets import make_multimodal_classification

KINDS = ["image", "text", "audio", "series", "numbers"]


# ---- what the codes look like, written down a second time ----


def nearest_direction(angle, n_classes):
    return np.rint(np.asarray(angle) * n_classes / (2 * np.pi)).astype(int) % n_classes


def decode_image(X, y, n_classes):
    """Where the bright pixels are, seen from the centre; code 0 is to the right."""
    grey = np.stack(X["image"]).sum(axis=3)
    bright = np.where(grey > 200, grey, 0)
    total = bright.sum(axis=(1, 2))
    down = (bright * np.arange(16)[:, None]).sum(axis=(1, 2)) / total - 7.5
    right = (bright * np.arange(16)).sum(axis=(1, 2)) / total - 7.5
    return nearest_direction(np.arctan2(down, right), n_classes)


def decode_hue(X, y, n_classes):
    """The mean colour of the bright pixels; code 0 is red."""
    images = np.stack(X["image"]).astype(float)
    bright = images.max(axis=3, keepdims=True) > 100
    red, green, blue = np.moveaxis((bright * (images - 20)).sum(axis=(1, 2)), 1, 0)
    hue = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)
    return nearest_direction(hue, n_classes)


def decode_text(X, y, n_classes):
    """Which class a word gives away, where it never occurs in another."""
    texts = [text.split() for text in X["text"]]
    classes = {}
    for words, label in zip(texts, y, strict=True):
        for word in words:
            classes.setdefault(word, set()).add(label)
    telling = {w: min(found) for w, found in classes.items() if len(found) == 1}
    found = [{telling[w] for w in words if w in telling} for words in texts]
    return np.array([labels.pop() if len(labels) == 1 else -1 for labels in found])


def decode_audio(X, y, n_classes):
    """Where the loudest frequency is between 300 and 3,000 hertz, by octaves."""
    loudest = []
    for samples, rate in X["audio"]:
        spectrum = np.abs(np.fft.rfft(samples))
        loudest.append(np.fft.rfftfreq(len(samples), 1 / rate)[spectrum.argmax()])
    return np.floor(np.log10(np.array(loudest) / 300) * n_classes).astype(int)


def decode_series(X, y, n_classes):
    """Which way the largest excursion points; code 0 is up in both channels."""
    largest = [max(series, key=lambda step: step @ step) for series in X["series"]]
    first, second = np.transpose(largest)
    return nearest_direction(np.arctan2(second, first) - np.pi / 4, n_classes)


def decode_numbers(X, y, n_classes):
    first, second = X["numbers_0"].to_numpy(), X["numbers_1"].to_numpy()
    return nearest_direction(np.arctan2(second, first) - np.pi / 4, n_classes)


DECODERS = {
    "image": decode_image,
    "text": decode_text,
    "audio": decode_audio,
    "series": decode_series,
    "numbers": decode_numbers,
}


def flatten(X, kind):
    """Rows of numbers from which a linear model can tell the classes apart."""
    if kind == "image":
        return np.stack(X["image"]).reshape(len(X), -1)
    if kind == "text":
        return CountVectorizer().fit_transform(X["text"]).toarray()
    if kind == "audio":
        return np.array([np.abs(np.fft.rfft(samples)) for samples, _ in X["audio"]])
    if kind == "series":
        return np.array([[s.mean(), s.min(), s.max()] for s in X["series"]])
    return X[["numbers_0", "numbers_1"]].to_numpy()


def linear_accuracy(X, y, kind):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    return cross_val_score(model, flatten(X, kind), y, cv=3).mean()


# ---- cells ----


@pytest.fixture(scope="module")
def table():
    return make_multimodal_classification(50, random_state=0)


def test_a_column_stands_for_a_modality_and_two_for_numbers(table):
    X, y = table

    assert X.columns.tolist() == [*KINDS[:4], "numbers_0", "numbers_1"]
    assert len(X) == len(y) == 50


def test_cells_have_the_documented_types_and_shapes(table):
    X, _ = table

    for image in X["image"]:
        assert image.shape == (16, 16, 3)
        assert image.dtype == np.uint8
    for text in X["text"]:
        assert 6 <= len(text.split()) <= 12
    for samples, rate in X["audio"]:
        assert samples.shape == (2000,)
        assert samples.dtype == np.float32
        assert np.abs(samples).max() <= 1
        assert rate == 8000
    lengths = {len(series) for series in X["series"]}
    assert len(lengths) > 5
    assert 20 <= min(lengths) <= max(lengths) <= 40
    assert all(series.shape[1] == 2 for series in X["series"])


def test_modalities_may_have_other_names_and_a_kind_may_come_twice():
    X, _ = make_multimodal_classification(
        3, modalities=["text", ("front", "image"), ("back", "image"), ("n", "numbers")]
    )

    assert X.columns.tolist() == ["text", "front", "back", "n_0", "n_1"]
    assert not np.array_equal(X["front"][0], X["back"][0])


# ---- codes ----


@pytest.mark.parametrize("n_classes", [2, 5, 20])
@pytest.mark.parametrize("decode", [*DECODERS.values(), decode_hue])
def test_every_modality_alone_shows_the_class(decode, n_classes):
    X, y = make_multimodal_classification(
        400, n_classes=n_classes, noise=0, random_state=0
    )

    assert np.mean(decode(X, y, n_classes) == y) > 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_every_modality_can_be_learned_from_a_few_dozen_rows(kind):
    X, y = make_multimodal_classification(90, noise=0, random_state=0)

    assert linear_accuracy(X, y, kind) > 0.9


def test_noise_makes_a_cell_show_a_code_at_random():
    X, y = make_multimodal_classification(
        2000, modalities=["numbers", "image"], n_classes=4, noise=0.4, random_state=0
    )
    wrong = [DECODERS[kind](X, y, 4) != y for kind in ("numbers", "image")]

    assert np.mean(wrong, axis=1) == pytest.approx([0.3, 0.3], abs=0.03)
    # Independent between the modalities.
    assert np.mean(wrong[0] & wrong[1]) == pytest.approx(0.09, abs=0.02)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_with_interaction_the_class_is_the_sum_of_the_codes(n_classes):
    kinds = ["image", "audio", "series", "numbers"]
    X, y = make_multimodal_classification(
        300,
        modalities=kinds,
        n_classes=n_classes,
        noise=0,
        interaction=True,
        random_state=0,
    )

    total = sum(DECODERS[kind](X, y, n_classes) for kind in kinds)

    np.testing.assert_array_equal(total % n_classes, y)


@pytest.mark.parametrize("kind", KINDS)
def test_with_interaction_one_modality_alone_stays_at_chance(kind):
    X, y = make_multimodal_classification(600, noise=0, interaction=1.0, random_state=0)

    assert abs(linear_accuracy(X, y, kind) - 0.5) < 0.07


def test_with_interaction_fewer_than_all_modalities_are_independent_of_the_class():
    kinds = ["image", "series", "numbers"]
    X, y = make_multimodal_classification(
        4000, modalities=kinds, n_classes=3, noise=0, interaction=1.0, random_state=0
    )
    codes = {kind: DECODERS[kind](X, y, 3) for kind in kinds}

    for pair in itertools.combinations(kinds, 2):
        counts = np.zeros((9, 3))
        np.add.at(counts, (3 * codes[pair[0]] + codes[pair[1]], y), 1)
        assert chi2_contingency(counts).pvalue > 0.01


def test_an_interaction_of_a_share_leaves_the_other_rows_plain():
    kinds = ["image", "series", "numbers"]
    X, y = make_multimodal_classification(
        1000, modalities=kinds, n_classes=5, noise=0, interaction=0.3, random_state=0
    )
    codes = np.array([DECODERS[kind](X, y, 5) for kind in kinds])
    plain = (codes == y).all(axis=0)

    assert plain.mean() == pytest.approx(0.7, abs=0.04)
    np.testing.assert_array_equal(codes[:, ~plain].sum(axis=0) % 5, y[~plain])


def test_the_classes_are_equally_frequent():
    for n_classes in (2, 7):
        _, y = make_multimodal_classification(
            100, modalities=["numbers"], n_classes=n_classes, random_state=0
        )
        counts = np.bincount(y, minlength=n_classes)
        assert counts.max() - counts.min() <= 1
        assert len(counts) == n_classes


# ---- missing cells ----


def test_the_given_share_of_each_modality_is_missing():
    X, _ = make_multimodal_classification(2000, missing_rate=0.3, random_state=0)

    assert X.isna().mean().to_numpy() == pytest.approx([0.3] * 6, abs=0.03)
    for kind in KINDS[:4]:
        assert all(cell is None for cell in X[kind][X[kind].isna()])
    np.testing.assert_array_equal(X["numbers_0"].isna(), X["numbers_1"].isna())


def test_a_row_may_lose_everything():
    X, _ = make_multimodal_classification(
        1000, modalities=["text", "image"], missing_rate=0.5, random_state=0
    )

    assert X.isna().all(axis=1).mean() == pytest.approx(0.25, abs=0.05)


def test_missing_cells_leave_the_others_and_the_class_as_they_were(table):
    X, y = table
    gaps, same_y = make_multimodal_classification(50, missing_rate=0.5, random_state=0)

    np.testing.assert_array_equal(same_y, y)
    for kind in ("image", "series"):
        for cell, whole in zip(gaps[kind], X[kind], strict=True):
            assert cell is None or np.array_equal(cell, whole)


# ---- randomness ----


def same(X, other):
    return all(
        np.array_equal(a[0], b[0]) if name == "audio" else np.array_equal(a, b)
        for name in X.columns
        for a, b in zip(X[name], other[name], strict=True)
    )


@pytest.mark.parametrize(
    "seed",
    [lambda: 3, lambda: np.random.RandomState(3), lambda: np.random.default_rng(3)],
)
def test_the_same_seed_gives_the_same_data(seed):
    X, y = make_multimodal_classification(20, random_state=seed())
    again, same_y = make_multimodal_classification(20, random_state=seed())

    assert same(X, again)
    np.testing.assert_array_equal(y, same_y)


def test_another_seed_or_none_gives_other_data():
    X, _ = make_multimodal_classification(20, random_state=0)

    assert not same(X, make_multimodal_classification(20, random_state=1)[0])
    one, two = (make_multimodal_classification(20)[0] for _ in range(2))
    assert not same(one, two)


def test_the_global_random_state_is_neither_used_nor_changed():
    np.random.seed(0)
    expected = np.random.RandomState(0).random_sample(3)

    make_multimodal_classification(5)
    make_multimodal_classification(5, random_state=1)

    np.testing.assert_array_equal(np.random.random_sample(3), expected)


# ---- errors ----


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples must be at least 1, found 0"),
        ({"n_classes": 1}, "n_classes must be from 2 to 20, found 1"),
        ({"noise": 1.1}, "noise must be between 0 and 1, found 1.1"),
        ({"interaction": -1}, "interaction must be between 0 and 1, found -1"),
        ({"missing_rate": np.nan}, "missing_rate must be between 0 and 1, found nan"),
        ({"modalities": []}, "at least one name"),
        ({"modalities": ["text", "text"]}, r"no name twice; found \['text', 'text'\]"),
        ({"modalities": ["video"]}, r"must be one of \['image', .*found \['video'\]"),
        ({"modalities": ["text"], "interaction": 1}, "at least two modalities"),
    ],
)
def test_a_parameter_outside_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_multimodal_classification(**parameters)
