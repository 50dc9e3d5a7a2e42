"""RGB pictures as Y'CbCr 4:2:0 planes and back: RGB exists only where a person or a metric looks."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.frame import Plane

Rgb = NDArray[np.uint8]  # (H, W, 3)
Floats = NDArray[np.float32]

# JPEG's matrix: BT.601, full range. Exact rows, so that the way back is the inverse and not a rounded cousin.
TO_YCC = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.5],
        [0.5, -0.587 / 1.402, -0.114 / 1.402],
    ],
    np.float32,
)
TO_RGB = np.linalg.inv(TO_YCC.astype(np.float64)).astype(np.float32)

NEUTRAL = 128  # code value of no colour
DARK = 4.0  # levels added to both sides of a gain, so that black gains nothing
SPREAD = (5, 5)  # pixels over which the local gain is averaged: finer than a subject, coarser than its noise


def to_planes(rgb: Rgb) -> tuple[Plane, Plane, Plane]:
    """Planes (H, W), (ceil(H/2), ceil(W/2)) twice, uint8 full range; chroma sited mid-pixel."""
    y, u, v = _split(rgb)
    return _codes(y), _codes(_halved(u)), _codes(_halved(v))


def to_rgb(y: Plane, u: Plane, v: Plane) -> Rgb:
    """The picture (H, W, 3) that full-range planes show, without the fine colour that they lack."""
    return _merged(y.astype(np.float32), _doubled(u, y.shape), _doubled(v, y.shape))


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An RGB picture as planes, together with the fine colour and the fractions of a level that planes lose.

    Planes alone cost a bright picture dearly: 37 dB on average, 31 dB at worst, however good the filter. So
    `enhanced` puts back what was lost, grown by the local gain. In places that became more than twice as
    bright it does not: there, fine colour is mostly noise, and the model has just removed it.
    """

    y: Plane  # (H, W)
    u: Plane  # (ceil(H/2), ceil(W/2))
    v: Plane
    lost: tuple[Floats, Floats, Floats]  # each (H, W): the exact y, u, v less what the planes show

    @classmethod
    def of(cls, rgb: Rgb) -> "Picture":
        """The picture (H, W, 3) in planes."""
        exact = _split(rgb)
        y, u, v = _codes(exact[0]), _codes(_halved(exact[1])), _codes(_halved(exact[2]))
        shown = (y.astype(np.float32), _doubled(u, y.shape), _doubled(v, y.shape))
        return cls(y=y, u=u, v=v, lost=(exact[0] - shown[0], exact[1] - shown[1], exact[2] - shown[2]))

    def enhanced(self, y: Plane, u: Plane, v: Plane) -> Rgb:
        """The picture that these planes, made from this one's, show; the very same for the same planes."""
        bright = y.astype(np.float32)
        gain = (_blurred(bright) + DARK) / (_blurred(self.y.astype(np.float32)) + DARK)
        share = _floats(gain * np.clip(2 - gain, 0, 1))
        return _merged(
            _floats(bright + share * self.lost[0]),
            _floats(_doubled(u, y.shape) + share * self.lost[1]),
            _floats(_doubled(v, y.shape) + share * self.lost[2]),
        )


def _split(rgb: Rgb) -> tuple[Floats, Floats, Floats]:
    """Exact y in 0..255 and u, v about NEUTRAL, each (H, W)."""
    y, u, v = cv2.split(cv2.transform(rgb.astype(np.float32), TO_YCC))
    return _floats(y), _floats(u) + NEUTRAL, _floats(v) + NEUTRAL


def _merged(y: Floats, u: Floats, v: Floats) -> Rgb:
    rgb = cv2.transform(cv2.merge([y, u - NEUTRAL, v - NEUTRAL]), TO_RGB)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def _codes(plane: Floats) -> NDArray[np.uint8]:
    return np.clip(np.rint(plane), 0, 255).astype(np.uint8)


def _halved(chroma: Floats) -> Floats:
    """The mean of each 2 x 2 pixels. An odd edge is doubled first."""
    height, width = chroma.shape
    even = cv2.copyMakeBorder(chroma, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    size = (-(-width // 2), -(-height // 2))
    return _floats(cv2.resize(even, size, interpolation=cv2.INTER_AREA))


def _doubled(chroma: Plane, shape: tuple[int, ...]) -> Floats:
    """Twice the size, cut to the shape of the luma."""
    height, width = chroma.shape
    even = cv2.resize(chroma.astype(np.float32), (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    return _floats(even[: shape[0], : shape[1]])


def _blurred(plane: Floats) -> Floats:
    return _floats(cv2.blur(plane, SPREAD))


def _floats(array: Any) -> Floats:
    """OpenCV gives what it was given, float32 here, but its types do not say so."""
    return array
