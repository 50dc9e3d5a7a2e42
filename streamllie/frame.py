"""The two values that travel from source to sink: a Frame, and the VideoFormat that all its neighbours share."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8 | np.uint16]
TICK = Fraction(1, 90_000)  # seconds; what transport streams and WebRTC count video in
USUAL_RATE = Fraction(30)  # frames per second, taken for granted where a video does not say


@dataclass(frozen=True, kw_only=True)
class Levels:
    """What the code values of Y'CbCr samples mean.

    luma = (code - black) / luma_range gives 0..1, chroma = (code - neutral) / chroma_range gives -0.5..0.5;
    codes end at peak.
    """

    black: int
    luma_range: int
    neutral: int
    chroma_range: int
    peak: int

    @classmethod
    def of(cls, *, depth: int, full_range: bool) -> "Levels":
        """The levels of ITU-R BT.709 and BT.2100 for a bit depth, limited ("video") or full range."""
        peak = 2**depth - 1
        neutral = 2 ** (depth - 1)
        if full_range:
            return cls(black=0, luma_range=peak, neutral=neutral, chroma_range=peak, peak=peak)
        unit = 2 ** (depth - 8)
        return cls(black=16 * unit, luma_range=219 * unit, neutral=neutral, chroma_range=224 * unit, peak=peak)

    def array(self) -> NDArray[np.float32]:
        """The five numbers in the order in which a model's `levels` input takes them: shape (5,), float32."""
        return np.array([self.black, self.luma_range, self.neutral, self.chroma_range, self.peak], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class VideoFormat:
    """What is true of every frame of a stream: size, levels, clock and tags. Frames are planar Y'CbCr 4:2:0.

    The colour tags are the code points of ITU-T H.273 as libav numbers them; 2 means unspecified and stays so.
    """

    height: int  # luma rows as stored, before rotation
    width: int  # luma columns as stored, before rotation
    depth: int = 8  # bits per sample: 8 uses uint8 planes, more uses uint16 planes with the value in the low bits
    full_range: bool = False  # code values use all levels; False: limited ("video") levels
    time_base: Fraction = TICK  # seconds per pts unit
    rate: Fraction | None = None  # average frames per second, if known: a hint for encoders, never a clock
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    range_tag: int = 0  # 0 untagged, 1 limited, 2 full: what the source says, passed on as it is
    chroma_location: int = 0
    sample_aspect_ratio: Fraction | None = None
    rotation: int = 0  # degrees that a player turns the picture counter-clockwise, as libav reports it
    mirrored: bool = False  # a player swaps left and right of it after that

    @property
    def levels(self) -> Levels:
        """The code levels of the planes."""
        return Levels.of(depth=self.depth, full_range=self.full_range)

    @property
    def quarters(self) -> int:
        """Quarter turns, 0 to 3, that a player turns the picture counter-clockwise: the nearest to `rotation`."""
        return round(self.rotation / 90) % 4

    @property
    def lies(self) -> bool:
        """Whether what is stored as rows is shown as columns."""
        return self.quarters % 2 == 1

    @property
    def shown_size(self) -> tuple[int, int]:
        """Height and width as a player shows it: after rotation."""
        return (self.width, self.height) if self.lies else (self.height, self.width)

    def upright(self, picture: NDArray[Any]) -> NDArray[Any]:
        """A plane or picture (H, W, ...), stored as this video's are, as a player shows it."""
        return turned(picture, self.quarters, mirrored=self.mirrored)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One picture and its time. Planes are read-only by convention; a change makes a new frame."""

    y: Plane  # (H, W)
    u: Plane  # (ceil(H/2), ceil(W/2))
    v: Plane  # (ceil(H/2), ceil(W/2))
    pts: int  # in units of time_base; rises from frame to frame, need not start at 0
    time_base: Fraction
    duration: int = 0  # in units of time_base; 0 if the source does not say

    @property
    def time(self) -> Fraction:
        """The exact time in seconds."""
        return self.pts * self.time_base

    def with_planes(self, y: Plane, u: Plane, v: Plane) -> "Frame":
        """The same moment with another picture of the same size."""
        return replace(self, y=y, u=u, v=v)


def turned(picture: NDArray[Any], quarters: int, *, mirrored: bool) -> NDArray[Any]:
    """A plane or picture (H, W, ...) turned counter-clockwise by so many quarters, then left and right swapped."""
    picture = np.rot90(picture, quarters)
    return np.ascontiguousarray(picture[:, ::-1] if mirrored else picture)
