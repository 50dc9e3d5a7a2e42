"""Read two or three videos in step: for every frame of the first, what the others show at that moment."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from streamllie.frame import USUAL_RATE, Frame, VideoFormat
from streamllie.video import VideoSource

TOLERANCE = Fraction(1, 500)  # seconds, at most half a frame; containers round times to a millisecond, each its own way


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One frame of each video, in the order in which the videos were given."""

    time: Fraction  # seconds since the first frame of the first video
    frames: tuple[Frame, ...]


class Together:
    """Videos opened side by side. Open it with `with`; iterate once; it ends with the shortest video.

    Each video's clock starts at its own first frame. Where a later video has fewer frames, one stands for several.
    """

    def __init__(self, *paths: Path) -> None:
        self.sources = [VideoSource(path) for path in paths]
        self.counts = [0 for _ in paths]  # frames that were read
        self.lengths = [Fraction(0) for _ in paths]  # seconds from the first frame read to the end of the last
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for source in self.sources:
                stack.enter_context(source)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def formats(self) -> list[VideoFormat]:
        """Size, rate and tags of each."""
        return [source.format for source in self.sources]

    def __iter__(self) -> Iterator[Moment]:
        readers = [_Reader(source) for source in self.sources]
        first, others = readers[0], readers[1:]
        while (frame := first.step()) is not None:
            shown = [other.at(first.time) for other in others]
            frames = [frame, *(each for each in shown if each is not None)]
            if len(frames) < len(readers):
                break
            yield Moment(time=first.time, frames=tuple(frames))
        for n, reader in enumerate(readers):
            reader.finish()
            self.counts[n], self.lengths[n] = reader.count, reader.length


class _Reader:
    """The frames of one source and their times since its first."""

    def __init__(self, source: VideoSource) -> None:
        self.count = 0
        self.time = Fraction(0)  # of the current frame
        self._frames = iter(source)
        self._usual = 1 / (source.format.rate or USUAL_RATE)
        self._tick = min(TOLERANCE, self._usual / 2)
        self._start: Fraction | None = None
        self._now: Frame | None = None
        self._last: Frame | None = None
        self._next: Frame | None = self._read()

    def step(self) -> Frame | None:
        """The next frame."""
        self._now, self._next = self._next, self._read() if self._next is not None else None
        if self._now is not None:
            self.time = self._since(self._now)
        return self._now

    def at(self, time: Fraction) -> Frame | None:
        """The frame that is shown at this time; None once the video is over."""
        while self._next is not None and self._since(self._next) <= time + self._tick:
            self.step()
        if self._next is None and time and time >= self.length - self._tick:
            return None
        return self._now

    def finish(self) -> None:
        """Read to the end, to know how long it is."""
        while self.step() is not None:
            pass

    @property
    def length(self) -> Fraction:
        """Seconds to the end of the last frame read so far."""
        last = self._last
        return self._since(last) + (last.duration * last.time_base or self._usual) if last is not None else Fraction(0)

    def _read(self) -> Frame | None:
        frame = next(self._frames, None)
        if frame is not None:
            self._last = frame
            self._start = frame.time if self._start is None else self._start
            self.count += 1
        return frame

    def _since(self, frame: Frame) -> Fraction:
        assert self._start is not None
        return frame.time - self._start
