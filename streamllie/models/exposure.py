"""Exposure: one gain brings a frame to a common level, and takes the source's own flicker away. No weights.

The gain of a tone curve f_g(x) = g x / (1 + (g - 1) x) adds log g to logit(x) = log(x / (1 - x)), so the gains of two
curves multiply. Two are needed:

1. Steadiness. A camera that hunts for its exposure, or a mains-powered lamp, moves all of the picture's brightness at
   once. The logits of a grid of cells are remembered; the robust centre of how far this frame's cells are from them is
   such a shift (a person who walks through changes some cells, not the centre) and is taken out. What is remembered
   follows: small shifts slowly, a lamp switched on within the time constant of the state.
2. Level. The remembered level of the frame, robust against lamps, is brought to LEVEL. Where the frame is darker than
   that, and no shift says why, the camera has turned to something else, which is followed at once.

Without a memory the first gain is exactly 1. A well-lit frame gets 1 from both. A frame that is all white, as in a
flash, passes as it is and tells nothing: what is remembered stays.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from streamllie.models.level import GRID, between, gain_to_level, measure
from streamllie.models.memory import Memory

WELL_LIT = (0.45, 0.65)  # levels between which all effect fades to nothing
MORE = 1.5  # times the gain that this frame wants by itself, at most: a white that fades away is no camera's doing

BOUND = 0.004  # of luma, a code of 8 bits: logits of black and white stay finite
SPREAD = 0.08  # logits; cells that are several times this far from the centre count for little
TURNS = 4  # of reweighing
RIDGE = 0.05  # square logits; a flat picture tells no slope
SLOW = 0.3  # share of the speed with which small shifts are followed
LARGE = 0.25  # logits; a shift of a quarter of the light is followed at full speed
DARKER = 0.3  # logits of the level that no shift explains: so much less is followed at full speed, twice at fourfold
FASTEST = 8.0  # times full speed


def curve(x: Tensor, gain: Tensor) -> Tensor:
    """f_g(x) = g x / (1 + (g - 1) x): slope g at 0, 1/g at 1, and both ends stay where they are."""
    less = 1 / gain  # in this form a pass less over the picture
    return x / (less + (1 - less) * x)


def colour_gain(x: Tensor, gain: Tensor) -> Tensor:
    """f_g(x) / x: what chroma is multiplied by where luma is x, so that it goes with it."""
    return gain / (1 + (gain - 1) * x)


@dataclass(frozen=True)
class Exposure:
    """What one frame's exposure is."""

    gain: Tensor  # (B, 1, 1, 1) of the tone curve
    log_gain: Tensor  # (B, 1) logarithm of its steady part
    seen: Tensor  # (B, 3) remembered means of sqrt(luma), luma, luma squared
    share: Tensor  # (B, 1, 1, 1) of the effect: 0 on a well-lit frame
    backlit: Tensor  # (B, 1) in [0, 1]: a dark room with a window

    @classmethod
    def of(cls, patch: Tensor, memory: Memory) -> "Exposure":
        """From mean luma of 4x4 pixels (B, 1, H/4, W/4) in [0, 1]."""
        cells = F.interpolate(F.avg_pool2d(patch, 4), size=(GRID, GRID), mode="bilinear").flatten(1)  # (B, GRID^2)
        means, white, backlit = measure(patch, memory)
        means = (means + 1e-6).log()  # (B, 3); remembered in logarithms, as the cells
        logits, keep, steady = logit(cells), None, torch.zeros_like(patch)
        remembered = logits
        if memory.keep is not None:
            before, seen = memory.peek(torch.cat([logits, means], dim=1)).split([GRID**2, 3], dim=1)
            more = _gain_per_logit(cells)
            shift, slope, pivot, weight = line(before, (logits - before) * more)
            known, shown = (logit((2 * log[:, :1].clamp(max=0)).exp()) for log in (seen, means))
            darker = (known + shift - shown).clamp(min=0)
            new, large = (darker / DARKER).square(), (shift / LARGE).square()
            memory.hurry(new.clamp(1.0, FASTEST))
            keep = memory.keep ** (SLOW + (1 - SLOW) * torch.maximum(new, large).clamp(max=1))  # (B, 1); 0 stays 0
            common = (shift + slope * (before - pivot)) / more  # (B, GRID^2) what the line says
            # what lies off the line is other content, which is taken as it is
            remembered = logits - keep * (common + weight * (logits - before - common))
            steady = torch.stack([shift - slope * pivot, slope], 0)[:, :, :, None, None]
            steady = keep[:, :, None, None] * (steady[0] + steady[1] * logit(patch))
        memory.put(remembered)
        seen = memory(means, keep).exp()
        level = seen[:, :1].square()  # robust: a lamp weighs little in the mean of roots
        gain, alone = gain_to_level(level), gain_to_level((2 * means[:, :1]).exp())
        share = (1 - torch.maximum(between(level, WELL_LIT), white))[:, :, None, None]
        now = gain[:, :, None, None] * torch.exp(-share * steady)
        now = torch.minimum(now, MORE * torch.maximum(gain, alone)[:, :, None, None])
        return cls(now, gain.log(), seen, share, backlit)


def logit(x: Tensor) -> Tensor:
    """log(x / (1 - x)), a little bounded: x in [0, 1]."""
    return torch.log((x + BOUND) / (1 + BOUND - x))


def _gain_per_logit(x: Tensor) -> Tensor:
    """How much of a gain's logarithm, which adds to log(x / (1 - x)), a step of the bounded `logit` means.

    1 to 1.3, and 1 for black: of a code or two nothing can be told.
    """
    inside = x.clamp(BOUND, 1 - 4 * BOUND)
    more = (inside + BOUND) * (1 + BOUND - inside) / (inside * (1 - inside) * (1 + 2 * BOUND))
    return 1 + ((x - BOUND) / (4 * BOUND)).clamp(0, 1) * (more - 1)


def line(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Robust line y = shift + slope (x - pivot) by reweighing (Cauchy weights): (B, N) each to (B, 1) each.

    The last of the four is the weight of each point, (B, N) in [0, 1]: 1 on the line.
    """
    rest, share = y - y.mean(dim=1, keepdim=True), torch.ones_like(x)
    shift = slope = pivot = torch.zeros_like(x[:, :1])
    for turn in range(TURNS):
        spread = SPREAD * 2 ** (TURNS - 1 - turn)  # wide at first, so that the crowd is found from afar
        share = 1 / (1 + (rest / spread).square())
        weight = share / share.sum(dim=1, keepdim=True)
        pivot = (weight * x).sum(dim=1, keepdim=True)
        shift = (weight * y).sum(dim=1, keepdim=True)
        away = x - pivot
        slope = (weight * away * (y - shift)).sum(dim=1, keepdim=True)
        slope = slope / ((weight * away.square()).sum(dim=1, keepdim=True) + RIDGE)
        rest = y - shift - slope * away
    return shift, slope, pivot, share
