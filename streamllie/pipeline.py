"""The loop that joins a source, an engine and a sink: one frame in, one frame out, with its own timestamp."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, runtime_checkable

from streamllie.ahead import DEPTH, Ahead, Stop
from streamllie.frame import Frame, VideoFormat
from streamllie.timing import Meter


class Source(Protocol):
    """Where frames come from. Iterating decodes; the iterator ends when the last frame is out."""

    @property
    def format(self) -> VideoFormat:
        """What is true of every frame."""
        ...

    def __iter__(self) -> Iterator[Frame]: ...


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
    live: bool = False,
    depth: int = DEPTH,
    meter: Meter | None = None,
) -> Meter:
    """Write every frame of the source, enhanced, to the sink, in order; give the meter that counted them.

    What `Starts` gets its next frames ahead, except with `live`, where a frame in flight would wait for them.

    Reading is one thread, enhancing another, writing and `on_frame` are the caller's own. With `live`, a
    frame that comes too late for the next stage gives way to a newer one. An error in any stage is raised
    here, and when this returns or raises, both threads have ended. The meter's stages are "read", "enhance"
    and "write".
    """
    meter = meter or Meter()
    stop = Stop()
    with (
        Ahead(meter.each("read", source), depth=depth, newest=live, stop=stop) as read,
        Ahead(_enhanced(read, enhance, meter, live=live), depth=depth, newest=live, stop=stop) as enhanced,
    ):
        for frame in enhanced:
            with meter.stage("write"):
                sink.write(frame)
            meter.count()
            if on_frame is not None:
                on_frame(meter)
    return meter


def _enhanced(frames: Iterable[Frame], enhance: Enhance, meter: Meter, *, live: bool) -> Iterator[Frame]:
    if isinstance(enhance, Starts) and not live:
        yield from _started(frames, enhance, meter)
        return
    for frame in frames:
        with meter.stage("enhance"):
            bright = enhance(frame)
        yield bright


def _started(frames: Iterable[Frame], enhance: Starts, meter: Meter) -> Iterator[Frame]:
    """`in_flight` may change between two frames, when a better engine takes over."""
    waiting: deque[Callable[[], Frame]] = deque()
    for frame in frames:
        done: list[Frame] = []
        with meter.stage("enhance"):
            waiting.append(enhance.start(frame))
            while len(waiting) >= enhance.in_flight:
                done.append(waiting.popleft()())
        yield from done
    while waiting:
        yield waiting.popleft()()
