"""How the camera moved since the frame before: one shift, zoom and turn of the whole picture. No weights.

A hand that holds a camera moves all of the picture, and what is remembered has to move with it. Coarse to fine, each
pass asks which small motion explains the difference between the frame and what is remembered, moved as found so far
(Lucas and Kanade, IJCAI 1981; Bouguet's pyramid). What moves by itself is an outlier and counts for little; sensors'
row noise is an offset of each row and counts for nothing. Only a motion that explains something in most of the picture
is one of the camera: a fixed camera's picture is not resampled, and somebody who walks through it is left to the gate
of `history`.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

PASSES = (2, 1, 1)  # at 1/8, 1/16 and 1/32 of the frame's size; the coarsest comes first
FARTHEST = 2.0  # pixels of a level, in one pass
DOUBLINGS = 2  # of the steps of the solver
FLAT = 1e-7  # squared luma; slopes that are less tell nothing
SPREAD = 1.0  # deviations; larger differences count for little
BY_CHANCE = 12.0  # over the number of pixels: four numbers explain something of any difference
TILE = 6  # pixels of the finest level
EXPLAINED = (0.03, 0.07)  # share of the difference; between these a motion begins to count


class Camera:
    """A motion (B, 4): to the right and down, zoom and turn, in half widths of the picture.

    The picture's point at (u, v), from -1 to 1 across and as much to scale down, was seen at (u, v) plus
    (right + zoom u - turn v, down + zoom v + turn u) in the frame before.
    """

    def __init__(self, motion: Tensor) -> None:
        self.motion = motion

    @classmethod
    def between(cls, now: Tensor, before: Tensor) -> "Camera":
        """From luma (B, 1, H, W) of two frames, H and W multiples of 4, at a quarter of the frame's size."""
        levels = [(_soft(F.avg_pool2d(now, 2)), _soft(F.avg_pool2d(before, 2)))]
        for _ in PASSES[1:]:
            size = [(side + 1) // 2 for side in levels[-1][0].shape[2:]]
            levels.append(tuple(_soft(F.interpolate(x, size=size, mode="bilinear")) for x in levels[-1]))  # type: ignore[arg-type]
        camera = cls(now.new_zeros(now.shape[0], 4))
        for (a, b), passes in zip(reversed(levels), reversed(PASSES), strict=True):
            for _ in range(passes):
                camera = camera._nearer(a, b)
        a, b = levels[0]
        least, enough = (share + BY_CHANCE / (a.shape[2] * a.shape[3]) for share in EXPLAINED)
        still, moved = (_tiles(a - x) for x in (b, camera.look(b)))
        counts = (((still - moved) / (still + moved)).mean(dim=2) - least) / (enough - least)
        return cls(counts.clamp(0, 1) * camera.motion)

    def look(self, x: Tensor, *, beyond: str = "border") -> Tensor:
        """What was seen before, (B, C, H, W), as the camera sees it now; `beyond` the edge, as `grid_sample`."""
        return F.grid_sample(x, self._grid(x), mode="bilinear", padding_mode=beyond, align_corners=False)

    def _grid(self, x: Tensor) -> Tensor:
        """Where each pixel was, (B, H, W, 2) in [-1, 1]."""
        u, v, shape = _places(x)
        right, down, zoom, turn = self.motion[:, :, None, None].unbind(dim=1)  # (B, 1, 1) each
        column = torch.stack([right + (1 + zoom) * u, (turn * u + down) / shape], dim=3).flatten(2)  # (B, 1, 2 W)
        row = torch.stack([-turn, (1 + zoom) / shape], dim=3).expand(-1, 1, x.shape[3], 2).flatten(2)  # (B, 1, 2 W)
        return torch.addcmul(column, row, v).view(-1, *x.shape[2:], 2)

    def _nearer(self, a: Tensor, b: Tensor) -> "Camera":
        """One pass at one level, (B, 1, H, W) each."""
        u, v, _ = _places(a)
        b = self.look(b)
        change = a - b
        across, down = _slopes((a + b) / 2)
        slopes = torch.cat([across, down, across * u + down * v, down * u - across * v], dim=1)  # (B, 4, H, W)
        slopes, change = slopes - slopes.mean(dim=3, keepdim=True), change - change.mean(dim=3, keepdim=True)
        spread = SPREAD * change.square().mean(dim=(2, 3), keepdim=True).sqrt() + 1e-4
        weighed = (slopes / (1 + (change / spread).square())).flatten(2)  # (B, 4, N)
        size = a.shape[2] * a.shape[3]
        square = (weighed @ slopes.flatten(2).transpose(1, 2)) / size  # (B, 4, 4)
        side = (weighed @ change.flatten(2).transpose(1, 2)) / size  # (B, 4, 1)
        pixel = 2 / a.shape[3]  # in half widths
        step = pixel * _solve(square, side).clamp(-FARTHEST, FARTHEST)
        return Camera(self.motion + step)


def _solve(square: Tensor, side: Tensor) -> Tensor:
    """x of `square` x = `side`, (B, N, N) and (B, N, 1) to (B, N), by damped Jacobi steps: what is unsure is small."""
    scale = 1 / (torch.diagonal(square, dim1=1, dim2=2)[:, :, None] + FLAT)  # (B, N, 1)
    square, side = scale * square, scale * side
    damping = 1 / square.abs().sum(dim=2, keepdim=True).amax(dim=1, keepdim=True).clamp(min=1)
    left = torch.eye(square.shape[1], dtype=square.dtype, device=square.device) - damping * square
    x = damping * side  # one step; then as many again as were taken, and so on
    for _ in range(DOUBLINGS):
        x, left = x + left @ x, left @ left
    return x[:, :, 0]


def _places(x: Tensor) -> tuple[Tensor, Tensor, float]:
    """u (1, 1, W) and v (1, H, 1) of the middles of pixels, v to u's scale, and the height in widths."""
    height, width = x.shape[2:]
    shape = height / width
    u = (torch.arange(width, device=x.device, dtype=x.dtype) + 0.5) * (2 / width) - 1
    v = ((torch.arange(height, device=x.device, dtype=x.dtype) + 0.5) * (2 / height) - 1) * shape
    return u[None, None], v[None, :, None], shape


def _soft(x: Tensor) -> Tensor:
    """A little blurred, so that a smaller copy of it does not alias. No convolution: runtimes round those."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Of (B, 1, H, W) across and down, per pixel."""
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return (x[:, :, 1:-1, 2:] - x[:, :, 1:-1, :-2]) / 2, (x[:, :, 2:, 1:-1] - x[:, :, :-2, 1:-1]) / 2


def _tiles(change: Tensor) -> Tensor:
    """Of a difference (B, 1, H, W): mean square less each row's mean, of tiles, (B, 1, N)."""
    change = change - change.mean(dim=3, keepdim=True)
    return F.avg_pool2d(change.square(), TILE, ceil_mode=True, count_include_pad=False).flatten(2) + 1e-8
