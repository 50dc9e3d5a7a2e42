"""How dark a picture is: well-lit frames need nothing, and get nothing."""

import math

import numpy as np

from streamllie.frame import Plane, VideoFormat

DARK, BRIGHT = 0.25, 0.42  # mean luma, 0..1: all of the effect below the first, none above the second
STEP = 8  # every eighth row and column tells the mean
FADE = 0.4  # seconds over which the effect follows the light


class Daylight:
    """The share of the effect, 0..1, that a frame needs. Remembers the last share and fades to the next."""

    def __init__(self) -> None:
        self._share: float | None = None
        self._before = 0.0

    def share(self, luma: Plane, format: VideoFormat, *, at: float) -> float:
        """What a frame whose picture has this luma (H, W), at so many seconds, needs."""
        levels = format.levels
        mean = (float(np.mean(luma[::STEP, ::STEP])) - levels.black) / levels.luma_range
        wanted = min(1.0, max(0.0, (BRIGHT - mean) / (BRIGHT - DARK)))
        if self._share is None:
            self._share = wanted
        else:
            passed = max(0.0, at - self._before)
            self._share += (wanted - self._share) * (1 - math.exp(-passed / FADE))
        self._before = at
        if self._share < 0.01 and wanted == 0:
            return 0.0
        return self._share
