"""A live stream out: frames encoded for low delay, sound beside them, to a peer, an HLS folder or a file."""

import contextlib
import errno
import glob
import logging
import os
import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
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
from streamllie.errors import OutputExists, SinkError
from streamllie.frame import Frame, VideoFormat
from streamllie.place import PLAYLIST, is_url, redacted, scheme_of, without_listen
from streamllie.target import check_target, give_name, keep_as, temporary_name, write_error
from streamllie.video.bridge import BridgeError, needs_bridge, srt_url, write_through
from streamllie.video.containers import FLUSH_PACKETS, container_for, when_live
from streamllie.video.lowdelay import LowDelay
from streamllie.video.opening import reason
from streamllie.video.sound import SoundTrack
from streamllie.video.upload import RefusedError, Upload, Uploads

ROOM = 65536  # bytes that a disk must have free for the next part of a playlist
SILENT = 5.0  # seconds that a peer may take for anything
MUXERS = {"rtmp": "flv", "rtmps": "flv", "rtsp": "rtsp", "srt": "mpegts", "udp": "mpegts", "tcp": "mpegts"}
INTERLEAVE = "100000"  # microseconds that a picture waits for sound that is late, or the other way round
TRANSPORT = {"muxdelay": "0", "muxpreload": "0", "pat_period": "0.2"}
HLS = {
    "hls_time": "1",
    "hls_list_size": "6",
    "hls_flags": "delete_segments+independent_segments+temp_file",
    "hls_allow_cache": "0",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a live stream goes, understood."""

    name: str  # for people: without secrets
    url: str
    muxer: str
    options: dict[str, str]
    upload: bool = False  # over HTTP, whose server says whether it takes it
    file: Path | None = None  # a file that gets its name when it is complete
    folder: Path | None = None  # of a playlist on this machine

    @classmethod
    def of(cls, text: str, *, overwrite: bool = False) -> "Target":
        """Understand a URL, a playlist ("live.m3u8") or the name of a video file.

        Raises:
            SinkError: nothing can be sent there.
        """
        scheme = scheme_of(text)
        if scheme is None:
            return cls._file(Path(text), overwrite=overwrite)
        name = redacted(text)
        timeout = {"rw_timeout": str(int(SILENT * 1_000_000))}
        path = text.split("?", maxsplit=1)[0]
        if scheme in ("http", "https"):
            if path.endswith(PLAYLIST):
                return cls(name=name, url=text, muxer="hls", options=HLS | {"method": "PUT"}, upload=True)
            listen = timeout | {"listen": "1"} if without_listen(text)[1] else {}
            return cls(name=name, url=text, muxer="mpegts", options=TRANSPORT | listen, upload=not listen)
        if scheme not in MUXERS:
            known = ", ".join(sorted({*MUXERS, "http", "https"}))
            raise SinkError(f'"{name}" has a scheme to which nothing can be sent; there are: {known}; or a .m3u8 file')
        options = TRANSPORT if MUXERS[scheme] == "mpegts" else dict[str, str]()
        if scheme in ("rtmp", "rtmps"):
            options = {"flvflags": "no_duration_filesize", "rw_timeout": timeout["rw_timeout"]}
        url = srt_url(text) if scheme == "srt" else text
        if scheme == "udp" and "pkt_size" not in url:
            url += ("&" if "?" in url else "?") + "pkt_size=1316"
        return cls(name=name, url=url, muxer=MUXERS[scheme], options=options)

    def replaces(self, source: str) -> bool:
        """Whether a source is this playlist, or a part of the one before it."""
        if self.folder is None or is_url(source):
            return False
        path, playlist = (Path(os.path.realpath(place)) for place in (source, self.url))
        part = re.escape(Path(self.url).stem) + r"\d+\.ts"
        return path == playlist or (path.parent == playlist.parent and bool(re.fullmatch(part, path.name)))

    @classmethod
    def _file(cls, path: Path, *, overwrite: bool) -> "Target":
        if path.suffix.lower() == PLAYLIST:
            if not path.parent.is_dir():
                raise SinkError(f'there is no folder "{path.parent}"; make it first')
            if not overwrite:
                check_target(path)
                if segments := sorted(path.parent.glob(f"{glob.escape(path.stem)}[0-9]*.ts")):
                    raise OutputExists(
                        f'"{segments[0]}" exists, and is what a part of "{path.name}" is called; choose '
                        "another name, or allow it with --overwrite"
                    )
            place = path.absolute()  # a colon in a name is no protocol then
            if re.search(r"%\d*d", str(place)):
                raise SinkError(f'libav takes the % in "{path}" for the place of a number; choose a name without it')
            return cls(name=path.name, url=str(place), muxer="hls", options=dict(HLS), folder=place.parent)
        kind = when_live(container_for(path))
        if "h264" not in kind.families or kind.constant_rate:
            raise SinkError(
                f'a live stream is H.264 with times of its own, which "{path.suffix}" does not hold; '
                "use .mkv, .mp4 or .ts"
            )
        check_target(path, overwrite=overwrite)
        options = dict(kind.options)
        return cls(name=path.name, url=str(path), muxer=kind.muxer, options=options, file=path)


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
        self._uploads = Uploads()
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
                    give_name(self._temporary, self.target.file, overwrite=self._overwrite)
                else:
                    self._keep_part(self._temporary, self.target.file)
            says = self.target.file is not None or self.target.upload  # other peers just hang up at the end
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
                self._output.mux_one(packet)
            for packet in self._encoder.context.encode(None):
                self._mux(packet)
        except (FFmpegError, OSError) as error:
            failed = error
        try:
            self._output.close()
            if self._upload is not None:
                self._upload.close()
        except (FFmpegError, OSError) as error:
            failed = failed or error
        failed = failed or self._uploads.failure
        if failed is not None:
            log.debug("while ending %s: %s", self.target.name, reason(failed))
        return failed

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
                self._output.mux_one(moved)
        except (FFmpegError, OSError) as error:
            raise self._failure(error) from None

    def _start(self) -> None:
        target = self.target
        place: Any = target.url if self._temporary is None else f"file:{self._temporary}"
        if needs_bridge(target.url):
            place = self._open.enter_context(write_through(target.url, self._stop))
        elif target.upload and target.muxer != "hls":
            place = self._upload = Upload(target.url, method="POST")
            self._open.callback(self._upload.hang_up)
        self._output: OutputContainer = av.open(
            place,
            "w",
            format=target.muxer,
            container_options={"max_interleave_delta": INTERLEAVE, **target.options},
            timeout=SILENT,
            io_open=self._uploads.open if target.upload else None,
        )
        self._output.flags |= FLUSH_PACKETS
        stream = self._output.add_stream("libx264", rate=self.format.rate or 30)
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
        self._output.mux_one(packet)
        if self._uploads.failure is not None:
            raise self._uploads.failure

    def _give_up(self) -> None:
        output = getattr(self, "_output", None)
        if output is not None:
            with contextlib.suppress(FFmpegError, OSError, ValueError):
                output.close()
        with contextlib.suppress(BridgeError, OSError):
            self._open.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)

    def _failure(self, error: Exception) -> SinkError:
        local = self.target.file or (Path(self.target.url) if self.target.folder is not None else None)
        if local is not None:
            return write_error(local, error)
        way = error.way if isinstance(error, RefusedError) else "is anything listening there?"
        return SinkError(f'nothing can be sent to "{self.target.name}" ({reason(error)}); {way}')
