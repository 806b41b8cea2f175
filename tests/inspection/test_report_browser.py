"""A report in a browser: it renders, plays, fits a phone and is readable in the dark.

The page runs no script of its own, so it stands in a frame of a page that looks at it,
and sends what it finds to a server of the test: however slow the machine, it is waited
for, where a browser that is given a budget of virtual time stops before it is done.
"""

import html
import json
import queue
import shutil
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason=f"none of the browsers {BROWSERS} is installed"
)

SECONDS = 120  # for a browser to start, look and answer

# Looks at the framed page when it is loaded, and sends what it finds as JSON.
LOOK = """
const ready = (audio) => new Promise((resolve) => {
  audio.onloadedmetadata = () => resolve(audio.duration);
  audio.onerror = () => resolve(audio.error.message);
  audio.load();
});
const decode = async (audio) => {
  const file = await (await fetch(audio.src)).arrayBuffer();
  const sound = await new OfflineAudioContext(1, 1, 8000).decodeAudioData(file);
  return [sound.sampleRate, sound.length, sound.getChannelData(0)[100]];
};
// Of colours as browsers compute them, over the first ground that is not transparent.
const ground = (element) => {
  const colour = getComputedStyle(element).backgroundColor;
  const clear = colour === "rgba(0, 0, 0, 0)" && element.parentElement;
  return clear ? ground(element.parentElement) : colour;
};
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[0-9.]+/g).map((part) => part / 255).map(
    (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (element) => {
  const [low, high] = [getComputedStyle(element).color, ground(element)]
    .map(luminance).sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const frame = document.querySelector("iframe");
const look = async () => {
  const page = frame.contentDocument, clips = [...page.querySelectorAll("audio")];
  const tags = "h1, h2, h4, p, dt, dd, td, th, small, a, label";
  const texts = [...page.querySelectorAll(tags)]
    .filter((element) => element.innerText && element.checkVisibility());
  return {
    title: page.title,
    hacked: document.title,
    width: frame.contentWindow.innerWidth,
    needed: page.documentElement.scrollWidth,
    broken: [...page.images].filter((image) => !image.naturalWidth).length,
    images: page.images.length,
    ground: luminance(getComputedStyle(page.body).backgroundColor),
    contrasts: texts.map((text) => [text.innerText.slice(0, 40), contrast(text)]),
    durations: await Promise.all(clips.map(ready)),
    sounds: await Promise.all(clips.map(decode)),
  };
};
const send = (found) => fetch("/", {method: "POST", body: JSON.stringify(found)});
frame.onload = () => look().catch((error) => ({error: error.stack})).then(send);
"""


def browser_command(folder, *options):
    """Put the command together; its errors and its console go to stderr."""
    return [
        BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu",
        "--hide-scrollbars", f"--user-data-dir={folder / 'profile'}",
        "--enable-logging=stderr", "--v=0", *options,
    ]  # fmt: skip


@contextmanager
def serve(page):
    """Serve a page on loopback: its address, and a queue of what is sent back."""
    answers = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            is_page = self.path == "/"
            self.answer(200 if is_page else 404, page if is_page else b"")

        def do_POST(self):
            answers.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(200, b"")

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", answers
        finally:
            server.shutdown()
            thread.join()


def close(browser):
    """Let the browser write what is left, and end it if it does not end."""
    browser.terminate()
    try:
        browser.wait(SECONDS)
    except subprocess.TimeoutExpired:
        browser.kill()


def look_at(path, folder, *, width, dark=False):
    """Open a page in a frame: what is found there, and the lines of its console."""
    source = html.escape(path.read_text(encoding="utf-8"), quote=True)
    page = (
        '<!doctype html><meta charset="utf-8"><title>frame</title>'
        '<link rel="icon" href="data:,">'
        '<meta name="color-scheme" content="light dark">'
        f'<iframe width="{width}" height="900" srcdoc="{source}"></iframe>'
        f"<script>{LOOK}</script>"
    )
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    log = folder / "log"
    with serve(page.encode()) as (address, answers), log.open("w") as errors:
        command = browser_command(folder, scheme, address)
        with subprocess.Popen(command, stderr=errors) as browser:
            try:
                found = json.loads(answers.get(timeout=SECONDS))
            except queue.Empty:
                pytest.fail(f"no answer in {SECONDS} s: {log.read_text()[-2000:]}")
            finally:
                close(browser)
    assert "error" not in found, found["error"]
    return found, [line for line in log.read_text().splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="module")
def phone(report_path, tmp_path_factory):
    return look_at(report_path, tmp_path_factory.mktemp("phone"), width=375)


@pytest.fixture(scope="module")
def dark(report_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dark")
    return look_at(report_path, folder, width=1200, dark=True)


def test_the_page_loads_without_a_word_in_the_console(phone):
    found, console = phone
    assert console == []
    assert found["title"] == "<script>document.title = 'hacked'</script> & co"
    assert found["hacked"] == "frame"


def test_every_image_can_be_drawn(phone):
    found, _ = phone
    assert found["images"] > 15
    assert found["broken"] == 0


def test_every_clip_can_be_played(phone, page):
    found, _ = phone
    assert len(found["durations"]) == len(page.all("audio")) > 3
    assert found["durations"] == pytest.approx([0.25] * len(found["durations"]))


def test_the_browser_hears_the_samples_of_the_cells(phone, subject):
    found, _ = phone
    _, X, _ = subject
    cells = [cell[0][100] for cell in X["audio"] if cell is not None]
    for rate, length, sample in found["sounds"]:
        assert (rate, length) == (8000, 2000)
        assert np.abs(np.subtract(cells, sample)).min() < 1e-4


def test_nothing_is_wider_than_a_phone(phone):
    found, _ = phone
    assert found["width"] == 375
    assert found["needed"] <= 375


@pytest.mark.parametrize("scheme", ["phone", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(scheme, request):
    found, _ = request.getfixturevalue(scheme)
    assert (found["ground"] < 0.05) == (scheme == "dark")
    assert len(found["contrasts"]) > 50
    faint = [(text, ratio) for text, ratio in found["contrasts"] if ratio < 4.5]
    assert faint == []


def test_the_page_is_drawn(report_path, tmp_path):
    picture = tmp_path / "page.png"
    options = ["--window-size=1280,2000", f"--screenshot={picture}"]
    command = browser_command(tmp_path, *options, report_path.as_uri())
    subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
    pixels = np.asarray(Image.open(picture).convert("L"))
    assert pixels.shape == (2000, 1280)
    # Text and plots all the way down, on a light ground.
    assert all(band.std() > 5 for band in np.array_split(pixels, 10))
    assert np.median(pixels) > 200
