import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zipfile import ZipFile

import pytest

from sklearn_mm.readers import remote
from sklearn_mm.readers.locations import Places, find_file

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

CONTENT = b"content " * 1000
REMOTE = Places(remote=True, timeout=5.0)


class Handler(BaseHTTPRequestHandler):
    """Serves content, too slowly, without end, or not at all."""

    def do_GET(self):
        self.server.n_requests += 1
        if self.path == "/lost":
            return self.send_error(404)
        self.send_response(200)
        if self.path == "/content":
            self.send_header("Content-Length", str(len(CONTENT)))
        elif self.path == "/huge":
            self.send_header("Content-Length", str(10**12))
        self.end_headers()
        try:
            if self.path == "/content":
                self.wfile.write(CONTENT)
            elif self.path == "/slow":
                for _ in range(50):
                    self.wfile.write(b"x")
                    time.sleep(0.1)
            else:
                while True:
                    self.wfile.write(CONTENT)
        except OSError:
            pass  # the other side has gone

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.n_requests = True, 0
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def test_a_url_is_refused_unless_asked_for(server):
    with pytest.raises(ValueError, match=r"the URL .*remote=True reads URLs"):
        find_file(f"{server.url}/content")
    assert not server.n_requests


def test_a_url_is_read(server):
    file = find_file(f"{server.url}/content", REMOTE)
    assert file.content == CONTENT
    assert file.name == f"'{server.url}/content'"


def test_a_server_that_is_too_slow_is_given_up(server):
    with pytest.raises(ValueError, match="longer than timeout=0.3 s"):
        find_file(f"{server.url}/slow", Places(remote=True, timeout=0.3))


@pytest.mark.parametrize("name", ["endless", "huge"])
def test_a_server_that_sends_too_much_is_given_up(server, name):
    with pytest.raises(ValueError, match="above the limit max_bytes=20000"):
        find_file(f"{server.url}/{name}", Places(remote=True, max_bytes=20_000))


def test_a_lost_url_is_named(server):
    with pytest.raises(ValueError, match="cannot fetch 'http://.*/lost'"):
        find_file(f"{server.url}/lost", REMOTE)


def test_only_schemes_that_are_named_are_read(server):
    fsspec.filesystem("memory").pipe("/places/a", CONTENT)
    places = Places(remote=("memory",))
    assert find_file("memory://places/a", places).content == CONTENT
    with pytest.raises(ValueError, match=r"the URL .* and remote=\('memory',\)"):
        find_file(f"{server.url}/content", places)


def test_every_scheme_of_a_chain_must_be_named(tmp_path):
    with pytest.raises(ValueError, match="and remote="):
        find_file("zip://a::memory://b.zip", Places(remote=("zip",)))


def test_a_file_in_an_archive_is_read(tmp_path):
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/a.bin", CONTENT)
    url = f"zip://in/a.bin::{tmp_path / 'a.zip'}"
    assert find_file(url, REMOTE).content == CONTENT
    places = Places(root=f"zip://in::{tmp_path / 'a.zip'}", remote=True)
    assert find_file("a.bin", places).content == CONTENT


def test_what_an_archive_unpacks_is_limited(tmp_path):
    with ZipFile(tmp_path / "a.zip", "w", 8) as archive:
        archive.writestr("bomb", bytes(10**7))
    places = Places(remote=True, max_bytes=10**6)
    with pytest.raises(ValueError, match="above the limit"):
        find_file(f"zip://bomb::{tmp_path / 'a.zip'}", places)


def test_an_empty_file_is_refused():
    fsspec.filesystem("memory").pipe("/places/empty", b"")
    with pytest.raises(ValueError, match="it is empty"):
        find_file("memory://places/empty", REMOTE)


def test_a_scheme_that_needs_another_library_says_so():
    with pytest.raises(ValueError, match="cannot fetch 'nosuch://a'.*nosuch"):
        find_file("nosuch://a", REMOTE)


def test_without_fsspec_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-mm\[remote\]'"):
        Places(remote=True).check()


def test_what_is_kept_is_read_once_and_never_again(server):
    url = f"{server.url}/content"
    remote.fetch(url, 5.0, None, keep=True)
    before = server.n_requests
    assert remote.fetch(url, 5.0, None) == CONTENT
    assert server.n_requests == before
    remote.fetch(url, 5.0, None)
    assert server.n_requests > before
