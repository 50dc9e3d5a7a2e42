"""A live source that comes back: watched, and opened again after it froze, failed or went away."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NoReturn

from streamllie.ahead import Stop
from streamllie.errors import NothingSent, SourceError
from streamllie.live.pauses import FIRST, Pauses
from streamllie.video.capture import Listener, shots
from streamllie.video.inputs import Input
from streamllie.video.liveframes import Shot
from streamllie.video.playlist import is_finished

RUSH, BURST = 0.008, 0.5  # seconds between frames that come at once, and for which that may go on
SETTLED = 2.0  # seconds of pictures after which a source counts as back

log = logging.getLogger(__name__)


class Lasting:
    """Every frame of a live source, for ever: iterate once, in one thread.

    A file is played again and again unless `repeat` is False. The first attempt to open fails at once, with
    the error that it met, unless the source waits to be called: that may take as long as it takes. After that, and
    from the beginning if it is `known` to have been there, the source is opened again until it is back, at growing
    intervals, and `notice` says so. Remembers when the last frame came, and how often the source came back.
    """

    def __init__(
        self,
        input: Input,
        *,
        stop: Stop,
        hold: bool = True,
        repeat: bool = True,
        known: bool = False,
        listener: Listener | None = None,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self.input = input
        self.frames = 0  # that came
        self.returns = 0  # times that the source was lost and came back
        self.notice: str | None = None  # a sentence while the source is away
        self._why = ""  # it was last said to wait on
        self._first: float | None = None  # when the first frame of this connection came,
        self._came = 0.0  # and the last one
        self._stop, self._repeat, self._known = stop, repeat, known
        self._options: dict[str, Any] = {"hold": hold, "listener": listener, "ready": ready}

    def __iter__(self) -> Iterator[Shot]:
        pauses = Pauses()
        if self.input.waits:
            self.notice = f'"{self.input.name}" waits until somebody sends to it'
            log.warning(self.notice)
        while not self._stop.is_set:
            before, began = self.frames, time.monotonic()
            try:
                yield from self._connection()
                if self._stop.is_set:
                    return
                if not self._was_there:
                    self._fail()
                if self.input.paced:
                    if not self._repeat or self.frames == before:
                        return
                    continue
                if self.input.pieces and is_finished(self.input.url):
                    return
                self._lost(f'"{self.input.name}" has ended')
            except NothingSent as error:
                self._wait_on(str(error))
            except SourceError as error:
                if self._stop.is_set:
                    return
                if not self._was_there or self.input.paced:
                    raise
                self._lost(str(error))
            if self.frames > before and time.monotonic() - began > SETTLED:
                pauses.begin_anew()
            self._stop.wait(FIRST if self.input.waits else pauses.next())

    @property
    def _was_there(self) -> bool:
        return self._known or self.frames > 0

    def _connection(self) -> Iterator[Shot]:
        with closing(shots(self.input, stop=self._stop, **self._options)) as frames:
            self._first = None
            for shot in frames:
                if not self.frames:
                    self.notice = None  # it waited, and was not lost
                self.frames += 1
                if self.notice is None or self._back(shot.captured):
                    yield shot

    def _wait_on(self, why: str) -> None:
        """Nobody called, or somebody who had no picture."""
        if why != self._why:
            log.warning("%s; it waits on", why)
        self._why = why

    def _fail(self) -> NoReturn:
        wrong = NothingSent if self.input.waits else SourceError
        raise wrong(f'"{self.input.name}" has ended without one picture; is it damaged or empty?')

    def _lost(self, why: str) -> None:
        if self.notice is None:
            log.warning("%s; trying again until it is back", why)
        self.notice = f"{why}; trying again"

    def _back(self, at: float) -> bool:
        """Whether it is back with this frame: of those that were looked at while it was opened the newest will do."""
        first, self._first = self._first is None, at if self._first is None else self._first
        rushes = first or (at - self._came < RUSH and at - self._first < BURST)
        self._came = at
        if rushes and not self.input.at_its_pace:
            return False
        log.warning('"%s" is back', self.input.name)
        self.notice = None
        self.returns += 1
        return True
