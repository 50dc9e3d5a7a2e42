"""Read a video file: every frame once, in order, as planar 4:2:0 with its own time."""

import contextlib
import logging
from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.codec.context import ThreadType
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from streamllie.errors import SourceError
from streamllie.frame import TICK, Frame, VideoFormat
from streamllie.video import tags
from streamllie.video.clock import FrameClock
from streamllie.video.conversions import conversions, has_other_colours
from streamllie.video.deinterlace import Deinterlacer, stream_is_interlaced
from streamllie.video.opening import (
    MICROSECONDS,
    container_length,
    open_input,
    packets,
    reason,
    video_stream,
)
from streamllie.video.planes import Planar
from streamllie.video.tail import tail
from streamllie.video.timeline import Timeline, exact

log = logging.getLogger(__name__)

GEN_PTS = 1  # libav's AVFMT_FLAG_GENPTS, which PyAV sets: it shifts avi by a frame; our clock does better
MISSING = 1  # seconds, or a tenth of the length; an end that comes earlier than the header says by so much is told
SEEK_MARGINS = (0, 5, 30, 10**9)  # seconds before the start: an index may miss the keyframe; last, all


class VideoSource:
    """The frames of one video file. Open it with `with`; iterate once.

    `start` and `duration` (seconds, from the beginning of the file) choose frames by their exact time.
    `notes` gets one sentence for each thing that is not passed on as it is; it is logged as a warning too.

        with VideoSource("night.mp4") as source:
            print(source.format.width, source.format.height)
            for frame in source: ...
    """

    format: VideoFormat

    def __init__(self, path: str | Path, *, start: float | None = None, duration: float | None = None) -> None:
        self.path = Path(path)
        self.notes: list[str] = []
        self.frames_read = 0
        self.video_bytes = 0  # size of the packets that the frames came from
        self._start, self._duration = start, duration
        self._container: InputContainer | None = None
        self._deinterlacer: Deinterlacer | None = None
        self._silent = False
        self._damaged: list[str] = []

    def __enter__(self) -> Self:
        container = open_input(self.path)
        try:
            self._open(container)
        except BaseException:
            container.close()
            raise
        self._container = container
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is not None:
            with contextlib.suppress(ValueError):  # another thread waits in it for the file
                self._frames.close()
            self._container.close()
            self._container = None

    def __iter__(self) -> Iterator[Frame]:
        found = self.format
        planar = Planar(height=found.height, width=found.width, depth=found.depth, full_range=found.full_range)
        for frame in chain([self._first], self._frames):
            try:
                y, u, v = planar.planes(frame)
            except (FFmpegError, ValueError) as error:
                raise SourceError(
                    f'"{self.path}" has pixel format {frame.format.name}, which cannot be converted to 4:2:0'
                    f" ({reason(error)}); convert it first"
                ) from error
            if (frame.height, frame.width) != (found.height, found.width):
                self._note(
                    f"the picture size changes to {frame.width}x{frame.height}: such frames are scaled to"
                    f" {self.format.width}x{self.format.height}"
                )
            if planar.relevelled == 1:
                self._note(f"the levels change: all frames get {'full' if found.full_range else 'limited'} ones")
            if has_other_colours(frame, found):
                self._note("the primaries, curve or matrix of the colours change: the output has the first ones")
            self.frames_read += 1
            assert frame.pts is not None
            yield Frame(
                y=y,
                u=u,
                v=v,
                pts=frame.pts,
                time_base=self.format.time_base,
                duration=frame.duration or 0,
            )
        self._note_repairs()

    def run_up(self, seconds: float) -> Iterator[Frame]:
        """The frames of up to so many seconds before the start, for what must warm up; none at the file's beginning.

        They come from another reading of the file, and are counted and told of nowhere.
        """
        begin = self._timeline.begin
        length = min(seconds, self._start or 0.0)
        if begin is None or length <= 0:
            return
        start = begin - self._timeline.file_start - exact(length)
        earlier = VideoSource(self.path, start=float(start), duration=length)
        earlier._silent = True
        with contextlib.suppress(SourceError), earlier:  # no frame in that span, or damage, which is told in its place
            for frame in earlier:
                if frame.time < begin:
                    yield frame

    @property
    def skipped(self) -> float:
        """Seconds of the file before the first frame that is wanted."""
        return self._start or 0.0

    def _open(self, container: InputContainer) -> None:
        stream = video_stream(container, self.path)
        container.flags &= ~GEN_PTS
        chroma_location = tags.chroma_location(container, stream)
        stream.thread_type = ThreadType.AUTO
        self._time_base = stream.time_base or TICK
        self._timeline = Timeline.of(container, start=self._start, duration=self._duration)
        self._reset(stream)
        self._frames = self._wanted(container, stream)
        try:
            self._first = next(self._frames)
        except StopIteration:
            raise self._nothing(container) from None
        found = tags.video_format(stream, self._first, chroma_location=chroma_location)
        self.format = tags.oriented(found, self._first)
        self.estimate = self._estimated(container, stream)
        self._promised_end = tags.promised_end(container, stream)
        for sentence in conversions(stream, self._first, self.format):
            self._note(sentence)

    def _estimated(self, container: InputContainer, stream: VideoStream) -> int | None:
        rate = self.format.rate
        whole = tags.frames_estimate(container, stream, rate)
        if self._timeline.begin is None and self._timeline.end is None:
            return whole
        length = container_length(container)
        if rate is None or length is None:
            return whole
        begin = self._timeline.file_start if self._timeline.begin is None else self._timeline.begin
        end = self._timeline.file_start + length if self._timeline.end is None else self._timeline.end
        return max(1, round(min(end - begin, self._timeline.file_start + length - begin) * rate))

    def _nothing(self, container: InputContainer) -> SourceError:
        length = container_length(container)
        if self._timeline.begin is not None or self._timeline.end is not None:
            long = f"; it is {float(length):g} s long" if length else ""
            return SourceError(f'"{self.path}" has no frame in the chosen span{long}; start earlier, or take more')
        why = f" ({self._damaged[0]})" if self._damaged else ""
        return SourceError(f'"{self.path}" has a video stream but not one frame that can be decoded{why}')

    # Frames: demux -> decode -> time -> deinterlace -> the wanted span

    def _wanted(self, container: InputContainer, stream: VideoStream) -> Generator[av.VideoFrame]:
        for frame in self._progressive(stream, self._decoded_from_start(container, stream)):
            assert frame.pts is not None
            time = frame.pts * self._time_base
            if self._timeline.end is not None and time >= self._timeline.end:
                return
            if self._timeline.has(time):
                yield frame

    def _decoded_from_start(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
        """Decoded frames from a keyframe at or before the wanted start, made sure of by decoding one."""
        begin = self._timeline.begin
        if begin is None or not self._timeline.trimmed or tags.is_raw(container):
            return self._decoded(container, stream)
        first = self._timeline.earliest
        for margin in SEEK_MARGINS:
            to = max(first, begin - margin)
            with contextlib.suppress(FFmpegError):  # no index: nothing has moved, we read from the start
                container.seek(int(to * MICROSECONDS))
            frames = self._decoded(container, stream)
            frame = next(frames, None)
            early = frame is not None and frame.pts is not None and frame.pts * self._time_base <= begin
            if early or to == first:
                return frames if frame is None else chain([frame], frames)
            self._reset(stream)
        raise AssertionError("the last margin leads to the start")

    def _reset(self, stream: VideoStream) -> None:
        self._clock = FrameClock(
            time_base=self._time_base, rate=tags.frame_rate(stream), numbered=tags.is_numbered(stream)
        )
        self._damaged.clear()
        self.video_bytes = 0

    def _progressive(self, stream: VideoStream, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        every_frame = stream_is_interlaced(stream)
        for frame in frames:
            frame.pts = self._clock.stamp(frame.pts)
            if self._deinterlacer is None and (every_frame or frame.interlaced_frame):
                self._note("interlaced: deinterlaced with bwdif, one frame out for each frame in")
                self._deinterlacer = Deinterlacer(stream, time_base=self._time_base, every_frame=every_frame)
            if self._deinterlacer is None:
                yield frame
            else:
                yield from self._deinterlacer.push(frame)
        if self._deinterlacer is not None:
            yield from self._deinterlacer.push(None)

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
        held, last = 0, None  # packets without their frame yet, the time of the last frame
        for packet in packets(container, [stream], path=self.path, damaged=self._damaged):
            self._clock.saw_packet(packet.dts)
            self._count(packet.size, packet.pts)
            held += 1
            try:
                for frame in stream.decode(packet):
                    held, last = held - 1, frame.pts
                    yield frame
            except FFmpegError as error:
                self._damaged.append(reason(error))
                held -= 1
        broken: list[str] = []
        try:
            for frame in stream.decode(None):  # frame threads hold frames back until told that no more will come
                held, last = held - 1, frame.pts
                yield frame
        except FFmpegError as error:
            broken.append(reason(error))
        if held > 0 and last is not None and not (self._clock.jumps or self._clock.disordered):
            yield from tail(self.path, after=last, damaged=self._damaged)  # and counts what is broken there
        else:
            self._damaged += broken

    def _count(self, size: int, pts: int | None) -> None:
        if pts is None or self._timeline.has(pts * self._time_base):
            self.video_bytes += size

    # What is not passed on as it is

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
            if self._silent:
                return
            log.warning("%s: %s", self.path.name, sentence)

    def _note_early_end(self) -> None:
        """An unfinished recording or copy, told by its own header; a whole file ends within a long frame of it."""
        last = self._clock.last
        if self._timeline.end is not None or self._promised_end is None or last is None:
            return
        missing = self._promised_end - last
        if missing > min(MISSING, self._promised_end / 10) + 3 * self._clock.longest_gap * self._time_base:
            self._note(f"the video stops at {float(last):.1f} s of {float(self._promised_end):.1f} s: it is cut short")

    def _note_repairs(self) -> None:
        self._note_early_end()
        if self._damaged:
            self._note(f"damaged packets, which were skipped: {len(self._damaged)}")
        if self._clock.jumps:
            self._note(f"the clock goes back {self._clock.jumps} times: the parts follow each other without a gap")
        if self._clock.disordered:
            self._note(f"frames moved by one tick, to come after their predecessor: {self._clock.disordered}")
        if self._clock.invented:
            self._note(f"frames without a time of their own, taken from the frame rate: {self._clock.invented}")
