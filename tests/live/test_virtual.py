"""The virtual camera, with a stand-in for the device: the size it takes, its levels, and who reads it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("pyvirtualcam", reason="the extra [live] is not installed")

import pyvirtualcam

from streamllie.frame import Frame, VideoFormat
from streamllie.live.session import Live
from streamllie.live.stage import Controls, Shown
from streamllie.live.virtual import GRACE, LOOK, VirtualCamera
from streamllie.live.webcam import _while_read
from streamllie.video.inputs import resolve
from tests.media import make_video
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("opens_fast")

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells who reads")


class Device:
    """What pyvirtualcam opens: a file takes the place of /dev/videoN."""

    path: Path

    def __init__(self, width: int, height: int, fps: float, *, fmt: object) -> None:
        assert fmt is pyvirtualcam.PixelFormat.I420
        self.width, self.height, self.fps, self.device = width, height, fps, str(self.path)
        self.sent: list[np.ndarray] = []
        self.closed = False

    def send(self, frame: np.ndarray) -> None:
        assert (frame.shape, frame.dtype) == ((self.height * self.width * 3 // 2,), np.uint8)
        self.sent.append(frame)

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def device(monkeypatch, tmp_path) -> Path:
    Device.path = tmp_path / "video0"
    Device.path.touch()
    monkeypatch.setattr(pyvirtualcam, "Camera", Device)
    return Device.path


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """Time that stands still; `now` moves it."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr("streamllie.live.virtual.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@contextmanager
def reader(device: Path) -> Iterator[None]:
    """A program that has the device open."""
    code = f"f = open({str(device)!r}); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as program:
        program.stdout.readline()
        yield
        program.communicate("\n")


def shown(value: int, **format) -> Shown:
    format = VideoFormat(**{"height": 48, "width": 64} | format)
    half = np.full(((format.height + 1) // 2, (format.width + 1) // 2), format.levels.neutral)
    y, u, v = (
        part.astype(np.uint8 if format.depth == 8 else np.uint16)
        for part in (np.full((format.height, format.width), value), half, half)
    )
    frame = Frame(y=y, u=u, v=v, pts=0, time_base=Fraction(1, 30))
    return Shown(before=frame, after=frame, format=format, captured=0.0, work=0.0, mode="full", backend="openvino")


def test_it_has_the_even_size_of_the_first_picture_and_others_are_made_to_fit():
    with VirtualCamera(None) as camera:
        camera.show(shown(180, height=49, width=65))
        camera.show(shown(180, height=96, width=96))
        opened = camera._camera
        assert (opened.height, opened.width, opened.fps) == (48, 64, 30.0)
        assert [frame.size for frame in opened.sent] == 2 * [48 * 64 * 3 // 2]
        square = opened.sent[1][: 48 * 64].reshape(48, 64)
        assert (square[:, :6].max(), square[:, 10:-10].min()) == (16, 180), "a square stands between black bars"
    assert opened.closed


@pytest.mark.parametrize(
    "given", [shown(235), shown(255, full_range=True), shown(940, depth=10), shown(1023, depth=10, full_range=True)]
)
def test_white_is_white_in_limited_levels_of_8_bits(given):
    with VirtualCamera(25.0) as camera:
        camera.show(given)
        (sent,) = camera._camera.sent
        assert camera._camera.fps == 25.0
    assert set(sent[: 48 * 64]) == {235}
    assert set(sent[48 * 64 :]) == {128}


@linux
def test_it_is_unread_when_no_program_has_had_it_open_for_a_while(device, clock):
    with VirtualCamera(None) as camera:
        clock.now += 100
        assert camera.tick(), "before the first picture nobody can"
        camera.show(shown(180))
        assert camera.tick(), "an engine that opens slowly must not use up the readers' time"
        clock.now += GRACE - 0.1
        assert camera.tick()
        clock.now += 0.2
        assert not camera.tick()
        with reader(device):
            assert not camera.tick(), "it has looked just now"
            clock.now += LOOK
            assert camera.tick()
            assert camera.tick(None)
        clock.now += GRACE - 0.1
        assert camera.tick()
        clock.now += LOOK
        assert not camera.tick(None)


def test_where_the_system_does_not_tell_it_is_taken_for_read(clock, monkeypatch):
    monkeypatch.setattr("streamllie.live.virtual.sys", SimpleNamespace(platform="darwin"))
    with VirtualCamera(None) as camera:
        camera.show(shown(180))
        clock.now += 100
        assert camera.tick()


@linux
def test_the_source_is_let_go_while_no_program_reads_and_opened_again_for_the_next_one(device, monkeypatch, tmp_path):
    class SeenAgain(Exception):
        pass

    clip = make_video(tmp_path / "night.mp4", frames=30, rate=30)
    monkeypatch.setattr("streamllie.live.virtual.LOOK", 0.0)
    monkeypatch.setattr("streamllie.live.virtual.GRACE", 0.1)
    begun: list[Live] = []
    over = threading.Event()

    def begin(duration: float | None, *, known: bool) -> Live:
        assert known == bool(begun)
        begun.append(
            Live(resolve(str(clip)), controls=Controls(enabled=False), backend="onnxruntime", duration=duration)
        )
        return begun[-1]

    def see(picture: Shown) -> None:
        if len(begun) == 2:
            raise SeenAgain

    def read_once_it_is_let_go() -> None:
        until(lambda: begun and begun[0].stop.is_set, 60, "letting go")
        with reader(device):
            over.wait(60)

    program = threading.Thread(target=read_once_it_is_let_go)
    program.start()
    with VirtualCamera(None) as camera, pytest.raises(SeenAgain):
        _while_read(begin, camera, duration=None, on_stats=lambda stats: None, also=[see])
    over.set()
    program.join()
