"""Decode, stamp and shape the frames of one connection to a live source."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import av
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from streamllie.ahead import Stop
from streamllie.errors import SourceError
from streamllie.frame import TICK, Frame, VideoFormat
from streamllie.video.clock import RAW_RATE, FrameClock
from streamllie.video.deinterlace import Deinterlacer, stream_is_interlaced
from streamllie.video.inputs import Input
from streamllie.video.opening import reason
from streamllie.video.planes import Planar
from streamllie.video.tags import frame_rate, is_raw, oriented, video_format

STAMPED = 1.0  # seconds; a camera's own stamp is believed if it is no older than this
LATE, LEAP = 0.5, 1.0  # seconds behind and ahead, from which a source that comes in pieces begins its pace anew
HURRY = 4.0  # seconds of pictures that are shown twice as fast where pieces were missed: the next is about to go, too

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One frame of a live source, upright."""

    frame: Frame
    format: VideoFormat  # the same object until the picture changes its size or depth
    captured: float  # seconds on time.perf_counter's clock


class LiveFrames:
    """What the packets of one connection show. Remembers when to show the next frame, and one for deinterlacing."""

    def __init__(self, input: Input, stream: VideoStream, stop: Stop) -> None:
        self._input, self._stream, self._stop = input, stream, stop
        self._time_base = stream.time_base or TICK
        rate = frame_rate(stream)
        self._step = 1 / (rate or RAW_RATE)  # seconds
        self._clock = FrameClock(time_base=self._time_base, rate=rate)
        # Where nobody tells times libav makes them up: what is shown as it comes has the time of its coming.
        self._untimed = is_raw(stream.container) and not input.at_its_pace
        if self._untimed:
            self._time_base = TICK
        self._last = -1
        self._shape: tuple[object, ...] | None = None
        self._began: tuple[float, int] | None = None  # when the first frame of a paced source was due, and its pts
        self._hurries = False
        self._all_interlaced = stream_is_interlaced(stream)
        self._deinterlacer: Deinterlacer | None = None

    def of(self, packet: "Packet[Stream]", arrived: float) -> Iterator[Shot]:
        """The frames that a packet brings."""
        self._clock.saw_packet(packet.dts)
        yield from self._decoded(packet, arrived)

    def rest(self) -> Iterator[Shot]:
        """What the decoder still holds at the end."""
        yield from self._decoded(None, time.perf_counter())
        if self._deinterlacer is not None:
            self._captured += float(self._step)  # it is the one after the last that was shown
            yield from map(self._shown, self._deinterlacer.push(None))

    def begin_again(self) -> None:
        """The next frame of a paced source is due one frame from now."""
        assert self._began is not None
        self._began = (time.perf_counter(), self._last)

    def linger(self) -> None:
        """The last frame of a file stays for its time, also where it is played again."""
        if self._began is not None and self._input.paced:
            due = self._began[0] + float((self._last - self._began[1]) * self._time_base)
            self._stop.wait(due + float(self._step) - time.perf_counter())

    def _decoded(self, packet: "Packet[Stream] | None", arrived: float) -> Iterator[Shot]:
        try:
            frames = self._stream.decode(packet)
        except FFmpegError:
            return  # damaged on its way: the next keyframe mends it
        for decoded in frames:
            stamp = decoded.pts
            pts = self._clock.stamp(stamp)
            self._captured = self._due(pts, stamp, arrived)
            if self._stop.is_set:
                return
            # Sound has the source's own clock: so have the frames, unless it is a file's, which may go back.
            decoded.pts = pts if stamp is None or self._input.paced else stamp
            if self._untimed:
                decoded.pts = self._last = max(self._last + 1, round(arrived / self._time_base))
            for frame in self._whole(decoded):
                yield self._shown(frame)

    def _due(self, pts: int, stamp: int | None, arrived: float) -> float:
        """Wait until a frame is to be shown, if it came too early; the moment at which it could first be had."""
        if self._input.at_its_pace:
            now = time.perf_counter()
            if self._began is None:
                self._began = (now, pts)
            self._last = pts
            passed = float((pts - self._began[1]) * self._time_base)
            due = self._began[0] + passed / (2 if self._hurries else 1)
            if self._hurries and passed > HURRY:
                self._began, self._hurries = (due, pts), False
            if not self._input.paced and not -LATE < due - now < LEAP + 2 * self._step:
                self._began, self._hurries, due = (now, pts), due > now, now  # a piece was late, or some were missed
            self._stop.wait(due - now)
            return due
        if self._input.device is not None and stamp is not None:
            # Linux stamps a frame when it begins to come in, on the clock of perf_counter.
            moment = float(stamp * self._time_base)
            if 0 <= arrived - moment < STAMPED:
                return moment
        return arrived

    def _whole(self, decoded: av.VideoFrame) -> list[av.VideoFrame]:
        """The same, or of interlaced video the frame before, deinterlaced."""
        if self._deinterlacer is None:
            if not (self._all_interlaced or decoded.interlaced_frame):
                return [decoded]
            log.warning('"%s" is interlaced: deinterlaced with bwdif', self._input.name)
            self._deinterlacer = Deinterlacer(self._stream, time_base=self._time_base, every_frame=self._all_interlaced)
        decoded.time_base = self._time_base
        return self._deinterlacer.push(decoded)

    def _shown(self, decoded: av.VideoFrame) -> Shot:
        shape = (decoded.height, decoded.width, decoded.format.name, decoded.color_range)
        if shape != self._shape:
            self._shape = shape
            told = oriented(video_format(self._stream, decoded, chroma_location=0), decoded)
            self._planar = Planar(height=told.height, width=told.width, depth=told.depth)
            self._told, self._format = told, _upright(told)
        try:
            planes = self._planar.planes(decoded)
        except (FFmpegError, ValueError) as error:
            raise SourceError(
                f'"{self._input.name}" gives {decoded.format.name}, which cannot be shown ({reason(error)})'
            ) from error
        y, u, v = (self._told.upright(plane) for plane in planes)
        duration = 0 if self._untimed else decoded.duration or 0
        frame = Frame(y=y, u=u, v=v, pts=decoded.pts or 0, time_base=self._time_base, duration=duration)
        return Shot(frame=frame, format=self._format, captured=self._captured)


def _upright(told: VideoFormat) -> VideoFormat:
    """The same as a viewer sees it: few streams can say how to turn a picture."""
    if not told.lies:
        return replace(told, rotation=0, mirrored=False)
    shape = 1 / told.sample_aspect_ratio if told.sample_aspect_ratio else None
    return replace(told, rotation=0, mirrored=False, height=told.width, width=told.height, sample_aspect_ratio=shape)
