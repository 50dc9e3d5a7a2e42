"""Between a frame of libav and three arrays: no copy where the layout allows, no scaling of 4:2:0."""

from typing import cast

import av
import numpy as np
from av.video.format import VideoFormat as PixelFormat
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from streamllie.frame import Levels, Plane

PLANAR = {8: "yuv420p", 10: "yuv420p10le", 12: "yuv420p12le"}  # bits per sample: our layout in libav's words
GREY = {8: "gray", 10: "gray10le", 12: "gray12le"}
DEPTHS = {name: depth for depth, name in PLANAR.items()} | {
    "yuvj420p": 8,  # full range
    "yuva420p": 8,  # the alpha plane comes last and is left out
    "yuva420p10le": 10,
}
HD_ROWS = 720  # RGB becomes BT.709 from here on, BT.601 below: what players assume of untagged video
QUALITY = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
BT709, BT601 = 1, 6  # matrix code points of ITU-T H.273


def depth_for(pixels: PixelFormat) -> int:
    """The bits per sample that frames of this pixel format get: 8, 10 or 12."""
    bits = max(c.bits for c in pixels.components if not c.is_alpha)
    if bits <= 8 or pixels.has_palette:
        return 8
    return 12 if bits == 12 else 10


def has_alpha(pixels: PixelFormat) -> bool:
    """Whether there is transparency that we drop."""
    return any(c.is_alpha for c in pixels.components)


def is_rgb(pixels: PixelFormat) -> bool:
    """Whether a colour matrix must be chosen."""
    return pixels.is_rgb or pixels.has_palette or pixels.is_bayer


def rgb_matrix(height: int) -> int:
    """The matrix that RGB of this height is converted with."""
    return BT709 if height >= HD_ROWS else BT601


def is_full_range(frame: av.VideoFrame) -> bool:
    """Whether black is 0 and white the largest number. The tag knows best: a decoder keeps its first format's name."""
    return frame.color_range == ColorRange.JPEG or (
        frame.color_range != ColorRange.MPEG and frame.format.name.startswith("yuvj")
    )


class Planar:
    """Turns decoded frames into planar 4:2:0 of one size, depth and, if `full_range` is given, levels.

    Remembers swscale's tables.
    """

    def __init__(self, *, height: int, width: int, depth: int, full_range: bool | None = None) -> None:
        self._height, self._width, self._depth, self._full_range = height, width, depth, full_range
        self._swscale = VideoReformatter()
        self.relevelled = 0  # frames that had other levels

    def planes(self, frame: av.VideoFrame) -> tuple[Plane, Plane, Plane]:
        """(H, W) luma, two (ceil(H/2), ceil(W/2)) chroma planes; C-contiguous; they keep the frame alive."""
        same_size = frame.height == self._height and frame.width == self._width
        full = is_full_range(frame)
        told = full or frame.color_range == ColorRange.MPEG
        relevel = told and not is_rgb(frame.format) and self._full_range not in {None, full}
        if frame.format.name.startswith("gray") and frame.color_range:
            y, u, v = self._from_grey(frame)
        else:
            if not same_size or DEPTHS.get(frame.format.name) != self._depth:
                frame = self._convert(frame)
            y, u, v = (self._array(plane) for plane in frame.planes[:3])
        return self._with_levels(y, u, v, full=full) if relevel else (y, u, v)

    def _from_grey(self, frame: av.VideoFrame) -> tuple[Plane, Plane, Plane]:
        """Grey with a tagged range: swscale takes all grey for full range, which holds only without a tag."""
        frame = self._swscale.reformat(
            frame, width=self._width, height=self._height, format=GREY[self._depth], interpolation=QUALITY
        )
        y = self._array(frame.planes[0])
        neutral = np.full_like(y[::2, ::2], 2 ** (self._depth - 1), order="C")
        return y, neutral, neutral

    def _with_levels(self, y: Plane, u: Plane, v: Plane, *, full: bool) -> tuple[Plane, Plane, Plane]:
        """Of a frame whose levels are full or not, and the others are wanted."""
        self.relevelled += 1
        old, new = (Levels.of(depth=self._depth, full_range=range_) for range_ in (full, not full))

        def levelled(plane: Plane, zero: int, to: int, scale: float) -> Plane:
            moved = np.rint((plane.astype(np.float32) - zero) * np.float32(scale) + to)
            return moved.clip(0, new.peak).astype(plane.dtype)

        luma, chroma = new.luma_range / old.luma_range, new.chroma_range / old.chroma_range
        return (
            levelled(y, old.black, new.black, luma),
            levelled(u, old.neutral, new.neutral, chroma),
            levelled(v, old.neutral, new.neutral, chroma),
        )

    def _convert(self, frame: av.VideoFrame) -> av.VideoFrame:
        rgb = is_rgb(frame.format)
        full_by_name = frame.format.name.startswith("yuvj")  # for swscale, whatever its tag: as it is, then
        matrix = Colorspace.ITU709 if rgb_matrix(self._height) == BT709 else Colorspace.ITU601
        return self._swscale.reformat(
            frame,
            width=self._width,
            height=self._height,
            format=PLANAR[self._depth],
            dst_colorspace=matrix if rgb else None,
            src_color_range=ColorRange.JPEG if rgb or full_by_name else None,
            dst_color_range=ColorRange.MPEG if rgb else ColorRange.JPEG if full_by_name else None,
            interpolation=QUALITY,
        )

    def _array(self, plane: VideoPlane) -> Plane:
        rows: Plane
        if self._depth == 8:
            rows = np.frombuffer(cast("memoryview", plane), np.uint8).reshape(plane.height, -1)
        else:
            rows = np.frombuffer(cast("memoryview", plane), np.uint16).reshape(plane.height, -1)
        if plane.line_size < 0:  # stored bottom row first
            rows = rows[::-1]
        # Copies only if lines are padded.
        return np.ascontiguousarray(rows[:, : plane.width])


def fill(frame: av.VideoFrame, y: Plane, u: Plane, v: Plane) -> None:
    """Copy three planes into a writable frame of the matching layout.

    A copy, not a reference: the engine may reuse its output arrays while the encoder still looks ahead.
    For encoders without odd sizes: where the frame is larger by a row or a column, the last one is repeated, where it
    is smaller, the last one is left out.
    """
    for plane, source in zip(frame.planes, (y, u, v), strict=True):
        rows = np.frombuffer(cast("memoryview", plane), source.dtype).reshape(plane.height, -1)
        height, width = min(source.shape[0], plane.height), min(source.shape[1], plane.width)
        rows[:height, :width] = source[:height, :width]
        if plane.width > width:
            rows[:height, width : plane.width] = source[:height, -1:]
        if plane.height > height:
            rows[height:] = rows[height - 1]
