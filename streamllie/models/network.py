"""The low-light network: Y'CbCr 4:2:0 planes in, the same planes out, bright and clean.

A frame at a quarter of its size has 16 + 4 + 4 channels: luma unshuffled by 4, chroma by 2. What is written into a dark
one is kept out of all that measures it, see `overlay`. Three steps:

1. Exposure, no weights: a tone curve brings the frame to a common, steady level, see `exposure`. It maps 0 to 0 and 1
   to 1 whatever its gain, so highlights never clip. Then, where the model has it, temporal denoising, see `history`.
2. A U of gated blocks (Chen et al., "Simple Baselines for Image Restoration", ECCV 2022) at 1/4, 1/8 and 1/16 predicts
   a residual: noise, colour, local light. The decoder's blocks carry ADR in both halves, as in Li et al., arXiv
   2412.16459.
3. Tone: the same curve again, with a gain learned for the whole frame (from pooled features) and for each 8x8 patch.
   What is lit well in a dark or backlit frame gets no residual, and less of a backlit one's gain, see `lights`.

Normalisation is batch norm, folded into the convolutions when the network is exported (`fold`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamllie.models.adr import ADR
from streamllie.models.exact import Exact
from streamllie.models.exposure import Exposure, colour_gain, curve
from streamllie.models.history import CHANNELS, History
from streamllie.models.level import between
from streamllie.models.lights import Lights
from streamllie.models.memory import Memory, pool
from streamllie.models.overlay import Overlay

SHRINK = 16  # planes must be multiples of this: a quarter by unshuffling, then two levels down
LEAST_LEFT = 1 / 64  # of the noise's variance, after temporal denoising
LITTLE = 0.02  # of the frame
LEAST_COLOUR = 1e-3  # of chroma, a quarter of a code: less is none
MOST_COLOUR = 0.5  # of exposed chroma: there is none beyond; a blue lamp in the dark would be six times as far

COLOURED = (1e-4, 4e-4)  # mean size of chroma; below a fortieth of a code the camera sees no colour, and none is made

# Products of products grow without bound on a picture unlike any in training: snow under a black sky made 1e25.
GATE = 6.0  # largest factor of a gate: a thousandth of the values on usual pictures lie above
WEIGHT = 3.0  # largest channel weight; usual pictures stay below 1.8

# Beyond the picture is what is at its border, for most of the 3x3 convolutions: with zeros a plain sky gets a rim of
# another colour. The middle and the decoder, trained with zeros, keep them: without, a plain sky comes out darker.
BEYOND: Final = "replicate"


Adr = Callable[[int], ADR]  # ADR for so many channels


class Gate(nn.Module):
    """Half a block: normalise, widen, (look around,) gate, (weigh channels,) project, add."""

    def __init__(
        self,
        width: int,
        *,
        kernel: int,
        attention: bool,
        adr: Adr | None,
        beyond: Literal["zeros", "replicate"] = "zeros",
    ) -> None:
        super().__init__()
        self.norm: nn.Module = nn.BatchNorm2d(width)  # folded: the identity
        self.widen = nn.Conv2d(width, 2 * width, 1)
        wide = 2 * width
        self.around = (
            nn.Conv2d(wide, wide, kernel, padding=kernel // 2, padding_mode=beyond, groups=wide) if kernel else None
        )
        self.adr = adr(2 * width) if adr else None
        self.weigh = Exact(width, width) if attention else None
        self.project = nn.Conv2d(width, width, 1)
        self.scale: nn.Parameter | None = nn.Parameter(torch.full((1, width, 1, 1), 0.1))  # folded: None

    def forward(self, x: Tensor, memory: Memory, sure: Tensor | None = None) -> Tensor:
        """(B, w, H, W) to the same shape.

        Places that are `sure`, (B, 1, H, W) in [0, 1], and those that are not have channel weights of their own.
        """
        h = self.widen(self.norm(x))  # (B, 2w, H, W)
        if self.around is not None:
            h = self.around(h)
        if self.adr is not None:
            h = self.adr(h, memory)
        left, right = h.clamp(-GATE, GATE).chunk(2, dim=1)
        h = left * right  # (B, w, H, W)
        if self.weigh is not None:
            if sure is None:
                weight = self._weights(memory(pool(h)))
            else:  # the memory has sums and shares, so a part that is small in this frame counts for little in it
                new, share = memory(pool((1 - sure) * h)), memory(pool(sure))
                known = memory(pool(sure * h))
                mean = LITTLE * (new + known)  # either part may be empty
                known = self._weights((known + mean) / (share + LITTLE))
                new = self._weights((new + mean) / (1 - share + LITTLE))
                weight = new + sure * (known - new)  # (B, w, H, W)
            h = h * weight
        h = self.project(h)
        return x + (h if self.scale is None else self.scale * h)

    def _weights(self, pooled: Tensor) -> Tensor:
        """Weights (B, w, 1, 1) of the channels, from their means."""
        assert self.weigh is not None
        return self.weigh(pooled).clamp(-WEIGHT, WEIGHT)[:, :, None, None]


class Block(nn.Module):
    """A gated block: one half looks around, the other mixes channels."""

    def __init__(self, width: int, *, adr: Adr | None = None, beyond: Literal["zeros", "replicate"] = "zeros") -> None:
        super().__init__()
        self.spatial = Gate(width, kernel=3, attention=True, adr=adr, beyond=beyond)
        self.channel = Gate(width, kernel=0, attention=False, adr=adr)

    def forward(self, x: Tensor, memory: Memory, sure: Tensor | None = None) -> Tensor:
        """(B, w, H, W) to the same shape; `sure` as in Gate."""
        return self.channel(self.spatial(x, memory, sure), memory)


class Detail(nn.Module):
    """The finest step: a dense 3x3 look, gated, so that smoothing can stop at edges."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.widen = nn.Conv2d(width, 2 * width, 3)  # folded: the left half of its channels
        self.gate: nn.Conv2d | None = None  # folded: the right half, which saves a copy of both
        self.norm: nn.Module = nn.BatchNorm2d(2 * width)  # folded: the identity
        self.scale: nn.Parameter | None = nn.Parameter(torch.full((1, width, 1, 1), 0.1))  # folded: None

    def forward(self, x: Tensor) -> Tensor:
        """(B, w, H, W) to the same shape."""
        wide = F.pad(x, (1, 1, 1, 1), mode=BEYOND)
        h = self.norm(self.widen(wide))
        left, right = h.chunk(2, dim=1) if self.gate is None else (h, self.gate(wide))
        if self.scale is not None:
            left = self.scale * left
        return x + left.clamp(-GATE, GATE) * right.clamp(-GATE, GATE)


@dataclass(frozen=True, kw_only=True)
class NetworkSize:
    """Widths, depths and parts. The defaults are the network of the ablation; a checkpoint says what is its own."""

    fine: int = 32  # channels at 1/4
    coarse: int = 40  # channels at 1/8
    deep: int = 40  # channels at 1/16
    encoder: int = 1  # blocks at 1/8, on the way down
    middle: int = 1  # blocks at 1/16
    decoder: int = 1  # blocks at 1/8, on the way up: they carry ADR
    details: int = 1  # dense steps at 1/4
    head: int = 3  # kernel of the last convolution
    tone: int = 32  # hidden units of the tone head
    history: bool = False  # temporal denoising
    camera: bool = False  # with temporal denoising: what is remembered follows a camera that moves
    noise_map: bool = False  # with temporal denoising: the network sees how much noise is left, and where
    grain: bool = False  # with temporal denoising: it sees how coarse the noise is
    scene: bool = False  # the tone head also sees the pooled features at 1/16
    fade: bool = False  # the frame itself is faded out where what is made in its place is better: under strong noise
    adr_m: int = 4  # rank of ADR's correction; 0: no ADR
    adr_d: int = 8  # dimension of its embeddings


class Network(nn.Module):
    """Planes to planes: y (B, 1, H, W) in [0, 1], u and v (B, 1, H/2, W/2) in [-0.5, 0.5]; H and W multiples of 16."""

    def __init__(self, size: NetworkSize | None = None) -> None:
        super().__init__()
        self.size = s = size or NetworkSize()
        for name in ("noise_map", "camera", "grain"):
            if getattr(s, name) and not s.history:
                raise ValueError(f"{name} is true and history is false; it is about what history leaves: set both")
        adr = partial(ADR, m=s.adr_m, d=s.adr_d) if s.adr_m else None
        self.history = History(camera=s.camera, grain=s.grain) if s.history else None
        self.stem = nn.Conv2d(CHANNELS if s.history else 24, s.fine, 3, padding=1, padding_mode=BEYOND)
        self.noise = Exact(1 + s.noise_map, s.fine)  # from the exposure gain, and measured: how noisy the picture is
        self.left = nn.Conv2d(1, s.fine, 1, bias=False) if s.noise_map else None  # how much of that, and where
        self.down = nn.Conv2d(s.fine, s.coarse, 2, stride=2)
        self.encoder = nn.ModuleList(Block(s.coarse, beyond=BEYOND) for _ in range(s.encoder))
        same = s.deep == s.coarse
        self.sink: nn.Module = nn.Identity() if same else nn.Conv2d(s.coarse, s.deep, 1)
        self.middle = nn.ModuleList(Block(s.deep) for _ in range(s.middle))
        self.rise: nn.Module = nn.Identity() if same else nn.Conv2d(s.deep, s.coarse, 1)
        self.decoder = nn.ModuleList(Block(s.coarse, adr=adr) for _ in range(s.decoder))
        self.up = nn.Conv2d(s.coarse, 4 * s.fine, 1)
        self.detail = nn.Sequential(*(Detail(s.fine) for _ in range(s.details)))
        beyond = BEYOND if s.head > 1 else "zeros"
        self.head = nn.Conv2d(s.fine, 24 + 2 * s.fade, s.head, padding=s.head // 2, padding_mode=beyond)
        self.tone = nn.Sequential(Exact(s.coarse + 3 + (s.deep if s.scene else 0), s.tone), nn.ReLU(), Exact(s.tone, 4))
        self.light = nn.Conv2d(s.coarse, 2, 1)
        for last in (self.head, self.tone[-1], self.light):
            assert isinstance(last, nn.Conv2d | nn.Linear)
            nn.init.normal_(last.weight, std=1e-3)
            nn.init.zeros_(last.bias) if last.bias is not None else None
        nn.init.zeros_(self.left.weight) if self.left is not None else None

    def forward(self, y: Tensor, u: Tensor, v: Tensor, memory: Memory) -> tuple[Tensor, Tensor, Tensor]:
        """Enhanced y in [0, 1], u and v of the same shapes; these may leave their range a little, the caller clamps."""
        source = luma = F.pixel_unshuffle(y, 4)  # (B, 16, H/4, W/4)
        chroma = torch.cat([F.pixel_unshuffle(u, 2), F.pixel_unshuffle(v, 2)], dim=1)  # (B, 8, H/4, W/4)

        # Exposure.
        patch = luma.mean(dim=1, keepdim=True).clamp(0, 1)  # (B, 1, H/4, W/4)
        written = Overlay(luma, chroma, patch)
        exposure = Exposure.of(written.patch, memory)
        gain, share = exposure.gain, exposure.share
        size = chroma.abs().amax(dim=1, keepdim=True)  # (B, 1, H/4, W/4)
        times = torch.minimum(colour_gain(patch, gain), MOST_COLOUR / size.clamp(min=LEAST_COLOUR))
        exposed = torch.cat([curve(luma, gain), times * chroma], dim=1)
        known, more = exposure.log_gain, list[Tensor]()
        if self.history is not None:
            exposed, noise, sure = self.history(exposed, exposure, memory)
            known, more = torch.cat([known, noise], dim=1) if self.size.noise_map else known, [sure]

        # Residual.
        luma, chroma = exposed.split([16, 8], dim=1)
        fine = self.stem(torch.cat([*written.taken_off(luma, chroma, gain), *more], dim=1))  # (B, f, H/4, W/4)
        fine, sure = fine + self.noise(known)[:, :, None, None], None
        if self.left is not None:
            left = 1 - more[0]  # (B, 1, H/4, W/4) share of the noise's variance; 1 on a single picture
            fine = fine + self.left(left.clamp(LEAST_LEFT, 1.0).log())
            sure = F.avg_pool2d(more[0], 2)  # (B, 1, H/8, W/8)
        coarse = self.down(fine)  # (B, c, H/8, W/8)
        for block in self.encoder:
            coarse = block(coarse, memory, sure)
        deep = self.sink(F.avg_pool2d(coarse, 2))  # (B, d, H/16, W/16)
        for block in self.middle:
            deep = block(deep, memory)
        coarse = coarse + F.interpolate(self.rise(deep), scale_factor=2.0, mode="nearest")
        for block in self.decoder:
            coarse = block(coarse, memory)
        fine = fine + F.pixel_shuffle(self.up(coarse), 2)  # (B, f, H/4, W/4)
        made = self.head(self.detail(fine))  # (B, 24, H/4, W/4), and 2 that say how much of the frame goes
        scene = [memory(pool(coarse)), exposure.log_gain, exposure.seen[:, :2]]
        scene += [memory(pool(deep))] if self.size.scene else []
        whole = self.tone(torch.cat(scene, dim=1))[:, :, None, None]  # (B, 4, 1, 1)
        lights = Lights.of(patch, size, exposure, whole[:, :1])
        coloured = between(pool(written.tinge), COLOURED)[:, :, None, None]
        light, colour, *gone = made.split([16, 8, 2] if self.size.fade else [16, 8], dim=1)
        effect, tinted = share * (1 - lights.lit), share * (1 - lights.vivid)  # on luma, on chroma
        light, colour = effect * light, (1 - written.strokes) * tinted * coloured * colour
        if self.size.fade:
            # of luma, of chroma. A clamp may be learned away for good, so what learns with a noise map has none.
            both = torch.cat([effect, tinted], dim=1)  # (B, 2, H/4, W/4)
            gone = both * (6 * gone[0] - 3).sigmoid() if self.size.noise_map else (both * gone[0]).clamp(0, 1)
            luma, chroma = (1 - gone[:, :1]) * luma, (1 - (1 - written.strokes) * gone[:, 1:]) * chroma
        luma, chroma = luma + light, chroma + colour

        # Tone.
        local = F.interpolate(self.light(coarse), scale_factor=2.0, mode="bilinear")  # (B, 2, H/4, W/4)
        lift = share * (whole[:, :2] + (1 - lights.lit) * local).clamp(-2.5, 2.5)  # (B, 2, H/4, W/4)
        light, colour = lift.split(1, dim=1)
        colour = (1 - lights.vivid) * colour.exp() + lights.vivid * lights.colour(curve(patch, gain), light, patch)
        tint = share * whole[:, 2:].repeat_interleave(4, dim=1)  # (B, 8, 1, 1) shift of u and of v
        luma = lights.luma(luma.clamp(0, 1), light, source)
        chroma = chroma * colour + 0.1 * coloured * tint
        luma, chroma = written.kept(luma, chroma)
        return F.pixel_shuffle(luma, 4), F.pixel_shuffle(chroma[:, :4], 2), F.pixel_shuffle(chroma[:, 4:], 2)

    def state_size(self) -> int:
        """Length S of the state vector."""
        memory = Memory()
        side = SHRINK
        with torch.no_grad():
            planes = (torch.zeros(1, 1, side, side), *torch.zeros(2, 1, 1, side // 2, side // 2))
            training = self.training
            self.eval()(*planes, memory)
            self.train(training)
        return memory.used
