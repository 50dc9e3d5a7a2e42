"""Write a video file: encode the frames, copy everything else, give the file its name when it is whole."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import lcm
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.stream import VideoStream

from streamllie.errors import FrameCountMismatch, SinkError, StreamLLIEError
from streamllie.frame import Frame, VideoFormat
from streamllie.interrupts import postponed
from streamllie.target import check_target, give_name, keep_as, temporary_name, write_error
from streamllie.video.choice import choose
from streamllie.video.containers import FLUSH_PACKETS, container_for, when_live
from streamllie.video.encoding import Encoding
from streamllie.video.lowdelay import keyframe_distance
from streamllie.video.metadata import Said, lost_in_writing, needs_free_tags
from streamllie.video.opening import open_input, packets, reason, video_stream
from streamllie.video.passthrough import Passthrough
from streamllie.video.tags import source_bit_rate
from streamllie.video.timeline import Timeline

log = logging.getLogger(__name__)

FINEST_CLOCK = 1_000_000  # ticks per second of a whole mp4; beyond that its 32-bit lengths overflow within the hour


class VideoSink:
    """One video file being written under a hidden name; leaving the `with` completes, checks and names it.

    If the body raises KeyboardInterrupt, what was written becomes a playable `<stem>.partial<ext>`; of a `live` source,
    which does not come again, also if it raises anything else. Otherwise nothing stays then.

        with VideoSink("day.mp4", source.format, copy_from="night.mp4") as sink:
            for frame in source:
                sink.write(frame)
            sink.expect(source.frames_read)
    """

    def __init__(
        self,
        target: str | Path,
        format: VideoFormat,
        *,
        copy_from: str | Path | None = None,
        codec: str = "auto",
        crf: float | None = None,
        preset: str | None = None,
        max_bitrate: str | int | None = None,
        overwrite: bool = False,
        start: float | None = None,
        duration: float | None = None,
        live: bool = False,
    ) -> None:
        self.path = Path(target)
        self.format = format
        self.notes: list[str] = []
        self.frames_written = 0
        self.written_to: Path | None = None  # the file's name once it has one
        self._copy_from = None if copy_from is None else Path(copy_from)
        self._codec, self._crf, self._preset, self._max_bitrate = codec, crf, preset, max_bitrate
        self._overwrite = overwrite
        self._start, self._duration = start, duration
        self._expected: int | None = None
        self._flushed = False
        self._said: list[Said] = []
        self._passthrough: Passthrough | None = None
        self._live = live
        self._kind = when_live(container_for(self.path)) if live else container_for(self.path)
        check_target(self.path, source=self._copy_from, overwrite=overwrite)

    def __enter__(self) -> Self:
        self._temporary = temporary_name(self.path)
        try:
            self._open()
        except BaseException as error:
            self._discard()
            if isinstance(error, StreamLLIEError) or not isinstance(error, FFmpegError | OSError | ValueError):
                raise
            raise self._failure(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._complete()
            elif (self._live or isinstance(error, KeyboardInterrupt)) and self.frames_written:
                with postponed():
                    self._keep_partial(error)
        except KeyboardInterrupt:  # while completing, which may copy hours of sound
            if error is None and self.written_to is None:
                with postponed():
                    self._keep_partial(None)
            raise
        except SinkError as failure:
            if self._live and error is None and self.frames_written and self._temporary.exists():
                self._keep_partial(failure)
            raise
        finally:
            self._discard()

    @property
    def encoder(self) -> str:
        """The name of the encoder in use, such as "libx264"."""
        return self._choice.encoder.name

    @property
    def unused_options(self) -> dict[str, str]:
        """Settings that the encoder did not know: none, unless we made a mistake."""
        return dict(self._encoding.stream.codec_context.options)

    @property
    def video_bytes(self) -> int:
        """Size of the encoded frames so far."""
        return self._encoding.bytes

    def write(self, frame: Frame) -> None:
        """Encode one frame and mux what is ready, with the other streams up to its time."""
        with postponed():  # a packet between encoder and muxer would be lost
            try:
                self._mux(self._encoding.encode(frame))
                if self._passthrough is not None:
                    self._passthrough.copy_until(frame.time)
            except (FFmpegError, OSError) as error:
                raise self._failure(error) from error
            self.frames_written += 1

    def expect(self, frames: int) -> None:
        """Say how many frames were read; leaving then raises FrameCountMismatch if others were written."""
        self._expected = frames

    # Opening

    def _open(self) -> None:
        container_options = dict(self._kind.options)
        source_codec = source_profile = source_rate = None
        self._output: OutputContainer = av.open(
            f"file:{self._temporary}", mode="w", format=self._kind.muxer, container_options=container_options
        )
        self._shift = Fraction(0)
        if self._copy_from is not None:
            with open_input(self._copy_from) as container:
                timeline = Timeline.of(container, start=self._start, duration=self._duration)
                main = video_stream(container, self._copy_from)
                source_codec, source_profile = main.codec_context.codec.canonical_name, main.codec_context.profile
                source_rate = source_bit_rate(container, main)
            whole_ticks = timeline.shift(keep_late_start=self._kind.late_start) // self.format.time_base
            self._shift = whole_ticks * self.format.time_base
            self._passthrough = Passthrough(
                self._copy_from,
                self._output,
                self._kind,
                suffix=self.path.suffix,
                timeline=timeline,
                shift=self._shift,
                note=self._note,
            )
        self._choice = choose(
            self.format,
            self._kind,
            suffix=self.path.suffix,
            codec=self._codec,
            source_codec=source_codec,
            source_profile=source_profile,
            crf=self._crf,
            preset=self._preset,
            max_bitrate=self._max_bitrate,
            source_rate=source_rate,
        )
        if self._live:  # whatever ends it, all but the last seconds can be played
            self._output.flags |= FLUSH_PACKETS
            keyframes = {"g": str(keyframe_distance(self.format.rate))}
            self._choice = replace(self._choice, options=self._choice.options | keyframes)
        if self._choice.why:
            self._note(self._choice.why)
        log.info("encoding with %s %s", self._choice.encoder.name, self._choice.options)
        if self._passthrough is None:
            self._add_video()
        else:
            self._passthrough.add_streams(self._add_video)
        if self._kind.muxer in ("mp4", "mov"):
            self._output.container_options.update(self._mp4_options())
        self._output.start_encoding()
        if self._passthrough is not None:
            self._passthrough.begin()

    def _add_video(self) -> VideoStream:
        self._encoding = Encoding(
            self._output, self.format, self._kind, self._choice, shift=self._shift, note=self._note
        )
        return self._encoding.stream

    def _mp4_options(self) -> dict[str, str]:
        """A clock of the whole file that tells each stream's start exactly; by default it has 1 ms steps."""
        ticks = [s.time_base.denominator for s in self._output.streams if s.time_base]
        common = lcm(*ticks)
        options = {"movie_timescale": str(common if common <= FINEST_CLOCK else self._encoding.time_base.denominator)}
        if self._passthrough is not None and needs_free_tags(self._passthrough.input):
            options["movflags"] = dict(self._kind.options)["movflags"] + "+use_metadata_tags"
        return options

    def _mux(self, packets: "Iterator[Packet[Stream]]") -> None:
        for packet in packets:
            self._output.mux_one(packet)

    # Leaving

    def _complete(self) -> None:
        if not self.frames_written:
            raise SinkError(f'not one frame came for "{self.path}"; nothing was written')
        if self._expected is not None and self._expected != self.frames_written:
            raise FrameCountMismatch(
                f'{self._expected} frames were read but {self.frames_written} were given to "{self.path}";'
                " nothing was written"
            )
        self._close(copy_rest=True)
        self._verify()
        with postponed():
            give_name(self._temporary, self.path, overwrite=self._overwrite)
            self.written_to = self.path

    def _keep_partial(self, failure: BaseException | None) -> None:
        try:
            self._close(copy_rest=False)
        except SinkError:
            if not self._live:
                raise
        self.written_to = keep_as(self._temporary, self.path, "partial")
        if failure is None or isinstance(failure, KeyboardInterrupt):
            log.warning('interrupted: the first %d frames are in "%s"', self.frames_written, self.written_to)
        else:
            log.warning('what was written is in "%s"', self.written_to)

    def _close(self, *, copy_rest: bool) -> None:
        try:
            if not self._flushed:
                with postponed():  # as in `write`
                    self._flushed = True
                    self._mux(self._encoding.flush())
            if self._passthrough is not None:
                if copy_rest:
                    self._passthrough.copy_until(None)
                else:
                    self._passthrough.finish()
                self._said = self._passthrough.said()
            self._output.close()
        except (FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _verify(self) -> None:
        """Read the file back, without decoding: as many pictures must be in it as were given."""
        with open_input(self._temporary) as file:
            main = video_stream(file, self._temporary)
            for stream in file.streams:
                if stream.index != main.index:
                    stream.discard = Discard.all
            damaged: list[str] = []
            read = packets(file, [main], path=self._temporary, damaged=damaged)
            found = sum(not packet.is_discard for packet in read)
            if lost := lost_in_writing(self._said, file, self._kind):
                self._note(f"{', '.join(lost)}: dropped, {self.path.suffix} cannot say so")
        if found != self.frames_written or self._encoding.packets != self.frames_written or damaged:
            raise FrameCountMismatch(
                f'{self.frames_written} frames went in but {found} are in "{self.path}"; nothing was kept'
            )

    def _discard(self) -> None:
        if self._passthrough is not None:
            self._passthrough.close()
            self._passthrough = None
        output = getattr(self, "_output", None)
        if output is not None:
            try:
                output.close()
            except (FFmpegError, OSError, ValueError) as error:
                log.debug("while giving up %s: %s", self._temporary, reason(error))
        with contextlib.suppress(OSError):  # of a folder that must not be written to any more
            self._temporary.unlink(missing_ok=True)

    def _failure(self, error: Exception) -> SinkError:
        if isinstance(error, OSError):
            return write_error(self.path, error)
        choice = getattr(self, "_choice", None)
        by = f" with {choice.encoder.name}" if choice is not None else ""
        way = "try another --codec" + (", or .mkv" if self.path.suffix.lower() != ".mkv" else "")
        return SinkError(f'"{self.path}" cannot be written{by} ({reason(error)}); {way}')

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
            log.warning("%s: %s", self.path.name, sentence)
