"""Text subtitles in another container's form: decode each event, encode it again, keep its times."""

from fractions import Fraction

from av.container import OutputContainer
from av.packet import Packet
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.stream import SubtitleStream

TICK = Fraction(1, 1000)  # seconds; all text formats count in these


class SubtitleConverter:
    """One subtitle stream from one text codec to another, styles kept where both have them."""

    def __init__(self, source: SubtitleStream, output: OutputContainer, *, codec: str) -> None:
        assert isinstance(source.codec_context, SubtitleCodecContext)
        self._decoder = source.codec_context
        self._decoder.open(strict=False)
        stream = output.add_stream(codec)
        assert isinstance(stream.codec_context, SubtitleCodecContext)
        self.stream = stream
        self._encoder = stream.codec_context
        self._encoder.time_base = TICK
        stream.time_base = TICK
        self._encoder.subtitle_header = self._decoder.subtitle_header

    def convert(self, packet: "Packet[SubtitleStream]") -> "Packet[SubtitleStream] | None":
        """The same event in the other form; None if the packet shows nothing."""
        event = self._decoder.decode2(packet)
        if event is None:
            return None
        converted = self._encoder.encode_subtitle(event)
        # The encoder's own times are in other units.
        converted.pts = converted.dts = packet.pts
        converted.duration = packet.duration
        converted.time_base = packet.time_base
        return converted
