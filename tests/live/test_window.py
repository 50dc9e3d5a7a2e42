"""The window under a virtual display: the picture, every key, the sliders, the split, and nobody who sees it."""

from fractions import Fraction

import av
import numpy as np
import pytest

pygame = pytest.importorskip("pygame", reason="the extra [live] is not installed")

from streamllie.errors import SinkError  # noqa: E402
from streamllie.frame import Frame, VideoFormat  # noqa: E402
from streamllie.live.recordings import Recordings  # noqa: E402
from streamllie.live.stage import Controls, Shown  # noqa: E402
from streamllie.live.stats import Stats  # noqa: E402
from streamllie.live.window import Window  # noqa: E402
from tests.waiting import until  # noqa: E402

FORMAT = VideoFormat(height=240, width=640)
STATS = Stats(fps=30, p50_ms=12, p99_ms=20, dropped=3, frames=100, mode="half", size="640x240", backend="openvino bf16")


def shown(*, before: int = 40, after: int = 180, at: float = 1.0) -> Shown:
    def flat(value: int) -> Frame:
        half = np.full((120, 320), 128, np.uint8)
        y = np.full((240, 640), value, np.uint8)
        return Frame(y=y, u=half, v=half, pts=0, time_base=Fraction(1, 30))

    return Shown(
        before=flat(before), after=flat(after), format=FORMAT, captured=at, work=0.01, mode="full", backend="openvino"
    )


@pytest.fixture
def window(display, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    controls = Controls()
    with Recordings(None) as recordings, Window(controls, recordings) as window:
        window.controls, window.recordings = controls, recordings
        window.show(shown())
        window.tick(None)
        yield window


def press(window: Window, key: int) -> bool:
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))
    return window.tick(None)


def mouse(window: Window, *places: tuple[int, int]) -> None:
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=places[0]))
    for place in places[1:]:
        pygame.event.post(pygame.event.Event(pygame.MOUSEMOTION, pos=place, rel=(0, 0), buttons=(1, 0, 0)))
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONUP, button=1, pos=places[-1]))
    window.tick(None)


def light_at(x: int, y: int) -> int:
    return pygame.display.get_surface().get_at((x, y))[0]


def test_the_enhanced_picture_is_on_the_screen_itself(window, display):
    """As another program sees it: grabbed from the X server."""

    def bright() -> bool:
        with av.open(display, format="x11grab", options={"video_size": "1000x700", "framerate": "5"}) as screen:
            grey = next(screen.decode(video=0)).to_ndarray(format="gray")
        return (np.abs(grey.astype(int) - 191) < 8).sum() > 640 * 100  # luma 180 of video levels

    until(bright, what="a bright picture")


def test_space_switches_the_effect_off_and_on(window):
    assert press(window, pygame.K_SPACE)
    assert not window.controls.enabled
    press(window, pygame.K_SPACE)
    assert window.controls.enabled


def test_s_splits_the_picture_and_the_mouse_drags_the_line(window):
    press(window, pygame.K_s)
    window.show(shown())
    assert light_at(100, 60) < 60
    assert light_at(540, 60) > 150
    mouse(window, (322, 100), (400, 100), (480, 100))
    assert window.controls.split == 0.75
    window.show(shown())
    assert light_at(440, 60) < 60
    mouse(window, (100, 100), (200, 100))
    assert window.controls.split == 0.75, "only the line can be dragged"
    press(window, pygame.K_s)
    window.show(shown())
    assert light_at(100, 60) > 150


def test_m_mirrors_and_h_hides_what_is_drawn_over_the_picture(window):
    press(window, pygame.K_m)
    assert window.controls.mirror
    window.show(shown())
    assert light_at(5, 230) < 120  # the panel
    press(window, pygame.K_h)
    window.show(shown())
    assert light_at(5, 230) > 150


def test_the_sliders_set_strength_and_smoothing(window):
    window.tick(STATS)
    window.show(shown())
    strength, smoothing = (slider.track for slider in window._overlay.sliders)
    mouse(window, strength.center, (strength.left, strength.centery))
    mouse(window, smoothing.center, (smoothing.right + 90, smoothing.centery))
    assert (window.controls.strength, window.controls.smoothing) == (0.0, 1.0)


def test_figures_are_drawn(window):
    window.show(shown())
    before = pygame.surfarray.array3d(pygame.display.get_surface()).copy()
    window.tick(STATS)
    window.show(shown())
    after = pygame.surfarray.array3d(pygame.display.get_surface())
    changed = np.abs(before.astype(int) - after).max(2) > 60
    assert changed[:400, 150:].sum() > 200  # letters in the panel
    assert not changed[:, :140].any()


def test_r_records_what_is_shown_and_r_again_completes_the_file(window, tmp_path):
    press(window, pygame.K_r)
    assert window.recordings.on
    for n in range(14):  # as many as may wait for an encoder that has not begun
        window.recordings.show(shown(at=1 + n / 30))
    press(window, pygame.K_r)
    assert not window.recordings.on
    (file,) = tmp_path.glob("streamllie-*.mp4")
    with av.open(str(file)) as container:
        frames = list(container.decode(video=0))
    assert frames[0].width == 640
    assert [frame.time for frame in frames] == pytest.approx([n / 30 for n in range(14)], abs=0.001)
    assert abs(frames[0].to_ndarray(format="yuv420p")[:240].mean() - 180) < 3


def test_p_keeps_a_picture(window, tmp_path):
    press(window, pygame.K_p)
    (file,) = tmp_path.glob("streamllie-*.png")
    with av.open(str(file)) as container:
        rgb = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert rgb.shape == (240, 640, 3)
    assert abs(rgb.mean() - 191) < 3
    press(window, pygame.K_p)
    assert len(list(tmp_path.glob("*.png"))) == 2, "a second one does not replace the first"


def test_what_was_said_of_a_picture_goes_after_a_while(window, monkeypatch):
    press(window, pygame.K_h)  # nothing else lies over the picture
    press(window, pygame.K_h)
    window.show(shown())
    before = pygame.surfarray.array3d(pygame.display.get_surface())
    press(window, pygame.K_p)
    window.show(shown())
    said = pygame.surfarray.array3d(pygame.display.get_surface())
    assert (before != said).any()
    monkeypatch.setattr("streamllie.live.window.time.monotonic", lambda: float("inf"))
    window.tick(None)
    window.show(shown())
    assert (pygame.surfarray.array3d(pygame.display.get_surface()) == before).all()


@pytest.mark.parametrize("key", [pygame.K_q, pygame.K_ESCAPE])
def test_q_and_escape_leave(window, key):
    assert not press(window, key)


def test_a_window_that_is_closed_ends_the_run(window):
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    assert not window.tick(None)


def test_without_a_screen_the_error_names_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(SinkError, match="--view none or --view browser"):
        Window(Controls(), Recordings(None)).__enter__()
