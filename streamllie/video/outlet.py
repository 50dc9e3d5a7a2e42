"""A live stream out: frames encoded for low delay, sound beside them, to a peer, an HLS folder or a file."""

import contextlib
import errno
import logging
import os
import shutil
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from streamllie.ahead import Stop
from streamllie.errors import SinkError
from streamllie.frame import USUAL_RATE, Frame, VideoFormat
from streamllie.interrupts import postponed
from streamllie.target import give_name, keep_as, temporary_name, write_error
from streamllie.video.bridge import needs_bridge, write_through
from streamllie.video.containers import FLUSH_PACKETS
from streamllie.video.livetarget import SILENT, Target
from streamllie.video.lowdelay import LowDelay
from streamllie.video.opening import reason
from streamllie.video.sound import SoundTrack
from streamllie.video.upload import RefusedError, Upload, Uploads

ROOM = 65536  # bytes that a disk must have free for the next part of a playlist
PROOF = 6.0  # seconds for which a peer must have taken the stream, or it was never there
INTERLEAVE = "100000"  # microseconds that a picture waits for sound that is late, or the other way round

log = logging.getLogger(__name__)


class Outlet:
    """An open live stream. A context manager: entering connects, leaving ends the stream.

    A file gets its name, also when a person ended the run; if the run failed, it becomes `<stem>.partial<ext>`.
    Times are seconds since the stream's beginning and always rise.
    """

    def __init__(
        self,
        target: Target,
        format: VideoFormat,
        *,
        sound: AudioStream | None = None,
        stop: Stop,
        crf: float | None = None,
        preset: str | None = None,
        max_bitrate: str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.target, self.format = target, format
        self._sound, self._stop, self._overwrite = sound, stop, overwrite
        self._video_options: dict[str, Any] = {"crf": crf, "preset": preset, "max_bitrate": max_bitrate}
        self._track: SoundTrack | None = None
        self._open = ExitStack()
        self._upload: Upload | None = None
        self._uploads: Uploads | None = None
        self._next_check = Fraction(0)
        self._temporary = temporary_name(target.file) if target.file is not None else None

    def __enter__(self) -> Self:
        try:
            self._start()
        except (FFmpegError, OSError, ValueError) as error:
            self._give_up()
            raise self._failure(error) from None  # libav's own text shows passwords
        except BaseException:
            self._give_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            failed = self._end()
            if self._temporary is not None and self.target.file is not None:
                if failed is None and (error is None or isinstance(error, KeyboardInterrupt)):
                    with postponed():
                        give_name(self._temporary, self.target.file, overwrite=self._overwrite)
                else:
                    self._keep_part(self._temporary, self.target.file)
            says = self.target.file or self.target.server  # other peers just hang up at the end
            if failed is not None and error is None and says:
                raise self._failure(failed) from None
        finally:
            self._give_up()

    def _keep_part(self, temporary: Path, target: Path) -> None:
        try:
            if temporary.stat().st_size:
                kept = keep_as(temporary, target, "partial")
                log.warning('what was written is in "%s"', kept)
        except OSError as error:
            log.warning("%s", write_error(target, error))

    def _end(self) -> Exception | None:
        """Send what is left and close; what failed, if something did."""
        failed: Exception | None = None
        try:
            for packet in self._track.rest() if self._track is not None else ():
                self._send(packet)
            for packet in self._encoder.context.encode(None):
                self._mux(packet)
        except (FFmpegError, OSError) as error:
            failed = error
        try:
            with postponed():
                self._output.close()
            if self._upload is not None:
                self._upload.finish()
            if self._uploads is not None:
                self._uploads.send(wait=True)
        except (FFmpegError, OSError) as error:
            failed = failed or error
        if failed is not None:
            log.debug("while ending %s: %s", self.target.name, reason(failed))
        return failed

    def proved(self, seconds: float) -> bool:
        """Whether there is somebody who takes the stream, which was open for so long."""
        if self._uploads is not None:
            return self._uploads.taken
        return seconds >= PROOF and not (self._upload is not None and self._upload.refused)

    def write(self, frame: Frame, *, at: Fraction) -> None:
        """Send one frame of the format's size."""
        try:
            self._check_room(at)
            for packet in self._encoder.encode(frame, at=at):
                self._mux(packet)
        except (FFmpegError, OSError) as error:
            raise self._failure(error) from None

    def hear(self, packet: "Packet[Stream]", *, shift: Fraction) -> None:
        """Send a packet of sound, with `shift` seconds added to its time."""
        if self._track is None:
            return
        try:
            for moved in self._track.packets(packet, shift=shift):
                self._send(moved)
        except (FFmpegError, OSError) as error:
            raise self._failure(error) from None

    def _start(self) -> None:
        target = self.target
        place: Any = target.url if self._temporary is None else f"file:{self._temporary}"
        if needs_bridge(target.url):
            place = self._open.enter_context(write_through(target.url, self._stop))
        elif target.server is not None and target.muxer == "hls":
            self._uploads = Uploads(target.server)
            self._open.callback(self._uploads.hang_up)
            place = self._uploads.url
        elif target.server is not None:
            place = self._upload = Upload(target.server)
            self._open.callback(self._upload.hang_up)
        self._output: OutputContainer = av.open(
            place,
            "w",
            format=target.muxer,
            container_options={"max_interleave_delta": INTERLEAVE, **target.options},
            timeout=SILENT,
            io_open=self._uploads.open if self._uploads is not None else None,
        )
        self._output.flags |= FLUSH_PACKETS
        stream = self._output.add_stream("libx264", rate=self.format.rate or USUAL_RATE)
        self._encoder = LowDelay(self.format, context=stream.codec_context, **self._video_options)
        self._stream = stream
        if self._sound is not None:
            self._track = SoundTrack(self._sound, self._output, target.muxer)
        self._output.start_encoding()

    def _check_room(self, at: Fraction) -> None:
        """Raise OSError if a playlist's disk is full, about once for each part: libav says nothing of it."""
        if self.target.folder is not None and at >= self._next_check:
            self._next_check = at + 1
            if shutil.disk_usage(self.target.folder).free < ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _mux(self, packet: "Packet[Stream]") -> None:
        packet.stream = self._stream
        self._send(packet)
        if self._uploads is not None:
            self._uploads.send()

    def _send(self, packet: "Packet[Stream]") -> None:
        with postponed():  # libav calls what sends it on, and would swallow what a handler raises there
            self._output.mux_one(packet)

    def _give_up(self) -> None:
        output = getattr(self, "_output", None)
        if output is not None:
            with contextlib.suppress(FFmpegError, OSError, ValueError):
                output.close()
        with contextlib.suppress(OSError):
            self._open.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def _failure(self, error: Exception) -> SinkError:
        local = self.target.file or (Path(self.target.url) if self.target.folder is not None else None)
        if local is not None:
            return write_error(local, error)
        way = error.way if isinstance(error, RefusedError) else "is anything listening there?"
        return SinkError(f'nothing can be sent to "{self.target.name}" ({reason(error)}); {way}')
