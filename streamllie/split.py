"""Show a frame before and after in one picture: its left half as it was, its right half as it became."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from streamllie.frame import Frame, VideoFormat
from streamllie.pictures import Rgb

Sample = TypeVar("Sample", bound=np.generic)
WIDE = 640  # half the width of the white line is the picture's width over this


def split(before: Frame, after: Frame, video: VideoFormat) -> Frame:
    """Both frames in one of the same size and time, with a thin white line between, as a viewer sees them.

    Of a video that players turn or mirror, what was is on the left of the picture that they show.
    """
    across = not video.lies  # what a viewer sees as columns are columns
    # The first of them are on the viewer's left: 1 quarter shows the upper rows there, 2 the right columns.
    first = (video.quarters < 2) != video.mirrored
    columns = after.y.shape[1] if across else after.y.shape[0]
    middle = columns // 4  # in chroma samples
    half = max(1, round(columns / WIDE))  # of the line, in luma samples
    white = video.levels.black + video.levels.luma_range
    return after.with_planes(
        _joined(before.y, after.y, across, first, middle=2 * middle, half=half, line=white),
        _joined(before.u, after.u, across, first, middle=middle, half=(half + 1) // 2, line=video.levels.neutral),
        _joined(before.v, after.v, across, first, middle=middle, half=(half + 1) // 2, line=video.levels.neutral),
    )


def split_rgb(before: Rgb, after: Rgb) -> Rgb:
    """The same for two pictures (H, W, 3)."""
    columns = after.shape[1]
    half = max(1, round(columns / WIDE))
    return _joined(before, after, True, True, middle=columns // 2, half=half, line=255)


def _joined(
    before: NDArray[Sample], after: NDArray[Sample], across: bool, first: bool, *, middle: int, half: int, line: int
) -> NDArray[Sample]:
    joined = after.copy()
    seen, old = (joined, before) if across else (joined.T, before.T)
    left = slice(None, middle) if first else slice(middle, None)
    seen[:, left] = old[:, left]
    seen[:, max(0, middle - half) : middle + half] = line
    return joined
