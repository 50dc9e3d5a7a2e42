"""Measure videos that run in step: brightness, flicker, likeness to a reference. Levels are of 8 bits, 0 to 255."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.compare.pairs import TOLERANCE, Moment
from streamllie.frame import Plane, VideoFormat
from streamllie.temporal.cuts import CutDetector

CELLS = 8  # rows and columns of the grid in which local flicker is looked for
SLOW = 0.5  # seconds; brightness that changes more slowly than over this is no flicker
BEST = 99.0  # dB; equal frames count as this

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Flicker:
    """How restless brightness is: standard deviation over time, in levels."""

    whole: float
    cell: float  # of the worst cell of the grid


class Figures:
    """Collects figures of moments: one call for each, then the results. The last of three videos is the reference."""

    def __init__(self, formats: list[VideoFormat], *, reference: bool) -> None:
        self.times: list[float] = []  # seconds
        self.cuts: list[int] = []  # indices of the first moments of new scenes, seen in the first video
        self._formats, self._reference = formats, reference
        self._grids: list[list[NDArray[np.float32]]] = [[] for _ in formats]
        self._psnr: list[list[float]] = [[], []]
        self._opens_scene = CutDetector(formats[0].levels)
        self._comparable = reference and len({video.shown_size for video in formats}) == 1

    def add(self, moment: Moment) -> None:
        """Measure the next moment."""
        if self._opens_scene(moment.frames[0].y):
            self.cuts.append(len(self.times))
        self.times.append(float(moment.time))
        lumas = [_levels(frame.y, video) for frame, video in zip(moment.frames, self._formats, strict=True)]
        for grids, luma in zip(self._grids, lumas, strict=True):
            grids.append(cells(luma))
        if self._comparable:
            for psnr, luma in zip(self._psnr, lumas[:2], strict=True):
                error = float(np.mean((luma - lumas[2]) ** 2))
                psnr.append(min(BEST, 10 * float(np.log10(255**2 / error))) if error else BEST)

    def brightness(self, which: int) -> Floats:
        """Mean luma of each frame of a video."""
        return self._grid(which).mean(axis=(1, 2))

    def psnr(self, which: int) -> Floats | None:
        """Luma PSNR of each frame, upright, to the reference in dB; None without one of the same size."""
        return np.array(self._psnr[which]) if self._comparable else None

    def flicker(self, which: int) -> Flicker:
        """Of what `fast` tells."""
        return restlessness(self._fast(which))

    def fast(self, which: int) -> Floats:
        """Mean luma of each frame about its own average over SLOW seconds, within each scene."""
        return self._fast(which).mean(axis=(1, 2))

    def flicker_to_reference(self, which: int) -> Flicker | None:
        """Of the difference to the reference, over the whole video; None without one."""
        return restlessness(self._grid(which) - self._grid(2)) if self._reference else None

    def _fast(self, which: int) -> Floats:
        scenes, times = (np.split(all_of, self.cuts) for all_of in (self._grid(which), np.array(self.times)))
        return np.concatenate([scene - _average(scene, at) for scene, at in zip(scenes, times, strict=True)])

    def _grid(self, which: int) -> Floats:
        return np.stack(self._grids[which]).astype(np.float64)  # (frames, CELLS, CELLS)


def cells(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean luma of each cell of the grid, (CELLS, CELLS), of a picture (H, W)."""
    return cv2.resize(luma, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(np.float32)


def restlessness(difference: Floats) -> Flicker:
    """Of cells over time, or of their difference to those of another video: (frames, CELLS, CELLS)."""
    whole = difference.mean(axis=(1, 2))
    return Flicker(whole=float(whole.std()), cell=float(difference.std(axis=0).max()))


def _average(grid: Floats, times: Floats) -> Floats:
    """The mean over SLOW seconds about each frame, its neighbours at least, as far as the scene goes."""
    sums = np.concatenate([np.zeros((1, *grid.shape[1:])), grid.cumsum(axis=0)])
    at, reach = np.arange(len(grid)), SLOW / 2 + float(TOLERANCE)
    begin = np.minimum(np.searchsorted(times, times - reach), np.maximum(at - 1, 0))
    end = np.maximum(np.searchsorted(times, times + reach, side="right"), np.minimum(at + 2, len(grid)))
    return (sums[end] - sums[begin]) / (end - begin)[:, None, None]


def _levels(luma: Plane, video: VideoFormat) -> NDArray[np.float32]:
    """Luma as a player shows it: upright, nothing blacker than black or whiter than white."""
    levels = video.levels
    scaled = (luma.astype(np.float32) - np.float32(levels.black)) * np.float32(255 / levels.luma_range)
    return video.upright(scaled.clip(0, 255))
