"""H.264 for live streams: every frame leaves the encoder at once, every two seconds a viewer can join."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import av
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext

from streamllie.errors import SinkError
from streamllie.frame import TICK, USUAL_RATE, Frame, VideoFormat
from streamllie.video.choice import options_of, refusal_of
from streamllie.video.encoders import ENCODERS
from streamllie.video.planes import fill

ENCODER = next(
    replace(encoder, preset="superfast", quality=23, options=(("tune", "zerolatency"),))
    for encoder in ENCODERS
    if encoder.name == "libx264"
)


def keyframe_distance(rate: Fraction | None) -> int:
    """In frames: at each a viewer can join, and a recording that was cut off can be played up to the last."""
    return max(1, round(2 * (rate or USUAL_RATE)))


def encoder_options(
    format: VideoFormat, *, crf: float | None, preset: str | None, max_bitrate: str | None
) -> dict[str, str]:
    """What the encoder is told.

    Raises:
        SinkError: it does not take such a video, or such a wish.
    """
    if refusal := refusal_of(ENCODER, format, preset):
        raise SinkError(refusal)
    return options_of(ENCODER, format, crf=crf, preset=preset, max_bitrate=max_bitrate)


class LowDelay:
    """An H.264 encoder for 8-bit frames of one size: `context`, of libx264.

    Remembers one picture, and the last time.
    """

    def __init__(
        self,
        format: VideoFormat,
        *,
        context: VideoCodecContext,
        crf: float | None = None,
        preset: str | None = None,
        max_bitrate: str | None = None,
    ) -> None:
        options = encoder_options(format, crf=crf, preset=preset, max_bitrate=max_bitrate)
        rate = format.rate or USUAL_RATE
        self.height, self.width = format.height // 2 * 2, format.width // 2 * 2
        context.height, context.width, context.pix_fmt = self.height, self.width, "yuv420p"
        context.time_base, context.framerate = TICK, rate
        context.color_primaries, context.color_trc = format.primaries, format.transfer
        context.colorspace = format.matrix
        context.color_range = 2 if format.full_range else 1
        context.sample_aspect_ratio = format.sample_aspect_ratio or Fraction(0, 1)
        context.gop_size = keyframe_distance(rate)
        context.options = options | {"bufsize": str(int(options["maxrate"]) // 2)}  # half a second: joins stay quick
        self.context = context
        self._picture = av.VideoFrame(self.width, self.height, "yuv420p")
        self._last = -1

    def encode(self, frame: Frame, *, at: Fraction) -> "Iterator[Packet[Stream]]":
        """The packets of a frame of this size that is shown at so many seconds; times always rise."""
        self._last = max(self._last + 1, round(at / TICK))
        fill(self._picture, frame.y, frame.u, frame.v)
        self._picture.pts, self._picture.time_base = self._last, TICK
        for packet in self.context.encode(self._picture):
            packet.time_base = TICK
            yield packet
        self._picture.make_writable()
