"""Tell the first frame of a new scene from a flash, a lamp, a fade or a pan, while the video runs."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.frame import Levels, Plane

ROWS, COLUMNS = 36, 64  # the picture is judged at this size
REACH = (9, 16)  # rows and columns that a scene may move from frame to frame: a quarter of the picture
FLOOR = 0.25  # 8-bit levels; a weaker slope is rounding, not structure
LEAST = 0.02  # mean squared slope that is no noise, 1 at most; below it a picture is blank and tells nothing
COARSE = (3, 5)  # rows and columns of the spectrum up to which structure is coarse
LEAST_COARSE = 0.06  # share of the squared slopes that is coarse in a picture: above 0.1 in 99 of a hundred dark
# ones, below 0.035 in blurred and compressed noise without any light, which odd and even rows share
ALIKE = 0.4  # likeness above which two frames surely show one scene, whatever went before
# Share of the usual likeness of a scene's neighbours below which a frame shows another one. Scenes in the dark stay
# above 0.54 of it, also when lamps, hands and dissolves change them; different photos are below 0.23.
UNUSUAL = 0.42
PACE = 0.2  # how fast a frame's likeness becomes the usual one
BRIGHTER = 2.0  # times the light of a blank frame: what is remembered of that says nothing about a picture
VIDEO = Levels.of(depth=8, full_range=False)


class CutDetector:
    """Says of each frame whether it opens a new scene.

    A cut changes the structure of a picture, a lamp only its brightness. So the slopes of a small picture are
    compared, each divided by its own strength: no gain, offset or lamp in a corner changes their directions.
    The comparison is a correlation over all shifts up to a quarter of the picture, so a pan is no cut either.
    Noise has slopes too, but different ones in the odd and the even rows, and hardly any that are coarse: the
    first tells how alike two frames of one scene can be at most, and both which pictures are blank. What is left of
    noise makes all frames of a scene unlike each other, so a cut is what is far less alike than is usual there, or
    what is followed by frames that are far more alike.

    It remembers the slopes of the last frame that was not blank and what likeness is usual; `forget` makes the
    next frame a first one. `begins` says of the last frame whether what an engine remembers is worth nothing for it:
    it opens a new scene, or there was no light before it, though it may be the same scene.
    """

    def __init__(self, levels: Levels = VIDEO) -> None:
        self._black, self._unit = levels.black, (levels.peak + 1) / 256  # code values of an 8-bit level
        self.forget()

    def __call__(self, luma: Plane) -> bool:
        """True if this frame, (H, W), opens a new scene. The first frame ever is not a cut."""
        now = _Structure.of(luma, unit=self._unit)
        light = max(float(luma.mean()) - self._black, 0.0)
        if now.is_blank:
            self.begins = False
            self._lit_above = min(BRIGHTER * light, self._lit_above)
            return False  # black, white or fog: what follows is compared with what was before
        lit, self._lit_above = light > self._lit_above, math.inf
        before, self._before = self._before, now
        cut = before is not None and self._judge(now.likeness(before))
        self.begins = cut or lit
        return cut

    def forget(self) -> None:
        """Take the next frame for the first."""
        self._before: _Structure | None = None
        self._usual: float | None = None
        self._doubted = False
        self._lit_above = math.inf  # a frame with more light, in the mean, comes after none
        self.begins = False

    def _judge(self, likeness: float) -> bool:
        doubted, self._doubted = self._doubted, likeness < ALIKE
        if self._usual is None:  # the second frame of a scene: nothing to judge it by
            self._usual = likeness
            return False
        if likeness < ALIKE and likeness < UNUSUAL * self._usual:
            self._usual, self._doubted = None, False
            return True
        if doubted and self._usual < UNUSUAL * likeness:  # noise has ended with the frame before: told one frame late
            self._usual = likeness
            return True
        self._usual += PACE * (likeness - self._usual)
        return False


@dataclass(frozen=True, kw_only=True)
class _Structure:
    spectrum: NDArray[np.complexfloating]  # (ROWS, COLUMNS), of the slopes x + iy
    energy: float  # mean squared slope, without the noise
    coarse: float  # share of the squared slopes that is coarse structure

    @classmethod
    def of(cls, luma: Plane, *, unit: float) -> "_Structure":
        # Six rows and five columns of a cell are mean enough, and cheaper than all.
        step, beside = max(1, luma.shape[0] // (6 * ROWS)), max(1, luma.shape[1] // (5 * COLUMNS))
        even, odd = _small(luma[:: 2 * step, ::beside]), _small(luma[step :: 2 * step, ::beside])
        half = 0.5 / unit
        slopes = _slopes(half * (even + odd))
        a, b = _slopes(even / unit), _slopes(odd / unit)
        shared = float(np.vdot(a, b).real / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-9))
        true = 2 * max(shared, 0.0) / (1 + max(shared, 0.0))  # two halves tell more than one (Spearman, Brown)
        spectrum = np.fft.fft2(slopes)
        power = float(np.vdot(slopes, slopes).real) / slopes.size
        coarse = float(np.sum(np.abs(spectrum[_IS_COARSE]) ** 2)) / slopes.size**2  # Parseval: of the same unit
        return cls(spectrum=spectrum, energy=true * power, coarse=coarse / max(power, 1e-9))

    @property
    def is_blank(self) -> bool:
        """Whether this is noise, if anything."""
        return self.energy < LEAST or self.coarse < LEAST_COARSE

    def likeness(self, other: "_Structure") -> float:
        """The largest correlation over all shifts within REACH: about 1 for one scene, noise or not."""
        shifts = np.fft.ifft2(self.spectrum * other.spectrum.conj()).real / self.spectrum.size
        rows, columns = REACH
        near = shifts[np.r_[-rows : rows + 1]][:, np.r_[-columns : columns + 1]]
        return float(near.max()) / (self.energy * other.energy) ** 0.5


def _is_coarse() -> NDArray[np.bool_]:
    rows, columns = (np.abs(np.fft.fftfreq(count, 1 / count)) for count in (ROWS, COLUMNS))
    return (rows[:, None] <= COARSE[0]) & (columns[None] <= COARSE[1])


_IS_COARSE = _is_coarse()  # (ROWS, COLUMNS)


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
    middling = float(np.partition(size, size.size // 2, axis=None)[size.size // 2])
    return slopes / (size + np.float32(max(middling, FLOOR)))
