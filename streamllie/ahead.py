"""Run an iterable ahead of its consumer, in one background thread."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

DEPTH = 3  # items that wait between two stages: hides a hiccup of either, costs 9 MB at 1080p


class Stop:
    """One flag for all stages of a run. Setting it wakes everybody who waits for anything in that run.

    It remembers that it was set, for good. It also holds the one lock of the run: stages that share a Stop
    cannot miss each other's wake-ups, and nobody needs to poll.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._set = False

    @property
    def is_set(self) -> bool:
        """True once the run is to end."""
        return self._set

    def set(self) -> None:
        """End the run: every stage leaves at its next item."""
        with self.changed:
            self._set = True
            self.changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Sleep up to timeout seconds, less if the run ends: for a source that waits for its device."""
        with self.changed:
            return self.changed.wait_for(lambda: self._set, timeout)


class Ahead(Generic[T]):
    """An iterator over `items`, produced by a thread that works while the consumer does something else.

    At most `DEPTH` items wait. With `newest=True` one item waits and a newer one replaces it at once: for
    live sources, where an old frame is worth nothing. Stages of one run share a `stop`. An error in `items`
    is raised in the consumer, after the items that came before it. Leaving the `with` stops and joins the
    thread; how long that takes is up to `items`, which are asked for no more.

        with Ahead(source, stop=stop) as frames:
            for frame in frames: ...
    """

    def __init__(self, items: Iterable[T], *, newest: bool = False, stop: Stop | None = None) -> None:
        self.dropped = 0  # items that a newer one replaced
        self._items = items
        self._depth = 1 if newest else DEPTH
        self._newest = newest
        self._stop = stop or Stop()
        self._ready: deque[T] = deque()
        self._ended = False
        self._error: BaseException | None = None
        # A daemon, so that a second Ctrl-C during the join can still end the process.
        self._thread = threading.Thread(target=self._produce, name="streamllie-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._ready.clear()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._stop.changed:
            self._stop.changed.wait_for(lambda: self._ready or self._ended or self._stop.is_set)
            if self._stop.is_set:
                raise StopIteration
            if self._ready:
                self._stop.changed.notify_all()
                return self._ready.popleft()
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def wait(self, timeout: float) -> bool:
        """True once an item, an error or the end is there; False if none came within timeout seconds."""
        with self._stop.changed:
            return self._stop.changed.wait_for(lambda: bool(self._ready) or self._ended or self._stop.is_set, timeout)

    @property
    def waiting(self) -> bool:
        """Whether an item is there to be taken."""
        return bool(self._ready)

    def _produce(self) -> None:
        error: BaseException | None = None
        try:
            iterator = iter(self._items)
            try:
                while not self._stop.is_set:
                    self._put(next(iterator))
            except StopIteration:
                pass
            finally:
                # A generator cleans up here, in the thread that ran it, not whenever it is collected.
                close = getattr(iterator, "close", None)
                if close is not None:
                    close()
        except BaseException as raised:  # noqa: BLE001 - handed to the consumer, whatever it is
            error = raised
        with self._stop.changed:
            self._error = error
            self._ended = True
            self._stop.changed.notify_all()

    def _put(self, item: T) -> None:
        with self._stop.changed:
            if self._newest and self._ready:
                # Drop first, never wait: a stage that waits for room has no reason left to drop.
                self._ready.clear()
                self.dropped += 1
            self._stop.changed.wait_for(lambda: len(self._ready) < self._depth or self._stop.is_set)
            self._ready.append(item)
            self._stop.changed.notify_all()
