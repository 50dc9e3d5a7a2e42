"""Frames of a live source, each with the moment at which this program could first have it."""

import errno
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
from av.codec.context import Flags, ThreadType
from av.container import InputContainer
from av.error import ExitError, FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from streamllie.ahead import Stop
from streamllie.errors import SourceError
from streamllie.frame import Frame, VideoFormat
from streamllie.place import is_url
from streamllie.video.bridge import needs_bridge, read_through
from streamllie.video.clock import FrameClock
from streamllie.video.hold import held
from streamllie.video.inputs import Input
from streamllie.video.opening import NOT_FRAMES, reason
from streamllie.video.planes import Planar
from streamllie.video.tags import frame_rate, video_format
from streamllie.video.v4l2 import users_of

POLL = 0.002  # seconds between questions to a camera that has no new frame: a tenth of what a person can see
STAMPED = 1.0  # seconds; a camera's own stamp is believed if it is no older than this
OPENING = 10.0  # seconds to find and understand a stream; a server may have to wake up first


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One frame of a live source."""

    frame: Frame
    format: VideoFormat  # the same object until the picture changes its size or depth
    captured: float  # seconds on time.perf_counter's clock


class Listener(Protocol):
    """Who wants the sound of a source too. Called in the thread that reads."""

    def opened(self, container: InputContainer) -> None:
        """The source was opened, for the first time or again."""
        ...

    def heard(self, packet: "Packet[Stream]") -> None:
        """A packet of sound came."""
        ...


def shots(
    input: Input,
    *,
    stop: Stop,
    hold: bool = True,
    listener: Listener | None = None,
    ready: Callable[[], bool] = lambda: True,
) -> Generator[Shot]:
    """Every frame that the source gives, once, until it ends or `stop` is set. Reads as fast as frames come.

    `hold` keeps a Linux camera from exposing longer than a frame. What is played in real time goes on after its
    first frame only once `ready`, so that its beginning is not lost while an engine opens; who makes that true
    notifies `stop`.

    Raises:
        SourceError: the source cannot be opened, ends with an error, or was silent for longer than its patience.
    """
    with ExitStack() as stack:
        container = stack.enter_context(_open(input, stack, stop))
        if input.device is not None and hold:
            stack.enter_context(held(input.device))
        stream = _video(container, input)
        if listener is not None:
            listener.opened(container)
        frames = _Frames(input, stream, stop)
        for packet, arrived in _packets(container, stream, input, stop):
            if packet.stream.index != stream.index:
                if listener is not None and packet.stream.type == "audio":
                    listener.heard(packet)
                continue
            for shot in frames.of(packet, arrived):
                yield shot
                if input.paced and not ready():
                    with stop.changed:
                        stop.changed.wait_for(lambda: ready() or stop.is_set)
                    frames.begin_again()
        if not stop.is_set:
            yield from frames.rest()
            frames.linger()


def _open(input: Input, stack: ExitStack, stop: Stop) -> InputContainer:
    try:
        if needs_bridge(input.url):
            return stack.enter_context(read_through(input.url, stop))
        timeout = (OPENING, input.patience) if is_url(input.url) or not input.paced else None
        return av.open(input.url, format=input.format, options=dict(input.options), timeout=timeout)
    except (FFmpegError, OSError, ValueError) as error:
        raise _not_opened(input, error) from None  # libav's own text shows passwords


def _not_opened(input: Input, error: Exception) -> SourceError:
    code = getattr(error, "errno", None)
    if input.device is not None and code == errno.EBUSY:
        users = ", ".join(users_of(input.device))
        by = f"by {users}" if users else "by another program, perhaps of another user"
        return SourceError(f'the camera "{input.name}" ({input.device}) is in use {by}; end that program first')
    if isinstance(error, ExitError):
        return SourceError(f'"{input.name}" did not answer within {OPENING:g} s; is it running?')
    return SourceError(f'"{input.name}" cannot be opened ({reason(error)}); check its name and that it is there')


def _video(container: InputContainer, input: Input) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & NOT_FRAMES]
    if not streams or getattr(streams[0], "codec_context", None) is None:
        raise SourceError(f'"{input.name}" has no video that can be decoded here')
    stream = streams[0]
    stream.thread_type = ThreadType.SLICE  # frame threads hold back a frame each
    stream.codec_context.flags |= Flags.low_delay
    return stream


def _packets(
    container: InputContainer, video: VideoStream, input: Input, stop: Stop
) -> "Iterator[tuple[Packet[Stream], float]]":
    """Packets of every stream and when they came, until the end: sound goes on where the picture has stopped."""
    last = time.perf_counter()  # when the picture was last known to go on
    began = False
    packets = container.demux()
    while not stop.is_set:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except BlockingIOError:  # a camera that has nothing yet
            if time.perf_counter() - last > input.patience:
                raise _silent(input) from None
            stop.wait(POLL)
            packets = container.demux()
            continue
        except ExitError:
            raise _silent(input) from None
        except (FFmpegError, OSError) as error:
            if not began and is_url(input.url) and "mp4" in container.format.name.split(","):
                raise SourceError(
                    f'"{input.name}" cannot be read ({reason(error)}): if its index is at its end, the server must be '
                    "able to send a part of it; download the file first"
                ) from None
            raise SourceError(f'"{input.name}" was lost ({reason(error)})') from None
        began = True
        if packet.size or input.format == "lavfi":
            arrived = time.perf_counter()
            if packet.stream.index != video.index and arrived - last > input.patience and not input.paced:
                raise _silent(input)
            yield packet, arrived
            if packet.stream.index == video.index:
                last = time.perf_counter()  # whoever takes it may have been busy


def _silent(input: Input) -> SourceError:
    return SourceError(f'"{input.name}" gave no picture for {input.patience:g} s')


class _Frames:
    """Decodes, stamps and shapes the frames of one connection."""

    def __init__(self, input: Input, stream: VideoStream, stop: Stop) -> None:
        self._input, self._stream, self._stop = input, stream, stop
        self._time_base = stream.time_base or Fraction(1, 90_000)
        rate = frame_rate(stream)
        self._step = 1 / (rate or Fraction(25))  # seconds
        self._clock = FrameClock(time_base=self._time_base, rate=rate)
        self._shape: tuple[object, ...] | None = None
        self._began: tuple[float, int] | None = None  # when the first frame of a paced source was due, and its pts

    def of(self, packet: "Packet[Stream]", arrived: float) -> Iterator[Shot]:
        self._clock.saw_packet(packet.dts)
        yield from self._decode(packet, arrived)

    def begin_again(self) -> None:
        """The next frame of a paced source is due one frame from now."""
        assert self._began is not None
        self._began = (time.perf_counter(), self._last)

    def rest(self) -> Iterator[Shot]:
        """What the decoder still holds at the end."""
        yield from self._decode(None, time.perf_counter())

    def linger(self) -> None:
        """The last frame of a paced source stays for its time, also where the source is played again."""
        if self._began is not None:
            due = self._began[0] + float((self._last - self._began[1]) * self._time_base)
            self._stop.wait(due + float(self._step) - time.perf_counter())

    def _decode(self, packet: "Packet[Stream] | None", arrived: float) -> Iterator[Shot]:
        try:
            frames = self._stream.decode(packet)
        except FFmpegError:
            return  # damaged on its way: the next keyframe mends it
        for decoded in frames:
            stamp = decoded.pts
            pts = self._clock.stamp(stamp)
            captured = self._captured(pts, stamp, arrived)
            if self._stop.is_set:
                return
            yield self._shot(decoded, pts if stamp is None or self._input.paced else stamp, captured)

    def _captured(self, pts: int, stamp: int | None, arrived: float) -> float:
        if self._input.paced:
            if self._began is None:
                self._began = (time.perf_counter(), pts)
            self._last = pts
            due = self._began[0] + float((pts - self._began[1]) * self._time_base)
            self._stop.wait(due - time.perf_counter())
            return due
        if self._input.device is not None and stamp is not None:
            # Linux stamps a frame when it begins to come in, on the clock of perf_counter.
            moment = float(stamp * self._time_base)
            if 0 <= arrived - moment < STAMPED:
                return moment
        return arrived

    def _shot(self, decoded: av.VideoFrame, pts: int, captured: float) -> Shot:
        shape = (decoded.height, decoded.width, decoded.format.name, decoded.color_range)
        if shape != self._shape:
            self._shape = shape
            self._format = video_format(self._stream, decoded, chroma_location=0)
            self._planar = Planar(height=self._format.height, width=self._format.width, depth=self._format.depth)
        try:
            y, u, v = self._planar.planes(decoded)
        except (FFmpegError, ValueError) as error:
            raise SourceError(
                f'"{self._input.name}" gives {decoded.format.name}, which cannot be shown ({reason(error)})'
            ) from error
        # Sound has the source's own clock: so have the frames, unless it is a file's, which may go back.
        frame = Frame(y=y, u=u, v=v, pts=pts, time_base=self._time_base, duration=decoded.duration or 0)
        return Shot(frame=frame, format=self._format, captured=captured)
