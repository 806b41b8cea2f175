"""Cells of the caller's table, as the page shows them."""

import base64
import io

import numpy as np

from sklearn_mm.inspection.kinds import first_step, kind_of_cells, select_columns
from sklearn_mm.inspection.reporting.markup import Cell
from sklearn_mm.readers.clips import as_clip
from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.image_files import MAX_PIXELS
from sklearn_mm.readers.images import (
    is_uint16,
    learn_value_range,
    list_images,
    read_image,
    to_uint8,
)
from sklearn_mm.readers.locations import Places, resolve
from sklearn_mm.readers.series import read_series
from sklearn_mm.readers.sound import read_sound
from sklearn_mm.transformers.audio import DEFAULT_RATE

IMAGE_SIZE = 160  # pixels, of the longer side
CLIP_SECONDS = 10
MOST_LETTERS = 400
MOST_VALUES = 12
# Of a series: points of a line, lines, and the box that the lines fill.
MOST_POINTS, MOST_LINES = 200, 6
PLOT_WIDTH, PLOT_HEIGHT = 200, 60


def show_cell(transformer, table, columns, row):
    """Show the cell of one modality in one row.

    Parameters
    ----------
    transformer : fitted transformer
        Of the modality.
    table : DataFrame
        With the cell.
    columns : str, int or list of them
        Of the modality.
    row : int
        Number of the row.

    Returns
    -------
    Cell
    """
    kind = kind_of_cells(transformer, table, columns)
    cells = select_columns(table, columns).iloc[row]
    if all(is_missing(cell) for cell in cells):
        return Cell("missing", "missing")
    if kind == "table" or (len(cells) > 1 and kind != "text"):
        return _show_values(cells)
    if kind == "text":
        text = " ".join(str(cell) for cell in cells if not is_missing(cell))
        return Cell("text", _shorten(text, MOST_LETTERS))
    show = {"image": _show_image, "audio": _show_sound, "series": _show_series}[kind]
    try:
        return show(cells.iloc[0], first_step(transformer))
    except (ValueError, TypeError) as error:
        return Cell("broken", _shorten(f"cannot be read: {error}", MOST_LETTERS))


def data_uri(content, media_type):
    """Encode bytes as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _shorten(text, most):
    return text if len(text) <= most else text[:most] + " …"


def _show_values(cells):
    pairs = [
        (str(name), "missing" if is_missing(cell) else _describe_value(cell))
        for name, cell in cells.head(MOST_VALUES).items()
    ]
    rest = len(cells) - len(pairs)
    return Cell("values", pairs, f"and {rest} more" if rest > 0 else "")


def _describe_value(cell):
    if isinstance(cell, float | np.floating):
        return f"{cell:.4g}"
    return _shorten(str(cell), 80)


def _show_image(cell, transformer):
    """Encode an image as a small PNG file."""
    from PIL import Image

    images = list_images(cell, getattr(transformer, "separator", None))
    image = None
    if images:
        most = getattr(transformer, "max_pixels", MAX_PIXELS)
        image = read_image(images[0], IMAGE_SIZE, Places.of(transformer), most)
    if image is None:
        return Cell("missing", "missing")
    height, width = image.shape[:2]
    value_range = getattr(transformer, "value_range", None)
    if value_range is None and not is_uint16(image):
        learned = getattr(transformer, "value_range_", None)
        value_range = learned or learn_value_range([image])
    pixels = to_uint8(image, value_range)
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    picture.thumbnail((IMAGE_SIZE, IMAGE_SIZE))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    note = f"{width} × {height} pixels"
    if len(images) > 1:
        note += f", the first of {len(images)} images"
    return Cell("image", data_uri(file.getvalue(), "image/png"), note)


def _show_sound(cell, transformer):
    """Encode a clip as a WAV file of 16 bits, which every browser plays."""
    import soundfile

    time_axis = transformer.time_axis
    cell = as_clip(resolve(cell, Places.of(transformer)), time_axis)
    if cell is None:
        return Cell("missing", "missing")
    rate = getattr(transformer, "sampling_rate_", transformer.sampling_rate)
    samples, rate = read_sound(cell, rate or DEFAULT_RATE, time_axis=time_axis)
    if samples is None:
        return Cell("missing", "missing")
    seconds = len(samples) / rate
    samples = samples[: round(CLIP_SECONDS * rate)]
    # Floats may have any scale; what is louder than a file can hold is made softer.
    samples = samples / max(1.0, float(np.abs(samples).max()))
    file = io.BytesIO()
    soundfile.write(file, samples, max(1, round(rate)), format="WAV", subtype="PCM_16")
    note = f"{seconds:.2f} s at {rate:,.0f} Hz"
    if seconds > CLIP_SECONDS:
        note += f", the first {CLIP_SECONDS} s"
    return Cell("audio", data_uri(file.getvalue(), "audio/wav"), note)


def _show_series(cell, transformer):
    """Place the steps of a series in a box: a line for each stretch of a channel."""
    values = read_series(cell, time_axis=transformer.time_axis)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Cell("missing", "missing")
    n_steps, n_channels = values.shape
    low, high = finite.min(), finite.max()
    chosen = np.unique(np.linspace(0, n_steps - 1, MOST_POINTS).round().astype(int))
    x = chosen / max(n_steps - 1, 1) * PLOT_WIDTH
    y = (high - values[chosen]) / (high - low or 1.0) * PLOT_HEIGHT
    lines = [
        (channel, _points(x[stretch], y[stretch, channel]))
        for channel in range(min(n_channels, MOST_LINES))
        for stretch in _stretches(np.isfinite(y[:, channel]))
    ]
    note = f"{n_steps} steps, {low:.3g} to {high:.3g}"
    if n_channels > MOST_LINES:
        note += f", {MOST_LINES} of {n_channels} channels"
    return Cell("series", lines, note)


def _stretches(present):
    """Find where a line is whole: slices of the steps."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], present, [0]])))
    return [slice(start, stop) for start, stop in edges.reshape(-1, 2)]


def _points(x, y):
    """Write points as SVG wants them; a single one as a short line."""
    if len(x) == 1:
        x, y = np.array([x[0], x[0] + 1]), np.repeat(y, 2)
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
