"""Open a media file and find its video; errors of libav become ours."""

import errno
import stat
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from streamllie.errors import SourceError
from streamllie.video.playlist import END, is_finished

MICROSECONDS = 1_000_000  # libav counts the start and length of a whole file in these
READ_ERRORS = 16  # in a row; libav goes on after a damaged packet, a file that is cut short fails for ever
NOT_FRAMES = Disposition.attached_pic | Disposition.timed_thumbnails  # cover art is no video


def open_input(path: Path, options: dict[str, str] | None = None) -> InputContainer:
    """Open a file for reading, with libav's `options`; SourceError says what is wrong with it."""
    try:
        kind = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise SourceError(f'there is no file "{path}"; check the name') from None
    except OSError as error:
        raise SourceError(f'"{path}" cannot be opened ({reason(error)}); check the name') from error
    if stat.S_ISDIR(kind):
        raise SourceError(f'"{path}" is a folder, not a video; name a file in it')
    if not stat.S_ISREG(kind):  # opening it would wait for a writer, and we read every file more than once
        raise SourceError(f'"{path}" is a pipe or a device, which can be read only once; save it as a file first')
    try:
        # "file:" keeps libav from reading a colon in the name as a protocol.
        container = av.open(f"file:{path}", mode="r", options=options, metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        forbidden = getattr(error, "errno", None) in (errno.EACCES, errno.EPERM)
        way = "ask its owner for the right to read it" if forbidden else "is it a media file, and complete?"
        raise SourceError(f'"{path}" cannot be opened as a video ({reason(error)}); {way}') from error
    if container.format.name == "hls" and not is_finished(path.absolute().as_uri()):
        container.close()
        raise SourceError(
            f'"{path}" is a playlist without {END}: libav would read its last seconds and wait for more;'
            " if nothing is added to it any more, write that line at its end"
        )
    return container


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first stream of moving pictures; never cover art."""
    streams = [s for s in container.streams.video if not s.disposition & NOT_FRAMES]
    if not streams:
        kinds = {"a cover picture" if s.type == "video" else s.type for s in container.streams}
        found = ", ".join(sorted(kinds)) or "nothing"
        raise SourceError(f'"{path}" has no video stream (it has: {found}); name a file with video')
    if not has_decoder(streams[0]):
        raise SourceError(f'"{path}" holds video in a codec that has no decoder here; convert it to H.264 first')
    return streams[0]


def has_decoder(stream: Stream) -> bool:
    """Whether libav knows its codec; PyAV's types say that it always does."""
    return getattr(stream, "codec_context", None) is not None


def container_start(container: InputContainer) -> Fraction:
    """When the file's clock starts, in seconds: often 0, 1.4 in transport streams, anything in a recording.

    Below 0 only if pictures are: those of a recording that began shortly before its clock wrapped. The run-up of a
    sound decoder may lie there too, and is no start.
    """
    videos = [s for s in container.streams.video if not s.disposition & NOT_FRAMES]
    if videos and videos[0].time_base is not None and (first := videos[0].start_time or 0) < 0:
        return first * videos[0].time_base
    return Fraction(max(0, container.start_time or 0), MICROSECONDS)


def container_length(container: InputContainer) -> Fraction | None:
    """How long the file says it is, in seconds."""
    return Fraction(container.duration, MICROSECONDS) if container.duration else None


def packets(
    container: InputContainer, streams: list[Stream], *, path: Path, damaged: list[str]
) -> "Iterator[Packet[Stream]]":
    """All packets with data. What is damaged is skipped and its reason appended to `damaged`."""
    failures = 0
    while failures < READ_ERRORS:
        try:
            for packet in container.demux(*streams):
                failures = 0
                if packet.size:  # an empty packet is a repeated picture in avi, or the demuxer's own end mark
                    yield packet
        except InvalidDataError as error:
            failures += 1
            damaged.append(reason(error))
        except (FFmpegError, OSError) as error:
            raise SourceError(
                f'"{path}" cannot be read to its end ({reason(error)}); copy it to a healthy disk'
            ) from error
        else:
            return


def reason(error: Exception) -> str:
    """The short text of an error of libav or of the system, without numbers and file names."""
    return str(getattr(error, "strerror", None) or error)
