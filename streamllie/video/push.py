"""A source into which somebody else pushes frames, such as a visitor's camera: the newest is taken."""

import time
from collections.abc import Iterator

import av

from streamllie.ahead import Stop
from streamllie.video.exchange import Incoming
from streamllie.video.liveframes import Shot


class Push:
    """A Feed of frames that are pushed. Holds one; a newer one takes its place."""

    def __init__(self, stop: Stop) -> None:
        self.frames = 0  # that were pushed
        self.notice: str | None = None
        self._stop = stop
        self._newest: tuple[av.VideoFrame, float] | None = None

    def put(self, frame: av.VideoFrame) -> None:
        """Never waits."""
        with self._stop.changed:
            self.frames += 1
            self._newest = (frame, time.perf_counter())
            self._stop.changed.notify_all()

    def __iter__(self) -> Iterator[Shot]:
        incoming = Incoming()
        while True:
            with self._stop.changed:
                self._stop.changed.wait_for(lambda: self._newest is not None or self._stop.is_set)
                taken, self._newest = self._newest, None
            if self._stop.is_set or taken is None:
                return
            yield incoming.shot(taken[0], arrived=taken[1])
