"""A file that is no archive of ours is refused before anything of it is unpacked."""

import io
import os
import stat
import struct
import zipfile

import numpy as np
import pytest

import sklearn_mm
from sklearn_mm import ModelFileError
from sklearn_mm.persistence import archive as archives
from sklearn_mm.persistence.archive import Archive, write_archive


def read_both(path):
    """Refused by load is refused by inspect."""
    with pytest.raises(ModelFileError) as by_inspect:
        sklearn_mm.inspect(path)
    with pytest.raises(ModelFileError) as by_load:
        sklearn_mm.load(path)
    assert str(by_load.value) == str(by_inspect.value)
    raise by_load.value


def test_there_must_be_a_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        sklearn_mm.load(tmp_path / "none.mm")


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04K\x01.", b"text" * 100])
def test_other_files_are_refused(content, tmp_path):
    path = tmp_path / "other.mm"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="no model file, or is damaged"):
        read_both(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(file, share):
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match="damaged or truncated"):
        read_both(file)


def test_bytes_after_the_end_are_refused(file):
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(ModelFileError, match="damaged or truncated"):
        read_both(file)


def test_every_byte_that_is_changed_is_noticed(file, numbers):
    content = file.read_bytes()
    for place in range(0, len(content), len(content) // 40):
        changed = bytearray(content)
        changed[place] ^= 0x41
        file.write_bytes(changed)
        try:
            model = sklearn_mm.load(file)
        except (ModelFileError, UserWarning):
            continue
        # Of dates and flags of the zip nothing depends.
        assert model.predict(numbers[0]).shape == (40,)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "weights/0/../../evil",
        "/etc/passwd",
        "weights/0//absolute",
        "weights\\0\\evil",
        "..\\evil",
        "C:evil",
        "weights/0/./evil",
        "weights/0/",
    ],
)
def test_a_path_that_leaves_the_archive_is_refused(
    name, file, members_of, write_members, tmp_path
):
    write_members(file, [*members_of(file).items(), (name, b"evil")])
    with pytest.raises(ModelFileError, match="a path that may leave the archive"):
        read_both(file)
    assert not (tmp_path.parent / "evil.json").exists()


@pytest.mark.parametrize("name", ["evil.py", "model.pkl", "weights/evil", "a/b.json"])
def test_an_unknown_member_is_refused(name, file, members_of, write_members):
    write_members(file, [*members_of(file).items(), (name, b"evil")])
    with pytest.raises(ModelFileError, match=f"unknown member '{name}'"):
        read_both(file)


def test_a_known_member_that_the_manifest_lacks_is_refused(
    file, members_of, write_members
):
    write_members(file, [*members_of(file).items(), ("report.html", b"<html>")])
    with pytest.raises(
        ModelFileError, match=r"differ in the members \['report.html'\]"
    ):
        read_both(file)


def test_a_member_that_is_gone_is_refused(file, members_of, write_members):
    members = members_of(file)
    del members["model.json"]
    write_members(file, members)
    with pytest.raises(ModelFileError, match=r"differ in the members \['model.json'\]"):
        read_both(file)


def test_a_member_that_stands_there_twice_is_refused(file, members_of, write_members):
    members = members_of(file)
    write_members(file, [*members.items(), ("model.json", members["model.json"])])
    with pytest.raises(ModelFileError, match="member 'model.json' twice"):
        read_both(file)


def test_members_that_differ_in_case_only_are_refused(tmp_path, write_members):
    path = write_members(tmp_path / "a.mm", {"weights/0/A": b"1", "weights/0/a": b"2"})
    with pytest.raises(ModelFileError, match="differ in case only"):
        read_both(path)


def test_a_zip_bomb_is_refused_by_its_ratio(file, members_of, write_members):
    members = members_of(file)
    members["README.md"] = bytes(3_000_000)
    write_members(file, members)
    with pytest.raises(ModelFileError, match="more than 200 times: a zip bomb"):
        read_both(file)


def test_what_would_unpack_to_more_than_allowed_is_refused(file):
    with pytest.raises(ModelFileError, match="more than the limit of 1000 bytes"):
        sklearn_mm.load(file, max_bytes=1000)
    with pytest.raises(ModelFileError, match="more than the limit of 1000 bytes"):
        sklearn_mm.inspect(file, max_bytes=1000)


def test_a_member_that_claims_less_than_it_holds_is_refused(file):
    content = bytearray(file.read_bytes())
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(b"README.md"))
    content[place + 24 : place + 28] = struct.pack("<L", 10)
    file.write_bytes(content)
    with pytest.raises(ModelFileError):
        read_both(file)


def test_more_members_than_allowed_are_refused(monkeypatch, file):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(ModelFileError, match="more than the limits of 3"):
        read_both(file)


def test_an_encrypted_member_is_refused(file):
    content = bytearray(file.read_bytes())
    place = content.index(b"PK\x01\x02")
    content[place + 8] |= 1
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match="encrypted"):
        read_both(file)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(method, file, members_of):
    members = members_of(file)
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ModelFileError, match="packed by a method"):
        read_both(file)


def test_a_link_is_refused(file):
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("README.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ModelFileError, match="no plain file"):
        read_both(file)


def test_an_archive_may_be_read_from_memory(file):
    with Archive(io.BytesIO(file.read_bytes()), what="it") as archive:
        assert archive.read("README.md").startswith(b"# ")


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "m.mm"
    path.write_bytes(b"before")
    with pytest.raises(TypeError):
        write_archive(path, {"README.md": b"fine", "report.html": object()})
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["m.mm"]


def test_a_model_that_cannot_be_saved_leaves_what_was_there(file):
    before = file.read_bytes()
    model = sklearn_mm.AttentionFusionClassifier(callbacks=[object()])
    with pytest.raises(ModelFileError):
        sklearn_mm.save(model, file)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_a_file_is_replaced_while_it_is_open(file, classifier, numbers):
    loaded = sklearn_mm.load(file)
    sklearn_mm.save(classifier, file)
    assert loaded.predict(numbers[0]).shape == (40,)


def test_a_file_keeps_its_mode_and_a_new_one_has_that_of_the_user(file, classifier):
    file.chmod(0o640)
    sklearn_mm.save(classifier, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    new = sklearn_mm.save(classifier, file.with_name("new.mm"))
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(new.stat().st_mode) == 0o666 & ~umask


def test_a_link_stays_one(file, classifier):
    link = file.with_name("link.mm")
    link.symlink_to(file)
    sklearn_mm.save(classifier, link)
    assert link.is_symlink()


def test_there_must_be_a_folder(classifier, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        sklearn_mm.save(classifier, tmp_path / "none" / "m.mm")


def test_arrays_are_stored_where_they_can_be_mapped(file):
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("arrays.safetensors")
    content = file.read_bytes()
    name, extra = struct.unpack_from("<HH", content, info.header_offset + 26)
    assert info.compress_type == zipfile.ZIP_STORED
    assert (info.header_offset + 30 + name + extra) % 64 == 0


def test_a_large_array_stays_in_the_file_and_is_private(tmp_path):
    model = sklearn_mm.AttentionFusionClassifier()
    model.large_ = np.arange(300_000.0)
    path = sklearn_mm.save(model, tmp_path / "m.mm")
    before = path.read_bytes()
    first, second = sklearn_mm.load(path), sklearn_mm.load(path)
    assert not first.large_.flags.owndata
    first.large_[0] = 7.0
    assert second.large_[0] == 0.0
    assert path.read_bytes() == before


def test_two_saves_of_one_model_are_the_same_file(classifier, tmp_path):
    first = sklearn_mm.save(classifier, tmp_path / "a.mm").read_bytes()
    assert first == sklearn_mm.save(classifier, tmp_path / "b.mm").read_bytes()
