"""Live frames in another shape: halved for speed, mirrored, scaled to what a target takes, split before and after."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import cv2
import numpy as np

from streamllie.frame import Frame, Plane, VideoFormat


def halved(format: VideoFormat) -> VideoFormat:
    """About half the size, even."""
    return replace(format, height=max(2, format.height // 4 * 2), width=max(2, format.width // 4 * 2))


def with_half(frame: Frame, enhance: Callable[[Frame], Frame]) -> Frame:
    """Enhanced at half the size, with the fine detail of the whole one put back as it was."""
    height, width = frame.y.shape
    half = halved(VideoFormat(height=height, width=width))
    small = scaled(frame, half.height, half.width)
    bright = scaled(enhance(small), height, width)
    detail = cv2.subtract(frame.y, resized(small.y, height, width), dtype=cv2.CV_32F)
    kind = cv2.CV_8U if frame.y.itemsize == 1 else cv2.CV_16U
    return replace(bright, y=cast("Plane", cv2.add(bright.y, detail, dtype=kind)))


def scaled(frame: Frame, height: int, width: int) -> Frame:
    """The frame in another size."""
    half = ((height + 1) // 2, (width + 1) // 2)
    return frame.with_planes(resized(frame.y, height, width), resized(frame.u, *half), resized(frame.v, *half))


def resized(plane: Plane, height: int, width: int) -> Plane:
    """A plane in another size."""
    if plane.shape == (height, width):
        return plane
    way = cv2.INTER_AREA if height * width < plane.size else cv2.INTER_LINEAR
    return cast("Plane", cv2.resize(plane, (width, height), interpolation=way))


def fitted(frame: Frame, format: VideoFormat) -> Frame:
    """The frame in the size and depth of a format."""
    depth = 8 if frame.y.itemsize == 1 else 10
    if (depth > 8) != (format.depth > 8):
        frame = _deep(frame, format.depth - 8) if format.depth > 8 else _shallow(frame, depth - 8)
    return scaled(frame, format.height, format.width)


def mirrored(frame: Frame) -> Frame:
    """Left and right swapped."""
    y, u, v = (cast("Plane", cv2.flip(plane, 1)) for plane in (frame.y, frame.u, frame.v))
    return frame.with_planes(y, u, v)


def composed(before: Frame, after: Frame, split: float | None) -> Frame:
    """Left of `split`, 0..1, the picture as it came; right of it as it became. None: all of it."""
    if split is None or before is after:
        return after
    at = round(split * after.u.shape[1])
    if at <= 0:
        return after
    y, u, v = after.y.copy(), after.u.copy(), after.v.copy()
    y[:, : 2 * at], u[:, :at], v[:, :at] = before.y[:, : 2 * at], before.u[:, :at], before.v[:, :at]
    return after.with_planes(y, u, v)


def _deep(frame: Frame, bits: int) -> Frame:
    y, u, v = (plane.astype(np.uint16) << np.uint16(bits) for plane in (frame.y, frame.u, frame.v))
    return frame.with_planes(y, u, v)


def _shallow(frame: Frame, bits: int) -> Frame:
    y, u, v = (np.minimum(plane >> bits, 255).astype(np.uint8) for plane in (frame.y, frame.u, frame.v))
    return frame.with_planes(y, u, v)
