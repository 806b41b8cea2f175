"""report: what stands on the page, and that it is one file which fetches nothing."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.metrics import accuracy_score, recall_score

from sklearn_mm.inspection import report

SECTIONS = [
    "data", "model", "scores", "training", "reliability", "importance", "subsets",
    "attention", "robustness", "mistakes",
]  # fmt: skip


def decode(uri, media_type):
    head, content = uri.split(",")
    assert head == f"data:{media_type};base64"
    return io.BytesIO(base64.b64decode(content, validate=True))


def shown_rows(part):
    return [int(row) for row in re.findall(r"\brow (\d+)", part.text)]


def test_every_section_is_there_and_shows_something(page):
    sections = page.all("section")
    assert [section["id"] for section in sections] == SECTIONS
    assert not page.all("section", "left-out")
    links = [link["href"] for link in page.all("a") if "href" in link]
    assert links == [f"#{name}" for name in SECTIONS]
    for name in set(SECTIONS) - {"model"}:
        assert page.part(name).all("img"), name
    assert "MultimodalFeatureUnion" in page.part("model").text


def test_plots_are_whole_images_of_svg_with_a_description(page):
    plots = [img for img in page.all("img") if "svg" in img["src"][:20]]
    assert len(plots) >= 9
    for plot in plots:
        assert decode(plot["src"], "image/svg+xml").read().rstrip().endswith(b"</svg>")
        assert plot["alt"]


def test_sample_rows_are_different_rows_of_x(page, subject):
    _, X, _ = subject
    rows = shown_rows(page.part("data"))
    assert len(set(rows)) == 4
    assert set(rows) <= set(X.index)


def test_images_have_the_pixels_of_their_cells(page, subject):
    _, X, _ = subject
    data = page.part("data")
    cells = X.loc[shown_rows(data), "image"].dropna()
    images = data.all("img", "cell-image")
    assert len(images) == len(cells) > 2
    for image, cell in zip(images, cells, strict=True):
        pixels = np.asarray(Image.open(decode(image["src"], "image/png")))
        assert_array_equal(pixels, cell)


def test_sounds_have_the_samples_of_their_cells(page, subject):
    _, X, _ = subject
    data = page.part("data")
    cells = X.loc[shown_rows(data), "audio"].dropna()
    clips = data.all("audio")
    assert len(clips) == len(cells) > 2
    for clip, (cell, cell_rate) in zip(clips, cells, strict=True):
        assert "controls" in clip
        samples, rate = soundfile.read(decode(clip["src"], "audio/wav"))
        assert rate == cell_rate == 8000
        assert_allclose(samples, cell, atol=1 / 2**15)


def test_texts_stand_on_the_page_as_they_are(page, subject):
    _, X, _ = subject
    data = page.part("data")
    texts = X.loc[shown_rows(data), "text"].dropna()
    assert len(texts) > 2
    for text in texts:
        assert text in data.text


def test_missing_cells_are_called_so(page, subject):
    _, X, _ = subject
    data = page.part("data")
    cells = X.loc[shown_rows(data)].iloc[:, :-1]  # two columns are one modality
    assert len(data.all("p", "cell-missing")) == cells.isna().sum().sum() > 0


def test_nothing_of_the_caller_becomes_an_element(page):
    assert "<script>document.title = 'hacked'</script> & co" in page.text
    assert not page.all("script")
    assert not [of for _, of in page.elements if of.get("id") == "mine"]
    assert not [of for _, of in page.elements if any(n.startswith("on") for n in of)]


def test_the_page_fetches_nothing_and_forbids_it(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "poster", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, name)
    for address in re.findall(r"url\(([^)]*)\)|@import", page.source):
        assert address.strip("'\"").startswith("data:")
    policies = [of for of in page.all("meta") if "http-equiv" in of]
    assert policies[0]["content"].startswith("default-src 'none'")


def test_scores_are_those_of_scikit_learn(page, subject):
    model, X, y = subject
    predicted = model.predict(X)
    text = page.part("scores").text.split()
    accuracy = accuracy_score(y, predicted)
    assert text[text.index("accuracy") + 1] == f"{accuracy:.3f}"
    recall = recall_score(y, predicted, average="macro")
    assert text[text.index("accuracy", text.index("balanced")) + 1] == f"{recall:.3f}"
    assert f"{accuracy:.1%}" in page.text


def test_mistakes_are_the_wrong_rows_by_falling_probability(page, subject):
    model, X, y = subject
    surest = model.predict_proba(X).max(axis=1)
    wrong = np.flatnonzero(model.predict(X) != y)
    assert 1 < len(wrong) < len(y)
    expected = X.index[wrong[np.argsort(-surest[wrong])]][:4]
    mistakes = page.part("mistakes")
    assert shown_rows(mistakes) == list(expected)
    assert f"{len(expected)} of {len(wrong)} rows that are wrong" in mistakes.text


def test_sections_can_be_chosen(subject, tmp_path, read_page):
    path = report(*subject, tmp_path / "a.html", sections=["scores", "data"])
    assert path == tmp_path / "a.html"
    sections = read_page(path).all("section")
    assert [section["id"] for section in sections] == ["data", "scores"]


def test_slow_sections_are_about_max_rows(subject, tmp_path, read_page):
    path = report(*subject, tmp_path / "a.html", sections=["subsets"], max_rows=7)
    assert "7 of the 15 rows" in read_page(path).text


def test_the_same_random_state_gives_the_same_page(subject, tmp_path):
    sections = ["data", "scores", "subsets", "mistakes"]
    pages = [
        report(*subject, tmp_path / name, sections=sections, n_examples=1,
               max_rows=9, random_state=3).read_bytes()
        for name in ("a.html", "b.html")
    ]  # fmt: skip
    assert pages[0] == pages[1]


def test_a_failed_report_leaves_the_earlier_one_and_names_the_section(
    subject, tmp_path
):
    def broken(estimator, X, y):
        raise RuntimeError("no score today")

    path = tmp_path / "report.html"
    path.write_text("earlier")
    with pytest.raises(RuntimeError, match="no score today") as caught:
        report(*subject, path, sections=["data", "subsets"], scoring=broken)
    assert "'subsets'" in caught.value.__notes__[0]
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_an_earlier_report_is_replaced(subject, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("earlier")
    report(*subject, path, sections=["training"])
    assert "Training" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_the_callers_cells_style_figures_and_random_states_are_untouched(
    subject, tmp_path
):
    import matplotlib
    import torch
    from matplotlib import pyplot as plt

    model, X, y = subject
    before = X.copy(deep=True)
    figures, style = plt.get_fignums(), dict(matplotlib.rcParams)
    np.random.seed(0)
    torch.manual_seed(0)
    states = np.random.get_state()[1].copy(), torch.get_rng_state()
    sections = ["data", "subsets", "mistakes"]
    report(
        model, X, y, tmp_path / "a.html", sections=sections, n_examples=1,
        random_state=0,
    )  # fmt: skip
    assert X.equals(before)
    assert plt.get_fignums() == figures
    assert dict(matplotlib.rcParams) == style
    assert np.array_equal(np.random.get_state()[1], states[0])
    assert torch.equal(torch.get_rng_state(), states[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sections": ["data", "plots"]}, r"no sections \['plots'\]; there are"),
        ({"sections": "data"}, r"Write \['data'\]"),
        ({"n_examples": -1}, "n_examples must be an integer of at least 0, found -1"),
        ({"max_rows": 0}, "max_rows must be an integer of at least 1, found 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(subject, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        report(*subject, tmp_path / "a.html", **options)


def test_a_path_that_is_no_file_is_refused_at_once(subject, tmp_path):
    with pytest.raises(ValueError, match="found the folder"):
        report(*subject, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder .*gone.*Make it first"):
        report(*subject, tmp_path / "gone" / "a.html")


def test_targets_of_another_number_are_refused(subject, tmp_path):
    model, X, y = subject
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[15, 14"):
        report(model, X, y[:-1], tmp_path / "a.html")
