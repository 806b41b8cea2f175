"""A report of a small model, read as a browser would; and a read-out by hand."""

from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from sklearn_mm import (
    AttentionFusionClassifier,
    AudioTransformer,
    CNNEncoder,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification
from sklearn_mm.inspection import report
from sklearn_mm.inspection.reporting import sections

# What would change the page if it ran, and what would be an element of it.
SCRIPT = "<script>document.title = 'hacked'</script>"
ELEMENT = "<b id='mine'>"


class Page(HTMLParser):
    """The elements of a page, with their attributes, and its text.

    Attributes
    ----------
    elements : list of (str, dict)
        Tags and attributes, in order.
    text : str
        Without that of styles; what stands in elements of its own is set apart.
    """

    def __init__(self, source):
        super().__init__()
        self.source, self.elements, self.text = source, [], ""
        self._in_style = False
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._in_style = tag == "style"

    def handle_endtag(self, tag):
        self._in_style = False

    def handle_data(self, data):
        if not self._in_style:
            self.text += f"{data} "

    def all(self, tag, name=None):
        """List the attributes of the elements of a tag, and of a class."""
        return [
            attributes
            for found, attributes in self.elements
            if found == tag and name in (None, *attributes.get("class", "").split())
        ]

    def part(self, name):
        """Read one section alone."""
        start = self.source.index(f'<section id="{name}"')
        return Page(self.source[start : self.source.index("</section>", start)])


@pytest.fixture(scope="session")
def subject():
    """Fit a pipeline over all kinds of cells: it, and rows of it to test."""
    X, codes = make_multimodal_classification(
        50, noise=1.0, missing_rate=0.1, random_state=0
    )
    X["text"] = X["text"].map(
        lambda text: None if text is None else f"{text} {SCRIPT} & 狐"
    )
    X = X.rename(columns={"numbers_0": f"{ELEMENT}age"})
    union = MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(8, 8)), "image"),
            ("text", TextTransformer(), "text"),
            ("audio", AudioTransformer(sampling_rate=8000, n_mels=8), "audio"),
            ("series", TimeSeriesTransformer(), "series"),
            (f"{ELEMENT}table", "passthrough", [f"{ELEMENT}age", "numbers_1"]),
        ]
    )
    classifier = AttentionFusionClassifier(
        encoders=[("image", CNNEncoder(channels=(8,)))],
        width=16, n_heads=2, max_epochs=3, random_state=0,
    )  # fmt: skip
    y = np.array([f"{ELEMENT}$no", "yes"])[codes]
    model = make_pipeline(union, classifier).fit(X[:35], y[:35])
    return model, X[35:], y[35:]


@pytest.fixture(scope="session")
def report_path(subject, tmp_path_factory):
    """Write the report of the subject, with four rows and four mistakes."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    title = f"{SCRIPT} & co"
    with pytest.MonkeyPatch.context() as patch:  # fewer points of the same plots
        patch.setattr(sections, "N_BOOTSTRAPS", 10)
        patch.setattr(sections, "STRENGTHS", (0, 1))
        return report(*subject, path, title=title, n_examples=4, random_state=0)


@pytest.fixture(scope="session")
def page(report_path):
    """Read the report of the subject."""
    return Page(report_path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def read_page():
    """Give what reads any other report."""
    return lambda path: Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def read_out_by_hand():
    """Give a function that weighs the tokens of one row with NumPy."""
    return weigh_by_hand


def weigh_by_hand(read_out, predict):
    """Weigh the tokens of the one row that ``predict()`` reads, as a read-out does."""
    tokens, *asking = outputs_of([read_out.norm, *read_out.asking.norms], predict)
    query = numbers(read_out.query)
    for part, summary, question in zip(
        asking, read_out.asking.read_outs, read_out.questions, strict=True
    ):
        scores = part @ numbers(summary.key.weight).T + numbers(summary.key.bias)
        scores = scores @ numbers(summary.query) / np.sqrt(tokens.shape[1])
        pooled = softmax(scores) @ part
        norm, linear = question
        normed = (pooled - pooled.mean()) / np.sqrt(pooled.var() + norm.eps)
        normed = normed * numbers(norm.weight) + numbers(norm.bias)
        query = query + numbers(linear.weight) @ normed
    keys = tokens - tokens.mean(axis=0)
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    first, second = np.split(query, 2)
    return (softmax(keys @ first) + softmax(keys @ second)) / 2


def outputs_of(modules, predict):
    """Give what modules put out for the one row that ``predict()`` reads."""
    seen = {}
    handles = [
        module.register_forward_hook(
            lambda module, inputs, output: seen.update({module: numbers(output[0])})
        )
        for module in modules
    ]
    predict()
    for handle in handles:
        handle.remove()
    return [seen[module] for module in modules]


def softmax(scores):
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum()


def numbers(parameter):
    return parameter.detach().numpy().astype(np.float64)
