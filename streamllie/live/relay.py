"""A live stream in, the same stream out, bright: `streamllie enhance URL URL`."""

import contextlib
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from streamllie.defaults import MODEL, SMOOTHING
from streamllie.errors import SinkError
from streamllie.frame import Frame, VideoFormat
from streamllie.live.notice import with_notice
from streamllie.live.pauses import Pauses
from streamllie.live.session import Live
from streamllie.live.shape import fitted
from streamllie.live.stage import Controls
from streamllie.live.stats import Stats
from streamllie.video.inputs import resolve
from streamllie.video.livetarget import Target
from streamllie.video.lowdelay import encoder_options
from streamllie.video.outlet import Outlet
from streamllie.video.soundtap import SoundTap

STREAM_BUDGET = 0.25  # seconds from capture to the encoder; a network adds more than this
USUAL = VideoFormat(height=720, width=1280)
QUIET = 0.5  # seconds without a frame after which the last one is sent again, with a notice
STILL = 0.2  # seconds between such frames
NEXT = Fraction(2, 1000)  # seconds from one frame to the next, at least: FLV and Matroska count thousandths
APART = 2  # seconds; a clock that is further from ours has jumped

log = logging.getLogger(__name__)


def relay(
    source: str,
    target: str,
    *,
    model: str | Path = MODEL,
    backend: str = "auto",
    precision: str = "auto",
    strength: float = 1.0,
    smoothing: float = SMOOTHING,
    crf: float | None = None,
    preset: str | None = None,
    max_bitrate: str | None = None,
    overwrite: bool = False,
    duration: float | None = None,
    on_stats: Callable[[Stats], None] = lambda stats: None,
) -> Stats:
    """Send a source on, enhanced, with its sound, until it ends or `duration` seconds have passed.

    A file is played in real time, once. A stream that is lost is waited for: the last frame is sent again
    meanwhile, with a notice. A peer that goes away is called again.

    Raises:
        StreamLLIEError: source, target, model or backend fail at the beginning, or a file cannot be written.
    """
    goal = Target.of(target, overwrite=overwrite)
    if goal.replaces(source):
        raise SinkError(f'"{target}" would replace the input; choose another name for the output')
    encoder_options(USUAL, crf=crf, preset=preset, max_bitrate=max_bitrate)  # told before anybody is waited for
    tap = SoundTap()
    input = resolve(source)
    live = Live(
        input, model=model, backend=backend, precision=precision, budget=STREAM_BUDGET, duration=duration,
        controls=Controls(strength=strength, smoothing=smoothing, always=True), repeat=False, listener=tap,
    )  # fmt: skip
    with live, ExitStack() as stack:
        sender = stack.enter_context(
            _Sender(
                goal,
                tap,
                live,
                jumps=not input.paced,
                crf=crf,
                preset=preset,
                max_bitrate=max_bitrate,
                overwrite=overwrite,
            )
        )
        for picture in live:
            if picture is not None:
                # What is played in real time waited for the engine; anything else went on meanwhile.
                captured = None if input.at_its_pace else picture.captured
                sender.send(picture.after, picture.format, captured=captured)
                live.shown(picture)
            else:
                sender.wait()
            if live.tally.due():
                on_stats(replace(live.stats(), notice=live.source.notice or sender.notice or sender.silence))
        return live.overall()


class _Sender:
    """The output, opened with the first frame and again after it was lost. A context manager."""

    def __init__(self, target: Target, tap: SoundTap, live: Live, *, jumps: bool, **options: Any) -> None:
        self.notice: str | None = None  # a sentence while nobody takes the stream
        self.silence: str | None = None  # a sentence while no picture comes
        self._target, self._tap, self._live, self._options = target, tap, live, options
        self._clock = StreamClock(jumps=jumps)
        self._outlet: Outlet | None = None
        self._open = ExitStack()
        self._last: tuple[Frame, VideoFormat] | None = None
        self._seen = self._sent = time.perf_counter()  # when the last new frame came, and when one was sent,
        self._repeats = False  # and whether it was an old one
        self._pauses, self._again = Pauses(), 0.0
        self._connected = 0.0
        self._proved = False  # that there is somebody at the other end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._outlet is not None and kind is None:
            with contextlib.suppress(SinkError):
                self._sound(self._outlet)
        self._open.__exit__(kind, error, trace)

    def send(self, frame: Frame, format: VideoFormat, *, captured: float | None) -> None:
        """Send a frame at its own time, and the sound that came; `captured` on perf_counter's clock, None: just now."""
        self._seen = time.perf_counter()
        self._last, self._repeats, self.silence = (frame, format), False, None
        self._put(frame, format, captured=captured)

    def wait(self) -> None:
        """No frame came: after a while send the last one again, with a notice."""
        passed = time.perf_counter() - self._sent
        if self._last is None:
            return
        usual = 2.5 / float(self._last[1].rate) if self._last[1].rate else 0.0  # a slow source is not a silent one
        if passed < (STILL if self._repeats else max(QUIET, usual)):
            return
        self._repeats = True
        frame, format = self._last
        self.silence = self._live.source.notice or f"no picture for {time.perf_counter() - self._seen:.0f} s"
        self._put(with_notice(frame, self.silence, format), format)

    def _put(self, frame: Frame, format: VideoFormat, *, captured: float | None = None) -> None:
        self._sent = time.perf_counter()
        try:
            outlet = self._outlet or self._connect(format)
            if outlet is None:
                return
            begins = not self._clock.runs
            if self._repeats:
                at = self._clock.now()
            else:
                if captured is not None and not self._clock.runs:
                    self._tap.take()  # what was heard while engine and output were opened
                age = 0.0 if captured is None else time.perf_counter() - captured
                at = max(frame.time + self._clock.shift(frame.time, age=age), Fraction(0))
            if not begins:
                self._sound(outlet)  # what was heard since that picture, too
            if self._clock.goes_on(at):  # not with a frame from before the notice
                outlet.write(fitted(frame, format, outlet.format), at=at)
            if begins:  # FLV takes nothing that is earlier than what it was given first
                self._sound(outlet)
        except SinkError as error:
            self._lost(error)

    def _sound(self, outlet: Outlet) -> None:
        for packet in self._tap.take():
            if packet.pts is None or not self._clock.runs:
                continue
            at = packet.pts * packet.time_base
            shift = self._clock.shift(at)
            if at + shift >= 0:  # what belongs to the time before the first picture is left out
                outlet.hear(packet, shift=shift)

    def _connect(self, format: VideoFormat) -> Outlet | None:
        """Open the output; None if it was lost and is not back yet. At the beginning it must be there."""
        if self.notice is not None and time.perf_counter() < self._again:
            return None
        outlet = Outlet(
            self._target, replace(format, depth=8), sound=self._tap.stream, stop=self._live.stop, **self._options
        )
        self._outlet = self._open.enter_context(outlet)
        self._clock.begin()
        self._connected = time.perf_counter()
        if self.notice is not None:
            log.warning('"%s" is back', self._target.name)
            self.notice = None
        return outlet

    def _lost(self, error: SinkError) -> None:
        new = self._outlet is None or not self._outlet.proved(time.perf_counter() - self._connected)
        if self._target.file is not None or (new and not self._proved):
            raise error
        self._proved = True
        if self.notice is None:
            log.warning("%s; trying again", error)
        self.notice = f"{error}; trying again"
        self._outlet = None
        with contextlib.suppress(SinkError):  # the same once more
            self._open.close()
        if not new:
            self._pauses.begin_anew()
        self._again = time.perf_counter() + self._pauses.next()


class StreamClock:
    """Maps times of a source onto those of an output that began at 0, alike for pictures and sound.

    With `jumps`, a source whose clock leaps (it came back, or it wrapped) goes on where the output is; packets
    of either side of a leap may come in any order.
    """

    def __init__(self, *, jumps: bool) -> None:
        self.runs = False
        self._jumps = jumps
        self._shifts: list[Fraction] = []  # the present one, and the one before
        self._origin = 0.0
        self._last = Fraction(-1)  # the time of the last picture

    def begin(self) -> None:
        """The output begins now."""
        self._origin = time.perf_counter()
        self._shifts, self._last = [], Fraction(-1)
        self.runs = False

    def now(self) -> Fraction:
        """The time of the output."""
        return Fraction(time.perf_counter() - self._origin).limit_denominator(1_000_000)

    def goes_on(self, at: Fraction) -> bool:
        """Whether a picture may follow at this time of the output. If so, the next one must be later by NEXT."""
        follows = at >= self._last + NEXT
        if follows:
            self._last = at
        return follows

    def shift(self, at: Fraction, *, age: float = 0.0) -> Fraction:
        """What to add to a time of the source, in seconds; `age` of them ago it was that time there."""
        self.runs = True
        now = self.now() - Fraction(age).limit_denominator(1_000_000)
        for shift in self._shifts:
            if not self._jumps or abs(at + shift - now) < APART:
                return shift
        self._shifts = [now - at, *self._shifts[:1]]
        return self._shifts[0]
