"""Record what is shown, in a thread of its own, so that a slow encoder never makes the picture late."""

import logging
import queue
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from streamllie.ahead import Ahead
from streamllie.frame import TICK, Frame, VideoFormat
from streamllie.live.shape import fitted
from streamllie.live.stage import Shown
from streamllie.video import VideoSink

WAITING = 15  # frames that may wait for the encoder: half a second

log = logging.getLogger(__name__)


class Recorder:
    """A video file of what is shown. A context manager: leaving completes the file, or raises what failed.

    It has the size of the first frame; later ones are scaled to it. `dropped` counts what the encoder had no
    time for. A disk that is full does not stop the picture: `error` says so.
    """

    def __init__(self, target: str | Path, format: VideoFormat, *, overwrite: bool = False) -> None:
        self.path = Path(target)
        self.dropped = 0
        self.error: Exception | None = None
        self._format = replace(format, time_base=TICK)
        self._sink = VideoSink(target, self._format, overwrite=overwrite, live=True)
        self._waiting: queue.Queue[Frame | None] = queue.Queue(WAITING)
        self._writer = Ahead(self._written(), newest=True)
        self._first: float | None = None
        self._last = -1

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.put(None)
        try:
            for _ in self._writer:
                pass
        finally:
            self._writer.__exit__(kind, error, trace)
        if self.dropped:
            log.warning('%d frames are not in "%s": the encoder had no time for them', self.dropped, self.path)
        if self.error is not None and error is None:
            raise self.error

    def show(self, picture: Shown) -> None:
        """Take one frame."""
        if self._first is None:
            self._first = picture.captured
        pts = max(self._last + 1, round((picture.captured - self._first) / TICK))
        if self._waiting.full():
            self.dropped += 1
            return
        self._last = pts
        frame = fitted(picture.after, picture.format, self._format)
        self._waiting.put(replace(frame, pts=pts, time_base=TICK, duration=0))

    def _written(self) -> Iterator[None]:
        frames = iter(self._waiting.get, None)  # once it has ended, it stays so
        try:
            with self._sink as sink:
                for frame in frames:
                    sink.write(frame)
                    yield
        except Exception as error:  # noqa: BLE001 - whoever brings frames must never wait; raised at the end
            self.error = error
            log.warning("the recording has ended: %s", error)
            for _ in frames:
                yield
