"""The Python in the documents runs as it stands there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore:1 of 3 cells could not be read")
@pytest.mark.parametrize("page", ["README.md", "docs/user_guide.md", "docs/serving.md"])
def test_the_python_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = list(PYTHON.finditer(text))
    assert blocks, f"{page} holds no python block"
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks:
        # Empty lines before it, so that a traceback names the line of the page.
        n_lines = text.count("\n", 0, block.start(1))
        exec(compile("\n" * n_lines + block[1], ROOT / page, "exec"), namespace)


@pytest.mark.parametrize(
    "page",
    ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
    + sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")),
)
def test_every_link_to_a_file_leads_to_one(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    lost = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    assert not lost


def test_every_promise_names_a_test_that_is_there():
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    promises = [line for line in text.splitlines() if line.startswith("| ")]
    promises = [line for line in promises if not line.startswith("| promise")]
    named = [re.findall(r"`(tests/\S+)::(\w+)`", line) for line in promises]
    assert promises and all(named)
    for path, test in [found for line in named for found in line]:
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8")
