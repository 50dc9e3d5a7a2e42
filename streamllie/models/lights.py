"""Lights: what the source has lit well in a dark frame, and where it has a colour of its own. No weights.

A light in the dark, a window or a flame, is exposed to nearly white, where a small residual makes a dark hole, and what
the network takes for noise is its colour. So what is lit well gets the tone's curve alone, and colour that goes with
it, as does what has so much colour that it is none of the noise.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from streamllie.models.exposure import Exposure
from streamllie.models.level import between

DARK = (1.8, 2.5)  # logarithm of exposure's gain, 6 and 12: between these, a frame becomes dark
LAMP = (0.25, 0.5)  # of luma, at a gain of 12 or in a backlit frame: between these, a place in the source is lit well
TOO_FAR = (1.0, 1.4)  # logarithm of what the tone takes back of that gain: 1.0 at most on usual frames
LIT = (0.02, 0.1)  # of luma, likewise: where it takes back so much
VIVID = (0.06, 0.12)  # of the largest chroma of 4x4 pixels in the source: between these, it is colour and no noise
# Of the logarithm of a backlit frame's gain, BACK times what is above SHOULDER of luma in the source is taken back: a
# sky keeps its clouds. More of it, and what is brighter there comes out darker.
BACK = 1.0
SHOULDER = 0.25


@dataclass(frozen=True)
class Lights:
    """Where the source's own light and colour count."""

    lit: Tensor  # (B, 1, H/4, W/4) in [0, 1]: no residual there, and the same tone as everywhere
    vivid: Tensor  # likewise, `lit` at least: no residual of chroma, which goes with luma
    back: Tensor  # (B, 1, 1, 1) what a backlit frame's highlights take back of the tone

    @classmethod
    def of(cls, patch: Tensor, colour: Tensor, exposure: Exposure, tone: Tensor) -> "Lights":
        """From the source's mean luma and largest chroma of 4x4 pixels, (B, 1, H/4, W/4) each.

        `tone`, (B, 1, 1, 1), is the logarithm of the gain that the tone head gives to all of the frame. The luma from
        which on exposure makes noise smaller falls with the root of its gain, and so does LAMP.
        """
        log_gain, backlit = (x[:, :, None, None] for x in (exposure.log_gain, exposure.backlit))
        dark, root = between(log_gain, DARK), ((log_gain - DARK[1]) / 2).exp()
        lamp = between(torch.maximum(root, backlit) * patch, LAMP)
        lit = torch.maximum(lamp, between(-tone, TOO_FAR) * between(patch, LIT)) * torch.maximum(dark, backlit)
        return cls(lit, torch.maximum(lit, dark * between(colour, VIVID)), BACK * exposure.share * backlit)

    def luma(self, exposed: Tensor, log_gain: Tensor, source: Tensor) -> Tensor:
        """Exposed luma after the tone's curve, of a gain of this logarithm: less where a backlit `source` is bright."""
        return exposed / self._divisor(exposed, log_gain, source)

    def colour(self, exposed: Tensor, log_gain: Tensor, source: Tensor) -> Tensor:
        """What chroma is multiplied by where that curve takes luma from `exposed`, so that it goes with it."""
        return 1 / self._divisor(exposed, log_gain, source)

    def _divisor(self, exposed: Tensor, log_gain: Tensor, source: Tensor) -> Tensor:
        """What luma is divided by, in the form that takes the fewest passes where the gain is of each pixel."""
        less = (self.back * source.clamp(min=SHOULDER) - (log_gain + self.back * SHOULDER)).exp()  # 1 / gain
        return exposed + (1 - exposed) * less
