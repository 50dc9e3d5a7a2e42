"""Black bars around a picture: letterbox, pillarbox, or both. They are no part of the scene.

Counted in, they make every picture look darker than it is, and come out grey. So the network sees the picture
mirrored into them, and what was in them (often subtitles) comes out as it was.
"""

from dataclasses import astuple, dataclass, field
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.frame import Frame, Levels, Plane

BLACK = 1.5  # 8-bit levels above black that are still black, after a codec
MEAN = 0.75  # levels above black that the mean of a row of a bar may have
EMPTY = 0.05  # share of such a row that may be brighter: the noise of a camera in the dark is more
WRITTEN = 0.5  # the same where the bar opposite is black and what is in this one is bright, as a logo or text
BRIGHT = 64  # levels above black that are: somebody in the dark beside a spotlight is not
EDGES = 0.1  # share of such a row that may be between
LEAST, SHARE = 8, 0.03  # rows, and share of a side, that a bar has at least
ALIKE = 0.02  # of a side; opposite bars differ by no more
INSIDE = 0.25  # of a side, at least, is picture
SMEAR = 4  # rows that a codec may have smeared a picture into its bar
EDGE = 4  # rows next to those that tell a picture that reaches in: text leaves them black
STEADY = 20  # frames that must show bars in the middle of a scene before they are believed
STEP = 8  # pixels between those that are looked at in a row


@dataclass(frozen=True)
class Sides:
    """How many rows and columns of luma are bars: even numbers."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def hold(self, others: "Sides") -> bool:
        """Whether these bars cover all that the others cover."""
        return all(mine >= other for mine, other in zip(astuple(self), astuple(others), strict=True))

    def within(self, others: "Sides") -> "Sides":
        """The bars that both have."""
        return Sides(*map(min, astuple(self), astuple(others)))

    def inside(self, plane: Plane, part: int = 1) -> tuple[slice, slice]:
        """Rows and columns of the picture in a plane; `part` is 2 for chroma."""
        height, width = plane.shape
        rows = slice(self.top // part, height - self.bottom // part)
        return rows, slice(self.left // part, width - self.right // part)


NONE = Sides()


@dataclass
class Bars:
    """Finds the bars of a video while it runs. Remembers them until the picture reaches into them.

    New ones are believed in the first frame with a picture, at a cut, or when they have been there for most of a
    second: a scene whose edges fade to black has none. Text in a bar does not end it.
    """

    levels: Levels
    sides: Sides = NONE
    _least: Sides = field(default=NONE, repr=False)  # what all of the frames had in common
    _times: int = field(default=0, repr=False)  # that showed larger bars in turn
    _fresh: bool = field(default=True, repr=False)  # nothing is known yet

    def __call__(self, luma: Plane, *, cut: bool = False) -> Sides:
        """The bars of the next frame, from its luma (H, W)."""
        columns, (left, right) = self._look(luma[::STEP].T)
        rows, (top, bottom) = self._look(luma[:, left : luma.shape[1] - right : STEP])
        if rows.all() or columns.all():
            self._times = 0
            return self.sides  # a black frame tells nothing
        found = Sides(top, bottom, left, right)
        more = found != self.sides and found.hold(self.sides)
        self._least = (found.within(self._least) if self._times else found) if more else NONE
        self._times = self._times + 1 if more else 0
        if self._reaches_in(rows, columns) or (more and (self._fresh or cut)):
            self.sides, self._times = found, 0
        elif self._times >= STEADY:
            self.sides, self._times = self._least, 0
        self._fresh = False
        return self.sides

    def forget(self) -> None:
        """Take the next frame for the first."""
        self.sides, self._fresh, self._times = NONE, True, 0

    def begin_midway(self) -> None:
        """Take the next frame for one in the middle of a scene: its bars have to stay before they are believed."""
        self.forget()
        self._fresh = False

    def _look(self, lines: Plane) -> tuple[NDArray[np.bool_], tuple[int, int]]:
        """Whether each row, or column of a picture on its side, may be of a bar; and how many are bars at both ends."""
        mean = lines.mean(axis=1, dtype=np.float32)
        black = (self._above(BLACK, lines) <= EMPTY) & (mean <= self._code(MEAN))
        first, last = (int(np.argmin(side)) // 2 * 2 for side in (black, black[::-1]))
        longer = max(first, last)
        if first < longer and self._is_written(lines[:longer], black[:longer]):
            first = longer
        if last < longer and self._is_written(lines[::-1][:longer], black[::-1][:longer]):
            last = longer
        return black, _pair(first, last, len(black))

    def _is_written(self, lines: Plane, black: NDArray[np.bool_]) -> bool:
        """Whether lines from an edge inwards, as many as the bar opposite has, are a bar with a logo or text in it."""
        beside = black[-SMEAR - EDGE : -SMEAR]  # text leaves some of it black
        if len(lines) <= SMEAR + EDGE or not beside.all():
            return False
        share = self._above(BLACK, lines)
        return bool(((share <= WRITTEN) & (share - self._above(BRIGHT, lines) <= EDGES)).all())

    def _above(self, level: float, lines: Plane) -> NDArray[np.float32]:
        """Share of each line that is brighter than so many 8-bit levels above black."""
        return (lines > self._code(level)).mean(axis=1, dtype=np.float32)

    def _code(self, level: float) -> float:
        return self.levels.black + level * (self.levels.peak + 1) / 256

    def _reaches_in(self, rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> bool:
        bars = self.sides
        ends = ((rows, bars.top), (rows[::-1], bars.bottom), (columns, bars.left), (columns[::-1], bars.right))
        return any(bar and not black[bar - SMEAR - EDGE : bar - SMEAR].any() for black, bar in ends)


def without_bars(frame: Frame, bars: Sides) -> Frame:
    """The frame with the picture mirrored into its bars."""
    if bars == NONE:
        return frame
    parts = ((frame.y, 1), (frame.u, 2), (frame.v, 2))
    return frame.with_planes(*(_mirrored(plane, bars, part) for plane, part in parts))


def with_bars(frame: Frame, before: Frame, bars: Sides) -> Frame:
    """The frame with the bars, and what is in them, as they were `before`."""
    if bars == NONE:
        return frame
    parts = ((frame.y, before.y, 1), (frame.u, before.u, 2), (frame.v, before.v, 2))
    planes: list[Plane] = []
    for plane, old, part in parts:
        whole = old.copy()
        inside = bars.inside(plane, part)
        whole[inside] = plane[inside]
        planes.append(whole)
    return frame.with_planes(*planes)


def _mirrored(plane: Plane, bars: Sides, part: int) -> Plane:
    picture = plane[bars.inside(plane, part)]
    sides = (bars.top // part, bars.bottom // part, bars.left // part, bars.right // part)
    return cast("Plane", cv2.copyMakeBorder(picture, *sides, cv2.BORDER_REFLECT))


def _pair(first: int, last: int, size: int) -> tuple[int, int]:
    """Bars at both ends of a side, or none, where so many lines at its ends are black."""
    if min(first, last) < max(LEAST, SHARE * size) or abs(first - last) > max(SMEAR, ALIKE * size):
        return 0, 0
    if abs(first - last) <= SMEAR:
        first = last = max(first, last)  # a dark line beside a bar is not seen, a grey one is
    return (first, last) if size - first - last >= max(2, INSIDE * size) else (0, 0)
