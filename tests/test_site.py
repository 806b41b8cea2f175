"""The site names all that is public, and each page of it can be reached."""

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
MODULES = ("", ".datasets", ".export", ".inspection", ".testing")

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="installed without docs")


def listed():
    """The names of the API page, by module, as autosummary takes them."""
    names, module = {}, None
    for line in (DOCS / "api" / "index.md").read_text().splitlines():
        if found := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = found[1]
        elif found := re.match(r"   (\w+)$", line):
            names.setdefault(module, []).append(found[1])
    return names


@pytest.mark.parametrize("suffix", MODULES)
def test_every_public_name_has_a_page(suffix):
    module = importlib.import_module(f"sklearn_mm{suffix}")
    public = {
        name
        for name in module.__all__
        if f".{name}" not in MODULES
        and not (suffix == ".export" and name == "export_onnx")  # is listed above
    }
    assert sorted(listed()[module.__name__]) == sorted(public)


def test_every_page_is_in_a_table_of_contents():
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    index = (DOCS / "index.md").read_text()
    contents = re.search(r"```\{toctree\}(.*?)```", index, re.DOTALL)[1].split()
    assert pages <= set(contents)
