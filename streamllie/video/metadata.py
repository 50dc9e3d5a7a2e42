"""What is said about a file and its streams in words: titles, languages, dates, chapters."""

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream

from streamllie.video.containers import Container
from streamllie.video.timeline import Timeline

if TYPE_CHECKING:
    from av.container.core import Chapter  # exists in the type stubs only

# True of the file that was read, not of the one that is written; the muxer writes its own.
OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder"}
OF_THE_STREAM = {"encoder", "alpha_mode", "vendor_id"}
STATISTICS = ("BPS", "DURATION", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "_STATISTICS", "SOURCE_ID")
# What an mp4 can say in its classic tags; anything else needs the newer, free form.
CLASSIC_MP4 = {
    "title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping",
    "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "location", "track", "disc",
    "compilation", "media_type", "hd_video", "gapless_playback", "creation_time", "timecode",
}  # fmt: skip


# QuickTime has numbers for languages; libav finds each by one of its two codes in ISO 639-2 only.
QUICKTIME = {
    "fre": "fra", "deu": "ger", "nld": "dut", "swe": "sve", "nob": "nor", "ell": "gre", "isl": "ice", "zho": "chi",
    "sqi": "alb", "rum": "ron", "cze": "ces", "slo": "slk", "mkd": "mac", "fas": "per", "msa": "may", "kat": "geo",
    "hye": "arm", "eus": "baq", "cym": "wel", "bod": "tib", "mya": "bur",
}  # fmt: skip


def copy_file_metadata(source: InputContainer, output: OutputContainer) -> None:
    """Title, dates and all else that is said of the whole file."""
    output.metadata.update({k: v for k, v in source.metadata.items() if k.lower() not in OF_THE_FILE})


def needs_free_tags(source: InputContainer) -> bool:
    """Whether an mp4's classic tags would lose something, such as the make of a camera."""
    return any(k.lower() not in CLASSIC_MP4 | OF_THE_FILE for k in source.metadata)


def copy_stream_metadata(source: Stream, output: Stream, *, changed: bool) -> None:
    """Language, title, dispositions. `changed`: encoded anew or cut, so statistics are void."""
    for key, value in source.metadata.items():
        if key in OF_THE_STREAM or (changed and (key.startswith(STATISTICS) or key.lower() == "encoder")):
            continue
        # What is written to an mp4 as "title" is read back as "name".
        output.metadata["title" if key == "name" else key] = value
    if output.container.format.name == "mov" and (language := source.language) in QUICKTIME:
        output.metadata["language"] = QUICKTIME[language]
    output.disposition = source.disposition


def lost_tags(source: InputContainer, streams: Iterable[Stream], container: Container) -> list[str]:
    """What is said of a file and of those of its streams that are kept, but cannot be said in another container."""
    lost: list[str] = []
    if container.file_tags is not None:
        lost += [key for key in source.metadata if key.lower() not in container.file_tags | OF_THE_FILE]
    for stream in streams:
        said = {"title": stream.metadata.get("title") or stream.metadata.get("name")}
        if stream.type != "video":  # nobody chooses pictures by their language
            said["language"] = stream.language if stream.language != "und" else None
        else:
            said["timecode"] = stream.metadata.get("timecode")
        words = [f"{key} ({value})" for key, value in said.items() if value and key not in container.stream_tags]
        lost += [f"{word} of stream #{stream.index}" for word in words]
    return lost


class Said(NamedTuple):
    """What is said of one stream."""

    number: int
    kind: str  # "audio" or "subtitle", ...
    language: str
    disposition: Disposition


def said_of(number: int, stream: Stream) -> Said:
    """`number` is the one to tell people."""
    return Said(number, stream.type, stream.metadata.get("language", "und"), stream.disposition)


def lost_in_writing(wanted: list[Said], written: InputContainer, container: Container) -> list[str]:
    """What was said of sound and subtitles, but is not to be read in the file that was written."""
    lost: list[str] = []
    there = [said_of(stream.index, stream) for stream in written.streams]
    for stream in wanted:
        if stream.kind not in {"audio", "subtitle"}:
            continue
        alike = [other for other in there if (other.kind, other.language) == (stream.kind, stream.language)]
        if not alike:
            if "language" in container.stream_tags and stream.language != "und":
                lost.append(f"language ({stream.language}) of stream #{stream.number}")
            alike = [other for other in there if other.kind == stream.kind]
        best = max(alike, key=lambda other: (stream.disposition & other.disposition).bit_count(), default=None)
        if best is not None:
            there.remove(best)
            gone = stream.disposition & ~best.disposition & ~Disposition.default  # a player takes the first anyway
            lost += [f"{flag.name} of stream #{stream.number}" for flag in Disposition if flag & gone]
    return lost


def copy_chapters(source: InputContainer, output: OutputContainer, timeline: Timeline, shift: Fraction) -> None:
    """The chapters that lie in the wanted span, cut to it and moved with it."""
    chapters: list[Chapter] = []
    titled = [bool(chapter["metadata"].get("title")) for chapter in source.chapters()]
    numbered = output.format.name in {"mp4", "mov"} and any(titled)  # one without a title runs into the next there
    for chapter in source.chapters():
        unit = chapter["time_base"] or Fraction(1, 1000)
        start, end = chapter["start"] * unit, chapter["end"] * unit
        if timeline.begin is not None:
            start = max(start, timeline.begin)
        if timeline.end is not None:
            end = min(end, timeline.end)
        if end <= start:
            continue
        moved: Chapter = {**chapter, "start": round((start - shift) / unit), "end": round((end - shift) / unit)}
        if numbered and not moved["metadata"].get("title"):
            moved["metadata"] = {**moved["metadata"], "title": f"Chapter {len(chapters) + 1}"}
        chapters.append(moved)
    output.set_chapters(chapters)
