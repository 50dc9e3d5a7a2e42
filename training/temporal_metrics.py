"""How steady a video is, measured against a truth of the same frames.

All take sequences of (H, W, 3) uint8 RGB frames; luma is that of BT.601, in 8-bit levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.compare.figures import Flicker, cells, restlessness
from training.planes import LUMA, Rgb

Frames = Sequence[Rgb]

AGREE = 1.5  # pixels; where the flow there and the flow back differ by more, something was covered or uncovered
CHANGED = 12.0  # levels of the truth; a trail over what looks the same is seen by nobody
TRAIL = 0.1  # seconds for which a pixel that changed counts as just uncovered
SETTLED = 4.0  # levels: a picture this near to its final brightness has followed the light


def luma(rgb: Rgb) -> NDArray[np.float32]:
    """BT.601 luma (H, W) of a picture, in levels."""
    return rgb @ LUMA


def flicker(frames: Frames, truth: Frames) -> Flicker:
    """Standard deviation over time of (mean luma - mean luma of the truth), of whole frames and of each cell.

    A constant error of brightness is no flicker, and what changes in the truth is none either. But where an error
    depends on what is shown (dark hair too bright, a white wall too dark), what moves counts as flicker too.
    Against what the same network makes of the clip without noise, instead of the truth, it does not.
    """
    errors = np.stack([cells(luma(a)) - cells(luma(b)) for a, b in zip(frames, truth, strict=True)])
    return restlessness(errors.astype(np.float64))


@dataclass(frozen=True)
class Flow:
    """What moved from one frame of a truth to the next."""

    back: NDArray[np.float32]  # (H, W, 2): where each pixel was in the frame before, as x and y in pixels
    seen: NDArray[np.bool_]  # (H, W): it was visible there

    @classmethod
    def between(cls, before: Rgb, after: Rgb) -> "Flow":
        """Optical flow (OpenCV's DIS, medium preset) there and back; they must agree within AGREE pixels."""
        flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        a, b = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, after))
        back, forth = flow.calc(b, a, None), flow.calc(a, b, None)
        rows, columns = np.mgrid[0 : a.shape[0], 0 : a.shape[1]].astype(np.float32)
        was = np.dstack([columns, rows]) + back
        again = _moved(forth, was)
        inside = (was >= 0).all(axis=2) & (was[:, :, 0] <= a.shape[1] - 1) & (was[:, :, 1] <= a.shape[0] - 1)
        seen = inside & (np.linalg.norm(back + again, axis=2) < AGREE)
        return cls(was, seen)


def flows(truth: Frames) -> list[Flow]:
    """The motion of a clip: one less than there are frames."""
    return [Flow.between(a, b) for a, b in pairwise(truth)]


def warping_error(frames: Frames, motion: Sequence[Flow]) -> float:
    """Root mean square, in levels of luma, of each frame less the one before it moved along the truth's flow.

    Only pixels that were seen in both count. The truth's own value is the floor: interpolation, shadows, noise.
    """
    errors = [
        np.mean((luma(after) - _moved(luma(before), flow.back))[flow.seen] ** 2)
        for before, after, flow in zip(frames, frames[1:], motion, strict=False)
    ]
    return float(np.sqrt(np.mean(errors)))


def trail_error(frames: Frames, truth: Frames, *, rate: float) -> float | None:
    """Mean absolute error of luma, in levels, of just uncovered pixels; None if there are none.

    Those are the pixels of a frame where the truth, averaged over 3x3, was more than CHANGED levels otherwise within
    the last TRAIL seconds: something else was there, before it or behind it, and what is smeared over time still
    shows it. Compare with the single-frame result: brightness and noise err there too.
    """
    span = max(1, round(TRAIL * rate))
    soft = [cv2.blur(luma(frame), (3, 3)) for frame in truth]
    errors: list[NDArray[np.float32]] = []
    for n in range(1, len(frames)):
        uncovered = np.logical_or.reduce([np.abs(soft[n] - before) > CHANGED for before in soft[max(0, n - span) : n]])
        errors.append(np.abs(luma(frames[n])[uncovered] - luma(truth[n])[uncovered]))
    together = np.concatenate(errors)
    return float(together.mean()) if together.size else None


@dataclass(frozen=True)
class Settling:
    """How brightness follows a light that is switched on."""

    seconds: float  # from the switch until it stays within SETTLED levels of its final value
    rebound: float  # levels by which it swings to the other side of the final value after it was farthest from it


def settling(frames: Frames, truth: Frames, *, switch: int, rate: float) -> Settling:
    """How the error of mean luma settles after frame `switch`; its final value is the mean of the last half second."""
    error = np.array([luma(a).mean() - luma(b).mean() for a, b in zip(frames, truth, strict=True)])
    away = error[switch:] - error[-max(1, round(rate / 2)) :].mean()
    outside = np.flatnonzero(np.abs(away) > SETTLED)
    first = int(np.abs(away).argmax())
    after = -np.sign(away[first]) * away[first:]
    return Settling(
        seconds=float((outside[-1] + 1) / rate) if outside.size else 0.0,
        rebound=float(max(after.max(), 0.0)),
    )


def _moved(values: NDArray[np.float32], back: NDArray[np.float32]) -> NDArray[np.float32]:
    return cv2.remap(values, back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
