"""Text subtitles in another container's form: decode each event, encode it again, keep its times."""

import re
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.packet import Packet
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

MILLISECOND = Fraction(1, 1000)  # seconds; all text formats count in these
TAG = re.compile(rb"\{[^}]*\}")  # of ASS
DRAWING = re.compile(rb"\{[^}]*\\p[1-9][^}]*\}[^{]*")  # a tag after which a shape follows, and no text
STYLE = struct.Struct(">HHHBBI")  # of mov_text: first and last character, font, face, size, colour


class SubtitleConverter:
    """One subtitle stream from one text codec to another, styles kept where both have them.

    In mp4 and mov one event ends where the next begins: where several are on screen, their lines become one event.
    So an event comes out once it is known what follows it.
    """

    def __init__(self, source: SubtitleStream, output: OutputContainer, *, codec: str) -> None:
        assert isinstance(source.codec_context, SubtitleCodecContext)
        self._decoder = source.codec_context
        self._decoder.open(strict=False)
        stream = output.add_stream(codec)
        assert isinstance(stream.codec_context, SubtitleCodecContext)
        self.stream = stream
        self._encoder = stream.codec_context
        self._encoder.time_base = MILLISECOND
        stream.time_base = MILLISECOND
        self._encoder.subtitle_header = self._decoder.subtitle_header
        self._screen = _Screen() if codec == "mov_text" else None

    def convert(self, packet: "Packet[Any]") -> "list[Packet[Any]]":
        """What is to be written now that this event is known: none, it, or what came before it."""
        event = self._decoder.decode2(packet)
        if event is None or _is_drawing(event):
            return []
        converted = self._encoder.encode_subtitle(event)
        # The encoder's own times are in other units.
        converted.pts = converted.dts = packet.pts
        converted.duration = packet.duration
        converted.time_base = packet.time_base
        if self._screen is None or packet.pts is None or not packet.duration:
            return [converted]
        return list(self._screen.add(converted))

    def rest(self) -> "list[Packet[Any]]":
        """What is left to be written when no event follows."""
        return list(self._screen.clear()) if self._screen is not None else []


class _Screen:
    """The events of mov_text that are on screen. Times are in units of their packets."""

    def __init__(self) -> None:
        self._shown: list[Packet[Any]] = []
        self._now = 0

    def add(self, event: "Packet[Any]") -> "Iterator[Packet[Any]]":
        """All that is shown before an event begins, which is then shown too."""
        assert event.pts is not None
        yield from self._pass(event.pts)
        self._now = max(self._now, event.pts) if self._shown else event.pts
        self._shown.append(event)

    def clear(self) -> "Iterator[Packet[Any]]":
        yield from self._pass(None)

    def _pass(self, until: int | None) -> "Iterator[Packet[Any]]":
        while self._shown and (until is None or self._now < until):
            ends = [_end(event) for event in self._shown]
            end = min(ends) if until is None else min(*ends, until)
            if end > self._now:
                yield self._together(end)
                self._now = end
            self._shown = [event for event in self._shown if _end(event) > self._now]

    def _together(self, end: int) -> "Packet[Any]":
        packet: Packet[Any] = Packet(_joined([bytes(event) for event in self._shown]))
        packet.pts = packet.dts = self._now
        packet.duration = end - self._now
        packet.time_base = self._shown[0].time_base
        packet.is_keyframe = True
        return packet


def _end(event: "Packet[Any]") -> int:
    assert event.pts is not None
    return event.pts + (event.duration or 0)


def _joined(samples: list[bytes]) -> bytes:
    """Samples of mov_text (3GPP TS 26.245) as one: the text of each on lines of its own, in its styles."""
    lines: list[str] = []
    styles: list[tuple[int, ...]] = []
    for sample in samples:
        length = int.from_bytes(sample[:2], "big")
        line = sample[2 : 2 + length].decode(errors="replace")
        if not line or line in lines:  # a shadow is the same text once more
            continue
        first = sum(len(line) + 1 for line in lines)  # characters before this text
        lines.append(line)
        boxes = sample[2 + length :]
        while len(boxes) >= 8:  # a size and a name
            size, name = struct.unpack_from(">I4s", boxes)
            if name == b"styl":
                for begin, end, *style in STYLE.iter_unpack(boxes[10:size]):
                    styles.append((first + begin, first + end, *style))
            boxes = boxes[max(size, 8) :]
    text = "\n".join(lines).encode()
    whole = len(text).to_bytes(2, "big") + text
    if styles:
        body = len(styles).to_bytes(2, "big") + b"".join(STYLE.pack(*style) for style in styles)
        whole += struct.pack(">I4s", 8 + len(body), b"styl") + body
    return whole


def _is_drawing(event: SubtitleSet) -> bool:
    texts = [rect.ass.split(b",", 8)[-1] for rect in event.rects if isinstance(rect, AssSubtitle)]
    drawn = any(DRAWING.search(text) for text in texts)
    return drawn and not any(TAG.sub(b"", DRAWING.sub(b"", text)).strip() for text in texts)
