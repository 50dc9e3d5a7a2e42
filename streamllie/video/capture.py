"""Frames of a live source, each with the moment at which this program could first have it."""

import errno
import logging
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, suppress
from typing import Protocol
from urllib.parse import urlsplit

import av
from av.audio.stream import AudioStream
from av.codec.context import Flags, ThreadType
from av.container import InputContainer
from av.error import ExitError, FFmpegError, ProtocolNotFoundError
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from streamllie.ahead import Stop
from streamllie.errors import NothingSent, SourceError
from streamllie.place import is_url
from streamllie.video.bridge import needs_bridge, read_through
from streamllie.video.hold import held
from streamllie.video.inputs import SCREEN, Input
from streamllie.video.liveframes import LiveFrames, Shot
from streamllie.video.opening import NOT_FRAMES, has_decoder, reason
from streamllie.video.v4l2 import users_of

NO_LISTENING = {0, errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}  # 0: the bridge is not there
KEYFRAME = 60.0  # seconds that a stream may take to its first picture, which is the next keyframe's
IN_ORDER = {"mpeg1video", "mpeg2video", "mpeg4"}  # decoders to which `low_delay` says that there are no B-frames
HANGING_UP = 1.0  # seconds for libav to take the call that ends its wait
LISTENING = {"rtmp": 1935, "rtsp": 554, "http": 80}  # ports that libav takes where a URL names none
POLL = 0.002  # seconds between questions to a camera that has no new frame: a tenth of what a person can see

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who wants the sound of a source too. Called in the thread that reads."""

    def opened(self, sound: AudioStream | None) -> None:
        """The source was opened, for the first time or again, and has this sound."""
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
        video, sound = _streams(container, input)
        if listener is not None:
            if sound is None and container.streams.audio:  # announced, and nothing of it came; or nobody knows it
                log.warning('the sound of "%s" has not begun, or cannot be decoded: it is left out', input.name)
            listener.opened(sound)
        frames, watch = LiveFrames(input, video, stop), _Watch(input)
        for packet, arrived in _packets(container, input, stop, watch):
            if packet.stream.index != video.index:
                if listener is not None and sound is not None and packet.stream.index == sound.index:
                    listener.heard(packet)
                continue
            for shot in frames.of(packet, arrived):
                yield shot
                if input.at_its_pace and not ready():
                    with stop.changed:
                        stop.changed.wait_for(lambda: ready() or stop.is_set)
                    frames.begin_again()
                watch.saw_picture()
        if not stop.is_set:
            yield from frames.rest()
            frames.linger()


def _open(input: Input, stack: ExitStack, stop: Stop) -> InputContainer:
    try:
        if needs_bridge(input.url):
            return stack.enter_context(read_through(input.url, stop, opening=input.opening))
        if is_url(input.url):
            return _open_meanwhile(input, stop)
        return _look(input)
    except (FFmpegError, OSError, ValueError) as error:
        raise _not_opened(input, error) from None  # libav's own text shows passwords


def _look(input: Input) -> InputContainer:
    timeout = (input.opening, input.patience) if is_url(input.url) or not input.paced else None
    return av.open(input.url, format=input.format, options=dict(input.options), timeout=timeout)


def _open_meanwhile(input: Input, stop: Stop) -> InputContainer:
    """In a thread of its own: libav may look for long at what is silent, and once stopped nobody waits for it."""
    opened: Future[InputContainer] = Future()

    def look() -> None:
        try:
            opened.set_result(_look(input))
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            opened.set_exception(error)
        with stop.changed:
            stop.changed.notify_all()

    threading.Thread(target=look, name="streamllie-open", daemon=True).start()
    with stop.changed:
        stop.changed.wait_for(lambda: opened.done() or stop.is_set)
    if not opened.done():
        if input.waits:
            _hang_up(input.url, opened)
        opened.add_done_callback(lambda late: late.exception() or late.result().close())
        raise SourceError(f'"{input.name}" was given up while it was opened')
    return opened.result()


def _hang_up(url: str, opened: Future[InputContainer]) -> None:
    """Call libav, which waits for a call here, so that it waits no longer and leaves its port to whoever is next.

    Again if it does not wait yet: a thread begins when the machine has time for it.
    """
    place, until = urlsplit(url), time.monotonic() + HANGING_UP
    while not opened.done() and time.monotonic() < until:
        with suppress(OSError, ValueError):
            port = place.port or LISTENING.get(place.scheme, 0)
            socket.create_connection((place.hostname or "", port), timeout=1).close()
        wait([opened], timeout=0.02)


def _not_opened(input: Input, error: Exception) -> SourceError:
    code = getattr(error, "errno", None)
    if input.device is not None and code == errno.EBUSY:
        users = ", ".join(users_of(input.device))
        by = f"by {users}" if users else "by another program, perhaps of another user"
        return SourceError(f'the camera "{input.name}" ({input.device}) is in use {by}; end that program first')
    if input.waits and not isinstance(error, ProtocolNotFoundError) and code not in NO_LISTENING:
        late = isinstance(error, ExitError) or code == errno.ETIMEDOUT
        return NothingSent(f'"{input.name}" was sent no picture ({"nobody connected" if late else reason(error)})')
    if isinstance(error, ExitError):
        return SourceError(f'"{input.name}" did not answer within {input.opening:g} s; is it running?')
    size = input.options.get("video_size")
    if input.format == SCREEN and code == errno.EINVAL and size is not None:
        return SourceError(f'"{input.name}" is smaller than {size}; give a --size that it has room for')
    return SourceError(f'"{input.name}" cannot be opened ({reason(error)}); check its name and that it is there')


def _streams(container: InputContainer, input: Input) -> tuple[VideoStream, AudioStream | None]:
    """The picture, of HLS's variants the largest, and the sound that goes with it. Nothing else is read, or fetched."""
    moving = [s for s in container.streams.video if not s.disposition & NOT_FRAMES]
    if not moving or not has_decoder(moving[0]):
        wrong = NothingSent if input.waits else SourceError
        raise wrong(f'"{input.name}" has no video that can be decoded here')
    video = moving[0]
    if container.format.name == "hls":
        video = max(moving, key=lambda s: s.codec_context.height * s.codec_context.width)
    video.thread_type = ThreadType.SLICE  # frame threads hold back a frame each
    if video.codec_context.codec.canonical_name not in IN_ORDER:
        video.codec_context.flags |= Flags.low_delay
    sound = container.streams.best("audio", video)
    assert sound is None or isinstance(sound, AudioStream)
    if sound is not None and not has_decoder(sound):
        sound = None
    for stream in container.streams:
        if stream.index not in {video.index, sound.index if sound is not None else None}:
            stream.discard = Discard.all
    return video, sound


class _Watch:
    """Whether pictures still come: packets alone may be of another codec, or sound."""

    def __init__(self, input: Input) -> None:
        self._input = input
        self._last, self._seen = time.perf_counter(), False

    def saw_picture(self) -> None:
        """One was taken just now: whoever takes it may have been busy."""
        self._last, self._seen = time.perf_counter(), True

    def check(self) -> None:
        """Raise SourceError if none came for too long. The first one needs a keyframe."""
        keyframe = not self._seen and self._input.device is None
        patience = max(KEYFRAME, self._input.patience) if keyframe else self._input.patience
        if not self._input.paced and time.perf_counter() - self._last > patience:
            raise _silent(self._input, patience)


def _packets(
    container: InputContainer, input: Input, stop: Stop, watch: _Watch
) -> "Iterator[tuple[Packet[Stream], float]]":
    """Packets of every stream and when they came, until the end: sound goes on where the picture has stopped."""
    began = False
    packets = container.demux()
    while not stop.is_set:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except BlockingIOError:  # a camera that has nothing yet
            watch.check()
            stop.wait(POLL)
            packets = container.demux()
            continue
        except ExitError:
            raise _silent(input, input.patience) from None
        except (FFmpegError, OSError) as error:
            if not began and is_url(input.url) and "mp4" in container.format.name.split(","):
                raise SourceError(
                    f'"{input.name}" cannot be read ({reason(error)}): if its index is at its end, the server must be '
                    "able to send a part of it; download the file first"
                ) from None
            raise SourceError(f'"{input.name}" was lost ({reason(error)})') from None
        began = True
        if packet.size or input.format == "lavfi":
            watch.check()
            yield packet, time.perf_counter()


def _silent(input: Input, patience: float) -> SourceError:
    return SourceError(f'"{input.name}" gave no picture for {patience:g} s')
