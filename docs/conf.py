"""How Sphinx builds the site: ``make docs``, into ``docs/_build/html``.

It needs no network. The pages are the Markdown files beside this one, which are read on
their own as well; the pages of the API are made of docstrings, those of the gallery by
running its scripts.
"""

import os
import re
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import sklearn_mm

project = "sklearn_mm"
author = copyright = "the sklearn_mm developers"
version = release = sklearn_mm.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "gallery/*", "examples"]
templates_path = ["_templates"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

autosummary_generate = True
autodoc_typehints = "none"
# The members of a class are listed on its own page, each with its signature.
numpydoc_show_class_members = False

# This page needs data that are not shipped: without them it is shown, and not run.
has_data = "SKLEARN_MM_DATA" in os.environ

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_" if has_data else r"/plot_(?!finance)",
    "ignore_pattern": r"build\.py",
    "backreferences_dir": "api/backreferences",
    "doc_module": ("sklearn_mm",),
    "show_memory": False,
    "plot_gallery": "True",
}

html_theme = "pydata_sphinx_theme"
html_title = f"sklearn_mm {version}"
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_nav_level": 1,
}
html_sidebars = {"index": [], "gallery": []}
html_show_sourcelink = False

HERE = Path(__file__).parent
PROJECT = HERE.parent

# Files outside of this folder, and the page that is made of each. All pages are read on
# their own, too, so they link to files.
ABOUT = {
    PROJECT / "README.md": HERE / "about" / "readme.md",
    PROJECT / "benchmarks" / "README.md": HERE / "about" / "benchmarks.md",
    PROJECT / "CHANGELOG.md": HERE / "about" / "changes.md",
    PROJECT / "CONTRIBUTING.md": HERE / "about" / "contributing.md",
}
PAGES = ABOUT | {
    script: HERE / "auto_gallery" / f"{script.stem}.rst"
    for script in HERE.glob("gallery/plot_*.py")
}
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def relink(text, folder, new_folder):
    """Let the links of a page lead to pages instead of the files that they are made of.

    Parameters
    ----------
    text : str
        Markdown.
    folder, new_folder : Path
        Where its links begin, and where they shall.

    Returns
    -------
    str
    """

    def replace(match):
        path = (folder / match[1]).resolve()
        target = os.path.relpath(PAGES.get(path, path), new_folder)
        return f"]({target}{match[2] or ''})"

    return LINK.sub(replace, text)


def make_about(app):
    """Make pages of the files outside of this folder."""
    for file, page in ABOUT.items():
        page.parent.mkdir(exist_ok=True)
        text = relink(file.read_text(encoding="utf-8"), file.parent, page.parent)
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def link_to_pages(app, name, source):
    """Let links to files lead to the pages that stand for them."""
    page = Path(app.env.doc2path(name))
    if page.suffix == ".md" and page not in ABOUT.values():
        source[0] = relink(source[0], page.parent, page.parent)


def plain_references(app, what, name, obj, options, lines):
    """Take as words what would be references.

    These are those into the guide of scikit-learn, in methods that are its, and shapes
    such as ``(n_channels_,)``.
    """
    plain = [re.sub(r":ref:`([^<`]+?)( <[^>]+>)?`", r"\1", line) for line in lines]
    lines[:] = [re.sub(r"\((\w+)_,\)", r"(\1\\_,)", line) for line in plain]


def setup(app):
    """Register all three."""
    app.connect("builder-inited", make_about)
    app.connect("source-read", link_to_pages)
    app.connect("autodoc-process-docstring", plain_references, priority=900)
