"""Sound beside live video: copied where the output holds its codec, else PCM for the same samples, else AAC."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from math import floor

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from streamllie.video.linear import Linear, becomes_linear, is_exact
from streamllie.video.opening import reason

HOLDS = {
    "flv": frozenset({"aac", "mp3"}),
    "mpegts": frozenset({"aac", "mp2", "mp3", "ac3", "eac3", "opus"}),
    "hls": frozenset({"aac", "mp3", "ac3", "eac3"}),
    "rtsp": frozenset({"aac", "opus"}),
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "opus"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3"}),
    "matroska": frozenset({"aac", "mp2", "mp3", "ac3", "eac3", "opus", "vorbis", "flac"}),
}
AAC_RATE = "128k"
RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)  # samples per second that AAC has

log = logging.getLogger(__name__)


class SoundTrack:
    """One output stream of sound and the way to it. Remembers the last time, which always rises.

    It decodes with the source's own context, which knows what no other is told, such as the blocks of ADPCM.
    """

    def __init__(self, source: AudioStream, output: OutputContainer, muxer: str) -> None:
        self.codec = source.codec_context.name
        self._last: int | None = None
        self._transcoder: _Transcoder | None = None
        self._linear: Linear | None = None
        if self.codec in HOLDS.get(muxer, frozenset[str]()):
            self.stream: Stream = output.add_stream_from_template(source)
        elif becomes_linear(source, muxer) and is_exact(source):
            self._linear = Linear(source, output)
            self.stream = self._linear.stream
        else:
            log.warning("the sound is %s, which %s does not hold: encoded as AAC", self.codec, muxer)
            self._transcoder = _Transcoder(source, output)
            self.stream = self._transcoder.stream

    def packets(self, packet: "Packet[Stream]", *, shift: Fraction) -> "Iterator[Packet[Stream]]":
        """The packets to mux for one that came, with `shift` seconds added to its time."""
        if self._transcoder is not None:
            yield from self._transcoder.packets(packet, shift)
            return
        try:
            ready = [packet] if self._linear is None else self._linear.convert(packet)
        except FFmpegError:  # damaged, as live streams are now and then
            return
        for one in ready:
            yield from self._placed(one, shift)

    def _placed(self, packet: "Packet[Stream]", shift: Fraction) -> "Iterator[Packet[Stream]]":
        if packet.pts is None:
            return
        moved = packet.pts + round(shift / packet.time_base)
        # As libav will round it: two of its times must not be one in the output, whose ticks may be longer.
        tick = floor(moved * packet.time_base / (self.stream.time_base or packet.time_base) + Fraction(1, 2))
        if moved < 0 or (self._last is not None and tick <= self._last):
            return  # before the beginning, or from before a jump
        self._last = tick
        packet.pts = packet.dts = moved
        packet.stream = self.stream
        yield packet

    def rest(self) -> "Iterator[Packet[Stream]]":
        """What an encoder still holds at the end."""
        if self._transcoder is not None:
            yield from self._transcoder.rest()


class _Transcoder:
    """Decodes, resamples and encodes; the time of each sample is kept."""

    def __init__(self, source: AudioStream, output: OutputContainer) -> None:
        self._decoder = source.codec_context
        self._decoder.flush_buffers()  # of the output before this one
        rate = source.codec_context.sample_rate
        rate = rate if rate in RATES else 48_000
        stream = output.add_stream("aac", rate=rate, options={"b": AAC_RATE})
        assert isinstance(stream, AudioStream)
        assert isinstance(stream.codec_context, AudioCodecContext)
        layout = "mono" if source.codec_context.channels == 1 else "stereo"
        stream.codec_context.layout = layout
        self.stream = stream
        self._resampler = AudioResampler(format="fltp", layout=layout, rate=rate, frame_size=1024)
        self._last = -1

    def packets(self, packet: "Packet[Stream]", shift: Fraction) -> "Iterator[Packet[Stream]]":
        try:
            frames = self._decoder.decode(packet)
        except FFmpegError as error:
            log.debug("a packet of sound is damaged: %s", reason(error))
            return
        for decoded in frames:
            assert isinstance(decoded, av.AudioFrame)
            if decoded.pts is None or decoded.time_base is None:
                continue
            moved = round((decoded.pts * decoded.time_base + shift) * decoded.sample_rate)
            if moved < 0:
                continue
            decoded.pts, decoded.time_base = moved, Fraction(1, decoded.sample_rate)
            yield from self._encoded(decoded)

    def rest(self) -> "Iterator[Packet[Stream]]":
        yield from self._encoded(None)
        yield from self.stream.encode(None)

    def _encoded(self, decoded: av.AudioFrame | None) -> "Iterator[Packet[Stream]]":
        for frame in self._resampler.resample(decoded):
            if frame.pts is None or frame.pts <= self._last:
                continue
            self._last = frame.pts
            yield from self.stream.encode(frame)
