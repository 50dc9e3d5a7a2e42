"""The loop that joins a source, an engine and a sink: one frame in, one frame out, with its own timestamp."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, runtime_checkable

from streamllie.ahead import Ahead, Stop
from streamllie.frame import Frame
from streamllie.timing import Meter


class Sink(Protocol):
    """Where frames go, in the order in which they came."""

    def write(self, frame: Frame) -> None:
        """Take one frame; may block while an encoder is busy."""
        ...


Enhance = Callable[[Frame], Frame]


@runtime_checkable
class Starts(Protocol):
    """An Enhance that can be given the next frame while it works on one: a GPU's copies hide behind its work."""

    def __call__(self, frame: Frame) -> Frame:
        """Enhance one frame."""
        ...

    @property
    def in_flight(self) -> int:
        """How many frames may be started before the first of them is taken."""
        ...

    def start(self, frame: Frame) -> Callable[[], Frame]:
        """Begin with a frame, and give a function that waits for it."""
        ...


def run(
    source: Iterable[Frame],
    enhance: Enhance,
    sink: Sink,
    *,
    on_frame: Callable[[Meter], None] | None = None,
) -> Meter:
    """Write every frame of the source, enhanced, to the sink, in order; give the meter that counted them.

    Reading is one thread, enhancing another, writing and `on_frame` are the caller's own. An error in any stage is
    raised here, and when this returns or raises, both threads have ended. An `enhance` that is a `Starts` is given
    frames ahead.
    """
    meter, stop = Meter(), Stop()
    with (
        Ahead(source, stop=stop) as read,
        Ahead(_started(read, enhance) if isinstance(enhance, Starts) else map(enhance, read), stop=stop) as enhanced,
    ):
        for frame in enhanced:
            sink.write(frame)
            meter.count()
            if on_frame is not None:
                on_frame(meter)
    return meter


def _started(frames: Iterable[Frame], enhance: Starts) -> Iterator[Frame]:
    """`in_flight` may change between two frames, when a better engine takes over."""
    waiting: deque[Callable[[], Frame]] = deque()
    for frame in frames:
        waiting.append(enhance.start(frame))
        while len(waiting) >= enhance.in_flight:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()
