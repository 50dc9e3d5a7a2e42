"""The page in a real browser: a camera comes back bright, and every control works."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

pytest.importorskip("aiortc", reason="the extra [live] is not installed")

from tests.browser import CHROMIUM
from tests.media import make_video, picture

NONE = "\N{EN DASH}"  # what the page shows before there is a figure
LIGHT = """() => {
  const canvas = document.createElement('canvas'); canvas.width = 64; canvas.height = 48;
  const pen = canvas.getContext('2d'); pen.drawImage(document.getElementById('video'), 0, 0, 64, 48);
  const side = (x) => { const d = pen.getImageData(x, 0, 32, 48).data; let s = 0;
    for (let i = 0; i < d.length; i += 4) s += (d[i] + d[i + 1] + d[i + 2]) / 3; return s / (d.length / 4); };
  return [side(0), side(32)]; }"""


@contextmanager
def browser(source: str | None, *options: str, camera: str):
    """A page of `streamllie serve` in headless Chromium, whose camera plays a file."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    command = [sys.executable, "-m", "streamllie", "serve", *([source] if source else []), "--port", "0", "--json"]
    command += ["--always", "--budget", "1000", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = json.loads(server.stdout.readline())["address"]
            with sync_api.sync_playwright() as play:
                fake = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
                arguments = ["--no-sandbox", *fake, f"--use-file-for-fake-video-capture={camera}"]
                chromium = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
                page = chromium.new_page(viewport={"width": 1000, "height": 900})
                page.errors = []
                page.on("pageerror", lambda error: page.errors.append(str(error)))
                page.goto(address)
                yield page
                chromium.close()
        finally:
            server.terminate()
            assert server.wait(10) == 130


def wait_for(page, condition, what: str, seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"{what}: {page.inner_text('main')} {page.errors}"
        page.wait_for_timeout(200)


@pytest.mark.slow
def test_a_visitors_dark_camera_comes_back_bright_and_every_control_works(tmp_path):
    clip = make_video(
        tmp_path / "dark.y4m", codec="wrapped_avframe", muxer="yuv4mpegpipe", height=240, width=320, frames=60, rate=30
    )
    with browser(None, camera=str(clip)) as page:
        light = lambda: page.evaluate(LIGHT)  # noqa: E731
        page.click("#camera")
        wait_for(page, lambda: page.evaluate("document.getElementById('video').videoWidth") > 0, "a picture")
        wait_for(page, lambda: float(page.inner_text("#fps").replace(NONE, "0")) > 1, "figures")
        wait_for(page, lambda: sum(light()) > 0, "a picture that is shown")
        bright = sum(light())
        page.uncheck("#enabled")
        wait_for(page, lambda: sum(light()) < bright / 1.5, "a dark picture")
        dark = sum(light())
        page.check("#enabled")
        wait_for(page, lambda: sum(light()) > 1.5 * dark, "a bright picture")
        bright = sum(light())
        page.fill("#strength", "0.3")
        wait_for(page, lambda: sum(light()) < dark + 0.7 * (bright - dark), "less strength")
        page.fill("#strength", "1")
        assert page.inner_text("#strength-value") == "1.00"
        page.check("#compare")
        wait_for(page, lambda: light()[1] - light()[0] > 0.3 * (bright - dark), "a split")
        box = page.locator("#line").bounding_box()
        page.mouse.move(box["x"] + 12, 300)
        page.mouse.down()
        page.mouse.move(box["x"] - 150, 300, steps=5)
        page.mouse.up()
        assert page.locator("#line").bounding_box()["x"] < box["x"] - 100
        first = page.inner_text("#dropped")
        wait_for(page, lambda: page.inner_text("#dropped") != first, "new figures")
        assert page.errors == []


@pytest.mark.slow
def test_the_servers_own_source_is_shown_without_a_click(tmp_path):
    clip = make_video(tmp_path / "night.mp4", height=240, width=320, frames=60, rate=30)
    with browser(str(clip), camera=str(clip)) as page:
        wait_for(page, lambda: page.evaluate("document.getElementById('video').videoWidth") == 320, "a picture")
        wait_for(page, lambda: page.inner_text("#backend") not in (NONE, ""), "figures")
        assert page.errors == []


REFUSE_LATE = """
void (navigator.mediaDevices.getUserMedia = () =>
    new Promise((_, refuse) => setTimeout(() => refuse(new DOMException("no", "NotAllowedError")), 1500)))
"""


@pytest.mark.slow
def test_a_question_that_is_answered_too_late_does_not_end_what_was_chosen_meanwhile(tmp_path):
    clip = make_video(tmp_path / "night.mp4", height=240, width=320, frames=60, rate=30)
    with browser(str(clip), camera=str(clip)) as page:
        page.evaluate(REFUSE_LATE)
        page.click("#camera")
        page.click("#source")
        wait_for(page, lambda: page.evaluate("document.getElementById('video').videoWidth") == 320, "a picture")
        page.wait_for_timeout(2500)
        assert page.evaluate("document.getElementById('video').videoWidth") == 320
        assert "not allowed" not in page.inner_text("main")
        page.click("#camera")
        wait_for(page, lambda: "not allowed" in page.inner_text("main"), "the answer")


@pytest.mark.slow
def test_the_page_begins_with_the_controls_that_the_server_was_given_and_full_levels_stay_what_they_are(tmp_path):
    clip = make_video(
        tmp_path / "full.mkv", codec="mjpeg", layout="yuvj420p", height=240, width=320, frames=60, rate=30,
        tags={"color_range": 2},
    )  # fmt: skip
    with browser(str(clip), "--strength", "0", "--smoothing", "0.2", camera=str(clip)) as page:
        wait_for(page, lambda: page.evaluate("document.getElementById('video').videoWidth") == 320, "a picture")
        wait_for(page, lambda: page.inner_text("#backend") not in (NONE, ""), "figures")
        assert (page.input_value("#strength"), page.inner_text("#smoothing-value")) == ("0", "0.20")
        assert page.is_checked("#always")
        assert not page.is_checked("#compare")
        wait_for(page, lambda: sum(page.evaluate(LIGHT)) > 0, "a picture that is shown")
        page.wait_for_timeout(1500)
        shown = sum(page.evaluate(LIGHT)) / 2
        assert abs(shown - picture(0, height=240, width=320)[0].mean()) < 8, "levels were taken for limited ones"
        page.fill("#strength", "1")
        wait_for(page, lambda: sum(page.evaluate(LIGHT)) / 2 > 1.5 * shown, "a bright picture")
        assert page.errors == []
