"""Enhance live frames with as much work as there is time for: engines for the size at hand, whole and half."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

from streamllie.ahead import Ahead
from streamllie.backends import open_engine
from streamllie.defaults import SMOOTHING
from streamllie.enhance import Steady
from streamllie.frame import Frame, VideoFormat
from streamllie.live.light import Daylight
from streamllie.live.pace import Mode, Pace
from streamllie.live.shape import halved, mirrored, with_half
from streamllie.shelf import Model
from streamllie.temporal.bars import with_bars, without_bars
from streamllie.temporal.policy import Smoothing
from streamllie.video.liveframes import Shot

STALE = 0.1  # seconds that a frame may have waited for its engine to open: a newer one is there
SMALLEST = 32  # rows or columns of half a picture that are still enhanced
SIZES = 2  # that a source goes to and fro between; each takes two engines


@dataclass
class Controls:
    """What a person may change while it runs. Written by the view, read at every frame."""

    strength: float = 1.0  # 0..1, share of the effect
    smoothing: float = SMOOTHING  # 0..1, see Smoothing
    enabled: bool = True  # False: the picture as it came
    always: bool = False  # True: also where the picture is well lit
    mirror: bool = False
    split: float | None = None  # 0..1: left of it the picture as it came


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A frame on its way to the view."""

    before: Frame
    after: Frame
    format: VideoFormat
    captured: float  # seconds on time.perf_counter's clock
    work: float  # seconds that the enhancement took
    mode: Mode
    backend: str  # and precision, for people


class Stage:
    """Turns shots into what is shown; iterate `of` in one thread.

    Remembers the engines of the last SIZES sizes: a source that changes its size, or comes back, finds them open. A
    source that `waits` goes on after its first frame only once that was shown, as files do.
    """

    def __init__(
        self, model: Model, controls: Controls, pace: Pace, *, backend: str, precision: str, waits: bool = False
    ) -> None:
        self.skipped = 0  # frames that the mode "skip" left out, or that waited for an engine
        self._model, self._controls, self._pace = model, controls, pace
        self._backend, self._precision, self._waits = backend, precision, waits
        self._light = Daylight()
        self._engines: OrderedDict[tuple[object, ...], _Engines] = OrderedDict()
        self._shape: tuple[object, ...] | None = None
        self._odd = self._fresh = False
        self._begun = False
        self._newest = 0.0  # when the last frame was captured

    def of(self, shots: Iterator[Shot]) -> Iterator[Shown]:
        """The same frames, enhanced."""
        try:
            for shot in shots:
                engines = self._engines_for(shot.format)
                now = time.perf_counter()
                if self._fresh and now - shot.captured > STALE:
                    if self._begun or (not self._waits and isinstance(shots, Ahead) and shots.waiting):
                        self.skipped += 1
                        continue
                    shot = self._as_of(now, shot)  # noqa: PLW2901 - the first frame opens the run, whatever its age
                if self._begun and shot.captured <= self._newest:
                    self.skipped += 1  # it came while the engine was opened for the first: time must not run backwards
                    continue
                self._begun, self._newest = True, shot.captured
                mode = self._pace.mode
                self._odd = not self._odd
                if mode == "skip" and self._odd:
                    self.skipped += 1
                    continue
                yield self._enhance(shot, mode, engines)
        finally:
            while self._engines:
                self._engines.popitem(last=False)[1].open.close()

    def _as_of(self, now: float, shot: Shot) -> Shot:
        """A frame that is shown late. Of a source that did not wait, its own time is late too: the next one follows."""
        frame = shot.frame
        if not self._waits:
            frame = replace(frame, pts=frame.pts + round((now - shot.captured) / frame.time_base))
        return replace(shot, captured=now, frame=frame)

    def _engines_for(self, format: VideoFormat) -> "_Engines":
        shape = _shape(format)
        self._fresh = shape not in self._engines
        if self._fresh:
            while len(self._engines) >= SIZES:
                self._engines.popitem(last=False)[1].open.close()
            self._engines[shape] = self._opened(format)
        engines = self._engines[shape]
        if shape != self._shape:
            self._shape = shape
            self._engines.move_to_end(shape)
            self._pace.settle()
            for steady in (engines.whole, engines.half):
                steady.forget()  # it saw other times
        return engines

    def _opened(self, format: VideoFormat) -> "_Engines":
        with ExitStack() as stack:
            whole = self._steady(format, stack)
            half = halved(format)
            small = min(half.height, half.width) < SMALLEST
            return _Engines(whole=whole, half=whole if small else self._steady(half, stack), open=stack.pop_all())

    def _steady(self, format: VideoFormat, engines: ExitStack) -> Steady:
        engine = open_engine(self._model, format, backend=self._backend, precision=self._precision)
        engines.enter_context(engine)
        y = np.full((format.height, format.width), format.levels.black, np.uint8 if format.depth == 8 else np.uint16)
        grey = np.full_like(y[::2, ::2], format.levels.neutral, order="C")
        engine(Frame(y=y, u=grey, v=grey, pts=0, time_base=format.time_base))  # the first run is the slowest
        engine.reset()
        return Steady(engine, format, Smoothing(self._controls.smoothing), strength=1.0)

    @staticmethod
    def _by_half(before: Frame, engines: "_Engines", format: VideoFormat) -> Frame:
        bars = engines.whole.bars_of(before)
        after = with_half(without_bars(before, bars), engines.half, peak=format.levels.peak)
        return with_bars(after, before, bars)

    def _enhance(self, shot: Shot, mode: Mode, engines: "_Engines") -> Shown:
        began = time.perf_counter()
        controls = self._controls
        before = mirrored(shot.frame) if controls.mirror else shot.frame
        after = before
        if controls.enabled and mode != "pass":
            strength = controls.strength
            if not controls.always:
                picture = before.y[engines.whole.bars.inside(before.y)]
                strength *= self._light.share(picture, shot.format, at=shot.captured)
            if strength > 0:
                steady = engines.whole if mode == "full" else engines.half
                steady.strength = strength
                steady.policy.change(controls.smoothing)
                after = steady(before) if steady is engines.whole else self._by_half(before, engines, shot.format)
            else:
                engines.whole.bars_of(before)  # the light of a picture that ends its bars is that of all of it
        return Shown(
            before=before,
            after=after,
            format=shot.format,
            captured=shot.captured,
            work=time.perf_counter() - began,
            mode=mode,
            backend=f"{engines.whole.engine.backend} {engines.whole.engine.precision}",
        )


@dataclass(frozen=True, kw_only=True)
class _Engines:
    """What frames of one size need."""

    whole: Steady
    half: Steady  # for half the size; the same as whole where that would be tiny
    open: ExitStack  # closes them


def _shape(format: VideoFormat) -> tuple[object, ...]:
    return format.height, format.width, format.depth, format.full_range
