"""Losses on planes. Inputs are (B, 1, H, W) in [0, 1] (luma) or [-0.5, 0.5] (chroma); all return a scalar."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from training.recipe import SSIM_WINDOW, Losses

Planes = Sequence[Tensor]  # y, u, v
NEAR_WHITE = 0.985  # what is brighter is soon lost
SMOOTH = 1e-3  # of the range: a difference far below it counts by its square
CELL = 32  # pixels; the side of the squares whose brightness must not wander


def charbonnier(a: Tensor, b: Tensor) -> Tensor:
    """A smooth absolute difference."""
    return torch.sqrt((a - b).square() + SMOOTH * SMOOTH).mean()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Mean structural similarity (Wang et al., 2004) of luma, 11x11 Gaussian window with sigma 1.5, range 1.

    In float32 also under autocast: a variance is a small difference of large numbers.
    """
    with torch.autocast(a.device.type, enabled=False):
        return _ssim(a, b)


def _ssim(a: Tensor, b: Tensor) -> Tensor:
    at = torch.arange(SSIM_WINDOW, dtype=a.dtype, device=a.device) - SSIM_WINDOW // 2
    window = torch.exp(-at.square() / (2 * 1.5**2))
    window = window / window.sum()
    stack = torch.cat([a, b, a * a, b * b, a * b], dim=1)  # (B, 5, H, W)
    stack = F.conv2d(stack, window.view(1, 1, -1, 1).expand(5, 1, -1, 1), groups=5)
    stack = F.conv2d(stack, window.view(1, 1, 1, -1).expand(5, 1, 1, -1), groups=5)
    mean_a, mean_b, aa, bb, ab = stack.split(1, dim=1)
    var_a, var_b, cov = aa - mean_a.square(), bb - mean_b.square(), ab - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
    return (top / ((mean_a.square() + mean_b.square() + c1) * (var_a + var_b + c2))).mean()


def multi_scale_ssim(a: Tensor, b: Tensor, scales: int) -> Tensor:
    """Mean of SSIM at this size, half of it, a quarter of it, ...: coarse structure counts as much as fine."""
    result = ssim(a, b)
    for _ in range(scales - 1):
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        result = result + ssim(a, b)
    return result / scales


def edge(a: Tensor, b: Tensor) -> Tensor:
    """Charbonnier of the differences between neighbouring pixels: fine texture, whatever the brightness."""
    down = charbonnier(a[:, :, 1:] - a[:, :, :-1], b[:, :, 1:] - b[:, :, :-1])
    return down + charbonnier(a[..., 1:] - a[..., :-1], b[..., 1:] - b[..., :-1])


def unsure(out: Planes, target: Planes, sure: Tensor) -> Tensor:
    """Mean absolute difference, chroma weighed as in `total`, where little is remembered: `sure` (B, 1, H/4, W/4).

    A mean over those places alone, however small: what moves is a small part of most clips, and is looked at.
    """
    y, u, v = ((a - b).abs() for a, b in zip(out, target, strict=True))
    error = F.avg_pool2d(y, 4) + 0.5 * F.avg_pool2d(u + v, 2)
    return ((1 - sure) * error).sum() / (1 - sure).sum().clamp(min=1)


def wandering(errors: Sequence[Tensor]) -> Tensor:
    """How far a clip's brightness errs otherwise from frame to frame: mean absolute deviation from its mean over time.

    `errors` are the frames' (B, 1, H, W) of luma. Means of CELL x CELL pixels count, so noise does not, nor does a
    constant error. Evaluation calls it flicker.
    """
    cells = torch.stack([F.avg_pool2d(error, min(CELL, *error.shape[2:])) for error in errors])  # (T, B, 1, h, w)
    return (cells - cells.mean(dim=0)).abs().mean()


def clipped(out: Planes, target: Planes) -> Tensor:
    """How far the brightest of R, G and B goes beyond the target's and into the last levels, at chroma's size."""
    return torch.relu(_brightest(out) - _brightest(target).clamp(min=NEAR_WHITE)).mean()


def _brightest(planes: Planes) -> Tensor:
    y, (u, v) = F.avg_pool2d(planes[0], 2), planes[1:]
    return torch.stack([y + 1.402 * v, y - 0.344 * u - 0.714 * v, y + 1.772 * u]).amax(dim=0)  # BT.601


def total(out: Planes, target: Planes, weights: Losses) -> Tensor:
    """What a recipe minimises. Chroma weighs about what it weighs in RGB error, by the BT.601 matrix."""
    loss = charbonnier(out[0], target[0])
    loss = loss + weights.chroma * 0.5 * (charbonnier(out[1], target[1]) + charbonnier(out[2], target[2]))
    if weights.ssim:
        loss = loss + weights.ssim * (1 - multi_scale_ssim(out[0], target[0], weights.scales))
    if weights.edge:
        loss = loss + weights.edge * edge(out[0], target[0])
    if weights.clipped:
        loss = loss + weights.clipped * clipped(out, target)
    return loss
