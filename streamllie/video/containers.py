"""What each kind of output file can hold. Chosen by the file's extension."""

from dataclasses import dataclass, replace
from pathlib import Path

from streamllie.errors import SinkError

TEXT_SUBTITLES = {"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"}
PLACED = {"ass", "ssa"}  # of these, those that put lines anywhere, and draw


@dataclass(frozen=True, kw_only=True)
class Container:
    """One kind of file. Families are those of `--codec`; the first is the usual one."""

    muxer: str  # libav's name
    families: tuple[str, ...]
    subtitles: frozenset[str]  # codecs that are copied
    text_subtitle: str | None = None  # what other text subtitles are converted to
    chapters: bool = False
    attachments: bool = False  # fonts, and pictures that become cover art
    cover_stream: bool = False  # cover art is a stream of one picture
    audio: frozenset[str] | None = None  # None: the muxer knows
    file_tags: frozenset[str] | None = None  # what it can say of the whole file; None: all
    stream_tags: frozenset[str] = frozenset({"language", "title", "timecode"})  # and of these three, of a stream
    late_start: bool = False  # made for clocks that start anywhere
    rotation: bool = True  # can say how players turn the picture
    pixel_shape: bool = False  # written for every codec; libav's Matroska takes it from where PyAV cannot put it
    hvc1: bool = False  # players of Apple want HEVC under this tag
    edit_list: bool = False  # hides what lies before 0
    constant_rate: bool = False  # frames have numbers, not times
    options: tuple[tuple[str, str], ...] = ()


_LIVE_MOV_OPTIONS = (("movflags", "+hybrid_fragmented+negative_cts_offsets"),)  # an index at the end, pieces until then
FLUSH_PACKETS = 0x200  # libav's AVFMT_FLAG_FLUSH_PACKETS: what is written is in the file at once
_MOV_OPTIONS = (("movflags", "+faststart"),)  # the index in front, so that a browser can start at once
# Sound may start a little before 0 (its decoder needs a run-up); do not move everything later for it.
_EXACT_START = (("avoid_negative_ts", "disabled"),)
_MP4 = Container(
    muxer="mp4",
    families=("h264", "hevc", "av1", "vp9"),
    subtitles=frozenset({"mov_text"}),
    text_subtitle="mov_text",
    chapters=True,
    cover_stream=True,
    pixel_shape=True,
    hvc1=True,
    edit_list=True,
    options=_MOV_OPTIONS,
)
_TS = Container(
    muxer="mpegts",
    families=("h264", "hevc"),
    subtitles=frozenset({"dvb_subtitle", "dvb_teletext", "hdmv_pgs_subtitle"}),
    audio=frozenset({"aac", "aac_latm", "mp2", "mp3", "ac3", "eac3", "dts", "truehd", "opus", "s302m"}),
    file_tags=frozenset[str](),
    stream_tags=frozenset({"language"}),
    late_start=True,
    rotation=False,
)
CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container(
        muxer="mov",
        families=("h264", "hevc", "prores"),
        subtitles=frozenset({"mov_text"}),
        text_subtitle="mov_text",
        chapters=True,
        pixel_shape=True,
        hvc1=True,
        edit_list=True,
        options=_MOV_OPTIONS,
    ),
    ".mkv": Container(
        muxer="matroska",
        families=("h264", "hevc", "av1", "vp9", "ffv1", "prores"),
        subtitles=frozenset(
            {"subrip", "srt", "ass", "ssa", "webvtt", "dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle"}
        ),
        text_subtitle="subrip",
        chapters=True,
        attachments=True,
        options=_EXACT_START,
    ),
    ".webm": Container(
        muxer="webm",
        families=("vp9", "av1"),
        subtitles=frozenset({"webvtt"}),
        text_subtitle="webvtt",
        chapters=True,
        options=_EXACT_START,
    ),
    ".ts": _TS,
    ".mts": _TS,
    ".m2ts": _TS,
    ".avi": Container(
        muxer="avi",
        families=("h264", "ffv1"),
        subtitles=frozenset[str](),
        file_tags=frozenset({"title", "artist", "album", "track", "date", "comment", "genre", "copyright", "software"}),
        stream_tags=frozenset({"title"}),
        rotation=False,
        constant_rate=True,
        options=_EXACT_START,
    ),
}


def container_for(target: Path) -> Container:
    """The container that an output's extension asks for."""
    kind = CONTAINERS.get(target.suffix.lower())
    if kind is None:
        ends = f'ends in "{target.suffix}"' if target.suffix else "has no suffix"
        raise SinkError(
            f'"{target}" {ends}, which is no video container here; use one of: {", ".join(sorted(CONTAINERS))}'
        )
    return kind


def when_live(kind: Container) -> Container:
    """The same for what does not come again: also a file without its end can be played."""
    return replace(kind, options=_LIVE_MOV_OPTIONS) if kind.options == _MOV_OPTIONS else kind
