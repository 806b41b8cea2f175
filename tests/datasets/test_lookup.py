import colorsys

import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm.datasets import make_multimodal_lookup

HOLDERS = ["series", "audio", "image"]
N_THINGS = 6


# ---- what is at a place, written down a second time ----


def read_series(series, place, n_things):
    """Which thing is at a step, and whether its value is above zero."""
    start, end = place.astype(int)
    assert end == start + 1
    return int(series[start, :-1].argmax()), int(series[start, -1] > 0)


def read_audio(clip, place, n_things):
    """The loudest frequency of a stretch, and whether its loudness sinks within."""
    samples, rate = clip
    start, end = np.rint(place * rate).astype(int)
    tone = samples[start:end]
    loudest = np.fft.rfftfreq(len(tone), 1 / rate)[np.abs(np.fft.rfft(tone)).argmax()]
    powers = (tone.reshape(20, -1) ** 2).mean(axis=1)[1:-1]  # each of 10 ms
    thing = int(np.floor(np.log10(loudest / 300) * n_things))
    return thing, int(powers.min() < 0.25 * powers.max())


def read_image(image, place, n_things):
    """The hue of the edge of a box, and whether its middle is bright."""
    left, top, right, bottom = place.astype(int)
    assert (right - left, bottom - top) == (6, 6)
    box = image[top:bottom, left:right].astype(float)
    edge = np.concatenate([box[0], box[-1], box[1:-1, 0], box[1:-1, -1]]).mean(axis=0)
    hue, _, _ = colorsys.rgb_to_hsv(*(edge - 20).clip(0))
    return round(hue * n_things) % n_things, int(box[1:-1, 1:-1].max() > 130)


READERS = {"series": read_series, "audio": read_audio, "image": read_image}


def read_places(X, places, n_things=N_THINGS):
    """The thing and its property at the place in each row's holder."""
    holder = X.columns[1]
    return np.array(
        [
            READERS[holder](cell, place, n_things)
            for cell, place in zip(X[holder], places.to_numpy(), strict=True)
        ]
    ).T


def flatten(X):
    """Rows of numbers that show all of a holder."""
    cells = X.iloc[:, 1]
    if X.columns[1] == "audio":
        return np.array(
            [np.abs(np.fft.rfft(s.reshape(-1, 2000))).ravel() for s, _ in cells]
        )
    return np.stack(cells).reshape(len(X), -1)


@pytest.fixture(scope="module", params=HOLDERS)
def data(request):
    return make_multimodal_lookup(
        300,
        holder=request.param,
        n_things=N_THINGS,
        return_places=True,
        random_state=0,
    )


# ---- cells ----


def test_the_columns_are_the_question_and_the_holder(data):
    X, y, places = data

    assert X.columns[0] == "question"
    assert X.columns[1] in HOLDERS
    assert len(X) == len(y) == len(places) == 300
    assert y.dtype == np.int64


def test_series_hold_each_thing_once_and_in_random_order():
    X, _ = make_multimodal_lookup(50, n_things=8, random_state=0)
    things = np.array([series[:, :-1].argmax(axis=1) for series in X["series"]])

    assert all(series.shape == (8, 9) for series in X["series"])
    assert all(series[:, :-1].sum() == 8 for series in X["series"])
    np.testing.assert_array_equal(np.sort(things, axis=1), [np.arange(8)] * 50)
    assert len(np.unique(things, axis=0)) == 50


def test_sounds_last_a_quarter_of_a_second_a_thing():
    X, _ = make_multimodal_lookup(10, holder="audio", n_things=4, random_state=0)

    for samples, rate in X["audio"]:
        assert samples.shape == (8000,)
        assert samples.dtype == np.float32
        assert np.abs(samples).max() <= 1
        assert rate == 8000


def test_images_have_a_square_for_each_thing_and_none_lies_on_another():
    X, _ = make_multimodal_lookup(
        50, holder="image", n_things=16, noise=0, random_state=0
    )

    for image in X["image"]:
        assert image.shape == (32, 32, 3)
        assert image.dtype == np.uint8
        bright = image.max(axis=2) > 20
        # A hollow square has 20 pixels, a filled one 36, and there are 8 of each.
        assert bright.sum() == 8 * (20 + 36)


def test_a_text_is_the_name_of_the_thing_that_is_asked_for():
    X, _, places = make_multimodal_lookup(
        200, n_things=4, return_places=True, random_state=0
    )
    things, _ = read_places(X, places, 4)

    assert len(set(X["question"])) == 4
    assert all(text.isalpha() for text in X["question"])
    assert len(set(zip(X["question"], things, strict=True))) == 4


def test_fillers_stand_around_the_name_and_tell_nothing():
    names = set(make_multimodal_lookup(20, n_things=4)[0]["question"])
    X, _, places = make_multimodal_lookup(
        200, n_things=4, n_fillers=3, return_places=True, random_state=0
    )
    things, _ = read_places(X, places, 4)
    words = np.array([text.split() for text in X["question"]])
    is_name = np.isin(words, list(names))

    assert words.shape == (200, 4)
    np.testing.assert_array_equal(is_name.sum(axis=1), 1)
    assert set(is_name.argmax(axis=1)) == {0, 1, 2, 3}
    assert len(set(zip(words[is_name], things, strict=True))) == 4


# ---- the class ----


def test_the_class_is_the_property_of_the_thing_that_is_asked_for(data):
    X, y, places = data
    things, properties = read_places(X, places)

    # A value of a series may have its sign turned by the noise.
    assert np.mean(properties == y) > 0.99
    # Each name stands for one thing, and each thing has one name.
    assert len(set(zip(X["question"], things, strict=True))) == N_THINGS
    assert set(things) == set(range(N_THINGS))


@pytest.mark.parametrize("holder", HOLDERS)
def test_without_noise_the_class_is_exact_for_as_many_things_as_there_may_be(holder):
    most = {"series": 100, "audio": 16, "image": 16}[holder]
    X, y, places = make_multimodal_lookup(
        200,
        holder=holder,
        n_things=most,
        noise=0,
        return_places=True,
        random_state=0,
    )
    things, properties = read_places(X, places, most)

    np.testing.assert_array_equal(properties, y)
    pairs = set(zip(X["question"], things, strict=True))
    assert len(pairs) == len(set(things)) == X["question"].nunique() == most


def test_the_thing_that_is_asked_for_is_anywhere_in_the_holder(data):
    X, _, places = data
    if X.columns[1] == "image":
        slots, n_slots = places["top"] // 8 * 4 + places["left"] // 8, 16
    else:
        seconds_or_steps = {"series": 1, "audio": 0.25}[X.columns[1]]
        slots, n_slots = places["start"] // seconds_or_steps, N_THINGS
    _, counts = np.unique(slots, return_counts=True)

    assert len(counts) == n_slots
    assert chisquare(counts).pvalue > 0.01


def test_the_classes_and_the_things_are_equally_frequent():
    X, y = make_multimodal_lookup(101, n_things=6, random_state=0)
    counts = X["question"].value_counts()

    assert np.ptp(np.bincount(y)) == 1
    assert len(counts) == 6
    assert np.ptp(counts) == 1


# ---- chance ----


def test_half_of_the_things_of_each_row_have_each_property():
    X, _ = make_multimodal_lookup(300, n_things=6, noise=0, random_state=0)

    for series in X["series"]:
        np.testing.assert_array_equal(np.sort(series[:, -1]), [-1] * 3 + [1] * 3)


def test_no_thing_and_no_place_of_the_holder_tells_the_class():
    X, y = make_multimodal_lookup(4000, n_things=4, noise=0, random_state=0)
    series = np.stack(X["series"])
    by_place = series[:, :, -1]
    by_thing = (series[:, :, :-1] * by_place[:, :, None]).sum(axis=1)

    # All signs together, which are one of six patterns.
    for signs in (by_place, by_thing):
        _, pattern = np.unique(signs, axis=0, return_inverse=True)
        counts = np.zeros((6, 2))
        np.add.at(counts, (pattern.ravel(), y), 1)
        assert chi2_contingency(counts).pvalue > 0.01


def test_the_question_does_not_tell_the_class():
    X, y = make_multimodal_lookup(4000, n_things=8, random_state=0)
    things = np.unique(X["question"].to_numpy(dtype=str), return_inverse=True)[1]
    counts = np.zeros((8, 2))
    np.add.at(counts, (things, y), 1)

    assert chi2_contingency(counts).pvalue > 0.01


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_linear_model_of_both_columns_is_at_chance(holder):
    X, y = make_multimodal_lookup(600, holder=holder, n_things=4, random_state=0)
    questions = CountVectorizer().fit_transform(X["question"]).toarray()
    numbers = np.hstack([questions, flatten(X)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))

    assert abs(cross_val_score(model, numbers, y, cv=3).mean() - 0.5) < 0.07


def test_noise_turns_as_many_signs_as_a_gaussian_would():
    X, y, places = make_multimodal_lookup(
        4000, n_things=2, noise=1.0, return_places=True, random_state=0
    )
    _, properties = read_places(X, places, 2)

    assert np.mean(properties != y) == pytest.approx(0.1587, abs=0.02)


# ---- missing cells ----


def test_the_given_share_of_each_column_is_missing_and_has_no_place(data):
    holder = data[0].columns[1]
    X, _, places = make_multimodal_lookup(
        1000,
        holder=holder,
        n_things=2,
        missing_rate=0.3,
        return_places=True,
        random_state=0,
    )

    assert X.isna().mean().to_numpy() == pytest.approx([0.3, 0.3], abs=0.05)
    assert X.isna().all(axis=1).mean() == pytest.approx(0.09, abs=0.04)
    for name in X:
        assert all(cell is None for cell in X[name][X[name].isna()])
    for column in places:
        np.testing.assert_array_equal(places[column].isna(), X[holder].isna())


def test_missing_cells_leave_the_others_and_the_class_as_they_were():
    X, y = make_multimodal_lookup(50, random_state=0)
    gaps, same_y = make_multimodal_lookup(50, missing_rate=0.5, random_state=0)

    np.testing.assert_array_equal(same_y, y)
    for cell, whole in zip(gaps["series"], X["series"], strict=True):
        assert cell is None or np.array_equal(cell, whole)


# ---- randomness ----


def same(X, other):
    return X["question"].equals(other["question"]) and np.array_equal(
        flatten(X), flatten(other)
    )


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize(
    "seed",
    [lambda: 3, lambda: np.random.RandomState(3), lambda: np.random.default_rng(3)],
)
def test_the_same_seed_gives_the_same_data(seed, holder):
    X, y, places = make_multimodal_lookup(
        20, holder=holder, return_places=True, random_state=seed()
    )
    again, same_y = make_multimodal_lookup(20, holder=holder, random_state=seed())
    _, _, same_places = make_multimodal_lookup(
        20, holder=holder, return_places=True, random_state=seed()
    )

    assert same(X, again)
    np.testing.assert_array_equal(y, same_y)
    assert places.equals(same_places)


def test_another_seed_or_none_gives_other_data():
    X, _ = make_multimodal_lookup(20, random_state=0)

    assert not same(X, make_multimodal_lookup(20, random_state=1)[0])
    one, two = (make_multimodal_lookup(20)[0] for _ in range(2))
    assert not same(one, two)


def test_the_global_random_state_is_neither_used_nor_changed():
    np.random.seed(0)
    expected = np.random.RandomState(0).random_sample(3)

    make_multimodal_lookup(5)
    make_multimodal_lookup(5, random_state=1)

    np.testing.assert_array_equal(np.random.random_sample(3), expected)


# ---- errors ----


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples must be at least 1, found 0"),
        ({"holder": "video"}, r"one of \['series', 'audio', 'image'\], found 'video'"),
        ({"n_things": 7}, "even number from 2 to 100 for holder='series', found 7"),
        ({"n_things": 0}, "even number from 2 to 100 for holder='series', found 0"),
        ({"n_things": 18, "holder": "image"}, "from 2 to 16 for holder='image'"),
        ({"n_things": 18, "holder": "audio"}, "from 2 to 16 for holder='audio'"),
        ({"n_fillers": -1}, "n_fillers must be at least 0, found -1"),
        ({"noise": -0.1}, "noise must be at least 0 and finite, found -0.1"),
        ({"noise": np.nan}, "noise must be at least 0 and finite, found nan"),
        ({"missing_rate": 1.1}, "missing_rate must be between 0 and 1, found 1.1"),
    ],
)
def test_a_parameter_outside_its_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_multimodal_lookup(**parameters)
