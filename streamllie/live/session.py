"""A live run: frames come in, the newest is enhanced, the newest of those is shown, and everything is counted."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from streamllie.ahead import Ahead, Stop
from streamllie.defaults import BUDGET, MODEL
from streamllie.enhance import check_strength
from streamllie.live.lasting import Lasting
from streamllie.live.pace import Pace
from streamllie.live.stage import Controls, Shown, Stage
from streamllie.live.stats import Stats, Tally, milliseconds
from streamllie.shelf import find
from streamllie.temporal.policy import Smoothing
from streamllie.video.capture import Listener
from streamllie.video.inputs import Input
from streamllie.video.liveframes import Shot

NEAR = 0.25  # seconds before the end in which a picture's own time decides whether it is past it
POLL = 0.1  # seconds after which a view hears that nothing new came, and can look after its window


class Feed(Protocol):
    """Where frames come from, without an end; a Lasting is one. Iterating stops when the run's Stop is set."""

    frames: int  # that came
    notice: str | None  # a sentence while nothing comes

    def __iter__(self) -> Iterator[Shot]: ...


class Live:
    """Frames of a live source, enhanced: a context manager; iterate once.

    Reading is one thread, enhancing another, showing the caller's own; each hand-over holds one frame, and a
    newer one takes its place. Iterating gives what to show next, or None when nothing new came for POLL
    seconds. Tell `shown` when a frame has been shown: that moment ends its latency.

        with Live(resolve("0")) as live:
            for picture in live:
                if picture is not None:
                    show(picture.after)
                    live.shown(picture)
    """

    def __init__(
        self,
        source: "Input | Feed",
        *,
        model: str | Path = MODEL,
        backend: str = "auto",
        precision: str = "auto",
        controls: Controls | None = None,
        budget: float = BUDGET,
        hold: bool = True,
        repeat: bool = True,
        known: bool = False,
        duration: float | None = None,
        listener: Listener | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.controls = controls or Controls()
        check_strength(self.controls.strength)
        Smoothing(self.controls.smoothing)  # refuses what is out of range
        self.stop = stop or Stop()
        self.source: Feed = (
            Lasting(
                source,
                stop=self.stop,
                hold=hold,
                repeat=repeat,
                known=known,
                listener=listener,
                ready=lambda: self._begun,
            )
            if isinstance(source, Input)
            else source
        )
        self.pace = Pace(budget=budget)
        self.tally = Tally()
        waits = isinstance(source, Input) and source.at_its_pace
        self._stage = Stage(find(model), self.controls, self.pace, backend=backend, precision=precision, waits=waits)
        self._duration, self._end = duration, float("inf")  # the time begins with the first frame
        self._threads = ExitStack()
        self._last: Shown | None = None
        self._begun = False
        self._dropped_before = 0
        self._before_first = 0  # frames that came while the first engine was opened
        self._first, self._first_time = 0.0, Fraction(0)  # when it was captured, and its own time

    def __enter__(self) -> Self:
        self._read = self._threads.enter_context(Ahead(self.source, newest=True, stop=self.stop))
        stage = self._stage.of(self._read)
        self._enhanced = self._threads.enter_context(Ahead(stage, newest=True, stop=self.stop))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self._threads.close()

    def __iter__(self) -> Iterator[Shown | None]:
        while time.perf_counter() < self._end and not self.stop.is_set:
            if not self._enhanced.wait(POLL):
                yield None
                continue
            try:
                picture = next(self._enhanced)
            except StopIteration:
                return
            if self._is_past_end(picture):
                return
            yield picture

    def _is_past_end(self, picture: Shown) -> bool:
        """Whether a picture stands at or after the end of the time that was asked for, and not by a broken clock."""
        if self._duration is None or time.perf_counter() < self._end - NEAR:
            return False
        return picture.after.time - self._first_time >= self._duration

    @property
    def dropped(self) -> int:
        """Frames that came after the first one shown, and were not shown."""
        return self._all_dropped - self._before_first if self._last is not None else 0

    @property
    def _all_dropped(self) -> int:
        return self._read.dropped + self._enhanced.dropped + self._stage.skipped

    def shown(self, picture: Shown) -> None:
        """This frame has been shown just now. The first one waited for its engine, and has no latency."""
        latency = time.perf_counter() - picture.captured
        if not self._begun:
            self._begin(picture)
            return
        dropped = self._read.dropped + self._enhanced.dropped  # what was left out on purpose is not held against us
        self.tally.saw(latency)
        passed = picture.captured - self._first
        interval = passed / max(1, self.tally.frames + self.dropped - 1)
        if picture.mode == self.pace.mode:  # one that was on its way at a change says nothing about the new mode
            self.pace.saw(latency, work=picture.work, interval=interval, dropped=dropped - self._dropped_before)
        self._dropped_before = dropped
        self._last = picture

    def _begin(self, picture: Shown) -> None:
        self._last, self._first, self._first_time = picture, picture.captured, picture.after.time
        if self._duration is not None:
            self._end = time.perf_counter() + self._duration
        self._before_first = self._all_dropped
        self._dropped_before = self._read.dropped + self._enhanced.dropped
        self.tally.begin()
        self.pace.settle()
        with self.stop.changed:
            self._begun = True
            self.stop.changed.notify_all()

    def stats(self) -> Stats:
        """What the time since the last call was like."""
        fps, latencies = self.tally.recent()
        last = self._last
        return Stats(
            fps=fps,
            p50_ms=milliseconds(latencies, 0.5),
            p99_ms=milliseconds(latencies, 0.99),
            dropped=self.dropped,
            frames=self.tally.frames,
            mode=self.pace.mode,
            size=f"{last.format.width}x{last.format.height}" if last else "",
            backend=last.backend if last else "",
            notice=self.source.notice,
            seconds=self.tally.seconds,
        )

    def overall(self) -> Stats:
        """The same for the whole run; its latencies are the last ten thousand."""
        latencies = list(self.tally.latencies)
        stats = self.stats()
        fps = max(0, self.tally.frames - 1) / max(self.tally.seconds, 1e-9)
        return replace(stats, fps=fps, p50_ms=milliseconds(latencies, 0.5), p99_ms=milliseconds(latencies, 0.99))
