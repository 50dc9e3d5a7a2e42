"""Make clips with known truth from clean pictures: held still, panned, zoomed, shaken, or with something passing by."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from training.planes import Rgb

EXTRA = 0.15  # share of a picture's sides that stays outside the window, as room to move


@dataclass(frozen=True, kw_only=True)
class Motion:
    """How a camera looks at a picture. Lengths are shares of the window's longer side; pans turn back at the edges."""

    pan: float = 0.0  # per second
    zoom: float = 0.0  # per second: 0.1 goes 10 % nearer a second, up to 20 %, and back
    shake: float = 0.0  # largest excursion of a hand that trembles
    passing: float = 0.0  # per second: speed of a disc of the other picture that passes before this one

    def shoot(self, picture: Rgb, other: Rgb | None = None) -> Callable[[float], Rgb]:
        """A function from seconds to a frame of even sides; `other` is what passes."""
        height, width = (round(side * (1 - 2 * EXTRA)) // 2 * 2 for side in picture.shape[:2])
        size = max(height, width)
        room = EXTRA * size

        def frame(seconds: float) -> Rgb:
            scale = 1 + _there_and_back(self.zoom * seconds, most=0.2)
            x = _there_and_back(self.pan * size * seconds + room, most=2 * room) - room
            y = 0.3 * x
            x += self.shake * size * (0.6 * np.sin(9.1 * seconds) + 0.4 * np.sin(21.7 * seconds + 1))
            y += self.shake * size * (0.6 * np.sin(11.3 * seconds + 2) + 0.4 * np.sin(26.1 * seconds))
            rgb = window(picture, height, width, x=float(x), y=float(y), scale=float(scale))
            if self.passing and other is not None:
                _put_disc(rgb, other, at=self.passing * size * seconds)
            return rgb

        return frame


def _there_and_back(value: float, *, most: float) -> float:
    """A triangle wave from 0 up to `most` and down again."""
    return most - abs(value % (2 * most) - most)


def window(picture: Rgb, height: int, width: int, *, x: float, y: float, scale: float) -> Rgb:
    """The part of a picture about its middle, moved by (x, y) pixels and seen `scale` times nearer."""
    middle = np.array([picture.shape[1] / 2 + x, picture.shape[0] / 2 + y])
    corner = middle - np.array([width, height]) / (2 * scale)
    back = np.array([[1 / scale, 0, corner[0]], [0, 1 / scale, corner[1]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, back, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def _put_disc(rgb: Rgb, other: Rgb, *, at: float) -> None:
    """Draw a disc of `other`, 40 % of the height wide, with its middle `at` pixels from the left, round and round."""
    height, width = rgb.shape[:2]
    radius = round(0.2 * height)
    column = at % (width + 2 * radius) - radius
    texture = cv2.resize(other, (2 * radius, 2 * radius), interpolation=cv2.INTER_AREA)
    shift = np.array([[1, 0, column - radius], [0, 1, height / 2 - radius]])
    moved = cv2.warpAffine(texture, shift, (width, height))
    rows, columns = np.mgrid[0:height, 0:width]
    inside = (rows - height / 2) ** 2 + (columns - column) ** 2 < (radius - 1) ** 2
    rgb[inside] = moved[inside]
