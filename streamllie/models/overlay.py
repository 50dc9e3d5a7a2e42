"""Text, clocks and logos that are written into a dark picture: they say nothing of how much light there is.

A subtitle over a dark scene is as white as a sunlit wall, and a network that sees it takes the scene for brighter. So
what is thin, and brighter by far than all that is broad in a dark picture, is found here, and exposure and network see
the picture without it. The picture itself keeps it, and its colour. A lamp or two are too little for that: they belong
to the scene. No weights.

Thin is what a grey-scale opening takes away (Serra, "Image Analysis and Mathematical Morphology", 1982).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from streamllie.models.exposure import colour_gain, curve
from streamllie.models.level import between
from streamllie.models.memory import pool

BRIGHT = (0.2, 0.4)  # of luma: between these, 4x4 pixels become bright
# Of luma: between these, a pixel is too far above all that is broad, and farther by the share of the picture that is
# bright: in the light, a leaf that glitters is as far.
STANDS_OUT = (0.3, 0.45)
WHITE = (0.65, 0.8)  # of luma: between these, it is what text is written with, and no reflection in the dark
ENOUGH = (0.008, 0.016)  # of the picture: less is a lamp or two
FILLED = (0.15, 0.4)  # of luma: between these, 4x4 pixels are a stroke for the most part, and have its colour
THIN = 3  # times 8 pixels: what has a square as large as that in it is broad
AROUND = 5  # times 16 pixels, whose mean without it takes its place
LITTLE = 1e-3  # of all of the picture, where nothing else is around


class Overlay:
    """What is written into one picture, and what is around it. All is (B, ..., H, W) at a quarter of its size."""

    def __init__(self, luma: Tensor, chroma: Tensor, patch: Tensor) -> None:
        """Find it in a picture as the source has it, H and W multiples of 4.

        luma (B, 16, H, W) in [0, 1], chroma (B, 8, H, W) of u and v in [-0.5, 0.5], patch (B, 1, H, W) mean luma.
        """
        low = -F.max_pool2d(-patch, 2)
        low = -F.max_pool2d(-low, THIN, stride=1, padding=THIN // 2)
        low = F.max_pool2d(low, THIN, stride=1, padding=THIN // 2)
        most = low.amax(dim=(2, 3), keepdim=True) + pool(between(patch, BRIGHT))[:, :, None, None]
        brightest = luma.amax(dim=1, keepdim=True)
        strokes = between(brightest, WHITE) * between(brightest - most, STANDS_OUT)
        share = F.max_pool2d(strokes, 3, stride=1, padding=1)
        written = between(pool(share), ENOUGH)[:, :, None, None]
        self.strokes = written * strokes  # (B, 1, H, W) in [0, 1]
        self.share = written * share  # and 4 pixels more on all sides: an outline
        u, v = (part.mean(dim=1, keepdim=True) for part in chroma.chunk(2, dim=1))
        self.tinge = u.abs() + v.abs()  # (B, 1, H, W) how far from grey
        rest = torch.cat([patch, u, v, torch.ones_like(patch)], dim=1) * (1 - self.share)
        rest = F.avg_pool2d(F.avg_pool2d(rest, 4), AROUND, stride=1, padding=AROUND // 2, count_include_pad=False)
        rest = rest + LITTLE * (rest.mean(dim=(2, 3), keepdim=True) + LITTLE)
        rest = F.interpolate(rest[:, :3] / rest[:, 3:], scale_factor=4.0, mode="nearest")
        self.around, self.colour = rest.split([1, 2], dim=1)  # (B, 1, H, W) luma; u and v, (B, 2, H, W)
        self.patch = patch + self.share * (self.around - patch)  # (B, 1, H, W) mean luma without it
        self.mean, self.luma, self.chroma = patch, luma, chroma

    def taken_off(self, luma: Tensor, chroma: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """What the network sees of a picture exposed by `gain` (B, 1, 1, 1): luma (B, 16, H, W), chroma (B, 8, H, W).

        What is darker than the surroundings stays: what is between the strokes is for the network to clean.
        """
        luma = luma - self.share * (luma - curve(self.around, gain)).clamp(min=0)
        colour = (self.colour * colour_gain(self.around, gain)).repeat_interleave(4, dim=1)  # (B, 8, H, W)
        return luma, chroma + self.strokes * (colour - chroma)

    def kept(self, luma: Tensor, chroma: Tensor) -> tuple[Tensor, Tensor]:
        """An enhanced picture, luma (B, 16, H, W) and chroma (B, 8, H, W), in which text is no darker than before.

        Strokes have the colour of the source, too. The network, which does not see them, would clean a title off black.
        """
        filled = between(self.mean - self.around, FILLED)
        return torch.maximum(luma, self.share * self.luma), chroma + self.strokes * filled * (self.chroma - chroma)
