"""Frames as pictures that a page can hold, evenly chosen from a video of any length."""

import base64
from fractions import Fraction

import cv2
import numpy as np

from streamllie.compare.pairs import Moment
from streamllie.frame import VideoFormat
from streamllie.pictures import Rgb
from streamllie.video.preview import Preview

WIDEST = 960  # pixels of a picture on the page
MOST = 200  # moments that are kept at most: of a longer video 100 to 200, or fewer where BUDGET is reached first
BUDGET = 10_500_000  # bytes of all pictures; a third more as text: 14 MB
QUALITY = 82  # of JPEG


class Views:
    """Chooses moments while they come, evenly, whatever their number, and holds them as JPEG.

    When there are more than MOST, or their size is over BUDGET, every second one is dropped and half as many are
    taken from then on.
    """

    def __init__(self, formats: list[VideoFormat]) -> None:
        self._formats = formats
        self._previews = [Preview() for _ in formats]
        self._every = 1
        self._kept: list[tuple[int, Fraction, list[bytes]]] = []
        self._bytes = 0

    def add(self, index: int, moment: Moment) -> None:
        """See the next moment, the `index`-th."""
        if index % self._every:
            return
        size = view_size(self._formats[0])
        pictures = [
            _jpeg(upright(preview.rgb(frame, video), video, size))
            for preview, frame, video in zip(self._previews, moment.frames, self._formats, strict=True)
        ]
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
    if video.lies:
        height, width = width, height
    scale = min(1.0, WIDEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def upright(rgb: Rgb, video: VideoFormat, size: tuple[int, int]) -> Rgb:
    """A picture (H, W, 3) as players show it, (*size, 3)."""
    height, width = size[::-1] if video.lies else size
    smaller = height <= rgb.shape[0] and width <= rgb.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(rgb, (width, height), interpolation=how), np.uint8)
    return video.upright(scaled)


def _jpeg(rgb: Rgb) -> bytes:
    _, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()


def _uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
