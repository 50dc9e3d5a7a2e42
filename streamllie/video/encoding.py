"""Encode the frames into one stream of an output file, each with its own time."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import floor

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from streamllie.errors import SinkError
from streamllie.frame import Frame, VideoFormat
from streamllie.video.choice import Choice, set_up
from streamllie.video.containers import Container
from streamllie.video.planes import PLANAR, fill
from streamllie.video.tags import FULL, LIMITED, UNSPECIFIED

HALF = Fraction(1, 2)
WIDEST = 2**28  # ticks from storing to showing a picture that older readers of mp4 take
TOO_FEW = 2  # frames; x265 gives an uninitialised dts if it gets fewer than it reorders, and these need none


class Encoding:
    """The stream that the frames become, and its clock. Remembers one picture, which is filled again and again.

    `shift` is subtracted from every time. `note` takes a sentence on what the container cannot express.
    """

    def __init__(
        self,
        output: OutputContainer,
        format: VideoFormat,
        container: Container,
        choice: Choice,
        *,
        shift: Fraction,
        note: Callable[[str], None],
    ) -> None:
        self.frames = 0  # given
        self.packets = 0  # got: as many, once flushed
        self.bytes = 0  # of the packets
        self._format, self._container, self._choice = format, container, choice
        self._shift, self._note = shift, note
        self._last_pts: int | None = None
        self._limits = format.full_range and choice.range_tag == LIMITED
        rate = format.rate or Fraction(30)
        self._usual_duration = 1 / rate
        # In avi a frame has a number, not a time.
        self.time_base = 1 / rate if container.constant_rate else format.time_base
        self.stream = self._add_to(output, rate)
        self._native = self._picture()
        self._swscale = VideoReformatter()

    def encode(self, frame: Frame) -> "Iterator[Packet[Stream]]":
        """The packets that are ready once this frame is in; take them all."""
        fill(self._native, frame.y, frame.u, frame.v)
        native = self._native
        if native.format.name != self._choice.pixels or self._limits:
            native = self._swscale.reformat(
                native,
                format=self._choice.pixels,
                src_color_range=FULL if self._limits else None,
                dst_color_range=LIMITED if self._limits else None,
            )
        native.pts = self._tick(frame)
        native.time_base = self.time_base
        native.duration = round((frame.duration * frame.time_base or self._usual_duration) / self.time_base)
        self.frames += 1
        yield from self._packets_for(native)
        if native is self._native:
            self._native.make_writable()  # copies only if the encoder still holds the picture

    def flush(self) -> "Iterator[Packet[Stream]]":
        """The packets that the encoder has held back."""
        for packet in self._packets_for(None):
            if self.frames <= TOO_FEW:
                packet.dts = packet.pts
            yield packet

    def _add_to(self, output: OutputContainer, rate: Fraction) -> VideoStream:
        family = self._choice.encoder.family
        stream = output.add_stream(self._choice.encoder.name, rate=rate)
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        assert isinstance(context, VideoCodecContext)
        set_up(context, self._choice, self._format)
        context.time_base = stream.time_base = self.time_base
        if family == "hevc" and self._container.hvc1:
            context.codec_tag = "hvc1"
        if family == "h264" and self._container.constant_rate:
            context.options = {**context.options, "bf": "0"}  # avi cannot say that frames are out of order
        format = self._format
        tagged = {format.primaries, format.transfer, format.matrix} != {UNSPECIFIED}
        if tagged and family == "ffv1" and self._container.constant_rate:
            self._note("the colour tags are dropped: ffv1 in avi cannot say so; name the output .mkv")
        shape = format.sample_aspect_ratio or 1
        if shape != 1 and not (self._choice.encoder.pixel_shape or self._container.pixel_shape):
            self._note(
                f"pixels become square, they were {shape.numerator}:{shape.denominator}: {family} in"
                f" {self._container.muxer} is not told so; name the output .mp4, or use --codec h264"
            )
        turned, mirrored = self._format.rotation, self._format.mirrored
        if (turned or mirrored) and self._container.rotation:
            stream.set_display_rotation(turned, hflip=mirrored)
        elif turned or mirrored:
            how = " and ".join([*[f"turned by {turned} degrees"] * bool(turned), *["mirrored"] * mirrored])
            self._note(
                f"the picture is {how}, which {self._container.muxer} cannot say:"
                " it shows as it was stored; name the output .mp4, .mov or .mkv to keep it upright"
            )
        return stream

    def _picture(self) -> av.VideoFrame:
        video = self._format
        native = av.VideoFrame(self._choice.width, self._choice.height, PLANAR[video.depth])
        native.colorspace = video.matrix
        native.color_range = FULL if self._limits else self._choice.range_tag
        native.color_primaries = video.primaries
        native.color_trc = video.transfer
        return native

    def _tick(self, frame: Frame) -> int:
        pts = floor((frame.time - self._shift) / self.time_base + HALF)  # `round` turns 0.5 and 1.5 to 0 and 2
        if self._last_pts is not None and pts <= self._last_pts:
            if not self._container.constant_rate:
                raise SinkError(f"frame {self.frames} at {float(frame.time):g} s is not after the one before")
            self._note("the frame rate varies, which avi cannot express; use .mkv or .mp4 to keep the times")
            pts = self._last_pts + 1
        self._last_pts = pts
        return pts

    def _packets_for(self, native: av.VideoFrame | None) -> "Iterator[Packet[Stream]]":
        for packet in self.stream.encode(native):
            if self._container.constant_rate and not self.packets and packet.dts:
                yield self._empty()
            self._check_order(packet)
            self.packets += 1
            self.bytes += packet.size
            yield packet

    def _check_order(self, packet: "Packet[Stream]") -> None:
        if packet.pts is None or packet.dts is None or self._container.muxer not in ("mp4", "mov"):
            return
        if (packet.pts - packet.dts) * self.time_base > WIDEST * (self.stream.time_base or self.time_base):
            self._note(
                "pictures around a very long gap are stored far ahead of their time, which older players (ffmpeg before"
                " 6) show in a wrong order; name the output .mkv"
            )

    def _empty(self) -> "Packet[Stream]":
        """Fills the time before a late first frame: avi counts from 0, and its muxer fills only later gaps."""
        empty = Packet(0)
        empty.stream = self.stream
        empty.time_base = self.time_base
        empty.pts = empty.dts = 0
        return empty
