"""Figures of matplotlib that the page can hold."""

import base64
import io
from contextlib import contextmanager

from sklearn_mm.inspection.reporting.markup import Picture

# Pixels of the page for an inch of a figure: its letters of 10 points are then 14 high.
DPI = 100

# Inches of a figure that fills half the page, or all of it.
HALF, FULL = 5.4, 11.4

STYLE = {
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "text.parse_math": False,  # a dollar sign in a name is one
    "svg.fonttype": "path",
    "svg.hashsalt": "sklearn_mm",  # the same ids, so the same file, each time
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


@contextmanager
def plain_style():
    """Draw in matplotlib's default style, whatever the caller has set."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def new_figure(width, height):
    """Make a figure, in inches, that pyplot does not know of: it opens no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def new_panels(n_panels, height, *, sharey=False):
    """Make the axes of a figure of panels in rows that are full, or nearly so.

    Parameters
    ----------
    n_panels : int
        Axes to make.
    height : float
        Inches of one.
    sharey : bool, default=False
        Whether they share their y axis.

    Returns
    -------
    ndarray of Axes of shape (n_panels,)
    """
    n_columns = n_panels if n_panels <= 4 else 3 if n_panels in (5, 6, 9) else 4
    n_rows = -(-n_panels // n_columns)
    figure = new_figure(min(FULL, 3.8 * n_columns), height * n_rows)
    axes = figure.subplots(n_rows, n_columns, squeeze=False, sharey=sharey)
    for unused in axes.flat[n_panels:]:
        unused.set_axis_off()
    return axes.ravel()[:n_panels]


def to_picture(figure, alt, caption=""):
    """Save a figure as SVG in a data URI.

    An image of its own and no element of the page: ids cannot clash, and nothing in it
    can run.

    Parameters
    ----------
    figure : matplotlib Figure
        To save.
    alt, caption : str
        As in :class:`Picture`.

    Returns
    -------
    Picture
    """
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    encoded = base64.b64encode(file.getvalue()).decode()
    width = round(figure.get_figwidth() * DPI)
    return Picture(f"data:image/svg+xml;base64,{encoded}", alt, width, caption)


def drawable(text):
    """Tell whether matplotlib's default font has all letters of a text."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return all(ord(letter) in font.get_charmap() for letter in text)
