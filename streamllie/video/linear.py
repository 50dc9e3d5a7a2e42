"""Sound as PCM where a container is not given its own form: that of telephones and cameras, of WMA, Blu-ray and DVD.

Many cameras send G.711. Matroska holds it, ADPCM, WMA and the like only under Microsoft's names, under which libav's
muxer is never asked for them.
"""

from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from streamllie.video.opening import has_decoder
from streamllie.video.streams import LAYOUTS

MUXER = "matroska"  # libav's name of the container that is written so
SIXTEEN_BITS, MORE_BITS = frozenset({"s16", "s16p"}), frozenset({"s32", "s32p"})  # what decoders give; the latter 24


class Linear:
    """One output stream of PCM; what a packet is decoded to keeps its time and length.

    `codec` is libav's name. Samples that are fractions are rounded to 16 bits.
    """

    def __init__(self, source: AudioStream, output: OutputContainer) -> None:
        self._decoder = source.codec_context
        self._layout = LAYOUTS[self._decoder.channels]
        self._wide = self._decoder.format.name in MORE_BITS
        self.codec = "pcm_s24le" if self._wide else "pcm_s16le"
        stream = output.add_stream(self.codec, rate=self._decoder.sample_rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = self._layout
        self.stream = stream
        form = "s32" if self._wide else "s16"
        self._resampler = AudioResampler(format=form, layout=self._layout, rate=self._decoder.sample_rate)
        self._end: int | None = None  # of what was decoded so far, in units of the input's stream
        self._time_base = Fraction(1, self._decoder.sample_rate)  # of the packets

    def convert(self, packet: "Packet[Any]") -> "list[Packet[Any]]":
        """What is to be written for a packet.

        Raises:
            FFmpegError: it is damaged.
        """
        self._time_base = packet.time_base
        return self._decoded(packet)

    def rest(self) -> "list[Packet[Any]]":
        """What the decoder holds back: that of WMA half a frame."""
        with suppress(FFmpegError):
            return self._decoded(None)
        return []

    def _decoded(self, packet: "Packet[Any] | None") -> "list[Packet[Any]]":
        decoded = self._decoder.decode(packet)
        parts = [(part, frame.pts) for frame in decoded for part in self._resampler.resample(frame)]
        return [self._packet(part, pts) for part, pts in parts]

    def _packet(self, frame: AudioFrame, pts: int | None) -> "Packet[Any]":
        samples = frame.to_ndarray()
        body = samples.reshape(-1, 1).view(np.uint8)[:, 1:] if self._wide else samples  # s32 has its bits at the top
        packet: Packet[Any] = Packet(body.tobytes())
        packet.time_base = self._time_base
        packet.pts = packet.dts = pts if pts is not None else self._end
        packet.duration = round(frame.samples / frame.sample_rate / self._time_base)
        self._end = None if packet.pts is None else packet.pts + packet.duration
        packet.is_keyframe = True
        return packet


def becomes_linear(stream: Stream, muxer: str) -> bool:
    """Whether sound that the container of a muxer does not hold is written into it as PCM."""
    if not isinstance(stream, AudioStream) or muxer != MUXER or not has_decoder(stream):
        return False
    return stream.codec_context.channels in LAYOUTS and stream.codec_context.sample_rate > 0


def is_exact(sound: AudioStream) -> bool:
    """Whether PCM has the very samples of its decoder, which others give as fractions."""
    return sound.codec_context.format.name in SIXTEEN_BITS | MORE_BITS
