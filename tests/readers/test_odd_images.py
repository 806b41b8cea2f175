"""Odd cells where images belong: each a documented value, missing, or our error."""

import decimal
import io
import os
import struct
import zlib
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sklearn_mm import ImageTransformer, MultimodalFeatureUnion

GOOD = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)


def encoded(format="PNG", image=None, **options):
    file = io.BytesIO()
    (image or Image.fromarray(GOOD)).save(file, format, **options)
    return file.getvalue()


def closed(file):
    file.close()
    return file


def closed_image():
    image = Image.open(io.BytesIO(encoded()))
    image.close()
    return image


def recursive():
    cell = []
    cell.append(cell)
    return cell


def png_of(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )  # fmt: skip


class Raises:
    """Fails in every way it is looked at."""

    def __array__(self, dtype=None, copy=None):
        raise decimal.InvalidOperation

    def __repr__(self):
        return "Raises()"


class Endless:
    def read(self, n=-1):
        return b"x" * (n if n >= 0 else 10**9)


READ = {
    "one pixel": lambda: np.zeros((1, 1)),
    "one row": lambda: np.zeros((1, 50)),
    "read-only": lambda: np.frombuffer(GOOD.tobytes(), np.uint8).reshape(5, 4, 3),
    "strided": lambda: GOOD[::2, ::-1],
    "Fortran order": lambda: np.asfortranarray(GOOD),
    "big-endian": lambda: GOOD.astype(">u2") * 1000,
    "float16": lambda: (GOOD / 255).astype(np.float16),
    "longdouble": lambda: (GOOD / 255).astype(np.longdouble),
    "booleans": lambda: np.eye(4, dtype=bool),
    "subclass": lambda: GOOD.view(np.recarray),
    "matrix": lambda: np.asmatrix(GOOD[:, :, 0]),
    "DataFrame": lambda: pd.DataFrame(GOOD[:, :, 0]),
    "animation": lambda: encoded(
        "GIF", save_all=True, append_images=[Image.new("RGB", (4, 5))]
    ),
    "bytes behind the end": lambda: encoded() + b"more",
    "0-d array of bytes": lambda: np.array(encoded("JPEG") + b"x"),
}
MISSING = {
    "None": lambda: None,
    "NaN": lambda: np.nan,
    "float32 NaN": lambda: np.float32("nan"),
    "NA": lambda: pd.NA,
    "NaT": lambda: pd.NaT,
    "masked": lambda: np.ma.masked,
    "all masked": lambda: np.ma.masked_all((2, 2)),
    "all NaN, flat": lambda: np.full(4, np.nan),
    "empty list": list,
    "list of None": lambda: [None, None],
    "empty struct": lambda: {"bytes": None, "path": None},
}
BROKEN = {
    "empty text": lambda: "",
    "space": lambda: " ",
    "text": lambda: "a cat on a mat",
    "long text": lambda: "word " * 10**5,
    "lone surrogate": lambda: "\ud800",
    "null character": lambda: "a\0b.png",
    "folder": lambda: os.sep,
    "device": lambda: "/dev/zero",
    "lost file": lambda: "lost.png",
    "URL": lambda: "https://127.0.0.1:9/a.png",
    "empty bytes": lambda: b"",
    "zeros": lambda: bytes(1000),
    "text as bytes": lambda: b"no image",
    "signature only": lambda: encoded()[:8],
    "half a file": lambda: encoded("BMP")[:60],
    "of no size": lambda: png_of(0, 5),
    "of too many pixels": lambda: png_of(10**5, 10**5),
    "of the largest size": lambda: png_of(2**31 - 1, 2**31 - 1),
    "of long sides": lambda: png_of(80_000_000, 1),
    "postscript": lambda: encoded("EPS"),
    "PDF": lambda: encoded("PDF"),
    "SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "SVG as data URI": lambda: "data:image/svg+xml,%3Csvg/%3E",
    "broken data URI": lambda: "data:image/png;base64,???",
    "closed BytesIO": lambda: closed(io.BytesIO(encoded())),
    "empty BytesIO": io.BytesIO,
    "StringIO": lambda: io.StringIO("a"),
    "endless stream": Endless,
    "closed image": closed_image,
    "number": lambda: 5,
    "infinity": lambda: np.inf,
    "complex": lambda: 1j,
    "decimal": lambda: decimal.Decimal("1.5"),
    "fraction": lambda: Fraction(1, 3),
    "date": lambda: date(2020, 1, 5),
    "type": lambda: np.ndarray,
    "function": lambda: len,
    "set": lambda: {1, 2},
    "generator": lambda: (i for i in range(3)),
    "dict": lambda: {"image": 1},
    "object": Raises,
    "recursive list": recursive,
    "ragged list": lambda: [[1, 2], [3]],
    "list with a broken one": lambda: [GOOD, "lost.png"],
    "nested dicts": lambda: {"bytes": {"bytes": {"bytes": 5}}},
    "struct of a number": lambda: {"bytes": None, "path": 5},
    "no axes": lambda: np.array(5),
    "no pixels": lambda: np.zeros((0, 4)),
    "two channels": lambda: np.zeros((5, 4, 2)),
    "channels first": lambda: np.zeros((3, 50, 40)),
    "five axes": lambda: np.zeros((1, 1, 1, 1, 1)),
    "some NaN": lambda: np.where(np.eye(3), np.nan, 0),
    "some masked": lambda: np.ma.masked_less(np.arange(4).reshape(2, 2), 1),
    "infinite": lambda: np.full((2, 2), np.inf),
    "array of complex": lambda: np.zeros((2, 2), complex),
    "array of text": lambda: np.array([["a", "b"]]),
    "array of dates": lambda: np.zeros((2, 2), "M8[s]"),
    "structured array": lambda: np.zeros((2, 2), [("r", "u1"), ("g", "u1")]),
    "huge view": lambda: np.broadcast_to(np.uint8(1), (10**5, 10**5)),
}  # fmt: skip


def column(cell):
    cells = pd.Series([GOOD, None, GOOD], name="photo", dtype=object)
    cells.iat[1] = cell
    return cells


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("kind", READ)
def test_cells_that_are_read(kind):
    block = ImageTransformer((8, 8)).fit_transform(column(READ[kind]()))
    assert block.lengths.tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", MISSING)
def test_cells_that_are_missing(kind):
    block = ImageTransformer((8, 8)).fit_transform(column(MISSING[kind]()))
    assert block.lengths.tolist() == [1, 0, 1]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", BROKEN)
def test_cells_that_are_errors_with_modality_column_and_row(kind):
    transformer = ImageTransformer((8, 8), max_bytes=10**6)
    union = MultimodalFeatureUnion([("image", transformer, "photo")])
    table = column(BROKEN[kind]()).to_frame()
    where = "modality 'image': ImageTransformer: column 'photo', row 1: ."
    with pytest.raises((TypeError, ValueError), match=where):
        union.fit(table)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", BROKEN)
def test_errors_can_count_as_missing_and_change_no_other_row(kind):
    transformer = ImageTransformer((8, 8), max_bytes=10**6, on_error="missing")
    with pytest.warns(UserWarning, match="1 of 3 cells could not be read"):
        block = transformer.fit_transform(column(BROKEN[kind]()))
    assert block.lengths.tolist() == [1, 0, 1]
    expected = ImageTransformer((8, 8)).fit_transform([GOOD, GOOD])
    np.testing.assert_array_equal(block.values, expected.values)
