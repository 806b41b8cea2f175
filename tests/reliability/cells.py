"""Kinds of cells that nobody expects: damaged, of another type, or only odd.

Each is a value, missing, or an error of ours that says where. ``kinds()`` lists them.
"""

import datetime
import decimal
import fractions
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

# What may come of a cell. Damage may spare what matters, so "either" has a value, too.
VALUE, MISSING, ERROR, EITHER = "value", "missing", "error", "either"


@dataclass(frozen=True)
class Kind:
    """One kind of cell.

    Attributes
    ----------
    modality : {"image", "text", "date", "number"}
        Of what it stands among.
    name : str
        What is the matter with it.
    cell : object
        It.
    outcome : str
        What comes of it.
    """

    modality: str
    name: str
    cell: object
    outcome: str

    def __str__(self):
        return f"{self.modality}: {self.name}"


def kinds():
    """List all kinds: list of Kind."""
    found = []
    for modality, groups in {
        "image": (damaged_images, odd_arrays, odd_places, odd_objects),
        "text": (odd_texts, odd_objects_for_texts),
        "date": (odd_dates,),
        "number": (odd_numbers,),
    }.items():
        for group in groups:
            for name, (cell, outcome) in group().items():
                found.append(Kind(modality, name, cell, outcome))
    return found


# ---- images ----

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")


def picture():
    """Draw an image of 40 x 30 pixels."""
    pixels = np.zeros((30, 40, 3), dtype=np.uint8)
    pixels[:, :, 0], pixels[5:20, 5:30, 1] = np.arange(40) * 6, 200
    return Image.fromarray(pixels)


def damaged_images():
    """Give files of each format with each damage."""
    damages = {
        "whole": (lambda whole: whole, VALUE),
        "cut in half": (lambda whole: whole[: len(whole) // 2], EITHER),
        "only its first 20 bytes": (lambda whole: whole[:20], ERROR),
        "without its first byte": (lambda whole: whole[1:], ERROR),
        "with another first byte": (lambda whole: b"\x01" + whole[1:], ERROR),
        "one wrong byte in the middle": (wrong_byte, EITHER),
        "zeros from a third on": (zeros_after, EITHER),
        "all bits turned": (lambda whole: bytes(255 - b for b in whole), ERROR),
        "backwards": (lambda whole: whole[::-1], ERROR),
        "twice": (lambda whole: whole * 2, EITHER),
        "with a tail": (lambda whole: whole + b"tail" * 99, EITHER),
        "as text with CR LF": (as_text, EITHER),
    }
    found = {}
    for format_ in FORMATS:
        file = io.BytesIO()
        picture().save(file, format_)
        for name, (damage, outcome) in damages.items():
            found[f"{format_} {name}"] = damage(file.getvalue()), outcome
    return found


def wrong_byte(whole):
    """Turn all bits of the byte in the middle."""
    middle = len(whole) // 2
    return whole[:middle] + bytes([255 - whole[middle]]) + whole[middle + 1 :]


def zeros_after(whole):
    """Keep a third, as a download that was given its length before."""
    third = len(whole) // 3
    return whole[:third] + bytes(len(whole) - third)


def as_text(whole):
    """Change line ends, as a transfer of text does."""
    return whole.replace(b"\n", b"\r\n")


def odd_arrays():
    """Give arrays of any shape and dtype."""
    pixels = np.asarray(picture())
    locked = pixels.copy()
    locked.flags.writeable = False
    floats = pixels / 255
    broken = floats.copy()
    broken[3, 3, 0] = np.nan
    infinite = np.where(np.isnan(broken), np.inf, floats)
    return {
        "array without axes": (np.array(3), ERROR),
        "array of no pixels": (np.empty((0, 0, 3)), ERROR),
        "array of no height": (np.empty((0, 5, 3), np.uint8), ERROR),
        "array of no channels": (np.empty((5, 5, 0), np.uint8), ERROR),
        "array of two channels": (np.zeros((5, 5, 2), np.uint8), ERROR),
        "array of five channels": (np.zeros((5, 5, 5), np.uint8), ERROR),
        "array of five axes": (np.zeros((2, 2, 5, 5, 3), np.uint8), ERROR),
        "complex array": (pixels * 1j, ERROR),
        "array of strings": (pixels.astype(str), ERROR),
        "array of dates": (pixels[..., 0].astype("M8[s]"), ERROR),
        "array of records": (np.zeros((5, 5), dtype=[("r", "u1")]), ERROR),
        "array of objects": (np.array([[None, "a"]], dtype=object), ERROR),
        "array with NaN": (broken, ERROR),
        "array with infinity": (infinite, ERROR),
        "array of only NaN": (np.full((5, 5, 3), np.nan), ERROR),
        "array of one pixel": (np.zeros((1, 1, 3), np.uint8), VALUE),
        "array of one row": (np.zeros((1, 500, 3), np.uint8), VALUE),
        "array of bool": (pixels[..., 0] > 9, VALUE),
        "array of float16": (floats.astype(np.float16), VALUE),
        "array of float64": (floats, VALUE),
        "array of the other byte order": (floats.astype(">f4"), VALUE),
        "array that is read-only": (locked, VALUE),
        "array with gaps": (pixels[::2, ::2], VALUE),
        "array backwards": (pixels[::-1, ::-1], VALUE),
        "array with columns first": (np.asfortranarray(pixels), VALUE),
        "array of huge numbers": (floats * 1e300, EITHER),
        "array of numbers below nothing": (floats - 1e9, EITHER),
    }


def odd_places():
    """Give strings and paths that lead nowhere."""
    return {
        "path of no file": ("nowhere.png", ERROR),
        "Path of no file": (Path("nowhere.png"), ERROR),
        "path of a folder": (str(Path(__file__).parent), ERROR),
        "path of a text": (__file__, ERROR),
        "path of an empty device": ("/dev/null", ERROR),
        "path with NUL": ("a\0b.png", ERROR),
        "path of no letters": ("", ERROR),
        "path of a space": (" ", ERROR),
        "path that is too long": ("a" * 5000 + ".png", ERROR),
        "path with too many folders": ("a/" * 3000, ERROR),
        "path with a lone surrogate": ("\ud800.png", ERROR),
        "path of a line end": ("a\nb.png", ERROR),
        "path of another system": (r"C:\photos\a.png", ERROR),
        "path of a process": ("/proc/self/status", ERROR),
    }


def odd_objects():
    """Give what is no image, and what is missing."""
    return {
        "None": (None, MISSING),
        "NaN": (float("nan"), MISSING),
        "NaN of numpy": (np.float32("nan"), MISSING),
        "pd.NA": (pd.NA, MISSING),
        "pd.NaT": (pd.NaT, MISSING),
        "bytes of nothing": (b"", ERROR),
        "bytes of zeros": (bytes(100), ERROR),
        "bytes of a text": (b"<html>404 Not Found</html>", ERROR),
        "bytes of a ZIP": (b"PK\x03\x04" + bytes(60), ERROR),
        "bytes of a PDF": (b"%PDF-1.7\n" + bytes(60), ERROR),
        "bytes of a SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ERROR),
        "bytes at random": (np.random.default_rng(0).bytes(500), ERROR),
        "pointer to a file of git-lfs": (b"version https://git-lfs.github.com/", ERROR),
        "bytearray of nothing": (bytearray(), ERROR),
        "memoryview of nothing": (memoryview(b""), ERROR),
        "a number": (3, ERROR),
        "a fraction": (2.5, ERROR),
        "infinity": (float("inf"), ERROR),
        "True": (True, ERROR),
        "a date": (datetime.date(2020, 1, 1), ERROR),
        "an empty dict": ({}, ERROR),
        "a dict of others": ({"a": 1}, ERROR),
        "an empty list": ([], EITHER),
        "a list of None": ([None], EITHER),
        "a set": ({1, 2}, ERROR),
        "a function": (len, ERROR),
        "a class": (int, ERROR),
        "an error": (ValueError("a"), ERROR),
        "an iterator": (iter([1]), ERROR),
        "an object": (object(), ERROR),
    }


# ---- texts ----


def odd_texts():
    """Give strings of any characters: each is a text, if a letter is in it."""
    return {
        "of no letters": ("", MISSING),
        "of spaces": ("   ", MISSING),
        "of all spaces there are": (
            " \t\n\r\x0b\x0c\x85\xa0\u2003\u2028\u3000",
            MISSING,
        ),
        "with NUL": ("fox\0bird", VALUE),
        "with a lone surrogate": ("fox \ud800 bird", ERROR),
        "with surrogates apart": ("fox \udc00\ud800", ERROR),
        "with a mark of direction": ("\u200ffox", VALUE),
        "with directions turned": ("\u202efox\u202c", VALUE),
        "with a joiner": ("fo\u200dx", VALUE),
        "with a soft hyphen": ("f\u00adox", VALUE),
        "with a byte order mark": ("\ufefffox", VALUE),
        "with control characters": ("".join(map(chr, range(32))) + "fox", VALUE),
        "with escapes of a terminal": ("\x1b[31mfox\x1b[0m", VALUE),
        "of a replacement": ("\ufffd fox", VALUE),
        "of what is no character": ("\uffff\ufffe fox", VALUE),
        "for private use": ("\ue000\U000f0000 fox", VALUE),
        "of what is not assigned": ("\u0378 fox", VALUE),
        "of the last character": ("\U0010ffff fox", VALUE),
        "of a thousand accents": ("o" + "\u0301" * 1000, VALUE),
        "composed": ("\u00e9", VALUE),
        "decomposed": ("e\u0301", VALUE),
        "of a family": ("\U0001f468\u200d\U0001f469\u200d\U0001f467", VALUE),
        "of a flag": ("\U0001f1e9\U0001f1ea", VALUE),
        "of a keycap": ("1\ufe0f\u20e3", VALUE),
        "of Chinese": ("\u72d0\u72f8\u548c\u9e1f", VALUE),
        "of Arabic": ("\u062b\u0639\u0644\u0628", VALUE),
        "of Hindi": ("\u0932\u094b\u092e\u0921\u093c\u0940", VALUE),
        "of Thai": ("\u0e08\u0e34\u0e49\u0e07\u0e08\u0e2d\u0e01", VALUE),
        "of Hangul apart": ("\u110b\u1167\u110b\u116e", VALUE),
        "of a Turkish i": ("\u0130STANBUL", VALUE),
        "of a ligature": ("\ufb01sh", VALUE),
        "of full width": ("\uff26\uff2f\uff38", VALUE),
        "of mathematics": ("\U0001d41f\U0001d428\U0001d431", VALUE),
        "of one letter": ("a", VALUE),
        "of one long word": ("a" * 50_000, VALUE),
        "of many words": ("fox " * 20_000, VALUE),
        "of many signs": ("!?" * 5_000, EITHER),
        "of a number": ("12345678901234567890", VALUE),
        "of markup": ("<b>fox</b>&nbsp;<script>alert(1)</script>", VALUE),
        "of a statement": ("'; DROP TABLE foxes; --", VALUE),
        "of braces": ("{}{0}%s%d${fox}", VALUE),
        "of special tokens": ("[UNK] [PAD] <s> </s> <unk>", VALUE),
        "of what means missing": ("NaN", VALUE),
        "of None": ("None", VALUE),
        "of a text of numpy": (np.str_("fox"), VALUE),
    }


def odd_objects_for_texts():
    """Give what is no text but for numbers, and what is missing."""
    return {
        "None": (None, MISSING),
        "NaN": (float("nan"), MISSING),
        "pd.NA": (pd.NA, MISSING),
        "pd.NaT": (pd.NaT, MISSING),
        "bytes": (b"fox", EITHER),
        "bytes that are no UTF-8": (b"\xff\xfe\x00", ERROR),
        "a number": (3, VALUE),
        "a fraction": (2.5, VALUE),
        "infinity": (float("inf"), VALUE),
        "True": (True, VALUE),
        "a date": (datetime.date(2020, 1, 1), ERROR),
        "an empty list": ([], EITHER),
        "a list of words": (["fox", "bird"], EITHER),
        "a list of numbers": ([1, 2], ERROR),
        "a dict": ({"fox": 1}, ERROR),
        "a set": ({"fox"}, EITHER),
        "an array": (np.array([1.0, 2.0]), ERROR),
        "a path": (Path("fox.txt"), EITHER),
        "a function": (len, ERROR),
        "an object": (object(), ERROR),
    }


# ---- dates ----


def odd_dates():
    """Give dates, and what looks like one."""
    zone = datetime.timezone(datetime.timedelta(hours=14))
    return {
        "None": (None, MISSING),
        "NaN": (float("nan"), MISSING),
        "pd.NA": (pd.NA, MISSING),
        "NaT": (pd.NaT, MISSING),
        "NaT of numpy": (np.datetime64("NaT"), MISSING),
        "a date": (datetime.date(2020, 2, 29), VALUE),
        "the first day": (datetime.date.min, VALUE),
        "the last day": (datetime.date.max, VALUE),
        "a time of a zone": (datetime.datetime(2020, 1, 1, tzinfo=zone), VALUE),
        "a Timestamp": (pd.Timestamp("2020-01-01"), VALUE),
        "a Timestamp of a zone": (pd.Timestamp("2020-01-01", tz="UTC"), VALUE),
        "a date of numpy in years": (np.datetime64("2020"), VALUE),
        "a date of numpy in days": (np.datetime64("2020-01-05"), VALUE),
        "a date of numpy in nanoseconds": (np.datetime64("2020-01-05", "ns"), VALUE),
        "seconds": (1_600_000_000, VALUE),
        "a string": ("2020-01-05", VALUE),
        "a string with a time": ("2020-01-05T10:00:00.5+01:00", VALUE),
        "a string with spaces": (" 2020-01-05 ", VALUE),
        "a month too many": ("2020-13-01", ERROR),
        "a day too many": ("2020-02-30", ERROR),
        "an hour too many": ("2020-01-01T25:00", ERROR),
        "a day that is none": ("0000-00-00", ERROR),
        "a year too many": ("10000-01-01", ERROR),
        "half a date": ("2020-01", EITHER),
        "a date of another order": ("31/12/2020", ERROR),
        "a word": ("yesterday", ERROR),
        "now": ("now", ERROR),
        "no letters": ("", EITHER),
        "the name of what is missing": ("NaT", EITHER),
        "digits of another script": ("\u0662\u0660\u0662\u0660-01-01", EITHER),
        "a number that is huge": (1e300, ERROR),
        "a number that is no float": (10**400, ERROR),
        "infinity": (float("inf"), ERROR),
        "infinity below": (float("-inf"), ERROR),
        "True": (True, EITHER),
        "a span": (datetime.timedelta(days=1), ERROR),
        "a span of numpy": (np.timedelta64(1, "D"), EITHER),
        "a time of the day": (datetime.time(10), ERROR),
        "bytes": (b"2020-01-05", ERROR),
        "a list": ([2020, 1, 5], ERROR),
        "a dict": ({"year": 2020}, ERROR),
        "a complex number": (1j, ERROR),
        "an object": (object(), ERROR),
    }


# ---- numbers of a table ----


def odd_numbers():
    """Give what stands in a column of numbers."""
    return {
        "None": (None, MISSING),
        "NaN": (float("nan"), MISSING),
        "pd.NA": (pd.NA, MISSING),
        "an integer": (3, VALUE),
        "a number below nothing": (-0.0, VALUE),
        "the smallest number": (5e-324, VALUE),
        "True": (True, VALUE),
        "a Decimal": (decimal.Decimal("1.5"), VALUE),
        "a Fraction": (fractions.Fraction(1, 3), VALUE),
        "a number of numpy": (np.float32(1.5), VALUE),
        "a string of a number": ("1.5", EITHER),
        "a word": ("abc", ERROR),
        "a number with its unit": ("1.5 m", ERROR),
        "no letters": ("", ERROR),
        "infinity": (float("inf"), ERROR),
        "a complex number": (1j, ERROR),
        "a list": ([1.0], EITHER),
        "a dict": ({"a": 1}, ERROR),
        "bytes": (b"abc", ERROR),
        "a function": (len, ERROR),
        "an object": (object(), ERROR),
        "a number that is no float": (10**400, ERROR),
    }
