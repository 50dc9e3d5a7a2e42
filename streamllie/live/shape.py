"""Live frames in another shape: halved for speed, mirrored, made to fit a target, split before and after."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import cv2
import numpy as np

from streamllie.frame import Frame, Plane, VideoFormat
from streamllie.video.planes import relevelled

ALIKE = 0.02  # of a picture's shape: a difference that nobody sees


def halved(format: VideoFormat) -> VideoFormat:
    """About half the size, even."""
    return replace(format, height=max(2, format.height // 4 * 2), width=max(2, format.width // 4 * 2))


def with_half(frame: Frame, enhance: Callable[[Frame], Frame], *, peak: int) -> Frame:
    """Enhanced at half the size, with the fine detail of the whole one put back as it was; codes end at `peak`."""
    height, width = frame.y.shape
    half = halved(VideoFormat(height=height, width=width))
    small = scaled(frame, half.height, half.width)
    bright = scaled(enhance(small), height, width)
    detail = cv2.subtract(frame.y, resized(small.y, height, width), dtype=cv2.CV_32F)
    kind = cv2.CV_8U if frame.y.itemsize == 1 else cv2.CV_16U
    y = cast("Plane", cv2.add(bright.y, detail, dtype=kind))
    return replace(bright, y=y if kind == cv2.CV_8U else np.minimum(y, y.dtype.type(peak)))


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


def fitted(frame: Frame, given: VideoFormat, wanted: VideoFormat) -> Frame:
    """A frame of the format `given` in the size, depth and levels of `wanted`; between bars if its shape is another."""
    if given.levels != wanted.levels:
        frame = frame.with_planes(*relevelled(frame.y, frame.u, frame.v, given.levels, wanted.levels))
    wide, high = square(given), square(wanted)
    if abs(wide / high - 1) < ALIKE:
        return scaled(frame, wanted.height, wanted.width)
    share = wide / high  # of the target's width that the picture would take at its full height
    height = max(2, round(wanted.height / max(1.0, share) / 2) * 2)
    width = max(2, round(wanted.width * min(1.0, share) / 2) * 2)
    return _framed(scaled(frame, height, width), wanted)


def square(format: VideoFormat) -> float:
    """How wide a picture is for its height, as viewers see it."""
    return float(format.width * (format.sample_aspect_ratio or 1) / format.height)


def _framed(frame: Frame, wanted: VideoFormat) -> Frame:
    """A smaller frame in the middle of a black one."""
    half, levels = ((wanted.height + 1) // 2, (wanted.width + 1) // 2), wanted.levels
    return frame.with_planes(
        _bordered(frame.y, (wanted.height, wanted.width), levels.black, step=2),
        *(_bordered(plane, half, levels.neutral, step=1) for plane in (frame.u, frame.v)),
    )


def _bordered(plane: Plane, size: tuple[int, int], value: int, *, step: int) -> Plane:
    (top, bottom), (left, right) = (
        (first := (room - side) // (2 * step) * step, room - side - first)
        for room, side in zip(size, plane.shape, strict=True)
    )
    return cast("Plane", cv2.copyMakeBorder(plane, top, bottom, left, right, cv2.BORDER_CONSTANT, value=value))


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
