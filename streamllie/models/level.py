"""How bright a frame is, and the gain that brings it to a common level. No weights.

Of a dark room with a window it is the room that counts: the rest of the picture says how bright the frame is. A window
is lit well, one or few large places, a third of the picture at most; many small ones are a stage or a striped shirt.
"""

import torch
from torch import Tensor

from streamllie.models.memory import Memory, pool

LEVEL = 0.36  # mean of sqrt(luma), squared, that exposure aims at: the median of well-lit photographs
MOST = 40.0  # largest exposure gain: below a level of about 0.014 there is little picture left to recover
BLACK = 0.001  # level at which half of the gain is withdrawn: a fade to black is not a dark scene
WHITE = (0.8, 0.9)  # levels of the frame itself between which it becomes too white to tell anything
GRID = 12  # areas across and down

WINDOW = (0.5, 0.7)  # of luma: between these, a place is lit as a window is
PART = (0.26, 0.36)  # of the picture: between these, what is lit so becomes too much for a window
WHOLE = (0.5, 0.75)  # of it, still lit so in the means of a grid: between these, it becomes one or few places
ROOM = (0.4, 1.2)  # logarithm of the gain that the rest wants, 1.5 and 3.3: between these, it becomes a dark room
LITTLE = 1e-3  # of the picture, where there is no window, or nothing else


def measure(patch: Tensor, memory: Memory) -> tuple[Tensor, Tensor, Tensor]:
    """Means of sqrt(luma), luma and luma squared, (B, 3), how far the frame is white, and how far backlit, (B, 1) each.

    From mean luma of 4x4 pixels (B, 1, H/4, W/4); all in [0, 1]. The means of a backlit frame are those of the room. Of
    a white one, as in a flash, nothing is remembered.
    """
    lit, powers = between(patch, WINDOW), torch.cat([patch.sqrt(), patch, patch.square()], dim=1)
    means, of_window, window = pool(powers), pool(lit * powers), pool(lit)
    white = between(means[:, :1].square(), WHITE)
    memory.hold(white)
    room = (means - of_window) / (1 - window + LITTLE)
    dark = between(gain_to_level(room[:, :1].square()).log(), ROOM)
    whole = pool(between(_areas(patch), WINDOW)) / (window + LITTLE)
    backlit = memory(dark * between(whole, WHOLE) * (1 - between(window, PART)))
    return (means - backlit * of_window) / (1 - backlit * window), white, backlit


def gain_to_level(level: Tensor) -> Tensor:
    """Gain of the curve that brings a level to LEVEL, (B, 1) each: 1 to MOST, and a black frame stays black."""
    level = level.clamp(1e-5, 0.999)
    gain = (LEVEL * (1 - level) / (level * (1 - LEVEL))).clamp(1.0, MOST)
    return 1 + (gain - 1) * level / (level + BLACK)


def between(x: Tensor, ends: tuple[float, float]) -> Tensor:
    """0 at the first of two numbers, 1 at the second, a ramp between."""
    return ((x - ends[0]) / (ends[1] - ends[0])).clamp(0, 1)


def _areas(x: Tensor) -> Tensor:
    """Means of the areas of a grid: (B, C, H, W) to (B, C, GRID, GRID)."""
    rows, columns = (_shares(side, x) for side in x.shape[2:])
    return rows @ x @ columns.transpose(0, 1)


def _shares(side: int, like: Tensor) -> Tensor:
    """Share of each of `side` lines in each of GRID means: (GRID, side). 0 where a picture has fewer lines."""
    at, begin = GRID * torch.arange(side, device=like.device), side * torch.arange(GRID, device=like.device)[:, None]
    share = ((at >= begin) & (at < begin + side)).to(like.dtype)
    return share / share.sum(dim=1, keepdim=True).clamp(min=1)
