"""Frames as pictures that a page can hold, evenly chosen from a video of any length."""

import base64
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.compare.pairs import Moment
from streamllie.frame import Frame, Plane, VideoFormat
from streamllie.video.planes import HD_ROWS

WIDEST = 960  # pixels of a picture on the page
MOST = 200  # moments that are kept; half as many at least, of a video that has them
BUDGET = 10_500_000  # bytes of all pictures; a third more as text: 14 MB
QUALITY = 82  # of JPEG

# Red and blue in luma; by the matrix code points of ITU-T H.273.
WEIGHTS = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
BT601 = (0.299, 0.114)

Rgb = NDArray[np.uint8]


class Views:
    """Chooses moments while they come, evenly, whatever their number, and holds them as JPEG.

    When there are more than MOST, or their size is over BUDGET, every second one is dropped and half as many are
    taken from then on.
    """

    def __init__(self, formats: list[VideoFormat]) -> None:
        self._formats = formats
        self._every = 1
        self._kept: list[tuple[int, Fraction, list[bytes]]] = []
        self._bytes = 0

    def add(self, index: int, moment: Moment) -> None:
        """See the next moment, the `index`-th."""
        if index % self._every:
            return
        size = view_size(self._formats[0])
        pictures = [_jpeg(rgb_of(f, v, size)) for f, v in zip(moment.frames, self._formats, strict=True)]
        self._kept.append((index, moment.time, pictures))
        self._bytes += sum(map(len, pictures))
        while len(self._kept) > MOST or (self._bytes > BUDGET and len(self._kept) > 1):
            self._every *= 2
            self._kept = [kept for kept in self._kept if kept[0] % self._every == 0]
            self._bytes = sum(len(picture) for _, _, pictures in self._kept for picture in pictures)

    def shots(self) -> list[dict[str, object]]:
        """Index, time and one data URI for each video, of every moment that was kept."""
        return [
            {"index": index, "time": round(float(time), 3), "pictures": [_uri(picture) for picture in pictures]}
            for index, time, pictures in self._kept
        ]


def view_size(video: VideoFormat) -> tuple[int, int]:
    """Height and width of a video's pictures on the page, upright and with square pixels, at most WIDEST."""
    height, width = float(video.height), video.width * float(video.sample_aspect_ratio or 1)
    if video.rotation % 180:
        height, width = width, height
    scale = min(1.0, WIDEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def rgb_of(frame: Frame, video: VideoFormat, size: tuple[int, int]) -> Rgb:
    """A frame as an upright picture (*size, 3)."""
    height, width = size if video.rotation % 180 == 0 else size[::-1]
    levels = video.levels
    y = (_scaled(frame.y, height, width) - levels.black) / levels.luma_range
    u, v = ((_scaled(plane, height, width) - levels.neutral) / levels.chroma_range for plane in (frame.u, frame.v))
    red, blue = WEIGHTS.get(video.matrix, WEIGHTS[1] if video.matrix == 2 and video.height >= HD_ROWS else BT601)
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    g = (y - red * r - blue * b) / (1 - red - blue)
    rgb = np.clip(np.rint(np.dstack([r, g, b]) * 255), 0, 255).astype(np.uint8)
    turned = np.rot90(rgb, video.rotation // 90 % 4)
    return np.ascontiguousarray(turned[:, ::-1] if video.mirrored else turned)


def _scaled(plane: Plane, height: int, width: int) -> NDArray[np.float32]:
    smaller = height <= plane.shape[0] and width <= plane.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(plane, (width, height), interpolation=how).astype(np.float32)


def _jpeg(rgb: Rgb) -> bytes:
    _, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()


def _uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
