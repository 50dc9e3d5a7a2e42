"""Tell the first frame of a new scene from a flash, a lamp, a fade or a pan, while the video runs."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.frame import Plane

ROWS, COLUMNS = 36, 64  # the picture is judged at this size
REACH = (9, 16)  # rows and columns that a scene may move from frame to frame: a quarter of the picture
FLOOR = 0.25  # 8-bit levels; a weaker slope is rounding, not structure
LEAST = 0.02  # mean squared slope that is no noise, 1 at most; below it a picture is blank and tells nothing
ALIKE = 0.32  # likeness below which two frames show different scenes: photos differ by less than 0.25, and
# traffic seen in the dark, through noise and a codec, stays above 0.4


class CutDetector:
    """Says of each frame whether it opens a new scene.

    A cut changes the structure of a picture, a lamp only its brightness. So the slopes of a small picture are
    compared, each divided by its own strength: no gain, offset or lamp in a corner changes their directions.
    The comparison is a correlation over all shifts up to a quarter of the picture, so a pan is no cut either.
    Noise has slopes too, but different ones in the odd and the even rows: that tells how alike two frames of
    one scene can be at most, and which pictures are blank.

    It remembers the slopes of the last frame that was not blank; `forget` makes the next frame a first one.
    """

    def __init__(self, *, depth: int = 8) -> None:
        self._unit = 2.0 ** (depth - 8)  # code values of an 8-bit level
        self.forget()

    def __call__(self, luma: Plane) -> bool:
        """True if this frame, (H, W), opens a new scene. The first frame ever is not a cut."""
        now = _Structure.of(luma, unit=self._unit)
        if now.energy < LEAST:
            return False  # black, white or fog: what follows is compared with what was before
        before, self._before = self._before, now
        if before is None:
            return False
        return now.likeness(before) < ALIKE

    def forget(self) -> None:
        """Take the next frame for the first."""
        self._before: _Structure | None = None


@dataclass(frozen=True, kw_only=True)
class _Structure:
    spectrum: NDArray[np.complexfloating]  # (ROWS, COLUMNS), of the slopes x + iy
    energy: float  # mean squared slope, without the noise

    @classmethod
    def of(cls, luma: Plane, *, unit: float) -> "_Structure":
        step = max(1, luma.shape[0] // (6 * ROWS))  # six rows of a cell are mean enough, and cheaper than all
        even, odd = _small(luma[:: 2 * step]), _small(luma[step :: 2 * step])
        half = 0.5 / unit
        slopes = _slopes(half * (even + odd))
        a, b = _slopes(even / unit), _slopes(odd / unit)
        shared = float(np.vdot(a, b).real / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-9))
        true = 2 * max(shared, 0.0) / (1 + max(shared, 0.0))  # two halves tell more than one (Spearman, Brown)
        return cls(spectrum=np.fft.fft2(slopes), energy=true * float(np.mean(np.abs(slopes) ** 2)))

    def likeness(self, other: "_Structure") -> float:
        """The largest correlation over all shifts within REACH: about 1 for one scene, noise or not."""
        shifts = np.fft.ifft2(self.spectrum * other.spectrum.conj()).real / self.spectrum.size
        rows, columns = REACH
        near = shifts[np.r_[-rows : rows + 1]][:, np.r_[-columns : columns + 1]]
        return float(near.max()) / (self.energy * other.energy) ** 0.5


def _small(rows: Plane) -> NDArray[np.float32]:
    if rows.shape[0] == 0:
        return np.zeros((ROWS, COLUMNS), np.float32)  # a picture of one row has no odd ones
    small = cv2.resize(rows.astype(np.float32), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32, copy=False)


def _slopes(small: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Slopes x + iy, each at most 1 long: strong ones are nearly that, the middling half of it."""
    slopes = np.zeros(small.shape, np.complex64)
    slopes.real[:, 1:-1] = small[:, 2:] - small[:, :-2]
    slopes.imag[1:-1] = small[2:] - small[:-2]
    size = np.abs(slopes)
    return slopes / (size + np.float32(max(float(np.median(size)), FLOOR)))
