"""Copy every other stream packet for packet: sound, subtitles, fonts, cover art, data, more video."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import AttachmentStream, DataStream, Discard, Stream
from av.subtitles.stream import SubtitleStream

from streamllie.errors import SinkError
from streamllie.frame import TICK
from streamllie.video.containers import CONTAINERS, PLACED, TEXT_SUBTITLES, Container
from streamllie.video.linear import Linear, becomes_linear, is_exact
from streamllie.video.metadata import Said, copy_chapters, copy_file_metadata, copy_stream_metadata, lost_tags, said_of
from streamllie.video.opening import MICROSECONDS, NOT_FRAMES, has_decoder, packets, reason, video_stream
from streamllie.video.streams import (
    codec_of,
    describe,
    first_packet,
    has_not_begun,
    holds,
    name_layout,
    open_with_sound,
    template,
)
from streamllie.video.subtitles import SubtitleConverter
from streamllie.video.timeline import Timeline
from streamllie.video.track import Converter, Track

log = logging.getLogger(__name__)

SEEK_MARGIN = 10  # seconds; sound may lie before the video that it belongs to, and subtitles last for a while
PATIENCE = 10  # seconds after the wanted end to read on for packets that are stored late
HOLDERS = (".mkv", ".mov", ".mp4", ".avi", ".ts")  # of sound, those that hold most first
LATE = 0.04  # seconds that sound may be early without anybody hearing it
NONSTRICT = 0x20000  # libav's AVFMT_TS_NONSTRICT: packets of one stream may share a decoding time
PICTURES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}


class Passthrough:
    """Reads the input a second time and muxes its other streams up to the time that the video has reached.

    Remembers one packet, each stream's clock and what its Track holds; memory stays flat whatever the length.
    """

    def __init__(
        self,
        path: Path,
        output: OutputContainer,
        container: Container,
        *,
        suffix: str,
        timeline: Timeline,
        shift: Fraction,
        note: Callable[[str], None],
    ) -> None:
        self._note = note
        self._output, self._container, self._suffix = output, container, suffix
        self._timeline, self._shift = timeline, shift
        self._tracks: dict[int, Track] = {}
        self._pictures: list[tuple[Stream, Stream]] = []
        self._damaged: list[str] = []
        self._path = path
        self._input = open_with_sound(path)
        self._main = video_stream(self._input, path)
        self._packets: Iterator[Packet[Stream]] = iter(())
        self._pending: Packet[Stream] | None = None

    def close(self) -> None:
        """Let go of the input."""
        self._input.close()

    @property
    def input(self) -> InputContainer:
        """The file that is copied from."""
        return self._input

    def add_streams(self, add_video: Callable[[], Stream]) -> None:
        """Make all output streams in the order of the input's; `add_video` makes the main one."""
        for stream in self._input.streams:
            if stream.index == self._main.index:
                output = add_video()
                copy_stream_metadata(stream, output, changed=True)
                if self._timeline.trimmed and output.metadata.pop("timecode", None):
                    self._note("the timecode is dropped: the video starts later than it says")
            else:
                self._add(stream)
        copy_file_metadata(self._input, self._output)
        kept = [s for s in self._input.streams if s.index in self._tracks or s.index == self._main.index]
        if lost := lost_tags(self._input, kept, self._container):
            self._note(f"{', '.join(lost)}: dropped, {self._suffix} cannot say so")
        if self._container.chapters:
            copy_chapters(self._input, self._output, self._timeline, self._shift)
        elif chapters := self._input.chapters():
            self._note(f"{len(chapters)} chapters are dropped: {self._suffix} has none")
        for stream in self._input.streams:
            if stream.index not in self._tracks:
                stream.discard = Discard.all

    def begin(self) -> None:
        """Write cover art and go to the first wanted packet; the output's header must be written."""
        for source, target in self._pictures:
            picture = Packet(first_packet(self._path, source.index))
            picture.stream = target
            picture.time_base = source.time_base or TICK
            picture.pts = picture.dts = 0
            picture.is_keyframe = True
            self._output.mux_one(picture)
        if not self._tracks:
            return
        if self._timeline.begin is not None and self._timeline.trimmed:
            with contextlib.suppress(FFmpegError):  # no index: we read from the start
                self._input.seek(int(max(self._timeline.earliest, self._timeline.begin - SEEK_MARGIN) * MICROSECONDS))
        chosen = [stream for stream in self._input.streams if stream.index in self._tracks]
        self._packets = packets(self._input, chosen, path=self._path, damaged=self._damaged)

    def copy_until(self, time: Fraction | None) -> None:
        """Mux all packets up to a time of the video, as `FrameClock` tells it; None: all that are left."""
        if not self._tracks:
            return
        while True:
            if self._pending is None:
                self._pending = next(self._packets, None)
                if self._pending is None:
                    self._end()
                    return
            packet = self._pending
            due = self._tracks[packet.stream_index].follow(packet)
            if time is not None and due is not None and due > time:
                return
            self._pending = None
            if self._is_past_end(packet):
                self._packets = iter(())
                self._end()
                return
            self._copy(packet)

    def finish(self) -> None:
        """Write what is still held back, when no packet is to follow."""
        for track in self._tracks.values():
            self._write(track, track.rest())
            if track.late:
                none = "has no keyframe after the start: none of it is copied"
                self._note(f"{track.name} {none if track.is_new else 'begins with its first keyframe after the start'}")

    def said(self) -> "list[Said]":
        """What is said of the sound and the subtitles that were written, by the numbers of the input's streams."""
        return [said_of(index, track.output) for index, track in self._tracks.items() if track.last is not None]

    def _end(self) -> None:
        self.finish()
        if self._damaged:
            self._note(f"{len(self._damaged)} damaged packets of sound, subtitles or data were skipped")
            self._damaged.clear()

    # Which streams, and how

    def _add(self, stream: Stream) -> None:
        if stream.disposition & NOT_FRAMES:
            self._add_picture(stream)
        elif isinstance(stream, AttachmentStream):
            if self._container.attachments:
                self._output.add_attachment(
                    stream.name or f"attachment-{stream.index}",
                    stream.mimetype or "application/octet-stream",
                    stream.data,
                )
            else:
                self._drop(stream)
        elif isinstance(stream, SubtitleStream):
            self._add_subtitle(stream)
        elif isinstance(stream, DataStream):
            # In mp4 and mov, chapters and timecode are tracks as well as metadata; the muxer makes them anew.
            is_chapters = stream.name == "bin_data" and self._input.chapters()
            if is_chapters or "timecode" in stream.metadata:
                return
            # What libav has no name for, as a phone's timed metadata, would go into mov without what explains it.
            self._add_copy(stream) if stream.name is not None else self._drop(stream)
        elif not has_decoder(stream):
            self._note(f"{describe(stream)} is dropped: its codec is not known here")
        elif has_not_begun(stream):
            self._note(f"{describe(stream)} is dropped: it is announced, and nothing of it was found")
        elif stream.type in ("audio", "video"):
            self._add_copy(stream)
        else:
            self._drop(stream)

    def _add_picture(self, stream: Stream) -> None:
        name = codec_of(stream)
        if self._container.attachments and name in PICTURES:
            file_name, mime = PICTURES[name]
            self._output.add_attachment(
                stream.metadata.get("filename", file_name),
                stream.metadata.get("mimetype", mime),
                first_packet(self._path, stream.index),
            )
        elif self._container.cover_stream and holds(self._container, stream):
            target = self._output.add_stream_from_template(stream, opaque=True)
            copy_stream_metadata(stream, target, changed=False)
            self._pictures.append((stream, target))
        else:
            self._drop(stream)

    def _add_subtitle(self, stream: SubtitleStream) -> None:
        name = codec_of(stream)
        other = self._container.text_subtitle
        if name in self._container.subtitles:
            self._add_copy(stream)
        elif name in TEXT_SUBTITLES and other is not None:
            converter = SubtitleConverter(stream, self._output, codec=other)
            copy_stream_metadata(stream, converter.stream, changed=False)
            self._tracks[stream.index] = self._track(stream, converter.stream, converter)
            log.info("%s is converted to %s", describe(stream), other)
            if name in PLACED:
                self._note(f"{describe(stream)} becomes {other}: where its lines stand, and its drawings, are lost")
        else:
            self._drop(stream)

    def _add_copy(self, stream: Stream) -> None:
        if holds(self._container, stream):
            if stream.type == "video":
                self._note(f"{describe(stream)} is copied as it is: one video of a file is enhanced")
            with template(stream, self._path, self._container) as like:
                target = self._output.add_stream_from_template(like, opaque=True)
            target.time_base = stream.time_base
            if isinstance(target, AudioStream) and self._container.muxer == "mp4":
                name_layout(target)
            cut = self._timeline.begin is not None or self._timeline.end is not None
            copy_stream_metadata(stream, target, changed=cut)
            self._tracks[stream.index] = self._track(stream, target)
        elif isinstance(stream, AudioStream) and becomes_linear(stream, self._container.muxer):
            linear = Linear(stream, self._output)
            copy_stream_metadata(stream, linear.stream, changed=True)
            self._tracks[stream.index] = self._track(stream, linear.stream, linear)
            how = "the same samples" if is_exact(stream) else "its samples, rounded"
            self._note(f"{describe(stream)} becomes {linear.codec}: {how}")
        elif stream.type == "audio":
            other = next((name for name in HOLDERS if _takes(CONTAINERS[name], stream)), None)
            way = f"name the output {other}, which holds it" if other else "no container here does: convert it first"
            raise SinkError(f"{describe(stream)} cannot be copied into {self._suffix}; {way}")
        else:
            self._drop(stream)

    def _track(self, stream: Stream, output: Stream, converter: Converter | None = None) -> Track:
        ties = bool(self._output.format.flags & NONSTRICT)
        return Track(output, describe(stream), ties, converter)

    def _drop(self, stream: Stream) -> None:
        self._note(f"{describe(stream)} is dropped: {self._suffix} cannot hold it")

    # Packets

    def _is_past_end(self, packet: "Packet[Stream]") -> bool:
        """Whether nothing wanted can follow, so that a short cut of a long film need not read all of it."""
        end, track = self._timeline.end, self._tracks[packet.stream_index]
        when = track.time_of(packet)
        if track.output.type == "video" and packet.dts is not None:  # pictures that are shown earlier may follow
            when = (packet.dts + track.offset) * packet.time_base
        if end is None or when is None or when < end:
            return False
        track.past_end = True
        dense = [t for t in self._tracks.values() if t.output.type in ("audio", "video")]
        return when > end + PATIENCE or (bool(dense) and all(t.past_end for t in dense))

    def _copy(self, packet: "Packet[Stream]") -> None:
        track, begin = self._tracks[packet.stream_index], self._timeline.begin
        when = track.time_of(packet)
        if when is not None and not self._timeline.has(when):
            if begin is None or not track.shown_at(packet, begin):
                return
        elif begin is not None and track.output.type == "video" and track.is_new and not packet.is_keyframe:
            track.late = True
            return
        if self._timeline.end is not None:
            track.end_by(packet, self._timeline.end)
        self._write(track, self._ready(track, packet))

    def _ready(self, track: Track, packet: "Packet[Stream]") -> "list[Packet[Stream]]":
        if track.converter is None:
            return track.ready(packet, container=self._container)
        try:
            return track.converter.convert(packet)
        except FFmpegError as error:  # as of a subtitle that is not UTF-8
            self._damaged.append(reason(error))
            return []

    def _note_late(self, track: Track, packet: "Packet[Stream]") -> None:
        late = float((track.time_of(packet) or 0) - self._shift)
        if late > LATE:
            self._note(
                f"audio stream #{packet.stream_index} begins {late:.2f} s after the picture, which {self._suffix}"
                " cannot say: it is heard so much too early; name the output .mkv or .mp4"
            )

    def _write(self, track: Track, ready: "list[Packet[Stream]]") -> None:
        for packet in ready:
            if self._container.constant_rate and track.last is None and track.output.type == "audio":
                self._note_late(track, packet)
            track.place(packet, shift=self._shift)
            try:
                self._output.mux_one(packet)
            except FFmpegError as error:
                if isinstance(error, OSError):  # of the file, not of this stream
                    raise
                raise SinkError(
                    f"{track.name} cannot be written into {self._suffix} ({reason(error)}); name another kind of file"
                ) from error


def _takes(container: Container, stream: Stream) -> bool:
    return holds(container, stream) or becomes_linear(stream, container.muxer)
