"""Temporal denoising: what stands still is averaged over time, what moves is taken from this frame alone.

    h_t = x_t - w (x_t - h_(t-1)),   w = trust / (1 + r_(t-1)),   r_t = (1 - w)^2 + w^2 r_(t-1)

x_t is the exposed frame at a quarter of its size, h the history that later frames see. r is the share of the noise's
variance that is left in h: 1 in a new place, then 1/2, 1/3, ... where it is trusted, the running mean of what stands
still (Kalman's gain for a constant). A model may move h as the camera has moved, see `camera`.

Trust in [0, 1] comes from a small network that compares x and h in units of the frame's own noise: noise is a
difference without a mean, motion is one with a mean. It also sees how many codes of the source that mean is: a codec
that took the noise away leaves whole blocks that jump by a code or two. And it sees how much of the difference is a
slide by part of a pixel, which noise is not, so that a slow pan is not blurred. A model may also see the grain of the
noise: how much more of it there is at twice the size. Noise of a coarse grain differs in whole blocks, as motion does,
and a larger difference may be noise then; what moves is told by a difference over 24x24 pixels that is unusual in the
picture. A difference that noise does not explain closes the gate in that very frame, so that nothing trails; a large
one, of luma or of colour alone, does so whatever was learned, also of a few pixels, as a digit of a clock has. The
network after this sees 1 - r and, where it has a noise map, how much noise is left in each place, as FFDNet does (Zhang
et al., IEEE TIP 2018): it smooths less where there is less.

Recursive filtering with such a gate is the classic of motion-adaptive denoisers (Dubois and Sabri, "Noise Reduction in
Image Sequences Using Motion-Compensated Temporal Filtering", 1984); the gate is trained here. The noise is measured on
diagonal details, as in Immerkaer, "Fast Noise Variance Estimation", 1996.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from streamllie.models.camera import Camera
from streamllie.models.exposure import Exposure
from streamllie.models.level import between
from streamllie.models.memory import Memory, pool

WIDTH = 16  # of the gate
CHANNELS = 25  # of the history: 16 of luma, 8 of chroma, 1 - r
MOST_KEPT = 0.9  # of the history, in one frame
LEAST_NOISE = 0.003  # of luma in [0, 1]: rounding to 8 bits
MANY = 8.0  # times the noise; a larger difference says no more
LITTLE = 1e-6  # of squared luma
TELLING = 4.0  # times a share of the difference, which is 0.1 by chance and 0.5 of a motion: as large as the rest
TEXTURE = 0.5  # logarithm of how much more a picture has at twice the size; of coarse noise there is 1 more
COARSE = (TEXTURE, TEXTURE + 0.25)  # of that logarithm: between these, noise becomes coarse
UNUSUAL = (4.0, 7.0)  # times the picture's usual difference over 24x24 pixels, which is half of noise's deviation
LEAST_USUAL = 1e-3  # of luma: what a codec leaves is no motion
APART = (4.0, 7.0)  # times the noise: between these, means of 4x4 pixels become too different to be one place
ALONE = (4.5, 7.0)  # times the picture's usual one: between these, a single mean does, as of a stroke
BESIDE = 0.6  # of it, at least, counts beside one: where a stroke ends
CODES = (3.0, 6.0)  # of the source, below which it does not: a codec moves whole blocks by one or two


class History(nn.Module):
    """Blend a frame with what is remembered of it."""

    diagonal: Tensor

    def __init__(self, *, camera: bool = False, grain: bool = False) -> None:
        super().__init__()
        self.camera = camera  # follow one that moves
        self.grain = grain  # see how coarse the noise is
        self.compare = nn.Conv2d(12 + grain, WIDTH, 3, padding=1)
        self.weigh = nn.Conv2d(WIDTH, 1, 3, padding=1)
        nn.init.constant_(self.weigh.bias, 1.0) if self.weigh.bias is not None else None
        self.register_buffer("diagonal", _diagonal()[: 4 + grain], persistent=False)

    def forward(self, x: Tensor, exposure: Exposure, memory: Memory) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 24, H, W), H and W multiples of 4, to the same shape, with noise and 1 - r.

        The former is the logarithm of the frame's noise, (B, 1), the latter (B, 1, H, W) in [0, 1].
        """
        diagonals = F.conv2d(x[:, :16], self.diagonal).abs()
        rough = diagonals[:, :4].mean(dim=1, keepdim=True)  # (B, 1, H, W)
        noise = memory(pool((rough + LEAST_NOISE).log()))  # (B, 1)
        grain = memory(pool((diagonals[:, 4:] + LEAST_NOISE).log())) - noise if self.grain else None
        sure = torch.zeros_like(rough)
        if memory.history is not None and memory.keep is not None:
            history = _as_seen_now(memory.history, x) if self.camera else memory.history
            before, sure = history.split([24, 1], dim=1)
            difference = x - before
            trust = self._trust(x, difference, rough, sure, noise, grain, exposure.log_gain)
            remembered = (memory.keep > 0).to(x.dtype).view(-1, 1, 1, 1)
            weight = (trust / (2 - sure)).clamp(max=MOST_KEPT) * (remembered * exposure.share)
            x = x - weight * difference
            sure = 1 - (1 - weight).square() - weight.square() * (1 - sure)
        memory.next_history = torch.cat([x, sure], dim=1)
        return x, noise, sure

    def _trust(  # noqa: PLR0917 - all that is known of a place
        self,
        x: Tensor,
        difference: Tensor,
        rough: Tensor,
        sure: Tensor,
        noise: Tensor,
        grain: Tensor | None,
        log_gain: Tensor,
    ) -> Tensor:
        """How far each place is the one that is remembered: (B, 1, H, W) in [0, 1], decided on 8x8 pixels.

        What stands out on 4x4 pixels, far from usual and by more than some codes of the source, is another place.
        """
        unit = (-noise).exp()[:, :, None, None]
        luma, chroma = difference.split([16, 8], dim=1)
        mean = luma.mean(dim=1, keepdim=True)  # (B, 1, H, W)
        u, v = (part.mean(dim=1, keepdim=True).abs() for part in chroma.split(4, dim=1))
        sizes = [mean, mean.abs(), luma.abs().mean(dim=1, keepdim=True), chroma.abs().mean(dim=1, keepdim=True), rough]
        apart = torch.maximum(mean.abs(), torch.maximum(u, v))
        if grain is not None:
            apart = apart * (-(grain - TEXTURE).clamp(min=0)).exp()[:, :, None, None]
        sizes = (torch.cat([*sizes, apart], dim=1) * unit).clamp(-MANY, MANY)
        sizes, apart_8x8 = F.avg_pool2d(sizes, 2).split([5, 1], dim=1)  # (B, 5, H/2, W/2) and (B, 1, H/2, W/2)
        level = F.avg_pool2d(torch.cat([x[:, :16].mean(dim=1, keepdim=True), sure], dim=1), 2)
        gain = log_gain.exp()[:, :, None, None]
        step = (gain - (gain - 1) * level[:, :1].clamp(0, 1)).square() / (255 * gain)  # of x, for a code of the source
        codes = (F.avg_pool2d(torch.minimum(mean.abs(), MANY / unit), 2) / step).clamp(max=MANY)
        slid = self._slid(x[:, :16], luma, unit)
        seen = [sizes, level, noise[:, :, None, None].expand_as(codes), codes, slid]
        seen = torch.cat(seen if grain is None else [*seen, grain[:, :, None, None].expand_as(codes)], dim=1)
        trust = self.weigh(torch.relu(self.compare(seen))).sigmoid()  # (B, 1, H/2, W/2)
        trust = trust * (1 - between(apart_8x8, APART))  # whatever was learned: colour alone may move
        alone, of_source = _unusual(apart), apart / F.interpolate(step, scale_factor=2.0)
        alone = torch.maximum(alone, BESIDE * F.max_pool2d(alone, 3, stride=1, padding=1))
        other = torch.minimum(between(alone, ALONE), between(of_source, CODES))  # (B, 1, H, W)
        if grain is not None:
            coarse = between(grain, COARSE)[:, :, None, None]
            wide = F.avg_pool2d(F.avg_pool2d(mean, 2), 3, stride=1, padding=1, count_include_pad=False).abs()
            trust = trust * (1 - coarse * between(_unusual(wide), UNUSUAL))
        return F.interpolate(trust, scale_factor=2.0, mode="bilinear") * (1 - other)

    def _slid(self, x: Tensor, difference: Tensor, unit: Tensor) -> Tensor:
        """How much of a difference of luma is the picture slid by part of a pixel, or blurred: (B, 3, H/2, W/2).

        A small motion changes each 2x2 pixels in proportion to their slope, and noise does not. Over 48x48 pixels, of
        which every fourth 4x4 is looked at: the part of the difference that goes with the slope, in units of the noise;
        as a share of all; and how far the finest detail of the difference is that of what is remembered, -1 to 1,
        which is softer then.
        """
        now, change = (_detail(F.interpolate(part, scale_factor=0.5)) for part in (x, difference))  # (B, 16, H/2, W/2)
        mean, finest = change[:, :4], change[:, 12:]
        slopes = now[:, 4:12] - change[:, 4:12] / 2  # the mean of both, in which noise has no part
        fine = now[:, 12:] - finest  # of what is remembered
        products = torch.cat([slopes, mean, fine, finest, slopes, fine], dim=1)
        products = products * torch.cat([slopes, mean, fine, finest, mean, mean, finest], dim=1)
        sums = products.unflatten(1, (8, 4)).mean(dim=2)
        sums = F.avg_pool2d(F.avg_pool2d(sums, 2), 3, stride=1, padding=1, count_include_pad=False)
        steep, power, ours, its, along, alike = sums.split([2, 1, 1, 1, 2, 1], dim=1)
        slid = (along.square() / (steep + LITTLE)).sum(dim=1, keepdim=True)
        softer = alike / ((ours + LITTLE) * (its + LITTLE)).sqrt()
        share = (slid / (power + LITTLE)).sqrt()
        seen = torch.cat([slid.sqrt() * unit, TELLING * share, TELLING * softer], dim=1).clamp(max=MANY)
        return F.interpolate(seen, scale_factor=2.0, mode="nearest")


def _unusual(difference: Tensor) -> Tensor:
    """How large each is, in the usual one of the picture."""
    difference = difference + LEAST_USUAL
    return difference * (-pool(difference.log())).exp()[:, :, None, None]


def _as_seen_now(history: Tensor, x: Tensor) -> Tensor:
    """What is remembered, (B, 25, H, W), moved as the camera has moved since."""
    luma, chroma, sure = history.split([16, 8, 1], dim=1)
    with torch.no_grad():
        camera = Camera.between(x[:, :16].mean(dim=1, keepdim=True), luma.mean(dim=1, keepdim=True))
    height, width = x.shape[2:]
    y = luma.view(-1, 4, 4, height, width).permute(0, 3, 1, 4, 2).reshape(-1, 1, 4 * height, 4 * width)
    y = camera.look(y)
    uv = camera.look(torch.cat([F.pixel_shuffle(part, 2) for part in chroma.split(4, dim=1)], dim=1))
    planes = [F.pixel_unshuffle(y, 4), *(F.pixel_unshuffle(plane, 2) for plane in uv.split(1, dim=1))]
    return torch.cat([*planes, camera.look(sure, beyond="zeros")], dim=1)


def _diagonal() -> Tensor:
    """Kernel (5, 16, 1, 1): the diagonal detail of each 2x2 of 4x4 unshuffled pixels, and that of their means.

    Each has the deviation of white noise itself.
    """
    kernel = torch.zeros(5, 16)
    for n in range(4):
        top, left = 2 * (n // 2), 2 * (n % 2)
        for row, column, sign in ((0, 0, 1), (0, 1, -1), (1, 0, -1), (1, 1, 1)):
            kernel[n, 4 * (top + row) + left + column] = sign / 2
    row, column = torch.arange(16) // 8, torch.arange(16) % 4 // 2
    kernel[4] = (1 - 2 * row) * (1 - 2 * column) / 4
    return kernel[:, :, None, None]


def _detail(x: Tensor) -> Tensor:
    """Of each 2x2 of 4x4 unshuffled pixels the mean, the slopes across and down, the diagonal: four each, in order.

    Each has the deviation of white noise itself (Haar's wavelet). (B, 16, H, W) to the same; no convolution, which
    runtimes round.
    """
    top, bottom = x.view(-1, 2, 2, 2, 2, *x.shape[2:]).unbind(dim=2)  # (B, 2, 2, 2, H, W)
    (left, right), (up, down) = (part.unbind(dim=3) for part in (top + bottom, bottom - top))
    return torch.cat([part.flatten(1, 2) / 2 for part in (left + right, right - left, up + down, down - up)], dim=1)
