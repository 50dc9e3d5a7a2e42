"""One stream of a file: what it is called, and whether and how another container holds it as it is."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import AttachmentStream, DataStream, Stream

from streamllie.video.containers import Container
from streamllie.video.opening import has_decoder, open_input

LATE = {"analyzeduration": "60000000", "probesize": "200000000"}  # microseconds, bytes; usually 5 s and 5 MB
LENGTHS = {"h264", "hevc"}  # codecs that come in two forms, see `_has_lengths`
LONGEST = {"mp2", "mp3", "ac3", "eac3", "dts"}  # codecs of which avi says how long a packet is at most, see `template`
LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


def holds(container: Container, stream: Stream) -> bool:
    """Whether a container can hold a stream as it is; found by writing a header with it alone."""
    allowed = container.audio
    if stream.type == "audio" and allowed is not None and codec_of(stream) not in allowed:
        return False
    if container.muxer == "avi" and codec_of(stream) in LENGTHS and _has_lengths(stream):
        return False
    if container.muxer == "avi" and codec_of(stream).startswith("adpcm_"):  # libav gives its packets another length
        return False
    try:
        with av.open(io.BytesIO(), mode="w", format=container.muxer) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (FFmpegError, ValueError):
        return False
    return True


def _has_lengths(stream: Stream) -> bool:
    """Whether each part of a packet begins with its length, as in mp4, and not with a start code, as in avi."""
    return bytes(cast("Any", stream).codec_context.extradata or b"").startswith(b"\1")


@contextmanager
def template(stream: Stream, path: Path, container: Container) -> Generator[Stream]:
    """What an output stream is made of: the stream itself, or, of sound for avi, the same as mkv has it.

    From another avi it brings the length of the longest packet, which the muxer of avi would take for that of each.
    """
    data = first_packet(path, stream.index) if container.muxer == "avi" and codec_of(stream) in LONGEST else b""
    if not data:
        yield stream
        return
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as writing:
        packet = Packet(data)
        packet.stream = writing.add_stream_from_template(stream, opaque=True)
        packet.pts = packet.dts = 0
        writing.mux_one(packet)
    file.seek(0)
    with av.open(file) as reading:
        yield reading.streams[0]


def open_with_sound(path: Path) -> InputContainer:
    """As `open_input`; sound that a transport stream announces is looked for beyond the usual beginning."""
    found = open_input(path)
    if not any(map(has_not_begun, found.streams)):
        return found
    found.close()
    return open_input(path, LATE)


def has_not_begun(stream: Stream) -> bool:
    """Whether sound is announced and libav, where it looked, has seen none of it."""
    return isinstance(stream, AudioStream) and has_decoder(stream) and not stream.codec_context.sample_rate


def name_layout(stream: AudioStream) -> None:
    """Give channels without names, as of PCM from mkv, the usual ones: mp4 takes no others, and says so at its end."""
    context = stream.codec_context
    if context.layout.name == f"{context.channels} channels" and context.channels in LAYOUTS:
        context.layout = LAYOUTS[context.channels]


def codec_of(stream: Stream) -> str:
    """libav's name of its codec."""
    context = cast("Any", stream).codec_context
    return "unknown" if context is None else str(context.codec.canonical_name)


def describe(stream: Stream) -> str:
    """For people: kind, number, codec, language and title."""
    name = stream.name if isinstance(stream, AttachmentStream | DataStream) else codec_of(stream)
    told = ", ".join(word for word in (name, stream.language, stream.metadata.get("title")) if word)
    return f"{stream.type} stream #{stream.index} ({told})" if told else f"{stream.type} stream #{stream.index}"


def first_packet(path: Path, index: int) -> bytes:
    """The first packet of a stream: all of one that is cover art."""
    with open_input(path) as file:
        for packet in file.demux(file.streams[index]):
            if packet.size:
                return bytes(packet)
    return b""
