"""A live run beside an event loop: pictures for those who wait for the next one, figures once a second."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from streamllie.ahead import Stop
from streamllie.errors import StreamLLIEError
from streamllie.live.session import Feed, Live
from streamllie.live.stage import Controls, Shown
from streamllie.live.stats import Stats
from streamllie.video.inputs import Input

log = logging.getLogger(__name__)


class Player:
    """Plays one source for any number of watchers: begins with the first, lets go of the source after the last.

    All methods belong to the event loop's thread; the live run has one of its own.
    """

    def __init__(self, source: Callable[[Stop], "Input | Feed"], **options: Any) -> None:
        self.controls: Controls = options.setdefault("controls", Controls())
        self.stats: Stats | None = None
        self.failed: str | None = None
        self._source, self._options = source, options
        self._watchers = 0
        self._running: asyncio.Task[None] | None = None
        self._stop = Stop()
        self._news = asyncio.Condition()
        self._change = asyncio.Lock()
        self._picture: Shown | None = None
        self._number = 0

    async def join(self) -> None:
        """One more watches; what failed or ended begins anew."""
        self._watchers += 1
        await self._settle(anew=True)

    async def leave(self) -> None:
        """One less watches."""
        self._watchers -= 1
        await self._settle()

    async def _settle(self, *, anew: bool = False) -> None:
        """Run if somebody watches, let go if nobody does: one change at a time, by what is so when its turn comes."""
        async with self._change:
            if self._running is not None and (self._watchers == 0 or (anew and self._running.done())):
                self._stop.set()
                await self._running
                self._running = None
            if self._watchers > 0 and self._running is None:
                self._stop, self._picture, self.failed = Stop(), None, None
                self._running = asyncio.create_task(self._run(self._stop))

    async def newer(self, than: int) -> tuple[int, Shown]:
        """The newest picture and its number, once it is not `than` any more, be that in a run that begins later."""
        async with self._news:
            await self._news.wait_for(lambda: self._picture is not None and self._number != than)
            assert self._picture is not None
            return self._number, self._picture

    async def _run(self, stop: Stop) -> None:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._play, stop, loop)
        except StreamLLIEError as error:
            self.failed = str(error)
            log.warning("%s", error)
        except Exception as error:  # whoever watches must hear of it
            self.failed = f"a bug in StreamLLIE, please report it: {type(error).__name__}: {error}"
            log.exception("the live run failed")

    def _play(self, stop: Stop, loop: asyncio.AbstractEventLoop) -> None:
        with Live(self._source(stop), stop=stop, **self._options) as live:
            for picture in live:
                if picture is not None:
                    live.shown(picture)
                    asyncio.run_coroutine_threadsafe(self._take(picture), loop)
                if live.tally.due():
                    self.stats = live.stats()
            if not stop.is_set:
                self.failed = "the source has ended"

    async def _take(self, picture: Shown) -> None:
        async with self._news:
            self._picture = picture
            self._number += 1
            self._news.notify_all()
