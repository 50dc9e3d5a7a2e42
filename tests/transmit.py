"""A transport stream of frames whose size may change at any moment: for sources of trouble."""

import contextlib
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer
from av.error import FFmpegError

from streamllie.frame import Frame, VideoFormat
from streamllie.video.lowdelay import LowDelay


class Transmitter:
    """Writes an MPEG transport stream into anything with a `write`. A context manager."""

    def __init__(self, file: Any) -> None:
        self._output: OutputContainer = av.open(
            file, "w", format="mpegts", container_options={"muxdelay": "0", "flush_packets": "1"}, buffer_size=1316
        )
        self._stream = self._output.add_stream("libx264", rate=30)
        self._encoder: LowDelay | None = None

    def __enter__(self) -> "Transmitter":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(FFmpegError):  # the reader has gone
            self._output.close()

    def send(self, frame: Frame, *, at: float) -> None:
        """Encode and write one frame, at so many seconds."""
        height, width = frame.y.shape
        if self._encoder is None or (self._encoder.height, self._encoder.width) != (height, width):
            format = VideoFormat(height=height, width=width, rate=Fraction(30))
            first = self._encoder is None
            context = self._stream.codec_context if first else av.CodecContext.create("libx264", "w")
            self._encoder = LowDelay(format, context=context)
        for packet in self._encoder.encode(frame, at=Fraction(at)):
            packet.stream = self._stream
            self._output.mux_one(packet)
