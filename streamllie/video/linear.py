"""Sound of telephones and cameras as 16-bit PCM, sample for sample, where a container is not given its own form.

Many cameras send G.711. Matroska holds it, ADPCM and the like only under Microsoft's names, under which libav's muxer
is never asked for them.
"""

from typing import Any

from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from streamllie.video.streams import LAYOUTS

PCM = "pcm_s16le"
G711 = frozenset({"pcm_alaw", "pcm_mulaw"})
MUXER = "matroska"  # libav's name of the container that is written so
SIXTEEN_BITS = frozenset({"s16", "s16p"})


class Linear:
    """One output stream of PCM; each packet becomes one of the same time and length."""

    def __init__(self, source: AudioStream, output: OutputContainer) -> None:
        self._decoder = source.codec_context
        self._layout = LAYOUTS[self._decoder.channels]
        stream = output.add_stream(PCM, rate=self._decoder.sample_rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = self._layout
        self.stream = stream
        self._resampler = AudioResampler(format="s16", layout=self._layout, rate=self._decoder.sample_rate)

    def convert(self, packet: "Packet[Any]") -> "list[Packet[Any]]":
        """What is to be written for a packet; none if it is damaged."""
        try:
            decoded = self._decoder.decode(packet)
        except FFmpegError:
            return []
        frames = [frame for sound in decoded for frame in self._resampler.resample(sound)]
        if not frames:
            return []
        converted = Packet(b"".join(frame.to_ndarray().tobytes() for frame in frames))
        converted.pts, converted.dts, converted.duration = packet.pts, packet.dts, packet.duration
        converted.time_base = packet.time_base
        converted.is_keyframe = True
        return [converted]

    def rest(self) -> "list[Packet[Any]]":
        """These codecs hold nothing back."""
        return []


def becomes_linear(stream: Stream, muxer: str) -> bool:
    """Whether sound is written as PCM into the container of a muxer."""
    if not isinstance(stream, AudioStream) or muxer != MUXER:
        return False
    context = stream.codec_context
    return (
        (context.name in G711 or context.name.startswith("adpcm_"))
        and context.channels in LAYOUTS
        and context.format.name in SIXTEEN_BITS
    )
