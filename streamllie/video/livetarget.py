"""Where a live stream goes, understood: a peer, an HLS folder or a file."""

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path

from streamllie.errors import OutputExists, SinkError
from streamllie.place import PLAYLIST, check_port, is_url, reads, redacted, scheme_of, without_listen
from streamllie.target import check_target
from streamllie.video.bridge import srt_url
from streamllie.video.containers import container_for, when_live
from streamllie.video.upload import Server

SILENT = 5.0  # seconds that a peer may take for anything
MUXERS = {"rtmp": "flv", "rtmps": "flv", "rtsp": "rtsp", "srt": "mpegts", "udp": "mpegts", "tcp": "mpegts"}
TRANSPORT = {"muxdelay": "0", "muxpreload": "0", "pat_period": "0.2"}
HLS = {
    "hls_time": "1",
    "hls_list_size": "6",
    "hls_flags": "delete_segments+independent_segments+temp_file+discont_start",
    "hls_start_number_source": "epoch",  # after a loss it goes on with higher numbers: lower ones are old to a player
    "hls_allow_cache": "0",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a live stream goes, understood."""

    name: str  # for people: without secrets
    url: str
    muxer: str
    options: dict[str, str]
    server: Server | None = None  # one that is sent to over HTTP, and says whether it takes it
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
        check_port(text, SinkError)
        name = redacted(text)
        timeout = {"rw_timeout": str(int(SILENT * 1_000_000))}
        path = text.split("?", maxsplit=1)[0]
        if scheme in ("http", "https"):
            if without_listen(text)[1]:
                return cls(name=name, url=text, muxer="mpegts", options=TRANSPORT | timeout | {"listen": "1"})
            try:
                server = Server(text)
            except ValueError:
                raise SinkError(
                    f'"{name}" is not understood; check host and port, and http_proxy if it is set; in a user or'
                    " password write / as %2F, # as %23 and ? as %3F"
                ) from None
            if path.lower().endswith(PLAYLIST):
                return cls(name=name, url=text, muxer="hls", options=HLS | {"method": "PUT"}, server=server)
            return cls(name=name, url=text, muxer="mpegts", options=dict(TRANSPORT), server=server)
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
        """Whether a source is this file or playlist, or reads this file, or is a part of the playlist before this."""
        if is_url(source):
            return False
        if self.file is not None:
            return reads(Path(source), self.file)
        if self.folder is None:
            return False
        path, playlist = (Path(os.path.realpath(place)) for place in (source, self.url))
        part = re.escape(Path(self.url).stem) + r"\d+\.ts"
        return path == playlist or (path.parent == playlist.parent and bool(re.fullmatch(part, path.name)))

    @classmethod
    def _file(cls, path: Path, *, overwrite: bool) -> "Target":
        if path.suffix.lower() == PLAYLIST:
            if not path.parent.is_dir():
                raise SinkError(f'there is no folder "{path.parent}"; make it first')
            check_target(path, overwrite=overwrite)
            segments = sorted(path.parent.glob(f"{glob.escape(path.stem)}[0-9]*.ts"))
            if segments and not overwrite:
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
