"""The page in a real browser: what a person sees, clicks and types."""

import importlib.util
from pathlib import Path

import pytest

from streamllie.compare.report import compare
from tests.browser import CHROMIUM
from tests.compare.conftest import shot

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser():
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs playwright: pip install playwright")
    from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - not everybody has it

    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        except Error:
            pytest.skip("needs a browser: install chromium or Chrome, or run `playwright install chromium`")
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    dark = shot(folder / "night.mkv", lambda n: 0.1, cut=12)
    truth = shot(folder / "truth.mkv", lambda n: 1.0, cut=12)
    bright = shot(folder / "day.mkv", lambda n: 1 + 0.02 * (-1) ** n, cut=12)
    compare(dark, bright, folder / "report.html", reference=truth)
    return folder / "report.html"


@pytest.fixture
def page(browser, report, request):
    """The report in a window; asking for another address or a script that fails is a failure of the test."""
    options = getattr(request, "param", {})
    context = browser.new_context(viewport=options.get("viewport", WIDE), color_scheme=options.get("scheme", "light"))
    opened, wrong = context.new_page(), []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else wrong.append(asked.url))
    opened.goto(report.as_uri())
    yield opened
    context.close()
    assert wrong == []


def test_both_pictures_are_drawn_and_the_figures_are_there(page):
    for picture in ("#left", "#right"):
        assert page.eval_on_selector(picture, "image => image.complete && image.naturalWidth") == 64
    assert page.inner_text("#title") == "night.mkv → day.mkv"
    figures = page.inner_text("#figures")
    assert all(word in figures for word in ("Brightness", "Flicker", "PSNR", "Bit rate"))
    assert page.locator("#brightness path").count() >= 3
    assert page.is_hidden("#notes")


def test_of_one_frame_nothing_is_drawn_over_time(browser, tmp_path):
    still = shot(tmp_path / "still.mkv", lambda n: 0.5, frames=1)
    compare(still, still, tmp_path / "page.html", reference=still)
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert page.inner_text("#clock") == "0.00 s · frame 1 of 1"
    assert not any(page.is_visible(part) for part in ("#strip", "#brightness", "#flicker", "#psnr"))
    page.close()


def test_a_narrow_picture_has_its_labels_and_no_endless_strip(browser, tmp_path):
    tower = shot(tmp_path / "tower.mkv", lambda n: 0.5, height=640, width=16, frames=3)
    compare(tower, tower, tmp_path / "page.html")
    page = browser.new_page(viewport=WIDE)
    page.goto((tmp_path / "page.html").as_uri())
    assert page.locator("#strip").bounding_box()["height"] < 400
    for label in ("#left-name", "#right-name"):
        assert page.evaluate(
            "([name]) => { const box = document.querySelector(name).getBoundingClientRect();"
            "const seen = document.querySelector('.well').getBoundingClientRect();"
            "return box.left >= seen.left && box.right <= seen.right && box.bottom <= seen.bottom }",
            [label],
        )
    page.close()


def test_the_split_follows_the_pointer_and_the_keyboard(page):
    box = page.locator("#stage").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle)
    page.mouse.up()
    split = "stage => parseFloat(getComputedStyle(stage).getPropertyValue('--split'))"
    assert page.eval_on_selector("#stage", split) == pytest.approx(25, abs=3)
    page.focus("#split")
    page.keyboard.press("End")
    assert page.eval_on_selector("#stage", split) == 100
    page.keyboard.press("ArrowLeft")
    assert page.eval_on_selector("#stage", split) < 100


def test_frames_step_by_keys_buttons_strip_and_chart(page):
    page.keyboard.press(".")
    assert "frame 2 of 20" in page.inner_text("#clock")
    page.keyboard.press(",")
    page.click("#next")
    page.click("#next")
    assert "frame 3 of 20" in page.inner_text("#clock")
    page.focus("#seek")
    page.keyboard.press("End")
    assert "frame 20 of 20" in page.inner_text("#clock")
    page.locator("#strip button").nth(0).click()
    assert "frame 1 of 20" in page.inner_text("#clock")
    assert page.locator("#strip button").nth(0).get_attribute("aria-current") == "true"
    chart = page.locator("#brightness > svg")
    chart.click(position={"x": chart.bounding_box()["width"] - 12, "y": 60})
    assert "frame 20 of 20" in page.inner_text("#clock")


def test_space_plays_to_the_end_and_stops(page):
    page.keyboard.press(" ")
    page.get_by_text("frame 20 of 20").wait_for(timeout=10_000)
    page.get_by_role("button", name="Play", exact=True).wait_for(timeout=10_000)


def test_the_reference_can_be_put_on_the_right(page):
    page.get_by_role("radio", name="reference").check()
    assert page.inner_text("#right-name") == "reference"
    after, reference = page.evaluate("[shots[0].pictures[1], shots[0].pictures[2]]")
    assert page.get_attribute("#right", "src") == reference != after


def test_the_table_opens_and_has_every_frame(page):
    page.click("summary")
    assert page.locator(".frames tbody tr").count() == 20
    assert page.locator(".frames tbody tr.now").count() == 1


@pytest.mark.parametrize(
    "page",
    [{"viewport": size, "scheme": scheme} for size in (WIDE, NARROW) for scheme in ("light", "dark")],
    indirect=True,
    ids=["wide light", "wide dark", "narrow light", "narrow dark"],
)
def test_nothing_sticks_out_and_text_stands_out(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    contrasts = page.evaluate(CONTRASTS)
    assert min(contrasts.values()) >= 4.5, contrasts  # WCAG AA


def test_everything_that_can_be_used_has_a_name_and_is_reached_by_tab(page):
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, input')].filter("
        "e => !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim())).length"
    )
    assert nameless == 0
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"split", "back", "play", "next", "seek", "SUMMARY"} <= reached


CONTRASTS = """
() => {
  const linear = n => n <= .04045 ? n / 12.92 : ((n + .055) / 1.055) ** 2.4;
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(n => linear(n / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = node => {
    const colour = getComputedStyle(node).backgroundColor;
    return colour === 'rgba(0, 0, 0, 0)' ? ground(node.parentElement) : colour;
  };
  const contrast = selector => {
    const node = document.querySelector(selector);
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
    return (a + .05) / (b + .05);
  };
  const texts = ['h1', '#sub', '#clock', '#figures th', '#figures td', '#figures small', 'footer', '#strip span'];
  return Object.fromEntries([...texts, '.legend span'].map(selector => [selector, contrast(selector)]));
}
"""
