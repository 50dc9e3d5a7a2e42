"""Between a frame of libav and three arrays: no copy where the layout allows, no scaling of 4:2:0."""

from functools import cache
from typing import cast

import av
import cv2
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
MATRICES = {  # what swscale calls them
    BT709: Colorspace.ITU709, 5: Colorspace.ITU601, BT601: Colorspace.ITU601, 9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}  # fmt: skip


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
        if not relevel:
            return y, u, v
        self.relevelled += 1
        return relevelled(y, u, v, *(Levels.of(depth=self._depth, full_range=range_) for range_ in (full, not full)))

    def _from_grey(self, frame: av.VideoFrame) -> tuple[Plane, Plane, Plane]:
        """Grey with a tagged range: swscale takes all grey for full range, which holds only without a tag."""
        frame = self._swscale.reformat(
            frame, width=self._width, height=self._height, format=GREY[self._depth], interpolation=QUALITY
        )
        y = self._array(frame.planes[0])
        neutral = np.full_like(y[::2, ::2], 2 ** (self._depth - 1), order="C")
        return y, neutral, neutral

    def _convert(self, frame: av.VideoFrame) -> av.VideoFrame:
        rgb = is_rgb(frame.format)
        full_by_name = frame.format.name.startswith("yuvj")  # for swscale, whatever its tag: as it is, then
        return self._swscale.reformat(
            frame,
            width=self._width,
            height=self._height,
            format=PLANAR[self._depth],
            dst_colorspace=MATRICES[rgb_matrix(self._height)] if rgb else None,
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


def relevelled(y: Plane, u: Plane, v: Plane, given: Levels, wanted: Levels) -> tuple[Plane, Plane, Plane]:
    """Planes with `given` levels as ones with those `wanted`, maybe of another depth, that show the same."""
    luma, chroma = _codes(given, wanted)
    return _looked_up(y, luma), _looked_up(u, chroma), _looked_up(v, chroma)


@cache
def _codes(given: Levels, wanted: Levels) -> tuple[Plane, Plane]:
    """For each code of luma and of chroma the one that means the same: (given.peak + 1,) each."""
    codes = np.arange(given.peak + 1)
    luma = (codes - given.black) * (wanted.luma_range / given.luma_range) + wanted.black
    chroma = (codes - given.neutral) * (wanted.chroma_range / given.chroma_range) + wanted.neutral
    kind = np.uint8 if wanted.peak < 256 else np.uint16
    y, uv = (np.rint(part).clip(0, wanted.peak).astype(kind) for part in (luma, chroma))
    return y, uv


def _looked_up(plane: Plane, codes: Plane) -> Plane:
    if plane.itemsize == 1:
        return cast("Plane", cv2.LUT(plane, codes))
    return codes.take(plane, mode="clip")


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
