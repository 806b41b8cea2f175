"""The zip of a model: written whole or not at all, read within limits."""

import contextlib
import mmap
import os
import re
import struct
import zipfile
import zlib
from pathlib import Path

from sklearn_mm._whole_files import write_whole
from sklearn_mm.persistence.errors import ModelFileError

# Bytes of all members together, unpacked.
MAX_BYTES = 2**36
MAX_MEMBERS = 10_000
MAX_DIRECTORY_BYTES = 2**23

# Unpacked bytes for each packed one, of members of more than a mebibyte. A bomb has
# about a thousand; text that we write has less than a hundred, or is stored.
MAX_RATIO = 200
RATIO_FROM = 2**20

ARRAYS = "arrays.safetensors"

# Every name that a member may have.
NAMES = re.compile(
    r"manifest\.json|model\.json|arrays\.safetensors|sklearn\.skops|README\.md"
    r"|report\.html|(vocabularies|tokenizers)/\d{1,6}\.json"
    r"|weights/\d{1,6}/[^/]+(/[^/]+)*"
)

# A field of zip's headers by which others align files, too (Android's zipalign).
_PADDING_FIELD = 0xD935
_ALIGNMENT = 64
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")


def write_archive(path, members):
    """Write a zip in the place of a file, or leave what is there as it is.

    Parameters
    ----------
    path : Path
        Where to. A link is followed.
    members : dict of str to bytes
        Contents by name. The arrays come first, stored and aligned, so that they can
        be mapped.
    """
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name in sorted(members, key=lambda name: (name != ARRAYS, name)):
            _write_member(archive, name, members[name])


@contextlib.contextmanager
def replacing(path):
    """Open a file that takes the place of another when it is whole, or never.

    Parameters
    ----------
    path : Path
        Of the other. A link is followed.

    Yields
    ------
    file
        To write bytes into.

    Raises
    ------
    OSError
        If there is no folder for it, or a folder in its place.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(path.parent)!r}")
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder, not a file")
    with write_whole(path) as file:
        yield file


def _write_member(archive, name, content):
    info = zipfile.ZipInfo(name)  # of 1980, so that one model gives one file
    info.external_attr = 0o644 << 16
    info.compress_type = zipfile.ZIP_STORED
    if name == ARRAYS:
        size = -(archive.fp.tell() + _LOCAL.size + len(name) + 4) % _ALIGNMENT
        info.extra = struct.pack("<HH", _PADDING_FIELD, size) + bytes(size)
    elif not name.startswith("weights/"):
        is_small = len(content) <= RATIO_FROM
        if is_small or len(zlib.compress(content)) * MAX_RATIO > 2 * len(content):
            info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


class Archive:
    """A zip that was checked before anything of it was unpacked.

    Parameters
    ----------
    source : str, Path or file object
        The file.
    names : compiled pattern, default=NAMES
        What members may be called.
    max_bytes : int, default=MAX_BYTES
        Of all members together, unpacked.
    what : str, default=None
        What it is, for errors; None is its path.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is no zip, truncated, or beyond a limit, or has a member that it may not
        have.
    """

    def __init__(self, source, *, names=NAMES, max_bytes=MAX_BYTES, what=None):
        self.what = what or f"{str(source)!r}"
        self._map = None
        self._file = source
        if isinstance(source, str | Path):
            self._file = Path(source).open("rb")  # noqa: SIM115 (closed by __exit__)
        try:
            self._check_end()
            self._zip = zipfile.ZipFile(self._file)
            self.members = self._check_members(names, max_bytes)
        except (zipfile.BadZipFile, struct.error, NotImplementedError) as error:
            self._file.close()
            raise ModelFileError(
                f"{self.what} is no model file, or is damaged or truncated: {error}"
            ) from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self._zip.close()
        self._file.close()
        self._map = None  # arrays that are still mapped keep it open

    def _check_end(self):
        """Read how large the directory is before the library reads it."""
        size = self._file.seek(0, os.SEEK_END)
        if size < _END.size:
            raise zipfile.BadZipFile(f"it has {size} bytes")
        self._file.seek(size - _END.size)
        sign, _, _, _, count, n_bytes, _, comment = _END.unpack(
            self._file.read(_END.size)
        )
        if sign != b"PK\5\6" or comment:
            raise zipfile.BadZipFile("it does not end as a zip of ours does")
        if count > MAX_MEMBERS or n_bytes > min(size, MAX_DIRECTORY_BYTES):
            raise ModelFileError(
                f"{self.what} has {count} members in a directory of {n_bytes} bytes, "
                f"more than the limits of {MAX_MEMBERS} and {MAX_DIRECTORY_BYTES}"
            )

    def _check_members(self, names, max_bytes):
        found, folded, total = {}, {}, 0
        infos = self._zip.infolist()
        if len(infos) > MAX_MEMBERS:
            raise ModelFileError(f"{self.what} has {len(infos)} members")
        for info in infos:
            name = info.orig_filename
            self._check_name(name, names)
            twin = folded.setdefault(name.casefold(), name)
            if name in found:
                raise ModelFileError(f"{self.what} has the member {name!r} twice")
            if twin != name:
                raise ModelFileError(
                    f"{self.what} has members that differ in case only: {twin!r} and "
                    f"{name!r}"
                )
            self._check_packing(name, info)
            total += info.file_size
            if total > max_bytes:
                raise ModelFileError(
                    f"{self.what} would unpack to more than the limit of {max_bytes} "
                    f"bytes, with {name!r} of {info.file_size}. Raise max_bytes if you "
                    "trust where it comes from"
                )
            found[name] = info
        return found

    def _check_name(self, name, names):
        parts = re.split(r"[/\\]", name)
        leaves = {"", ".", ".."}.intersection(parts) or re.search(r"[\\:\0]", name)
        if leaves or name.startswith("/"):
            raise ModelFileError(
                f"{self.what} has the member {name!r}, a path that may leave the "
                "archive"
            )
        if not names.fullmatch(name):
            raise ModelFileError(
                f"{self.what} has the unknown member {name!r}: it was not written by "
                "this package, or by a newer version of it"
            )

    def _check_packing(self, name, info):
        if info.flag_bits & 1 or info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise ModelFileError(
                f"{self.what}: member {name!r} is encrypted or packed by a method that "
                "model files do not use"
            )
        if info.external_attr >> 28 not in (0, 8):  # a link, a folder, a device
            raise ModelFileError(f"{self.what}: member {name!r} is no plain file")
        most = max(RATIO_FROM, MAX_RATIO * info.compress_size)
        if info.file_size > most:
            raise ModelFileError(
                f"{self.what}: member {name!r} would unpack from {info.compress_size} "
                f"to {info.file_size} bytes, more than {MAX_RATIO} times: a zip bomb"
            )

    def read(self, name, max_bytes=MAX_BYTES):
        """Unpack a member: bytes, no more than it says, or max_bytes."""
        if name not in self.members:
            raise ModelFileError(
                f"{self.what} has no member {name!r}: it is no model file, or damaged"
            )
        info = self.members[name]
        if info.file_size > max_bytes:
            raise ModelFileError(
                f"{self.what}: member {name!r} has {info.file_size} bytes, more than "
                f"the limit of {max_bytes}"
            )
        try:
            with self._zip.open(info) as member:
                content = member.read(info.file_size)
                rest = member.read(1)  # the checksum is compared at the end
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise ModelFileError(
                f"{self.what}: member {name!r} is damaged or truncated: {error}"
            ) from error
        if len(content) != info.file_size or rest:
            raise ModelFileError(f"{self.what}: member {name!r} has not its size")
        return content

    def view(self, name):
        """Map a stored member: memoryview, of which what is written stays private."""
        info = self.members.get(name)
        if info is None or info.compress_type != zipfile.ZIP_STORED:
            return memoryview(self.read(name))
        try:
            self._file.seek(info.header_offset)
            header = _LOCAL.unpack(self._file.read(_LOCAL.size))
        except struct.error as error:
            raise ModelFileError(f"{self.what} is truncated: {error}") from error
        start = info.header_offset + _LOCAL.size + header[-2] + header[-1]
        if self._map is None:
            self._map = memoryview(
                mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)
            )
        if header[0] != b"PK\3\4" or start + info.file_size > len(self._map):
            raise ModelFileError(f"{self.what}: member {name!r} is truncated")
        return self._map[start : start + info.file_size]
