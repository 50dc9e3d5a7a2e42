"""The loop: order, count, errors of each stage, and that both threads end."""

import threading
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from streamllie.frame import Frame
from streamllie.pipeline import run

pytestmark = pytest.mark.usefixtures("no_thread_stays")


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def write(self, frame: Frame) -> None:
        self.frames.append(frame)


class Full:
    """A sink on a full disk."""

    def write(self, frame: Frame) -> None:
        raise OSError(28, "No space left on device")


def frames(count: int) -> Iterator[Frame]:
    grey = np.full((2, 2), 128, np.uint8)
    for n in range(count):
        yield Frame(y=np.full((4, 4), n % 200, np.uint8), u=grey, v=grey, pts=n * n, time_base=Fraction(1, 1000))


def brighter(frame: Frame) -> Frame:
    return frame.with_planes(frame.y + 10, frame.u, frame.v)


def test_every_frame_is_written_once_in_order_with_its_own_time():
    sink = Kept()
    meter = run(frames(50), brighter, sink)
    assert meter.frames == 50
    assert [frame.pts for frame in sink.frames] == [n * n for n in range(50)]
    assert [int(frame.y[0, 0]) for frame in sink.frames] == [n + 10 for n in range(50)]


def test_a_source_without_frames_ends_at_once():
    assert run(frames(0), brighter, Kept()).frames == 0


def test_progress_is_told_in_the_thread_of_the_caller():
    seen = []
    run(frames(3), brighter, Kept(), on_frame=lambda m: seen.append((m.frames, threading.current_thread())))
    assert seen == [(n, threading.current_thread()) for n in (1, 2, 3)]


def test_an_error_in_the_source_reaches_the_caller_after_the_frames_before_it():
    def torn():
        yield from frames(4)
        raise OSError("the file ends here")

    sink = Kept()
    with pytest.raises(OSError, match="ends here"):
        run(torn(), brighter, sink)
    assert len(sink.frames) == 4


def test_an_error_in_the_engine_reaches_the_caller_and_no_thread_stays():
    def broken(frame: Frame) -> Frame:
        if frame.pts == 9:
            raise RuntimeError("out of memory")
        return frame

    sink = Kept()
    with pytest.raises(RuntimeError, match="out of memory"):
        run(frames(10_000), broken, sink)
    assert len(sink.frames) == 3


def test_an_error_in_the_sink_reaches_the_caller_and_no_thread_stays():
    with pytest.raises(OSError, match="No space left"):
        run(frames(10_000), brighter, Full())


def test_an_interrupt_while_writing_ends_both_threads():
    def interrupt(meter):
        if meter.frames == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(frames(10_000), brighter, Kept(), on_frame=interrupt)


def test_the_three_stages_work_at_the_same_time():
    """Each waits until all three are at work: one after the other, they would wait for ever."""
    together = threading.Barrier(3, timeout=10)

    def source() -> Iterator[Frame]:
        for n, frame in enumerate(frames(20)):
            if n == 2:
                together.wait()
            yield frame

    def engine(frame: Frame) -> Frame:
        if frame.pts == 1:
            together.wait()
        return frame

    class Sunk(Kept):
        def write(self, frame: Frame) -> None:
            if frame.pts == 0:
                together.wait()
            super().write(frame)

    assert run(source(), engine, Sunk()).frames == 20


class Started:
    """An Enhance that works ahead, and notes in which order it was asked."""

    def __init__(self, in_flight: int) -> None:
        self.in_flight = in_flight
        self.waiting, self.most, self.said = 0, 0, []

    def __call__(self, frame: Frame) -> Frame:
        return self.start(frame)()

    def start(self, frame: Frame):
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        self.said.append(("start", frame.pts))

        def take() -> Frame:
            self.waiting -= 1
            self.said.append(("take", frame.pts))
            return brighter(frame)

        return take


@pytest.mark.parametrize("in_flight", [1, 2, 3])
def test_frames_in_flight_come_out_in_order_and_none_is_left(in_flight):
    sink, enhance = Kept(), Started(in_flight)
    run(frames(20), enhance, sink)
    assert [frame.pts for frame in sink.frames] == [n * n for n in range(20)]
    assert (enhance.waiting, enhance.most) == (0, in_flight)
    assert [pts for what, pts in enhance.said if what == "take"] == [n * n for n in range(20)]


def test_an_engine_that_takes_over_with_more_in_flight_loses_no_frame():
    sink, enhance = Kept(), Started(1)

    def source() -> Iterator[Frame]:
        for n, frame in enumerate(frames(20)):
            enhance.in_flight = 1 if n < 10 else 2
            yield frame

    run(source(), enhance, sink)
    assert [frame.pts for frame in sink.frames] == [n * n for n in range(20)]
