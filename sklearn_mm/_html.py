"""Features as a small HTML table, for notebooks.

It holds everything it shows: no script, no network, no colour but the page's own, so
that it is as readable on a dark page as on a light one.
"""

import base64
import io
from html import escape

import numpy as np

N_THUMBNAILS = 4
THUMBNAIL_SIZE = 40  # pixels, of the longer side

_STYLE = """
.skmm-features table {border-collapse: collapse; color: inherit; background: none;}
.skmm-features caption {text-align: left; padding: 0.3em 0; color: inherit;}
.skmm-features th, .skmm-features td {padding: 0.25em 0.8em; text-align: left;
  color: inherit; background: none; border: 0; border-bottom: 1px solid;
  border-color: color-mix(in srgb, currentColor 25%, transparent);}
.skmm-features .number {text-align: right; font-variant-numeric: tabular-nums;}
.skmm-features img {image-rendering: pixelated; margin: 0 2px 0 0;
  vertical-align: middle; display: inline-block;}
"""

_COLUMNS = (
    ("modality", ""),
    ("kind", ""),
    ("token", ""),
    ("tokens a row (min / median / max)", "number"),
    ("missing", "number"),
    ("size", "number"),
    ("some of it", ""),
)


def features_table(features):
    """Describe features by a row for each modality.

    Parameters
    ----------
    features : MultimodalFeatures
        Of any number of rows. Of values on disk only the thumbnails are read.

    Returns
    -------
    str
        A ``<div>`` with its style.
    """
    # Only images have something in the last column.
    has_images = any(block.kind == "image" for block in features.blocks.values())
    columns = _COLUMNS if has_images else _COLUMNS[:-1]
    head = "".join(
        f'<th scope="col"{_class(name)}>{label}</th>' for label, name in columns
    )
    body = "".join(
        _row(name, block, columns) for name, block in features.blocks.items()
    )
    n_rows = f"{len(features):,} row{'s' * (len(features) != 1)}"
    return (
        f'<div class="skmm-features"><style>{_STYLE}</style><table>'
        f"<caption>MultimodalFeatures: {n_rows}, "
        f"{_size(features.nbytes)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(name, block, columns):
    share = f"{block.missing.mean():.1%}" if len(block) else "none"
    cells = [
        escape(block.kind),
        _token(block),
        _lengths(block.lengths),
        share,
        _size(block.nbytes),
        _thumbnails(name, block),
    ]
    cells = "".join(
        f"<td{_class(css)}>{cell}</td>"
        for cell, (_, css) in zip(cells, columns[1:], strict=False)
    )
    return f'<tr><th scope="row">{escape(str(name))}</th>{cells}</tr>'


def _class(name):
    return f' class="{name}"' if name else ""


def _token(block):
    """Say what a token is: its type and shape, or the size of the vocabulary."""
    if block.kind == "tokens":
        return f"one of {block.vocabulary_size:,} ids"
    shape = " × ".join(map(str, block.token_shape))
    return f"{escape(str(block.values.dtype))}, {shape}"


def _lengths(lengths):
    """Give least, middle and most tokens of the rows that have any."""
    lengths = lengths[lengths > 0]
    if not len(lengths):
        return "none"
    least, most = lengths.min(), lengths.max()
    if least == most:
        return f"{least:,}"
    return f"{least:,} / {np.median(lengths):,g} / {most:,}"


def _size(n_bytes):
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"


def _thumbnails(name, block):
    """Show the first image of the first rows that have one."""
    if block.kind != "image" or 0 in block.token_shape:
        return ""
    rows = np.flatnonzero(~block.missing)[:N_THUMBNAILS]
    tokens = np.asarray(block.values[block.offsets[rows]])
    return "".join(
        f'<img src="{uri}" alt="{escape(str(name), quote=True)}, row {row}" '
        f'title="row {row}">'
        for row, uri in zip(rows, _png_uris(tokens), strict=True)
    )


def _png_uris(tokens):
    """Encode images (n, channels, height, width) as data URIs of small PNG files."""
    from PIL import Image

    if tokens.dtype != np.uint8:
        tokens = _to_levels(tokens)
    for token in tokens:
        pixels = np.moveaxis(token, 0, -1)
        if pixels.shape[-1] not in (1, 3):  # no colours: the mean of the channels
            pixels = pixels.mean(axis=-1, keepdims=True).astype(np.uint8)
        image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        image.thumbnail((THUMBNAIL_SIZE, THUMBNAIL_SIZE))
        scale = max(1, THUMBNAIL_SIZE // max(image.size))
        image = image.resize((image.width * scale, image.height * scale), 0)
        file = io.BytesIO()
        image.save(file, "PNG", optimize=True)
        yield "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _to_levels(tokens):
    """Stretch numbers of any range over 0 to 255, one range for all images."""
    tokens = np.nan_to_num(tokens.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = tokens.min(initial=np.inf), tokens.max(initial=-np.inf)
    scale = 255 / (high - low) if high > low else 0.0
    return ((tokens - low) * scale).astype(np.uint8)
