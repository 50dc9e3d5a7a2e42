"""A picture as the network sees it: Y'CbCr 4:2:0, full range, uint8."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.pictures import TO_YCC, Rgb, to_planes

LUMA = TO_YCC[0]  # BT.601: weights of R, G and B in it


@dataclass(frozen=True)
class Planes:
    """One picture: y (H, W), u and v (H/2, W/2), uint8 full range BT.601."""

    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]

    @classmethod
    def of(cls, rgb: Rgb) -> "Planes":
        """From RGB, as the tool does it; what is left over of odd sides is cut off."""
        return cls(*to_planes(rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2]))

    def cut(self, top: int, left: int, height: int, width: int) -> "Planes":
        """A part of the picture; all four numbers even."""
        t, le, h, w = top // 2, left // 2, height // 2, width // 2
        return Planes(
            self.y[top : top + height, left : left + width],
            self.u[t : t + h, le : le + w],
            self.v[t : t + h, le : le + w],
        )

    def turned(self, flip: bool, upside_down: bool) -> "Planes":
        """Mirrored left to right, top to bottom, or both."""
        down, across = (-1 if upside_down else 1), (-1 if flip else 1)
        return Planes(*(plane[::down, ::across] for plane in (self.y, self.u, self.v)))

    def brighter(self, gain: float, rng: np.random.Generator) -> "Planes":
        """As if there had been `gain` times as much of the coded light, rounded to whole codes with a dither."""

        def scale(plane: NDArray[np.uint8], zero: int) -> NDArray[np.uint8]:
            codes = (plane.astype(np.float32) - zero) * np.float32(gain) + zero
            return np.floor(codes + rng.random(plane.shape, dtype=np.float32)).clip(0, 255).astype(np.uint8)

        return Planes(scale(self.y, 0), scale(self.u, 128), scale(self.v, 128))


def decoded(data: bytes) -> NDArray[np.uint8] | None:
    """(H, W, 3) uint8 BGR of an image file's bytes; None if they are no readable picture."""
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # no bytes, or a header that claims more pixels than OpenCV takes
        return None
    return None if bgr is None else bgr.astype(np.uint8, copy=False)


def read_rgb(path: Path) -> Rgb:
    """An image file as (H, W, 3) uint8 RGB. One that is damaged or cut short is a ValueError."""
    bgr = decoded(path.read_bytes())  # imread would fill up half a jpg with grey
    if bgr is None:
        raise ValueError(f"{path} is no readable picture; leave it out, or get it again")
    return np.ascontiguousarray(bgr[:, :, ::-1])


def read_clip(path: Path, *, every: int = 1) -> Iterator[Rgb]:
    """Every so many frames of a clip, (H, W, 3) uint8 RGB each, cut to even sides. Not one is a ValueError."""
    clip, count = cv2.VideoCapture(str(path)), 0
    try:
        while clip.grab():
            if count % every == 0:
                bgr = clip.retrieve()[1]
                yield np.ascontiguousarray(bgr[: bgr.shape[0] // 2 * 2, : bgr.shape[1] // 2 * 2, ::-1])
            count += 1
    finally:
        clip.release()
    if not count:
        raise ValueError(f"{path} is no readable clip; remove it, or get it again")
