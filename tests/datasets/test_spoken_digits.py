import functools
import http.server
import io
import re
import threading
import zipfile

import numpy as np
import pytest
import soundfile

from sklearn_mm.datasets import fetch_spoken_digits
from sklearn_mm.datasets import spoken_digits as module
from sklearn_mm.datasets._home import find_in_homes

needs_recordings = pytest.mark.skipif(
    find_in_homes(module.FILE_NAME) is None,
    reason=f"{module.FILE_NAME} is not there: set SKLEARN_MM_DATA to its folder",
)

SOUNDS = {
    (1, "ann", 2): np.array([1, 2, 3], dtype=np.int16),
    (0, "bob", 0): np.array([-4, 5], dtype=np.int16),
    (1, "ann", 10): np.array([6], dtype=np.int16),
    (0, "ann", 1): np.array([32767, -32768, 0, 1], dtype=np.int16),
}
# By hand: digit, speaker, take and the sha256sum of the samples, a line each, sorted.
SOUNDS_SHA256 = "cbd3890916b26c201db3ea83b07fd637d6f377c4477a7e4e2b62273e04701f53"


@pytest.fixture
def archive(monkeypatch):
    """The four sounds, packed as GitHub packs the repository."""
    monkeypatch.setattr(module, "CONTENT_SHA256", SOUNDS_SHA256)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("free-spoken-digit-dataset-1.0.10/README.md", "not a sound")
        file.writestr("free-spoken-digit-dataset-1.0.10/recordings/", "")
        for (digit, speaker, take), samples in SOUNDS.items():
            wav = io.BytesIO()
            soundfile.write(wav, samples, 8000, format="WAV", subtype="PCM_16")
            name = f"recordings/{digit}_{speaker}_{take}.wav"
            file.writestr(f"free-spoken-digit-dataset-1.0.10/{name}", wav.getvalue())
    return content.getvalue()


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serve a content as the archive, on this machine; count the requests."""
    folder = tmp_path / "served"
    folder.mkdir()
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            requests.append(self.path)

    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1.0.10.zip"
    monkeypatch.setattr(module, "URL", url)

    def serve_content(content):
        (folder / "v1.0.10.zip").write_bytes(content)
        return requests

    yield serve_content
    server.shutdown()
    server.server_close()


def assert_holds_the_sounds(X, y):
    found = zip(y.tolist(), X["speaker"], X["take"], strict=True)
    assert list(found) == sorted(SOUNDS)
    for (samples, rate), key in zip(X["audio"], sorted(SOUNDS), strict=True):
        np.testing.assert_array_equal(samples, SOUNDS[key])
        assert samples.dtype == np.int16
        assert rate == 8000


# ---- the real recordings ----


@pytest.fixture(scope="module")
def recordings():
    return fetch_spoken_digits(download_if_missing=False)


@needs_recordings
def test_there_are_fifty_takes_of_each_digit_by_each_of_six_speakers(recordings):
    X, y = recordings

    assert X.columns.tolist() == ["audio", "speaker", "take"]
    assert len(X) == 3000
    for _, rows in X.groupby(["speaker", y]):
        assert sorted(rows["take"]) == list(range(50))


@needs_recordings
def test_a_cell_is_the_sound_of_the_local_copy(recordings):
    X, y = recordings
    with np.load(find_in_homes(module.FILE_NAME)) as file:
        local = {name: file[name] for name in file.files}

    for row in (0, 1234, 2999):
        wanted = (y[row], X["speaker"][row], X["take"][row])
        i = np.flatnonzero(
            (local["label"] == wanted[0])
            & (local["speaker"] == wanted[1])
            & (local["take"] == wanted[2])
        ).item()
        samples, rate = X["audio"][row]
        start, stop = local["offsets"][i : i + 2]
        np.testing.assert_array_equal(samples, local["samples"][start:stop])
        assert rate == 8000


@needs_recordings
def test_one_changed_sample_is_noticed(recordings, tmp_path):
    with np.load(find_in_homes(module.FILE_NAME)) as file:
        local = {name: file[name] for name in file.files}
    local["samples"][5_000_000] += 1
    np.savez(tmp_path / module.FILE_NAME, **local)

    with pytest.raises(OSError, match="these are not the 3,000 recordings"):
        fetch_spoken_digits(data_home=tmp_path)


# ---- download ----


def test_what_is_missing_is_downloaded_and_kept(archive, serve, tmp_path):
    requests = serve(archive)
    home = tmp_path / "new" / "home"

    assert_holds_the_sounds(*fetch_spoken_digits(data_home=home, progress=False))
    assert_holds_the_sounds(*fetch_spoken_digits(data_home=home))

    assert requests == ["/v1.0.10.zip"]
    assert [path.name for path in home.iterdir()] == ["fsdd_8k.npz"]


def test_the_download_shows_a_bar_unless_told_not_to(archive, serve, tmp_path, capfd):
    serve(archive)

    fetch_spoken_digits(data_home=tmp_path / "quiet", progress=False)
    assert "100%" not in capfd.readouterr().err
    fetch_spoken_digits(data_home=tmp_path / "shown")
    shown = capfd.readouterr()
    assert "100%" in shown.err
    assert shown.out == ""


def test_another_archive_is_refused_and_not_kept(archive, serve, tmp_path, monkeypatch):
    serve(archive)
    monkeypatch.setattr(module, "CONTENT_SHA256", "0" * 64)

    message = f"found 4 with the SHA-256 {SOUNDS_SHA256}, expected 0000"
    with pytest.raises(OSError, match=message):
        fetch_spoken_digits(data_home=tmp_path / "home", progress=False)
    assert list((tmp_path / "home").iterdir()) == []


def test_a_broken_archive_is_refused_and_not_kept(archive, serve, tmp_path):
    serve(archive[: len(archive) // 2])

    with pytest.raises(OSError, match=r"http://127.* is not a zip archive of sounds"):
        fetch_spoken_digits(data_home=tmp_path / "home", progress=False)
    assert list((tmp_path / "home").iterdir()) == []


def test_without_a_network_the_error_says_what_to_fetch_and_where_to_put_it(
    tmp_path, monkeypatch
):
    url = "http://127.0.0.1:9/nothing.zip"
    monkeypatch.setattr(module, "URL", url)

    message = f"cannot be downloaded .*{url}.*{re.escape(str(tmp_path))}/fsdd_8k.npz"
    with pytest.raises(OSError, match=message):
        fetch_spoken_digits(data_home=tmp_path, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_downloaded_where_that_is_not_wanted(tmp_path):
    message = f"github.com/Jakobovski.*{re.escape(str(tmp_path))}/fsdd_8k.npz"
    with pytest.raises(OSError, match=message):
        fetch_spoken_digits(data_home=tmp_path, download_if_missing=False)


# ---- a local copy ----


def test_a_local_copy_in_any_order_is_read_sorted_and_without_a_network(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "CONTENT_SHA256", SOUNDS_SHA256)
    digits, speakers, takes = zip(*SOUNDS, strict=True)
    np.savez(
        tmp_path / "fsdd_8k.npz",
        samples=np.concatenate(list(SOUNDS.values())),
        offsets=np.array([0, 3, 5, 6, 10]),
        label=np.array(digits, dtype=np.int8),
        speaker=np.array(speakers),
        take=np.array(takes, dtype=np.int16),
    )

    assert_holds_the_sounds(
        *fetch_spoken_digits(data_home=tmp_path, download_if_missing=False)
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"no archive"])
def test_a_local_copy_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "fsdd_8k.npz").write_bytes(content)

    with pytest.raises(OSError, match=r"fsdd_8k\.npz cannot be read .* Delete it"):
        fetch_spoken_digits(data_home=tmp_path)
