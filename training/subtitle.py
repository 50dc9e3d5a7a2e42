"""A subtitle over a clip that is made dark: it comes and goes, and is as white in the dark as in the light."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training import degrade
from training.planes import Rgb

LINES = ("I never said that I would", "come back here, not even for you.")
SHOWN = (0.5, 0.75)  # of the clip, from then till then
HEIGHT = 1 / 16  # of a capital letter, as a share of the picture's
CAPITAL = 22  # pixels, of the font at size 1
STROKES = (6, 2)  # pixels, of the outline and of the text at size 1


@dataclass(frozen=True, kw_only=True)
class Subtitle:
    """White text with a black outline over some of a clip's frames."""

    frames: range
    cover: NDArray[np.float32]  # (H, W, 1) share of a pixel that is text or outline
    white: NDArray[np.float32]  # (H, W, 1) share that is text

    @classmethod
    def over(cls, clip: Sequence[Rgb]) -> "Subtitle":
        """LINES at the bottom of a clip."""
        cover, white = (_drawn(clip[0].shape[:2], stroke) for stroke in STROKES)
        return cls(frames=range(*(round(share * len(clip)) for share in SHOWN)), cover=cover, white=white)

    def on(self, light: degrade.Image, n: int, *, white: float) -> degrade.Image:
        """Frame n with it, if it is there: (H, W, 3) linear light, `white` that of the text."""
        return light * (1 - self.cover) + np.float32(white) * self.white if n in self.frames else light

    def on_display(self, rgb: Rgb, n: int) -> Rgb:
        """The same on a display."""
        return degrade.tone(self.on(degrade.to_linear(rgb), n, white=1.0), None) if n in self.frames else rgb


def _drawn(shape: tuple[int, ...], stroke: int) -> NDArray[np.float32]:
    height, width = shape
    size = HEIGHT * height / CAPITAL
    mask = np.zeros((height, width), np.uint8)
    for n, line in enumerate(reversed(LINES)):
        thick = max(1, round(stroke * size))
        (long, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
        at = (width - long) // 2, round(height * (0.95 - 1.5 * HEIGHT * n))
        cv2.putText(mask, line, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, thick, cv2.LINE_AA)
    return mask[:, :, None].astype(np.float32) / 255
