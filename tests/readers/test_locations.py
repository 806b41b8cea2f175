import base64
import io
import os
import pathlib
import tempfile
import zipfile

import numpy as np
import pyarrow as pa
import pytest

from sklearn_mm.readers.locations import (
    Places,
    decode_base64,
    find_file,
    join_root,
    resolve,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(100))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(PNG)
    return path


class Named:
    """A path of its own kind."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


class Stream:
    """A stream that cannot go back, and does not know where it is."""

    def __init__(self, content):
        self.content = content

    def read(self, n=-1):
        content, self.content = self.content, b""
        return content


def record():
    record = np.zeros(1, dtype=[("bytes", object), ("path", object)])
    record[0] = (PNG, None)
    return record[0]


def zipped(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/a.bin", PNG)
    return zipfile.Path(tmp_path / "a.zip", "in/a.bin")


CONTENTS = {
    "bytes": lambda tmp_path: PNG,
    "bytearray": lambda tmp_path: bytearray(PNG),
    "memoryview": lambda tmp_path: memoryview(PNG),
    "strided memoryview": lambda tmp_path: memoryview(PNG.hex().encode())[::1],
    "void": lambda tmp_path: np.void(PNG),
    "buffer of Arrow": lambda tmp_path: pa.py_buffer(PNG),
    "struct of numbers": lambda tmp_path: {"bytes": list(PNG), "path": None},
    "data URI as bytes": lambda tmp_path: (
        b"data:image/png;base64," + base64.b64encode(PNG)
    ),
    "base64 as bytes": lambda tmp_path: base64.b64encode(PNG),
    "BytesIO": lambda tmp_path: io.BytesIO(PNG),
    "stream": lambda tmp_path: Stream(PNG),
    "path in a zip": zipped,
    "struct of bytes": lambda tmp_path: {"bytes": PNG, "path": None},
    "struct of both": lambda tmp_path: {"bytes": PNG, "path": "gone.png"},
    "record": lambda tmp_path: record(),
    "data URI": lambda tmp_path: (
        f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    ),
    "base64": lambda tmp_path: base64.b64encode(PNG).decode(),
    "base64 in lines": lambda tmp_path: base64.encodebytes(PNG).decode(),
    "base64 for URLs": lambda tmp_path: base64.urlsafe_b64encode(PNG).decode(),
    "base64 without end": lambda tmp_path: base64.b64encode(PNG).decode().rstrip("="),
}


@pytest.mark.parametrize("form", CONTENTS)
def test_the_content_of_a_cell_is_found(form, tmp_path):
    content = find_file(CONTENTS[form](tmp_path)).content
    expected = PNG.hex().encode() if form.startswith("strided") else PNG
    assert content == expected


@pytest.mark.parametrize(
    "name",
    [
        str,
        lambda path: path,
        lambda path: Named(str(path)),
        lambda path: Named(os.fsencode(path)),
        lambda path: {"path": os.fsencode(path)},
        lambda path: path.as_uri().replace("file", "FILE"),
        lambda path: path.as_uri(),
        lambda path: {"bytes": None, "path": str(path)},
        lambda path: {"bytes": np.nan, "path": path},
        lambda path: {"path": path},
    ],
)
def test_the_path_of_a_cell_is_found(path, name):
    assert find_file(name(path)).path == str(path)


@pytest.mark.parametrize(
    "cell", [3, [1, 2], np.zeros(3), {"a": 1}, object(), memoryview(np.zeros((2, 2)))]
)
def test_what_is_no_file_stays_as_it_is(cell):
    assert find_file(cell) is None
    assert resolve(cell) is cell


def test_bytes_are_content_also_where_they_name_a_file(path, monkeypatch):
    # What a server was sent must not name its files.
    monkeypatch.chdir(path.parent)
    for name in (path.name.encode(), os.fsencode(path), path.as_uri().encode()):
        assert find_file(name).content == name
        assert find_file({"bytes": name, "path": None}).content == name


def test_numbers_that_are_no_bytes_are_refused():
    with pytest.raises(TypeError, match="'bytes' is a list"):
        find_file({"bytes": [1, 256], "path": None})


def test_a_struct_that_holds_nothing_is_nothing():
    assert resolve({"bytes": None, "path": None}) is None


def test_an_open_file_is_read_whole_and_left_where_it_stood(path):
    with open(path, "rb") as file:
        file.seek(7)
        assert find_file(file).content == PNG
        assert file.tell() == 7
        assert find_file(file).content == PNG


def test_a_file_opened_as_text_is_refused():
    with pytest.raises(ValueError, match="StringIO of text. Open files in binary mode"):
        find_file(io.StringIO("abc"))


def test_a_stream_at_its_end_is_refused():
    stream = Stream(PNG)
    find_file(stream)
    with pytest.raises(ValueError, match="Stream without content, or read to its end"):
        find_file(stream)


def test_an_object_whose_read_fails_is_named():
    class Broken:
        def read(self, n=-1):
            raise ZeroDivisionError("lost")

    with pytest.raises(ValueError, match="a Broken that cannot be read: ZeroDivision"):
        find_file(Broken())


def test_an_object_that_reads_something_else_is_a_type_error():
    class Sensor:
        def read(self, n=-1):
            return [1, 2]

    with pytest.raises(TypeError, match="a Sensor that gives list instead of bytes"):
        find_file(Sensor())


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100,
        "Dear Sir or Madam, " * 10,
        base64.b64encode(b"only a text, and no file of any kind, " * 4).decode(),
        base64.b64encode(PNG[:20]).decode(),
        "iVBORw0KGgo" * 20 + " and more words!",
    ],
)
def test_texts_are_not_taken_for_base64(text):
    assert decode_base64(text) is None


def test_percent_encoded_data_is_decoded():
    assert find_file("data:;charset=utf-8,a%20b").content == b"a b"


def test_broken_base64_of_a_data_uri_is_an_error():
    with pytest.raises(ValueError, match="data: URI whose base64 is broken"):
        find_file("data:image/png;base64,abc*")


# Places


def test_a_relative_path_begins_at_the_root(path):
    places = Places(root=path.parent)
    assert find_file("a.bin", places).path == str(path)
    assert find_file(pathlib.Path("a.bin"), places).path == str(path)
    assert find_file({"bytes": None, "path": "a.bin"}, places).path == str(path)


def test_an_absolute_path_is_taken_as_it_is(path):
    assert find_file(str(path), Places(root=tempfile.gettempdir())).path == str(path)


def test_a_path_may_leave_the_root(path):
    (path.parent / "sub").mkdir()
    found = find_file("../a.bin", Places(root=path.parent / "sub"))
    assert os.path.samefile(found.path, path)


@pytest.mark.parametrize(
    ("root", "joined"),
    [
        (None, "b/a.png"),
        ("", "b/a.png"),
        ("x", "x/b/a.png"),
        ("s3://bucket/x", "s3://bucket/x/b/a.png"),
        ("s3://bucket/x/", "s3://bucket/x/b/a.png"),
        ("zip://::x.zip", "zip://b/a.png::x.zip"),
        ("zip://in::s3://x.zip", "zip://in/b/a.png::s3://x.zip"),
    ],
)
def test_where_a_path_begins(root, joined):
    assert join_root("b/a.png", root) == joined


def test_a_lost_file_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(
        ValueError, match="relative paths begin at .*on_error='missing'"
    ):
        find_file("no.png", Places(root=tmp_path))


def test_a_root_that_is_no_folder_is_refused(path):
    with pytest.raises(ValueError, match=r"root='.*a.bin', which is no folder"):
        Places(root=path).check()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"remote": "https"}, "remote must be True, False or a tuple of schemes"),
        ({"timeout": 0}, "timeout must be a positive number"),
        ({"max_bytes": -1}, "max_bytes must be a positive number"),
    ],
)
def test_places_that_cannot_be_are_explained(parameters, message):
    with pytest.raises(ValueError, match=message):
        Places(**parameters).check()


# Limits


def test_what_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "empty").touch()
    for name, problem in {
        str(tmp_path): "which is a folder",
        str(tmp_path / "pipe"): "which is a pipe",
        str(tmp_path / "circle"): "which is a link that leads in a circle",
        str(tmp_path / "empty"): "which is an empty file",
        "/dev/zero": "which is a device",
        "a\0b": "no such file",
        "x" * 5000: "no such file",
    }.items():
        with pytest.raises(ValueError, match=problem):
            find_file(name)


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "sparse.png", "wb") as file:
        file.truncate(10**12)  # which would not fit into memory
    with pytest.raises(ValueError, match="1000000000000 bytes, above .* max_bytes"):
        find_file(tmp_path / "sparse.png")


@pytest.mark.parametrize("form", ["bytes", "BytesIO", "stream", "path in a zip"])
def test_content_above_the_limit_is_refused(form, tmp_path):
    with pytest.raises(ValueError, match="above the limit max_bytes=50"):
        find_file(CONTENTS[form](tmp_path), Places(max_bytes=50))


def test_a_name_that_is_not_utf_8_is_found(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff\xe9.png"
    with open(name, "wb") as file:
        file.write(PNG)
    assert find_file(os.fsdecode(name)).path == os.fsdecode(name)
    with pytest.raises(ValueError, match=r"no such file") as caught:
        find_file(os.fsdecode(name + b"x"))
    str(caught.value).encode("utf-8")
