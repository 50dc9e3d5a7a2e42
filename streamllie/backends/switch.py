"""Start with one engine at once, and go on with a faster one as soon as that is ready."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from streamllie.backends.base import Arrays, Engine
from streamllie.errors import StreamLLIEError
from streamllie.frame import Frame

log = logging.getLogger(__name__)


class Switching:
    """An Engine that is `now` until `later`, which opens another one in a thread of its own, has succeeded.

    The new engine takes over between two frames, with the old one's memory. If `later` fails, that is said once
    and `now` stays. Both are closed on leaving the `with`, which waits for `later` to end.
    """

    def __init__(self, now: Engine, later: Callable[[], Engine]) -> None:
        self._engine = now
        self._next: Engine | None = None
        self._waiting = 0  # frames that were started and not taken: the engine stays until they are
        self._thread = threading.Thread(target=self._open, args=(later,), name="streamllie-engine", daemon=True)
        self._thread.start()

    @property
    def backend(self) -> str:
        """Of the engine that runs now."""
        return self._engine.backend

    @property
    def precision(self) -> str:
        """Of the engine that runs now."""
        return self._engine.precision

    @property
    def in_flight(self) -> int:
        """Of the engine that runs now."""
        return self._engine.in_flight

    @property
    def memory(self) -> Arrays:
        """Of the engine that runs now."""
        return self._engine.memory

    def __call__(self, frame: Frame, *, keep: float = 0.0, strength: float = 1.0) -> Frame:
        """See Engine."""
        return self.start(frame, keep=keep, strength=strength)()

    def start(self, frame: Frame, *, keep: float = 0.0, strength: float = 1.0) -> Callable[[], Frame]:
        """See Engine."""
        if self._next is not None and self._waiting == 0:
            self._switch(self._next)
        take = self._engine.start(frame, keep=keep, strength=strength)
        self._waiting += 1

        def taken() -> Frame:
            self._waiting -= 1
            return take()

        return taken

    def reset(self) -> None:
        """See Engine."""
        self._engine.reset()

    def remember(self, memory: Arrays) -> None:
        """See Engine."""
        self._engine.remember(memory)

    def __enter__(self) -> Self:
        self._engine.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join()
        for engine in (self._engine, self._next):
            if engine is not None:
                engine.__exit__(kind, error, trace)

    def _open(self, later: Callable[[], Engine]) -> None:
        try:
            self._next = later()
        except Exception as error:  # nobody waits for this thread: what fails is said, and the run goes on
            log.warning("%s; %s goes on", str(error) or type(error).__name__, self._engine.backend)
            log.debug("the engine that failed", exc_info=not isinstance(error, StreamLLIEError))

    def _switch(self, engine: Engine) -> None:
        old, self._engine, self._next = self._engine, engine.__enter__(), None
        self._engine.remember(old.memory)
        old.__exit__(None, None, None)
        log.warning("from here on %s runs in %s", engine.backend, engine.precision)
