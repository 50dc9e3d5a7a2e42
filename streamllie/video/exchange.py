"""Frames between us and WebRTC, which speaks libav's frames."""

import av
from av.error import FFmpegError

from streamllie.errors import SourceError
from streamllie.frame import TICK, Frame, VideoFormat
from streamllie.video.liveframes import Shot
from streamllie.video.opening import reason
from streamllie.video.planes import Planar, fill


class Incoming:
    """Turns frames of libav, 8 bits, into shots. Remembers the format of the last one."""

    def __init__(self) -> None:
        self._format: VideoFormat | None = None

    def shot(self, decoded: av.VideoFrame, *, arrived: float) -> Shot:
        """The frame, which came at so many seconds of time.perf_counter."""
        format = self._format
        if format is None or (format.height, format.width) != (decoded.height, decoded.width):
            format = self._format = VideoFormat(height=decoded.height, width=decoded.width, time_base=TICK)
            self._planar = Planar(height=format.height, width=format.width, depth=8)
        try:
            y, u, v = self._planar.planes(decoded)
        except (FFmpegError, ValueError) as error:
            raise SourceError(f"a frame of {decoded.format.name} cannot be used ({reason(error)})") from error
        frame = Frame(y=y, u=u, v=v, pts=round(arrived / TICK), time_base=TICK)
        return Shot(frame=frame, format=format, captured=arrived)


def outgoing(frame: Frame, *, seconds: float) -> av.VideoFrame:
    """A frame of 8 bits and limited levels as libav's, at so many seconds; of even size, as its encoders need."""
    height, width = frame.y.shape[0] // 2 * 2, frame.y.shape[1] // 2 * 2
    native = av.VideoFrame(width, height, "yuv420p")
    fill(native, frame.y, frame.u, frame.v)
    native.pts, native.time_base = round(seconds / TICK), TICK
    return native
