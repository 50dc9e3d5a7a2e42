"""The loop that joins a source, an engine and a sink: one frame in, one frame out, with its own timestamp."""

from collections.abc import Callable, Iterator
from typing import Protocol

from streamllie.frame import Frame, VideoFormat


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
